"""When a file is still the file that was hashed: the rule of DESIGN's "Identity" as one pure function.

A path keeps its hash while its inode, size and mtime stand. Where inodes are unstable (FAT, FUSE, SMB…), and where the
inode's change time says that something touched a file whose mtime was set back, a sample of the content decides. A
file that comes under another path keeps its hash if its inode, size and mtime are those of a row; where the mtime is a
whole second, as tools set it, the sample is asked as well: archives give many files one such mtime, and file systems
give the inode of a deleted file to the next one.
"""

from collections.abc import Iterable
from enum import Enum

from .index import Row
from .scan import FileStat

WHOLE_SECOND_NS = 1_000_000_000


class Match(Enum):
    """How a found file compares with a row of the index."""

    SAME = "same"
    CHECK = "check"
    """Most likely the same: its sample decides."""
    OTHER = "other"


def match_in_place(found: FileStat, row: Row, *, stable_inodes: bool) -> Match:
    """Compare a found file with the row of its own path."""
    if not row.has_stat(found):
        return Match.OTHER
    if stable_inodes and row.inode != found.inode:
        return Match.OTHER
    if row.inode == found.inode and row.changed_ns == found.changed_ns:
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
        SAME with the row whose facts hold first, then the other rows of this inode; CHECK with the rows whose sample
        may turn out equal; or OTHER.
    """
    rows = [row for row in rows if row.has_stat(found)]
    if stable_inodes:
        rows = [row for row in rows if row.inode == found.inode]
        exact = found.mtime_ns % WHOLE_SECOND_NS != 0
        for row in rows:
            if row.facts.hash_state == "verified" and (exact or row.changed_ns == found.changed_ns):
                return Match.SAME, [row, *(other for other in rows if other is not row)]
        if exact and rows:
            return Match.SAME, rows
    checkable = [row for row in rows if row.facts.sample is not None]
    return (Match.CHECK, checkable) if checkable else (Match.OTHER, [])
