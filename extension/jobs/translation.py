"""A job's request in this web UI's own words: each model under the name that the web UI has for this server's file.

Pure but for one look at the disk, whether two paths lead to one file. Nothing is guessed: a model that the web UI does
not list, a name that could mean another file, a tag that is no requirement: each ends the translation with its reason.
Web UIs themselves pass over all of these without a word, and run with whatever is left.
"""

import os
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from ...ecosystems.infotext import resource as roles
from ...hub_client import ClaimedJob
from .engine import (
    CHECKPOINTS,
    CONTROLNETS,
    EMBEDDINGS,
    HYPERNETWORKS,
    LORAS,
    MODULES,
    MOST_IMAGES,
    OPTIONS,
    UPSCALERS,
    VAES,
    Listed,
    Names,
    images_of,
)
from .faults import HandedBackError, JobFailedError
from .finding import File, Held
from .places import put_at
from .prompts import Renaming, rewrite

REFINER = "refiner"
MODES = ("txt2img", "img2img")
SETTINGS = "override_settings"
_SCRIPTS = "alwayson_scripts"
_CHOOSING = frozenset(
    {"sd_model_checkpoint", "sd_checkpoint_hash", "sd_vae", "forge_additional_modules", "sd_lora", "sd_hypernetwork"}
)
_NOT_TAKEN = ("infotext", "sampler_index", "refiner_checkpoint", "hr_checkpoint_name", "hr_additional_modules")
"""Of a payload: an infotext would bring settings and models of its own."""
_LIST_OF_ROLE = {
    roles.CHECKPOINT: CHECKPOINTS,
    roles.UNET: CHECKPOINTS,
    REFINER: CHECKPOINTS,
    roles.LORA: LORAS,
    roles.HYPERNETWORK: HYPERNETWORKS,
    roles.EMBEDDING: EMBEDDINGS,
    roles.CONTROLNET: CONTROLNETS,
    roles.UPSCALER: UPSCALERS,
}
_BESIDE = frozenset({roles.VAE, roles.TEXT_ENCODER, roles.MODULE, roles.CLIP_VISION})
_UNWELCOME_IN_TAGS = frozenset(":>\n")
_UNWELCOME_IN_PROMPTS = frozenset('()[]<>:|,\\"\n')


@dataclass(frozen=True)
class Translated:
    """The body for the web UI, and which file each requirement is filled with."""

    body: Mapping[str, Any]
    chosen: tuple[tuple[Held, File], ...]


class NotListedError(Exception):
    """The web UI does not list files that it may not have looked for yet; ``lists`` are to be refreshed."""

    def __init__(self, missing: Sequence[tuple[str, Held]]) -> None:
        super().__init__("not listed")
        self.lists = frozenset(kind for kind, _ in missing)
        self.held = tuple(held for _, held in missing)

    def handed_back(self) -> HandedBackError:
        """Return what it means once the lists were refreshed."""
        names = ", ".join(repr(held.files[0].relative) for held in self.held[:5])
        message = (
            f"the web UI does not list {names}, or takes it for another model: does it look into the folder that this "
            "agent looks into?"
        )
        return HandedBackError("not_listed", message, tuple(s for held in self.held for s in held.need.sha256))


def translate(job: ClaimedJob, held: Sequence[Held], names: Names) -> Translated:
    """Return the request for this web UI.

    Raises:
        NotListedError: the web UI does not list some of the files; after a refresh it may.
        HandedBackError: this web UI cannot do it.
        JobFailedError: the job cannot be understood.
    """
    if job.mode not in MODES:
        raise JobFailedError("not_understood", f"{job.mode[:40]!r} is nothing that a web UI does")
    if images_of(job.payload) > MOST_IMAGES:
        raise JobFailedError(
            "too_many_images", f"a job makes at most {MOST_IMAGES} images: ask for more of them as jobs"
        )
    chosen, missing, listings = [], [], dict[str, _Listing]()
    for each in held:
        kind = _list_of(each, names)
        if kind not in listings:
            listings[kind] = _Listing(names.get(kind, ()))
        found = _choose(each, kind, listings[kind])
        if found is None:
            missing.append((kind, each))
        else:
            chosen.append((each, *found))
    if missing:
        raise NotListedError(missing)
    for each, file, _ in chosen:
        _refuse_rivals(each, file)
    body = _Body(job, names)
    for each, file, name in chosen:
        body.put(each, file, name)
    return Translated(body.finished(), tuple((each, file) for each, file, _ in chosen))


