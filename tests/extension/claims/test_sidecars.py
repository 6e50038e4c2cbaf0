"""sidecars: what is found beside a model."""

import json
import os
from pathlib import Path

import pytest
from quartermaster.extension.claims.sidecars import (
    CIVITAI_INFO,
    LORA_MANAGER,
    MAX_SIDECAR_BYTES,
    STABILITY_MATRIX,
    USER_METADATA,
    preview_name,
    read_sidecars,
)


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


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"m.preview.png", "m.png", "m.jpg"}, "m.preview.png"),
        ({"m.webp", "m.preview.jpeg"}, "m.preview.jpeg"),
        ({"m.jpg", "n.preview.png"}, "m.jpg"),
        ({"n.preview.png"}, None),
    ],
)
def test_the_preview_is_the_image_that_the_web_ui_shows(names: set[str], expected: str | None) -> None:
    assert preview_name("m.safetensors", names) == expected
