"""Real model files, small: what a safetensors library would load."""

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path

OLD_NS = 1_700_000_000_123_456_789
"""A time long past, and no whole second, as a file that was written and not copied has it."""


def safetensors_bytes(body: bytes, metadata: Mapping[str, str] | None = None) -> bytes:
    """Return a file with one tensor of bytes."""
    header: dict[str, object] = {"t": {"dtype": "U8", "shape": [len(body)], "data_offsets": [0, len(body)]}}
    if metadata:
        header["__metadata__"] = dict(metadata)
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + body


def write_model(
    path: Path, body: bytes = b"weights", *, metadata: Mapping[str, str] | None = None, settled: bool = True
) -> bytes:
    """Write a safetensors file, making its folders; ``settled`` dates it back. Returns its bytes."""
    content = safetensors_bytes(body, metadata)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if settled:
        settle(path)
    return content


def settle(path: Path, mtime_ns: int = OLD_NS) -> None:
    """Date a file back, so that it counts as left alone."""
    os.utime(path, ns=(mtime_ns, mtime_ns))
