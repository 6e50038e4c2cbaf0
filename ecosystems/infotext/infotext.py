"""``parse``: whatever a person pastes or drops, as one value: an infotext, a bare prompt, or a ComfyUI graph."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from .comfyui import is_graph, read_graph
from .errors import TextTooLongError
from .exif import USER_COMMENT
from .fields import take_apart
from .images import COMMENT, read_image
from .named import resources_in
from .prompts import embeddings as embeddings_in
from .prompts import extra_networks
from .resource import Resource, merged

INFOTEXT = "infotext"
WORKFLOW = "workflow"
PROMPT = "prompt"
NOTHING = "nothing"
FOUND = (INFOTEXT, WORKFLOW, PROMPT, NOTHING)
"""What a text can turn out to be, the most telling first."""

MAX_TEXT_CHARACTERS = 4 << 20
_TEXT_KEYS = ("parameters", USER_COMMENT, "XPComment", "ImageDescription", COMMENT, "Comment", "Description")


@dataclass(frozen=True, slots=True)
class Infotext:
    """What a text says of an image.

    ``found`` is one of ``FOUND``; ``text`` what was read; ``fields`` in the order of the text, as text. ``resources``
    are the models that it refers to, each once.
    """

    found: str
    text: str
    prompt: str = ""
    negative: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    resources: tuple[Resource, ...] = ()


def parse(text: str, embeddings: Collection[str] = ()) -> Infotext:
    """Read an infotext, a prompt, or the JSON of a ComfyUI graph.

    ``embeddings`` are the names to look for in the prompts, where nothing marks them as such.

    Raises:
        TextTooLongError: it has more than ``MAX_TEXT_CHARACTERS``.
    """
    if len(text) > MAX_TEXT_CHARACTERS:
        raise TextTooLongError(f"{len(text)} characters are more than any infotext has ({MAX_TEXT_CHARACTERS})")
    if not text.strip():
        return Infotext(NOTHING, text)
    if text.lstrip().startswith("{"):
        graph = _parse_graph(text, _json(text))
        if graph is not None:
            return graph
    parts = take_apart(text)
    found = INFOTEXT if parts.fields else PROMPT
    resources = [*resources_in(parts.fields), *prompt_resources(parts.prompt, parts.negative, embeddings)]
    hires = parts.fields.get("Hires prompt", ""), parts.fields.get("Hires negative prompt", "")
    resources += embeddings_in("\n".join(hires), embeddings, "Hires prompt")
    return Infotext(found, text, parts.prompt, parts.negative, parts.fields, merged(resources))


def prompt_resources(prompt: str, negative: str = "", embeddings: Collection[str] = ()) -> tuple[Resource, ...]:
    """Return what prompts refer to: the tags of the prompt, and those of these embeddings that either names."""
    named = embeddings_in(f"{prompt}\n{negative}", embeddings)
    return merged([*extra_networks(prompt), *named])


def parse_image(image: bytes | BinaryIO, embeddings: Collection[str] = ()) -> Infotext:
    """Read what a PNG, JPEG or WebP image says of itself; of several texts the most telling counts.

    Raises:
        ImageError: it is no such image.
        OSError: the file cannot be read.
    """
    texts = read_image(image)
    read = [parse(text, embeddings) for key in _TEXT_KEYS if (text := texts.get(key)) is not None]
    prompt, workflow = texts.get("prompt"), texts.get("workflow")
    graph = _parse_graph(prompt or workflow or "", _json(prompt), _json(workflow))
    if graph is not None:
        read.append(graph)
    return min(read, key=lambda each: FOUND.index(each.found), default=Infotext(NOTHING, ""))


def _parse_graph(text: str, value: object, workflow: object = None) -> Infotext | None:
    """Return a ComfyUI graph as an infotext; ``value`` may be the graph, the document, or an object with both."""
    if isinstance(value, dict) and not is_graph(value) and workflow is None:
        both: dict[str, object] = value
        value, workflow = both.get("prompt"), both.get("workflow")
    graph = read_graph(value, workflow if workflow is not None else value)
    if graph is None:
        return None
    return Infotext(WORKFLOW, text, graph.prompt, graph.negative, graph.fields, graph.resources)


def _json(text: str | None) -> object:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError):
        return None
