"""The model folders of three servers, and somebody who moves the files in them about, by a seed."""

import hashlib
import os
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from quartermaster.tests.fakes.model_files import safetensors_bytes

CHECKPOINT, LORA, VAE = "Stable-diffusion", "Lora", "VAE"
"""Folders of a web UI, which say what a file in them is."""
KITS = 10
_KIT = ((CHECKPOINT, "a"), (CHECKPOINT, "b"), (LORA, "a"), (LORA, "b"), (VAE, "a"))
_PREFIXES = {CHECKPOINT: "base", LORA: "style", VAE: "vae"}
BODY_BYTES = 3000


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass(frozen=True)
class Model:
    """A model of a kit; what is asked for together is of one kit.

    ``contents`` are files with equal tensors, any of which is this model: most models have one, some have two.
    """

    kit: int
    folder: str
    name: str
    contents: tuple[bytes, ...]

    @property
    def hashes(self) -> frozenset[str]:
        return frozenset(map(sha256, self.contents))

    @property
    def sha256(self) -> str:
        return sha256(self.contents[0])


def make_models(seed: int) -> list[Model]:
    """Return 50 models, five of a kit. All files are of one size but for the twins'."""
    dice = random.Random(f"models of {seed}")
    found = []
    for kit in range(KITS):
        for folder, letter in _KIT:
            body = dice.randbytes(BODY_BYTES)
            contents = [safetensors_bytes(body)]
            if folder == LORA and letter == "b":
                contents.append(safetensors_bytes(body, {"ss_output_name": "the same weights"}))
            found.append(Model(kit, folder, f"{_PREFIXES[folder]}-{kit}{letter}", tuple(contents)))
    return found


@dataclass
class Place:
    """A file of a server's."""

    model: Model | None
    """None: a model that nobody asks for, under a name that somebody asks for."""
    content: bytes


class Mover:
    """Moves files about in the folders of the servers; it knows what lies where because nobody else does that."""

    def __init__(self, folders: dict[str, Path], models: list[Model], seed: int) -> None:
        self._folders = folders
        self._models = models
        self._dice = random.Random(f"moves of {seed}")
        self._places: dict[Path, Place] = {}
        self.moves: dict[str, int] = {}
        """How often each kind of move was made."""
        for folder in folders.values():
            for kind in _PREFIXES:
                folder.joinpath("models", kind).mkdir(parents=True, exist_ok=True)

    def lay_out(self, kits: Iterable[int]) -> None:
        """Give each of these kits, whole, to one server, and most to a second one."""
        for kit in kits:
            holders = self._dice.sample(sorted(self._folders), self._dice.choice([1, 2, 2]))
            for server in holders:
                self._give(server, kit)

    def bring(self, kit: int) -> None:
        """Have a kit appear that was nowhere."""
        self._give(self._dice.choice(sorted(self._folders)), kit)

    def put_right(self) -> None:
        """Give each kit, whole, to some server: whatever waits can be done then."""
        for kit in range(KITS):
            self._give(sorted(self._folders)[kit % len(self._folders)], kit)

    def step(self) -> None:
        """Change one thing."""
        change: Callable[[], bool] = self._dice.choice(
            [self._move, self._move, self._rename, self._remove, self._bring_back, self._bring_back, self._replace,
             self._swap]
        )  # fmt: skip
        if change():
            name = change.__name__.strip("_")
            self.moves[name] = self.moves.get(name, 0) + 1

    def _move(self) -> bool:
        """From one server to another."""
        path = self._some()
        place = self._places[path]
        if place.model is None:
            return False
        target = self._dice.choice(sorted(self._folders))
        self._take(path)
        self._write(self._usual_path(target, place.model), place)
        return True

    def _rename(self) -> bool:
        path = self._some()
        if self._places[path].model is None:
            return False
        target = path.with_name(f"{path.stem.partition('~')[0]}~{self._dice.randrange(100)}.safetensors")
        path.replace(target)
        self._places[target] = self._places.pop(path)
        return True

    def _remove(self) -> bool:
        """At times the last one that there is."""
        self._take(self._some())
        return True

    def _bring_back(self) -> bool:
        """A model, to a server that lacks it; of kits that are somewhere."""
        kits = {place.model.kit for place in self._places.values() if place.model}
        model = self._dice.choice([model for model in self._models if model.kit in kits])
        server = self._dice.choice(sorted(self._folders))
        self._write(self._usual_path(server, model), Place(model, self._dice.choice(model.contents)))
        return True

    def _replace(self) -> bool:
        """Put another file under the same name, as large and as old: only the file itself is another."""
        path = self._some()
        before = path.stat()
        self._write(path, Place(None, safetensors_bytes(self._dice.randbytes(BODY_BYTES))))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        return True

    def _swap(self) -> bool:
        """Have two models of one folder change names."""
        path = self._some()
        others = [other for other in sorted(self._places) if other.parent == path.parent and other != path]
        if not others:
            return False
        other = self._dice.choice(others)
        aside = path.with_suffix(".aside")
        path.replace(aside)
        other.replace(path)
        aside.replace(other)
        self._places[path], self._places[other] = self._places[other], self._places[path]
        return True

    def _some(self) -> Path:
        return self._dice.choice(sorted(self._places))

    def _give(self, server: str, kit: int) -> None:
        """Write a kit under its usual names, whatever lies there, and whether or not it is there under others."""
        for model in self._models:
            if model.kit == kit:
                self._write(self._usual_path(server, model), Place(model, model.contents[0]))

    def _usual_path(self, server: str, model: Model) -> Path:
        return self._folders[server] / "models" / model.folder / f"{model.name}.safetensors"

    def _take(self, path: Path) -> None:
        path.unlink()
        del self._places[path]

    def _write(self, path: Path, place: Place) -> None:
        """Write a file under another name first, as who copies models does."""
        partial = path.with_suffix(".part")
        partial.write_bytes(place.content)
        partial.replace(path)
        self._places[path] = place
