import pytest
from quartermaster.hub.pages import formats

GIB = 1 << 30


@pytest.mark.parametrize(
    ("size_bytes", "written"),
    [(None, "–"), (0, "0 B"), (999, "999 B"), (1536, "1.5 KiB"), (6.5 * GIB, "6.5 GiB"), (412.3 * GIB, "412 GiB")],
)
def test_a_size_is_written_by_its_unit(size_bytes: float | None, written: str) -> None:
    assert formats.size(size_bytes).replace("\u202f", " ") == written


def test_numbers_are_grouped() -> None:
    assert formats.number(1234567) == "1\u202f234\u202f567"


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(0, 10, 0), (1, 3, 33), (1, 100_000, 1), (99_999, 100_000, 99), (5, 5, 100), (6, 5, 100), (1, 0, 0)],
)
def test_a_share_is_all_or_nothing_only_where_it_is(part: float, whole: float, shown: int) -> None:
    assert formats.percent(part, whole) == shown


@pytest.mark.parametrize(
    ("passed", "written"),
    [(0, "just now"), (-3, "just now"), (42, "42 s ago"), (3700, "1 h ago"), (200_000, "2 d ago"), (-90, "in 1 min")],
)
def test_how_long_ago(passed: float, written: str) -> None:
    assert formats.ago(1000.0, 1000.0 + passed).replace("\u202f", " ") == written


def test_moments_are_utc() -> None:
    assert formats.machine_time(1_800_000_000.9) == "2027-01-15T08:00:00Z"
    assert formats.utc(1_800_000_000.9) == "2027-01-15 08:00 UTC"


def test_what_cannot_be_seen_is_written_out() -> None:
    assert formats.visible("plain ünï \U0001f98a") == "plain ünï \U0001f98a"
    assert formats.visible("a\u202egpj\u2066b\x00\ud800") == "a[U+202E]gpj[U+2066]b[U+0000][U+D800]"


def test_any_name_is_one_segment_of_a_path() -> None:
    assert formats.segment("a b/c?d#é%") == "a%20b%2Fc%3Fd%23%C3%A9%25"
    assert formats.segment("\ud800") == "%ED%A0%80"
