"""The page: quick settings, txt2img, img2img, the extensions' tabs and the settings, under the hosts' element ids."""

import inspect

import gradio as gr

from modules import (
    call_queue,
    img2img,
    script_callbacks,
    scripts,
    sd_models,
    shared,
    txt2img,
    ui_extra_networks,
    ui_gradio_extensions,
)
from modules.processing_scripts import SAMPLERS  # noqa: F401 (the API asks here)
from modules.shared import opts

JS = "js" if shared.is_forge else "_js"
"""gradio 4 renamed the argument."""


def choose_checkpoint(name):
    opts.set("sd_model_checkpoint", name)
    if not shared.is_forge:  # which loads at the next generation
        sd_models.reload_model_weights()


def checkpoint_dropdown():
    """Return the chooser: A1111's is a setting, Forge's has no id at all."""
    named = {"elem_classes": ["model_selection"]} if shared.is_forge else {"elem_id": "setting_sd_model_checkpoint"}
    label = "Checkpoint" if shared.is_forge else "Stable Diffusion checkpoint"
    return gr.Dropdown(
        label=label, choices=sd_models.checkpoint_tiles(), value=lambda: opts.sd_model_checkpoint, **named
    )


def toprow(tab):
    with gr.Row(elem_id=f"{tab}_toprow"):
        with gr.Column(elem_id=f"{tab}_prompt_container", scale=6):
            with gr.Row(elem_id=f"{tab}_prompt_row", elem_classes=["prompt-row"]):
                prompt = gr.Textbox(label="Prompt", elem_id=f"{tab}_prompt", show_label=False, lines=3, value="")
            with gr.Row(elem_id=f"{tab}_neg_prompt_row", elem_classes=["prompt-row"]):
                negative = gr.Textbox(
                    label="Negative", elem_id=f"{tab}_neg_prompt", show_label=False, lines=3, value=""
                )
        with gr.Column(scale=1, elem_id=f"{tab}_actions_column"):
            with gr.Row(elem_id=f"{tab}_generate_box", elem_classes=["generate-box"]):
                interrupt = gr.Button("Interrupt", elem_id=f"{tab}_interrupt", elem_classes="generate-box-interrupt")
                submit = gr.Button("Generate", elem_id=f"{tab}_generate", variant="primary")
                script_callbacks.after_component_callback(submit, elem_id=f"{tab}_generate")  # the hosts: for each one
            with gr.Row(elem_id=f"{tab}_tools"):
                gr.Button("Paste", elem_id="paste" if tab == "txt2img" else f"{tab}_paste")
    interrupt.click(fn=shared.state.interrupt, inputs=[], outputs=[], queue=False)
    return prompt, negative, submit


def generation_tab(tab, dummy=None):
    """Return a tab's blocks, and the invisible component that stands for what the page's scripts put in its place."""
    runner = scripts.scripts_txt2img if tab == "txt2img" else scripts.scripts_img2img
    runner.initialize_scripts(tab == "img2img")
    with gr.Blocks(analytics_enabled=False) as interface:
        dummy = dummy or (gr.Textbox if shared.is_forge else gr.Label)(visible=False)  # the hosts have one for both
        prompt, negative, submit = toprow(tab)
        with gr.Tabs(elem_id=f"{tab}_extra_tabs", elem_classes=["extra-networks"]):
            with gr.Tab("Generation", id=f"{tab}_generation") as first, gr.Column(elem_id=f"{tab}_settings"):
                named = images(tab) if tab == "img2img" else {}
                named |= {name: slider(tab, name, *rest) for name, *rest in SLIDERS}
                named["cfg_scale"] = slider(tab, "cfg_scale", 1, 30, 7, 0.1 if shared.is_forge else 0.5, "CFG Scale")
                named["prompt_styles"] = gr.Dropdown([], multiselect=True, value=[], label="Styles")
                named["enable_hr"] = gr.Checkbox(label="Hires. fix", value=False, elem_id=f"{tab}_enable_hr")
                named["hr_checkpoint_name"] = gr.Dropdown(
                    ["Use same checkpoint", *sd_models.checkpoint_tiles()], value="Use same checkpoint", label="Hires"
                )
                named["override_settings_texts"] = gr.Dropdown(
                    [], multiselect=True, value=[], label="Override settings", elem_id=f"{tab}_override_settings"
                )
                script_inputs = runner.setup_ui()
                result = gr.Textbox(label="Result", elem_id=f"{tab}_result", value="")
            first.select(fn=None, inputs=[], outputs=[], **{JS: f"function(){{ standInShowControls('{tab}', null); }}"})
            ui_extra_networks.create_ui(interface, tab, JS)
        named |= {"id_task": dummy, "mode": dummy, "prompt": prompt, "negative_prompt": negative}
        run = txt2img.txt2img_create_processing if tab == "txt2img" else img2img.img2img
        names = [name for name in inspect.signature(run).parameters if name not in {"request", "args"}]
        inputs = [named[name] for name in names] + script_inputs
        call = txt2img.txt2img if tab == "txt2img" else lambda task, *args: img2img.img2img(task, None, *args)
        script = "submit" if tab == "txt2img" else "submit_img2img"
        submit.click(fn=call_queue.wrap_gradio_gpu_call(call), inputs=inputs, outputs=[result], **{JS: script})
    return interface, dummy


