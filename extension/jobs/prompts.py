"""Prompts in which LoRAs and embeddings have this server's own names.

Source of the syntax: A1111's and Forge's ``extra_networks`` (``<name:argument…>``, the first argument is the model) and
``textual_inversion`` (an embedding is named by its file's base name, anywhere, in any case).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...ecosystems.infotext import resource as roles
from .faults import JobFailedError

_TAG = re.compile(r"<(\w+):([^>]+)>")
"""As web UIs read it: what stands for a tag there must stand for one here."""
_MODELS = frozenset({"lora", "lyco", "hypernet"})
_LONGEST = 1 << 20
_MOST_DEPTH = 40


@dataclass(frozen=True)
class Renaming:
    """An embedding as the job calls it, and as this server does."""

    asked: str
    here: str


def rewrite(body: Mapping[str, Any], tags: Mapping[str, str], embeddings: Sequence[Renaming]) -> dict[str, Any]:
    """Return a request with all its prompts, those of scripts too, in this server's names.

    ``tags`` maps plain names (``plain_name``) to the names here.

    Raises:
        JobFailedError: a tag names a model that is not among the job's requirements.
    """
    networks = not body.get("disable_extra_networks")
    renamed = {each.asked.casefold(): each.here for each in embeddings if each.asked and each.asked != each.here}
    words = _words(renamed)

    def text_of(text: str, key: str) -> str:
        loads = networks and "negative" not in key
        if key.endswith("prompt") and words is not None:
            text = _outside_tags(
                text, lambda part: words.sub(lambda found: renamed.get(found[0].casefold(), found[0]), part)
            )
        return _TAG.sub(lambda tag: _tag(tag, tags), text) if loads and len(text) < _LONGEST else text

    def walk(value: Any, key: str, depth: int) -> Any:
        if depth > _MOST_DEPTH:
            raise JobFailedError("not_understood", "the request is nested too deep")
        if isinstance(value, str):
            return text_of(value, key)
        if isinstance(value, dict):
            return {name: walk(inner, str(name), depth + 1) for name, inner in value.items()}
        return [walk(inner, key, depth + 1) for inner in value] if isinstance(value, list) else value

    return {name: walk(value, name, 0) for name, value in body.items()}


def _tag(tag: re.Match[str], tags: Mapping[str, str]) -> str:
    kind, arguments = tag[1], tag[2].split(":")
    if kind not in _MODELS:
        return tag[0]
    name = tags.get(roles.plain_name(arguments[0]))
    if name is None:
        raise JobFailedError(
            "not_understood", f"the prompt loads {arguments[0][:100]!r}, which is not among the job's requirements"
        )
    return f"<{kind}:{':'.join([name, *arguments[1:]])}>"


def _words(renamed: Mapping[str, str]) -> re.Pattern[str] | None:
    """Return what finds these names as whole words, the longest first."""
    if not renamed:
        return None
    names = "|".join(re.escape(name) for name in sorted(renamed, key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{names})(?!\w)", re.IGNORECASE)


def _outside_tags(text: str, change: Any) -> str:
    parts, end = [], 0
    for tag in _TAG.finditer(text):
        parts += [change(text[end : tag.start()]), tag[0]]
        end = tag.end()
    return "".join([*parts, change(text[end:])])
