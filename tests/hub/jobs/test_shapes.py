"""Every shape of a submission becomes one request to a web UI, and the models that it asks for."""

import base64
from typing import Any

import pytest
from quartermaster.hub.errors import FieldError
from quartermaster.hub.jobs.shapes import Asked, read_submission

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(100)).decode()
SHA = "ab" * 32


def read(**body: Any) -> Asked:
    return read_submission({"target_server_alias": "any", **body})


def params(**stated: Any) -> Asked:
    return read(generation_params={"positive_prompt": "a cat", "checkpoint_name": "cyber.safetensors", **stated})


def payload(**stated: Any) -> Asked:
    settings = {"sd_model_checkpoint": "cyber.safetensors [9f90c59f3a]", **stated.pop("override_settings", {})}
    return read(payload={"prompt": "a cat", "override_settings": settings, **stated})


def asked_of(asked: Asked) -> list[tuple[str, str, tuple[str, ...], str]]:
    return [(each.role, each.name, each.hashes, each.source) for each in asked.wanted]


def test_stablequeues_parameters_of_either_type() -> None:
    asked = params(
        seed="42", steps="25", cfg_scale="7.5", width="832", height=1216.0, sampler="Euler a", num_images="2",
        subseed="", restore_faces="false", enable_hires_fix=True, refiner_model="None", upscaler_model="Latent",
        model_hash="9F90C59F3A", negative_prompt="ugly", style_preset="simple", clip_skip="2",
    )  # fmt: skip
    assert asked.payload == {
        "prompt": "a cat", "negative_prompt": "ugly", "seed": 42, "steps": 25, "cfg_scale": 7.5, "width": 832,
        "height": 1216, "sampler_name": "Euler a", "batch_size": 2, "restore_faces": False, "enable_hr": True,
        "hr_upscaler": "Latent", "override_settings": {"CLIP_stop_at_last_layers": 2},
    }  # fmt: skip
    assert asked_of(asked) == [("checkpoint", "cyber.safetensors", ("9f90c59f3a",), "sd_model_checkpoint")]
    assert (asked.mode, asked.target, asked.title, asked.warnings) == ("txt2img", None, "a cat", ())


def test_a_checkpoint_by_each_of_its_names_in_stablequeue() -> None:
    for stated, name, hashes in (
        ({"sd_checkpoint": "Pony\\x.safetensors [9f90c59f3a]"}, "Pony\\x.safetensors", ("9f90c59f3a",)),
        ({"checkpoint": {"name": "x", "hash": SHA}}, "x", (SHA,)),
        ({"model_info": {"hash": "AB" * 5}}, "", ("ab" * 5,)),
        ({"checkpoint_name": "x", "model_hash": "deadbeef"}, "x", ()),  # A1111's old hash tells nothing
        ({"override_settings": {"sd_model_checkpoint": "x.ckpt"}}, "x.ckpt", ()),
        ({"override_settings": {"sd_checkpoint_hash": SHA}}, "", (SHA,)),
    ):
        asked = read(generation_params={"prompt": "a cat", **stated})
        assert [(each.name, each.hashes) for each in asked.wanted] == [(name, hashes)], stated


