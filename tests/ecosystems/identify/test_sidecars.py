import json
from pathlib import Path
from typing import Any

import pytest
from quartermaster.bench.layouts import cases, write_case
from quartermaster.ecosystems.identify import identify_file, read_sidecars, sidecar_paths
from quartermaster.ecosystems.identify.sidecars import MAX_SIDECAR_BYTES, read_sidecar, sidecar_claim, sidecar_facts


@pytest.mark.parametrize(
    ("content", "ecosystem"),
    [
        ({"baseModel": "Pony", "trainedWords": ["x"]}, "Pony"),
        ({"base_model": "Illustrious"}, "Illustrious"),
        ({"BaseModel": "SDXL 1.0"}, "SDXL"),
        ({"sd version": "SDXL"}, "SDXL"),
        ({"base_model": "Unknown", "civitai": {"baseModel": "NoobAI"}}, "NoobAI"),
        ({"sd version": "Unknown"}, None),
        ({"baseModel": ["Pony"]}, None),
        ({"civitai": 5}, None),
        ({}, None),
    ],
)
def test_a_sidecar_names_an_ecosystem(content: dict[str, Any], ecosystem: str | None) -> None:
    claim = sidecar_claim("x.json", content)
    assert (next(iter(claim.among)) if claim else None) == ecosystem


def test_title_and_trigger_words() -> None:
    info = {"model": {"name": "A\x00 style"}, "trainedWords": ["one", "two\x1b", 5]}
    assert sidecar_facts(info) == {"title": "A style", "trigger_words": ["one", "two"]}
    assert sidecar_facts({"activation text": "one, two"}) == {"trigger_words": ["one", "two"]}
    assert sidecar_facts({"model": [], "trainedWords": {}}) == {}


@pytest.mark.parametrize("text", ["", "[1]", "{", "5", '{"a":' * 60_000])
def test_a_sidecar_that_is_none_is_left_out(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    assert read_sidecar(path) is None


def test_a_sidecar_that_is_too_large_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"baseModel": "Pony", "x": "y" * MAX_SIDECAR_BYTES}), encoding="utf-8")
    assert read_sidecar(path) is None


def test_the_sidecars_of_a_model_are_found_beside_it(tmp_path: Path) -> None:
    model = tmp_path / "my.model.safetensors"
    (tmp_path / "my.model.civitai.info").write_text('{"baseModel": "Pony"}', encoding="utf-8")
    (tmp_path / "my.model.json").write_text('{"sd version": "SDXL"}', encoding="utf-8")
    assert len(sidecar_paths(model)) == 4
    assert [name for name, _ in read_sidecars(model)] == ["my.model.civitai.info", "my.model.json"]


def test_a_sidecar_chooses_where_the_layout_cannot(tmp_path: Path) -> None:
    case = next(case for case in cases() if case["id"] == "lora-sdxl-pony-in-name")
    path = write_case(case, tmp_path)
    path.with_suffix(".civitai.info").write_text('{"baseModel": "Illustrious"}', encoding="utf-8")
    found = identify_file(path, sidecars=read_sidecars(path))
    assert (found.ecosystem, found.base_model, found.confidence) == ("Illustrious", "Illustrious", 0.85)
    assert any(e["witness"] == "sidecar" for e in found.evidence)
    path.with_suffix(".civitai.info").write_text('{"baseModel": "Flux.1 D"}', encoding="utf-8")
    found = identify_file(path, sidecars=read_sidecars(path))
    assert found.ecosystem == "SDXL"
    assert any(c["witness"] == "sidecar" for c in found.conflicts)


def test_a_correction_and_a_service_are_told_by_the_caller(tmp_path: Path) -> None:
    case = next(case for case in cases() if case["id"] == "lora-sdxl-pony-in-name")
    path = write_case(case, tmp_path)
    by_service = identify_file(path, service={"base_model": "NoobAI"})
    assert (by_service.ecosystem, by_service.base_model, by_service.confidence) == ("NoobAI", "NoobAI", 0.98)
    by_hand = identify_file(path, service={"base_model": "NoobAI"}, overrides={"ecosystem": "Pony", "kind": "LoCon"})
    assert (by_hand.ecosystem, by_hand.kind, by_hand.confidence) == ("Pony", "LoCon", 1.0)
    assert identify_file(path, overrides={"ecosystem": "nonsense"}).ecosystem == "SDXL"
