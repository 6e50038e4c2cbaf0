"""Files made to hurt: every one is answered, none costs much memory, and no pickle is loaded."""

import json
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from quartermaster.bench.hostile import MIB, hostile_gguf, hostile_headers, write_hostile
from quartermaster.bench.layouts import cases, safetensors_header
from quartermaster.ecosystems.identify import identify_file

MEMORY_BOUND = 64 * MIB
NAMES = [
    *(name for name, _ in hostile_headers()),
    *(f"gguf-{name}" for name, _ in hostile_gguf()),
    "empty",
    "seven-bytes",
    "length-2-63",
    "length-beyond-the-file",
    "invalid-utf-8",
    "git-lfs-pointer",
    "pickle",
    "sparse",
    "sparse-within-the-bound",
    "zip-of-a-pickle",
    "zip-bomb",
    "folder",
    "missing",
    "pipe",
    "link-to-itself",
]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], Path]:
    folder = tmp_path_factory.mktemp("hostile")
    return write_hostile(folder, folder / "UNPICKLED"), folder / "UNPICKLED"


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_file_is_unidentified_within_the_memory_bound(
    name: str, hostile: tuple[dict[str, Path], Path]
) -> None:
    paths, canary = hostile
    if name not in paths:
        assert name in {"pipe", "link-to-itself"}  # where the system has no such thing
        return
    tracemalloc.start()
    try:
        found = identify_file(paths[name])
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found.kind, found.ecosystem, found.base_model, found.confidence) in {
        (None, None, None, 0.0),
        ("Other", None, None, 0.0),
    }
    assert peak_bytes < MEMORY_BOUND
    assert not canary.exists()
    json.dumps(found.as_json(), allow_nan=False)


def sdxl_lora() -> dict[str, Any]:
    return next(case for case in cases() if case["id"] == "lora-sdxl-kohya-pony-meta")


def test_a_truncated_download_is_still_named_and_said_to_be_damaged(tmp_path: Path) -> None:
    case = sdxl_lora()
    header, body_bytes = safetensors_header(case["tensors"], case["metadata"])
    path = tmp_path / "half.safetensors"
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + body_bytes // 2)
    found = identify_file(path)
    assert (found.kind, found.ecosystem) == ("LORA", "Pony")
    assert found.error is not None
    assert "cut short" in found.error
    assert any(conflict["witness"] == "file" for conflict in found.conflicts)


def test_a_download_that_ends_in_the_header_says_nothing(tmp_path: Path) -> None:
    case = sdxl_lora()
    header, _ = safetensors_header(case["tensors"], case["metadata"])
    path = tmp_path / "start.safetensors"
    path.write_bytes((struct.pack("<Q", len(header)) + header)[:10_000])
    found = identify_file(path)
    assert (found.kind, found.ecosystem) == (None, None)
    assert found.error is not None


@pytest.mark.parametrize(
    ("folder", "size_bytes", "kind"),
    [
        ("ESRGAN", 67 * MIB, "Upscaler"),
        ("Stable-diffusion", 2_000 * MIB, "Checkpoint"),
        ("embeddings", 30_000, "TextualInversion"),
        ("ESRGAN", 300, None),
        ("Stable-diffusion", 5 * MIB, None),
        ("elsewhere", 67 * MIB, None),
    ],
)
def test_a_pickles_kind_comes_from_its_folder_and_size(
    folder: str, size_bytes: int, kind: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "models" / folder / "x.pth"
    path.parent.mkdir(parents=True)
    with open(path, "wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate(size_bytes)
    found = identify_file(path)
    assert (found.kind, found.ecosystem) == (kind, None)
