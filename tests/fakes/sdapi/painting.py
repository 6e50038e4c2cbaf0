"""Runs requests as ``process_images`` does, but paints nothing: one at a time, with the names and hashes of real files.

Source: A1111 1.10 and Forge, ``modules/processing.py``, ``modules/api/api.py``, ``modules/shared_state.py``. Above all:
a checkpoint in ``override_settings`` that is not known is dropped without a word, and a LoRA that is not, too.
"""

import base64
import hashlib
import itertools
import json
import random
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quartermaster.tests.fakes import images

from .shelves import Checkpoint, Shelves, sha256_of

SAMPLERS = frozenset({"Euler", "Euler a", "DPM++ 2M", "DPM++ 2M SDE", "DDIM"})
SCRIPTS = frozenset({"controlnet", "adetailer", "refiner", "sampler", "seed"})
_TAG = re.compile(r"<(\w+):([^>]+)>")
_SYMBOLS = str.maketrans("", "", ":,")


class ApiError(Exception):
    """What a route answers in place of a result."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass
class Faults:
    """Switches: what goes wrong from now on.

    ``wrong_model``: another checkpoint than was asked for is used. ``stuck``: sampling does not go on, and heeds no
    interrupt. ``out_of_memory``, ``disk_full``: running ends with a 500. ``garbage``: the images that are answered are
    none. ``deaf``: no request is answered. ``dies``: the web UI ends in the middle of the next run.
    """

    wrong_model: bool = False
    out_of_memory: bool = False
    disk_full: bool = False
    stuck: bool = False
    deaf: bool = False
    garbage: bool = False
    dies: bool = False


@dataclass(frozen=True)
class Used:
    """What a run really used: files and their SHA-256 when it loaded them, and the SHA-256 of each image it made."""

    body: dict[str, Any]
    checkpoint: Path
    sha256: str
    loras: dict[Path, str]
    modules: tuple[Path, ...]
    infotexts: tuple[str, ...]
    files: frozenset[str]
    images: tuple[str, ...]


@dataclass
class State:
    """``shared.state``."""

    job: str = ""
    job_no: int = 0
    job_count: int = 0
    job_timestamp: str = "0"
    sampling_step: int = 0
    sampling_steps: int = 0
    interrupted: bool = False
    started: float = 0.0
    task: str | None = None
    pending: list[str] = field(default_factory=list)
    finished: list[str] = field(default_factory=list)

    def begin(self, job: str) -> None:
        self.job, self.job_no, self.job_count, self.sampling_step = job, 0, -1, 0
        self.job_timestamp, self.interrupted, self.started = time.strftime("%Y%m%d%H%M%S"), False, time.monotonic()

    def end(self) -> None:
        self.job, self.job_count = "", 0

    def told(self) -> dict[str, Any]:
        names = ("interrupted", "job", "job_count", "job_timestamp", "job_no", "sampling_step", "sampling_steps")
        return {"skipped": False, "stopping_generation": False, **{name: getattr(self, name) for name in names}}


class Painter:
    """The part of a web UI behind its queue lock."""

    def __init__(self, shelves: Shelves, *, step_seconds: float = 0.0, die: Any = lambda: None) -> None:
        self.shelves = shelves
        self.faults = Faults()
        self.state = State()
        self.lock = threading.Lock()
        self.used: list[Used] = []
        self.loaded: Checkpoint | None = None
        self.step_seconds = step_seconds
        self.going = threading.Event()
        """Cleared, sampling waits before its next step (and heeds an interrupt): a test holds a run so."""
        self.going.set()
        self.closed = threading.Event()
        self._die = die
        self._numbers = itertools.count(1)
        self.options: dict[str, Any] = {
            "sd_model_checkpoint": next(iter(shelves.checkpoints), None),
            "sd_checkpoint_hash": "",
            "sd_vae": "Automatic",
            "sd_vae_overrides_per_model_preferences": True,
            "CLIP_stop_at_last_layers": 1,
            "add_model_hash_to_info": True,
            "add_model_name_to_info": True,
            "lora_add_hashes_to_infotext": True,
            "sd_lora": "None",
            "textual_inversion_add_hashes_to_infotext": True,
            "return_grid": True,
            "live_previews_image_format": "png",
        }
        if shelves.flavour == "forge":
            self.options["forge_additional_modules"] = []

    # --- a request

    def run(self, mode: str, body: dict[str, Any]) -> dict[str, Any]:
        """Answer ``/sdapi/v1/txt2img`` or ``img2img``."""
        if mode == "img2img" and not body.get("init_images"):
            raise ApiError(404, "Init image not found")
        sampler = body.get("sampler_name") or body.get("sampler_index") or "Euler"
        if sampler not in SAMPLERS:
            raise ApiError(400, "Sampler not found")
        for name in body.get("alwayson_scripts") or {}:
            if name.lower() not in SCRIPTS:
                raise ApiError(422, f"always on script {name} not found")
        task = body.get("force_task_id") or f"task({mode}-{random.getrandbits(32):08x})"
        self.state.pending.append(task)
        with self.lock:
            self.state.begin(f"scripts_{mode}")
            self.state.task = task
            self.state.pending.remove(task)
            try:
                made, infotexts, first = self._process(mode, body, sampler)
            finally:
                self.state.task = None
                self.state.finished.append(task)
                self.state.end()
        info = {"infotexts": infotexts, "index_of_first_image": first, "job_timestamp": self.state.job_timestamp}
        sent = [base64.b64encode(image).decode() for image in made] if body.get("send_images", True) else []
        return {"images": sent, "parameters": body, "info": json.dumps(info)}

    @contextmanager
    def by_hand(self) -> Iterator[None]:
        """While entered, a person generates in the page."""
        with self.lock:
            self.state.begin("task(a1b2c3d4e5f6g7h)")
            try:
                yield
            finally:
                self.state.end()

    def _process(self, mode: str, body: dict[str, Any], sampler: str) -> tuple[list[bytes], list[str], int]:
        overrides = dict(body.get("override_settings") or {})
        if self.shelves.aliases.get(overrides.get("sd_model_checkpoint", "")) is None:
            overrides.pop("sd_model_checkpoint", None)
        for key in overrides:
            if key not in self.options and self.shelves.flavour == "a1111":
                raise KeyError(key)
        before = {key: self.options[key] for key in overrides if key in self.options}
        self._set(overrides)
        try:
            self._load()
            return self._paint(mode, body, sampler)
        finally:
            if body.get("override_settings_restore_afterwards", True):
                self._set(before)

    def _set(self, options: dict[str, Any]) -> None:
        for key, value in options.items():
            if key == "forge_additional_modules":  # what is not listed is left out without a word
                listed = self.shelves.modules
                value = [str(listed[Path(name).name]) for name in value if Path(name).name in listed]
            self.options[key] = value

    def _load(self) -> None:
        shelves = self.shelves
        chosen = shelves.aliases.get(self.options["sd_model_checkpoint"] or "")
        chosen = chosen or next(iter(shelves.checkpoints.values()), None)
        if self.faults.wrong_model:
            chosen = next((c for c in shelves.checkpoints.values() if c is not chosen), chosen)
        if chosen is None:
            raise ValueError("You do not have any model!")
        self.options["sd_checkpoint_hash"] = shelves.calculate_hash(chosen)
        self.loaded = chosen

    def _paint(self, mode: str, body: dict[str, Any], sampler: str) -> tuple[list[bytes], list[str], int]:
        assert self.loaded is not None
        checkpoint, sha256 = self.loaded, sha256_of(self.loaded.file)
        refiner = body.get("refiner_checkpoint")
        second = self.shelves.closest_checkpoint(refiner) if refiner not in {None, "", "None"} else None
        if refiner not in {None, "", "None"} and second is None:
            raise RuntimeError(f"Could not find checkpoint with name {refiner}")
        networks = self._networks(str(body.get("prompt", "")))
        loras = {network.file: sha256_of(network.file) for network in networks.values()}
        modules = tuple(Path(path) for path in self.options.get("forge_additional_modules", []))
        vae = None if self.shelves.flavour == "forge" else self.shelves.modules.get(self.options["sd_vae"])
        others = [path for path in (*modules, vae, second and second.file) if path is not None]
        files = frozenset({sha256, *loras.values(), *map(sha256_of, others)})
        seed = body.get("seed", -1)
        seed = random.getrandbits(32) if seed in {-1, None} else seed
        count = body.get("batch_size", 1) * body.get("n_iter", 1)
        self.state.job_count, self.state.sampling_steps = count, body.get("steps", 50)
        infotexts, made = [], []
        for number in range(count):
            self._sample()
            fields = self._fields(body, sampler, seed + number, checkpoint, networks, second)
            infotexts.append(self._infotext(body, fields))
            made.append(b"no image" if self.faults.garbage else picture(infotexts[-1], self._mark()))
            self.state.job_no, self.state.sampling_step = number + 1, 0
            if self.state.interrupted:
                break
        hashes = tuple(hashlib.sha256(content).hexdigest() for content in made)
        self.used.append(Used(body, checkpoint.file, sha256, loras, modules, tuple(infotexts), files, hashes))
        if body.get("save_images"):
            folder = self.shelves.root / "outputs" / f"{mode}-images"
            folder.mkdir(parents=True, exist_ok=True)
            for content in made:
                (folder / f"{len(list(folder.iterdir())):05}-{seed}.png").write_bytes(content)
        if len(made) > 1 and self.options["return_grid"] and body.get("save_images"):
            return [picture(infotexts[0]), *made], [infotexts[0], *infotexts], 1
        return made, infotexts, 0

    def _mark(self) -> str:
        return f"{self.shelves.root} {next(self._numbers)}"

    def _sample(self) -> None:
        if self.faults.out_of_memory:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
        if self.faults.disk_full:
            raise OSError(28, "No space left on device")
        for step in range(self.state.sampling_steps):
            self.state.sampling_step = step
            if self.faults.dies and step == self.state.sampling_steps // 2:
                self._die()
                self.closed.wait()
            while (self.faults.stuck or not self._goes()) and not self.closed.wait(0.005):
                pass
            if self.state.interrupted or self.closed.is_set():
                return
            if self.step_seconds:
                self.closed.wait(self.step_seconds)

    def _goes(self) -> bool:
        return self.going.is_set() or self.state.interrupted

    def _networks(self, prompt: str) -> dict[str, Any]:
        """Return what the tags load, by the name as it was written; a tag that leads nowhere is passed over."""
        tags = [match[2].split(":")[0] for match in _TAG.finditer(prompt) if match[1] in {"lora", "lyco"}]
        found = {name: self.shelves.network(name) for name in tags}
        return {name: network for name, network in found.items() if network is not None and network.file.exists()}

    # --- what it says of it

    def _fields(
        self,
        body: dict[str, Any],
        sampler: str,
        seed: int,
        checkpoint: Checkpoint,
        networks: dict[str, Any],
        refiner: Checkpoint | None,
    ) -> dict[str, Any]:
        forge, options = self.shelves.flavour == "forge", self.options
        fields: dict[str, Any] = {
            "Steps": body.get("steps", 50),
            "Sampler": sampler,
            "Schedule type": body.get("scheduler") or "Automatic",
            "CFG scale": body.get("cfg_scale", 7.0),
            "Seed": seed,
            "Size": f"{body.get('width', 512)}x{body.get('height', 512)}",
        }
        if options["add_model_hash_to_info"]:
            fields["Model hash"] = (checkpoint.sha256 or "")[:10]
        if options["add_model_name_to_info"]:
            fields["Model"] = checkpoint.stem
        vae = self.shelves.modules.get(options["sd_vae"]) if not forge else None
        if vae is not None:
            fields |= {"VAE hash": sha256_of(vae)[:10], "VAE": vae.name}
        if refiner is not None:
            fields |= {"Refiner": f"{refiner.stem} [{self.shelves.calculate_hash(refiner)[:10]}]"}
        if networks and options["lora_add_hashes_to_infotext"]:
            hashes = {name.translate(_SYMBOLS): net.short_hash(self.shelves.flavour) for name, net in networks.items()}
            fields["Lora hashes"] = ", ".join(f"{name}: {digits}" for name, digits in hashes.items())
        words = f"{body.get('prompt', '')} {body.get('negative_prompt', '')}"
        found = {n: f for n, f in self.shelves.embeddings.items() if re.search(rf"\b{re.escape(n)}\b", words, re.I)}
        if found and not forge:
            fields["TI hashes"] = ", ".join(f"{name}: {sha256_of(file)[:12]}" for name, file in found.items())
        fields["Version"] = "f2.0.1v1.10.1-previous-669-gdfdcbab6" if forge else "v1.10.1"
        for number, path in enumerate(options.get("forge_additional_modules", []), 1):
            fields[f"Module {number}"] = Path(path).stem
        return fields

    @staticmethod
    def _infotext(body: dict[str, Any], fields: dict[str, Any]) -> str:
        negative = body.get("negative_prompt")
        middle = f"\nNegative prompt: {negative}" if negative else ""
        listed = ", ".join(f"{name}: {quoted(value)}" for name, value in fields.items())
        return f"{body.get('prompt', '')}{middle}\n{listed}".strip()


def quoted(value: Any) -> str:
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if any(c in text for c in ",\n:") else text


def picture(infotext: str, mark: str = "") -> bytes:
    """Return a PNG of one pixel that has its infotext as Pillow writes it; with another mark it is another file."""
    chunk = images.plain("mark", mark)
    try:
        return images.png(images.plain("parameters", infotext), chunk)
    except UnicodeEncodeError:
        return images.png(images.international("parameters", infotext), chunk)
