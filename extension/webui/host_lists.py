"""What the web UI that hosts us lists of models, by the names that a request must say. Knows ``modules.*``.

Facts: A1111 1.10 and Forge ``modules/sd_models.py``, ``modules/sd_vae.py``, ``modules_forge/main_entry.py``, the Lora
extension's ``networks.py`` (which scripts import under that name), the ControlNet extensions' ``global_state.py``.
"""

import os
import sys
from collections.abc import Collection, Iterable
from typing import Any

from ..jobs.engine import (
    CHECKPOINTS,
    CONTROLNETS,
    EMBEDDINGS,
    HYPERNETWORKS,
    LORAS,
    MODULES,
    OPTIONS,
    UPSCALERS,
    VAES,
    Listed,
    Names,
)

_EMBEDDING_FILES = (".safetensors", ".pt", ".bin")
_CONTROLNET_STATES = ("lib_controlnet.global_state", "scripts.global_state", "internal_controlnet.global_state")


def _module(name: str) -> Any:
    """Return a module that the web UI has loaded, or None."""
    return sys.modules.get(name)


def names(api: Any) -> Names:
    """Return what is listed now; ``api`` is our object of the web UI's API."""
    found: dict[str, tuple[Listed, ...]] = {CHECKPOINTS: tuple(_checkpoints())}
    shared = _module("modules.shared")
    networks = _module("networks")
    if networks is not None:
        found[LORAS] = tuple(_files(getattr(networks, "available_networks", {})))
    found[HYPERNETWORKS] = tuple(_files(getattr(shared, "hypernetworks", {})))
    modules = getattr(_module("modules_forge.main_entry"), "module_list", None)
    if modules is not None:
        found[MODULES] = tuple(_files(modules))
    elif _module("modules.sd_vae") is not None:
        found[VAES] = tuple(_files(_module("modules.sd_vae").vae_dict))
    database = _embeddings(api)
    if database is not None:
        found[EMBEDDINGS] = tuple(_embedding_names(database))
    state = _controlnet()
    if state is not None:
        listed = getattr(state, "controlnet_filename_dict", None) or getattr(state, "cn_models", {})
        found[CONTROLNETS] = tuple(one for one in _files(listed) if one.name != "None")
    upscalers = [u for u in getattr(shared, "sd_upscalers", ()) if getattr(u, "data_path", None)]
    found[UPSCALERS] = tuple(Listed(str(u.name), _path(u.data_path)) for u in upscalers)
    found[OPTIONS] = tuple(Listed(str(key)) for key in getattr(getattr(shared, "opts", None), "data_labels", ()))
    return found


def refresh(api: Any, lists: Collection[str]) -> None:
    """Look for the files of these lists anew; call it while nobody generates."""
    networks, forge, vaes = _module("networks"), _module("modules_forge.main_entry"), _module("modules.sd_vae")
    if MODULES in lists and hasattr(forge, "refresh_models"):
        forge.refresh_models()  # the checkpoints as well
    elif CHECKPOINTS in lists:
        _module("modules.sd_models").list_models()
    if LORAS in lists and networks is not None:
        networks.list_available_networks()
    if VAES in lists and vaes is not None:
        vaes.refresh_vae_list()
    if HYPERNETWORKS in lists and hasattr(_module("modules.shared"), "reload_hypernetworks"):
        _module("modules.shared").reload_hypernetworks()
    database = _embeddings(api)
    # A1111's database would load a whole checkpoint to know which of them fit: so only where one is loaded.
    if EMBEDDINGS in lists and database is not None and (loaded_model() is not None or _of_api(api) is database):
        database.load_textual_inversion_embeddings(force_reload=True)
    state = _controlnet()
    for update in ("update_controlnet_filenames", "update_cn_models"):
        if CONTROLNETS in lists and hasattr(state, update):
            getattr(state, update)()
            break


def loaded_model() -> Any:
    """Return the model in memory, without loading one, or None."""
    return getattr(getattr(_module("modules.sd_models"), "model_data", None), "sd_model", None)


def is_loaded(title: str) -> bool:
    """Tell whether a checkpoint is the one in memory."""
    wanted = getattr(_module("modules.sd_models"), "checkpoint_aliases", {}).get(title)
    return wanted is not None and getattr(loaded_model(), "sd_checkpoint_info", None) is wanted


def knows_checkpoint(title: str) -> bool:
    """Tell whether a request may name a checkpoint so; with another name the web UI would use whatever is loaded."""
    return getattr(_module("modules.sd_models"), "checkpoint_aliases", {}).get(title) is not None


def _checkpoints() -> Iterable[Listed]:
    listed = getattr(_module("modules.sd_models"), "checkpoints_list", {})
    for info in list(listed.values()):
        yield Listed(str(info.title), _path(info.filename), getattr(info, "sha256", None))


def _files(listed: Any) -> Iterable[Listed]:
    """Return a web UI's dictionary of names, whose values are paths or objects with one."""
    for name, value in list(listed.items()):
        path = value if isinstance(value, str | os.PathLike) else getattr(value, "filename", None)
        yield Listed(str(name), _path(path))


def _path(value: Any) -> str | None:
    return os.path.abspath(os.fspath(value)) if isinstance(value, str | os.PathLike) and os.fspath(value) else None


def _of_api(api: Any) -> Any:
    return getattr(api, "embedding_db", None)


def _embeddings(api: Any) -> Any:
    """Return the database of embeddings: Forge's API has one of its own, A1111 one for all."""
    hijack = getattr(_module("modules.sd_hijack"), "model_hijack", None)
    return _of_api(api) or getattr(hijack, "embedding_db", None)


def _embedding_names(database: Any) -> Iterable[Listed]:
    known = {**getattr(database, "skipped_embeddings", {}), **database.word_embeddings}
    if known:
        yield from _files(known)
        return
    for folder in database.embedding_dirs:  # A1111 reads none before a checkpoint is loaded
        for place, _, files in os.walk(folder, followlinks=True):
            for name in files:
                stem, extension = os.path.splitext(name)
                if extension.lower() in _EMBEDDING_FILES:
                    yield Listed(stem, _path(os.path.join(place, name)))


def _controlnet() -> Any:
    return next((module for module in map(_module, _CONTROLNET_STATES) if module is not None), None)
