"""Roots: the folders that an agent takes inventory of, with the label that each has on the hub."""

import fnmatch
import functools
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

from ...ecosystems.model_types import MODEL_TYPES, canonical_type
from .errors import InventoryError

AUTO = "auto"
"""Stands for a kind on the command line: let the folders' names decide."""


class RootError(InventoryError):
    """A folder cannot be a root; the message names the argument or the folder and says what to do."""


@dataclass(frozen=True)
class Root:
    """One folder of model files.

    ``path`` is absolute and not resolved through links. ``label`` is POSIX-style, unique per server, and the first part
    of every published path. ``kind`` is a model type, or None where the names of the folders beneath decide. Models of
    a root that is not ``shared`` are listed and published, but never sent to another server. ``excludes`` are glob
    patterns over paths relative to the root, see ``exclusion``.
    """

    path: str
    label: str
    kind: str | None
    shared: bool = True
    excludes: tuple[str, ...] = ()


def parse_root(argument: str) -> tuple[str | None, str]:
    """Read ``KIND=PATH`` of the command line: returns the model type (None for ``auto``) and the absolute path.

    Only the first ``=`` counts, so that a path may hold more of them, or a drive letter. The folder need not exist.

    Raises:
        RootError: no ``=``, no such kind, no path.
    """
    name, equals, path = argument.partition("=")
    if not equals:
        raise RootError(f"--root {argument!r} is not of the form KIND=PATH, as in LORA=/data/loras")
    kind = canonical_type(name.strip())
    if kind is None and name.strip().lower() != AUTO:
        raise RootError(f"--root {argument!r}: {name!r} is no kind of model. Kinds: {AUTO}, {', '.join(MODEL_TYPES)}")
    if not path.strip() or "\0" in path:
        raise RootError(f"--root {argument!r} names no folder after the '='")
    return kind, os.path.abspath(os.path.expanduser(path))


def lies_within(path: str, folders: Iterable[str]) -> bool:
    """Tell whether a path, or what it leads to through links, is one of these folders or lies in one.

    Names compare as the platform's do: on Windows without regard to case.
    """
    named, real = PurePath(path), PurePath(os.path.realpath(path))
    return any(named.is_relative_to(folder) or real.is_relative_to(os.path.realpath(folder)) for folder in folders)


@functools.lru_cache(maxsize=1024)
def exclusion(patterns: tuple[str, ...]) -> re.Pattern[str] | None:
    """Return one regular expression for glob patterns, or None where there are none.

    It is meant for ``match`` on a POSIX-style path relative to the root, and matches a path that one of the patterns
    matches, as well as everything beneath it. ``*`` also spans ``/``. A pattern without ``/`` (``*.ckpt``, ``private``)
    holds at every depth, as in ``.gitignore``; one with it begins at the root. Where file names ignore case, so do
    patterns.
    """
    if not patterns:
        return None
    stems = [pattern.replace("\\", "/").rstrip("/") for pattern in patterns]
    forms = [form for stem in stems for form in ((stem.lstrip("/"),) if "/" in stem else (stem, f"*/{stem}"))]
    translated = [fnmatch.translate(form) for stem in forms for form in (stem, f"{stem}/*")]
    return re.compile("|".join(translated), re.IGNORECASE if os.name == "nt" else 0)


def label_roots(roots: Iterable[Root], base: str | None = None) -> tuple[Root, ...]:
    """Return the roots in the same order with unique labels; of two roots with one path only the first stays.

    A root that has a label already keeps it where it can. Otherwise its label is its path below ``base`` (the
    ``--models`` folder), or else the folder's own name. Roots whose labels, or whose published paths, could collide
    get parents' names in front, all of them alike so that their order does not matter, and a number only where that
    does not help.
    """
    unique = tuple({os.path.normcase(root.path): root for root in reversed(list(roots))}.values())[::-1]
    parts = [_parts(root.path) for root in unique]
    labels = [_clean(root.label) if root.label else _default_label(root.path, base) for root in unique]
    for length in range(1, max((len(p) for p in parts), default=0) + 1):
        clashing = _clashing(unique, labels)
        if not clashing:
            break
        for index in clashing:
            longer = "/".join(parts[index][-length:])
            if len(longer) > len(labels[index]):
                labels[index] = longer
    for index in sorted(_clashing(unique, labels), key=lambda i: unique[i].path):
        (head, slash, rest), number = labels[index].partition("/"), 2
        while index in _clashing(unique, labels):
            labels[index], number = f"{head}-{number}{slash}{rest}", number + 1
    return tuple(replace(root, label=label) for root, label in zip(unique, labels, strict=True))


def _default_label(path: str, base: str | None) -> str:
    below = PurePath(path)
    if base is not None and below.is_relative_to(base) and below != PurePath(base):
        return "/".join(map(_clean_part, below.relative_to(base).parts))
    return _parts(path)[-1]


def _parts(path: str) -> list[str]:
    """Return the path's parts as label parts; a drive is ``C``, a share ``server`` and ``share``, ``/`` is ``root``."""
    pure = PurePath(path)
    anchor = [part for part in re.split(r"[\\/:?]+", pure.anchor) if part]
    names = pure.parts[1:] if pure.anchor else pure.parts
    return [_clean_part(part) for part in (*anchor, *names)] or ["root"]


def _clean(label: str) -> str:
    parts = [part for part in label.replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    return "/".join(map(_clean_part, parts)) or "root"


def _clean_part(name: str) -> str:
    """Return a name that may stand in a published path: what a hub refuses (docs/protocol.md) becomes ``_``."""
    cleaned = "".join(c if c.isprintable() and c not in "\\/" else "_" for c in name)
    return re.sub(r"^([A-Za-z]):", r"\1_", cleaned)


def _clashing(roots: Sequence[Root], labels: Sequence[str]) -> set[int]:
    """Return the roots whose label equals another's, or begins like it although the folder lies elsewhere.

    ``models`` and ``models/Lora`` may stand side by side only where the second is that folder within the first.
    """
    by_label: dict[str, list[int]] = {}
    for index, label in enumerate(labels):
        by_label.setdefault(label, []).append(index)
    clashing = {index for same in by_label.values() if len(same) > 1 for index in same}
    for index, label in enumerate(labels):
        parts = label.split("/")
        for depth in range(1, len(parts)):
            for outer in by_label.get("/".join(parts[:depth]), ()):
                if PurePath(roots[outer].path, *parts[depth:]) != PurePath(roots[index].path):
                    clashing |= {index, outer}
    return clashing
