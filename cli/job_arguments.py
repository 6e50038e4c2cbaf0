"""Values of the options of ``quartermaster job``, read and checked."""

import argparse
import math
import re

HIGHEST_PRIORITY = 10
MOST_JOBS = 1_000
MOST_LISTED = 1_000_000
_LONGEST_SIDE = 16_384
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_SIZE = re.compile(r"([0-9]{1,5})[xX×]([0-9]{1,5})")


def integer(text: str) -> int:
    """Read a whole number."""
    if not _INTEGER.fullmatch(text):
        raise argparse.ArgumentTypeError("must be a whole number")
    return int(text)


def between(low: int, high: int, text: str) -> int:
    """Read a whole number in a range."""
    if not _INTEGER.fullmatch(text) or not low <= int(text) <= high:
        raise argparse.ArgumentTypeError(f"must be a number from {low} to {high}")
    return int(text)


def priority(text: str) -> int:
    """Read a priority."""
    return between(-HIGHEST_PRIORITY, HIGHEST_PRIORITY, text)


def quantity(text: str) -> int:
    """Read how many jobs to make at once."""
    return between(1, MOST_JOBS, text)


def limit(text: str) -> int:
    """Read how many jobs to list."""
    return between(1, MOST_LISTED, text)


def number(text: str) -> float:
    """Read a number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError("must be a number")
    return value


def size(text: str) -> tuple[int, int]:
    """Read a width and a height."""
    found = _SIZE.fullmatch(text.strip())
    if found is None or not all(0 < int(side) <= _LONGEST_SIDE for side in found.groups()):
        raise argparse.ArgumentTypeError("must be a width and a height in pixels, such as 832x1216")
    return int(found[1]), int(found[2])