def lists_for(job: ClaimedJob) -> frozenset[str]:
    """Return the lists of the web UI's that a job's translation needs."""
    named = {_LIST_OF_ROLE[need.role] for need in job.requirements if need.role in _LIST_OF_ROLE}
    return frozenset({CHECKPOINTS, VAES, MODULES, OPTIONS, *named})


def _list_of(held: Held, names: Names) -> str:
    role = held.need.role
    if role in _BESIDE:
        if MODULES in names:
            return MODULES
        if role == roles.VAE or all(file.kind == "VAE" for file in held.files):
            return VAES
        raise HandedBackError(
            "cannot_load", f"this web UI cannot load the {role} {held.need.name!r} beside a checkpoint"
        )
    return _LIST_OF_ROLE.get(role, "")


class _Listing:
    """One of the web UI's lists, in which files are found without a look at each element."""

    def __init__(self, listed: Sequence[Listed]) -> None:
        self._listed = listed
        self.names = {each.name for each in listed}
        self.plain_names = {each.name.casefold() for each in listed}
        self._by_hash = {each.sha256: each for each in listed if each.sha256}
        self._by_last: dict[str, list[Listed]] = {}
        for each in listed:
            if each.path is not None:
                self._by_last.setdefault(_slashed(each.path).rpartition("/")[2], []).append(each)

    def find(self, files: Sequence[File]) -> tuple[File, Listed] | None:
        """Return the first of these files that is listed, with how: by its path, its hash, its place below its root.

        A list may be older than the last renaming: what it says of a folder that is seen here counts by the path alone,
        and not where it says another hash.
        """
        for match in (self._same_file, self._stated_hash, self._same_place):
            for file in files:
                found = match(file)
                if found is not None:
                    return file, found
        return None

    def _near(self, file: File) -> list[Listed]:
        return self._by_last.get(file.relative.rpartition("/")[2], [])

    def _same_file(self, file: File) -> Listed | None:
        near = [each for each in self._near(file) if each.sha256 in {None, file.sha256}]
        exact = next((each for each in near if each.path == file.path), None)
        real = os.path.realpath(file.path)
        return exact or next((each for each in near if os.path.realpath(str(each.path)) == real), None)

    def _stated_hash(self, file: File) -> Listed | None:
        found = self._by_hash.get(file.sha256)
        elsewhere = found is None or found.path is None or not os.path.isdir(os.path.dirname(found.path))
        return found if elsewhere else None

    def _same_place(self, file: File) -> Listed | None:
        """Return the only one at the same place below its root: a web UI in a container sees the folders elsewhere."""
        ending = "/" + file.relative
        paths = ((each, _slashed(str(each.path))) for each in self._near(file))
        found = [each for each, path in paths if path.endswith(ending) and not os.path.lexists(path)]
        return found[0] if len(found) == 1 else None


def _slashed(path: str) -> str:
    return path.replace("\\", "/")


def _choose(held: Held, kind: str, listing: _Listing) -> tuple[File, str] | None:
    """Return the file that the web UI lists, and its name there."""
    if not kind:  # what no list tells of is named by its file
        return held.files[0], os.path.basename(held.files[0].path)
    if kind == EMBEDDINGS:
        known = listing.plain_names
        # A1111 reads them with its first checkpoint, and then lists none yet.
        return next(((f, f.stem) for f in held.files if not known or f.stem.casefold() in known), None)
    if kind == CONTROLNETS:
        named = ((file, f"{file.stem} [{file.old_hash}]") for file in held.files)
        return next((each for each in named if each[1] in listing.names), None)
    found = listing.find(held.files)
    if found is None:
        return None
    file, listed = found
    return file, listed.path if kind == MODULES and listed.path else listed.name


def _refuse_rivals(held: Held, file: File) -> None:
    """Refuse a name that could mean two files here."""
    if file.rivals:
        message = f"{file.stem!r} could mean {file.relative} or {file.rivals[0]} on this server: rename one of them"
        raise HandedBackError("ambiguous_name", message, held.need.sha256)


