"""The page: quick settings, txt2img, img2img, the extensions' tabs and the settings, under the hosts' element ids."""

import time

import gradio as gr

from modules import script_callbacks, sd_models, shared, ui_extra_networks, ui_gradio_extensions
from modules.shared import opts

JS = "js" if shared.is_forge else "_js"
"""gradio 4 renamed the argument."""
SAMPLERS = ["DPM++ 2M", "DPM++ SDE", "Euler a", "Euler", "LCM", "UniPC"]


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


def generate(prompt, negative, sampler, steps, cfg, width, height):
    """Take a twentieth of a second per step, and say with what."""
    shared.state.begin("task(stand-in)")
    try:
        for step in range(int(steps)):
            shared.state.sampling_step = step
            if shared.state.interrupted:
                break
            time.sleep(0.05)
    finally:
        shared.state.end()
    return f"Steps: {steps}, Sampler: {sampler}, CFG scale: {cfg}, Size: {width}x{height}, Prompt: {prompt}"


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
            with gr.Row(elem_id=f"{tab}_tools"):
                gr.Button("Paste", elem_id="paste" if tab == "txt2img" else f"{tab}_paste")
    interrupt.click(fn=shared.state.interrupt, inputs=[], outputs=[], queue=False)
    return prompt, negative, submit


def generation_tab(tab):
    with gr.Blocks(analytics_enabled=False) as interface:
        prompt, negative, submit = toprow(tab)
        with gr.Tabs(elem_id=f"{tab}_extra_tabs", elem_classes=["extra-networks"]):
            with gr.Tab("Generation", id=f"{tab}_generation") as first, gr.Column(elem_id=f"{tab}_settings"):
                sampler = gr.Dropdown(
                    label="Sampling method", elem_id=f"{tab}_sampling", choices=SAMPLERS, value=SAMPLERS[0]
                )
                slider = [
                    gr.Slider(1, 150, value=20, step=1, label="Sampling steps", elem_id=f"{tab}_steps"),
                    gr.Slider(
                        1,
                        30,
                        value=7,
                        step=0.1 if shared.is_forge else 0.5,
                        label="CFG Scale",
                        elem_id=f"{tab}_cfg_scale",
                    ),
                    gr.Slider(64, 2048, value=512, step=8, label="Width", elem_id=f"{tab}_width"),
                    gr.Slider(64, 2048, value=512, step=8, label="Height", elem_id=f"{tab}_height"),
                ]
                result = gr.Textbox(label="Result", elem_id=f"{tab}_result", value="")
            first.select(fn=None, inputs=[], outputs=[], **{JS: f"function(){{ standInShowControls('{tab}', null); }}"})
            ui_extra_networks.create_ui(interface, tab, JS)
        inputs = [prompt, negative, sampler, *slider]
        submit.click(fn=generate, inputs=inputs, outputs=[result])
    return interface


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
    tabs = [(generation_tab("txt2img"), "txt2img", "txt2img"), (generation_tab("img2img"), "img2img", "img2img")]
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
