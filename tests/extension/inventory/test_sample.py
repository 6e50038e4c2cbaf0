import hashlib
import json
import pickletools
import struct
from pathlib import Path
from typing import Any

import pytest
from quartermaster.extension.inventory.discover import discover
from quartermaster.extension.inventory.kinds import is_model_file, kind_of
from quartermaster.extension.inventory.sample import make_sample_library, sample_files

SAFETENSORS = sorted(path for path in sample_files() if path.endswith(".safetensors"))


def parts(content: bytes) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack_from("<Q", content)
    return json.loads(content[8 : 8 + length]), content[8 + length :]


@pytest.mark.parametrize("path", SAFETENSORS)
def test_a_header_describes_its_body_without_gap_or_overlap(path: str) -> None:
    header, body = parts(sample_files()[path])
    header.pop("__metadata__", None)
    end = 0
    for tensor in sorted(header.values(), key=lambda tensor: tensor["data_offsets"][0]):
        count = 1
        for length in tensor["shape"]:
            count *= length
        assert tensor["data_offsets"] == [end, end + 2 * count]
        end = tensor["data_offsets"][1]
    assert end == len(body)
    assert all(1 / 64 <= abs(value) < 1 / 32 for (value,) in struct.iter_unpack("<e", body[:4096]))


def test_two_loras_share_their_tensors_and_nothing_else() -> None:
    files = sample_files()
    one, two = files["models/Lora/ink-drawing.safetensors"], files["models/Lora/renamed/ink-drawing-v2.safetensors"]
    assert parts(one)[1] == parts(two)[1]
    assert parts(one)[0] != parts(two)[0]


def test_all_else_differs_in_its_tensors() -> None:
    bodies = [hashlib.sha256(parts(sample_files()[path])[1]).digest() for path in SAFETENSORS]
    assert len(set(bodies)) == len(bodies) - 1


def test_the_pickle_can_do_nothing() -> None:
    names = [code.name for code, _, _ in pickletools.genops(sample_files()["embeddings/sample-old.pt"])]
    assert names == ["PROTO", "EMPTY_DICT", "BINPUT", "STOP"]


def test_the_library_is_small_and_always_the_same() -> None:
    assert sum(map(len, sample_files().values())) < 5_000_000
    assert sample_files() == sample_files()


def test_it_is_laid_out_as_a_web_ui_does(tmp_path: Path) -> None:
    make_sample_library(tmp_path / "new" / "library")
    found = discover(str(tmp_path / "new" / "library"))
    assert found.layout == "a1111"
    kinds = {
        f"{root.label}/{file.name}": kind_of(root, file.name)
        for root in found.roots
        for file in Path(root.path).iterdir()
        if is_model_file(file.name)
    }
    assert kinds["models/Stable-diffusion/sample-sd15.safetensors"] == "Checkpoint"
    assert kinds["models/Lora/ink-drawing.safetensors"] == "LORA"
    assert kinds["models/VAE/sample-vae.safetensors"] == "VAE"
    assert kinds["embeddings/sample-old.pt"] == "TextualInversion"


def test_making_it_again_changes_nothing(tmp_path: Path) -> None:
    make_sample_library(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    (tmp_path / SAFETENSORS[0]).write_bytes(b"mine")
    (tmp_path / SAFETENSORS[1]).unlink()
    make_sample_library(tmp_path)
    assert set(tmp_path.rglob("*")) == set(before)
    assert (tmp_path / SAFETENSORS[0]).read_bytes() == b"mine"
    assert (tmp_path / SAFETENSORS[1]).read_bytes() == sample_files()[SAFETENSORS[1]]
    untouched = [
        path for path in before if path.is_file() and path.relative_to(tmp_path).as_posix() not in SAFETENSORS[:2]
    ]
    assert all(path.stat().st_mtime_ns == before[path] for path in untouched)
