"""``quartermaster hash``: the hashes of files, under every name that tools give them."""

import argparse
import time
from typing import Any

from ..extension.inventory.errors import FileError
from ..extension.inventory.hashing import hash_file
from .output import DONE, NO, emit, say, tell
from .progress import size

RATE_FROM_BYTES = 1 << 20
"""Below this a rate would measure how long a file takes to open."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "files", metavar="FILE", nargs="+", help="any file; of safetensors the tensors' own hash as well"
    )
    parser.add_argument("--json", action="store_true", help="a line of JSON per file")


def execute(options: argparse.Namespace) -> int:
    """Print each file's hashes; exit code 1 where one could not be read."""
    code = DONE
    for path in options.files:
        started = time.monotonic()
        try:
            answer = _answer(path)
        except FileError as error:
            code = NO
            if options.json:
                emit({"path": path, "error": error.reason})
            else:
                say(f"{path}: {error.reason}")
            continue
        seconds = max(time.monotonic() - started, 1e-6)
        if options.json:
            emit(answer)
            continue
        tell(f"{path}")
        tell(f"  SHA-256  {answer['sha256']}")
        tell(f"  AutoV2   {answer['autov2']}")
        if answer["tensor_sha256"]:
            tell(f"  tensors  {answer['tensor_sha256']}")
            tell(f"  AutoV3   {answer['autov3']}")
        rate = f" at {size(answer['size'] / seconds)}/s" if answer["size"] >= RATE_FROM_BYTES else ""
        tell(f"  {answer['size']:,} bytes{rate}")
    return code


def _answer(path: str) -> dict[str, Any]:
    hashes = hash_file(path, want_tensor_hash=True, require_complete=False)
    tensor = hashes.tensor_sha256
    return {
        "path": path,
        "size": hashes.size_bytes,
        "sha256": hashes.sha256,
        "autov2": hashes.sha256[:10],
        "tensor_sha256": tensor,
        "autov3": tensor[:12] if tensor else None,
    }
