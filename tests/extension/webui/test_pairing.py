import os
import stat
from pathlib import Path

import pytest
from quartermaster.extension.webui.pairing import PairingFile
from quartermaster.hub_client import Credentials


def test_a_new_web_ui_gets_a_name_that_it_keeps(tmp_path: Path) -> None:
    first = PairingFile(tmp_path, "/a", "forge").read()
    assert first.server_id.endswith("-forge")
    assert PairingFile(tmp_path, "/a", "forge").read() == first


def test_two_web_uis_of_one_machine_have_two_names(tmp_path: Path) -> None:
    names = {PairingFile(tmp_path, folder, "forge").read().server_id for folder in ("/a", "/b", "/c")}
    assert len(names) == 3


def test_a_hub_is_kept_and_forgotten(tmp_path: Path) -> None:
    file = PairingFile(tmp_path, "/a", "a1111")
    name = file.read().server_id
    file.pair("attic", "http://hub:7807", Credentials("the-key", "the-secret"))
    kept = file.read()
    assert (kept.server_id, kept.address) == ("attic", "http://hub:7807")
    assert kept.credentials == Credentials("the-key", "the-secret")
    assert "the-secret" not in repr(kept)
    file.unpair()
    assert file.read().credentials is None
    assert file.read().server_id == "attic"
    assert name != "attic"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"data_path": 1}', '{"data_path": "/a", "server_id": "../x"}'])
def test_a_damaged_file_is_made_anew(tmp_path: Path, content: str) -> None:
    file = PairingFile(tmp_path, "/a", "a1111")
    name = file.read().server_id
    next((tmp_path / "web-uis").glob("*.json")).write_text(content, encoding="utf-8")
    assert file.read().server_id == name


@pytest.mark.parametrize("place", ["file", "folder"])
def test_only_this_user_can_read_it(tmp_path: Path, place: str) -> None:
    if os.name == "nt":
        return  # the user's own profile is closed there, and modes say nothing
    PairingFile(tmp_path / "home", "/a", "a1111").pair("attic", "http://hub", Credentials("k", "s"))
    file = next((tmp_path / "home" / "web-uis").glob("*.json"))
    mode = stat.S_IMODE((file if place == "file" else file.parent).stat().st_mode)
    assert mode & 0o077 == 0
