"""Our hashing against ``openssl dgst -sha256`` over the same files, all of them in the page cache."""

import os
import queue
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..extension.inventory.errors import FileError
from ..extension.inventory.hashing import hash_file
from ..extension.inventory.pool import HashPool, Job, Outcome, Urgency
from ..extension.inventory.scan import FileStat

ONE_FILE_BYTES = 256 << 20
FOUR_FILES_BYTES = 128 << 20
ROUNDS = 9


class Row(NamedTuple):
    """One line of the speed table: ``ratio`` is our throughput over the yardstick's and is to be at least ``bound``."""

    name: str
    ratio: float
    bound: float
    yardstick: str


def measure() -> list[Row]:
    """Measure one file, four files, and one file with tensor hash; takes some ten seconds and 0.8 GB of disk.

    Raises:
        RuntimeError: there is no ``openssl`` program to measure against.
    """
    if shutil.which("openssl") is None:
        raise RuntimeError("the hashing bench measures against the program openssl: install it and put it on the PATH")
    with tempfile.TemporaryDirectory(prefix="quartermaster-bench-") as folder:
        one = make_safetensors(Path(folder, "one.safetensors"), ONE_FILE_BYTES, seed=0)
        four = [make_safetensors(Path(folder, f"{i}.safetensors"), FOUR_FILES_BYTES, seed=i) for i in range(1, 5)]
        plain, tensor = compare(
            [one],
            lambda: openssl([one]),
            [lambda: hash_file(one, want_tensor_hash=False), lambda: hash_file(one, want_tensor_hash=True)],
        )
        (pool,) = compare(four, lambda: openssl(four[:2], four[2:]), [lambda: hash_in_pool(four)])
    return [
        Row("SHA-256 of one file", plain, 0.95, "one openssl dgst -sha256"),
        Row("SHA-256 of four files, two workers", pool, 0.9, "two parallel openssl dgst -sha256"),
        Row("SHA-256 and tensor hash of one file", tensor, 0.45, "one openssl dgst -sha256"),
    ]


def compare(
    files: Sequence[Path], yardstick: Callable[[], object], candidates: Sequence[Callable[[], object]]
) -> list[float]:
    """Return, for each candidate, the median over rounds of the yardstick's time over the candidate's.

    Both are run in turn within a round, in changing order, so that whatever else the machine does falls on both. The
    files are brought into the page cache before each run, because our hashing may give it back.
    """
    ratios: list[list[float]] = [[] for _ in candidates]
    runs = [yardstick, *candidates]
    for round_number in range(ROUNDS):
        order = list(range(len(runs)))
        order = order[round_number % len(runs) :] + order[: round_number % len(runs)]
        seconds = {i: seconds_of(runs[i], files) for i in order}
        for i, values in enumerate(ratios):
            values.append(seconds[0] / seconds[i + 1])
    return [statistics.median(values) for values in ratios]


def seconds_of(run: Callable[[], object], files: Sequence[Path]) -> float:
    """Return how long a call takes whose files are in the page cache."""
    for path in files:
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 20):
                pass
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def openssl(*groups: Sequence[Path]) -> None:
    """Hash groups of files, each group with one openssl process, all processes at once."""
    command = ["openssl", "dgst", "-sha256"]
    processes = [subprocess.Popen([*command, *map(str, group)], stdout=subprocess.DEVNULL) for group in groups]
    codes = [process.wait() for process in processes]
    if any(codes):
        raise RuntimeError(f"openssl dgst ended with {codes}")


def hash_in_pool(paths: Sequence[Path]) -> None:
    """Hash files with the agent's own pool of two workers, from its start to its end."""
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    pool = HashPool(lambda _job, outcome: outcomes.put(outcome), workers=2)
    pool.start()
    for path in paths:
        status = path.stat()
        found = FileStat(status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev, 0, busy=False)
        pool.submit(Job(path, str(path), found, want_tensor_hash=False, urgency=Urgency.BACKLOG))
    results = [outcomes.get() for _ in paths]
    pool.stop()
    for result in results:
        if isinstance(result, FileError):
            raise result


def make_safetensors(path: Path, size_bytes: int, seed: int) -> Path:
    """Write a safetensors file whose tensors have so many bytes, and bring it to the disk."""
    header = b'{"w":{"dtype":"U8","shape":[%d],"data_offsets":[0,%d]}}' % (size_bytes, size_bytes)
    block = random.Random(seed).randbytes(1 << 20)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for _ in range(size_bytes >> 20):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return path


if __name__ == "__main__":
    for row in measure():
        print(f"{row.name:40} {row.ratio:6.2f}  at least {row.bound:.2f} of {row.yardstick}")
