"""The verbose configuration, there and back."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quartermaster.ecosystems import document_schema
from quartermaster.ecosystems.catalogue import Catalogue
from quartermaster.ecosystems.compact import compact
from quartermaster.ecosystems.errors import CatalogueError, LegacyError
from quartermaster.ecosystems.expand import expand
from quartermaster.ecosystems.legacy import read_legacy
from quartermaster.ecosystems.load import load, load_default

Meaning = dict[str, dict[str, set[tuple[str, str]]]]


def meaning(entries: list[dict[str, Any]]) -> Meaning:
    """Return what a configuration says, read here without the product's reader."""
    result: Meaning = {}
    for entry in entries:
        group = result.setdefault(entry["group"], {"support": set(), "partialSupport": set()})
        for key, cells in group.items():
            for block in entry.get(key, []):
                cells |= {(name, model) for name in block["modelTypes"] for model in block["baseModels"]}
    return result


def back(document: dict[str, Any]) -> list[dict[str, Any]]:
    return expand(Catalogue(document_schema.read(json.loads(json.dumps(document)), "records.json")))


# In the manner of Civitai's old configuration: what no rule expresses is in it too (a base model that is Full in two
# groups, one of four SD 1 models, types that differ between siblings).
OLD: list[dict[str, Any]] = [
    {
        "group": "SD1",
        "support": [{"modelTypes": ["Checkpoint", "LORA", "TextualInversion"], "baseModels": ["SD 1.4", "SD 1.5"]}],
    },
    {
        "group": "SDXL",
        "support": [{"modelTypes": ["Checkpoint", "LORA", "VAE", "TextualInversion"], "baseModels": ["SDXL 1.0"]}],
        "partialSupport": [
            {"modelTypes": ["TextualInversion"], "baseModels": ["SD 1.5"]},
            {"modelTypes": ["LORA", "VAE", "TextualInversion"], "baseModels": ["Pony", "Illustrious"]},
        ],
    },
    {
        "group": "Pony",
        "support": [{"modelTypes": ["Checkpoint", "LORA", "VAE", "TextualInversion"], "baseModels": ["Pony"]}],
        "partialSupport": [
            {"modelTypes": ["LORA", "TextualInversion"], "baseModels": ["SDXL 1.0", "Illustrious"]},
            {"modelTypes": ["VAE"], "baseModels": ["SDXL 1.0"]},
        ],
    },
    {
        "group": "Flux1",
        "support": [
            {"modelTypes": ["Checkpoint", "LORA"], "baseModels": ["Flux.1 S", "Flux.1 D"]},
            {"modelTypes": ["Checkpoint", "LORA"], "baseModels": ["Flux.1 Krea"]},
        ],
    },
    {
        "group": "FluxKrea",
        "support": [{"modelTypes": ["Checkpoint", "LORA"], "baseModels": ["Flux.1 Krea", "Flux.1 D"]}],
    },
    {"group": "Empty", "support": []},
]


A = {"modelTypes": ["lora", "Checkpoint"], "baseModels": ["A 2", "A 1"]}
"""Types and base models in another order and spelling than ``expand`` writes them."""


@pytest.mark.parametrize("hierarchy", [True, False])
def test_expand_after_compact_gives_the_original_back(hierarchy: bool) -> None:
    result = compact(read_legacy(OLD), load_default() if hierarchy else None)
    assert json.dumps(back(result.document)) == json.dumps(OLD), "to the order of its keys"
    assert result.exceptions > 0


def test_only_what_is_laid_out_otherwise_is_kept_as_it_was_written() -> None:
    layout = compact(read_legacy(OLD), load_default()).document["layout"]
    assert [item if isinstance(item, str) else item["group"] for item in layout] == [entry["group"] for entry in OLD]
    assert "SD1" in layout and "Empty" in layout, "these are written as expand writes them"
    assert OLD[3] in layout, "two lists of equal types, which expand would gather into one"


@pytest.mark.parametrize(
    "entries",
    [
        [{"group": "A", "support": [], "partialSupport": []}],
        [{"group": "A"}],
        [{"group": "A", "partialSupport": []}, {"support": [], "group": "B"}],
        [{"group": "A", "support": [A]}],
        [{"group": "A", "support": [A, A]}],
        [{"group": "A", "support": [{"modelTypes": ["LORA", "LORA"], "baseModels": ["A 1", "A 1"]}]}],
        [{"group": "A", "support": [{"modelTypes": [], "baseModels": ["A 1"]}, {"baseModels": [], "modelTypes": []}]}],
        [{"group": "A", "support": [A], "partialSupport": [A]}],
        [{"group": "A", "support": [A]}, {"group": "B", "support": []}, {"group": "A", "partialSupport": [A]}],
        [{"group": "B", "support": [A]}, {"group": "A", "support": [A]}],
    ],
    ids=range(10),
)
def test_nothing_about_how_it_was_written_is_lost(entries: list[dict[str, Any]]) -> None:
    assert json.dumps(back(compact(read_legacy(entries)).document)) == json.dumps(entries)


