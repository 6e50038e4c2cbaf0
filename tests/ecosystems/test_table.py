"""The table against an independent transcription of the document's TypeScript, over both Civitai files."""

import json
from itertools import product
from pathlib import Path
from typing import Any

from quartermaster.ecosystems.load import load
from quartermaster.ecosystems.model_types import MODEL_TYPES
from quartermaster.ecosystems.table import blocks


def raw(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


class Transcription:
    """``getGenerationSupport`` and its helpers, function by function, over the raw records and their numbers."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data

    def get_ecosystem(self, number: int) -> dict[str, Any]:
        return next(e for e in self.data["ecosystems"] if e["id"] == number)  # type: ignore[no-any-return] # raw JSON

    def get_ecosystem_for_group(self, group_id: int) -> dict[str, Any]:
        group = next(g for g in self.data["baseModelGroups"] if g["id"] == group_id)
        return self.get_ecosystem(group["ecosystemId"])

    def get_root_ecosystem(self, ecosystem: dict[str, Any]) -> dict[str, Any]:
        while "parentEcosystemId" in ecosystem:
            ecosystem = self.get_ecosystem(ecosystem["parentEcosystemId"])
        return ecosystem

    def get_ecosystem_support(self, number: int, support_type: str) -> dict[str, Any] | None:
        for row in self.data["ecosystemSupport"]:
            if row["ecosystemId"] == number and row["supportType"] == support_type:
                return row  # type: ignore[no-any-return] # raw JSON
        parent = self.get_ecosystem(number).get("parentEcosystemId")
        return None if parent is None else self.get_ecosystem_support(parent, support_type)

    def find_cross_rule(self, source: int, target: int, support_type: str, model_type: str) -> dict[str, Any] | None:
        for row in self.data["crossEcosystemRules"]:
            if row["sourceEcosystemId"] != source or row["targetEcosystemId"] != target:
                continue
            if row["supportType"] == support_type and model_type in row.get("modelTypes", [model_type]):
                return row  # type: ignore[no-any-return] # raw JSON
        return None

    def get_generation_support(
        self, checkpoint_group: int, addon_group: int, model_type: str, support_type: str = "generation"
    ) -> str:
        checkpoint = self.get_ecosystem_for_group(checkpoint_group)
        addon = self.get_ecosystem_for_group(addon_group)
        support = self.get_ecosystem_support(checkpoint["id"], support_type)
        if support is None or not support["enabled"] or model_type not in support["modelTypes"]:
            return "None"
        if checkpoint_group == addon_group:
            return "Full"
        if checkpoint["id"] == addon["id"]:
            return "Full"
        if self.get_root_ecosystem(checkpoint)["id"] == self.get_root_ecosystem(addon)["id"]:
            return "Partial"
        rule = self.find_cross_rule(addon["id"], checkpoint["id"], support_type, model_type)
        return rule["support"] if rule else "None"


def rows(path: Path, support_type: str) -> list[dict[str, str]]:
    lines = "".join(blocks(load(path), support_type, as_json=True)).splitlines()
    return [json.loads(line) for line in lines]


def test_the_table_is_the_documents_function_over_every_pair_and_type(civitai_file: Path) -> None:
    data = raw(civitai_file)
    transcription = Transcription(data)
    groups = {group["id"] for group in data["baseModelGroups"]}
    grades = {
        (one, other, name): transcription.get_generation_support(one, other, name)
        for one, other, name in product(groups, groups, MODEL_TYPES)
    }
    expected = [
        {"checkpoint": c["name"], "addon": a["name"], "type": name, "grade": grades[c["groupId"], a["groupId"], name]}
        for c, a, name in product(data["baseModels"], data["baseModels"], MODEL_TYPES)
    ]
    assert rows(civitai_file, "generation") == expected


def test_other_support_types_are_derived_alike(civitai_file: Path) -> None:
    data = raw(civitai_file)
    transcription = Transcription(data)
    numbers = {model["name"]: model["groupId"] for model in data["baseModels"]}
    for support_type in ("training", "auction"):
        table = rows(civitai_file, support_type)
        for row in table[:: 97 if len(table) > 97 else 1]:
            pair = numbers[row["checkpoint"]], numbers[row["addon"]]
            assert row["grade"] == transcription.get_generation_support(*pair, row["type"], support_type)


def test_the_table_has_every_row_once_hidden_ones_too(civitai_file: Path) -> None:
    count = len(raw(civitai_file)["baseModels"])
    table = rows(civitai_file, "generation")
    assert len(table) == count * count * 23
    assert len({(row["checkpoint"], row["addon"], row["type"]) for row in table}) == len(table)


def test_lines_for_a_person_hold_the_same(civitai_file: Path) -> None:
    catalogue = load(civitai_file)
    first = next(iter(blocks(catalogue, "generation", as_json=True))).splitlines()
    plain = next(iter(blocks(catalogue, "generation", as_json=False))).splitlines()
    assert [line.split("\t") for line in plain] == [list(json.loads(line).values()) for line in first]
