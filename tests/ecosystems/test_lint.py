"""Every kind of bad fact is found, with its file, record and field."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from quartermaster.ecosystems.errors import CatalogueError, Fault
from quartermaster.ecosystems.load import DEFAULT, DOCUMENT, check, from_document, load
from quartermaster.ecosystems.schema import SECTIONS

Change = Callable[[dict[str, Any]], None]


def put(section: str, row: dict[str, Any]) -> Change:
    return lambda raw: raw[section].append(row)


def change(section: str, index: int, **values: Any) -> Change:
    return lambda raw: raw[section][index].update(values)


def without(section: str, index: int, key: str) -> Change:
    return lambda raw: raw[section][index].pop(key)


def rule(source: str, target: str, **values: Any) -> dict[str, Any]:
    row = {"sourceEcosystem": source, "targetEcosystem": target, "supportType": "generation", "support": "Partial"}
    return {**row, "source": "s", **values}


def override(**values: Any) -> dict[str, Any]:
    return {"supportType": "generation", "enabled": False, "source": "s", **values}


SUPPORT = {"ecosystem": "Root", "supportType": "generation", "modelTypes": ["LORA"], "enabled": True, "source": "s"}
PAIR = {"checkpoint": {"group": "Root"}, "addon": {"group": "Alien"}, "supportType": "generation", "reason": "x"}
GOLD = {"key": "resources", "when": {"tier": ["gold"]}, "operation": "set", "value": 12, "source": "s"}
MODEL = {"name": "New", "type": "image", "group": "Root", "source": "s"}

BAD: dict[str, tuple[Change, str, str, str]] = {
    # unknown and missing keys, wrong values
    "unknown section": (lambda raw: raw.update(models=[]), "", "models", "is not a section"),
    "unknown key": (change("ecosystems", 0, colour="red"), "ecosystems[0] 'Root'", "colour", "is not a key"),
    "unknown key in an alias": (
        change("baseModels", 0, aliases=[{"name": "a", "source": "s", "x": 1}]),
        "baseModels[0] 'Root 1.0'",
        "aliases",
        "unknown key 'x'",
    ),
    "unknown setting": (
        change("ecosystemSettings", 0, defaults={"stepz": 4}),
        "ecosystemSettings[0]",
        "defaults",
        "unknown key 'stepz'",
    ),
    "a number as text": (
        change("ecosystemSettings", 0, defaults={"steps": "4"}),
        "ecosystemSettings[0]",
        "defaults",
        "steps must be int",
    ),
    "an infinite setting": (
        change("ecosystemSettings", 0, defaults={"cfg": float("inf")}),
        "ecosystemSettings[0]",
        "defaults",
        "that JSON can hold",
    ),
    "an infinite limit": (
        change("inputConstraints", 0, value=float("-inf")),
        "inputConstraints[0]",
        "value",
        "that JSON can hold",
    ),
    "missing key": (without("baseModels", 1, "group"), "baseModels[1] 'Child 1.0'", "group", "is missing"),
    "no source": (without("ecosystemSupport", 0, "source"), "ecosystemSupport[0]", "source", "is missing"),
    "no source of an alias": (
        change("baseModels", 0, aliases=[{"name": "a"}]),
        "baseModels[0] 'Root 1.0'",
        "aliases",
        "lacks the key 'source'",
    ),
    "not a model type": (
        change("ecosystemSupport", 0, modelTypes=["LORRA"]),
        "ecosystemSupport[0]",
        "modelTypes",
        "'LORRA' is not a model type",
    ),
    "a model type twice": (
        change("ecosystemSupport", 0, modelTypes=["LORA", "lora"]),
        "ecosystemSupport[0]",
        "modelTypes",
        "twice",
    ),
    "not a support type": (
        change("ecosystemSupport", 0, supportType="selling"),
        "ecosystemSupport[0]",
        "supportType",
        "must be one of",
    ),
    "not a medium": (change("baseModels", 0, type="smell"), "baseModels[0] 'Root 1.0'", "type", "must be one of"),
    "not a flag": (change("baseModels", 0, hidden="no"), "baseModels[0] 'Root 1.0'", "hidden", "true or false"),
    "not a record": (lambda raw: raw["baseModels"].append("x"), "baseModels[4]", "", "must be an object"),
    "not a list": (lambda raw: raw.update(baseModels={}), "baseModels", "", "must be a list"),
    "two targets": (
        put("supportOverrides", override(group="Root", ecosystem="Root")),
        "supportOverrides[0]",
        "ecosystem, group",
        "exactly one",
    ),
    "no target": (put("supportOverrides", override()), "supportOverrides[0]", "ecosystem", "exactly one"),
    "control character": (change("ecosystems", 3, name="A\x1b[0m"), "ecosystems[3] 'A\\x1b[0m'", "name", "control"),
    "not a version": (
        lambda raw: raw["catalogue"].update(version="new"),
        "catalogue",
        "name, version",
        "numbers with dots",
    ),
    # dangling references
    "dangling parent": (
        change("ecosystems", 1, parentEcosystem="Rood"),
        "ecosystems[1] 'Child'",
        "parentEcosystem",
        "'Rood' is not in ecosystems",
    ),
    "reference in another case": (
        change("ecosystems", 1, parentEcosystem="root"),
        "ecosystems[1] 'Child'",
        "parentEcosystem",
        "did you mean 'Root'",
    ),
    "dangling group": (change("baseModels", 0, group="X"), "baseModels[0] 'Root 1.0'", "group", "baseModelGroups"),
    "dangling ecosystem of a group": (
        change("baseModelGroups", 0, ecosystem="X"),
        "baseModelGroups[0] 'Root'",
        "ecosystem",
        "not in ecosystems",
    ),
    "dangling rule": (
        put("crossEcosystemRules", rule("X", "Root")),
        "crossEcosystemRules[1]",
        "sourceEcosystem",
        "not in ecosystems",
    ),
    "dangling override": (
        put("supportOverrides", override(baseModel="X")),
        "supportOverrides[0]",
        "baseModel",
        "not in baseModels",
    ),
    "dangling runtime": (
        put("runtimeSupport", {"runtime": "x", "ecosystem": "Root", "modelTypes": [], "source": "s"}),
        "runtimeSupport[1]",
        "runtime",
        "not in runtimes",
    ),
    "dangling exception": (
        put("exceptions", {**PAIR, "addon": {"baseModel": "X"}, "grade": "None", "source": "s"}),
        "exceptions[0]",
        "addon",
        "not in baseModels",
    ),
    "dangling source": (
        change("ecosystems", 0, source="hearsay"),
        "ecosystems[0] 'Root'",
        "source",
        "not in sources and not an https address",
    ),
    "dangling source of an alias": (
        change("baseModels", 0, aliases=[{"name": "a", "source": "hearsay"}]),
        "baseModels[0] 'Root 1.0'",
        "aliases",
        "not in sources",
    ),
    # cycles
    "own parent": (
        change("ecosystems", 3, parentEcosystem="Alien"),
        "ecosystems[3] 'Alien'",
        "parentEcosystem",
        "Alien -> Alien",
    ),
    "cycle of two": (
        change("ecosystems", 0, parentEcosystem="Child"),
        "ecosystems[0] 'Root'",
        "parentEcosystem",
        "Root -> Child -> Root",
    ),
    "a family of many generations": (
        lambda raw: raw["ecosystems"].extend(
            {"name": f"G{n}", "parentEcosystem": f"G{n - 1}" if n else "Child", "source": "s"} for n in range(40)
        ),
        "ecosystems[43] 'G39'",
        "parentEcosystem",
        "more than 32 generations",
    ),
    # duplicate names
    "ecosystem twice": (
        put("ecosystems", {"name": "ROOT", "source": "s"}),
        "ecosystems[4] 'ROOT'",
        "name",
        "is taken by",
    ),
    "base model twice": (put("baseModels", {**MODEL, "name": "root 1.0"}), "baseModels[4] 'root 1.0'", "name", "taken"),
    "group twice": (
        put("baseModelGroups", {"name": "root", "ecosystem": "Root", "source": "s"}),
        "baseModelGroups[4] 'root'",
        "name",
        "taken",
    ),
    "an alias that is a name": (
        put("baseModels", {**MODEL, "aliases": [{"name": "CHILD 1.0", "source": "s"}]}),
        "baseModels[4] 'New'",
        "aliases",
        "'CHILD 1.0' is taken by",
    ),
    "an alias twice in a record": (
        put("baseModels", {**MODEL, "aliases": [{"name": "n", "source": "s"}, {"name": "N", "source": "s"}]}),
        "baseModels[4] 'New'",
        "aliases",
        "twice",
    ),
    "an alias that is the record's own name": (
        put("baseModels", {**MODEL, "aliases": [{"name": "new", "source": "s"}]}),
        "baseModels[4] 'New'",
        "aliases",
        "taken",
    ),
    # contradictions
    "support twice": (put("ecosystemSupport", SUPPORT), "ecosystemSupport[2]", "supportType", "says it already"),
    "setting twice": (
        put("ecosystemSettings", {"ecosystem": "Root", "defaults": {"width": 1}, "source": "s"}),
        "ecosystemSettings[1]",
        "defaults",
        "(width)",
    ),
    "rule twice": (
        put("crossEcosystemRules", rule("Alien", "Root", modelTypes=["VAE", "LORA"])),
        "crossEcosystemRules[1]",
        "modelTypes",
        "(LORA)",
    ),
    "override twice": (
        lambda raw: raw["supportOverrides"].extend([override(group="Root"), override(group="Root", enabled=True)]),
        "supportOverrides[1]",
        "modelTypes",
        "says it already",
    ),
    "exception twice": (
        lambda raw: raw["exceptions"].extend([{**PAIR, "grade": "None", "source": "s"}] * 2),
        "exceptions[1]",
        "modelTypes",
        "says it already",
    ),
    "runtime row twice": (
        put("runtimeSupport", {"runtime": "forge", "ecosystem": "Root", "modelTypes": [], "source": "s"}),
        "runtimeSupport[1]",
        "runtime",
        "says it already",
    ),
    "modifier twice": (put("constraintModifiers", GOLD), "constraintModifiers[1]", "when", "says it already"),
    # what nothing can reach
    "rule within one ecosystem": (
        put("crossEcosystemRules", rule("Root", "Root")),
        "crossEcosystemRules[1]",
        "sourceEcosystem",
        "nothing can reach",
    ),
    "rule within an inferred family": (
        put("crossEcosystemRules", rule("Child", "Sibling", modelTypes=["LORA"])),
        "crossEcosystemRules[1]",
        "targetEcosystem",
        "relations: explicit",
    ),
    "rule for a type that its target does not support": (
        put("crossEcosystemRules", rule("Alien", "Child", modelTypes=["TextualInversion"])),
        "crossEcosystemRules[1]",
        "modelTypes",
        "Child supports TextualInversion neither",
    ),
    "rule for an ecosystem without support": (
        put("crossEcosystemRules", rule("Root", "Alien")),
        "crossEcosystemRules[1]",
        "modelTypes",
        "nothing can reach",
    ),
    "exception for a type that its checkpoint does not support": (
        put("exceptions", {**PAIR, "modelTypes": ["Poses"], "grade": "Full", "source": "s"}),
        "exceptions[0]",
        "modelTypes",
        "Root supports Poses neither",
    ),
    "exception for no type": (
        put("exceptions", {**PAIR, "modelTypes": [], "grade": "Full", "source": "s"}),
        "exceptions[0]",
        "modelTypes",
        "nothing can reach",
    ),
    "rule for no type": (
        put("crossEcosystemRules", rule("Alien", "Sibling", modelTypes=[])),
        "crossEcosystemRules[1]",
        "modelTypes",
        "nothing can reach",
    ),
    "override for no type": (
        put("supportOverrides", override(group="Root", modelTypes=[])),
        "supportOverrides[0]",
        "modelTypes",
        "nothing can reach",
    ),
    "modifier of no constraint": (
        put("constraintModifiers", {**GOLD, "key": "pixels"}),
        "constraintModifiers[1]",
        "key",
        "no constraint is named 'pixels'",
    ),
}


def faults(raw: dict[str, Any]) -> tuple[Fault, ...]:
    with pytest.raises(CatalogueError) as caught:
        from_document(raw, "small.json")
    assert str(caught.value).startswith("small.json")
    return caught.value.faults


def test_the_small_catalogue_is_good(small: dict[str, Any]) -> None:
    assert from_document(small).warnings == ()


@pytest.mark.parametrize("case", sorted(BAD))
def test_a_bad_fact_is_found_at_its_place(small: dict[str, Any], case: str) -> None:
    spoil, record, field, problem = BAD[case]
    raw = copy.deepcopy(small)
    spoil(raw)
    found = [fault for fault in faults(raw) if (fault.file, fault.record, fault.field) == ("small.json", record, field)]
    assert found, [str(fault) for fault in faults(raw)]
    assert problem in found[0].problem


def test_a_rule_is_reached_through_a_grant_or_a_runtime(small: dict[str, Any]) -> None:
    small["crossEcosystemRules"] += [rule("Root", "Alien", modelTypes=["VAE"])]
    granted = copy.deepcopy(small)
    granted["supportOverrides"] += [override(baseModel="Alien 1.0", modelTypes=["VAE"], enabled=True)]
    assert from_document(granted).warnings == ()
    small["runtimeSupport"] += [{"runtime": "forge", "ecosystem": "Alien", "modelTypes": ["VAE"], "source": "s"}]
    assert from_document(small).warnings == ()


def test_a_rule_within_an_explicit_family_is_reached(small: dict[str, Any]) -> None:
    small["ecosystems"][0]["relations"] = "explicit"
    small["crossEcosystemRules"] += [rule("Child", "Sibling", modelTypes=["LORA"])]
    assert from_document(small).verdict("Sibling 1.0", "Child 1.0", "LORA").grade == "Partial"


def test_all_faults_are_told_at_once(small: dict[str, Any]) -> None:
    small["ecosystems"][0]["colour"] = "red"
    small["baseModels"][0]["hidden"] = 1
    assert len(faults(small)) >= 2


@pytest.mark.parametrize("folder", [DEFAULT, DOCUMENT])
def test_the_shipped_catalogues_have_no_fault(folder: Path) -> None:
    assert check(folder) == []


def test_a_civitai_file_has_no_error(civitai_file: Path) -> None:
    assert {fault.level for fault in check(civitai_file)} <= {"warning"}


def test_civitais_rules_within_families_are_warned_of(civitai_file: Path) -> None:
    warnings = load(civitai_file).warnings
    assert len(warnings) == (15 if "2026" in civitai_file.name else 0)
    assert all("Partial by their family tree" in warning.problem for warning in warnings)


def test_every_section_of_the_schema_has_a_bad_case() -> None:
    spoilt = {record.partition("[")[0] for _, record, _, _ in BAD.values()}
    assert set(SECTIONS) - spoilt <= {"sources", "runtimes"}


def test_a_files_name_cannot_break_the_line_of_its_fault(tmp_path: Path) -> None:
    (tmp_path / "a\nerror: b\x1b[0m.json").write_text("[]", encoding="utf-8")
    (fault,) = check(tmp_path)
    assert str(fault) == "a\\nerror: b\\x1b[0m.json: must be an object of sections"


def test_faults_of_several_files_name_each(tmp_path: Path, small: dict[str, Any]) -> None:
    head = {key: small.pop(key) for key in ("catalogue", "sources")}
    small["ecosystems"][0]["colour"] = "red"
    (tmp_path / "a.json").write_text(json.dumps(head), encoding="utf-8")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.json").write_text(json.dumps(small), encoding="utf-8")
    (tmp_path / "c.json").write_text("{", encoding="utf-8")
    found = check(tmp_path)
    assert {Path(fault.file).name for fault in found} == {"b.json", "c.json"}
    assert any(fault.file == "sub/b.json" for fault in found)