def test_a_layout_arranges_what_the_records_say_and_says_nothing_itself() -> None:
    legacy = [{"group": "A", "support": [A], "partialSupport": []}]
    document = compact(read_legacy(legacy)).document
    assert document["layout"] == legacy
    document["baseModels"].append({"id": 3, "name": "A 3", "type": "image", "groupId": 1})
    added = {"modelTypes": ["Checkpoint", "LORA"], "baseModels": ["A 3"]}
    assert back(document) == [{"group": "A", "support": [A, added], "partialSupport": []}]
    document["supportOverrides"].append(
        {"baseModelId": 1, "supportType": "generation", "modelTypes": ["LORA"], "enabled": False}
    )
    split = [
        {"modelTypes": ["Checkpoint"], "baseModels": ["A 2"]},
        {"modelTypes": ["Checkpoint", "LORA"], "baseModels": ["A 1"]},
    ]
    assert back(document) == [{"group": "A", "support": [*split, added], "partialSupport": []}]
    document["ecosystemSupport"][0]["enabled"] = False
    assert back(document) == []


@pytest.mark.parametrize(
    ("layout", "problem"),
    [
        ({}, "must be a list of groups"),
        ([5], r"layout\[0\] is not an object"),
        (["A", {"group": "A", "support": [{}]}], r"layout\[1\]\.support\[0\] is not an object with"),
    ],
)
def test_a_layout_that_is_none_is_a_fault(layout: Any, problem: str) -> None:
    document = {**compact(read_legacy(OLD)).document, "layout": layout}
    with pytest.raises(CatalogueError, match=problem):
        back(document)


def test_the_report_says_what_became_of_every_list() -> None:
    result = compact(read_legacy(OLD), load_default())
    assert [item["entry"] for item in result.report] == [
        f"{entry['group']}.{key}[{index}]"
        for entry in OLD
        for key in ("support", "partialSupport")
        for index in range(len(entry.get(key, [])))
    ] + ["Empty"]
    for item in result.report:
        assert sum(item["became"].values()) == item["cells"]
    by_entry = {item["entry"]: item["became"] for item in result.report}
    assert by_entry["SD1.support[0]"] == {"support definition": 6}
    assert by_entry["Flux1.support[1]"] == {"exception": 2}
    assert by_entry["Empty"] == {}


def test_the_report_tells_a_group_that_stands_twice_apart() -> None:
    legacy = [{"group": "A", "support": [A]}, {"group": "B", "support": []}, {"group": "A", "support": [A]}]
    report = compact(read_legacy(legacy)).report
    assert [item["entry"] for item in report] == ["A.support[0]", "B", "[2] A.support[0]"]


def test_compacting_the_expanded_civitai_file_needs_no_exception(civitai_file: Path) -> None:
    source = load(civitai_file)
    expanded = expand(source)
    for hierarchy in (source, load_default()):
        result = compact(read_legacy(expanded), hierarchy)
        assert result.document["exceptions"] == []
        assert "layout" not in result.document
        assert back(result.document) == expanded
        for section in ("ecosystemSupport", "crossEcosystemRules", "supportOverrides"):
            rows = [row for row in source.facts.all(section) if row.support_type == "generation"]
            assert len(result.document[section]) <= len(rows), section


def test_without_a_hierarchy_the_families_become_rules(civitai_file: Path) -> None:
    expanded = expand(load(civitai_file))
    result = compact(read_legacy(expanded), None)
    assert result.document["exceptions"] == []
    assert not any("parentEcosystemId" in row for row in result.document["ecosystems"])
    assert meaning(back(result.document)) == meaning(expanded)


def test_expand_follows_the_overrides(civitai_file: Path) -> None:
    said = meaning(expand(load(civitai_file)))
    assert ("LORA", "SDXL Turbo") not in said["SDXL"]["support"]
    assert ("LORA", "SDXL Hyper") in said["SDXL"]["support"]
    assert ("TextualInversion", "SD 1.5") in said["SDXL"]["partialSupport"]
    assert "SD3" not in said, "it has no generation support"