class _Body:
    """A request that is being put together."""

    def __init__(self, job: ClaimedJob, names: Names) -> None:
        self._names = names
        self._job = job
        self._body: dict[str, Any] = deepcopy({k: v for k, v in job.payload.items() if k not in _NOT_TAKEN})
        settings = self._body.get(SETTINGS)
        kept = settings if isinstance(settings, dict) else {}
        self._settings: dict[str, Any] = {key: value for key, value in kept.items() if key not in _CHOOSING}
        self._beside: list[str] = []
        self._beside_hires: list[str] = []
        self._checkpoint: str | None = None
        self._tags: dict[str, str] = {}
        self._embeddings: list[Renaming] = []

    def put(self, held: Held, file: File, name: str) -> None:
        """Put one model where the request names it."""
        source, role = held.need.source, held.need.role
        if role in {roles.LORA, roles.HYPERNETWORK}:
            self._refuse_unless_writable(held, name, _UNWELCOME_IN_TAGS)
            self._tags[roles.plain_name(held.need.name)] = name
        elif role == roles.EMBEDDING:
            self._put_embedding(held, name)
        elif source == "sd_model_checkpoint":
            self._checkpoint = name
        elif source.startswith("hr_additional_modules"):
            self._beside_hires.append(name)
        elif source == "sd_vae" or source.startswith("forge_additional_modules"):
            self._beside.append(name)
        elif source in {"refiner_checkpoint", "hr_checkpoint_name", "hr_upscaler"}:
            self._body[source] = name
        elif not (source.startswith(f"{_SCRIPTS}.") and put_at(self._body, source, name)):
            raise JobFailedError("not_understood", f"it is not clear where the {role} {held.need.name!r} belongs")

    def finished(self) -> Mapping[str, Any]:
        """Return it with its images, prompts and settings."""
        for path, text in self._job.inputs.items():
            if "://" in text[:16] or not put_at(self._body, path, text):
                raise JobFailedError("not_understood", f"the image {path[:100]!r} does not belong into this request")
        self._choose_models()
        self._body = rewrite(self._body, self._tags, self._embeddings)
        self._body[SETTINGS] = self._settings
        self._body.setdefault("save_images", True)
        return {**self._body, "send_images": True, "override_settings_restore_afterwards": True}

    def _choose_models(self) -> None:
        if self._checkpoint is None:
            raise JobFailedError("not_understood", "the job names no checkpoint, and no job runs with just any")
        settings = self._settings
        settings["sd_model_checkpoint"] = self._checkpoint
        if MODULES in self._names:
            # None where none is asked for: what the page has chosen just then would be loaded as well.
            settings["forge_additional_modules"] = self._beside
            if self._body.get("enable_hr"):
                self._body["hr_additional_modules"] = self._beside_hires or ["Use same choices"]
        elif len(self._beside) > 1 or self._beside_hires:
            raise HandedBackError("cannot_load", "this web UI loads one VAE and nothing else beside a checkpoint")
        else:
            settings["sd_vae"] = self._beside[0] if self._beside else "Automatic"
        known = {each.name for each in self._names.get(OPTIONS, ())}
        for key, value in (
            ("sd_vae_overrides_per_model_preferences", bool(self._beside)),
            ("sd_lora", "None"),
            ("lora_add_hashes_to_infotext", True),
            ("add_model_hash_to_info", True),
            ("add_model_name_to_info", True),
            ("live_previews_image_format", "jpeg"),  # a PNG of a large image is more than a hub takes
        ):
            if key in known:
                settings[key] = value

    def _put_embedding(self, held: Held, name: str) -> None:
        asked = roles.stem(held.need.name)
        if asked.casefold() != name.casefold():
            self._refuse_unless_writable(held, name, _UNWELCOME_IN_PROMPTS)
        self._embeddings.append(Renaming(asked, name))

    @staticmethod
    def _refuse_unless_writable(held: Held, name: str, unwelcome: frozenset[str]) -> None:
        if not unwelcome.isdisjoint(name):
            message = f"this server's file is called {name!r}, which no prompt can name: rename it"
            raise HandedBackError("cannot_load", message, held.need.sha256)
