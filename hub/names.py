"""How people and programs write the name of a model file, read into what can be compared. Pure functions.

A web UI on Windows says ``Pony\\name.safetensors``, one on Linux ``Pony/name.safetensors``, an agent
``models/Lora/Pony/name.safetensors``, a job ``name.safetensors [1a2b3c4d5e]`` (A1111's and Forge's checkpoint title: 10
digits of the SHA-256) or ``<lora:name:0.8>``. Source of the last two: ``modules/sd_models.py`` and
``modules/extra_networks.py`` of A1111.
"""

import hashlib
import re
import unicodedata
from dataclasses import dataclass

from .hashes import ModelHash, parse_hash

MODEL_EXTENSIONS = frozenset(
    [".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".onnx", ".webp", ".png"]
)
"""What may stand behind a model's name (images hold embeddings); nothing else is cut off, as of ``shaper_8.1``."""

KEY_CHARACTERS = 300

# No two parts of a pattern can take the same stretch of text: names come from anybody.
_TITLE_HASH = re.compile(r"\[([0-9a-fA-F]{8,64})\]$")
_NETWORK = re.compile(r"<\s*(lora|lyco|hypernet)\s*:([^<>]+)>", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:")

NETWORK_TYPES = {"lora": "LORA", "lyco": "LORA", "hypernet": "Hypernetwork"}
"""What a prompt's ``<kind:name:weight>`` loads."""


@dataclass(frozen=True)
class FileName:
    """A name or path as it can be compared: folded in case, in Unicode's form C.

    ``folders`` are those that were stated, the outermost first; ``extension`` is empty where none was.
    """

    folders: tuple[str, ...]
    stem: str
    extension: str

    def agrees_with(self, other: "FileName") -> bool:
        """Say whether two may name one file: an extension that only one of them states is no difference."""
        extensions = {self.extension, other.extension} - {""}
        return self.stem == other.stem and len(extensions) < 2

    def is_same_path(self, other: "FileName") -> bool:
        """Say whether the folders of the one are the last folders of the other, and at least one is stated by both."""
        shared = min(len(self.folders), len(other.folders))
        return shared > 0 and self.folders[-shared:] == other.folders[-shared:] and self.agrees_with(other)


@dataclass(frozen=True)
class AskedName:
    """What somebody asked for: a file's name, and what stood beside it."""

    file: FileName
    hash: ModelHash | None = None
    """From a checkpoint title; None too where it has the 8 digits of A1111's old hash, which tell nothing."""
    type: str | None = None
    """What the notation says of the model's type."""


def fold(text: str) -> str:
    """Return text in the form in which names are compared: NFC, without differences of case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def read_file_name(text: str) -> FileName | None:
    """Read a path or a name, of Windows or of POSIX, absolute or relative; None where it names no file."""
    pieces = [piece.strip() for piece in re.split(r"[/\\]+", fold(text))]
    parts = [piece for piece in pieces if piece not in {"", ".", "?"}]  # \\?\C:\… is Windows' notation of long paths
    if parts and _DRIVE.fullmatch(parts[0]):
        del parts[0]
    elif parts and _DRIVE.match(parts[0]):  # C:name, relative to a drive's current folder
        parts[0] = parts[0][2:]
    folders: list[str] = []
    for part in parts:
        if part == "..":
            del folders[-1:]
        else:
            folders.append(part)
    if not folders or not parts or parts[-1] == "..":
        return None
    stem, extension = split_extension(folders.pop())
    return FileName(tuple(folders), stem, extension) if stem else None


def name_key(file: FileName) -> str:
    """Return what a name is looked up by; PostgreSQL's B-tree takes no key above about 2,700 bytes."""
    if len(file.stem) <= KEY_CHARACTERS:
        return file.stem
    return hashlib.sha256(file.stem.encode("utf-8", "surrogatepass")).hexdigest()


def split_extension(name: str) -> tuple[str, str]:
    """Return a folded file name without its extension, and the extension with its dot, if it is a model's."""
    stem, dot, ending = name.rpartition(".")
    return (stem, dot + ending) if stem and dot + ending in MODEL_EXTENSIONS else (name, "")


def read_asked(text: str) -> AskedName | None:
    """Read a path, a name, a checkpoint title or a prompt's ``<lora:name:1>``; None for what is none."""
    kind, digits = None, None
    network = _NETWORK.fullmatch(text.strip())
    if network:
        kind = NETWORK_TYPES[network[1].lower()]
        text = network[2].partition(":")[0]  # behind it are weights
    text = text.strip()
    title = _TITLE_HASH.search(text)
    if title:
        digits = parse_hash(title[1])
        text = text[: title.start()]
    file = read_file_name(text)
    return None if file is None else AskedName(file, digits, kind)


def file_name_of(path: str) -> str:
    """Return the last part of a path of Windows or of POSIX."""
    return re.split(r"[/\\]", path)[-1]
