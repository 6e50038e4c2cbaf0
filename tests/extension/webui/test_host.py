import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from quartermaster.extension.webui.host import Host
from quartermaster.tests.extension.webui.conftest import WebUI


def folders_of(web_ui: WebUI) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for kind, path in Host().folders().named:
        found.setdefault(kind or "", []).append(path)
    return found


def test_the_usual_folders_are_those_of_the_web_ui(web_ui: WebUI) -> None:
    models = web_ui.folder / "models"
    found = folders_of(web_ui)
    assert found["Checkpoint"] == [str(models / "Stable-diffusion")]
    assert found["LORA"] == [str(models / "Lora")]
    assert found["TextualInversion"] == [str(web_ui.folder / "embeddings")]
    assert found[""] == [str(models)]
    assert Host().folders().base == str(web_ui.folder)


def test_a_flag_adds_a_folder_or_replaces_one(web_ui: WebUI, tmp_path: Path) -> None:
    web_ui.flags.ckpt_dir = str(tmp_path / "big")
    web_ui.flags.lora_dir = str(tmp_path / "loras")
    web_ui.flags.esrgan_models_path = str(tmp_path / "up")
    found = folders_of(web_ui)
    assert found["Checkpoint"] == [str(web_ui.folder / "models" / "Stable-diffusion"), str(tmp_path / "big")]
    assert found["LORA"] == [str(tmp_path / "loras")]
    assert found["Upscaler"] == [str(tmp_path / "up")]
    assert Host().folders().closed == (str(web_ui.folder / "models" / "Lora"),)


def test_a_setting_adds_a_folder(web_ui: WebUI, tmp_path: Path) -> None:
    web_ui.options["control_net_models_path"] = str(tmp_path / "cn")
    assert str(tmp_path / "cn") in folders_of(web_ui)["Controlnet"]


@pytest.mark.parametrize(("job", "count", "generating"), [("", 0, False), ("txt2img", -1, True), ("", 3, True)])
def test_it_tells_when_images_are_made(web_ui: WebUI, job: str, count: int, generating: bool) -> None:
    web_ui.state.job, web_ui.state.job_count = job, count
    assert Host().generating() is generating


def test_the_chosen_checkpoint_is_found_by_its_title(web_ui: WebUI) -> None:
    info = SimpleNamespace(name="sub/x.safetensors", filename="/models/sub/x.safetensors")
    web_ui.checkpoints["sub/x.safetensors"] = info
    assert Host().checkpoint() is None
    web_ui.options["sd_model_checkpoint"] = "sub/x.safetensors [0123456789]"
    found = Host().checkpoint()
    assert found is not None
    assert (found.name, Path(found.file)) == ("sub/x.safetensors", Path("/models/sub/x.safetensors").absolute())


def test_a_web_ui_without_any_of_it_is_no_fault(web_ui: WebUI, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cmd_opts", "opts", "state"):
        monkeypatch.delattr(sys.modules["modules.shared"], name)
    host = Host()
    assert not host.generating()
    assert host.checkpoint() is None
    assert host.folders().named