def test_a_web_uis_request_with_everything_that_chooses_a_model() -> None:
    asked = payload(
        prompt="a <lora:one:0.8> <lora:one:0.5> <hypernet:h:1> cat",
        enable_hr=True,
        hr_checkpoint_name="hires.safetensors",
        hr_upscaler="4x-UltraSharp",
        hr_prompt="<lora:two:1>",
        refiner_checkpoint="refine [0123456789]",
        refiner_switch_at=0.8,
        send_images=True,
        override_settings={"sd_vae": "Automatic", "forge_additional_modules": ["ae.safetensors", "/x/clip_l.sft"]},
        alwayson_scripts={
            "ControlNet": {"args": [
                {"enabled": True, "model": "canny [d14c016b]", "weight": 0.7, "image": PNG},
                {"enabled": False, "model": "depth"}, {"model": "None"},
            ]},
            "ADetailer": {"args": [True, {"ad_model": "face.pt", "ad_use_checkpoint": True, "ad_checkpoint": "d"}]},
        },
    )  # fmt: skip
    assert asked_of(asked) == [
        ("checkpoint", "cyber.safetensors", ("9f90c59f3a",), "sd_model_checkpoint"),
        ("refiner", "refine", ("0123456789",), "refiner_checkpoint"),
        ("checkpoint", "hires.safetensors", (), "hr_checkpoint_name"),
        ("module", "ae.safetensors", (), "forge_additional_modules.0"),
        ("module", "/x/clip_l.sft", (), "forge_additional_modules.1"),
        ("lora", "one", (), "prompt"),
        ("hypernetwork", "h", (), "prompt"),
        ("lora", "two", (), "hr_prompt"),
        ("upscaler", "4x-UltraSharp", (), "hr_upscaler"),
        ("controlnet", "canny", (), "alwayson_scripts.ControlNet.args.0.model"),
        ("detector", "face.pt", (), "alwayson_scripts.ADetailer.args.1.ad_model"),
        ("checkpoint", "d", (), "alwayson_scripts.ADetailer.args.1.ad_checkpoint"),
    ]
    assert asked.wanted[5].weight == 0.8 and asked.wanted[9].weight == 0.7
    assert [each.role for each in asked.wanted if each.optional] == ["upscaler", "detector"]
    assert asked.payload["override_settings"] == {}
    assert not {"refiner_checkpoint", "hr_checkpoint_name", "send_images"} & set(asked.payload)
    assert asked.inputs == {"alwayson_scripts.ControlNet.args.0.image": PNG}
    assert asked.payload["alwayson_scripts"]["ControlNet"]["args"][0]["image"] is None
    assert PNG not in str(asked.record) and asked.record["payload"]["prompt"].startswith("a <lora")


def test_a_bare_request_is_one_as_well() -> None:
    asked = read(prompt="a dog", steps=20, override_settings={"sd_model_checkpoint": "x"}, priority="3")
    assert (asked.payload["prompt"], asked.priority, asked.wanted[0].name) == ("a dog", 3, "x")


def test_images_stand_apart_and_make_it_img2img() -> None:
    asked = payload(init_images=[f"data:image/png;base64,{PNG}"], mask=PNG, denoising_strength=0.5)
    assert asked.mode == "img2img"
    assert asked.inputs == {"init_images.0": PNG, "mask": PNG}
    assert (asked.payload["init_images"], asked.payload["mask"]) == ([None], None)


INFOTEXT = """\
a <lora:one:0.8> cat, easynegative
Negative prompt: ugly
Steps: 28, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 6.5, Seed: 7, Size: 832x1216, Model hash: 9f90c59f3a, \
Model: cyber, VAE: ae.safetensors, Denoising strength: 0.4, Clip skip: 2, RNG: CPU, Hires upscale: 1.5, \
Hires upscaler: 4x-UltraSharp, Refiner: refine [0123456789], Refiner switch at: 0.8, \
Lora hashes: "one: abcdef012345", TI hashes: "easynegative: c74b4e810b03", ControlNet 0: "Model: c [d14c016b]"
"""


@pytest.mark.parametrize("name", ["infotext", "generation_info_raw"])
def test_an_infotext(name: str) -> None:
    asked = read(**{name: INFOTEXT})
    assert asked.payload == {
        "prompt": "a <lora:one:0.8> cat, easynegative", "negative_prompt": "ugly", "steps": 28, "cfg_scale": 6.5,
        "sampler_name": "DPM++ 2M", "scheduler": "Karras", "seed": 7, "width": 832, "height": 1216, "enable_hr": True,
        "denoising_strength": 0.4, "hr_scale": 1.5, "hr_upscaler": "4x-UltraSharp", "refiner_switch_at": 0.8,
        "override_settings": {"CLIP_stop_at_last_layers": 2, "randn_source": "CPU"},
    }  # fmt: skip
    assert asked_of(asked) == [
        ("checkpoint", "cyber", ("9f90c59f3a",), "sd_model_checkpoint"),
        ("refiner", "refine", ("0123456789",), "refiner_checkpoint"),
        ("vae", "ae.safetensors", (), "sd_vae"),
        ("lora", "one", ("abcdef012345",), "prompt"),
        ("upscaler", "4x-UltraSharp", (), "hr_upscaler"),
    ]
    (warned,) = asked.warnings
    assert warned.code == "not_repeated" and "ControlNet 0" in warned.message


