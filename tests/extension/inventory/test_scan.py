import os
import socket
from pathlib import Path

import pytest
from quartermaster.extension.inventory.scan import scan_root, stat_file
from quartermaster.tests.fakes.model_files import write_model


def found(root: Path, **options: object) -> list[str]:
    return sorted(scan_root(str(root), **options).files)  # type: ignore[arg-type]  # options are scan_root's own


def test_lists_model_files_at_every_depth_and_nothing_else(tmp_path: Path) -> None:
    write_model(tmp_path / "a.safetensors")
    write_model(tmp_path / "deep/er/B.SAFETENSORS")
    (tmp_path / "c.ckpt").write_bytes(b"x")
    for name in ("a.json", "a.preview.png", "a.safetensors.part", "b.crdownload", "c.safetensors.incomplete", "d.tmp"):
        (tmp_path / name).write_bytes(b"x")
    assert found(tmp_path) == ["a.safetensors", "c.ckpt", "deep/er/B.SAFETENSORS"]


def test_says_what_the_system_says(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_model(path)
    status = path.stat()
    assert scan_root(str(tmp_path)).files["a.safetensors"][:4] == (
        status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev,
    )  # fmt: skip
    assert stat_file(str(path)) == scan_root(str(tmp_path)).files["a.safetensors"]


def test_a_download_under_way_is_busy(tmp_path: Path) -> None:
    write_model(tmp_path / "a.safetensors")
    (tmp_path / "a.safetensors.aria2").touch()
    write_model(tmp_path / "b.safetensors")
    files = scan_root(str(tmp_path)).files
    assert files["a.safetensors"].busy
    assert not files["b.safetensors"].busy


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    write_model(tmp_path / "real/a.safetensors")
    (tmp_path / "real/up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "again").symlink_to(tmp_path / "real", target_is_directory=True)
    assert found(tmp_path) == ["real/a.safetensors"]


def test_a_linked_folder_elsewhere_is_followed(tmp_path: Path) -> None:
    write_model(tmp_path / "nas/a.safetensors")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/linked").symlink_to(tmp_path / "nas", target_is_directory=True)
    assert found(tmp_path / "root") == ["linked/a.safetensors"]


def test_two_links_to_one_file_are_two_paths_of_one_inode(tmp_path: Path) -> None:
    write_model(tmp_path / "a.safetensors")
    (tmp_path / "b.safetensors").symlink_to("a.safetensors")
    os.link(tmp_path / "a.safetensors", tmp_path / "c.safetensors")
    files = scan_root(str(tmp_path)).files
    assert sorted(files) == ["a.safetensors", "b.safetensors", "c.safetensors"]
    assert len({status.inode for status in files.values()}) == 1


def test_what_is_not_a_file_is_reported_and_skipped(tmp_path: Path) -> None:
    write_model(tmp_path / "good.safetensors")
    os.mkfifo(tmp_path / "pipe.safetensors")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s.pt"))
        (tmp_path / "broken.pt").symlink_to("nowhere/at/all.pt")
        result = scan_root(str(tmp_path))
    assert sorted(result.files) == ["good.safetensors"]
    assert {Path(p.path).name for p in result.problems} == {"pipe.safetensors", "s.pt", "broken.pt"}


def test_names_that_cannot_be_published_are_reported_and_skipped(tmp_path: Path) -> None:
    write_model(tmp_path / "good – ü.safetensors")
    write_model(tmp_path / "line\nbreak.safetensors")
    write_model(tmp_path / ("x" * (255 - 12) + ".safetensors"))
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.safetensors")).write_bytes(b"x")
    result = scan_root(str(tmp_path))
    assert list(result.files) == ["good – ü.safetensors"]
    assert len(result.problems) == 3
    assert all(problem.path.isascii() or "\\x" in problem.path for problem in result.problems)


def test_a_folder_with_a_model_name_is_entered(tmp_path: Path) -> None:
    write_model(tmp_path / "odd.safetensors/inner.safetensors")
    assert found(tmp_path) == ["odd.safetensors/inner.safetensors"]


def test_excluded_files_and_folders_are_left_out(tmp_path: Path) -> None:
    for name in ("a.safetensors", "wip/b.safetensors", "deep/wip/c.safetensors", "d.ckpt"):
        write_model(tmp_path / name)
    assert found(tmp_path, excludes=("wip", "*.ckpt")) == ["a.safetensors"]


def test_trash_and_caches_of_other_programs_are_left_out(tmp_path: Path) -> None:
    for folder in (".git", "$RECYCLE.BIN", "@eaDir"):
        write_model(tmp_path / folder / "a.safetensors")
    assert found(tmp_path) == []


def test_one_folder_can_be_listed_alone(tmp_path: Path) -> None:
    write_model(tmp_path / "a/x.safetensors")
    write_model(tmp_path / "b/y.safetensors")
    assert found(tmp_path, below="b") == ["b/y.safetensors"]


def test_a_root_that_is_gone_is_told(tmp_path: Path) -> None:
    result = scan_root(str(tmp_path / "nas"))
    assert result.gone is not None
    assert "" in result.unreadable


def test_an_unreadable_folder_is_told_and_the_rest_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_model(tmp_path / "a.safetensors")
    write_model(tmp_path / "shut/b.safetensors")
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    result = scan_root(str(tmp_path))
    assert list(result.files) == ["a.safetensors"]
    assert result.unreadable == {"shut"}
    assert "Permission denied" in result.problems[0].what


def test_a_link_whose_target_folder_is_away_is_unreadable_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/nas").symlink_to(tmp_path / "unmounted", target_is_directory=True)
    (tmp_path / "root/x.safetensors").symlink_to(tmp_path / "unmounted/x.safetensors")
    assert scan_root(str(tmp_path / "root")).unreadable == {"nas", "x.safetensors"}


def test_a_scan_can_be_stopped(tmp_path: Path) -> None:
    write_model(tmp_path / "a/x.safetensors")
    result = scan_root(str(tmp_path), stopped=lambda: True)
    assert result.gone == "the scan was stopped"
