"""What a web UI lists of its folders, as A1111 and Forge do it (``sd_models``, ``sd_vae``, ``main_entry``).

Lists are of the moment at which they were made: a file that came since is unknown, one that went is still listed.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quartermaster.ecosystems.identify import HeaderError, read_header

CHECKPOINT_FILES = (".ckpt", ".safetensors", ".gguf")
NETWORK_FILES = (".pt", ".ckpt", ".safetensors")
FORBIDDEN = {"none": 1, "Addams": 1}


def files_below(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    for root, folders, names in os.walk(folder, followlinks=True):
        folders.sort()
        yield from (Path(root) / name for name in sorted(names) if name.lower().endswith(suffixes))


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def tensor_sha256_of(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha256(content[8 + int.from_bytes(content[:8], "little") :]).hexdigest()


def old_hash(path: Path) -> str:
    """Return the hash of 8 digits; the same for all files below 1 MiB."""
    with path.open("rb") as file:
        file.seek(0x100000)
        return hashlib.sha256(file.read(0x10000)).hexdigest()[:8]


@dataclass(eq=False)
class Checkpoint:
    """``CheckpointInfo``: its title has a hash once somebody computed it."""

    file: Path
    name: str
    sha256: str | None = None

    @property
    def stem(self) -> str:
        return os.path.splitext(os.path.basename(self.name))[0]

    @property
    def model_name(self) -> str:
        return os.path.splitext(self.name.replace("/", "_"))[0]

    @property
    def title(self) -> str:
        return f"{self.name} [{self.sha256[:10]}]" if self.sha256 else self.name

    @property
    def ids(self) -> list[str]:
        try:
            old = old_hash(self.file)
        except FileNotFoundError:
            old = "NOFILE"
        found = [old, self.model_name, self.title, self.name, self.stem, f"{self.name} [{old}]"]
        if self.sha256:
            short = self.sha256[:10]
            found += [short, self.sha256, f"{self.name} [{short}]", f"{self.stem} [{short}]"]
        return found


@dataclass(eq=False)
class Network:
    """``NetworkOnDisk``: its alias is what the trainer called it."""

    name: str
    file: Path
    alias: str
    claimed: str | None

    def short_hash(self, flavour: str) -> str:
        if self.claimed:
            return self.claimed[:12]
        tensors = flavour == "a1111" and self.file.suffix == ".safetensors"
        return (tensor_sha256_of(self.file) if tensors else sha256_of(self.file))[:12]


@dataclass
class Shelves:
    """All lists of one web UI below one root."""

    root: Path
    flavour: str
    checkpoints: dict[str, Checkpoint] = field(default_factory=dict)
    aliases: dict[str, Checkpoint] = field(default_factory=dict)
    networks: dict[str, Network] = field(default_factory=dict)
    network_aliases: dict[str, Network] = field(default_factory=dict)
    forbidden: dict[str, int] = field(default_factory=dict)
    modules: dict[str, Path] = field(default_factory=dict)
    embeddings: dict[str, Path] = field(default_factory=dict)
    controlnets: dict[str, Path] = field(default_factory=dict)
    upscalers: dict[str, Path] = field(default_factory=dict)
    _hashes: dict[tuple[str, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for folder in ("Stable-diffusion", "Lora", "VAE", "text_encoder", "ControlNet", "ESRGAN"):
            (self.root / "models" / folder).mkdir(parents=True, exist_ok=True)
        (self.root / "embeddings").mkdir(exist_ok=True)
        self.list_everything()

    def folder(self, name: str) -> Path:
        return self.root / "models" / name

    def list_everything(self) -> None:
        self.list_checkpoints()
        self.list_networks()
        self.list_modules()
        self.list_embeddings()
        self.controlnets = {
            f"{file.stem} [{old_hash(file)}]": file for file in files_below(self.folder("ControlNet"), NETWORK_FILES)
        }
        self.upscalers = {file.stem: file for file in files_below(self.folder("ESRGAN"), (".pth", ".safetensors"))}

    def list_checkpoints(self) -> None:
        folder = self.folder("Stable-diffusion")
        found = []
        for file in files_below(folder, CHECKPOINT_FILES):
            with suppress(FileNotFoundError):  # it goes while they are listed
                if not file.name.endswith((".vae.ckpt", ".vae.safetensors")):
                    sha256 = self._hashes.get(self._key(file))
                    found.append(Checkpoint(file, file.relative_to(folder).as_posix(), sha256))
        self.checkpoints, self.aliases = {}, {}
        for each in found:
            self._register(each)

    def _register(self, checkpoint: Checkpoint) -> None:
        self.checkpoints[checkpoint.title] = checkpoint
        self.aliases.update(dict.fromkeys(checkpoint.ids, checkpoint))

    def calculate_hash(self, checkpoint: Checkpoint) -> str:
        """Compute what the title lacks, as loading does; the cache goes by path and mtime."""
        sha256 = self._hashes.setdefault(self._key(checkpoint.file), sha256_of(checkpoint.file))
        self.checkpoints.pop(checkpoint.title, None)
        checkpoint.sha256 = sha256
        self._register(checkpoint)
        return sha256

    @staticmethod
    def _key(file: Path) -> tuple[str, int]:
        return str(file), file.stat().st_mtime_ns

    def closest_checkpoint(self, text: str) -> Checkpoint | None:
        """``get_closet_checkpoint_match``: the exact one, else any whose title has the text in it."""
        if text in self.aliases:
            return self.aliases[text]
        for wanted in (text, text.split(" [")[0]):
            found = sorted((c for c in self.checkpoints.values() if wanted in c.title), key=lambda c: len(c.title))
            if found:
                return found[0]
        return None

    def list_networks(self) -> None:
        self.networks, self.network_aliases, self.forbidden = {}, {}, dict(FORBIDDEN)
        for file in files_below(self.folder("Lora"), NETWORK_FILES):
            metadata: dict[str, Any] = {}
            with suppress(HeaderError):
                metadata = read_header(file).metadata if file.suffix == ".safetensors" else {}
            alias, claimed = metadata.get("ss_output_name", file.stem), metadata.get("sshs_model_hash")
            network = Network(file.stem, file, str(alias), str(claimed) if claimed else None)
            self.networks[network.name] = network
            if network.alias in self.network_aliases:
                self.forbidden[network.alias.lower()] = 1
            self.network_aliases[network.name] = self.network_aliases[network.alias] = network

    def network(self, name: str) -> Network | None:
        """Return what a tag means; an unknown one has the folder listed anew first."""
        for again in (False, True):
            if again:
                self.list_networks()
            known = self.networks if name.lower() in self.forbidden else self.network_aliases
            if name in known:
                return known[name]
        return None

    def list_modules(self) -> None:
        """List VAEs, and on Forge text encoders, by file name: of two with one name the last counts."""
        folders = ("VAE", "text_encoder") if self.flavour == "forge" else ("VAE",)
        found = [file for name in folders for file in files_below(self.folder(name), (*NETWORK_FILES, ".gguf", ".bin"))]
        self.modules = {file.name: file for file in found}

    def list_embeddings(self) -> None:
        found = files_below(self.root / "embeddings", (".pt", ".bin", ".safetensors"))
        self.embeddings = {file.stem: file for file in found}
