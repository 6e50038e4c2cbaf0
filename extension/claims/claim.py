"""What a claim is about, and what it says."""

import os
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import PurePosixPath

SHA256_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@dataclass(frozen=True)
class LocalFile:
    """A model file as a scan saw it.

    ``kind`` is the model type that its root stands for (a web UI files its hashes by folder, whatever is in the
    file), ``relative_path`` is POSIX-style and relative to that root, as the web UI was given it. ``identity`` is
    equal for two paths to one file (such as device and inode); without one, every path is thought to be a file of its
    own.
    """

    path: str
    kind: str
    relative_path: str
    size_bytes: int
    mtime_ns: int
    identity: Hashable = None

    @property
    def name(self) -> str:
        """The file's name."""
        return PurePosixPath(self.relative_path).name

    @property
    def stem(self) -> str:
        """The file's name without its last suffix, as ``os.path.splitext`` cuts it in all of these tools."""
        return os.path.splitext(self.name)[0]

    @property
    def mtime(self) -> float:
        """The mtime in seconds, to the last bit what ``os.path.getmtime`` returns in the web UI's process.

        CPython adds the two parts as doubles (``fill_time`` in ``posixmodule.c``).
        """
        seconds, nanoseconds = divmod(self.mtime_ns, 1_000_000_000)
        return seconds + 1e-9 * nanoseconds


@dataclass(frozen=True)
class Claim:
    """Somebody says that a file has this hash; nobody has read the file to check.

    ``source`` names who says so, for people: ``"web UI cache"`` or the kind of sidecar (``"civitai.info"``…).
    ``base_model`` is what the same source calls the base model, in its own words.
    """

    sha256: str
    source: str
    tensor_sha256: str | None = None
    base_model: str | None = None


def as_sha256(value: object) -> str | None:
    """Return a value as 64 lowercase hex digits, or None where it is no SHA-256 of a file with anything in it."""
    if not isinstance(value, str) or len(value) != 64:
        return None
    digits = value.lower()
    if digits == SHA256_OF_NOTHING or not all(c in "0123456789abcdef" for c in digits):
        return None
    return digits
