"""How numbers, sizes, times and names from outside are written on a page. Pure functions, Jinja's filters."""

import json
import shlex
import unicodedata
from datetime import datetime, timezone
from urllib.parse import quote

THIN_SPACE = "\u202f"
GIB = 1 << 30
_UNITS = ((1 << 40, "TiB"), (GIB, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
_SPANS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Controls, bidirectional marks, lone surrogates: what changes how the text around it looks, or cannot be sent."""


def number(value: float) -> str:
    """Write a whole number with its thousands apart: 12 345 678."""
    return f"{value:,.0f}".replace(",", THIN_SPACE)


def size(size_bytes: float | None) -> str:
    """Write a size for a person, to three digits at most; None is a dash."""
    if size_bytes is None:
        return "–"
    for unit_bytes, unit in _UNITS:
        if size_bytes >= unit_bytes:
            value = size_bytes / unit_bytes
            text = number(value) if value >= 100 else f"{value:.1f}"
            return f"{text}{THIN_SPACE}{unit}"
    return f"{number(size_bytes)}{THIN_SPACE}B"


def percent(part: float, whole: float) -> int:
    """Return a share in whole percent; what is not all of it is never 100, what is not nothing never 0."""
    if whole <= 0 or part <= 0:
        return 0
    return 100 if part >= whole else min(99, max(1, round(100 * part / whole)))


def span(seconds: float) -> str:
    """Write a length of time by its largest unit: ``3 min``, ``2 d``."""
    for unit_seconds, unit in _SPANS:
        if seconds >= unit_seconds:
            return f"{int(seconds // unit_seconds)}{THIN_SPACE}{unit}"
    return f"0{THIN_SPACE}s"


def ago(moment: float, now: float) -> str:
    """Write how long ago a moment was, or how far off it is; both in seconds since the epoch."""
    passed = now - moment
    if abs(passed) < 5:
        return "just now"
    return f"{span(passed)} ago" if passed > 0 else f"in {span(-passed)}"


def machine_time(moment: float) -> str:
    """Write a moment for ``<time datetime=…>``: ISO 8601 in UTC, whole seconds."""
    return f"{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%dT%H:%M:%SZ}"


def moment(text: str | None) -> float | None:
    """Read a moment as answers write it (ISO 8601), in seconds since the epoch."""
    return None if text is None else datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def utc(moment: float) -> str:
    """Write a moment for a person whose browser runs no script."""
    return f"{datetime.fromtimestamp(moment, timezone.utc):%Y-%m-%d %H:%M} UTC"


def visible(text: object) -> str:
    """Return a text from outside with everything in it that cannot be seen written out, as ``[U+202E]``.

    A name with a right-to-left override would else show another name than it has.
    """
    written = str(text)
    if written.isprintable():  # which none of the hidden ones is
        return written
    return "".join(f"[U+{ord(c):04X}]" if unicodedata.category(c) in _HIDDEN else c for c in written)


def visible_lines(text: object) -> str:
    """Return a text of several lines as ``visible`` does, its line ends and tabs as they are."""
    lines = str(text).replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(visible(part) for part in line.split("\t")) for line in lines)


def segment(text: object) -> str:
    """Return a text as one segment of a path, or one value of a query, in a URL."""
    return quote(str(text), safe="", errors="surrogatepass")


def browser(text: str) -> str:
    """Return what a browser says it is, short: ``Firefox on Windows``; what is not known stays as it is."""
    names = (("Firefox/", "Firefox"), ("Edg/", "Edge"), ("OPR/", "Opera"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
    systems = (
        *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows")),
        *(("Mac OS X", "macOS"), ("Linux", "Linux")),
    )
    name = next((word for sign, word in names if sign in text), None)
    system = next((word for sign, word in systems if sign in text), None)
    return f"{name} on {system}" if name and system else visible(text)


def as_json(value: object) -> str:
    """Write a value as JSON, to be shown."""
    return json.dumps(value)


FILTERS = {
    "browser": browser,
    "json": as_json,
    "shell": shlex.quote,
    "number": number,
    "size": size,
    "span": span,
    "machine_time": machine_time,
    "utc": utc,
    "moment": moment,
    "visible": visible,
    "visible_lines": visible_lines,
    "segment": segment,
}
