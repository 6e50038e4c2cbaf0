"""sidecars: what is found beside a model, and what it says."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from quartermaster.bench.layouts import cases, write_case
from quartermaster.ecosystems.identify import identify_file, read_sidecars
from quartermaster.ecosystems.identify.sidecars import (
    CIVITAI_INFO,
    LORA_MANAGER,
    MAX_SIDECAR_BYTES,
    STABILITY_MATRIX,
    USER_METADATA,
    sidecar_claim,
    sidecar_facts,
)


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


def test_a_sidecar_says_which_version_on_civitai_it_is() -> None:
    version = {"id": 128713, "modelId": 4384}
    for sidecar in (version, {"civitai": version}, {"VersionId": 128713}):
        assert sidecar_facts(sidecar) == {"civitai_version_id": 128713}
    for other in ({"id": 5}, {"id": True, "modelId": 1}, {"id": "5", "modelId": 1}, {"VersionId": -1}):
        assert sidecar_facts(other) == {}


def test_all_four_kinds_are_found_by_the_model_s_name(tmp_path: Path) -> None:
    names = ["my.model.civitai.info", "my.model.metadata.json", "my.model.cm-info.json", "my.model.json"]
    for name in [*names, "other.json", "my.json"]:
        (tmp_path / name).write_text(json.dumps({"name": name}))
    found = read_sidecars(str(tmp_path / "my.model.safetensors"))
    assert [sidecar.data["name"] for sidecar in found] == names
    assert [sidecar.source for sidecar in found] == [CIVITAI_INFO, LORA_MANAGER, STABILITY_MATRIX, USER_METADATA]
    assert [sidecar.name for sidecar in found] == names
    assert found[0].mtime_ns == (tmp_path / names[0]).stat().st_mtime_ns


def test_only_what_the_folder_listing_names_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text("{}")
    (tmp_path / "m.civitai.info").write_text("{}")
    found = read_sidecars(str(tmp_path / "m.ckpt"), {"m.ckpt", "m.json", "m.metadata.json"})
    assert [sidecar.source for sidecar in found] == [USER_METADATA]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe{}",
        b"[" * 200_000,
        b'{"a": ' * 100_000,
        b"{}" + b" " * MAX_SIDECAR_BYTES,
    ],
    ids=["empty", "half", "list", "null", "text", "utf-16", "nested", "nested objects", "large"],
)
def test_what_is_no_json_object_within_bounds_is_left_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.civitai.info").write_bytes(content)
    (tmp_path / "m.json").write_text("{}")
    assert [sidecar.source for sidecar in read_sidecars(str(tmp_path / "m.ckpt"))] == [USER_METADATA]


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_bytes(b"\xef\xbb\xbf{}")
    assert len(read_sidecars(str(tmp_path / "m.ckpt"))) == 1


def test_a_fifo_or_a_folder_in_its_place_blocks_nobody(tmp_path: Path) -> None:
    (tmp_path / "m.civitai.info").mkdir()
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "m.json")
    assert read_sidecars(str(tmp_path / "m.ckpt")) == []


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