def test_what_is_stated_beside_an_infotext_comes_before_it() -> None:
    asked = read(infotext=INFOTEXT, generation_params={"steps": 4, "seed": "9"})
    assert (asked.payload["steps"], asked.payload["seed"], asked.payload["width"]) == (4, 9, 832)
    own = read(payload={"infotext": INFOTEXT, "seed": 1, "override_settings": {"sd_model_checkpoint": "other"}})
    assert (own.payload["seed"], own.wanted[0].name) == (1, "other")


def test_loras_as_a_parameter_get_into_the_prompt() -> None:
    listed = [{"name": "one", "weight": "0.5", "hash": "ab" * 6}, "two", {"name": "there"}]
    asked = params(positive_prompt="a <lora:there:0.3> cat", loras=listed)
    assert asked.payload["prompt"] == "a <lora:there:0.3> cat <lora:one:0.5> <lora:two:1>"
    assert [(each.name, each.hashes, each.weight) for each in asked.wanted[1:]] == [
        ("there", (), 0.3), ("one", ("ab" * 6,), 0.5), ("two", (), 1.0),
    ]  # fmt: skip
    assert params(loras={"one": 0.5}).payload["prompt"] == "a cat <lora:one:0.5>"


def test_whoever_submits_may_know_the_hashes() -> None:
    known = [{"role": "lora", "name": "one", "hash": SHA}, {"role": "checkpoint", "name": "cyber", "hash": SHA}]
    asked = read(generation_params={"prompt": "<lora:one:1>", "checkpoint_name": "cyber.safetensors"}, models=known)
    assert [each.hashes for each in asked.wanted] == [(SHA,), (SHA,)]


def test_five_hundred_loras_are_asked_for_each_once() -> None:
    tags = " ".join(f"<lora:style {number}:1>" for number in range(500))
    assert len(params(positive_prompt=f"{tags} {tags}").wanted) == 501


def test_what_no_job_may_say_is_left_out_and_named() -> None:
    asked = payload(styles=["mine"], frobnicate=1, override_settings={"outdir_samples": "/etc", "eta_ancestral": 0.5})
    assert asked.payload["override_settings"] == {"eta_ancestral": 0.5}
    assert not {"styles", "frobnicate"} & set(asked.payload)
    (warned,) = asked.warnings
    assert all(name in warned.message for name in ("payload.styles", "payload.frobnicate", "outdir_samples"))


def refused(**body: Any) -> tuple[str, bool]:
    with pytest.raises(FieldError) as caught:
        read_submission(body)
    return caught.value.field, caught.value.missing


