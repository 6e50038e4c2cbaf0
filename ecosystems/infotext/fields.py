"""Takes an infotext apart: prompt, negative prompt, and the fields of its last line.

Source of the format: what A1111 and Forge write and read (``create_infotext``, ``parse_generation_parameters``). A
value with a comma, a colon or a line end is a JSON string; Civitai's extensions add values that are bare JSON. Whoever
pastes may have lost or added lines, so a line that begins with ``Steps:`` counts wherever it stands.
"""

import json
import re
from dataclasses import dataclass

NEGATIVE = "Negative prompt:"
_MOST_LINES_AFTER = 1000
_MOST_FIELDS = 20_000
_FEWEST_FIELDS = 3
"""A last line with fewer is part of the prompt; web UIs draw the line there too."""

# No pattern here can run over one stretch of text twice: what is pasted may be hostile, and a megabyte long.
_KEY = re.compile(r"\s*(\w[\w \-/.]{1,99}?):\s*")
_STRING = re.compile(r'"(?:\\.|[^\\"])*"')
_STEPS = re.compile(r"\s*Steps:\s*\d+\s*(?:,|$)")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class Parts:
    """An infotext in its three parts; values of fields as text, JSON strings decoded."""

    prompt: str
    negative: str
    fields: dict[str, str]


def take_apart(text: str) -> Parts:
    """Return the parts of an infotext; where there is no line of fields, all of it is prompt and negative prompt."""
    lines = text.replace("\r\n", "\n").strip().split("\n")
    start = _first_line_of_fields(lines)
    prompt: list[str] = []
    negative: list[str] | None = None
    for line in lines[:start]:
        line = line.strip()
        if line.startswith(NEGATIVE):
            negative = negative if negative is not None else []
            negative.append(line[len(NEGATIVE) :].strip())
        elif negative is not None:
            negative.append(line)
        else:
            prompt.append(line)
    fields = read_fields("\n".join(lines[start:]))
    return Parts("\n".join(prompt).strip(), "\n".join(negative or []).strip(), fields)


def _first_line_of_fields(lines: list[str]) -> int:
    for index in range(len(lines) - 1, max(-1, len(lines) - 1 - _MOST_LINES_AFTER), -1):
        if _STEPS.match(lines[index]):
            return index
    if lines and len(read_fields(lines[-1])) >= _FEWEST_FIELDS:
        return len(lines) - 1
    return len(lines)


def read_fields(line: str) -> dict[str, str]:
    """Return the fields of a line ``Key: value, Key: "value", Key: {…}``; of two with one name the last counts.

    What is no field is passed over up to the next comma.
    """
    fields: dict[str, str] = {}
    position = 0
    for _ in range(_MOST_FIELDS):
        if position >= len(line):
            break
        key = _KEY.match(line, position)
        if key is None:
            position = _after_comma(line, position)
            continue
        value, position = _read_value(line, key.end())
        fields[key[1].strip()] = value
    return fields


def _read_value(line: str, start: int) -> tuple[str, int]:
    """Return the value that begins here, and where the next field begins."""
    first = line[start : start + 1]
    if first == '"':
        string = _STRING.match(line, start)
        if string is not None and _ends(line, string.end()):
            return _unquoted(string[0]), _after_comma(line, string.end())
    elif first in {"{", "["}:
        try:
            end = _DECODER.raw_decode(line, start)[1]
        except (ValueError, RecursionError):
            pass
        else:
            if _ends(line, end):
                return line[start:end], _after_comma(line, end)
    comma = line.find(",", start)
    end = len(line) if comma < 0 else comma
    return line[start:end].strip(), end + 1


def _ends(line: str, position: int) -> bool:
    return not (rest := line[position : position + 50].lstrip()) or rest[0] == ","


def _after_comma(line: str, position: int) -> int:
    comma = line.find(",", position)
    return len(line) if comma < 0 else comma + 1


def _unquoted(text: str) -> str:
    try:
        value = json.loads(text, strict=False)
    except ValueError:
        return text[1:-1]
    return value if isinstance(value, str) else text


def read_pairs(value: str) -> list[tuple[str, str]]:
    """Return the pairs of a value ``name: text, name: text``, as in ``Lora hashes`` or a ControlNet unit."""
    pairs = []
    for item in value.split(",", _MOST_FIELDS)[:_MOST_FIELDS]:
        name, colon, text = item.rpartition(":")
        if colon and name.strip():
            pairs.append((name.strip(), text.strip()))
    return pairs
