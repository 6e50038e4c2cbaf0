"""Find the folders of models below one ``--models`` folder: which tool laid it out, and where its models are.

Each layout is a short function that lists places; ``_settle`` then sees to it that no file is in two roots. Besides the
folders with known names there is a root for the rest, which leaves those out: so a folder that is made later
belongs to a root at once, and no file is missed because its folder has an unusual name.

Sources: A1111 and Forge ``modules/paths.py``, ComfyUI ``folder_paths.py``, Stability Matrix ``SharedFolderType.cs`` and
its ``Data/Models`` and ``Data/Packages``.
"""

import glob
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Literal

from .extra_paths import FILE_NAME, read_extra_paths
from .kinds import kind_of_folder
from .roots import Root, RootError, label_roots

Layout = Literal["a1111", "comfyui", "stability-matrix", "models-folder", "plain"]

_A1111_SIGNS = {"webui.py", "webui.sh", "webui-user.sh", "webui-user.bat", "extensions-builtin", "modules_forge"}
_COMFYUI_SIGNS = {"folder_paths.py", "custom_nodes", FILE_NAME, f"{FILE_NAME}.example"}
_A1111_FOLDERS = {"stable-diffusion", "lora", "lycoris", "esrgan", "realesrgan", "text_encoder"}
_COMFYUI_FOLDERS = {"checkpoints", "loras", "clip", "text_encoders", "unet", "diffusion_models", "upscale_models"}

_A1111_PLACES = {
    "embeddings": "TextualInversion",
    "extensions/sd-webui-controlnet/models": "Controlnet",
    "extensions/sd-webui-animatediff/model": "MotionModule",
    "extensions/sd-webui-additional-networks/models/lora": "LORA",
}
_COMFYUI_PLACES = {
    "custom_nodes/ComfyUI-AnimateDiff-Evolved/models": "MotionModule",
    "custom_nodes/ComfyUI-AnimateDiff-Evolved/motion_lora": "LORA",
}
"""Folders of models outside of ``models``; of the rest of a tool's own folders no file is listed."""

_NOT_MODELS = ("python_embeded", "python_embedded", "system", "venv", ".venv", "node_modules")
"""What stands beside the tool in portable packages: Python itself, with files that end like a model's."""


