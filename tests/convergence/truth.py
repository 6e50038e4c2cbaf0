"""What an inventory must say of some folders, found out without any code of the product."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

SUFFIXES = {".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf"}


@dataclass(frozen=True)
class Known:
    """One published file."""

    sha256: str
    size_bytes: int
    mtime_ns: int
    inode: int


def published(roots: dict[str, Path]) -> dict[str, Known]:
    """Return path -> file of all complete files below the roots, which are given by their labels."""
    found = {}
    for label, root in roots.items():
        for path in listed(root):
            known = complete(path)
            if known is not None:
                found[f"{label}/{path.relative_to(root).as_posix()}"] = known
    return found


def listed(root: Path) -> list[Path]:
    """Return all files with a model's name, each folder entered once: real ones first, then links by their paths."""
    files: list[Path] = []
    links: list[Path] = []
    entered: set[tuple[int, int]] = set()

    def enter(folder: Path) -> None:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in entered:
            return
        entered.add((status.st_dev, status.st_ino))
        for child in sorted(folder.iterdir()):
            if child.is_dir():
                links.append(child) if child.is_symlink() else enter(child)
            elif child.suffix.lower() in SUFFIXES and child.is_file():
                files.append(child)

    if root.is_dir():
        enter(root)
    while links:
        links.sort()
        enter(links.pop(0))
    return files


def complete(path: Path) -> Known | None:
    """Return a file that may be published, None for one that may not (it has been left alone for long enough)."""
    status = path.stat()
    if status.st_size == 0 or os.path.lexists(f"{path}.aria2"):
        return None
    content = path.read_bytes()
    if path.suffix == ".safetensors" and not _is_whole(content):
        return None
    return Known(hashlib.sha256(content).hexdigest(), status.st_size, status.st_mtime_ns, status.st_ino)


def _is_whole(content: bytes) -> bool:
    length = int.from_bytes(content[:8], "little")
    try:
        header = json.loads(content[8 : 8 + length])
        return len(content) >= 10 and 8 + length + header["t"]["data_offsets"][1] == len(content)
    except (ValueError, KeyError, TypeError):
        return False