CYBER = {"prompt": "a cat", "checkpoint_name": "cyber"}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"steps": "many"}, "generation_params.steps"),
        ({"steps": 0}, "generation_params.steps"),
        ({"steps": True}, "generation_params.steps"),
        ({"steps": 2.5}, "generation_params.steps"),
        ({"seed": [1]}, "generation_params.seed"),
        ({"seed": 1 << 70}, "generation_params.seed"),
        ({"seed": "1" * 5000}, "generation_params.seed"),
        ({"seed": "\u0661"}, "generation_params.seed"),
        ({"width": 1_000_000}, "generation_params.width"),
        ({"cfg_scale": "7,5"}, "generation_params.cfg_scale"),
        ({"cfg_scale": "nan"}, "generation_params.cfg_scale"),
        ({"prompt": 7}, "generation_params.prompt"),
        ({"prompt": "x" * 1_000_000}, "generation_params.prompt"),
        ({"prompt": "a\x00b"}, "generation_params.prompt"),
        ({"negative_prompt": {"a": 1}}, "generation_params.negative_prompt"),
        ({"restore_faces": "perhaps"}, "generation_params.restore_faces"),
        ({"sampler_name": {"a": []}}, "generation_params.sampler_name"),
        ({"sampler_name": ["Euler"]}, "generation_params.sampler_name"),
        ({"checkpoint_name": 7}, "generation_params.checkpoint_name"),
        ({"checkpoint_name": "None"}, "generation_params.checkpoint_name"),
        ({"model_hash": "xyz"}, "generation_params.model_hash"),
        ({"model_hash": "abc"}, "generation_params.model_hash"),
        ({"model_hash": 9}, "generation_params.model_hash"),
        ({"loras": 7}, "generation_params.loras"),
        ({"loras": [{"weight": 1}]}, "generation_params.loras[0].name"),
        ({"loras": [{"name": "a>b"}]}, "generation_params.loras[0].name"),
        ({"init_images": "x"}, "generation_params.init_images"),
        ({"init_images": [{}]}, "generation_params.init_images[0]"),
        ({"init_images": ["http://example.com/cat.png"]}, "generation_params.init_images[0]"),
        ({"init_images": [base64.b64encode(b"no image at all " * 9).decode()]}, "generation_params.init_images[0]"),
        ({"override_settings": [1]}, "generation_params.override_settings"),
        ({"override_settings": {"a": {"b": 1}}}, "generation_params.override_settings.a"),
        ({"override_settings": {"a b": 1}}, "generation_params.override_settings"),
        ({"alwayson_scripts": {"x": 1}}, "generation_params.alwayson_scripts.x"),
        ({"alwayson_scripts": {"x": {"args": 1}}}, "generation_params.alwayson_scripts.x.args"),
        ({"script_args": 1}, "generation_params.script_args"),
        ({"raw_generation_info": 1}, "generation_params.raw_generation_info"),
        ({"raw_generation_info": {}}, "generation_params.raw_generation_info"),
        ({"positive_prompt": 0}, "generation_params.positive_prompt"),
        ({"positive_prompt": "a\x00"}, "generation_params.positive_prompt"),
        ({"num_images": "many"}, "generation_params.num_images"),
        ({"schedule_type": 1}, "generation_params.schedule_type"),
        ({"clip_skip": "none"}, "generation_params.clip_skip"),
        ({"clip_skip": True}, "generation_params.clip_skip"),
        ({"vae": 7}, "generation_params.vae"),
        ({"text_encoders": [1]}, "generation_params.text_encoders[0]"),
        ({"model_info": "x"}, "generation_params.model_info"),
        ({"n_iter": 5, "batch_size": 52}, "generation_params.n_iter"),
        ({"override_settings": {"sd_vae": ["x"]}}, "generation_params.override_settings.sd_vae"),
        ({"override_settings": {"sd_checkpoint_hash": "x"}}, "generation_params.override_settings.sd_checkpoint_hash"),
        ({"override_settings": {"a": 1 << 64}}, "generation_params.override_settings.a"),
        ({"override_settings": {"a": [1 << 64]}}, "generation_params.override_settings.a[0]"),
        ({"alwayson_scripts": {"x": {"args": {"0": 1}}}}, "generation_params.alwayson_scripts.x.args"),
        ({"alwayson_scripts": {"x": {"args": [["a\x00"]]}}}, "generation_params.alwayson_scripts.x.args[0][0]"),
        ({"alwayson_scripts": {"x": {"args": [{"\ud800": 1}]}}}, "generation_params.alwayson_scripts.x.args[0]"),
        ({"alwayson_scripts": {"x": {"args": ["y" * 2_000_000]}}}, "generation_params.alwayson_scripts.x.args[0]"),
        ({"alwayson_scripts": {"x": {"args": [-1 << 64]}}}, "generation_params.alwayson_scripts.x.args[0]"),
        ({"script_args": ["\ud800"]}, "generation_params.script_args[0]"),
        ({"alwayson_scripts": {"ControlNet": {"args": [{"model": 5}]}}}, "alwayson_scripts.ControlNet.args.0.model"),
        ({"prompt": "a <lora: :1> cat"}, "prompt"),
        ({"frobnicate": "x" * 10_000_000}, "generation_params"),
    ],
)
def test_a_wrong_value_is_refused_by_the_name_of_its_field(wrong: dict[str, Any], field: str) -> None:
    assert refused(target_server_alias="any", generation_params={**CYBER, **wrong})[0] == field


