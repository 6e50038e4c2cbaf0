"""Generation as far as the stand-in has it: the parameters, a twentieth of a second per step, an honest infotext.

Like the hosts it uses whatever is loaded where a request names a checkpoint that it does not list.
"""

import json
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, PngImagePlugin

from modules import hashes, sd_models, shared
from modules.shared import opts

HOLD, HELD = "hold", "held"
"""A file of the first name in the web UI's folder: whatever runs stays at its step until it is gone, and makes the
second."""


@dataclass(repr=False)
class StableDiffusionProcessing:
    sd_model: object = None
    outpath_samples: str = None
    outpath_grids: str = None
    prompt: str = ""
    negative_prompt: str = ""
    styles: list[str] = None
    seed: int = -1
    subseed: int = -1
    subseed_strength: float = 0
    sampler_name: str = None
    scheduler: str = None
    batch_size: int = 1
    n_iter: int = 1
    steps: int = 50
    cfg_scale: float = 7.0
    width: int = 512
    height: int = 512
    do_not_save_samples: bool = False
    do_not_save_grid: bool = False
    denoising_strength: float = None
    override_settings: dict[str, Any] = None
    override_settings_restore_afterwards: bool = True
    sampler_index: int = None
    refiner_checkpoint: str = None
    refiner_switch_at: float = None

    def __post_init__(self):
        self.scripts, self.script_args, self.is_api = None, (), False
        self.override_settings = self.override_settings or {}
        self.extra_generation_params = {}

    def close(self):
        pass


@dataclass(repr=False)
class StableDiffusionProcessingTxt2Img(StableDiffusionProcessing):
    enable_hr: bool = False
    denoising_strength: float = 0.75
    hr_scale: float = 2.0
    hr_upscaler: str = None
    hr_second_pass_steps: int = 0
    hr_checkpoint_name: str = None
    force_task_id: str = None


@dataclass(repr=False)
class StableDiffusionProcessingImg2Img(StableDiffusionProcessing):
    init_images: list = None
    resize_mode: int = 0
    denoising_strength: float = 0.75
    mask: Any = None
    mask_blur: int = None
    inpainting_fill: int = 0
    inpaint_full_res: bool = True
    inpaint_full_res_padding: int = 0
    inpainting_mask_invert: int = 0
    force_task_id: str = None


class Processed:
    def __init__(self, p, images, seeds, infotexts):
        self.images, self.extra_images, self.infotexts, self.info = images, [], infotexts, infotexts[0]
        self.seeds, self.index_of_first_image = seeds, 0

    def js(self):
        return json.dumps({"infotexts": self.infotexts, "all_seeds": self.seeds, "index_of_first_image": 0})


def loras_of(prompt):
    """Return the LoRAs of a prompt with their hashes; one that is not listed is left out without a word, as there."""
    import networks

    found = {}
    for name in re.findall(r"<lora:([^:>]+)", prompt):
        entry = networks.available_networks.get(name)
        if entry is not None:
            found[name] = hashes.sha256(entry.filename)[:12]
    return found


def process_images(p):
    stored = {key: getattr(opts, key) for key in p.override_settings if key in opts.data}
    try:
        if sd_models.checkpoint_aliases.get(p.override_settings.get("sd_model_checkpoint")) is None:
            p.override_settings.pop("sd_model_checkpoint", None)
        for key, value in p.override_settings.items():
            opts.set(key, value, is_api=True, run_callbacks=False)
        sd_models.reload_model_weights()
        return _images(p, sd_models.model_data.sd_model.sd_checkpoint_info)
    finally:
        if p.override_settings_restore_afterwards:
            for key, value in stored.items():
                setattr(opts, key, value)


def _images(p, info):
    if os.environ.get("STANDIN_FAILS") and os.environ["STANDIN_FAILS"] in p.prompt:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
    state, images, texts, seeds = shared.state, [], [], []
    state.job_count = p.n_iter
    prompt = re.sub(r"<[^>]*>", "", p.prompt).strip()
    for number in range(p.n_iter * p.batch_size):
        state.sampling_steps = p.steps
        for step in range(p.steps):
            state.sampling_step = step
            state.current_image = Image.new("RGB", (64, 64), (255 * step // p.steps, 40, 90))
            state.id_live_preview += 1
            if state.interrupted:
                break
            time.sleep(float(os.environ.get("STANDIN_STEP_SECONDS", "0.05")))
            while os.path.exists(HOLD) and not state.interrupted:
                Path(HELD).touch()
                time.sleep(0.05)
        state.job_no += 1
        seed = (p.seed if p.seed >= 0 else 1234) + number
        loras = ", ".join(f"{name}: {digest}" for name, digest in loras_of(p.prompt).items())
        text = (
            f"{prompt}\nNegative prompt: {p.negative_prompt}\nSteps: {p.steps}, Sampler: {p.sampler_name}, "
            f"CFG scale: {p.cfg_scale}, Seed: {seed}, Size: {p.width}x{p.height}, "
            f"Model hash: {hashes.sha256(info.filename)[:10]}, Model: {info.model_name}"
        )
        text += f', Lora hashes: "{loras}"' if loras else ""
        text += "".join(f', {key}: "{value}"' for key, value in p.extra_generation_params.items())
        image = Image.new("RGB", (max(8, p.width // 8), max(8, p.height // 8)), (seed * 7 % 255, 120, 160))
        image.info["parameters"] = text
        if opts.samples_save and not p.do_not_save_samples:
            _save(image, p.outpath_samples, seed, text)
        images.append(image)
        texts.append(text)
        seeds.append(seed)
        if state.interrupted:
            break
    return Processed(p, images, seeds, texts)


def _save(image, folder, seed, text):
    os.makedirs(folder, exist_ok=True)
    written = PngImagePlugin.PngInfo()
    written.add_text("parameters", text)
    image.save(os.path.join(folder, f"{len(os.listdir(folder)):05d}-{seed}.png"), pnginfo=written)