def slider(tab, name, low, high, value, step, label):
    return gr.Slider(low, high, value=value, step=step, label=label, elem_id=f"{tab}_{name}")


SLIDERS = [
    ("width", 64, 2048, 512, 8, "Width"),
    ("height", 64, 2048, 512, 8, "Height"),
    ("n_iter", 1, 100, 1, 1, "Batch count"),
    ("batch_size", 1, 8, 1, 1, "Batch size"),
    ("denoising_strength", 0, 1, 0.75, 0.01, "Denoising strength"),
    ("hr_scale", 1, 4, 2, 0.05, "Upscale by"),
    ("mask_blur", 0, 64, 4, 1, "Mask blur"),
    ("scale_by", 0.05, 4, 1, 0.05, "Scale"),
]


def images(tab):
    """Return img2img's images and what stands beside them."""
    with gr.Tabs(elem_id="mode_img2img"):
        with gr.TabItem("img2img", id="img2img"):
            init = gr.Image(label="Image for img2img", type="pil", elem_id="img2img_image")
        with gr.TabItem("Inpaint upload", id="inpaint_upload"):
            base = gr.Image(label="Image for img2img", type="pil", elem_id="img_inpaint_base")
            mask = gr.Image(label="Mask", type="pil", image_mode="RGBA", elem_id="img_inpaint_mask")
    return {
        "init_img": init,
        "init_img_inpaint": base,
        "init_mask_inpaint": mask,
        "selected_scale_tab": gr.Number(value=0, visible=False),
        "inpainting_fill": gr.Radio(["fill", "original"], value="original", type="index", label="Masked content"),
        "resize_mode": gr.Radio(["Just resize", "Crop"], value="Just resize", type="index", label="Resize mode"),
    }


def component_of(key, info):
    kind = info.component or {bool: gr.Checkbox, int: gr.Number, float: gr.Number}.get(type(info.default), gr.Textbox)
    named = info.component_args() if callable(info.component_args) else info.component_args or {}
    return kind(label=info.label, value=lambda: getattr(opts, key), elem_id=f"setting_{key}", **named)


def settings_tab():
    """Return the settings, a tab per section, with "Apply settings" and "Reload UI"."""
    sections = {}
    for key, info in opts.data_labels.items():
        if info.section and info.section[0] != "sd":
            sections.setdefault(info.section[:2], []).append((key, info))
    with gr.Blocks(analytics_enabled=False) as interface:
        with gr.Row():
            submit = gr.Button("Apply settings", variant="primary", elem_id="settings_submit")
            restart = gr.Button("Reload UI", variant="primary", elem_id="settings_restart_gradio")
        keys, components = [], []
        with gr.Tabs(elem_id="settings"):
            for (section, title), listed in sections.items():
                with gr.Tab(title, elem_id=f"settings_{section}"):
                    for key, info in listed:
                        keys.append(key)
                        components.append(component_of(key, info))

        def apply(*values):
            for key, value in zip(keys, values, strict=True):
                opts.set(key, value)
            opts.save(shared.config_filename)

        submit.click(fn=apply, inputs=components, outputs=[])
        restart.click(fn=shared.state.request_restart, inputs=[], outputs=[], queue=False, **{JS: "restart_reload"})
    return interface


def create_ui():
    """Return the whole page."""
    ui_gradio_extensions.reload_javascript()
    script_callbacks.ui_settings_callback()
    txt2img_interface, dummy = generation_tab("txt2img")
    img2img_interface, _ = generation_tab("img2img", dummy)
    tabs = [(txt2img_interface, "txt2img", "txt2img"), (img2img_interface, "img2img", "img2img")]
    tabs += script_callbacks.ui_tabs_callback()
    tabs += [(settings_tab(), "Settings", "settings")]
    with gr.Blocks(analytics_enabled=False, title="Stable Diffusion", theme=gr.themes.Default()) as demo:
        with gr.Row(elem_id="quicksettings", variant="compact"):
            checkpoint = checkpoint_dropdown()
        with gr.Tabs(elem_id="tabs"):
            for interface, label, ident in tabs:
                with gr.TabItem(label, id=ident, elem_id=f"tab_{ident}"):
                    interface.render()
        change = gr.Button("Change checkpoint", elem_id="change_checkpoint", visible=False)
        chosen = "function(){ return desiredCheckpointName; }"
        change.click(fn=lambda name: gr.update(value=name), inputs=[checkpoint], outputs=[checkpoint], **{JS: chosen})
        checkpoint.change(fn=choose_checkpoint, inputs=[checkpoint], outputs=[], queue=False)
    return demo


def setup_ui_api(app):
    def ping():
        return {}

    app.add_api_route("/internal/ping", ping, methods=["GET"])
