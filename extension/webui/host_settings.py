"""The settings that a job changes while it runs, and what they are afterwards. Knows ``modules.*``.

A web UI puts back what a request changes, but not what was never set before, and it does so over whatever a person
chose meanwhile: a checkpoint that is picked in the page while a job runs would be picked no more, and the page would
not know. So it is asked to put back nothing, and this does. What was saved to its file meanwhile is saved again.

Facts: A1111 1.10 and Forge ``process_images``, ``modules/options.py``; Forge's ``sysinfo.set_config``,
``modules_forge/main_entry.py``.
"""

import logging
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .host_calls import module
from .host_lists import loaded_model

log = logging.getLogger(__name__)

CHECKPOINT, VAE, MODULES = "sd_model_checkpoint", "sd_vae", "forge_additional_modules"
_LOADING = {CHECKPOINT, MODULES, "forge_unet_storage_dtype"}
"""What Forge loads next follows these only once it is told so."""
_MEMORY = {"forge_inference_memory", "forge_async_loading", "forge_pin_shared_memory"}


@contextmanager
def lent(asked: Mapping[str, Any]) -> Iterator[None]:
    """Have the settings back to what they were once this is left; what a person changed meanwhile stays."""
    shared = module("shared")
    data: dict[str, Any] = shared.opts.data
    before = {key: data[key] for key in asked if key in data}
    file = _file(shared)
    try:
        yield
    finally:
        lent_now = {key for key, value in asked.items() if key in data and _same(key, data[key], value)}
        changed = {key for key in lent_now if key not in before or before[key] != data[key]}
        for key in changed:
            if key in before:
                data[key] = before[key]
            else:
                del data[key]
        try:
            _follow(changed)
            if changed and _file(shared) != file:
                shared.opts.save(shared.config_filename)
        except Exception:
            # The run itself went well, or its own error is on its way.
            log.exception("The settings are what they were before the job, but the web UI did not follow.")


def _same(key: str, now: Any, asked: Any) -> bool:
    """Tell whether a setting is what a job asked for, in whatever words the web UI has for it."""
    if key == CHECKPOINT:
        aliases = getattr(sys.modules.get("modules.sd_models"), "checkpoint_aliases", {})
        return bool(now == asked or (now in aliases and aliases.get(now) is aliases.get(asked)))
    if key == MODULES and isinstance(now, list) and isinstance(asked, list):
        return sorted(map(_base, now)) == sorted(map(_base, asked))
    return bool(now == asked)


def _base(path: Any) -> str:
    return os.path.basename(str(path))


def _follow(changed: set[str]) -> None:
    """Have the web UI do what it does itself where these settings change."""
    forge, vaes = sys.modules.get("modules_forge.main_entry"), sys.modules.get("modules.sd_vae")
    if changed & _MEMORY and forge is not None:
        forge.refresh_memory_management_settings()
    if changed & (_LOADING | _MEMORY) and forge is not None:
        forge.refresh_model_loading_parameters()
    if VAE in changed and vaes is not None and loaded_model() is not None:  # else it would load a checkpoint for it
        vaes.reload_vae_weights()


def _file(shared: Any) -> tuple[int, int, int] | None:
    try:
        found = os.stat(shared.config_filename)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
