"""The hashes of one file in one read: SHA-256, tensor hash, and the sample that recognises it cheaply later."""

import hashlib
import io
import os
from dataclasses import dataclass
from pathlib import Path

from .completeness import (
    LENGTH_BYTES,
    MAX_PARSED_BYTES,
    HeaderError,
    header_length,
    incomplete,
    is_safetensors_name,
    promised_size,
    require_size,
)
from .control import HashControl
from .errors import FileChangedError
from .opening import PathLike, opened
from .page_cache import PageCacheGuest

CHUNK_BYTES = 256 << 10
"""One read. Measured best from 128 to 512 KiB: it stays in the core's own cache between the read and both digests."""

REPORT_BYTES = 4 << 20
"""Progress is reported about this often, so that following it costs nothing."""

SAMPLE_END_BYTES = 64 << 10
SAMPLE_SPOT_BYTES = 4 << 10
SAMPLE_SPOTS = 4


@dataclass(frozen=True)
class FileHashes:
    """What one read of a file found, and which state of the file it is true for.

    ``tensor_sha256`` is the SHA-256 of a safetensors file without the header and its length, as A1111 computes it for
    LoRAs (``addnet_hash_safetensors``, after kohya-ss); None where it was not asked for or the file is no safetensors.
    ``sample`` is what ``sample_file`` returns. ``mtime_ns`` and ``inode`` are the file's, equal before and after.
    """

    sha256: str
    tensor_sha256: str | None
    sample: str
    size_bytes: int
    bytes_read: int
    mtime_ns: int
    inode: int


def hash_file(
    path: PathLike,
    *,
    want_tensor_hash: bool,
    control: HashControl | None = None,
    require_complete: bool = True,
    stable_inodes: bool = True,
) -> FileHashes:
    """Read a file once, from start to end, and return its hashes.

    Args:
        path: the file; links are followed. What its name calls a safetensors file is held against its own header
            before the rest is read.
        want_tensor_hash: compute the tensor hash in the same read.
        control: pauses, throttles, cancels and follows this read.
        require_complete: False hashes a safetensors file too that is not what its header promises.
        stable_inodes: False on file systems that number a file anew at every look (some network and FUSE ones): only
            size and mtime then tell that another file took its place.

    Raises:
        FileError: the file is incomplete, changed, gone, no regular file or unreadable; each has its own class.
        HashingCancelledError: through ``control``.
    """
    with opened(path) as descriptor:
        reading = _Reading(path, descriptor, control or HashControl(), stable_inodes)
        try:
            if is_safetensors_name(os.fspath(path)):
                reading.read_header(want_tensor_hash, require_complete)
            reading.read_to_end()
        finally:
            reading.close()
        reading.check_unchanged()
        return reading.result()


def sample_file(path: PathLike) -> str:
    """Return a fingerprint of a file that reads at most 256 KiB of it: 32 hex digits.

    BLAKE2b-128 over the size (8 bytes, big-endian), the first and last 64 KiB and 4 KiB at four places in between;
    files up to 256 KiB are covered whole. It tells a replaced file from the one that was hashed where inodes cannot;
    it proves nothing about a file whose maker is hostile.

    Raises:
        FileError: the file changed, is gone, no regular file or unreadable; each has its own class.
    """
    with opened(path) as descriptor, io.FileIO(descriptor, closefd=False) as file:
        size = os.fstat(descriptor).st_size
        sample = _Sample(size)
        for start, end in sample_spans(size):
            file.seek(start)
            while start < end:
                part = file.read(end - start)
                if not part:
                    raise FileChangedError(path, "became shorter while it was read")
                sample.take(start, memoryview(part))
                start += len(part)
        return sample.hexdigest()


