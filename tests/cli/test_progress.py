import io
import sys

import pytest
from quartermaster.cli.progress import ProgressLine, describe, duration, size
from quartermaster.extension.inventory.progress import Progress


def progress(current: dict[str, tuple[int, int]] | None = None, **values: float | None) -> Progress:
    fields: dict[str, float | None] = {
        "files_done": 1, "files_total": 4, "bytes_done": 500_000_000, "bytes_total": 2_000_000_000, "rate": 150e6,
        "eta_seconds": 10.0, "seconds": 3.0,
    }  # fmt: skip
    return Progress(**{**fields, **values}, current=current or {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_960, "1.0 MB"), (2.5e12, "2.5 TB"),
     (5e15, "5000.0 TB")],
)  # fmt: skip
def test_sizes_have_a_fitting_unit(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")],
)
def test_time_spans_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_progress_tells_files_bytes_rate_and_time_left() -> None:
    assert describe(progress()) == "hashing: 1 of 4 files, 500.0 MB of 2.0 GB, 150.0 MB/s, 10 s left"
    assert describe(progress(eta_seconds=None)).endswith("150.0 MB/s")
    reading = {"/m/small.ckpt": (1, 10), "/m/big.safetensors": (430, 1000)}
    assert describe(progress(reading)).endswith("10 s left; big.safetensors 43 %")


def test_what_is_done_tells_how_long_it_took() -> None:
    done = progress(files_done=4, bytes_done=2_000_000_000, seconds=10.0)
    assert describe(done) == "hashing: 4 of 4 files, 2.0 GB of 2.0 GB, done in 10 s (200.0 MB/s)"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    clock = [1000.0]
    monkeypatch.setattr("quartermaster.cli.progress.time.monotonic", lambda: clock[0])
    return clock


def test_a_terminal_has_one_line_that_renews_itself(monkeypatch: pytest.MonkeyPatch, now: list[float]) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    line = ProgressLine()
    line.show(progress())
    line.show(progress(files_done=2))  # too soon
    now[0] += 0.3
    line.show(progress(files_done=3, eta_seconds=None))
    line.end(progress(files_done=3, eta_seconds=None))
    before, first, second = terminal.getvalue().split("\r")
    assert before == ""
    assert "1 of 4" in first
    assert "3 of 4" in second
    assert len(second.rstrip("\n")) >= len(first), "a shorter line must cover the longer one before it"
    assert second.endswith("\n")


def test_a_line_never_wraps_and_a_files_name_drives_no_terminal(
    monkeypatch: pytest.MonkeyPatch, now: list[float]
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setenv("COLUMNS", "120")
    ProgressLine().show(progress({"/m/" + "\x1b[2J" + "n" * 200: (1, 2)}))
    assert len(terminal.getvalue()) == 120
    assert "\x1b" not in terminal.getvalue()


def test_elsewhere_a_line_is_written_now_and_then(capsys: pytest.CaptureFixture[str], now: list[float]) -> None:
    line = ProgressLine()
    for done in range(5):
        line.show(progress(files_done=done))
        now[0] += 2
    line.end(progress(files_done=4))
    shown = capsys.readouterr()
    assert shown.out == ""
    assert [text.split(" of ")[0] for text in shown.err.splitlines()] == [
        "hashing: 0", "hashing: 3", "hashing: 4"
    ]  # fmt: skip


def test_where_there_is_nothing_to_hash_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    line = ProgressLine()
    line.show(progress(files_done=0, files_total=0))
    line.end(progress(files_done=0, files_total=0))
    assert capsys.readouterr().err == ""
