"""Every recorded layout, as a file: what header or metadata can prove is right, and nothing else is claimed."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from quartermaster.bench.layouts import cases, write_case
from quartermaster.ecosystems.identify import identify_file
from quartermaster.ecosystems.identify.verdict import CLAIM

CASES = {case["id"]: case for case in cases() if case["truth"] and case["format"] in {"safetensors", "gguf"}}
Answers = Callable[[str], dict[str, Any]]
DAMAGED = {"adv-overlapping-offsets"}
"""Written whole here: the hostile form is in test_hostile."""
PROVABLE = sorted(name for name, case in CASES.items() if case["truth"]["header_ecosystem"] and name not in DAMAGED)
UNPROVABLE = sorted(name for name, case in CASES.items() if not case["truth"]["header_ecosystem"])


def identified(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    found = identify_file(write_case(case, folder))
    assert found.error is None
    return found.as_json()


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Return what is said of a case; each is written and read once."""
    folder = tmp_path_factory.mktemp("zoo")
    return cache(lambda name: identified(CASES[name], folder))


@pytest.mark.parametrize("name", PROVABLE)
def test_what_a_header_proves_is_claimed(name: str, answers: Answers) -> None:
    truth = CASES[name]["truth"]
    found = answers(name)
    assert found["kind"] in truth["acceptable_kinds"]
    assert found["ecosystem"] == truth["header_ecosystem"]
    assert found["confidence"] >= CLAIM


@pytest.mark.parametrize("name", UNPROVABLE)
def test_what_no_header_proves_is_not_claimed(name: str, answers: Answers) -> None:
    truth = CASES[name]["truth"]
    found = answers(name)
    assert found["kind"] in truth["acceptable_kinds"]
    assert found["confidence"] < CLAIM
    assert found["ecosystem"] in {None, *truth["acceptable"]}


@pytest.mark.parametrize("name", UNPROVABLE)
def test_a_family_is_named_by_its_root_or_not_at_all(name: str, answers: Answers) -> None:
    """Where the truth leaves several ecosystems of one family, an answer must still be useful."""
    truth = CASES[name]["truth"]
    found = answers(name)
    undecided = {"adv-mixed-sd1-and-sdxl-keys", "lora-qwen-invoke-diffusers"}
    if truth["decidable_by"] == "layout" and truth["ecosystem"] and name not in undecided:
        assert found["ecosystem"] in truth["acceptable"]


@pytest.mark.parametrize("name", sorted(CASES))
def test_an_answer_is_the_same_wherever_the_file_lies(name: str, answers: Answers, tmp_path: Path) -> None:
    elsewhere = {**CASES[name], "folder": "models/Stable-diffusion", "file_name": "model.bin"}
    here, there = answers(name), identified(elsewhere, tmp_path)
    assert [here[key] for key in ("kind", "ecosystem", "base_model", "confidence")] == [
        there[key] for key in ("kind", "ecosystem", "base_model", "confidence")
    ]


def test_the_claims_have_reasons_and_the_reasons_are_for_people(tmp_path: Path) -> None:
    found = identified(CASES["flux1-schnell-bfl"], tmp_path)
    assert found["base_model"] == "Flux.1 S"
    assert {statement["witness"] for statement in found["evidence"]} == {"layout", "metadata", "name"}
    assert all(statement["says"] and 0 < statement["weight"] <= 1 for statement in found["evidence"])


def test_metadata_that_the_layout_excludes_is_a_conflict(tmp_path: Path) -> None:
    found = identified(CASES["lora-sdxl-hostile-says-sd1"], tmp_path)
    assert found["ecosystem"] == "SDXL"
    assert any(c["witness"] == "metadata" and "sd_v1" in c["says"] for c in found["conflicts"])
    assert any(c["witness"] == "metadata" and "v1-5-pruned" in c["says"] for c in found["conflicts"])


def test_modules_that_exclude_each_other_are_a_conflict_of_the_layout(tmp_path: Path) -> None:
    found = identified(CASES["adv-mixed-sd1-and-sdxl-keys"], tmp_path)
    assert (found["kind"], found["ecosystem"]) == ("LORA", None)
    assert [c["witness"] for c in found["conflicts"]] == ["layout"]


def test_hostile_metadata_comes_out_inert(tmp_path: Path) -> None:
    found = identified(CASES["adv-metadata-injection"], tmp_path)
    assert found["title"] == "../../../../etc/passwdgpj.exe"
    assert "preview" not in found
    for statement in found["evidence"]:
        assert statement["says"].isprintable()


def test_what_is_found_on_the_way(tmp_path: Path) -> None:
    found = identified(CASES["lora-sdxl-kohya-pony-meta"], tmp_path)
    assert found["rank"] == 32
    assert found["alpha"] == 16
    assert found["resolution"] == "1024x1024"
    assert found["title"] == "char_a"
    assert found["trained_on"] == "ponyDiffusionV6XL_v6StartWithThisOne.safetensors"
    assert found["tags"][0] == ["score_8_up", 30]
    assert found["base_model"] == "Pony"
    vpred = identified(CASES["sdxl-noobai-vpred-keys"], tmp_path)
    assert vpred["v_prediction"] is True
    assert vpred["zero_terminal_snr"] is True
    assert identified(CASES["flux1-dev-bnb-nf4-v2"], tmp_path)["quantisation"] == "nf4"
    assert identified(CASES["gguf-chroma-q5"], tmp_path)["quantisation"] == "Q5_K"
    assert identified(CASES["sd1-inpainting"], tmp_path)["variant"] == "inpainting"
    assert identified(CASES["chroma-fp8"], tmp_path)["quantisation"] == "f8_e4m3"
