"""The speed table itself: what it prints, and the exit code. Figures are made up: no test depends on speed."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from quartermaster.bench.__main__ import BENCHES, main
from quartermaster.bench.row import NotMeasurableError, Row, at_least, at_most


def good() -> Sequence[Row]:
    return [at_least("hashing", 1.2, 0.95, "openssl"), at_most("a heartbeat", 1024, 1024, "1 KiB", "bytes")]


def slow() -> Sequence[Row]:
    return [at_most("a rescan", 1.51, 1.5, "a bare loop"), at_most("a verdict", 1.4, 3, "a look-up")]


def unmeasurable() -> Sequence[Row]:
    raise NotMeasurableError("Install openssl and try again.")


def test_the_table_names_value_bound_and_yardstick_of_each_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {"good": good}) == 0
    heading, hashing, heartbeat = capsys.readouterr().out.splitlines()
    assert heading.split() == ["value", "bound", "against"]
    assert hashing.split() == ["hashing", "1.20", "at", "least", "0.95", "openssl"]
    assert "1,024 bytes" in heartbeat and "at most 1,024 bytes" in heartbeat


def test_a_value_on_the_wrong_side_of_its_bound_is_marked_and_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {"slow": slow, "good": good}) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.endswith("MISSED") for line in lines] == [False, True, False, False, False]


@pytest.mark.parametrize(("value", "met"), [(0.94, False), (0.95, True), (0.96, True)])
def test_at_least_takes_the_bound_itself(value: float, met: bool) -> None:
    assert at_least("x", value, 0.95, "y").met is met


@pytest.mark.parametrize(("value", "met"), [(1.49, True), (1.5, True), (1.51, False)])
def test_at_most_takes_the_bound_itself(value: float, met: bool) -> None:
    assert at_most("x", value, 1.5, "y").met is met


def test_a_value_that_is_no_number_is_a_miss() -> None:
    assert not at_most("x", float("nan"), 1.5, "y").met


def test_json_is_one_ascii_object_a_row_with_all_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"], {"slow": slow}) == 1
    out = capsys.readouterr().out
    assert out.isascii()
    rescan, verdict = map(json.loads, out.splitlines())
    assert rescan == {
        "bench": "slow", "name": "a rescan", "value": 1.51, "sense": "at_most", "bound": 1.5,
        "yardstick": "a bare loop", "unit": "", "met": False,
    }  # fmt: skip
    assert verdict["met"]


def test_only_what_is_named_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["good", "good"], {"good": good, "slow": slow}) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_an_unknown_name_exits_2_and_lists_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["good", "nonsense"], {"good": good, "slow": slow})
    assert ended.value.code == 2
    said = capsys.readouterr()
    assert "nonsense" in said.err and "good, slow" in said.err and not said.out


def test_a_missing_yardstick_fails_and_the_others_still_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([], {"none": unmeasurable, "good": good}) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "none: NOT MEASURED. Install openssl and try again."
    assert len(lines) == 4


def test_a_missing_yardstick_is_a_line_of_json_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json"], {"none": unmeasurable}) == 1
    assert json.loads(capsys.readouterr().out) == {
        "bench": "none", "error": "Install openssl and try again.", "met": False
    }  # fmt: skip


def test_the_page_about_the_benches_names_them_all() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert [name for name in BENCHES if f"`{name}`" not in page] == []
