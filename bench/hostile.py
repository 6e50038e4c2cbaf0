"""Files that were made to hurt whoever reads them: each costs something out of proportion, or would run code.

Tests hold them to their answers and to a bound on memory; the bench holds them to a bound on CPU time.
"""

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

MIB = 1024 * 1024
ENTRY = '"k.%d.weight":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'


class Canary:
    """Unpickling this creates a file: if it exists afterwards, somebody unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
        return open, (self.path, "w")


def hostile_headers() -> Iterator[tuple[str, bytes]]:
    """Return (name, header text) of safetensors files."""
    yield "not-json", b"{this is no JSON" + b" " * 64
    yield "array", b"[1,2,3]"
    yield "nested-lists", b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    yield "nested-objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    yield "nested-unclosed", b'{"a":' * 3_000_000
    yield "giant-key", b'{"' + b"k" * 8_300_000 + b'":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    yield "giant-value", b'{"__metadata__":{"a":"' + b"v" * 8_300_000 + b'"}}'
    yield "giant-wide-value", b'{"__metadata__":{"a":"' + "\U0001f600".encode() * 1_000_000 + b'"}}'
    yield "giant-escaped-value", b'{"__metadata__":{"a":"' + b"\\ud83d\\ude00" * 400_000 + b'"}}'
    yield "giant-escapes", b'{"__metadata__":{"a":"' + b"\\n" * 390_000 + b'"}}'
    yield "many-keys", ("{" + ",".join(ENTRY % n for n in range(19_000)) + "}").encode()
    yield "far-too-many-keys", ("{" + ",".join(ENTRY % n for n in range(150_000)) + "}").encode()
    yield "many-templates", ("{" + ",".join(ENTRY.replace("k", _word(n)) % n for n in range(15_000)) + "}").encode()
    yield "many-numbers", b'{"a":[' + b",".join([b"123456789"] * 290_000) + b"]}"
    yield "many-lists", b'{"a":[' + b"[]," * 75_000 + b"[]]}"
    yield "small-garbage", b'{"a":[' + b"{}," * 170_000 + b"1]}"
    yield "digits", b'{"a":' + b"9" * 500_000 + b"}"
    yield "nan-shape", b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,0]}}'
    yield "infinite-shape", b'{"a":{"dtype":"F32","shape":[1e400],"data_offsets":[0,0]}}'
    yield "negative-shape", b'{"a":{"dtype":"F32","shape":[-4],"data_offsets":[0,0]}}'
    yield "huge-offsets", b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,' + b"9" * 4000 + b"]}}"
    yield (
        "wrong-types",
        b'{"x.weight":"hello","a":null,"b":{"dtype":5,"shape":"x","data_offsets":{}},"__metadata__":{"x":1}}',
    )
    yield "metadata-list", b'{"__metadata__":[1,2]}'
    yield "line-breaks", json.dumps({"a\nb\nc": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    tags = json.dumps({"1_x": {f"tag {n}": 1 for n in range(30_000)}})
    yield "many-tags", json.dumps({"__metadata__": {"ss_tag_frequency": tags}}).encode()
    nested = '{"a":' * 100_000
    yield "nested-tags", json.dumps({"__metadata__": {"ss_tag_frequency": nested, "sd_merge_models": nested}}).encode()


def _word(number: int) -> str:
    """Return a word of letters only: digits do not make two names differ."""
    return "".join(chr(97 + int(digit)) for digit in str(number))


def hostile_gguf() -> Iterator[tuple[str, bytes]]:
    """Return (name, content) of GGUF files."""
    yield "version", b"GGUF" + struct.pack("<IQQ", 999, 2**64 - 1, 2**64 - 1)
    yield "counts", b"GGUF" + struct.pack("<IQQ", 3, 2**64 - 1, 0)
    yield "text-2-gib", b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 31) + b"a" * 64
    array = struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 4, 1 << 60)
    yield "array-2-exbibyte", b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + array
    words = struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 8, 99_000) + struct.pack("<Q", 1) + b"w"
    yield "words", b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + words + (struct.pack("<Q", 1) + b"w") * 98_999
    yield (
        "nested-array",
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"k" + struct.pack("<IIQ", 9, 9, 9),
    )
    tensor = struct.pack("<Q", 1) + b"t" + struct.pack("<I", 1 << 31)
    yield "dimensions", b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + tensor
    yield (
        "many-tensors",
        b"GGUF"
        + struct.pack("<IQQ", 3, 7_900, 0)
        + b"".join(struct.pack("<Q", 6) + f"{n:06d}".encode() + struct.pack("<IQIQ", 1, 1, 0, 0) for n in range(7_900)),
    )


def write_hostile(folder: Path, canary: Path) -> dict[str, Path]:
    """Write every hostile file below a folder and return name -> path; some names are no regular files."""
    paths = {}
    for name, text in hostile_headers():
        paths[name] = folder / f"{name}.safetensors"
        paths[name].write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * 8)
    for name, content in hostile_gguf():
        paths[f"gguf-{name}"] = folder / f"{name}.gguf"
        paths[f"gguf-{name}"].write_bytes(content)
    raw = {
        "empty": b"",
        "seven-bytes": b"\x10" + b"\0" * 6,
        "length-2-63": struct.pack("<Q", 1 << 63) + b"{}",
        "length-beyond-the-file": struct.pack("<Q", 5000) + b"{}",
        "invalid-utf-8": struct.pack("<Q", 16) + b'{"\xff\xfe\x80":{}}     ',
        "git-lfs-pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:4665\nsize 6938040682\n",
        "pickle": pickle.dumps({"string_to_param": Canary(str(canary))}, 2),
    }
    for name, content in raw.items():
        paths[name] = folder / f"{name}.safetensors"
        paths[name].write_bytes(content)
    paths["sparse"] = folder / "sparse.safetensors"
    with open(paths["sparse"], "wb") as file:
        file.write(struct.pack("<Q", 100_000_001) + b'{"a":')
        file.truncate(100_000_100)
    paths["sparse-within-the-bound"] = folder / "sparse-within.safetensors"
    with open(paths["sparse-within-the-bound"], "wb") as file:
        file.write(struct.pack("<Q", 7 * MIB) + b'{"a":')
        file.truncate(40 * MIB)
    paths["zip-of-a-pickle"] = folder / "zip-of-a-pickle.pth"
    with zipfile.ZipFile(paths["zip-of-a-pickle"], "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"state_dict": Canary(str(canary))}, 2))
    paths["zip-bomb"] = folder / "zip-bomb.ckpt"
    with zipfile.ZipFile(paths["zip-bomb"], "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("archive/data.pkl", b"\0" * (64 * MIB))
    paths["folder"] = folder / "folder.safetensors"
    paths["folder"].mkdir()
    paths["missing"] = folder / "missing.safetensors"
    if hasattr(os, "mkfifo"):
        paths["pipe"] = folder / "pipe.safetensors"
        os.mkfifo(paths["pipe"])
        paths["link-to-itself"] = folder / "loop.safetensors"
        paths["link-to-itself"].symlink_to("loop.safetensors")
    return paths
