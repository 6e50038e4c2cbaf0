"""Files in the document's own schema: numbers become names, and bad numbers are told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from quartermaster.ecosystems.errors import CatalogueError
from quartermaster.ecosystems.load import check, load


@pytest.fixture
def records() -> dict[str, Any]:
    return {
        "source": {"repo": "civitai/civitai", "date": "2025-12-23", "commit": "0" * 40},
        "conversion": {"anything": ["goes"]},
        "ecosystems": [{"id": 3, "name": "SDXL"}, {"id": 10, "name": "Pony", "parentEcosystemId": 3}],
        "ecosystemSupport": [{"ecosystemId": 3, "supportType": "generation", "modelTypes": ["LORA"], "enabled": True}],
        "ecosystemSettings": [{"ecosystemId": 3, "defaults": {"width": 1024}}, {"ecosystemId": 10}],
        "crossEcosystemRules": [],
        "supportOverrides": [{"baseModelId": 7, "supportType": "generation", "enabled": False}],
        "baseModelGroups": [{"id": 3, "name": "SDXL", "ecosystemId": 3}, {"id": 10, "name": "Pony", "ecosystemId": 10}],
        "baseModels": [
            {"id": 1, "name": "SDXL 1.0", "type": "image", "groupId": 3},
            {"id": 7, "name": "Pony", "type": "image", "groupId": 10},
        ],
    }


def written(tmp_path: Path, records: dict[str, Any]) -> Path:
    path = tmp_path / "records.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def test_numbers_become_names(tmp_path: Path, records: dict[str, Any]) -> None:
    catalogue = load(written(tmp_path, records))
    assert (catalogue.name, catalogue.version) == ("records", "2025-12-23")
    assert catalogue.root("Pony").name == "SDXL"
    assert catalogue.verdict("Pony", "Pony", "LORA").grade == "None"
    assert catalogue.verdict("SDXL 1.0", "SDXL 1.0", "LORA").grade == "Full"
    assert catalogue.setting("Pony", "width") == (1024, "SDXL")


def test_omitted_model_types_of_a_rule_mean_all_that_are_supported(tmp_path: Path, records: dict[str, Any]) -> None:
    records["ecosystems"].append({"id": 1, "name": "SD1"})
    rule = {"sourceEcosystemId": 1, "targetEcosystemId": 3, "supportType": "generation", "support": "Partial"}
    records["crossEcosystemRules"].append(rule)
    catalogue = load(written(tmp_path, records))
    assert catalogue.verdict("SDXL 1.0", "SD1", "LORA").grade == "Partial"
    assert catalogue.verdict("SDXL 1.0", "SD1", "VAE").grade == "None"


BAD: dict[str, tuple[Callable[[dict[str, Any]], Any], str, str, str]] = {
    "dangling parent": (
        lambda raw: raw["ecosystems"][1].update(parentEcosystemId=99),
        "ecosystems[1] 'Pony'",
        "parentEcosystemId",
        "no record of ecosystems has the id 99",
    ),
    "dangling group": (
        lambda raw: raw["baseModels"][0].update(groupId=99),
        "baseModels[0] 'SDXL 1.0'",
        "groupId",
        "no record of baseModelGroups has the id 99",
    ),
    "dangling override": (
        lambda raw: raw["supportOverrides"][0].update(baseModelId=99),
        "supportOverrides[0]",
        "baseModelId",
        "no record of baseModels has the id 99",
    ),
    "number as text": (
        lambda raw: raw["ecosystemSupport"][0].update(ecosystemId="3"),
        "ecosystemSupport[0]",
        "ecosystemId",
        "must be a whole number",
    ),
    "id twice": (
        lambda raw: raw["ecosystems"][1].update(id=3),
        "ecosystems[1] 'Pony'",
        "id",
        "3 is 'SDXL' already",
    ),
    "no id": (lambda raw: raw["baseModels"][1].pop("id"), "baseModels[1] 'Pony'", "id", "is missing"),
    "no group": (lambda raw: raw["baseModels"][1].pop("groupId"), "baseModels[1] 'Pony'", "group", "is missing"),
    "name twice": (
        lambda raw: raw["baseModels"][1].update(name="sdxl 1.0"),
        "baseModels[1] 'sdxl 1.0'",
        "name",
        "is taken",
    ),
    "unknown key": (
        lambda raw: raw["ecosystems"][0].update(parent=3),
        "ecosystems[0] 'SDXL'",
        "parent",
        "is not a key",
    ),
    "our key": (
        lambda raw: raw["ecosystems"][1].update(parentEcosystem="SDXL"),
        "ecosystems[1] 'Pony'",
        "parentEcosystem",
        "the document's schema has parentEcosystemId",
    ),
    "unknown section": (lambda raw: raw.update(runtimes=[]), "", "runtimes", "not a section of the document's schema"),
    "cycle": (
        lambda raw: raw["ecosystems"][0].update(parentEcosystemId=10),
        "ecosystems[0] 'SDXL'",
        "parentEcosystem",
        "SDXL -> Pony -> SDXL",
    ),
    "unreachable rule": (
        lambda raw: raw["crossEcosystemRules"].append(
            {
                "sourceEcosystemId": 3,
                "targetEcosystemId": 10,
                "supportType": "generation",
                "modelTypes": ["VAE"],
                "support": "Partial",
            }
        ),
        "crossEcosystemRules[0]",
        "modelTypes",
        "nothing can reach the rule",
    ),
}


@pytest.mark.parametrize("case", sorted(BAD))
def test_a_bad_fact_is_found_at_its_place(tmp_path: Path, records: dict[str, Any], case: str) -> None:
    spoil, record, field, problem = BAD[case]
    spoil(records)
    path = written(tmp_path, records)
    found = [fault for fault in check(path) if (fault.record, fault.field) == (record, field)]
    assert found, [str(fault) for fault in check(path)]
    assert problem in found[0].problem
    with pytest.raises(CatalogueError, match=r"records\.json"):
        load(path)
