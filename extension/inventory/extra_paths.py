"""ComfyUI's ``extra_model_paths.yaml``: further folders of models, often those of another web UI.

Format: ComfyUI's ``extra_model_paths.yaml.example`` and ``utils/extra_config.py``. Each section has an optional
``base_path``, an optional ``is_default``, and for each kind of folder one path per line. PyYAML is imported only where
such a file exists.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from .kinds import kind_of_folder

FILE_NAME = "extra_model_paths.yaml"
MAX_BYTES = 1 << 20
_NOT_MODELS = {"configs", "custom_nodes", "download_model_base"}
_OPTIONS = {"base_path", "is_default"}


@dataclass(frozen=True)
class ExtraPath:
    """One folder that the file names: absolute, of a model type or None where its name is not known to hold one."""

    path: str
    kind: str | None


@dataclass(frozen=True)
class ExtraPaths:
    """What one file says: its folders, those of sections with ``is_default`` first, and what could not be read."""

    paths: tuple[ExtraPath, ...] = ()
    notes: tuple[str, ...] = ()


def read_extra_paths(file: Path) -> ExtraPaths:
    """Read a file of extra model paths; whatever is wrong with it becomes a note, never an exception.

    A file that does not exist is empty. The folders need not exist.
    """
    if not file.exists():
        return ExtraPaths()
    try:
        config = _load(file)
    except _UnreadableError as error:
        return ExtraPaths(notes=(f"{file}: {error}; its folders are left out",))
    if config is None:
        return ExtraPaths()
    if not isinstance(config, dict):
        return ExtraPaths(notes=(f"{file}: not a table of sections; its folders are left out",))
    ordinary: list[ExtraPath] = []
    default: list[ExtraPath] = []
    notes: list[str] = []
    for name, section in config.items():
        if section is None:
            continue
        if not isinstance(section, dict):
            notes.append(f"{file}: section {name!r} is no table of folders and is left out")
            continue
        paths = default if section.get("is_default") is True else ordinary
        _read_section(file, str(name), section, paths, notes)
    return ExtraPaths((*default, *ordinary), tuple(notes))


class _UnreadableError(Exception):
    """The file cannot be read as YAML; the message says why."""


def _load(file: Path) -> object:
    try:
        import yaml
    except ImportError:
        raise _UnreadableError("PyYAML is not installed (pip install PyYAML)") from None
    try:
        if not file.is_file():
            raise _UnreadableError("not a regular file")
        with open(file, "rb") as stream:
            text = stream.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise _UnreadableError(f"larger than {MAX_BYTES >> 20} MiB")
        return yaml.safe_load(text.decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        # ValueError: not UTF-8, or a date such as 2025-13-45, which the YAML reader hands to datetime.
        raise _UnreadableError(f"cannot be read: {' '.join(str(error).split())[:200]}") from error


def _read_section(
    file: Path, name: str, section: dict[object, object], paths: list[ExtraPath], notes: list[str]
) -> None:
    base = section.get("base_path") or ""
    if not isinstance(base, str) or "\0" in base:
        notes.append(f"{file}: base_path of section {name!r} is no path; the section is left out")
        return
    start = file.parent / os.path.expandvars(os.path.expanduser(base))
    for key, value in section.items():
        if key in _OPTIONS or key in _NOT_MODELS or value is None:
            continue
        if not isinstance(value, str) or "\0" in value:
            notes.append(f"{file}: {key!r} of section {name!r} is no path and is left out")
            continue
        for line in filter(None, map(str.strip, value.splitlines())):
            place = os.path.abspath(start / os.path.expandvars(os.path.expanduser(line)))
            paths.append(ExtraPath(place, kind_of_folder(str(key))))
