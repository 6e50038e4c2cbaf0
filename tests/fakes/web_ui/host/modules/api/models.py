"""The API's values: made from the parameters of processing, as the hosts make theirs."""

from dataclasses import MISSING, fields
from typing import Any, Optional

from pydantic import BaseModel, Field, create_model

from modules.processing import StableDiffusionProcessingImg2Img, StableDiffusionProcessingTxt2Img

HIDDEN = {"sd_model", "outpath_samples", "outpath_grids", "sampler_index"}
MORE = {"sampler_index": (str, "Euler"), "script_name": (str, None), "script_args": (list, []),
        "send_images": (bool, True), "save_images": (bool, False), "alwayson_scripts": (dict, {}),
        "force_task_id": (str, None), "infotext": (str, None)}  # fmt: skip


def _model(name, kind, more):
    types = kind.__init__.__annotations__
    own = {
        f.name: (Optional[types.get(f.name, Any)], None if f.default is MISSING else f.default)  # noqa: UP045
        for f in fields(kind)
        if f.name not in HIDDEN
    }
    given = {key: (Optional[type_], default) for key, (type_, default) in {**MORE, **more}.items()}  # noqa: UP045
    return create_model(name, **{**own, **given})


StableDiffusionTxt2ImgProcessingAPI = _model("StableDiffusionProcessingTxt2Img", StableDiffusionProcessingTxt2Img, {})
StableDiffusionImg2ImgProcessingAPI = _model(
    "StableDiffusionProcessingImg2Img",
    StableDiffusionProcessingImg2Img,
    {"init_images": (list, None), "mask": (str, None), "include_init_images": (bool, False)},
)


class ImageResponse(BaseModel):
    images: list[str] = Field(default=None)
    parameters: dict
    info: str
