"""What ComfyUI writes into its images: the graph that ran (``prompt``) and the editor's document (``workflow``).

Source: ComfyUI's ``nodes.py`` and ``comfy_extras`` for the loaders and their inputs; the editor's document has the
same values by position in ``widgets_values``. Nodes of others follow the names of the inputs, so they are recognised
by those.
"""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from . import resource as r
from .civitai import read_air
from .prompts import number
from .resource import Resource, merged, model_hash

_MOST_NODES = 20_000
_MOST_SUBGRAPHS = 200
_ROLES = {"ckpt": r.CHECKPOINT, "unet": r.UNET, "vae": r.VAE, "lora": r.LORA, "control_net": r.CONTROLNET,
          "clip": r.TEXT_ENCODER, "hypernetwork": r.HYPERNETWORK, "style_model": r.OTHER,
          "gligen": r.OTHER}  # fmt: skip
_FILE_INPUT = re.compile(rf"({'|'.join(_ROLES)})_name(?:_?\d+)?")
_OF_CLASS = {("CLIPVisionLoader", "clip_name"): r.CLIP_VISION, ("UpscaleModelLoader", "model_name"): r.UPSCALER}
_NO_FILE = frozenset({"", "none", "baked vae", "undefined", "pixel_space"})
_STRENGTHS = ("strength_model", "strength", "lora_strength", "model_strength")

_WIDGETS: dict[str, tuple[str, ...]] = {
    "CheckpointLoaderSimple": ("ckpt_name",),
    "CheckpointLoader": ("config_name", "ckpt_name"),
    "unCLIPCheckpointLoader": ("ckpt_name",),
    "ImageOnlyCheckpointLoader": ("ckpt_name",),
    "LoraLoader": ("lora_name", "strength_model", "strength_clip"),
    "LoraLoaderModelOnly": ("lora_name", "strength_model"),
    "VAELoader": ("vae_name",),
    "ControlNetLoader": ("control_net_name",),
    "DiffControlNetLoader": ("control_net_name",),
    "UNETLoader": ("unet_name",),
    "UnetLoaderGGUF": ("unet_name",),
    "CLIPLoader": ("clip_name",),
    "CLIPLoaderGGUF": ("clip_name",),
    "DualCLIPLoader": ("clip_name1", "clip_name2"),
    "DualCLIPLoaderGGUF": ("clip_name1", "clip_name2"),
    "TripleCLIPLoader": ("clip_name1", "clip_name2", "clip_name3"),
    "QuadrupleCLIPLoader": ("clip_name1", "clip_name2", "clip_name3", "clip_name4"),
    "CLIPVisionLoader": ("clip_name",),
    "StyleModelLoader": ("style_model_name",),
    "HypernetworkLoader": ("hypernetwork_name", "strength"),
    "GLIGENLoader": ("gligen_name",),
    "UpscaleModelLoader": ("model_name",),
    "CLIPTextEncode": ("text",),
    "CLIPTextEncodeFlux": ("clip_l", "t5xxl", "guidance"),
}
"""Class -> its inputs in the order of ``widgets_values``."""

_MUTED = frozenset({2, 4})
"""Modes of a node in the editor: never, and bypassed."""

_TEXTS = ("text", "text_g", "text_l", "t5xxl", "clip_l", "prompt", "string", "value", "populated_text", "wildcard_text")
_EMBEDDING = re.compile(r"embedding:([^\s,:()\[\]<>]{1,300})", re.IGNORECASE)
_FIELDS = {"seed": "Seed", "noise_seed": "Seed", "steps": "Steps", "cfg": "CFG scale", "sampler_name": "Sampler",
           "scheduler": "Schedule type", "denoise": "Denoising strength"}  # fmt: skip

Node = tuple[str, Mapping[str, Any]]
"""A node's class and its inputs: a value, or ``[node id, output]`` for a link."""


@dataclass(frozen=True, slots=True)
class Graph:
    """What a ComfyUI image says: prompts (where they can be told), settings, and the models that its nodes load."""

    prompt: str
    negative: str
    fields: dict[str, str]
    resources: tuple[Resource, ...]


