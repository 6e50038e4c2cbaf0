"""What Generate on img2img does: on an image, or on one with a mask that was given as a file."""

from contextlib import closing

from modules import processing, scripts, shared
from modules.infotext_utils import create_override_settings_dict


def img2img(id_task, request, mode, prompt, negative_prompt, prompt_styles, init_img, init_img_inpaint,
            init_mask_inpaint, mask_blur, inpainting_fill, n_iter, batch_size, cfg_scale, denoising_strength,
            selected_scale_tab, height, width, scale_by, resize_mode, override_settings_texts, *args):  # fmt: skip
    image, mask = (init_img, None) if mode == 0 else (init_img_inpaint, init_mask_inpaint)
    p = processing.StableDiffusionProcessingImg2Img(
        outpath_samples=shared.opts.outdir_img2img_samples,
        prompt=prompt, negative_prompt=negative_prompt, n_iter=int(n_iter), batch_size=int(batch_size),
        cfg_scale=cfg_scale, height=int(height), width=int(width), init_images=[image], mask=mask,
        denoising_strength=denoising_strength, resize_mode=resize_mode,
        override_settings=create_override_settings_dict(override_settings_texts),
    )  # fmt: skip
    p.scripts, p.script_args = scripts.scripts_img2img, args
    with closing(p):
        p.scripts.process(p)
        processing.process_images(p)
    return f"Steps: {p.steps}, Prompt: {p.prompt}"
