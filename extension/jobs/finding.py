"""Which of this server's files a job's models are, now: not by what the hub believes, but by the library and the disk.

A file counts only where it is there and its stat is the one under which its hash is known. One whose hash is only
claimed, or whose inode changed since, counts and is ``proven`` by reading it before it is used.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...ecosystems.infotext import resource as roles
from ...ecosystems.model_types import LORA_TYPES
from ...hub_client import NeededModel
from ..inventory.control import HashControl
from ..inventory.errors import FileError
from ..inventory.hashing import hash_file
from ..inventory.library import Library
from ..inventory.record import Record
from ..inventory.scan import UNSURE_NS, stat_file
from .faults import HandedBackError

_OLD_HASH_AT, _OLD_HASH_BYTES = 0x100000, 0x10000
_KINDS_BY_NAME = {
    roles.LORA: frozenset(LORA_TYPES),
    roles.EMBEDDING: frozenset({"TextualInversion"}),
    roles.HYPERNETWORK: frozenset({"Hypernetwork"}),
}
"""Roles whose models a prompt names by their file's base name alone -> the types that share these names."""


@dataclass(frozen=True)
class File:
    """One file of this server that fills a requirement.

    ``path`` is absolute, ``relative`` below its root and POSIX-style. ``proven`` says that its hash need not be read
    again. ``rivals`` are other files of the same base name with another content. ``old_hash`` are the 8 digits by which
    web UIs tell ControlNet models apart, None for other roles. ``seen`` is its stat when it was found, as far as this
    file system's can be relied on.
    """

    path: str
    relative: str
    kind: str
    sha256: str
    tensor_sha256: str | None = None
    claims: tuple[str, ...] = ()
    proven: bool = True
    rivals: tuple[str, ...] = ()
    old_hash: str | None = None
    seen: tuple[int, ...] = ()

    @property
    def stem(self) -> str:
        """The base name, as web UIs take it: without folder and without whatever follows the last dot."""
        return os.path.splitext(self.relative.rpartition("/")[2])[0]


@dataclass(frozen=True)
class Held:
    """A requirement and the files that fill it, proven ones first; all have one of its hashes."""

    need: NeededModel
    files: tuple[File, ...]


