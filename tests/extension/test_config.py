from pathlib import Path

import pytest
from quartermaster.extension.config import AgentConfig, is_server_id
from quartermaster.extension.inventory.roots import RootError
from quartermaster.hub_client import Credentials


@pytest.mark.parametrize("text", ["attic", "Größe 3", "a" * 100, "a.b", "...a", "at tic", "\U0001f600"])
def test_these_can_be_the_id_of_a_server(text: str) -> None:
    assert is_server_id(text)


@pytest.mark.parametrize(
    "text", ["", " ", ".", "..", "a/b", "a\\b", "a" * 101, " a", "a ", "a\n", "a\x00", "\udcff", "\x85"]
)
def test_these_cannot(text: str) -> None:
    assert not is_server_id(text)


def forge(folder: Path) -> Path:
    for name in ("models/Lora", "models/VAE", "embeddings"):
        (folder / name).mkdir(parents=True)
    (folder / "webui.py").write_bytes(b"")
    return folder


def test_the_roots_are_what_the_disk_has_now(tmp_path: Path) -> None:
    config = AgentConfig("attic", models=str(forge(tmp_path / "forge")))
    labels = {root.label for root in config.find_roots()[0]}
    assert {"models/Lora", "models/VAE", "embeddings", "models"} == labels
    (tmp_path / "forge/models/ESRGAN").mkdir()
    assert {root.label for root in config.find_roots()[0]} - labels == {"models/ESRGAN"}


def test_named_roots_stand_beside_those_found_with_labels_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "more/Lora").mkdir(parents=True)
    models = str(forge(tmp_path / "forge"))
    config = AgentConfig("attic", models=models, named=(("LORA", str(tmp_path / "more/Lora")),))
    roots, _ = config.find_roots()
    assert len({root.label for root in roots}) == len(roots) == 5
    (named,) = [root for root in roots if root.path == str(tmp_path / "more/Lora")]
    assert named.kind == "LORA"


def test_excludes_and_never_share_mark_every_root_that_they_concern(tmp_path: Path) -> None:
    models = forge(tmp_path / "forge")
    config = AgentConfig("attic", models=str(models), excludes=("*.ckpt",), never_share=(str(models / "models/Lora"),))
    roots, _ = config.find_roots()
    assert all("*.ckpt" in root.excludes for root in roots)
    assert [root.label for root in roots if not root.shared] == ["models/Lora"]


@pytest.mark.parametrize("name", ["missing", "file"])
def test_a_models_folder_that_is_none_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(RootError, match=f"{name}' cannot be listed: [A-Z]"):
        AgentConfig("attic", models=str(tmp_path / name)).find_roots()


def test_a_config_shows_no_secret() -> None:
    assert "hunter2" not in repr(AgentConfig("attic", credentials=Credentials("k", "hunter2")))
