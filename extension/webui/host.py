"""The web UI that hosts us: the only module that knows ``modules.*``.

What is looked up may be missing in a fork or another version, so every look-up has a sensible answer for that. Facts:
A1111 1.10 and Forge ``modules/paths_internal.py``, ``modules/cmd_args.py``, ``modules/shared_state.py``,
``modules/sd_models.py``, ``modules_forge/shared.py``, the Lora extension's ``preload.py``.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Folders = tuple[tuple[str | None, str], ...]

_UPSCALERS = ("esrgan", "realesrgan", "bsrgan", "dat", "swinir", "scunet")


@dataclass(frozen=True)
class ModelFolders:
    """Where this web UI looks for models.

    ``named`` are (model type or None, absolute path); ``base`` is the folder below which paths are short; ``closed``
    are usual folders that a flag replaced: what is in them, the web UI does not see.
    """

    named: Folders
    base: str
    closed: tuple[str, ...] = ()


@dataclass(frozen=True)
class LoadedCheckpoint:
    """The checkpoint that the web UI uses now; ``file`` is its absolute path."""

    name: str
    file: str


class Host:
    """The running web UI."""

    def __init__(self) -> None:
        self._shared = importlib.import_module("modules.shared")
        self._paths = importlib.import_module("modules.paths")
        self.callbacks: Any = importlib.import_module("modules.script_callbacks")

    @property
    def runtime(self) -> str:
        """The catalogue's name of this program: ``forge`` or ``a1111``."""
        return "forge" if "modules_forge" in sys.modules or self._has("modules_forge") else "a1111"

    @staticmethod
    def _has(name: str) -> bool:
        try:
            return importlib.util.find_spec(name) is not None
        except (ImportError, ValueError):
            return False

    @property
    def data_path(self) -> str:
        """The folder of the user's data, whose files the web UI serves."""
        return os.path.abspath(getattr(self._paths, "data_path", os.getcwd()))

    @property
    def models_path(self) -> str:
        """The folder of the models."""
        return os.path.abspath(getattr(self._paths, "models_path", os.path.join(self.data_path, "models")))

    def flag(self, name: str, default: Any = None) -> Any:
        """Return the value of a command line flag, under its Python name."""
        value = getattr(getattr(self._shared, "cmd_opts", None), name, None)
        return default if value is None else value

    def option(self, key: str, default: Any) -> Any:
        """Return a setting; ``default`` where there is none of this key (yet)."""
        options = getattr(self._shared, "opts", None)
        data = getattr(options, "data", None)
        value = data.get(key) if isinstance(data, dict) else None
        return default if value is None else value

    def add_option(self, key: str, default: Any, label: str, section: tuple[str, str], **more: Any) -> None:
        """Add a setting to the page "Settings"."""
        self._shared.opts.add_option(key, self._shared.OptionInfo(default, label, section=section, **more))

    def set_option(self, key: str, value: Any) -> None:
        """Change a setting and keep it, as the page "Settings" does.

        Raises:
            OSError: the web UI cannot keep it: its settings are frozen, or their file cannot be written.
        """
        options = self._shared.opts
        try:
            options.set(key, value)
            options.save(self._shared.config_filename)
        except Exception as error:  # whatever a fork raises for frozen settings
            raise OSError(f"the web UI did not keep the setting: {error}") from error

    def folders(self) -> ModelFolders:
        """Return where models are looked for, with all flags and settings taken into account."""
        models = self.models_path
        usual: Callable[[str], str] = lambda name: os.path.join(models, name)  # noqa: E731
        named: list[tuple[str | None, str]] = [("Checkpoint", usual("Stable-diffusion"))]
        closed: list[str] = []

        def add(kind: str, *places: Any) -> None:
            named.extend((kind, os.path.abspath(str(place))) for place in places if place)

        def replaceable(kind: str, folder: str, flag: str) -> None:
            chosen = os.path.abspath(str(self.flag(flag, usual(folder))))
            add(kind, chosen)
            if chosen != usual(folder):
                closed.append(usual(folder))

        add("Checkpoint", self.flag("ckpt_dir"))
        replaceable("LORA", "Lora", "lora_dir")
        replaceable("LoCon", "LyCORIS", "lyco_dir_backcompat")
        add("VAE", usual("VAE"), self.flag("vae_dir"))
        add("TextEncoder", usual("text_encoder"), self.flag("text_encoder_dir"))
        add("TextualInversion", self.flag("embeddings_dir", os.path.join(self.data_path, "embeddings")))
        replaceable("Hypernetwork", "hypernetworks", "hypernetwork_dir")
        add("Controlnet", usual("ControlNet"), self.flag("controlnet_dir"), self.option("control_net_models_path", ""))
        for name in _UPSCALERS:
            add("Upscaler", self.flag(f"{name}_models_path"))
        named.append((None, models))
        return ModelFolders(tuple(dict.fromkeys(named)), self.data_path, tuple(closed))

    def generating(self) -> bool:
        """Tell whether images are being made (or a model is loaded for them)."""
        state = getattr(self._shared, "state", None)
        return bool(getattr(state, "job", "")) or getattr(state, "job_count", 0) not in {0, None}

    def checkpoint(self) -> LoadedCheckpoint | None:
        """Return the checkpoint that is chosen in the web UI, or None where there is none."""
        chosen = self.option("sd_model_checkpoint", None)
        known = getattr(sys.modules.get("modules.sd_models"), "checkpoint_aliases", {})
        info = known.get(chosen) if isinstance(chosen, str) else None
        if info is None and isinstance(chosen, str):
            info = known.get(chosen.rsplit(" [", 1)[0])
        file = getattr(info, "filename", None)
        return LoadedCheckpoint(str(getattr(info, "name", chosen)), os.path.abspath(file)) if file else None

    def cached_hashes(self) -> "CachedHashes | None":
        """Return the web UI's own cache of SHA-256 values, through which alone it may be read in this process."""
        module = sys.modules.get("modules.cache")
        return CachedHashes(module.cache("hashes")) if module is not None else None

    def login_wanted(self, app: Any) -> bool:
        """Tell whether the page itself is behind a login."""
        return getattr(app, "auth", None) is not None or getattr(app, "auth_dependency", None) is not None

    def api_logins(self) -> dict[str, str]:
        """Return user -> password of ``--api-auth``; empty where it is not set."""
        pairs = (entry.partition(":") for entry in str(self.flag("api_auth", "")).split(","))
        return {user.strip(): password for user, colon, password in pairs if colon}


class CachedHashes:
    """The section ``hashes`` of the web UI's cache; what cannot be read is not there."""

    def __init__(self, section: Any) -> None:
        self._section = section

    def get(self, key: str, /) -> object:
        """Return an entry, or None."""
        try:
            return self._section.get(key)
        except Exception:  # whatever a foreign cache may raise: its own lock, a damaged database, a foreign pickle
            return None
