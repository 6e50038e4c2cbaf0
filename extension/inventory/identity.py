"""When a file is still the file that was hashed: the rule of DESIGN's "Identity" as pure functions.

A path keeps its hash while its inode, size and mtime stand. Inode, size and mtime together can still lie: a tool may
write into a file and set its mtime back (``os.utime``), copies and archives restore an mtime (``cp -p``), and a file
system gives the inode of a deleted file to the next one. All of these move the inode's change time, which nobody can
set; so does a rename, and a folder's rename does not. Where it stood still nothing happened, and nothing is read. Where
it moved, a sample of the content decides; meanwhile the hash is kept, unless so little speaks for it that publishing
it would be a guess: the inode is unstable (FAT, FUSE, SMB…), or the mtime a whole second, as archives set it.
"""

from collections.abc import Iterable
from enum import Enum

from .index import Row
from .scan import UNSURE_NS, FileStat

WHOLE_SECOND_NS = 1_000_000_000


class Match(Enum):
    """How a found file compares with a row of the index."""

    SAME = "same"
    CHECK = "check"
    """Most likely the same: its hash is kept, and its sample is looked at."""
    MAYBE = "maybe"
    """Perhaps the same: its sample decides before anything is published."""
    OTHER = "other"


def match_in_place(found: FileStat, row: Row, *, stable_inodes: bool) -> Match:
    """Compare a found file with the row of its own path."""
    if not row.has_stat(found):
        return Match.OTHER
    if stable_inodes and row.inode != found.inode:
        return Match.OTHER
    if _is_untouched(found, row):
        return Match.SAME
    if row.facts.sample is None:
        # A claim has no sample; its verification is still to come, so nothing is lost by believing it until then.
        return Match.SAME if row.facts.hash_state == "claimed" else Match.OTHER
    return Match.CHECK


def match_elsewhere(found: FileStat, rows: Iterable[Row], *, stable_inodes: bool) -> tuple[Match, list[Row]]:
    """Compare a found file with rows of other paths: it may have been moved, or be a second link.

    Args:
        found: the file.
        rows: rows with the same size and mtime (with stable inodes: and the same inode).

    Returns:
        SAME or CHECK with the row first whose facts hold, then other rows of this inode; MAYBE with the rows whose
        sample may turn out equal; or OTHER.
    """
    rows = [row for row in rows if row.has_stat(found)]
    if stable_inodes:
        rows = [row for row in rows if row.inode == found.inode]
        verified = [row for row in rows if row.facts.hash_state == "verified"]
        for row in (*verified, *rows):
            if _is_untouched(found, row):
                return Match.SAME, _first(row, rows)
        if found.mtime_ns % WHOLE_SECOND_NS != 0:
            sampled = [row for row in verified if row.facts.sample is not None]
            if sampled:
                return Match.CHECK, _first(sampled[0], rows)
            if rows and not verified:
                return Match.SAME, rows
    checkable = [row for row in rows if row.facts.sample is not None]
    return (Match.MAYBE, checkable) if checkable else (Match.OTHER, [])


def _is_untouched(found: FileStat, row: Row) -> bool:
    return row.inode == found.inode and row.changed_ns == found.changed_ns != UNSURE_NS


def _first(row: Row, rows: list[Row]) -> list[Row]:
    return [row, *(other for other in rows if other is not row)]