JOB = {"generation_params": CYBER}
GRAPH = '{"1": {"class_type": "KSampler", "inputs": {}}}'
CHECKPOINT = "override_settings.sd_model_checkpoint"


@pytest.mark.parametrize(
    ("body", "field", "missing"),
    [
        ({**JOB, "target_server_alias": None}, "target_server_alias", True),
        ({**JOB, "target_server_alias": ["x"]}, "target_server_alias", False),
        ({}, "generation_params", True),
        ({"generation_params": {}}, "generation_params", True),
        ({"generation_params": "x"}, "generation_params", False),
        ({"payload": 7}, "payload", False),
        ({"infotext": {"a": 1}}, "infotext", False),
        ({"infotext": GRAPH}, "infotext", False),
        ({"infotext": "a cat"}, CHECKPOINT, True),
        ({"generation_params": {"prompt": "a"}}, "generation_params.checkpoint_name", True),
        ({"payload": {"prompt": "a"}}, f"payload.{CHECKPOINT}", True),
        ({**JOB, "mode": "img2img"}, "generation_params.init_images", True),
        ({**JOB, "mode": "dance"}, "mode", False),
        ({**JOB, "priority": 99}, "priority", False),
        ({**JOB, "models": [{"role": "x"}]}, "models[0].role", False),
        ({**JOB, "models": [{"role": "lora"}]}, "models[0].name", True),
        ({**JOB, "app_type": False}, "app_type", False),
        ({**JOB, "app_type": {}}, "app_type", False),
        ({**JOB, "notes": "x" * 10_000_000}, "notes", False),
    ],
)
def test_a_wrong_or_missing_field_of_the_envelope(body: dict[str, Any], field: str, missing: bool) -> None:
    assert refused(**{"target_server_alias": "any", **body}) == (field, missing)


def test_what_civitai_lists_and_the_prompt_does_not_load_is_said() -> None:
    listed = '[{"type":"lora","weight":0.8,"modelVersionId":7,"modelName":"Clay"}]'
    asked = read(infotext=f"a cat\nSteps: 20, Sampler: Euler, Seed: 1, Model: cyber, Civitai resources: {listed}")
    assert [each.role for each in asked.wanted] == ["checkpoint"]
    (said,) = asked.warnings
    assert said.code == "not_repeated" and "Clay" in said.message


UNIT = {"enabled": True, "model": "x" * 9000}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"script_name": "Custom Code", "script_args": ["import os"]}, "generation_params.script_name"),
        ({"alwayson_scripts": {"ControlNet": {"args": [UNIT]}}}, "alwayson_scripts.ControlNet.args.0.model"),
        (
            {"alwayson_scripts": {"ControlNet": {"args": [{"model": "x" + " " * 900_000 + "x"}]}}},
            "alwayson_scripts.ControlNet.args.0.model",
        ),
        ({"prompt": "<lora:a\nb:1>"}, "prompt"),
        ({"raw_generation_info": "a\nSteps: 1, Model: a\x00b, Seed: 1"}, "generation_params.raw_generation_info"),
        ({"alwayson_scripts": {"a\ud800": {"args": []}}}, "generation_params.alwayson_scripts"),
    ],
)
def test_what_is_hostile_is_refused(wrong: dict[str, Any], field: str) -> None:
    assert refused(target_server_alias="any", generation_params={**CYBER, **wrong})[0] == field
