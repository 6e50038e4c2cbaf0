import pytest
from quartermaster.hub.agent_report import AgentReport, Disk, JobsReport, Root, read_report

WHOLE = {
    "version": "0.2.0",
    "platform": "Linux",
    "python": "3.11.9",
    "disks": [{"roots": ["models", "embeddings"], "free": 40, "total": 100}],
    "roots": [{"label": "models", "type": None}, {"label": "nas", "type": "LORA", "away": True}],
    "hashing": 12,
    "problems": 0,
    "jobs": {"takes": True, "hours": "22:00-07:00", "now": False, "problem": "the web UI does not answer"},
}


def test_a_whole_description_is_read() -> None:
    read = read_report(WHOLE)
    assert read == AgentReport(
        "0.2.0",
        "Linux",
        "3.11.9",
        (Disk(("models", "embeddings"), 40, 100),),
        (Root("models", None, False), Root("nas", "LORA", True)),
        12,
        0,
        JobsReport(True, "22:00-07:00", False, "the web UI does not answer"),
    )
    assert read.disks[0].used_bytes == 60


def test_an_earlier_agent_says_less() -> None:
    read = read_report({"version": "0.1.0", "platform": "Linux", "python": "3.10"})
    assert (read.version, read.disks, read.hashing, read.problems, read.jobs) == ("0.1.0", (), None, None, None)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        "text",
        {"version": 3, "disks": {}, "roots": "models", "hashing": "many", "problems": -1},
        {"version": "  ", "disks": [None, 1, {"free": 5}, {"free": 9, "total": 3}, {"free": 0, "total": 0}]},
        {"disks": [{"free": True, "total": 5}, {"free": 1.5, "total": 5}], "hashing": True, "problems": 1 << 80},
        {"roots": [None, {"label": 5}, {"type": "LORA"}]},
        {"jobs": {"takes": "yes", "hours": 7, "now": True}},
    ],
)
def test_what_is_odd_is_left_out(odd: object) -> None:
    assert read_report(odd) == AgentReport()


def test_no_description_makes_a_page_long() -> None:
    told = {"version": "v" * 9999, "disks": [{"roots": ["r"] * 999, "free": 1, "total": 2}] * 999}
    read = read_report(told)
    assert len(read.version or "") == 200 and len(read.disks) == 50 and len(read.disks[0].roots) == 50
