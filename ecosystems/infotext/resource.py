"""A model that an image, an infotext or a prompt refers to: what it was for, its name, its hash, its weight."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

CHECKPOINT = "checkpoint"
UNET = "unet"
VAE = "vae"
TEXT_ENCODER = "text_encoder"
MODULE = "module"
"""What Forge calls a module is a VAE or a text encoder; an infotext does not say which."""
LORA = "lora"
EMBEDDING = "embedding"
HYPERNETWORK = "hypernetwork"
CONTROLNET = "controlnet"
UPSCALER = "upscaler"
DETECTOR = "detector"
CLIP_VISION = "clip_vision"
OTHER = "other"

TYPES_OF_ROLE: dict[str, tuple[str, ...]] = {
    CHECKPOINT: ("Checkpoint", "UNet"),
    UNET: ("UNet", "Checkpoint"),
    VAE: ("VAE",),
    TEXT_ENCODER: ("TextEncoder", "CLIP"),
    MODULE: ("VAE", "TextEncoder", "CLIP"),
    LORA: ("LORA", "LoCon", "DoRA"),
    EMBEDDING: ("TextualInversion",),
    HYPERNETWORK: ("Hypernetwork",),
    CONTROLNET: ("Controlnet",),
    UPSCALER: ("Upscaler",),
    DETECTOR: ("Detection",),
    CLIP_VISION: ("CLIPVision",),
    OTHER: (),
}
"""Role -> the model types whose files can play it, the likeliest first; none is "any"."""

NO_FILE = frozenset({"", "none", "automatic", "built-in", "use same checkpoint", "use same choices", "use same vae"})
"""What web UIs write where no file is chosen."""

_EXTENSIONS = (".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".gguf", ".sft", ".onnx")
_SEARCHABLE_DIGITS = frozenset({10, 12, 64})
_HEX = frozenset("0123456789abcdef")
_MOST_HASHES = 8
"""Of one resource; a real one has three at most."""
_SHORTEST_HASH, _LONGEST_HASH = 8, 64


@dataclass(frozen=True, slots=True)
class Resource:
    """One model that is referred to.

    ``name`` is as it was written (a file name, with or without folder and extension; empty where only a hash is given),
    ``hash`` lower-case hex of 8 to 64 digits, ``weight`` its strength, where one is stated. ``source`` says where it
    stands: the name of a field, ``prompt``, or a node's class. ``more_hashes`` are further ones, of other kinds.
    """

    role: str
    name: str
    hash: str | None = None
    weight: float | None = None
    source: str = ""
    more_hashes: tuple[str, ...] = ()
    civitai_version_id: int | None = None

    @property
    def stem(self) -> str:
        """The file's name without folder and extension."""
        return stem(self.name)

    @property
    def searchable_hashes(self) -> tuple[str, ...]:
        """Those of its hashes that a hub can look up: AutoV2, AutoV3 or SHA-256, not the old one of 8 digits."""
        listed = (*([self.hash] if self.hash else []), *self.more_hashes)
        return tuple(each for each in listed if len(each) in _SEARCHABLE_DIGITS)


def stem(name: str) -> str:
    """Return a file's name without its folder (of either kind of slash) and a model file's extension."""
    last = name.replace("\\", "/").rpartition("/")[2]
    extension = next((each for each in _EXTENSIONS if last.lower().endswith(each)), "")
    return last[: len(last) - len(extension)] if extension else last


def model_hash(text: object) -> str | None:
    """Return a hash in lower case, or None where the text is none."""
    digits = text.strip().lower().removeprefix("0x") if isinstance(text, str) and len(text) < 2 * _LONGEST_HASH else ""
    return digits if _SHORTEST_HASH <= len(digits) <= _LONGEST_HASH and _HEX.issuperset(digits) else None


def merged(listed: Iterable[Resource]) -> tuple[Resource, ...]:
    """Return the resources with those of one role and one name united, in the order in which they first stand.

    Those without a name are one where they have one hash, or one version on Civitai. The first weight counts; every
    hash is kept, exact ones (64 or 10 digits) in front: 12 digits may be of three different things.
    """
    found: dict[tuple[str, str, object], Resource] = {}
    for each in listed:
        key = (each.role, plain_name(each.name), None if each.name else each.civitai_version_id or each.hash)
        known = found.get(key)
        if known is None:
            found[key] = each
            continue
        if _says_nothing_new(known, each):
            continue
        hashes = _hashes(known, each)[:_MOST_HASHES]
        found[key] = replace(
            known,
            hash=hashes[0] if hashes else None,
            more_hashes=hashes[1:],
            weight=known.weight if known.weight is not None else each.weight,
            civitai_version_id=known.civitai_version_id or each.civitai_version_id,
        )
    return tuple(found.values())


def _says_nothing_new(known: Resource, each: Resource) -> bool:
    listed = (known.hash, *known.more_hashes)
    return (
        all(text is None or text in listed for text in (each.hash, *each.more_hashes))
        and (each.weight is None or known.weight is not None)
        and (each.civitai_version_id is None or known.civitai_version_id is not None)
    )


def _hashes(*resources: Resource) -> tuple[str, ...]:
    listed = [text for each in resources for text in (each.hash, *each.more_hashes) if text]
    return tuple(sorted(dict.fromkeys(listed), key=_worth))


def _worth(text: str) -> int:
    return {64: 0, 10: 1, 12: 2}.get(len(text), 3)


def plain_name(name: str) -> str:
    """Return a name as web UIs write it beside a hash: without the characters that would end it there."""
    return stem(name).translate({ord(":"): None, ord(","): None}).strip().casefold()