def read_graph(prompt: object, workflow: object = None) -> Graph | None:
    """Read the two JSON values of an image, either of which may be missing; None where neither is ComfyUI's.

    The graph that ran counts; the document is read where there is none, and for the hashes that it states.
    """
    nodes = _of_prompt(prompt) or _of_workflow(workflow)
    if not nodes:
        return None
    texts = _Texts(nodes)
    positive, negative = texts.of("positive"), texts.of("negative")
    if not positive:
        positive = texts.of("conditioning") or ([] if negative else texts.all())
    hashes = _stated_hashes(workflow)
    found = [resource for kind, inputs in nodes.values() for resource in _loaded(kind, inputs, hashes)]
    for text in (*positive, *negative):
        found += [Resource(r.EMBEDDING, match[1], source="prompt") for match in _EMBEDDING.finditer(text)]
    return Graph("\n".join(positive), "\n".join(negative), _settings(nodes), merged(found))


def is_graph(value: object) -> bool:
    """Say whether a JSON object is a graph that ran or an editor's document."""
    return bool(_of_prompt(value) or _of_workflow(value))


def _of_prompt(value: object) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for key, node in list(value.items())[:_MOST_NODES] if isinstance(value, dict) else []:
        if isinstance(node, dict) and isinstance(node.get("class_type"), str) and isinstance(node.get("inputs"), dict):
            nodes[str(key)] = (node["class_type"], node["inputs"])
    return nodes


def _of_workflow(value: object) -> dict[str, Node]:
    """Return an editor's document as a graph; nodes inside of subgraphs come along, without links across."""
    if not isinstance(value, dict):
        return {}
    found: dict[str, Node] = {}
    definitions = value.get("definitions")
    subgraphs = definitions.get("subgraphs") if isinstance(definitions, dict) else None
    for depth, part in enumerate([value, *(subgraphs if isinstance(subgraphs, list) else [])][:_MOST_SUBGRAPHS]):
        for key, node in _document_nodes(part):
            found[f"{depth}:{key}" if depth else key] = node
            if len(found) >= _MOST_NODES:
                return found
    return found


def _document_nodes(part: object) -> Iterator[tuple[str, Node]]:
    nodes = part.get("nodes") if isinstance(part, dict) else None
    links = part.get("links") if isinstance(part, dict) else None
    sources = {
        link[0]: [str(link[1]), link[2]]
        for link in (links if isinstance(links, list) else [])
        if isinstance(link, list) and len(link) >= 3 and isinstance(link[0], int)
    }
    for node in nodes if isinstance(nodes, list) else []:
        if not isinstance(node, dict) or not isinstance(node.get("type"), str):
            continue
        if isinstance(node.get("mode"), int) and node["mode"] in _MUTED:
            continue
        inputs = dict(_widget_values(node["type"], node.get("widgets_values")))
        for slot in node["inputs"] if isinstance(node.get("inputs"), list) else []:
            link = slot.get("link") if isinstance(slot, dict) else None
            if isinstance(link, int) and link in sources and isinstance(slot.get("name"), str):
                inputs[slot["name"]] = sources[link]
        yield str(node.get("id")), (node["type"], inputs)


def _widget_values(kind: str, values: object) -> Iterator[tuple[str, Any]]:
    if isinstance(values, dict):
        yield from ((name, value) for name, value in values.items() if isinstance(name, str))
    elif isinstance(values, list):
        yield from zip(_WIDGETS.get(kind, ()), values, strict=False)
        # The Power Lora Loader of rgthree has one object for each LoRA, in both forms.
        yield from ((f"lora_{n}", value) for n, value in enumerate(values) if isinstance(value, dict))


