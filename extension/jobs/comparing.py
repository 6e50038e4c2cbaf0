"""Were the images made with the job's models? What their infotexts state, against the files that were to be used.

The hub compares as well, by what it knows of the models; here the very files are known, and whether the web UI should
have stated them at all: it was asked to.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from ...ecosystems.infotext import resource as roles
from ...ecosystems.infotext.compare import Expected, differences, stated_hashes
from .engine import Image
from .finding import File, Held

_CHOICES = "{"
"""Extensions that choose among parts of a prompt have them in braces; which LoRA is loaded then is theirs to say."""


def wrong_models(
    images: Sequence[Image], chosen: Sequence[tuple[Held, File]], body: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return in words what is wrong, each once: other models than the job's, and LoRAs that were passed over."""
    expected = [(_expected(held, file), held) for held, file in chosen]
    found = []
    for image in images:
        found += [str(each) for each in differences(image.infotext, [each for each, _ in expected])]
        found += _passed_over(image.infotext, expected, body)
    return tuple(dict.fromkeys(found))


def _passed_over(infotext: str, expected: Sequence[tuple[Expected, Held]], body: Mapping[str, Any]) -> Iterator[str]:
    """Yield LoRAs of the prompt that the web UI, which states hashes, does not state."""
    prompt = str(body.get("prompt", ""))
    settings = body.get("override_settings") or {}
    told = settings.get("lora_add_hashes_to_infotext") is True
    if not told or body.get("script_name") or body.get("disable_extra_networks") or _CHOICES in prompt:
        return
    stated = stated_hashes(infotext)
    if not any(role == roles.CHECKPOINT for role, _, _ in stated):
        return  # with --no-hashing it states none
    used = [digits for role, _, digits in stated if role == roles.LORA]
    for model, held in expected:
        loads = held.need.role == roles.LORA and f"<lora:{model.names[0]}:" in prompt
        if loads and not any(map(model.is_it, used)):
            yield f"the LoRA {held.need.name!r} was not loaded by the web UI"


def _expected(held: Held, file: File) -> Expected:
    names = (file.stem, PurePath(file.relative).name, *([held.need.name] if held.need.name else []))
    tensor = (file.tensor_sha256,) if file.tensor_sha256 else ()
    return Expected(held.need.role, names, (file.sha256,), tensor, file.claims)
