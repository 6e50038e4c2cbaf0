"""Embedded metadata: what it claims about the ecosystem, and what else it says that is worth showing.

Fields: sd-scripts' ``ss_*``, Stability's ``modelspec.*``, A1111's merge recipes, ai-toolkit's and GGUF's names. All of
it was written by whoever made the file: it is bounded, cleaned of characters that steer a terminal or a page, and
believed only where the layout allows it.
"""

import base64
import binascii
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from .data import load
from .witnesses import HINT_CONFIDENCE, METADATA, NAME, Statement, groups

MAX_TEXT = 300
MAX_FIELD_BYTES = 1024 * 1024
MAX_THUMBNAIL_BYTES = 4 * 1024 * 1024
TOP_TAGS = 20
_MAX_TAGS = 20_000
_IMAGE = re.compile(r"data:(image/(?:png|jpeg|webp|gif|avif));base64,")
_NUMBERS = re.compile(r"\d{2,5}")
_CIVILISED = {"Cc", "Cf", "Cs", "Co", "Cn"}


def clean(value: object, limit: int = MAX_TEXT) -> str | None:
    """Return a text without control, format and surrogate characters, cut to ``limit``; None where nothing is left."""
    if not isinstance(value, str):
        return None
    text = value[: limit * 2]
    if not text.isprintable():
        text = "".join(
            " " if c in "\n\t" else c for c in text if c in "\n\t" or unicodedata.category(c) not in _CIVILISED
        )
    text = text.strip()[:limit]
    return text or None


def claims(metadata: Mapping[str, Any], *, whole_model: bool) -> list[Statement]:
    """Return what the metadata claims about the ecosystem, the most believable first."""
    if not metadata:
        return []
    return sorted(_claims(metadata, whole_model), key=lambda statement: -statement.confidence)


def _claims(metadata: Mapping[str, Any], whole_model: bool) -> Iterator[Statement]:
    for rule in _rules():
        for field in rule["fields"]:
            value = clean(metadata.get(field))
            if value is None:
                continue
            if "names" in rule:
                named = _by_name(value, hints=False)
                if named is not None:
                    believed = rule["confidence"] if whole_model or not rule.get("models_only") else HINT_CONFIDENCE
                    yield _named(named, f"{field} is {value!r}", believed)
            elif rule["regex"].search(value):
                yield Statement(
                    METADATA, f"{field} is {value!r}", groups(_captured(rule, value)), rule["confidence"],
                    rule.get("likely"), rule.get("base_model"),
                )  # fmt: skip
    yield from _merge_parents(metadata)
    yield from _tag_claims(metadata)
    value = clean(metadata.get("ss_output_name"))
    named = _by_name(value, hints=True) if value else None
    if named is not None:
        yield _named(named, f"ss_output_name is {value!r}, a name that its maker chose", HINT_CONFIDENCE)


def _captured(rule: Mapping[str, Any], value: str) -> list[str]:
    if not rule.get("captured"):
        return list(rule["among"])
    return [name for name in rule["among"] if value.lower().startswith(name.lower())]


def _named(row: Mapping[str, Any], says: str, confidence: float) -> Statement:
    return Statement(METADATA, says, frozenset({row["ecosystem"]}), confidence, row["ecosystem"], row["base_model"])


def name_hint(text: str, what: str) -> Statement | None:
    """Return what a file's or folder's name hints at (never more than a hint), or None."""
    row = _by_name(text, hints=True)
    if row is None:
        return None
    says = f"{what} {clean(text)!r} hints at {row['base_model']}; a name proves nothing"
    return Statement(NAME, says, frozenset({row["ecosystem"]}), HINT_CONFIDENCE, row["ecosystem"], row["base_model"])


def _by_name(text: str, *, hints: bool) -> Mapping[str, Any] | None:
    lowered = text.lower()
    if _any_name().search(lowered) is None:
        return None
    for row in _names():
        if (hints or not row.get("hint_only")) and row["regex"].search(lowered):
            return row
    return None


def _merge_parents(metadata: Mapping[str, Any]) -> Iterator[Statement]:
    """Claims from A1111's checkpoint merger, which records the models that went in and their shares."""
    models = _json(metadata.get("sd_merge_models"))
    recipe = _json(metadata.get("sd_merge_recipe"))
    if not isinstance(models, dict) or not isinstance(recipe, dict):
        return
    main = recipe.get("primary_model_hash")
    share = recipe.get("multiplier")
    for digest, entry in list(models.items())[:16]:
        name = clean(entry.get("name")) if isinstance(entry, dict) else None
        named = _by_name(name, hints=False) if name else None
        if named is None:
            continue
        if digest == main and isinstance(share, (int, float)) and 0 <= share <= 0.5:
            yield _named(named, f"merged mostly from {name!r}", 0.8)
        else:
            yield _named(named, f"merged from {name!r} among others", HINT_CONFIDENCE)


def _tag_claims(metadata: Mapping[str, Any]) -> Iterator[Statement]:
    counts = tag_counts(metadata)
    if not counts:
        return
    most = max(counts.values())
    for rule in load("metadata")["tags"]:
        used = [tag for tag in rule["tags"] if counts.get(tag, 0) >= rule["share"] * most]
        if len(used) >= rule["at_least"]:
            yield Statement(METADATA, f"captions use {', '.join(used)}", groups(rule["among"]), rule["confidence"])


