from dataclasses import replace

import pytest
from quartermaster.extension.inventory.identity import Match, match_elsewhere, match_in_place
from quartermaster.extension.inventory.index import Facts, Row
from quartermaster.extension.inventory.scan import UNSURE_NS, FileStat

FOUND = FileStat(size=10, mtime_ns=1_000_000_123, inode=7, device=1, changed_ns=50, busy=False)
ROW = Row("/a", 10, 1_000_000_123, 7, 50, Facts("ab" * 32, sample="s"))
WHOLE_NS = 3_000_000_000


@pytest.mark.parametrize(
    ("row", "stable", "match"),
    [
        (ROW, True, Match.SAME),
        (replace(ROW, size=11), True, Match.OTHER),
        (replace(ROW, mtime_ns=1), True, Match.OTHER),
        (replace(ROW, inode=8), True, Match.OTHER),
        (replace(ROW, changed_ns=49), True, Match.CHECK),
        (replace(ROW, inode=8), False, Match.CHECK),
        (replace(ROW, changed_ns=49, facts=Facts("ab" * 32)), True, Match.OTHER),
        (replace(ROW, changed_ns=49, facts=Facts("ab" * 32, hash_state="claimed")), True, Match.SAME),
        (replace(ROW, changed_ns=UNSURE_NS), True, Match.CHECK),
    ],
    ids=["same", "size", "mtime", "inode", "change-time", "unstable-inode", "no-sample", "claim", "unsure"],
)
def test_a_file_under_its_own_path(row: Row, stable: bool, match: Match) -> None:
    assert match_in_place(FOUND, row, stable_inodes=stable) is match


def test_a_change_time_that_proves_nothing_equals_not_even_itself() -> None:
    found, row = FOUND._replace(changed_ns=UNSURE_NS), replace(ROW, changed_ns=UNSURE_NS)
    assert match_in_place(found, row, stable_inodes=True) is Match.CHECK
    assert match_elsewhere(found, [row], stable_inodes=True)[0] is Match.CHECK


def test_a_moved_file_keeps_its_hash_and_its_sample_is_looked_at() -> None:
    """A rename moves the change time. So does the reuse of an inode number, with the mtime set back by a copy."""
    assert match_elsewhere(FOUND, [replace(ROW, changed_ns=1)], stable_inodes=True)[0] is Match.CHECK


def test_a_moved_claim_is_believed_until_it_is_verified() -> None:
    claim = replace(ROW, changed_ns=1, facts=Facts("cd" * 32, hash_state="claimed"))
    assert match_elsewhere(FOUND, [claim], stable_inodes=True) == (Match.SAME, [claim])


def test_another_inode_is_another_file() -> None:
    assert match_elsewhere(FOUND, [replace(ROW, inode=8)], stable_inodes=True) == (Match.OTHER, [])


def test_a_verified_row_is_preferred_to_a_claim() -> None:
    claim = replace(ROW, path="/b", facts=Facts("cd" * 32, hash_state="claimed"))
    match, rows = match_elsewhere(FOUND, [claim, ROW], stable_inodes=True)
    assert (match, rows[0]) == (Match.SAME, ROW)


def test_a_whole_second_mtime_is_checked_because_tools_set_it_and_inodes_are_reused() -> None:
    found = FOUND._replace(mtime_ns=WHOLE_NS)
    row = replace(ROW, mtime_ns=WHOLE_NS, changed_ns=1)
    assert match_elsewhere(found, [row], stable_inodes=True) == (Match.MAYBE, [row])


def test_a_folder_that_was_renamed_touches_no_inode_and_needs_no_check() -> None:
    found = FOUND._replace(mtime_ns=WHOLE_NS)
    row = replace(ROW, mtime_ns=WHOLE_NS)
    assert match_elsewhere(found, [row], stable_inodes=True) == (Match.SAME, [row])


def test_without_stable_inodes_size_and_mtime_name_the_candidates() -> None:
    rows = [replace(ROW, path="/x", inode=1), replace(ROW, path="/y", inode=2, facts=Facts("cd" * 32))]
    assert match_elsewhere(FOUND, rows, stable_inodes=False) == (Match.MAYBE, rows[:1])
