"""One model's page: what is shown of evidence and metadata is bounded, whatever came in."""

import json
from typing import Any

import pytest
from quartermaster.hub.pages import model_view as view
from quartermaster.hub.pages.model_view import Node


def nodes(node: Node) -> int:
    return 1 + sum(nodes(part) for part in node.parts)


def test_evidence_is_told_in_words() -> None:
    (one,), more = view.statements(
        [{"witness": "layout", "says": "an SDXL UNet", "weight": 0.95, "proves": ["Pony", "SDXL"]}]
    )
    assert (one.who, one.says, one.strength) == ("The tensors in the file", "an SDXL UNet", "proves it")
    assert one.claims == ("Pony", "SDXL")
    assert more == 0


@pytest.mark.parametrize(
    "told",
    [None, 7, {}, [None], [7], ["text"], [[]], [{}], [{"witness": 7}], [{"witness": "x", "claims": "y", "weight": "z"}],
     [{"witness": "layout", "weight": True, "proves": [None, {}, []]}], [{"says": {"a": [1]}}]],
)  # fmt: skip
def test_evidence_of_any_form_is_shown(told: object) -> None:
    shown, _ = view.statements(told)
    assert all(isinstance(one.says, str) and one.who for one in shown)


def test_long_evidence_is_cut_and_says_so() -> None:
    many = [{"witness": "name", "says": "x" * 60_000, "claims": [str(number) for number in range(500)]}] * 900
    shown, more = view.statements(many)
    assert len(shown) + more == 900
    assert len(shown[0].says) == view.MAX_TEXT
    assert len(shown[0].claims) + shown[0].more_claims == 500


def test_metadata_is_a_tree_in_which_texts_that_hold_json_are_opened() -> None:
    tags = {"1_fox": {"fox": 12, "snow": 3}}
    found = view.tree({"ss_tag_frequency": json.dumps(tags), "ss_epoch": "10", "flags": [True, None]})
    assert [(part.name, part.text or part.kind) for part in found.parts] == [
        ("ss_tag_frequency", "1 entry"),
        ("ss_epoch", "10"),
        ("flags", "2 values"),
    ]
    assert [part.name for part in found.parts[0].parts[0].parts] == ["fox", "snow"]
    assert [part.text for part in found.parts[2].parts] == ["true", "null"]


def wide() -> Any:
    return {f"key {number}": {"a": number, "b": "y" * 300} for number in range(10_000)}


def deep() -> Any:
    value: Any = "end"
    for _ in range(25):
        value = {"in": value}
    return value


@pytest.mark.parametrize(
    "metadata",
    [wide(), deep(), {"list": list(range(100_000))}, {"text": "[" * 50_000 + "]" * 50_000}],
    ids=list("abcd"),
)
def test_four_megabytes_of_metadata_are_a_bounded_page(metadata: Any) -> None:
    found = view.tree(metadata)
    assert nodes(found) <= view.MAX_NODES

    def everything(node: Node) -> list[Node]:
        return [node, *(below for part in node.parts for below in everything(part))]

    assert sum(len(node.text) + len(node.name) for node in everything(found)) < view.MAX_NODES * (view.MAX_TEXT + 120)


def test_what_is_left_out_of_a_tree_is_counted() -> None:
    found = view.tree(wide())
    assert found.left_out == 10_000 - len(found.parts)
    assert found.kind == "10,000 entries"


def told(value: object, by: str | None, who: str | None = None, *others: dict[str, object]) -> dict[str, object]:
    return {"value": value, "by": by, "who": who, "at": "2026-11-21T12:00:00.000Z", "others": list(others)}


def test_every_field_says_who_said_so_and_what_others_say() -> None:
    nothing = told(None, None)
    fields = {
        "name": told("fox", "agent", "attic", told("volpe", "agent", "cellar")),
        "type": told("LORA", "override", "an admin"),
        "base_model": nothing,
        "ecosystem": told(None, None, None, told("Pony", "civitai", "civitai.com")),
        "size": told(1 << 20, "import"),
    }
    facts = view.facts(fields)
    shown = {fact.label: (fact.said.value, fact.said.by, [one.by for one in fact.others]) for fact in facts}
    assert shown == {
        "Name": ("fox", "found by attic", ["found by cellar"]),
        "Type": ("LORA", "corrected by hand by an admin", []),
        "Ecosystem": ("", "", ["said by civitai.com"]),
        "Size": ("1.0\u202fMiB", "imported", []),
    }


def test_names_that_a_file_has_now_are_no_other_names() -> None:
    names = [{"alias": "Fox.safetensors"}, {"alias": "volpe.safetensors"}, {"alias": "ox.safetensors"}]
    found = view.other_names(names, [{"paths": ["models/Lora/fox.safetensors"]}])
    assert [one["alias"] for one in found] == ["volpe.safetensors", "ox.safetensors"]


def test_links_lead_only_where_they_say() -> None:
    assert view.civitai_page({"civitai_id": "12", "civitai_version_id": "34"}) == (
        "https://civitai.com/models/12?modelVersionId=34"
    )
    assert view.civitai_page({"civitai_id": None}) is None
    assert view.civitai_page({"civitai_id": "javascript:1"}) is None
    sources = [
        {"kind": "url", "url": "javascript:alert(1)"},
        {"kind": "url", "url": "https://host/x"},
        {"kind": "civitai"},
    ]
    assert view.downloads(sources) == [("url", "https://host/x")]


@pytest.mark.parametrize(
    "value", [10**4000, float("nan"), {"a": object()}, "x" * 10**6, None, True], ids=list("abcdef")
)
def test_any_value_becomes_a_short_text(value: object) -> None:
    assert 0 < len(view.short(value)) <= view.MAX_TEXT
