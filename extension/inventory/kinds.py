"""Kinds of model file, as far as folder and file names tell them.

Sources of the names: the web UIs' folders (A1111 and Forge: ``modules/paths.py`` and the extensions' defaults; ComfyUI:
``folder_paths.py``; Stability Matrix: ``SharedFolderType.cs``), and the model types' own names.
"""

import functools
import os

from ...ecosystems.model_types import MODEL_TYPES
from .roots import Root

MODEL_SUFFIXES = frozenset({".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf"})
OTHER = "Other"

_FOLDERS = {
    "AestheticGradient": "aesthetic_embeddings aesthetic_gradients",
    "CLIPVision": "clip_vision",
    "Checkpoint": "checkpoints ckpt ckpts Stable-diffusion svd",
    "Controlnet": "controlnet controlnets t2i_adapter t2i_adapters ipadapter ipadapters ipadapters15 ipadaptersxl",
    "Detection": "adetailer afterdetailer ultralytics ultralytics_bbox ultralytics_segm sams",
    "DoRA": "dora doras",
    "Hypernetwork": "hypernetworks",
    "LLM": "llm llms prompt_expansion",
    "LORA": "lora loras animatediff_motion_lora motion_lora",
    # Civitai shows its type LoCon as "LyCORIS", and Stability Matrix puts that type into its LyCORIS folder.
    "LoCon": "locon lycoris",
    "MotionModule": "animatediff animatediff_models motion_module motion_modules",
    # ComfyUI reads "clip" and "text_encoders" as one list (map_legacy in folder_paths.py).
    "TextEncoder": "text_encoder text_encoders clip",
    "TextualInversion": "embeddings embedding textual_inversion textual_inversions",
    "UNet": "unet unets diffusion_models",
    "Upscaler": "esrgan realesrgan bsrgan dat swinir scunet ldsr upscalers upscale_models latent_upscale_models",
    "VAE": "vae vaes",
    "VisionLanguage": "vlm",
    # Known, and none of the types: a folder beneath a recognised one must not inherit its kind.
    OTHER: "vae_approx approxvae controlnet_preprocessor codeformer gfpgan gligen style_models photomaker "
    "audio_encoders model_patches background_removal deepdanbooru torch_deepdanbooru karlo blip",
}
"""Model type -> names of folders that hold it; upper and lower case, ``-``, ``_`` and spaces do not count."""


def _fold(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "").replace(" ", "")


_KIND_BY_FOLDER = {
    # "Other" is what people call a folder of LoRAs that fit nowhere else.
    **{_fold(kind): kind for kind in MODEL_TYPES if kind not in {"CLIP", OTHER}},
    **{_fold(name): kind for kind, names in _FOLDERS.items() for name in names.split()},
}


@functools.lru_cache(maxsize=4096)
def kind_of_folder(name: str) -> str | None:
    """Return the model type that a folder of this name holds (``"Stable-diffusion"``: ``"Checkpoint"``), or None."""
    return _KIND_BY_FOLDER.get(_fold(name))


def is_model_file(name: str) -> bool:
    """Say whether a file of this name is one that an inventory lists."""
    return os.path.splitext(name)[1].lower() in MODEL_SUFFIXES


def kind_of(root: Root, relative: str) -> str:
    """Return the model type of a file from its root's kind and the names of its folders and of itself.

    ``relative`` is POSIX-style and relative to the root. A root's kind holds for all beneath it, as it does in a web
    UI, except that a LoRA folder's sub-folder may be one of LoCons or DoRAs. Without one, the deepest folder with a
    known name decides, the root's own folder last; ``Other`` where none has. ``x.vae.pt`` and the like are VAEs
    in a folder of checkpoints (A1111's ``sd_vae.py``) or of nothing in particular.
    """
    folders, _, name = relative.rpartition("/")
    kind = _kind_of_folders(root.kind, folders, root.path)
    if kind in {"Checkpoint", OTHER} and os.path.splitext(name)[0].lower().endswith(".vae"):
        return "VAE"
    return kind


@functools.lru_cache(maxsize=65536)
def _kind_of_folders(kind: str | None, folders: str, root_path: str) -> str:
    found = (kind_of_folder(name) for name in reversed(folders.split("/")))
    if kind is None:
        return next(filter(None, found), None) or kind_of_folder(os.path.basename(root_path)) or OTHER
    if kind == "LORA":
        return next((finer for finer in found if finer in {"LoCon", "DoRA"}), kind)
    return kind
