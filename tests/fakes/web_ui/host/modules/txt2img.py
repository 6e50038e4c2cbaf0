"""What Generate on txt2img does."""

from contextlib import closing

from modules import processing, scripts, shared
from modules.infotext_utils import create_override_settings_dict


def txt2img_create_processing(id_task, request, prompt, negative_prompt, prompt_styles, n_iter, batch_size, cfg_scale,
                              height, width, enable_hr, denoising_strength, hr_scale, hr_checkpoint_name,
                              override_settings_texts, *args):  # fmt: skip
    p = processing.StableDiffusionProcessingTxt2Img(
        outpath_samples=shared.opts.outdir_txt2img_samples,
        prompt=prompt, negative_prompt=negative_prompt, styles=prompt_styles, n_iter=int(n_iter),
        batch_size=int(batch_size), cfg_scale=cfg_scale, height=int(height), width=int(width), enable_hr=enable_hr,
        denoising_strength=denoising_strength, hr_scale=hr_scale,
        hr_checkpoint_name=None if hr_checkpoint_name == "Use same checkpoint" else hr_checkpoint_name,
        override_settings=create_override_settings_dict(override_settings_texts),
    )  # fmt: skip
    p.scripts, p.script_args = scripts.scripts_txt2img, args
    return p


def txt2img_function(id_task, request, *args):
    with closing(txt2img_create_processing(id_task, request, *args)) as p:
        p.scripts.process(p)
        processing.process_images(p)
    size = f"{p.width}x{p.height}"
    return f"Steps: {p.steps}, Sampler: {p.sampler_name}, CFG scale: {p.cfg_scale}, Size: {size}, Prompt: {p.prompt}"


def txt2img(id_task, *args):
    if shared.is_forge:
        from modules_forge import main_thread

        return main_thread.run_and_wait_result(txt2img_function, id_task, None, *args)
    return txt2img_function(id_task, None, *args)
