"""opening: files and nothing else, without being in anybody's way."""

import os
import socket
from pathlib import Path

import pytest
from quartermaster.extension.inventory.errors import FileVanishedError, NotARegularFileError, UnreadableFileError
from quartermaster.extension.inventory.opening import opened


def read(path: Path | str) -> bytes:
    with opened(path) as descriptor:
        return os.read(descriptor, 100)


def test_a_file_is_opened_at_its_start_and_closed_again(tmp_path: Path) -> None:
    (tmp_path / "m.ckpt").write_bytes(b"content")
    with opened(tmp_path / "m.ckpt") as descriptor:
        assert os.read(descriptor, 100) == b"content"
    with pytest.raises(OSError, match=r"[Bb]ad file descriptor"):
        os.fstat(descriptor)


def test_what_is_no_regular_file_is_refused_and_blocks_nobody(tmp_path: Path) -> None:
    with pytest.raises(NotARegularFileError):
        read(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "fifo")
        with pytest.raises(NotARegularFileError):
            read(tmp_path / "fifo")
        with pytest.raises(NotARegularFileError):
            read(os.devnull)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.relpath(tmp_path / "socket"))
            with pytest.raises(NotARegularFileError):
                read(tmp_path / "socket")


def test_a_fifo_that_takes_the_file_s_place_blocks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(os, "mkfifo"):
        return
    os.mkfifo(tmp_path / "m.ckpt")
    (tmp_path / "file").touch()
    as_a_file = (tmp_path / "file").stat()
    monkeypatch.setattr(Path, "stat", lambda _path: as_a_file)
    with pytest.raises(NotARegularFileError):
        read(tmp_path / "m.ckpt")


def test_what_is_not_there_has_vanished(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "gone", tmp_path / "file" / "below"):
        with pytest.raises(FileVanishedError, match="not there"):
            read(path)


def test_a_broken_link_has_vanished_and_a_good_one_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "link"
    try:
        link.symlink_to(tmp_path / "target")
    except OSError:
        assert os.name == "nt"  # Windows lets only some users make links
        return
    with pytest.raises(FileVanishedError):
        read(link)
    (tmp_path / "target").write_bytes(b"content")
    assert read(link) == b"content"


@pytest.mark.parametrize("path", ["a\0b", "x" * 5000])
def test_a_name_that_no_system_call_takes_is_unreadable(path: str) -> None:
    with pytest.raises(UnreadableFileError):
        read(path)


def test_an_error_of_the_disk_names_the_file_and_the_reason(tmp_path: Path) -> None:
    (tmp_path / "m.ckpt").touch()
    with pytest.raises(UnreadableFileError, match=r"m\.ckpt.*Input/output error"), opened(tmp_path / "m.ckpt"):
        raise OSError(5, "Input/output error")


def test_an_open_file_can_be_renamed_and_deleted(tmp_path: Path) -> None:
    (tmp_path / "m.ckpt").write_bytes(b"content")
    with opened(tmp_path / "m.ckpt") as descriptor:
        (tmp_path / "m.ckpt").rename(tmp_path / "renamed.ckpt")
        (tmp_path / "renamed.ckpt").unlink()
        assert os.read(descriptor, 100) == b"content"
