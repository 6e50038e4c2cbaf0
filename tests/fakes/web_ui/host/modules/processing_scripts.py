"""The hosts' own scripts, whose values the page gives and the API takes as parameters instead."""

import gradio as gr

from modules import scripts, sd_models

SAMPLERS = ["DPM++ 2M", "DPM++ SDE", "Euler a", "Euler", "LCM", "UniPC"]


class ScriptBuiltinUI(scripts.Script):
    setup_for_ui_only = True

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def elem_id(self, name):
        return f"{self.tabname}_{name}"


class ScriptSampler(ScriptBuiltinUI):
    def title(self):
        return "Sampler"

    def ui(self, is_img2img):
        sampler = gr.Dropdown(
            label="Sampling method", elem_id=self.elem_id("sampling"), choices=SAMPLERS, value=SAMPLERS[0]
        )
        scheduler = gr.Dropdown(
            label="Schedule type", elem_id=self.elem_id("scheduler"), choices=["Automatic", "Karras"], value="Automatic"
        )
        steps = gr.Slider(1, 150, value=20, step=1, label="Sampling steps", elem_id=self.elem_id("steps"))
        return [steps, sampler, scheduler]

    def setup(self, p, steps, sampler_name, scheduler):
        p.steps, p.sampler_name, p.scheduler = steps, sampler_name, scheduler


class ScriptSeed(ScriptBuiltinUI):
    def title(self):
        return "Seed"

    def ui(self, is_img2img):
        seed = gr.Number(label="Seed", value=-1, elem_id=self.elem_id("seed"), precision=0)
        extra = gr.Checkbox(label="Extra", elem_id=self.elem_id("subseed_show"), value=False)
        subseed = gr.Number(label="Variation seed", value=-1, elem_id=self.elem_id("subseed"), precision=0)
        strength = gr.Slider(0, 1, value=0.0, label="Variation strength", elem_id=self.elem_id("subseed_strength"))
        return [seed, extra, subseed, strength]

    def setup(self, p, seed, seed_checkbox, subseed, subseed_strength):
        p.seed = seed
        if seed_checkbox and subseed_strength > 0:
            p.subseed, p.subseed_strength = subseed, subseed_strength


class ScriptRefiner(ScriptBuiltinUI):
    def title(self):
        return "Refiner"

    def ui(self, is_img2img):
        enable = gr.Checkbox(label="Refiner", elem_id=self.elem_id("enable"), value=False)
        name = gr.Dropdown(label="Checkpoint", elem_id=self.elem_id("checkpoint"),
                           choices=["", *sd_models.checkpoint_tiles()], value="")  # fmt: skip
        at = gr.Slider(0.01, 1, value=0.8, label="Switch at", elem_id=self.elem_id("switch_at"))
        return [enable, name, at]

    def setup(self, p, enable_refiner, refiner_checkpoint, refiner_switch_at):
        if enable_refiner and refiner_checkpoint:
            p.refiner_checkpoint, p.refiner_switch_at = refiner_checkpoint, refiner_switch_at


class ScriptGrain(scripts.Script):
    """Stands for a script of an extension."""

    def title(self):
        return "Film Grain"

    def show(self, is_img2img):
        return scripts.AlwaysVisible

    def ui(self, is_img2img):
        return [
            gr.Checkbox(label="Film grain", elem_id=f"{self.tabname}_grain", value=False),
            gr.Slider(0, 1, value=0.5, label="Amount of grain", elem_id=f"{self.tabname}_grain_amount"),
        ]


ALL = [ScriptSampler, ScriptSeed, ScriptRefiner, ScriptGrain]
