import base64
import json
from typing import Any

import pytest
from quartermaster.ecosystems.identify.metadata import claims, clean, described, embedded_preview, name_hint, tag_counts

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 30


def best(metadata: dict[str, Any], *, whole_model: bool = False) -> tuple[frozenset[str], float]:
    found = claims(metadata, whole_model=whole_model)
    return (found[0].among, found[0].confidence) if found else (frozenset(), 0.0)


@pytest.mark.parametrize(
    ("field", "value", "ecosystem"),
    [
        ("ss_base_model_version", "sd_v1", "SD1"),
        ("ss_base_model_version", "sd_1.5", "SD1"),
        ("ss_base_model_version", "sd_v2", "SD2"),
        ("ss_base_model_version", "sd_v2_768_v", "SD2"),
        ("ss_base_model_version", "flux.1_kontext", "Flux1Kontext"),
        ("ss_base_model_version", "zimage:turbo", "ZImageTurbo"),
        ("ss_base_model_version", "qwen_image", "Qwen"),
        ("ss_base_model_version", "hunyuan_video", "HyV1"),
        ("modelspec.architecture", "stable-diffusion-v1/lora", "SD1"),
        ("modelspec.architecture", "Flux.1-kontext-dev/lora", "Flux1Kontext"),
        ("ss_sd_model_name", "ponyDiffusionV6XL_v6StartWithThisOne.safetensors", "Pony"),
        ("ss_sd_model_name", "Illustrious-XL-v1.0.safetensors", "Illustrious"),
        ("ss_sd_model_name", "noobaiXLNAIXL_epsilonPred11Version.safetensors", "NoobAI"),
        ("ss_sd_model_name", "sd_xl_base_1.0_0.9vae.safetensors", "SDXL"),
        ("ss_sd_model_name", "v1-5-pruned-emaonly.safetensors", "SD1"),
    ],
)
def test_a_field_names_an_ecosystem(field: str, value: str, ecosystem: str) -> None:
    assert best({field: value})[0] == {ecosystem}


@pytest.mark.parametrize("value", ["sdxl_base_v1-0", "sdxl_base_v0-9", "sdxl"])
def test_the_trainers_word_for_sdxl_leaves_the_family_open(value: str) -> None:
    among, confidence = best({"ss_base_model_version": value})
    assert {"SDXL", "Pony", "Illustrious", "NoobAI"} <= among
    assert confidence < 0.8


@pytest.mark.parametrize(
    "value", ["290640.safetensors", "model.safetensors", "model", "xl", "compony.safetensors", "", None, 5]
)
def test_a_name_that_means_nothing_claims_nothing(value: object) -> None:
    assert claims({"ss_sd_model_name": value}, whole_model=False) == []


def test_a_title_counts_for_a_model_and_is_a_hint_for_an_adapter() -> None:
    title = {"modelspec.title": "Pony Diffusion V6 XL"}
    assert best(title, whole_model=True) == ({"Pony"}, 0.85)
    assert best(title, whole_model=False)[1] < 0.5


def test_the_name_a_maker_chose_is_a_hint() -> None:
    assert best({"ss_output_name": "char_e_illustrious"})[1] < 0.5


def test_captions_with_ponys_tags_speak_for_pony_without_proving_it() -> None:
    tags = {"5_x": {"score_9": 30, "source_anime": 28, "1girl": 30}}
    among, confidence = best({"ss_tag_frequency": json.dumps(tags)})
    assert among == {"Pony"}
    assert confidence < 0.8
    assert claims({"ss_tag_frequency": json.dumps({"5_x": {"score_9": 1, "1girl": 300}})}, whole_model=False) == []


def test_a_merge_is_what_most_of_it_is() -> None:
    models = {"a": {"name": "illustriousXL_v01.safetensors"}, "b": {"name": "ponyDiffusionV6XL.safetensors"}}
    recipe = {"primary_model_hash": "a", "multiplier": 0.3}
    metadata = {"sd_merge_models": json.dumps(models), "sd_merge_recipe": json.dumps(recipe)}
    assert best(metadata, whole_model=True) == ({"Illustrious"}, 0.8)
    metadata["sd_merge_recipe"] = json.dumps({**recipe, "multiplier": 0.9})
    assert best(metadata, whole_model=True)[1] < 0.5


@pytest.mark.parametrize("value", ["{not json", "[[[[", "[1]", '{"a":5}', '{"a":{"b":"c"}}', '{"a":' * 50_000, 7, None])
def test_tags_that_are_none_are_no_tags(value: object) -> None:
    assert tag_counts({"ss_tag_frequency": value}) == {}
    assert (
        claims({"ss_tag_frequency": value, "sd_merge_models": value, "sd_merge_recipe": value}, whole_model=True) == []
    )


def test_tags_of_all_folders_are_added_up() -> None:
    metadata = {"ss_tag_frequency": json.dumps({"1_a": {"x": 2, " y ": 1}, "2_b": {"x": 3}})}
    assert tag_counts(metadata) == {"x": 5, "y": 1}
    assert described(metadata)["tags"] == [["x", 5], ["y", 1]]


def test_what_is_described() -> None:
    found = described(
        {
            "modelspec.title": "A \x1b[31mtitle\u202e",
            "modelspec.trigger_phrase": "mychar, blue hair,",
            "modelspec.prediction_type": "v",
            "ss_network_dim": "32",
            "ss_network_alpha": "16.0",
            "ss_output_name": "mychar-v2",
            "ss_resolution": "(832, 1216)",
        }
    )
    assert found == {
        "title": "A [31mtitle",
        "output_name": "mychar-v2",
        "trigger_words": ["mychar", "blue hair"],
        "v_prediction": True,
        "rank": 32,
        "alpha": 16,
        "resolution": "832x1216",
    }
    assert described({}) == {}


@pytest.mark.parametrize("value", ["nan", "inf", "-4", "1e999", "x", "9" * 50, None, [], {}])
def test_numbers_that_are_none_are_left_out(value: object) -> None:
    assert "rank" not in described({"ss_network_dim": value, "format": "pt"})


def test_a_thumbnail_is_an_image_or_nothing() -> None:
    uri = "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert embedded_preview({"modelspec.thumbnail": uri}) == PNG
    assert described({"modelspec.thumbnail": uri})["preview"] == {
        "source": "modelspec.thumbnail",
        "media_type": "image/png",
        "size_bytes": len(PNG),
    }
    for value in ("javascript:alert(1)", "data:image/svg+xml;base64,AAAA", "data:image/jpeg;base64,%%%%", "", None, 5):
        assert embedded_preview({"modelspec.thumbnail": value}) is None


def test_text_is_cleaned_and_cut() -> None:
    assert clean("a\x00b\u202ec\ud800d\ne") == "abcd e"
    assert clean("x" * 1000) == "x" * 300
    assert clean("\x00") is None
    assert clean(5) is None


@pytest.mark.parametrize(
    ("name", "ecosystem"),
    [
        ("mychar_pdxl_v2", "Pony"),
        ("flux1-krea-dev", "FluxKrea"),
        ("z_image_base", "ZImageBase"),
        ("ponyV7_base", "PonyV7"),
        ("flux1-dev", "Flux1"),
        ("WAI-NSFW-illustrious", "Illustrious"),
        ("companylogo", None),
        ("holiday", None),
    ],
)
def test_a_file_name_hints(name: str, ecosystem: str | None) -> None:
    hint = name_hint(name, "the file name")
    assert (next(iter(hint.among)) if hint else None) == ecosystem
    assert hint is None or hint.confidence <= 0.5
