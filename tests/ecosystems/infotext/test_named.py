from typing import Any

import pytest
from quartermaster.ecosystems.infotext.named import resources_in


def found(**fields: str) -> list[tuple[Any, ...]]:
    named = {name.replace("_", " "): value for name, value in fields.items()}
    return [(each.role, each.name, each.hash, each.weight) for each in resources_in(named)]


def test_checkpoint_and_vae_have_a_field_for_the_name_and_one_for_the_hash() -> None:
    assert found(Model="a", Model_hash="6CE0161689", VAE="v.pt", VAE_hash="c6a580b13a") == [
        ("checkpoint", "a", "6ce0161689", None),
        ("vae", "v.pt", "c6a580b13a", None),
    ]
    assert found(Model_hash="45dee52b") == [("checkpoint", "", "45dee52b", None)]
    assert found(VAE="None") == found(VAE="Automatic") == found(Model_hash="unknown") == []


def test_hashes_of_loras_and_embeddings_are_lists() -> None:
    assert found(Lora_hashes="a b: 7c7eeb4b8b8e, c: e3b0c44298fc", TI_hashes="easy: c74b4e810b03, x: nothing") == [
        ("lora", "a b", "7c7eeb4b8b8e", None),
        ("lora", "c", "e3b0c44298fc", None),
        ("embedding", "easy", "c74b4e810b03", None),
    ]


def test_refiner_and_hires_checkpoint_are_checkpoints_with_their_hash() -> None:
    assert found(Refiner="sd_xl_refiner_1.0 [7440042bbd]", Hires_checkpoint="x (v2) [aabbccddee]") == [
        ("checkpoint", "sd_xl_refiner_1.0", "7440042bbd", None),
        ("checkpoint", "x (v2)", "aabbccddee", None),
    ]
    assert found(Hires_checkpoint="Use same checkpoint") == []
    assert found(Refiner="x (v2)") == [("checkpoint", "x (v2)", None, None)]


def test_forges_modules_are_a_vae_or_a_text_encoder() -> None:
    fields = {
        "Module_1": "ae",
        "Module_2": "clip_l",
        "Hires_Module_1": "Use same choices",
        "Hires_Module_2": "Built-in",
    }
    assert found(**fields) == [("module", "ae", None, None), ("module", "clip_l", None, None)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ControlNet 0", "Module: canny, Model: control_canny [d14c016b], Weight: 0.7, Resize Mode: Crop and Resize"),
        ("ControlNet 12", "preprocessor: canny, model: control_canny [d14c016b], weight: 0.7"),
    ],
)
def test_a_controlnet_unit_names_its_model_and_weight(name: str, value: str) -> None:
    assert found(**{name: value}) == [("controlnet", "control_canny", "d14c016b", 0.7)]


def test_older_controlnet_fields_name_the_model_alone() -> None:
    for name in ("ControlNet Model", "ControlNet-1 Model"):
        assert found(**{name: "control_canny [d14c016b]"}) == [("controlnet", "control_canny", "d14c016b", None)]
    assert found(ControlNet_0="Module: inpaint_only, Model: None, Weight: 1") == []
    assert found(ControlNet_Enabled="True") == []


def test_other_extensions_name_models_too() -> None:
    assert found(
        Hires_upscaler="4x-UltraSharp",
        ADetailer_model="face_yolov8n.pt",
        ADetailer_model_2nd="None",
        ADetailer_prompt="<lora:face:0.5>",
        Hires_prompt="<lora:hires:1>",
    ) == [
        ("upscaler", "4x-UltraSharp", None, None),
        ("detector", "face_yolov8n.pt", None, None),
        ("lora", "face", None, 0.5),
        ("lora", "hires", None, 1.0),
    ]
    assert found(Hires_upscaler="Latent (nearest-exact)") == []
    assert found(AddNet_Module_1="LoRA", AddNet_Model_1="old(7c7eeb4b8b8e)", AddNet_Weight_A_1="0.6") == [
        ("lora", "old", "7c7eeb4b8b8e", 0.6)
    ]
    assert found(Hypernet="h", Hypernet_hash="aabbccdd", Hypernet_strength="0.4") == [
        ("hypernetwork", "h", "aabbccdd", 0.4)
    ]
