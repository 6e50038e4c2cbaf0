import json
from pathlib import Path

import pytest
from quartermaster.cli.hub_import_stablequeue import SHOWN_FINDINGS
from quartermaster.cli.main import main
from quartermaster.tests.hub.samples import sha
from quartermaster.tests.hub.stablequeue_samples import lora, make_jobs, make_models, make_servers


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    folder = tmp_path / "stablequeue"
    rows = [lora(number, sha(number)) for number in range(1, 4)]
    rows += [lora(number, None) for number in range(100, 130)]
    make_models(folder, rows, aliases=[(1, "a/b.safetensors")], more_columns=("rating REAL",))
    make_servers(folder, [{"alias": "Laptop", "apiUrl": "http://192.168.1.5:7860"}])
    make_jobs(folder, ["pending", "completed"])
    return folder


def run(capsys: pytest.CaptureFixture[str], theirs: Path, data: Path, *more: str) -> str:
    assert main(["hub", "import-stablequeue", str(theirs), "--data", str(data), *more]) == 0
    return capsys.readouterr().out


def test_a_person_reads_what_came_what_was_left_and_why(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, theirs: Path
) -> None:
    text = run(capsys, theirs, tmp_path / "hub")
    assert "models: 30 left, 3 new" in text
    assert "model_aliases: 1 new" in text and "servers.json: 1 new" in text
    assert "jobs: 1 completed, 1 pending; they stay in StableQueue" in text
    assert "API keys: 1 not taken" in text
    assert "models.rating" in text
    assert text.count("it has no SHA-256") == SHOWN_FINDINGS
    assert f"and {30 - SHOWN_FINDINGS} more" in text


def test_the_second_run_says_that_nothing_was_changed(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, theirs: Path
) -> None:
    data = tmp_path / "hub"
    assert "nothing was changed: this was a dry run" in run(capsys, theirs, data, "--dry-run")
    assert "3 new" in run(capsys, theirs, data)
    assert "nothing was changed: all of it is known" in run(capsys, theirs, data)


def test_json_has_every_row_that_was_left(capsys: pytest.CaptureFixture[str], tmp_path: Path, theirs: Path) -> None:
    told = json.loads(run(capsys, theirs, tmp_path / "hub", "--json"))
    assert told["changed"] is True and told["dry_run"] is False
    assert told["counts"]["models"] == {"left": 30, "new": 3}
    assert told["jobs"] == {"completed": 1, "pending": 1}
    assert [each["row"] for each in told["not_taken"]] == [str(number) for number in range(100, 130)]
    assert told["unknown_columns"] == ["models.rating"]


@pytest.mark.parametrize("content", [None, b"", b"a letter"])
def test_what_cannot_be_read_is_wrong_use_with_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "mobilesd_models.sqlite"
    if content is not None:
        path.write_bytes(content)
    assert main(["hub", "import-stablequeue", str(path), "--data", str(tmp_path / "hub")]) == 2
    assert str(path) in capsys.readouterr().err
