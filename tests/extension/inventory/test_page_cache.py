"""page_cache: hashing leaves the page cache as it found it."""

import os
from pathlib import Path

import pytest
from quartermaster.extension.inventory import page_cache
from quartermaster.extension.inventory.hashing import CHUNK_BYTES, hash_file
from quartermaster.extension.inventory.page_cache import is_cached


@pytest.mark.parametrize("cached", [False, True])
def test_the_page_cache_is_left_as_it_was_found(tmp_path: Path, cached: bool) -> None:
    path = tmp_path / "m.ckpt"
    path.write_bytes(os.urandom(3_000_000))
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        if not cached and hasattr(os, "posix_fadvise"):
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        # Asking reads the page that was asked for, so each question is about another one. A file system in memory
        # answers "cached" to both.
        before = is_cached(file.fileno(), 600_000)
        hash_file(path, want_tensor_hash=False)
        assert is_cached(file.fileno(), 2_200_000) == before


def test_cold_windows_are_given_back_and_warm_ones_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    warm_windows = {1, 4}
    monkeypatch.setattr(page_cache, "WINDOW_BYTES", CHUNK_BYTES)
    monkeypatch.setattr(page_cache, "is_cached", lambda _fd, offset: offset // CHUNK_BYTES in warm_windows)
    monkeypatch.setattr(page_cache, "give_back", lambda _fd, *span: given.append(span))
    path = tmp_path / "m.ckpt"
    path.write_bytes(bytes(5 * CHUNK_BYTES + 10))
    hash_file(path, want_tensor_hash=False)
    chunk = CHUNK_BYTES
    assert given == [(0, chunk), (2 * chunk, chunk), (2 * chunk, 2 * chunk), (5 * chunk, 10)]
