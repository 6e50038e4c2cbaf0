from datetime import datetime, timedelta

import pytest
from quartermaster.extension.jobs.hours import ALWAYS, HoursError, read_hours

MONDAY = datetime.fromisoformat("2026-11-16")


def at(day: int, clock: str) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


@pytest.mark.parametrize(
    ("text", "open_at", "closed_at"),
    [
        ("22:00-07:00", [(0, "22:00"), (3, "06:59"), (6, "23:59")], [(0, "07:00"), (0, "21:59"), (5, "12:00")]),
        ("fri 22:00-07:00", [(4, "22:00"), (5, "06:59")], [(5, "22:00"), (4, "06:59"), (3, "23:00")]),
        ("sun 22:00-07:00", [(6, "23:00"), (0, "03:00")], [(0, "23:00"), (6, "03:00")]),
        ("mon-fri 09:00-17:00; sat, sun", [(0, "09:00"), (5, "00:00"), (6, "23:59")], [(0, "17:00"), (4, "08:59")]),
        ("sat-mon 10:00-11:00", [(5, "10:30"), (6, "10:30"), (0, "10:30")], [(1, "10:30"), (4, "10:30")]),
        ("Weekdays 0:00-24:00", [(0, "00:00"), (4, "23:59")], [(5, "00:00")]),
        ("always", [(0, "00:00")], []),
        ("", [(2, "12:34")], []),
    ],
)
def test_times_are_open(text: str, open_at: list[tuple[int, str]], closed_at: list[tuple[int, str]]) -> None:
    hours = read_hours(text)
    assert all(hours.are_open(at(*moment)) for moment in open_at)
    assert not any(hours.are_open(at(*moment)) for moment in closed_at)
    assert read_hours(hours.text) == hours  # what is shown can be typed again


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("25:00-07:00", "25:00 is no time"),
        ("22:60-07:00", "22:60 is no time"),
        ("22-07", "'22-07' is neither a time nor a day"),
        ("07:00-07:00", "begins when it ends"),
        ("mon-fry 22:00-07:00", "mon-fry"),
        ("06:00-08:00, 22:00-23:00", "put a ; between"),
        ("22:00-07:00 mon", "stands behind the time"),
        ("24:00-07:00", "begin at 00:00"),
        ("x" * 501, "longer than 500"),
    ],
)
def test_what_is_unclear_says_what_to_write(text: str, says: str) -> None:
    with pytest.raises(HoursError, match=says):
        read_hours(text)


def test_the_next_change_is_known() -> None:
    hours = read_hours("fri 22:00-07:00")
    assert hours.next_change(at(0, "12:00")) == at(4, "22:00")
    assert hours.next_change(at(4, "22:00")) == at(5, "07:00")
    assert ALWAYS.next_change(at(0, "12:00")) is None
    assert read_hours("mon-sun 00:00-24:00").next_change(at(0, "12:00")) is None