@dataclass(frozen=True)
class Discovery:
    """What was found: the layout, roots in which no file stands twice, and notes for the person who set it up."""

    layout: Layout
    roots: tuple[Root, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Place:
    path: str
    kind: str | None


@dataclass
class _Found:
    layout: Layout
    places: list[_Place] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    """Folders of which nothing is listed but the places within."""


def discover(models_dir: str) -> Discovery:
    """Return the roots below one folder: a web UI's, its ``models`` folder, or any other.

    Only folders that exist are roots. Whoever keeps running calls this again at each reconcile: a known folder
    that was made since (``models/VAE`` of an empty web UI) has been in the root of the rest until then, under the same
    published paths where that root is ``models`` itself. A root that an earlier call gave and that is gone now may be
    an unmounted disk: the caller keeps it as stale rather than forget it.

    Raises:
        RootError: the folder does not exist, is not a folder, or cannot be listed.
    """
    base = os.path.abspath(os.path.expanduser(models_dir))
    try:
        os.listdir(base)
    except (OSError, ValueError) as error:
        raise RootError(f"--models {models_dir!r} cannot be listed: {error}") from error
    found = (
        _stability_matrix(base)
        or _tool(base)
        or _around_tools(base)
        or _models_folder(base)
        or _Found("plain", [_Place(base, None)])
    )
    roots, notes = _settle(found, base)
    if not roots:
        notes = (*notes, f"{base} has no folder of models yet")
    return Discovery(found.layout, roots, notes)


def named_roots(
    named: Iterable[tuple[str | None, str]], base: str | None = None, closed: Iterable[str] = ()
) -> tuple[tuple[Root, ...], tuple[str, ...]]:
    """Return the roots for folders that a person (``roots.parse_root``) or a web UI named one by one, and notes.

    The folders need not exist. As in a discovery, no file stands in two roots: of folders within each other, the outer
    one leaves the inner one out. Labels are paths below ``base``; of ``closed`` folders nothing is listed but the named
    ones within.
    """
    places = [_Place(path, kind) for kind, path in named]
    return _settle(_Found("plain", places, closed=list(closed)), base)


def _stability_matrix(base: str) -> _Found | None:
    """Recognise Stability Matrix by its data folder, either ``base`` or, where it is portable, ``Data`` below."""
    for home in (base, _join(base, "Data")):
        names, models, packages = set(_names(home)), _join(home, "Models"), _join(home, "Packages")
        if "Models" not in names or ("Packages" not in names and "StableDiffusion" not in _names(models)):
            continue
        found = _Found("stability-matrix", _places_in(models))
        for name in sorted(_names(packages)):
            _join_in(found, _tool(_join(packages, name), installed=True))
        return found
    return None


def _around_tools(base: str) -> _Found | None:
    """Recognise a folder that holds tools: a portable package with its one, or several side by side.

    What else is there counts too, but not the files of the tools' own.
    """
    with os.scandir(base) as entries:
        folders = sorted(entry.path for entry in entries if entry.is_dir())
    tools = {path: tool for path in folders if _program(path) and (tool := _tool(path, installed=True))}
    if not tools:
        return None
    beside = [path for name in _NOT_MODELS if (path := _child(base, name))]
    found = _Found(next(iter(tools.values())).layout, closed=[*tools, *beside])
    for tool in tools.values():
        _join_in(found, tool)
    found.places += _places_in(base)
    return found


def _join_in(found: _Found, other: _Found | None) -> None:
    if other is not None:
        found.places += other.places
        found.notes += other.notes


def _program(base: str) -> set[str]:
    return {name.lower() for name in _names(base)} & (_A1111_SIGNS | _COMFYUI_SIGNS)


def _models_folder(base: str) -> _Found | None:
    places = _places_in(base)
    return _Found("models-folder", places) if len(places) > 1 else None


def _tool(base: str, *, installed: bool = False) -> _Found | None:
    """Recognise the folder of a web UI, or, unless ``installed``, one that has its folders of models alone."""
    program, models = _program(base), _child(base, "models")
    beneath = {name.lower() for name in _names(models)} if models else set()
    a1111 = 10 * len(program & _A1111_SIGNS) + len(beneath & _A1111_FOLDERS)
    comfyui = 10 * len(program & _COMFYUI_SIGNS) + len(beneath & _COMFYUI_FOLDERS)
    if len(program) < (1 if models else 2) and not any(map(kind_of_folder, beneath)):
        return None
    layout: Layout = "comfyui" if comfyui > a1111 else "a1111"
    found = _Found(layout, _places_in(models) if models else [])
    known = _COMFYUI_PLACES if layout == "comfyui" else _A1111_PLACES
    found.places += [_Place(path, kind) for names, kind in known.items() if (path := _child(base, *names.split("/")))]
    if layout == "comfyui":
        _add_extra(base, found)
    if not program and not installed:
        found.places.append(_Place(base, None))  # nothing here whose own files would be taken for models
    return found


def _add_extra(base: str, found: _Found) -> None:
    extra = read_extra_paths(Path(base, FILE_NAME))
    found.notes += extra.notes
    for named in extra.paths:
        if _within(base, named.path):
            found.notes.append(f"{FILE_NAME}: {named.path} holds the whole of {base} and is left out")
        elif not os.path.isdir(named.path):
            found.notes.append(f"{FILE_NAME}: there is no folder {named.path} (yet)")
        else:
            found.places.append(_Place(named.path, named.kind))


def _places_in(models: str) -> list[_Place]:
    """Return a place for each sub-folder with a known name, and last one for the rest of the folder."""
    kinds = [(name, kind_of_folder(name)) for name in sorted(_names(models))]
    known = [_Place(_join(models, name), kind) for name, kind in kinds if kind not in {None, "Other"}]
    return [*(place for place in known if os.path.isdir(place.path)), _Place(models, None)]


def _settle(found: _Found, base: str | None) -> tuple[tuple[Root, ...], tuple[str, ...]]:
    """Turn places into roots in which each file stands once.

    A place that is a link to another, or lies in one of the same kind, adds nothing. A place within another of a
    different kind stays, and the outer one leaves it out.
    """
    places, notes = list(dict.fromkeys(found.places)), list(found.notes)
    real = {place.path: os.path.realpath(place.path) for place in places}
    kept: dict[str, _Place] = {}
    twins: list[tuple[_Place, _Place]] = []
    for place in sorted(places, key=lambda place: (place.path != real[place.path], place.kind is None)):
        twin = kept.setdefault(os.path.normcase(real[place.path]), place)
        if os.path.normcase(twin.path) != os.path.normcase(place.path):
            twins.append((place, twin))
        elif twin.kind != place.kind:
            notes.append(f"{place.path} is given as {twin.kind} and as {place.kind}: it counts as {twin.kind}")
    final = [p for p in places if p in kept.values() and not _adds_nothing(p, kept.values(), real, found.closed)]
    roots = [Root(p.path, "", p.kind, excludes=_left_out(p, places, final, real, found.closed)) for p in final]
    if twins:
        notes.append(f"linked folders that are listed once: {len(twins)}; {twins[0][0].path} is {twins[0][1].path}")
    return label_roots(roots, base), tuple(notes)


def _left_out(
    place: _Place, places: Iterable[_Place], final: Iterable[_Place], real: dict[str, str], closed: Iterable[str]
) -> tuple[str, ...]:
    """Return the patterns of the folders in a place that another root lists, or that are links to such."""
    paths = dict.fromkeys(below for path in closed if (below := _below(place.path, path)))
    for other in places:
        named, lies = _below(place.path, other.path), _below(real[place.path], real[other.path])
        if other in final:
            paths |= dict.fromkeys(path for path in (named, lies) if path)
        elif named and named != lies:
            paths[named] = None
    return tuple("/" + glob.escape(path) for path in paths)


def _adds_nothing(place: _Place, places: Iterable[_Place], real: dict[str, str], closed: Iterable[str]) -> bool:
    """Say whether the nearest place around this one lists its files already, under the same kind."""
    shut = [path for path in closed if _within(place.path, path)]
    around = [
        other
        for other in places
        if _below(real[other.path], real[place.path]) and not any(_below(other.path, path) for path in shut)
    ]
    if not around:
        return False
    nearest = max(around, key=lambda other: len(real[other.path]))
    return place.kind in {None, nearest.kind}


def _below(outer: str, inner: str) -> str | None:
    """Return the POSIX-style path of a folder relative to one that it lies in, else None."""
    if not _within(inner, outer) or PurePath(inner) == PurePath(outer):
        return None
    return PurePath(inner).relative_to(outer).as_posix()


def _within(inner: str, outer: str) -> bool:
    return PurePath(inner).is_relative_to(outer)


def _names(folder: str) -> list[str]:
    """Return the names in a folder; one that cannot be listed is empty here, and reported by the scan."""
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _child(folder: str, *names: str) -> str | None:
    """Return the path of a folder beneath, whatever the case of its name, or None."""
    for name in names:
        same = [candidate for candidate in sorted(_names(folder)) if candidate.lower() == name.lower()]
        exact = name if name in same else next(iter(same), None)
        if exact is None or not os.path.isdir(folder := _join(folder, exact)):
            return None
    return folder


def _join(folder: str, name: str) -> str:
    return str(PurePath(folder, name))
