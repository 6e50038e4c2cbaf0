"""Prompts in which LoRAs and embeddings have this server's own names.

Source of the syntax: A1111's and Forge's ``extra_networks`` (``<name:argument…>``, the first argument is the model) and
``textual_inversion`` (an embedding is named by its file's base name, anywhere, in any case).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...ecosystems.infotext import resource as roles
from ...ecosystems.infotext.prompts import NETWORKS, tags
from .faults import JobFailedError

_LONGEST = 1 << 20
_MOST_DEPTH = 40


@dataclass(frozen=True)
class Renaming:
    """An embedding as the job calls it, and as this server does."""

    asked: str
    here: str


def rewrite(body: Mapping[str, Any], named: Mapping[str, str], embeddings: Sequence[Renaming]) -> dict[str, Any]:
    """Return a request with all its prompts, those of scripts too, in this server's names.

    ``named`` maps plain names (``plain_name``) to the names here.

    Raises:
        JobFailedError: a tag names a model that is not among the job's requirements.
    """
    networks = not body.get("disable_extra_networks")
    renamed = {each.asked.casefold(): each.here for each in embeddings if each.asked and each.asked != each.here}
    words = _words(renamed)

    def own_name(word: re.Match[str]) -> str:
        return renamed.get(word[0].casefold(), word[0])

    def text_of(text: str, key: str) -> str:
        loads = networks and "negative" not in key
        if key.endswith("prompt") and words is not None:
            text = _replaced(text, lambda tag: tag[0], lambda part: words.sub(own_name, part))
        return _replaced(text, lambda tag: _tag(tag, named)) if loads and len(text) < _LONGEST else text

    def walk(value: Any, key: str, depth: int) -> Any:
        if depth > _MOST_DEPTH:
            raise JobFailedError("not_understood", "the request is nested too deep")
        if isinstance(value, str):
            return text_of(value, key)
        if isinstance(value, dict):
            return {name: walk(inner, str(name), depth + 1) for name, inner in value.items()}
        return [walk(inner, key, depth + 1) for inner in value] if isinstance(value, list) else value

    return {name: walk(value, name, 0) for name, value in body.items()}


def _tag(tag: re.Match[str], named: Mapping[str, str]) -> str:
    kind, arguments = tag[1], tag[2].split(":")
    if kind not in NETWORKS:
        return tag[0]
    name = named.get(roles.plain_name(arguments[0]))
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


def _replaced(text: str, change: Callable[[re.Match[str]], str], beside: Callable[[str], str] = str) -> str:
    """Return a text with each of its tags changed, and with what is beside them."""
    parts, end = [], 0
    for tag in tags(text):
        parts += [beside(text[end : tag.start()]), change(tag)]
        end = tag.end()
    return "".join([*parts, beside(text[end:])])