def _loaded(kind: str, inputs: Mapping[str, Any], hashes: Mapping[str, str]) -> Iterator[Resource]:
    """Yield the models that one node loads."""
    for name, value in inputs.items():
        if isinstance(value, dict) and isinstance(value.get("lora"), str):
            if value.get("on", True) is not False and value["lora"].lower() not in _NO_FILE:
                yield Resource(r.LORA, value["lora"], weight=number(value.get("strength")), source=kind)
            continue
        known = _FILE_INPUT.fullmatch(name)
        role = _OF_CLASS.get((kind, name)) or (_ROLES[known[1]] if known else None)
        if role is None or not isinstance(value, str) or value.strip().lower() in _NO_FILE:
            continue
        weight = None
        if role in {r.LORA, r.HYPERNETWORK}:
            weight = next((number(inputs[key]) for key in _STRENGTHS if key in inputs), None)
        version = read_air(value)[1]  # Civitai's own generator names its files so
        yield Resource(role, value, hashes.get(r.stem(value)), weight, kind, civitai_version_id=version)


def _stated_hashes(workflow: object) -> dict[str, str]:
    """Return the SHA-256 values that a document states of its models (``properties.models``), by file name."""
    hashes: dict[str, str] = {}
    nodes = workflow.get("nodes") if isinstance(workflow, dict) else None
    for node in nodes[:_MOST_NODES] if isinstance(nodes, list) else []:
        properties = node.get("properties") if isinstance(node, dict) else None
        listed = properties.get("models") if isinstance(properties, dict) else None
        for model in listed if isinstance(listed, list) else []:
            if not isinstance(model, dict) or str(model.get("hash_type", "")).upper() not in {"SHA256", "SHA-256"}:
                continue
            digits = model_hash(model.get("hash"))
            if digits is not None and len(digits) == 64 and isinstance(model.get("name"), str):
                hashes[r.stem(model["name"])] = digits
    return hashes


def _settings(nodes: Mapping[str, Node]) -> dict[str, str]:
    """Return the first value that a node states of each setting of a sampler, under the names of infotexts."""
    fields: dict[str, str] = {}
    for kind, inputs in nodes.values():
        for name, field in _FIELDS.items():
            value = inputs.get(name)
            if isinstance(value, (str, int, float)) and not isinstance(value, bool):
                fields.setdefault(field, str(value))
        size = (inputs.get("width"), inputs.get("height"))
        if "Latent" in kind and all(type(side) is int for side in size):
            fields.setdefault("Size", f"{size[0]}x{size[1]}")
    return fields


class _Texts:
    """Finds the texts that lead to an input such as ``positive``, however many nodes lie between."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes

    def all(self) -> list[str]:
        """Return the texts of all nodes that encode one."""
        return self._unique(text for kind, inputs in self._nodes.values() if "Encode" in kind for text in _own(inputs))

    def of(self, name: str) -> list[str]:
        """Return the texts that lead to inputs of this name, at whatever node."""
        starts = [_linked(inputs.get(name)) for _, inputs in self._nodes.values()]
        return self._unique(self._above([start for start in starts if start is not None], name))

    def _above(self, starts: list[str], name: str) -> Iterator[str]:
        """Yield the texts of these nodes and of what leads to them; no node is visited twice."""
        waiting, seen = deque(dict.fromkeys(starts)), set(starts)
        while waiting:
            key = waiting.popleft()
            inputs = self._nodes[key][1] if key in self._nodes else {}
            yield from _own(inputs)
            # Past a node with both inputs (ControlNet), only the one that leads on in the same sense.
            names = (name,) if name in inputs else tuple(inputs)
            for each in names:
                above = _linked(inputs[each])
                if above is not None and above not in seen and each not in {"clip", "model", "vae"}:
                    seen.add(above)
                    waiting.append(above)

    def _unique(self, texts: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(text for text in texts if text.strip()))


def _own(inputs: Mapping[str, Any]) -> Iterator[str]:
    yield from (inputs[name] for name in _TEXTS if isinstance(inputs.get(name), str))


def _linked(value: object) -> str | None:
    """Return the node that a link comes from, None for what is no link."""
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], (str, int)):
        return str(value[0])
    return None
