"""The checkpoints that the host lists, and the one that is chosen."""

import os

from modules import script_callbacks, shared
from modules.paths_internal import models_path

model_dir = "Stable-diffusion"
model_path = os.path.join(models_path, model_dir)
checkpoints_list = {}
checkpoint_aliases = {}


class CheckpointInfo:
    """A checkpoint's file and the names that find it."""

    def __init__(self, filename, folder):
        self.filename = filename
        self.name = os.path.relpath(filename, folder)
        self.name_for_extra = os.path.splitext(os.path.basename(filename))[0]
        self.model_name = os.path.splitext(self.name.replace("/", "_").replace("\\", "_"))[0]
        self.sha256 = self.shorthash = self.hash = None
        self.title = self.short_title = self.name
        self.metadata = {}


class ModelData:
    """The model in memory."""

    def __init__(self):
        self.sd_model = None

    def get_sd_model(self):
        return self.sd_model


class LoadedModel:
    def __init__(self, info):
        self.sd_checkpoint_info, self.filename = info, info.filename


model_data = ModelData()


def list_models():
    checkpoints_list.clear()
    checkpoint_aliases.clear()
    for folder in [model_path, *([shared.cmd_opts.ckpt_dir] if shared.cmd_opts.ckpt_dir else [])]:
        for place, _, names in sorted(os.walk(folder, followlinks=True)):
            for name in sorted(names):
                if name.endswith((".safetensors", ".ckpt", ".gguf")) and ".vae." not in name:
                    info = CheckpointInfo(os.path.join(place, name), folder)
                    checkpoints_list[info.title] = info
                    for alias in (info.name, info.name_for_extra, info.title):
                        checkpoint_aliases[alias] = info


def checkpoint_tiles(use_short=False):
    return list(checkpoints_list)


def get_closet_checkpoint_match(search):
    return checkpoint_aliases.get(search)


def select_checkpoint():
    chosen = get_closet_checkpoint_match(shared.opts.sd_model_checkpoint or "")
    return chosen or next(iter(checkpoints_list.values()), None)


def reload_model_weights(sd_model=None, info=None, forced_reload=False):
    info = info or select_checkpoint()
    if info is None:
        return None
    model_data.sd_model = shared.sd_model = LoadedModel(info)
    script_callbacks.model_loaded_callback(model_data.sd_model)
    return model_data.sd_model