class Finder:
    """Looks for models in one library."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def find(self, needs: Sequence[NeededModel]) -> tuple[Held, ...]:
        """Return what fills each requirement.

        Raises:
            HandedBackError: ``model_gone``, with the hashes of which no file is here (any more).
        """
        records = self._library.records()
        by_hash: dict[str, list[Record]] = {}
        for record in records:
            if record.facts is not None and not record.stale:
                by_hash.setdefault(record.facts.sha256, []).append(record)
        named = _by_base(records) if any(need.role in _KINDS_BY_NAME for need in needs) else {}
        held = [Held(need, tuple(self._files(need, by_hash, named))) for need in needs]
        gone = [each.need for each in held if not each.files]
        if gone:
            names = ", ".join(repr(need.name or need.sha256[0][:10]) for need in gone[:5])
            missing = tuple(sha256 for need in gone for sha256 in need.sha256)
            raise HandedBackError("model_gone", f"this server does not have {names} any more", missing)
        return tuple(held)

    def prove(self, chosen: Sequence[File], control: HashControl) -> None:
        """Read every file whose hash is not proven; what was read is noted in the library.

        Raises:
            HandedBackError: a file is another than was claimed, or went.
            HashingCancelledError: through ``control``.
        """
        for file in dict.fromkeys(each for each in chosen if not each.proven):
            found = stat_file(file.path)
            try:
                hashes = hash_file(file.path, want_tensor_hash=False, control=control, stable_inodes=False)
            except FileError as error:
                raise HandedBackError("model_gone", f"{file.relative}: {error.reason}", (file.sha256,)) from None
            if hashes.sha256 != file.sha256 or found is None:
                self._library.verify({file.sha256})
                raise HandedBackError("model_gone", f"{file.relative} is another file than it was", (file.sha256,))
            self._library.proven(file.path, found, file.sha256, hashes.sample)

    def still(self, chosen: Sequence[File]) -> bool:
        """Tell whether nothing was done to files since they were found.

        That the right file stands there again is not enough: meanwhile another one may have.
        """
        return all(_seen(file.path, stable=len(file.seen) > 2) == file.seen for file in chosen)

    def _files(
        self, need: NeededModel, by_hash: Mapping[str, Sequence[Record]], named: Mapping[str, Sequence[Record]]
    ) -> Iterator[File]:
        found = []
        for record in (record for sha256 in need.sha256 for record in by_hash.get(sha256, ())):
            seen = _seen(record.path, stable=self._library.stable_inodes(record.root))  # before it is judged
            known, facts = self._is_known(record), record.facts
            if known is None or facts is None:
                continue
            metadata = record.identity.get("metadata") or {}
            found.append(
                File(
                    record.path,
                    record.relative,
                    str(record.identity.get("kind") or record.kind),
                    facts.sha256,
                    facts.tensor_sha256,
                    tuple(_claims(metadata)),
                    known and facts.hash_state == "verified",
                    tuple(_rivals(need.role, record, named)),
                    _old_hash(record.path) if need.role == roles.CONTROLNET else None,
                    seen,
                )
            )
        yield from sorted(found, key=lambda file: (not file.proven, file.path))

    def _is_known(self, record: Record) -> bool | None:
        """Tell by its stat whether a file is the one that its facts are of: None: no, False: only its bytes tell.

        A write that sets the file's time back shows in the inode's change time alone, as does a harmless change of
        permissions.
        """
        found, known = stat_file(record.path), record.found
        if found is None or found.busy or (found.size, found.mtime_ns) != (known.size, known.mtime_ns):
            return None
        if not self._library.stable_inodes(record.root):
            return True
        if found.inode != known.inode:
            return None
        # Of a file that was new when it was looked at, no time of change is known.
        return known.changed_ns in {0, UNSURE_NS} or found.changed_ns == known.changed_ns


def _seen(path: str, *, stable: bool) -> tuple[int, ...]:
    """Return what tells whether anything was done to a file: nothing where it is gone.

    Not ``stat_file``, which knows no time of change of a file that was changed just before.
    """
    try:
        now = os.stat(path)
    except OSError:
        return ()
    return (now.st_size, now.st_mtime_ns, *((now.st_ino, now.st_ctime_ns) if stable else ()))


def _claims(metadata: Mapping[str, object]) -> Iterator[str]:
    """Yield what a file says of its own hash, which web UIs write into infotexts in place of the real one."""
    for holder in (metadata, *(child for child in metadata.values() if isinstance(child, Mapping))):
        claim = holder.get("sshs_model_hash")
        if isinstance(claim, str) and claim:
            yield claim.lower()


def _by_base(records: Sequence[Record]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(_base(record), []).append(record)
    return found


def _rivals(role: str, record: Record, named: Mapping[str, Sequence[Record]]) -> Iterator[str]:
    """Yield other files that a prompt could mean by this one's name, and that hold something else."""
    kinds = _KINDS_BY_NAME.get(role)
    if kinds is None or record.facts is None:
        return
    facts = record.facts
    for other in named.get(_base(record), ()):
        if other is record or (other.identity.get("kind") or other.kind) not in kinds:
            continue
        same = other.facts is not None and (
            other.facts.sha256 == facts.sha256
            or (facts.tensor_sha256 is not None and other.facts.tensor_sha256 == facts.tensor_sha256)
        )
        if not same:
            yield other.relative


def _base(record: Record) -> str:
    return os.path.splitext(record.relative.rpartition("/")[2])[0].casefold()


def _old_hash(path: str) -> str | None:
    """Return what A1111 calls ``model_hash``: 8 digits of the SHA-256 of 64 KiB at 1 MiB; None where it is gone."""
    try:
        with open(path, "rb") as file:
            file.seek(_OLD_HASH_AT)
            return hashlib.sha256(file.read(_OLD_HASH_BYTES)).hexdigest()[:8]
    except OSError:
        return None
