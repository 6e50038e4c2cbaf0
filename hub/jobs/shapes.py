"""Reads a submission in any of its shapes: StableQueue's parameters, a web UI's request, an infotext. Pure functions.

``parameters`` reads the first of them, ``payloads`` the second and ``infotexts`` the third.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...ecosystems.infotext import Resource
from ...ecosystems.infotext import resource as roles
from .. import fields
from ..errors import FieldError
from .infotexts import FromText, read_infotext
from .job import HIGHEST_PRIORITY, IMG2IMG, LOWEST_PRIORITY, MAX_ATTEMPTS, TXT2IMG
from .parameters import MOST_HINTS, PARAMETERS, as_stated, read_parameters
from .payloads import IMAGES, NAME_CHARACTERS, SETTINGS, Payload, read_payload
from .pictures import without_images
from .requirements import PROMPTS, ROLES, Wanted, not_named, wanted, without_models
from .values import integer, mapping, read_hash, word
from .warned import Warned

ANY = "any"
TARGET = "target_server_alias"
MAX_RECORD_BYTES = 2 << 20
_ENVELOPE = frozenset(
    {TARGET, PARAMETERS, "payload", "infotext", "generation_info_raw", "mode", "priority", "max_attempts", "app_type"}
    | {"source_info", "models", "bulk_quantity", "seed_variation", "base_seed", "job_delay"}
)
"""What may stand beside a bare request to a web UI, and is no part of it."""

_NAME = word(NAME_CHARACTERS)


@dataclass(frozen=True)
class Asked:
    """A submission, read and checked.

    ``target`` is a server's id or alias, None for any. ``payload`` is without models and images, ``inputs`` are the
    images by their path in it; ``wanted`` are the models, ``stated`` those of
    ``models`` and ``hints`` all with hashes, ``texts`` what may name embeddings, by its field. ``record``
    is what was sent, without images.
    """

    mode: str
    payload: Mapping[str, Any]
    inputs: Mapping[str, str]
    wanted: tuple[Wanted, ...]
    stated: tuple[Resource, ...]
    hints: tuple[Resource, ...]
    texts: Mapping[str, str]
    target: str | None
    priority: int
    max_attempts: int
    source: str | None
    app_type: str
    record: Mapping[str, Any]
    warnings: tuple[Warned, ...]

    @property
    def title(self) -> str:
        """The beginning of the prompt, on one line."""
        return " ".join(str(self.payload.get("prompt", "")).split())[:200]


def read_submission(body: Mapping[str, Any]) -> Asked:
    """Read a submission.

    Raises:
        FieldError: a field is missing or wrong, with its path.
    """
    target = read_target(fields.required(body, TARGET))
    base = _stated_text(body)
    raw, where, stated, more = _request(body, base)
    if stated is None and base is not None:
        stated = base.wanted
    mode = fields.choice(body, "mode", (TXT2IMG, IMG2IMG))
    try:
        payload = read_payload(raw, where, mode)
    except FieldError as error:
        raise (as_stated(error, body[PARAMETERS]) if where == PARAMETERS else error) from None
    known = _hints(body)
    hints = (*known, *more, *(base.hints if base is not None else ()))
    asked = wanted(payload, stated, hints)
    if not asked or asked[0].role != roles.CHECKPOINT or asked[0].source != "sd_model_checkpoint":
        raise FieldError(_checkpoint_field(body), _NO_CHECKPOINT, missing=True)
    app_type = "forge" if body.get("app_type") is None else _NAME(body["app_type"], "app_type") or "forge"
    source = body.get("source_info")
    return Asked(
        mode=payload.mode,
        payload=without_models(payload.values),
        inputs=payload.inputs,
        wanted=tuple(asked),
        stated=tuple(known),
        hints=hints,
        texts=_texts(payload),
        target=target,
        priority=_integer(body, "priority", LOWEST_PRIORITY, HIGHEST_PRIORITY, 0),
        max_attempts=_integer(body, "max_attempts", 1, 20, MAX_ATTEMPTS),
        source=None if source is None else word(200)(source, "source_info"),
        app_type=app_type,
        record=_record(body),
        warnings=(*_warnings(payload, base), *_not_loaded(asked, hints)),
    )


def _stated_text(body: Mapping[str, Any]) -> FromText | None:
    """Return what the infotext asks for, where there is one."""
    found = None
    for name in ("generation_info_raw", "infotext"):
        if body.get(name) is not None and body[name] != "":
            found = read_infotext(body[name], name)
    return found


_NO_CHECKPOINT = (
    "name a checkpoint, by name or hash: a job never runs with whatever model a server has loaded just then"
)


def read_target(value: object) -> str | None:
    """Return a server's id or alias, None for any.

    Raises:
        FieldError: it is neither.
    """
    name = fields.server_id(value, TARGET)
    return None if name.lower() == ANY else name


def _request(
    body: Mapping[str, Any], base: FromText | None
) -> tuple[dict[str, Any], str, Wanted | None, list[Resource]]:
    """Return the request to a web UI, its path, the checkpoint and models with hashes that were stated beside it."""
    if body.get(PARAMETERS) is not None and body.get("payload") is not None:
        raise FieldError("payload", f"state either {PARAMETERS} or payload, not both")
    begin = dict(base.raw) if base is not None else {}
    if body.get(PARAMETERS) is not None:
        raw, stated, more = read_parameters(mapping(body[PARAMETERS], PARAMETERS))
        return _over(begin, raw), PARAMETERS, stated, more
    if body.get("payload") is not None:
        raw = mapping(body["payload"], "payload")
        if base is None and isinstance(raw.get("infotext"), str) and raw["infotext"].strip():
            base = read_infotext(raw["infotext"], "payload.infotext")
            begin = dict(base.raw)
        return _over(begin, raw), "payload", _checkpoint_of(base, raw), list(base.hints) if base else []
    raw = {name: value for name, value in body.items() if name not in _ENVELOPE}
    if base is None and not any(name in raw for name in ("prompt", SETTINGS, *IMAGES)):
        problem = "say what to make: generation_params, payload, infotext, or the fields of a txt2img request"
        raise FieldError(PARAMETERS, problem, missing=True)
    return _over(begin, raw), "", None, []


def _checkpoint_of(base: FromText | None, raw: Mapping[str, Any]) -> Wanted | None:
    """Return the checkpoint of a request's own infotext, where its settings name none."""
    settings = raw.get(SETTINGS)
    named = isinstance(settings, dict) and ("sd_model_checkpoint" in settings or "sd_checkpoint_hash" in settings)
    return None if base is None or named else base.wanted


