"""The API, as far as an extension can use its object; ``--api`` puts it on the web UI's app."""

import base64
import io
from contextlib import closing

from fastapi.exceptions import HTTPException
from PIL import Image, PngImagePlugin

from modules import progress, scripts, shared, ui
from modules.api import models
from modules.processing import (
    StableDiffusionProcessingImg2Img,
    StableDiffusionProcessingTxt2Img,
    process_images,
)
from modules.shared import opts


def decode(encoded):
    try:
        return Image.open(io.BytesIO(base64.b64decode(encoded.rpartition(",")[2])))
    except Exception as error:
        raise HTTPException(status_code=500, detail="Invalid encoded image") from error


def encode(image):
    written, content = PngImagePlugin.PngInfo(), io.BytesIO()
    written.add_text("parameters", image.info.get("parameters", ""))
    image.save(content, "PNG", pnginfo=written)
    return base64.b64encode(content.getvalue())


class Api:
    def __init__(self, app, queue_lock):
        self.app, self.queue_lock = app, queue_lock
        for mode, call in (("txt2img", self.text2imgapi), ("img2img", self.img2imgapi)):
            app.add_api_route(f"/sdapi/v1/{mode}", call, methods=["POST"], response_model=models.ImageResponse)
        self.default_script_arg_txt2img = scripts.scripts_txt2img.defaults()
        self.default_script_arg_img2img = scripts.scripts_img2img.defaults()

    def text2imgapi(self, txt2imgreq: models.StableDiffusionTxt2ImgProcessingAPI):
        return self._run("txt2img", txt2imgreq, StableDiffusionProcessingTxt2Img, {})

    def img2imgapi(self, img2imgreq: models.StableDiffusionImg2ImgProcessingAPI):
        if img2imgreq.init_images is None:
            raise HTTPException(status_code=404, detail="Init image not found")
        images = {"init_images": [decode(one) for one in img2imgreq.init_images]}
        return self._run("img2img", img2imgreq, StableDiffusionProcessingImg2Img, images)

    def _run(self, mode, request, kind, images):
        runner = scripts.scripts_txt2img if mode == "txt2img" else scripts.scripts_img2img
        task = request.force_task_id or progress.create_task_id(mode)
        sampler = request.sampler_name or request.sampler_index
        if sampler not in ui.SAMPLERS:
            raise HTTPException(status_code=400, detail="Sampler not found")
        arguments = {**vars(request), **images, "sampler_name": sampler, "do_not_save_samples": not request.save_images}
        for name in ("script_name", "script_args", "alwayson_scripts", "infotext", "send_images", "save_images",
                     "include_init_images", "sampler_index"):  # fmt: skip
            arguments.pop(name, None)
        defaults = self.default_script_arg_txt2img if mode == "txt2img" else self.default_script_arg_img2img
        script_args = runner.with_api_args(list(defaults), request.alwayson_scripts or {})
        progress.add_task_to_queue(task)
        with self.queue_lock, closing(kind(sd_model=shared.sd_model, **arguments)) as p:
            p.is_api, p.scripts, p.script_args = True, runner, tuple(script_args)
            p.outpath_samples = getattr(opts, f"outdir_{mode}_samples")
            try:
                shared.state.begin(job=f"scripts_{mode}")
                progress.start_task(task)
                runner.process(p)
                processed = process_images(p)
                progress.finish_task(task)
            finally:
                shared.state.end()
        images = [encode(one).decode() for one in processed.images + processed.extra_images]
        return models.ImageResponse(images=images, parameters={}, info=processed.js())