def sample_spans(size_bytes: int) -> list[tuple[int, int]]:
    """Return the (start, end) offsets that a sample covers, in order and without overlap."""
    if size_bytes <= 4 * SAMPLE_END_BYTES:
        return [(0, size_bytes)]
    inner = size_bytes - 2 * SAMPLE_END_BYTES
    spots = [SAMPLE_END_BYTES + inner * k // (SAMPLE_SPOTS + 1) for k in range(1, SAMPLE_SPOTS + 1)]
    between = [(start, start + SAMPLE_SPOT_BYTES) for start in spots]
    return [(0, SAMPLE_END_BYTES), *between, (size_bytes - SAMPLE_END_BYTES, size_bytes)]


class _Sample:
    """Picks a sample out of parts of the file that come by in order."""

    def __init__(self, size_bytes: int) -> None:
        self._digest = hashlib.blake2b(size_bytes.to_bytes(8, "big"), digest_size=16)
        self._spans = sample_spans(size_bytes)[::-1]

    def take(self, offset: int, part: memoryview) -> None:
        end = offset + len(part)
        while self._spans and self._spans[-1][0] < end:
            span_start, span_end = self._spans[-1]
            self._digest.update(part[max(span_start - offset, 0) : span_end - offset])
            if span_end > end:
                break
            self._spans.pop()

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


class _Reading:
    """One pass over one open file."""

    def __init__(self, path: PathLike, descriptor: int, control: HashControl, stable_inodes: bool) -> None:
        self._path = path
        self._descriptor = descriptor
        self._control = control
        self._stable_inodes = stable_inodes
        self._before = os.fstat(descriptor)
        self._size = self._before.st_size
        self._file = io.FileIO(descriptor, closefd=False)
        self._view = memoryview(bytearray(min(CHUNK_BYTES, self._size + 1)))
        self._guest = PageCacheGuest(descriptor, self._size)
        self._sha256 = hashlib.sha256()
        self._tensor_sha256: hashlib._Hash | None = None
        self._sample = _Sample(self._size)
        self._offset = 0
        self._unreported = 0

    def read_header(self, want_tensor_hash: bool, require_complete: bool) -> None:
        """Read a safetensors header, check the file's length against it, and start the tensor hash behind it."""
        try:
            length = header_length(self._read_exactly(LENGTH_BYTES))
            require_size(self._size, length, None)
            if length <= MAX_PARSED_BYTES:
                require_size(self._size, length, promised_size(self._read_exactly(length)))
            else:
                self._skip(length)
        except HeaderError as error:
            if require_complete:
                raise incomplete(self._path, error) from None
            return
        if want_tensor_hash:
            self._tensor_sha256 = hashlib.sha256()

    def read_to_end(self) -> None:
        """Read what is left."""
        while self._read(self._view):
            pass
        if self._offset != self._size:
            raise FileChangedError(self._path, "became shorter while it was read")

    def check_unchanged(self) -> None:
        """Hold the open file, and what its path leads to now, against the state at the start.

        Raises:
            FileChangedError: they differ.
        """
        here, there = os.fstat(self._descriptor), Path(self._path).stat()
        if not (self._is_as_before(here) and self._is_as_before(there)):
            raise FileChangedError(self._path, "was changed or replaced while it was read")

    def close(self) -> None:
        """Give the page cache back and report the last bytes."""
        self._guest.finish(self._offset)
        self._file.close()
        self._report()

    def result(self) -> FileHashes:
        """Return the hashes, after everything was read and found unchanged."""
        return FileHashes(
            sha256=self._sha256.hexdigest(),
            tensor_sha256=self._tensor_sha256.hexdigest() if self._tensor_sha256 else None,
            sample=self._sample.hexdigest(),
            size_bytes=self._size,
            bytes_read=self._offset,
            mtime_ns=self._before.st_mtime_ns,
            inode=self._before.st_ino,
        )

    def _is_as_before(self, now: os.stat_result) -> bool:
        before = self._before
        same_inode = now.st_ino == before.st_ino or not self._stable_inodes
        return same_inode and (now.st_size, now.st_mtime_ns) == (before.st_size, before.st_mtime_ns)

    def _read_exactly(self, count: int) -> bytes:
        """Read and hash up to ``count`` bytes (fewer only at the end of the file) and return them."""
        parts = bytearray()
        while len(parts) < count and (got := self._read(self._view[: count - len(parts)])):
            parts += self._view[:got]
        return bytes(parts)

    def _skip(self, count: int) -> None:
        """Read and hash bytes that nobody else needs."""
        while count > 0 and (got := self._read(self._view[:count])):
            count -= got

    def _read(self, view: memoryview) -> int:
        """Read and hash once; return the number of bytes, 0 at the end of the file."""
        if self._control.admit():
            self.check_unchanged()
        count = self._file.readinto(view) or 0
        part = view[:count]
        self._sha256.update(part)
        if self._tensor_sha256 is not None:
            self._tensor_sha256.update(part)
        self._sample.take(self._offset, part)
        self._offset += count
        if self._offset > self._size:
            raise FileChangedError(self._path, "grew while it was read")
        if self._offset >= self._guest.next_window:
            self._guest.read_up_to(self._offset)
        self._unreported += count
        if self._unreported >= REPORT_BYTES or self._control.throttled:
            self._report()
        return count

    def _report(self) -> None:
        if self._unreported:
            count, self._unreported = self._unreported, 0
            self._control.report(count)
