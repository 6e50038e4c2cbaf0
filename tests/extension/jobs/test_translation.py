"""What a web UI is asked for, from a job and this server's files: names, places, and what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from quartermaster.extension.jobs.engine import Listed, Names
from quartermaster.extension.jobs.faults import HandedBackError, JobError, JobFailedError
from quartermaster.extension.jobs.finding import File, Held
from quartermaster.extension.jobs.translation import NotListedError, translate
from quartermaster.hub_client import ClaimedJob, NeededModel

SHA = "ab" * 32
OPTIONS = tuple(Listed(name) for name in ("sd_lora", "add_model_hash_to_info", "lora_add_hashes_to_infotext"))
FORGE: Names = {
    "checkpoints": (
        Listed("b.safetensors", "/m/b.safetensors"),
        Listed("sub/a.safetensors [abababab]", "/m/a.safetensors"),
    ),
    "loras": (Listed("style-v2", "/l/SDXL/style-v2.safetensors"),),
    "modules": (Listed("ae.safetensors", "/v/ae.safetensors"), Listed("t5.safetensors", "/t/t5.safetensors")),
    "embeddings": (Listed("easy-neg"),),
    "controlnets": (Listed("None"), Listed("canny [01234567]")),
    "upscalers": (Listed("4x-Sharp", "/u/4x-Sharp.pth"),),
    "options": OPTIONS,
}
A1111: Names = {
    **{name: listed for name, listed in FORGE.items() if name != "modules"},
    "vaes": (Listed("ae.safetensors", "/v/ae.safetensors"),),
}


def held(source: str, role: str, path: str, name: str = "", **more: Any) -> Held:
    relative = path.lstrip("/").partition("/")[2]
    kind = {"vae": "VAE", "module": "VAE"}.get(role, "")
    file = File(path, relative, more.pop("kind", kind), SHA, **more)
    return Held(NeededModel(0, role, name or file.stem, (SHA,), source=source), (file,))


CHECKPOINT = held("sd_model_checkpoint", "checkpoint", "/m/a.safetensors", "as it was asked.safetensors [abababab]")


def job(payload: dict[str, Any], **more: Any) -> ClaimedJob:
    return ClaimedJob("id", "lease", 60.0, 1, "txt2img", payload, (), **more)


def body(payload: dict[str, Any], *needs: Held, names: Names = FORGE, **more: Any) -> dict[str, Any]:
    return dict(translate(job(payload, **more), (CHECKPOINT, *needs), names).body)


def test_models_stand_under_this_web_uis_names() -> None:
    made = body(
        {
            "prompt": "sky <lora:Style V2:0.8:0.5> EasyNegative, <lora:style v2.safetensors:1>",
            "negative_prompt": "easynegative, (easynegative:1.2) uneasynegative <lora:some text:1>",
            "enable_hr": True,
            "hr_prompt": "<lora:style v2:1>",
            "override_settings": {"sd_model_checkpoint": "someone else's", "CLIP_stop_at_last_layers": 2},
            "infotext": "Model: x",
            "alwayson_scripts": {"ADetailer": {"args": [{"ad_prompt": "face <lora:style v2:1> easynegative"}]}},
        },
        held("prompt", "lora", "/l/SDXL/style-v2.safetensors", "Style V2"),
        held("negative_prompt", "embedding", "/e/easy-neg.pt", "EasyNegative"),
        held("forge_additional_modules.0", "module", "/v/ae.safetensors"),
        held("forge_additional_modules.1", "module", "/t/t5.safetensors", kind="TextEncoder"),
        held("refiner_checkpoint", "refiner", "/m/b.safetensors", "Refine [123]"),
        held("hr_upscaler", "upscaler", "/u/4x-Sharp.pth", "4x sharp"),
    )
    assert made["prompt"] == "sky <lora:style-v2:0.8:0.5> easy-neg, <lora:style-v2:1>"
    assert made["negative_prompt"] == "easy-neg, (easy-neg:1.2) uneasynegative <lora:some text:1>"
    assert made["hr_prompt"] == "<lora:style-v2:1>"
    assert made["alwayson_scripts"]["ADetailer"]["args"][0]["ad_prompt"] == "face <lora:style-v2:1> easy-neg"
    assert made["override_settings"] == {
        "CLIP_stop_at_last_layers": 2,
        "sd_model_checkpoint": "sub/a.safetensors [abababab]",
        "forge_additional_modules": ["/v/ae.safetensors", "/t/t5.safetensors"],
        "sd_lora": "None",
        "lora_add_hashes_to_infotext": True,
        "add_model_hash_to_info": True,
    }
    assert (made["refiner_checkpoint"], made["hr_upscaler"]) == ("b.safetensors", "4x-Sharp")
    assert made["hr_additional_modules"] == ["Use same choices"]
    assert (made["save_images"], made["send_images"], made["override_settings_restore_afterwards"]) == (True,) * 3
    assert "infotext" not in made


def test_a_vae_is_a_setting_of_a1111s_and_none_is_automatic() -> None:
    vae = held("sd_vae", "vae", "/v/ae.safetensors")
    assert body({"prompt": ""}, vae, names=A1111)["override_settings"]["sd_vae"] == "ae.safetensors"
    assert body({"prompt": ""}, names=A1111)["override_settings"]["sd_vae"] == "Automatic"
    assert body({"prompt": ""})["override_settings"]["forge_additional_modules"] == []
    with pytest.raises(HandedBackError, match="cannot load the text_encoder") as refused:
        body({"prompt": ""}, held("x", "text_encoder", "/t/t5.safetensors", kind="TextEncoder"), names=A1111)
    assert refused.value.code == "cannot_load"


def test_models_and_images_of_scripts_stand_where_they_were_named() -> None:
    units = [{"model": "None"}, {"model": "Canny 2 [99999999]", "image": None}]
    made = body(
        {"prompt": "", "mask": None, "init_images": [None], "alwayson_scripts": {"my.cn": {"args": units}}},
        held("alwayson_scripts.my.cn.args.1.model", "controlnet", "/c/canny.safetensors", old_hash="01234567"),
        inputs={"init_images.0": "aGk=", "mask": "bWFzaw==", "alwayson_scripts.my.cn.args.1.image": "cGljdHVyZQ=="},
    )
    assert made["alwayson_scripts"]["my.cn"]["args"][1] == {"model": "canny [01234567]", "image": "cGljdHVyZQ=="}
    assert (made["init_images"], made["mask"]) == (["aGk="], "bWFzaw==")
    for path, text in (("init_images.7", "aGk="), ("nowhere.0", "aGk="), ("mask", "http://169.254.169.254/x")):
        with pytest.raises(JobFailedError):
            body({"prompt": "", "init_images": [None]}, inputs={path: text})


@pytest.mark.parametrize(
    ("payload", "need", "code"),
    [
        ({"prompt": "<lora:unasked:1>"}, None, "not_understood"),
        ({"prompt": "<lora:a<b:1>"}, None, "not_understood"),
        ({"prompt": "x", "script_args": ["<lora:unasked:1>"]}, None, "not_understood"),
        (
            {"prompt": "<lora:style-v2:1>"},
            held("prompt", "lora", "/l/SDXL/style-v2.safetensors", rivals=("SD15/style-v2.safetensors",)),
            "ambiguous_name",
        ),
        ({"prompt": "neg"}, held("prompt", "embedding", "/e/easy-neg.pt", "neg", rivals=("x",)), "ambiguous_name"),
        ({"prompt": ""}, held("somewhere", "other", "/o/x.bin"), "not_understood"),
    ],
)
def test_what_could_mean_another_model_is_refused(payload: dict[str, Any], need: Held | None, code: str) -> None:
    with pytest.raises(JobError) as refused:
        body(payload, *([need] if need else []))
    assert refused.value.code == code


def test_no_job_runs_without_a_checkpoint_of_its_own() -> None:
    with pytest.raises(JobFailedError, match="names no checkpoint"):
        translate(job({"prompt": "x"}), (), FORGE)


def test_a_file_that_is_not_listed_is_named_with_its_list() -> None:
    with pytest.raises(NotListedError) as unlisted:
        body({"prompt": ""}, held("prompt", "lora", "/l/new.safetensors"), names={**FORGE, "controlnets": ()})
    assert unlisted.value.lists == {"loras"}
    assert unlisted.value.handed_back().missing == (SHA,)


def test_a_web_ui_in_a_container_is_matched_by_hash_or_by_place() -> None:
    file = replace(CHECKPOINT.files[0], path="/home/me/models/pony/x.safetensors", relative="pony/x.safetensors")
    here = (Held(CHECKPOINT.need, (file,)),)
    for listed in (
        (Listed("t", "/data/y.safetensors", SHA), Listed("u", "/data/x.safetensors")),
        (Listed("t", "/data/pony/x.safetensors"), Listed("u", "/data/sdxl/x.safetensors")),
        (Listed("t", "D:\\models\\pony\\x.safetensors"), Listed("u", "D:\\models\\x.safetensors")),
    ):
        found = translate(job({"prompt": ""}), here, {**FORGE, "checkpoints": listed})
        assert found.body["override_settings"]["sd_model_checkpoint"] == "t"
    twice = (Listed("t", "/a/pony/x.safetensors"), Listed("u", "/b/pony/x.safetensors"))
    with pytest.raises(NotListedError):
        translate(job({"prompt": ""}), here, {**FORGE, "checkpoints": twice})


def test_a_list_that_is_older_than_the_last_renaming_leads_to_no_file(tmp_path: Path) -> None:
    """The web UI would look for a file that is gone, or use another one that has its name by now."""
    for name, sha256 in (("before.safetensors", SHA), ("now.safetensors", "f" * 64)):
        stale: Names = {**FORGE, "checkpoints": (Listed(name, str(tmp_path / name), sha256),)}
        with pytest.raises(NotListedError):
            translate(job({}), [held("sd_model_checkpoint", "checkpoint", str(tmp_path / "now.safetensors"))], stale)
    seen_elsewhere: Names = {**FORGE, "checkpoints": (Listed("before.safetensors", "/in/a/container/x", SHA),)}
    needs = [held("sd_model_checkpoint", "checkpoint", str(tmp_path / "now.safetensors"))]
    assert translate(job({}), needs, seen_elsewhere).body["override_settings"]["sd_model_checkpoint"]