def tag_counts(metadata: Mapping[str, Any]) -> dict[str, int]:
    """Return how often each training tag was used, over all folders of ``ss_tag_frequency``."""
    frequency = _json(metadata.get("ss_tag_frequency"))
    counts: dict[str, int] = {}
    if not isinstance(frequency, dict):
        return counts
    for folder in frequency.values():
        for tag, count in folder.items() if isinstance(folder, dict) else ():
            if type(count) is int and 0 < count < 10**9 and len(counts) < _MAX_TAGS:
                tag = tag.strip()
                counts[tag] = counts.get(tag, 0) + count
    return counts


def described(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return what else the metadata says: title, author, trigger words, rank, resolution, tags, preview and such.

    ``output_name`` is what A1111 and Forge take for a LoRA's other name, and write into prompts unless told otherwise.
    """
    if not metadata:
        return {}
    found: dict[str, Any] = {
        "title": _first(metadata, "modelspec.title", "general.name", "ss_output_name", "name"),
        "output_name": _first(metadata, "ss_output_name"),
        "author": _first(metadata, "modelspec.author", "general.author"),
        "license": _first(metadata, "modelspec.license", "general.license"),
        "trained_on": _first(metadata, "ss_sd_model_name"),
        "trigger_words": _trigger_words(metadata),
        "rank": _number(metadata.get("ss_network_dim")),
        "alpha": _number(metadata.get("ss_network_alpha")),
        "resolution": _resolution(metadata),
        "tags": _top_tags(metadata),
        "v_prediction": _v_prediction(metadata),
        "preview": _preview(metadata),
    }
    return {key: value for key, value in found.items() if value not in (None, [], "")}


def embedded_preview(metadata: Mapping[str, Any]) -> bytes | None:
    """Return the image in ``modelspec.thumbnail`` (a data URI of a raster image), or None where it is not one."""
    value = metadata.get("modelspec.thumbnail")
    if not isinstance(value, str) or len(value) > MAX_THUMBNAIL_BYTES:
        return None
    match = _IMAGE.match(value)
    if match is None:
        return None
    try:
        return base64.b64decode(value[match.end() :], validate=True)
    except (binascii.Error, ValueError):
        return None


def _preview(metadata: Mapping[str, Any]) -> dict[str, Any] | None:
    image = embedded_preview(metadata)
    if not image:
        return None
    match = _IMAGE.match(metadata["modelspec.thumbnail"])
    assert match is not None
    return {"source": "modelspec.thumbnail", "media_type": match[1], "size_bytes": len(image)}


def _first(metadata: Mapping[str, Any], *fields: str) -> str | None:
    return next((text for text in (clean(metadata.get(field)) for field in fields) if text), None)


def _trigger_words(metadata: Mapping[str, Any]) -> list[str]:
    text = _first(
        metadata, "modelspec.trigger_phrase", "trigger_phrase", "ss_trigger_words", "trigger_word", "activation text"
    )
    return [word for word in (part.strip() for part in (text or "").split(",")) if word][:TOP_TAGS]


def _number(value: object) -> float | int | None:
    try:
        number = float(value) if isinstance(value, (str, int, float)) and len(str(value)) < 20 else None
    except ValueError:
        return None
    if number is None or not 0 <= number < 1_000_000:
        return None
    return int(number) if number.is_integer() else number


def _resolution(metadata: Mapping[str, Any]) -> str | None:
    text = _first(metadata, "modelspec.resolution", "ss_resolution")
    sides = _NUMBERS.findall(text or "")[:2]
    return "x".join(sides * 2 if len(sides) == 1 else sides) or None


def _top_tags(metadata: Mapping[str, Any]) -> list[list[Any]]:
    counts = tag_counts(metadata)
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[: TOP_TAGS * 2]
    cleaned = ((clean(tag, 100), count) for tag, count in top)
    return [[tag, count] for tag, count in cleaned if tag][:TOP_TAGS]


def _v_prediction(metadata: Mapping[str, Any]) -> bool | None:
    if str(metadata.get("modelspec.prediction_type", "")).lower() in {"v", "v_prediction", "v-prediction"}:
        return True
    return True if str(metadata.get("ss_v_parameterization", metadata.get("ss_v_pred", ""))).lower() == "true" else None


def _json(value: object) -> Any:
    """Return the JSON that a metadata value holds, or None: not a text, too long, or no JSON."""
    if not isinstance(value, str) or len(value) > MAX_FIELD_BYTES:
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


@lru_cache(maxsize=1)
def _rules() -> list[dict[str, Any]]:
    rows = load("metadata")["rules"]
    return [{**row, "regex": re.compile(row.get("pattern", "$^"), re.IGNORECASE)} for row in rows]


@lru_cache(maxsize=1)
def _names() -> list[dict[str, Any]]:
    return [{**row, "regex": re.compile(row["pattern"])} for row in load("metadata")["names"]]


@lru_cache(maxsize=1)
def _any_name() -> re.Pattern[str]:
    """Return a pattern that finds whatever any of the names' patterns finds: most names hold none of them."""
    return re.compile("|".join(f"(?:{row['pattern']})" for row in load("metadata")["names"]))