def _over(base: dict[str, Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request with what is stated over what an infotext says."""
    merged = {**base, **{name: value for name, value in raw.items() if value is not None}}
    mine, theirs = base.get(SETTINGS), raw.get(SETTINGS)
    if isinstance(mine, dict) and isinstance(theirs, dict):
        merged[SETTINGS] = {**mine, **theirs}
    return merged


def _hints(body: Mapping[str, Any]) -> list[Resource]:
    """Return ``models``: what the one who submits knows of the hashes of what the request names."""
    stated = body.get("models")
    if stated is None:
        return []
    if not isinstance(stated, list) or len(stated) > MOST_HINTS:
        raise FieldError("models", f"must be a list of at most {MOST_HINTS} objects with role, name and hash")
    found = []
    for index, each in enumerate(stated):
        at = f"models[{index}]"
        item = mapping(each, at)
        try:
            role = fields.choice(item, "role", ROLES)
            name = fields.text(item, "name", NAME_CHARACTERS)
        except FieldError as error:
            raise error.below(at) from None
        if role is None or name is None:
            raise FieldError(f"{at}.{'name' if role else 'role'}", "this field is required", missing=True)
        hashes = read_hash(item.get("hash"), f"{at}.hash")
        found.append(Resource(role, name, hashes[0] if hashes else None, source="models"))
    return found


def _texts(payload: Payload) -> dict[str, str]:
    return {name: payload.values[name] for name in PROMPTS if payload.values.get(name)}


def _warnings(payload: Payload, base: FromText | None) -> list[Warned]:
    listed = []
    if payload.left_out:
        names = ", ".join(name[:100] for name in payload.left_out[:20])
        listed.append(Warned("left_out", f"left out, as no job may say it or no web UI knows it: {names}"))
    if base is not None and base.lost:
        names = ", ".join(base.lost[:20])
        listed.append(
            Warned("not_repeated", f"an infotext does not hold what these need, so the job is without them: {names}")
        )
    if payload.values.get("script_name"):
        listed.append(
            Warned("script", "a script may load models that nobody can check here; its images are checked afterwards")
        )
    return listed


def _not_loaded(asked: Iterable[Wanted], hints: Iterable[Resource]) -> list[Warned]:
    """Return a warning of LoRAs that an infotext lists and its prompt does not load, as of Civitai's own generator."""
    loras = [each for each in hints if each.role == roles.LORA and each.source != "models"]
    names = not_named(loras, asked)
    problem = (
        f"the infotext lists LoRAs that its prompt does not load: {names}; write <lora:name:weight> into the prompt"
    )
    return [Warned("not_repeated", problem)] if names else []


def _integer(body: Mapping[str, Any], name: str, low: int, high: int, default: int) -> int:
    value = body.get(name)
    read = None if value is None else integer(low, high)(value, name)
    return default if read is None else int(read)


def _record(body: Mapping[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = without_images(dict(body))
    for name, value in record.items():
        fields.kept_json(value, name[:100], MAX_RECORD_BYTES, 29)
    fields.kept_json(record, "body", MAX_RECORD_BYTES, 30)
    return json.loads(json.dumps(record))  # type: ignore[no-any-return] # a copy that nobody else changes


def _checkpoint_field(body: Mapping[str, Any]) -> str:
    if body.get(PARAMETERS) is not None:
        return f"{PARAMETERS}.checkpoint_name"
    where = "payload." if body.get("payload") is not None else ""
    return f"{where}{SETTINGS}.sd_model_checkpoint"
