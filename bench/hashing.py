"""Our hashing against ``openssl dgst -sha256`` over the same files, all of them in the page cache."""

import os
import queue
import random
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from ..extension.inventory.errors import FileError
from ..extension.inventory.hashing import hash_file
from ..extension.inventory.pool import HashPool, Job, Outcome, Urgency
from ..extension.inventory.scan import FileStat
from .rounds import WALL, in_turn, median_ratio
from .row import NotMeasurableError, Row, at_least

ONE_FILE_BYTES = 256 << 20
FOUR_FILES_BYTES = 128 << 20
ROUNDS = 9


def measure(
    one_file_bytes: int = ONE_FILE_BYTES, four_files_bytes: int = FOUR_FILES_BYTES, rounds: int = ROUNDS
) -> list[Row]:
    """Measure one file, four files, and one file with tensor hash; takes half a minute and 0.8 GB of disk.

    Values are throughputs: the yardstick's seconds over ours.

    Raises:
        NotMeasurableError: there is no ``openssl`` program to measure against.
    """
    if shutil.which("openssl") is None:
        raise NotMeasurableError(
            "SHA-256 is measured against the program openssl, which is not on the PATH. Install it (Debian: apt "
            "install openssl; Windows: winget install ShiningLight.OpenSSL.Light) and try again."
        )
    with tempfile.TemporaryDirectory(prefix="quartermaster-bench-") as folder:
        one = make_safetensors(Path(folder, "one.safetensors"), one_file_bytes, seed=0)
        four = [make_safetensors(Path(folder, f"{i}.safetensors"), four_files_bytes, seed=i) for i in range(1, 5)]
        # Our hashing may give a file back from the page cache, so each run begins with reading it.
        yardstick, plain, tensor = in_turn(
            [
                lambda: openssl([one]),
                lambda: hash_file(one, want_tensor_hash=False),
                lambda: hash_file(one, want_tensor_hash=True),
            ],
            rounds,
            WALL,
            before=partial(warm, [one]),
        )
        two_processes, pool = in_turn(
            [lambda: openssl(four[:2], four[2:]), lambda: hash_in_pool(four)], rounds, WALL, before=partial(warm, four)
        )
    alone, parallel = "one openssl dgst -sha256", "two parallel openssl dgst -sha256"
    return [
        at_least("SHA-256 of one file", median_ratio(yardstick, plain), 0.95, alone),
        at_least("SHA-256 of four files, two workers", median_ratio(two_processes, pool), 0.9, parallel),
        at_least("SHA-256 and tensor hash of one file", median_ratio(yardstick, tensor), 0.45, alone),
    ]


def warm(files: Sequence[Path]) -> None:
    """Bring files into the page cache."""
    for path in files:
        with path.open("rb", buffering=0) as file:
            while file.read(1 << 20):
                pass


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
        pool.submit(Job(path, str(path), "Checkpoint", found, want_tensor_hash=False, urgency=Urgency.BACKLOG))
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
