import os
import stat
from pathlib import Path

import pytest
from quartermaster.extension.paths import (
    HomeUnknownError,
    data_home,
    file_name,
    hub_folder,
    make_private,
    write_private,
)

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes and no HOME")


@pytest.mark.parametrize(
    ("platform", "environ", "ending"),
    [
        ("linux", {"XDG_DATA_HOME": "/d"}, "/d/quartermaster"),
        ("linux", {}, "/.local/share/quartermaster"),
        ("linux", {"XDG_DATA_HOME": "relative"}, "/.local/share/quartermaster"),
        ("darwin", {"XDG_DATA_HOME": "/d"}, "/Library/Application Support/quartermaster"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l/quartermaster"),
        ("win32", {}, "/AppData/Local/quartermaster"),
        ("linux", {"QUARTERMASTER_HOME": "/own", "XDG_DATA_HOME": "/d"}, "/own"),
    ],
)
def test_the_data_folder_is_where_the_platform_keeps_data(platform: str, environ: dict[str, str], ending: str) -> None:
    assert data_home(environ, platform).as_posix().endswith(ending)
    assert hub_folder(data_home(environ, platform)).as_posix().endswith(ending + "/hub")


@posix
def test_an_own_folder_may_be_named_from_home_or_from_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert data_home({"QUARTERMASTER_HOME": "~/qm"}) == tmp_path / "qm" == data_home({"QUARTERMASTER_HOME": "qm"})


@posix
@pytest.mark.parametrize("home", ["", "relative/home"])
def test_a_home_that_is_none_is_not_the_root_of_the_disk(monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    import pwd

    monkeypatch.setenv("HOME", home)
    assert data_home({}, "linux") == Path(pwd.getpwuid(os.getuid()).pw_dir) / ".local/share/quartermaster"


@posix
@pytest.mark.parametrize("home", [None, ""])
def test_a_user_that_the_system_does_not_know_is_told_what_to_set(
    monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    monkeypatch.delenv("HOME") if home is None else monkeypatch.setenv("HOME", home)
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000 - 7)
    with pytest.raises(HomeUnknownError, match="QUARTERMASTER_HOME"):
        data_home({}, "linux")


@posix
def test_a_private_folder_is_made_with_its_parents_and_one_that_is_there_is_left(tmp_path: Path) -> None:
    made = make_private(tmp_path / "a" / "b")
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    made.chmod(0o750)
    assert stat.S_IMODE(make_private(made).stat().st_mode) == 0o750
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError):
        make_private(tmp_path / "file")


@posix
def test_a_private_file_is_the_users_only_whatever_stood_there(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o644)
    (tmp_path / "key.json.part").symlink_to(tmp_path / "elsewhere")  # of an attempt that was cut off, or laid as a trap
    write_private(path, '{"größe": 1}')
    assert path.read_text(encoding="utf-8") == '{"größe": 1}'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["key.json"]


def test_a_private_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(OSError):
        write_private(tmp_path / "there", "x")
    with pytest.raises(OSError):
        write_private(tmp_path / "missing" / "key.json", "x")
    assert os.listdir(tmp_path) == ["there"]


def test_no_two_servers_share_a_file_and_no_name_is_a_device() -> None:
    ids = ["attic", "Attic", "ATTIC", "at tic", "at%20_tic", "at.tic", "größe", "grösse", "con", "nul", "com1", "con.x"]
    names = [file_name(server_id) for server_id in ids]
    assert names[0] == "attic"
    assert len({name.lower() for name in names}) == len(ids)
    assert not {"con", "nul", "com1"} & set(names)
    assert all(name.isascii() and not set(name) & set('/\\:*?"<>|. ') for name in names)
    assert len(file_name("\U0001f600" * 25)) < 250
