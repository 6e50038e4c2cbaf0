"""ControlNet as Forge has it built in: a unit is an object in gradio's state, with arrays for images.

Its API takes an image and a mask in base64 and knows nothing of what is painted, over which it stumbles.
"""

from enum import Enum

import gradio as gr
import numpy as np
from lib_controlnet import global_state
from modules import scripts
from modules.api.api import decode


class InputMode(Enum):
    SIMPLE = "simple"
    BATCH = "batch"


class ControlNetUnit:
    def __init__(self, enabled=False, model="None", image=None, image_fg=None, mask_image=None, mask_image_fg=None,
                 weight=1.0, generated_image=None, use_preview_as_input=False, module="None",
                 input_mode=InputMode.SIMPLE, batch_input_gallery=None):  # fmt: skip
        self.enabled, self.model, self.weight, self.module = enabled, model, weight, module
        self.image, self.image_fg, self.mask_image, self.mask_image_fg = image, image_fg, mask_image, mask_image_fg
        self.generated_image, self.use_preview_as_input = generated_image, use_preview_as_input
        self.input_mode, self.batch_input_gallery = input_mode, batch_input_gallery

    @staticmethod
    def from_dict(given):
        unit = ControlNetUnit(**given)
        for name in ("image", "mask_image"):
            if isinstance(getattr(unit, name), str):
                setattr(unit, name, np.array(decode(getattr(unit, name))).astype("uint8"))
        return unit


def drawn(on):
    """A picture with a corner painted over, once the box is ticked."""
    if not on:
        return ControlNetUnit()
    painted = np.zeros((32, 32, 4), np.uint8)
    painted[:8, :8, 3] = 255
    model = next(name for name in global_state.controlnet_filename_dict if name != "None")
    return ControlNetUnit(True, model, np.full((32, 32, 3), 90, np.uint8), painted)


class ControlNetForForge(scripts.Script):
    def title(self):
        return "ControlNet"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def ui(self, is_img2img):
        unit = gr.State(ControlNetUnit())
        enabled = gr.Checkbox(label="ControlNet Unit 0", elem_id=f"{self.tabname}_controlnet", value=False)
        enabled.change(fn=drawn, inputs=[enabled], outputs=[unit], queue=False)
        return [unit]

    def process(self, p, unit):
        unit = ControlNetUnit.from_dict(unit) if isinstance(unit, dict) else unit
        if not unit.enabled:
            return
        if unit.model not in global_state.controlnet_filename_dict:
            raise ValueError(f"no such model: {unit.model}")
        painted = unit.image_fg[:, :, 3] if unit.image_fg is not None else unit.mask_image
        p.extra_generation_params["ControlNet 0"] = f"{unit.image.shape[:2]} {int((painted > 5).sum())}"


global_state.update_controlnet_filenames()
