"""The kinds of model file, under the names that Civitai gives them.

Source: the list of model types in ``docs/`` of the catalogue data (Civitai, 2026-08); every tool of this field that
names types at all uses these or a subset of them.
"""

MODEL_TYPES: tuple[str, ...] = (
    "AestheticGradient",
    "CLIP",
    "CLIPVision",
    "Checkpoint",
    "ComfyWorkflows",
    "Controlnet",
    "Detection",
    "DoRA",
    "Hypernetwork",
    "LLM",
    "LORA",
    "LoCon",
    "MotionModule",
    "Other",
    "Poses",
    "TextEncoder",
    "TextualInversion",
    "UNet",
    "Upscaler",
    "VAE",
    "VisionLanguage",
    "Wildcards",
    "Workflows",
)

LORA_TYPES = frozenset({"LORA", "LoCon", "DoRA"})
"""Types whose tensor hash (AutoV3) is computed in the same read as the SHA-256."""

NOT_ADDONS = frozenset(
    {"Checkpoint", "Upscaler", "Detection", "Poses", "Wildcards", "Workflows", "ComfyWorkflows", "Other"}
)
"""Types that are not used together with a checkpoint, or with any."""

_BY_LOWER = {name.lower(): name for name in MODEL_TYPES}


def canonical_type(name: str) -> str | None:
    """Return the one spelling of a model type, whatever its case (``"lora"`` gives ``"LORA"``), or None."""
    return _BY_LOWER.get(name.lower())
