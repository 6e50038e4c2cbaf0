"""Identifying 5,000 headers against reading and ``json.loads`` of the same headers, and what hostile files cost.

The files are real layouts with their metadata, warm in the page cache, so that what is compared is work and not a disk.
Both sides go over the same files in turn, in rounds; the figure is the median of the rounds' ratios.
"""

import json
import struct
import tempfile
import tracemalloc
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from ..ecosystems.identify import identify_file
from .hostile import MIB, write_hostile
from .layouts import cases, write_case
from .rounds import in_turn, median_ratio, seconds
from .row import Row, at_most

HEADERS = 5000
ROUNDS = 10
HOSTILE_CPU_SECONDS = 0.05
HOSTILE_BYTES = 64 * MIB
HOSTILE_ROUNDS = 7


def measure(headers: int = HEADERS, rounds: int = ROUNDS, hostile_files: int | None = None) -> list[Row]:
    """Identify real files and hostile ones; takes about a minute and 20 MB of disk.

    Args:
        headers: how many are identified, over all rounds.
        rounds: in how many rounds.
        hostile_files: how many of the hostile files are tried; None for all.
    """
    return [
        at_most(f"identify {headers:,} headers", _ratio(headers, rounds), 2.0, "read the header and json.loads it"),
        *_hostile(hostile_files),
    ]


def _ratio(headers: int, rounds: int) -> float:
    with tempfile.TemporaryDirectory(prefix="quartermaster-bench-") as folder:
        paths = [write_case(case, Path(folder)) for case in cases() if case["format"] == "safetensors"]
        paths = [paths[number % len(paths)] for number in range(headers // rounds)]
        _each(identify_file, paths)  # loads the rules, which a process does once
        ours, yardstick = in_turn(
            [partial(_each, identify_file, paths), partial(_each, _read_and_parse, paths)], rounds
        )
    return median_ratio(ours, yardstick)


def _hostile(files: int | None) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="quartermaster-bench-") as folder:
        hostile = list(write_hostile(Path(folder), Path(folder, "UNPICKLED")).values())[:files]
        cpu_seconds = max(min(seconds(partial(identify_file, p)) for _ in range(HOSTILE_ROUNDS)) for p in hostile)
        peak_bytes = max(map(_peak_bytes, hostile))
    return [
        at_most("CPU time of the worst hostile file", cpu_seconds / HOSTILE_CPU_SECONDS, 1.0, "50 ms"),
        at_most("memory of the worst hostile file", peak_bytes / HOSTILE_BYTES, 1.0, "64 MiB"),
    ]


def _each(work: Callable[[Path], object], paths: Iterable[Path]) -> None:
    for path in paths:
        work(path)


def _peak_bytes(path: Path) -> int:
    tracemalloc.start()
    try:
        identify_file(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _read_and_parse(path: Path) -> object:
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(length))
