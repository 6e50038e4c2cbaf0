"""The document's ``getGenerationSupport``, literally: inherited support, no overrides, no runtime, no exceptions.

Of one pair of base models only their groups and ecosystems matter, so rows are put together from parts: 225,423 rows
cost little more than printing them.
"""

import json
from collections.abc import Iterator

from . import records as r
from .lookups import Lookups
from .model_types import MODEL_TYPES


def literal_grade(
    catalogue: Lookups, checkpoint: r.EcosystemRecord, addon: r.EcosystemRecord, model_type: str, support_type: str
) -> str:
    """Return the grade that the document's function gives for two ecosystems.

    It takes groups, but asks them for nothing else than their ecosystem: two base models of one group have one
    ecosystem, so "same group" and "same ecosystem" are the same answer.
    """
    support = catalogue.inherited_support(checkpoint.name, support_type)
    if support is None or not support.enabled or model_type not in support.model_types:
        return r.NONE
    if checkpoint is addon:
        return r.FULL
    if catalogue.root(checkpoint.name) is catalogue.root(addon.name):
        return r.PARTIAL
    rule = catalogue.cross_rule(addon.name, checkpoint.name, support_type, model_type)
    return rule.support if rule else r.NONE


def blocks(catalogue: Lookups, support_type: str, *, as_json: bool) -> Iterator[str]:
    """Yield the table in blocks of whole lines, one block per checkpoint base model.

    Rows stand in the order of the checkpoint, then of the add-on (both as in the catalogue, hidden ones too), then of
    ``MODEL_TYPES``. A line is JSON, or the four values with tabs between them.
    """
    write = _json_part if as_json else _tab_part
    ecosystems = {name: catalogue.ecosystem_of(model) for name, model in catalogue.base_models.items()}
    tails: dict[tuple[str, str], tuple[str, ...]] = {}
    for checkpoint, mine in ecosystems.items():
        head = write("checkpoint", checkpoint)
        parts: list[str] = []
        for addon, other in ecosystems.items():
            pair = (mine.name, other.name)
            tail = tails.get(pair)
            if tail is None:
                tail = tails[pair] = tuple(
                    write("type", name) + write("grade", literal_grade(catalogue, mine, other, name, support_type))
                    for name in MODEL_TYPES
                )
            start = head + write("addon", addon)
            parts += [start + end for end in tail]
        yield "".join(parts)


_JSON = {"checkpoint": "{", "addon": "", "type": "", "grade": ""}


def _json_part(key: str, value: str) -> str:
    end = "}\n" if key == "grade" else ", "
    return f"{_JSON[key]}{json.dumps(key)}: {json.dumps(value)}{end}"


def _tab_part(key: str, value: str) -> str:
    return value + ("\n" if key == "grade" else "\t")
