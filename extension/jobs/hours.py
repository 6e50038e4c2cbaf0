"""At what times a server takes jobs: ``22:00-07:00``, ``mon-fri 22:00-07:00; sat, sun``. Pure; times are local.

A rule is days, a span of time, or both; several are joined by ``;`` and any of them opens. Without days every day is
meant, without a span the whole day. A span across midnight belongs to the day on which it begins: ``fri 22:00-07:00``
ends on Saturday morning. Nothing at all means always.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EVERY_DAY = frozenset(range(7))
_DAY_MINUTES = 24 * 60
_MOST_CHARACTERS = 500
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_WORDS = {
    "daily": "mon-sun",
    "everyday": "mon-sun",
    "weekdays": "mon-fri",
    "weekend": "sat-sun",
    "weekends": "sat-sun",
    "monday": "mon",
    "tuesday": "tue",
    "wednesday": "wed",
    "thursday": "thu",
    "friday": "fri",
    "saturday": "sat",
    "sunday": "sun",
}
_EXAMPLE = "write it like 22:00-07:00, or mon-fri 22:00-07:00; sat, sun"


class HoursError(ValueError):
    """It is not clear what times are meant; the message says what to write."""


@dataclass(frozen=True)
class Rule:
    """On these days (0 is Monday) from ``begin`` to ``end``, in minutes of the day; an ``end`` that is not later than
    ``begin`` is on the next day."""

    days: frozenset[int]
    begin: int
    end: int

    def is_open(self, day: int, minute: int) -> bool:
        """Tell whether it holds in this minute of this day of the week."""
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        return (day in self.days and minute >= self.begin) or ((day - 1) % 7 in self.days and minute < self.end)


@dataclass(frozen=True)
class Hours:
    """Times of the week; ``text`` is how they were written, in one form."""

    rules: tuple[Rule, ...] = ()
    text: str = ""

    def are_open(self, at: datetime) -> bool:
        """Tell whether jobs are taken at this local time."""
        if not self.rules:
            return True
        minute = at.hour * 60 + at.minute
        return any(rule.is_open(at.weekday(), minute) for rule in self.rules)

    def next_change(self, after: datetime) -> datetime | None:
        """Return the local time at which they open or close next; None where they never do."""
        now = self.are_open(after)
        minute = after.replace(second=0, microsecond=0)
        times = {time % _DAY_MINUTES for rule in self.rules for time in (rule.begin, rule.end)}
        midnight = minute.replace(hour=0, minute=0)
        moments = (midnight + timedelta(days=day, minutes=time) for day in range(9) for time in sorted({0, *times}))
        return next((each for each in moments if each > after and self.are_open(each) is not now), None)


ALWAYS = Hours()


def read_hours(text: str) -> Hours:
    """Read what a person wrote.

    Raises:
        HoursError: it cannot be read.
    """
    if len(text) > _MOST_CHARACTERS:
        raise HoursError(f"the times are longer than {_MOST_CHARACTERS} characters: {_EXAMPLE}")
    parts = [part.strip().lower() for part in text.split(";")]
    rules = tuple(_rule(part) for part in parts if part and part != "always")
    return Hours(rules, "; ".join(map(_written, rules)))


def _rule(part: str) -> Rule:
    spans = list(_SPAN.finditer(part))
    if len(spans) > 1:
        raise HoursError(f"{part!r} has several times: put a ; between them, as in 06:00-08:00; 22:00-23:30")
    before, after = (part[: spans[0].start()], part[spans[0].end() :]) if spans else (part, "")
    if after.strip(" ,"):
        raise HoursError(f"{after.strip()!r} stands behind the time in {part!r}: {_EXAMPLE}")
    days = _days(before)
    if not spans:
        return Rule(days, 0, _DAY_MINUTES)
    begin, end = _minutes(spans[0], 1), _minutes(spans[0], 3)
    if begin == end:
        raise HoursError(
            f"{spans[0][0]!r} begins when it ends: for a whole day leave the time out, or write 00:00-24:00"
        )
    if begin == _DAY_MINUTES:
        raise HoursError(f"{spans[0][0]!r} cannot begin at 24:00: begin at 00:00")
    return Rule(days, begin, end)


def _minutes(span: re.Match[str], group: int) -> int:
    hour, minute = int(span[group]), int(span[group + 1])
    if minute > 59 or hour * 60 + minute > _DAY_MINUTES:
        raise HoursError(f"{span[group]}:{span[group + 1]} is no time of day: hours are 0 to 24, minutes 0 to 59")
    return hour * 60 + minute


def _days(text: str) -> frozenset[int]:
    found: set[int] = set()
    words = re.sub(r"\s*-\s*", "-", text).replace(",", " ").split()
    for word in words:
        first, dash, last = _WORDS.get(word, word).partition("-")
        begin, end = _day(first, word), _day(last, word) if dash else _day(first, word)
        found.update((begin + step) % 7 for step in range((end - begin) % 7 + 1))
    return frozenset(found) or _EVERY_DAY


def _day(name: str, word: str) -> int:
    name = _WORDS.get(name, name)
    if name not in DAYS:
        raise HoursError(f"{word[:40]!r} is neither a time nor a day ({', '.join(DAYS)}): {_EXAMPLE}")
    return DAYS.index(name)


def _written(rule: Rule) -> str:
    days = "" if rule.days == _EVERY_DAY else ", ".join(_spans(sorted(rule.days)))
    whole = (rule.begin, rule.end) == (0, _DAY_MINUTES)
    if whole:
        return days or "00:00-24:00"
    span = f"{_clock(rule.begin)}-{_clock(rule.end)}"
    return f"{days} {span}" if days else span


def _spans(days: list[int]) -> Iterator[str]:
    """Yield runs of days as they are written: ``mon-fri``, ``sun``."""
    while days:
        length = next((n for n in range(1, len(days)) if days[n] != days[0] + n), len(days))
        yield DAYS[days[0]] if length == 1 else f"{DAYS[days[0]]}-{DAYS[days[length - 1]]}"
        days = days[length:]


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