def test_a_base_model_that_works_with_nothing_becomes_an_override() -> None:
    legacy = [
        {
            "group": "A",
            "support": [
                {"modelTypes": ["LORA", "VAE"], "baseModels": ["A 1"]},
                {"modelTypes": ["LORA"], "baseModels": ["A 2"]},
            ],
        }
    ]
    document = compact(read_legacy(legacy)).document
    assert document["supportOverrides"] == [
        {"baseModelId": 2, "supportType": "generation", "modelTypes": ["VAE"], "enabled": False}
    ]
    assert document["exceptions"] == []


def test_a_family_whose_relations_are_not_the_inferred_ones_becomes_explicit_or_none() -> None:
    types = ["Checkpoint", "LORA"]
    klein = [f"Flux2Klein_{size}" for size in ("9B", "9B_base", "4B", "4B_base")]
    names = dict(zip(klein, ["9B", "9B-base", "4B", "4B-base"], strict=True))
    legacy = [{"group": "Flux2", "support": [{"modelTypes": types, "baseModels": ["Flux.2 D"]}]}]
    legacy += [
        {"group": group, "support": [{"modelTypes": types, "baseModels": [f"Flux.2 Klein {name}"]}]}
        for group, name in names.items()
    ]
    result = compact(read_legacy(legacy), load_default())
    assert result.exceptions == 0
    assert result.document["crossEcosystemRules"] == []
    assert meaning(back(result.document)) == meaning(legacy)


TYPES = st.lists(st.sampled_from(["Checkpoint", "LORA", "VAE", "TextualInversion"]), max_size=3)
MODELS = st.lists(
    st.sampled_from(["SD 1.5", "SDXL 1.0", "Pony", "Illustrious", "Flux.1 D", "Flux.1 Krea", "Made Up", "SDXL"]),
    max_size=4,
)
BLOCKS = st.lists(st.fixed_dictionaries({"modelTypes": TYPES, "baseModels": MODELS}), max_size=3)
ENTRIES = st.lists(
    st.fixed_dictionaries(
        {
            "group": st.sampled_from(["SD1", "SDXL", "Pony", "Illustrious", "Flux1", "FluxKrea", "Made Up", "Fresh"]),
            "support": BLOCKS,
        },
        optional={"partialSupport": BLOCKS},
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(ENTRIES, st.booleans())
def test_any_configuration_comes_back(entries: list[dict[str, Any]], hierarchy: bool) -> None:
    result = compact(read_legacy(entries), load_default() if hierarchy else None)
    expanded = back(result.document)
    assert json.dumps(expanded) == json.dumps(entries)
    assert meaning(expand(Catalogue(document_schema.read({**result.document, "layout": []}, "x")))) == meaning(entries)


@pytest.mark.parametrize(
    ("legacy", "message"),
    [
        ({}, "is a list of groups"),
        ([1], r"\[0\] is not an object"),
        ([{"support": []}], r"\[0\]\.group"),
        ([{"group": "A", "supports": []}], r"\[0\] has the unknown key 'supports'"),
        ([{"group": "A", "support": {}}], r"\[0\]\.support is not a list"),
        ([{"group": "A", "support": [{"modelTypes": []}]}], r"\[0\]\.support\[0\] is not an object with"),
        ([{"group": "A", "support": [{"modelTypes": ["X"], "baseModels": []}]}], "'X' is not a model type"),
        ([{"group": "A", "support": [{"modelTypes": [], "baseModels": [1]}]}], "'1' is not a name"),
        ([{"group": "A", "support": [{"modelTypes": "LORA", "baseModels": []}]}], "modelTypes is not a list"),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_place(legacy: Any, message: str) -> None:
    with pytest.raises(LegacyError, match=message):
        read_legacy(legacy)


def test_a_configuration_without_groups_is_refused() -> None:
    with pytest.raises(LegacyError, match="no group"):
        compact(read_legacy([]))


def test_names_that_differ_in_case_only_are_refused() -> None:
    with pytest.raises(LegacyError, match="differ only in the case"):
        compact(read_legacy([{"group": "sdxl", "support": []}, {"group": "SDXL", "support": []}]))


def test_a_group_that_stands_twice_counts_once_with_all_it_says() -> None:
    block = {"modelTypes": ["LORA"], "baseModels": ["A 1"]}
    legacy = [{"group": "A", "support": [block]}, {"group": "A", "support": [{**block, "modelTypes": ["VAE"]}]}]
    assert meaning(back(compact(read_legacy(legacy)).document)) == meaning(legacy)
