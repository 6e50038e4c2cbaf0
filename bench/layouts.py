"""Real headers as files: the layouts of ``tests/data/identify``, written with sparse bodies of their full size.

The data were read off published files and model classes (their ``truth`` names the source of each); shapes and names
only, no weights. Tests and the bench use them.
"""

import json
import lzma
import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parents[1] / "tests" / "data" / "identify" / "headers.jsonl.xz"
_ITEM_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1,
               "F8_E4M3": 1, "F8_E5M2": 1}  # fmt: skip
_GGUF_TYPES = {"F32": (0, 1, 4), "F16": (1, 1, 2), "Q4_0": (2, 32, 18), "Q8_0": (8, 32, 34), "Q4_K": (12, 256, 144),
               "Q5_K": (13, 256, 176), "Q6_K": (14, 256, 210), "BF16": (30, 1, 2)}  # fmt: skip

Tensors = dict[str, tuple[str, list[int]]]


def cases() -> Iterator[dict[str, Any]]:
    """Return the recorded cases; ``tensors`` maps a name to (dtype, shape), in the file's order."""
    with lzma.open(DATA, "rt", encoding="ascii") as file:
        for line in file:
            case = json.loads(line)
            case["tensors"] = dict(_tensors(case.pop("forms"), case["tensors"]))
            yield case


def _tensors(forms: list[Any], rows: list[Any]) -> Iterator[tuple[str, tuple[str, list[int]]]]:
    """Return (name, (dtype, shape)); a name is stored as the letters it shares with the one before, and the rest."""
    name = ""
    for kept, rest, form in rows:
        name = name[:kept] + rest
        dtype, shape = forms[form]
        yield name, (dtype, shape)


def safetensors_header(tensors: Tensors, metadata: Mapping[str, Any] | None = None) -> tuple[bytes, int]:
    """Return the header's text and the length of the body in bytes."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    offset = 0
    for name, (dtype, shape) in tensors.items():
        size = _ITEM_BYTES[dtype]
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return text + b" " * (-len(text) % 8), offset


def write_safetensors(path: Path, header: bytes, body_bytes: int) -> None:
    """Write a header and a body of zeros that takes no space on disk."""
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header)
        file.truncate(8 + len(header) + body_bytes)


def gguf_header(tensors: Tensors, metadata: Mapping[str, Any]) -> tuple[bytes, int]:
    """Return a GGUF header (shapes innermost first, as recorded) and the length of the body in bytes."""
    parts = [b"GGUF", struct.pack("<IQQ", 3, len(tensors), len(metadata))]
    for key, (kind, value) in metadata.items():
        parts.append(_text(key))
        if kind == "string":
            parts.append(struct.pack("<I", 8) + _text(value))
        elif kind == "u32":
            parts.append(struct.pack("<II", 4, value))
        else:
            parts.append(struct.pack(f"<IIQ{len(value)}i", 9, 5, len(value), *value))
    offset = 0
    for name, (quant, dimensions) in tensors.items():
        kind, block, block_bytes = _GGUF_TYPES[quant]
        count = 1
        for side in dimensions:
            count *= side
        parts.append(_text(name) + struct.pack(f"<I{len(dimensions)}QIQ", len(dimensions), *dimensions, kind, offset))
        offset += -(-count // block) * block_bytes
        offset += -offset % 32
    raw = b"".join(parts)
    return raw + b"\0" * (-len(raw) % 32), offset


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def write_case(case: Mapping[str, Any], folder: Path) -> Path:
    """Write a recorded safetensors or GGUF case below a folder and return its path."""
    place = folder / case["folder"] / case["id"]
    place.mkdir(parents=True, exist_ok=True)
    path: Path = place / case["file_name"].replace("/", "_")
    if case["format"] == "gguf":
        header, body_bytes = gguf_header(case["tensors"], case["metadata"])
        path.write_bytes(header)
        os.truncate(path, len(header) + body_bytes)
    else:
        write_safetensors(path, *safetensors_header(case["tensors"], case["metadata"]))
    return path
