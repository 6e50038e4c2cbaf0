"""Identifying 5,000 headers against reading and ``json.loads`` of the same headers, and what hostile files cost.

The files are real layouts with their metadata, warm in the page cache, so that what is compared is work and not a disk.
Both sides go over the same files in turn, in rounds; the figure is the median of the rounds' ratios.
"""

import json
import statistics
import struct
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from ..ecosystems.identify import identify_file
from .hostile import MIB, write_hostile
from .layouts import cases, write_case

HEADERS = 5000
ROUNDS = 10
HOSTILE_CPU_SECONDS = 0.05
HOSTILE_BYTES = 64 * MIB
HOSTILE_ROUNDS = 3


class Row(NamedTuple):
    """One line of the speed table: ``ratio`` must not be above ``bound``."""

    name: str
    ratio: float
    bound: float
    yardstick: str


def measure() -> list[Row]:
    """Identify real files and hostile ones; takes about a minute and 20 MB of disk."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [write_case(case, Path(folder)) for case in cases() if case["format"] == "safetensors"]
        per_round = HEADERS // ROUNDS
        ratio = statistics.median(_ratios([paths[n % len(paths)] for n in range(per_round)]))
    with tempfile.TemporaryDirectory() as folder:
        hostile = list(write_hostile(Path(folder), Path(folder, "UNPICKLED")).values())
        cpu_seconds = max(min(_seconds(identify_file, [path]) for _ in range(HOSTILE_ROUNDS)) for path in hostile)
        peak_bytes = max(map(_peak_bytes, hostile))
    return [
        Row(f"identify {HEADERS:,} headers", ratio, 2.0, "read the header and json.loads it"),
        Row("CPU time of the worst hostile file", cpu_seconds / HOSTILE_CPU_SECONDS, 1.0, "50 ms"),
        Row("memory of the worst hostile file", peak_bytes / HOSTILE_BYTES, 1.0, "64 MiB"),
    ]


def _ratios(paths: list[Path]) -> Iterator[float]:
    _seconds(identify_file, paths)  # loads the rules, which a process does once
    for _ in range(ROUNDS):
        yardstick = _seconds(_read_and_parse, paths)
        yield _seconds(identify_file, paths) / yardstick


def _seconds(work: Callable[[Path], object], paths: list[Path]) -> float:
    start = time.process_time()
    for path in paths:
        work(path)
    return time.process_time() - start


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
