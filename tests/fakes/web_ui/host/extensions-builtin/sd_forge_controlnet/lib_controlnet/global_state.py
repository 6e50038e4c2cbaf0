"""The models that ControlNet lists, under a name with 8 digits of their content."""

import hashlib
import os

from modules.paths_internal import models_path

controlnet_filename_dict = {}


def update_controlnet_filenames():
    folder = os.path.join(models_path, "ControlNet")
    controlnet_filename_dict.clear()
    controlnet_filename_dict["None"] = "model.safetensors"
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        with open(os.path.join(folder, name), "rb") as file:
            file.seek(0x100000)
            digits = hashlib.sha256(file.read(0x10000)).hexdigest()[:8]
        controlnet_filename_dict[f"{os.path.splitext(name)[0]} [{digits}]"] = os.path.join(folder, name)
