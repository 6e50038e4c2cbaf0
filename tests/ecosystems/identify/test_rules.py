"""The catalogue of rules is held to its own schema: what a rule may say, and that each one can fire."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from quartermaster.bench.layouts import cases
from quartermaster.ecosystems.identify import Header, rules_version
from quartermaster.ecosystems.identify.data import FILES, load
from quartermaster.ecosystems.identify.layout import Layout, flatten, parse
from quartermaster.ecosystems.identify.rules import RULE_FILES, Rule, all_rules, expand, holds, matching, read_rule
from quartermaster.ecosystems.model_types import MODEL_TYPES

ROWS: list[dict[str, Any]] = [row for name in RULE_FILES for row in load(name)["rules"]]
FIELDS = {
    "id",
    "part",
    "anchors",
    "when",
    "unless",
    "among",
    "likely",
    "base_model",
    "kind",
    "architecture",
    "variant",
    "confidence",
    "why",
    "source",
}
CONDITIONS = {
    "module",
    "like",
    "mentions",
    "blocks",
    "min",
    "max",
    "adapter",
    "tensors",
    "algorithm",
    "any",
    "in",
    "out",
    "in_not",
    "ndim",
}
ECOSYSTEMS = {*load("families")["base_models"].values(), "Other"}


def conditions(rule: dict[str, Any]) -> list[dict[str, Any]]:
    found, queue = [], [*rule.get("when", []), *rule.get("unless", [])]
    while queue:
        condition = queue.pop()
        found.append(condition)
        queue.extend(condition.get("any", []))
    return found


def test_no_two_rules_share_a_name() -> None:
    names = [row["id"] for row in ROWS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_rule_says_what_it_proves_and_why_in_known_words(row: dict[str, Any]) -> None:
    assert set(row) <= FIELDS
    assert {"anchors", "why", "source"} <= set(row)
    assert len(row["why"]) > 10
    assert row.get("kind") in {None, *MODEL_TYPES}
    assert row.get("base_model") in {None, *load("families")["base_models"]}
    assert row.get("among") or row.get("kind") or row.get("architecture")
    groups = load("families")["groups"]
    among = {name for item in row.get("among", []) for name in groups.get(item, [item])}
    assert among <= ECOSYSTEMS
    assert row.get("likely") in {None, *among}
    for condition in conditions(row):
        assert set(condition) <= CONDITIONS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_pattern_is_found_fast_and_cannot_explode(row: dict[str, Any]) -> None:
    for condition in conditions(row):
        pattern = condition.get("like", "")
        if pattern:
            re.compile(pattern)
            assert re.match(r"\^|[A-Za-z_]|\\\.", pattern), f"{pattern} should begin with a literal"
            assert ".*" not in pattern or "*" in row["anchors"], f"{pattern} is tried on files of any size"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_anchors_are_written_as_modules_are(row: dict[str, Any]) -> None:
    for pattern in row["anchors"]:
        for anchor in expand(pattern):
            assert not any(c.isdigit() for c in anchor)
            assert anchor in {"*", "string_to_param_*"} or anchor == flatten(anchor)


FIRED = {
    rule.id
    for case in cases()
    if case["truth"] and case["format"] == "safetensors"
    for rule in matching(
        Layout(Header("safetensors", {n: {"dtype": d, "shape": s} for n, (d, s) in case["tensors"].items()}, {}))
    )
}


def test_most_rules_have_a_recorded_file_that_they_hold_for() -> None:
    """The others were written from published code without a recorded file; test_variants holds many of them."""
    assert len(FIRED) > len(ROWS) * 0.55


def test_choices_are_written_out() -> None:
    assert expand("a_{b,c}_{d,e}") == ["a_b_d", "a_b_e", "a_c_d", "a_c_e"]
    assert expand("a{,_b}") == ["a", "a_b"]
    assert expand("plain") == ["plain"]


def rule(**fields: Any) -> Rule:
    return Rule(
        id="r", part=fields.pop("part", None), anchors=("m",), why="because", unless=fields.pop("unless", ()), **fields
    )


def layout(**shapes: list[int]) -> Layout:
    tensors = {name.replace("__", "."): {"dtype": "F16", "shape": shape} for name, shape in shapes.items()}
    return Layout(Header("safetensors", tensors, {}))


def test_sizes_of_a_module_are_compared() -> None:
    here = layout(m__weight=[8, 4])
    assert holds(rule(when=({"module": "m", "in": [4], "out": [8], "ndim": [2]},)), here)
    for size in ({"in": [5]}, {"out": [4]}, {"ndim": [4]}, {"in_not": [4]}):
        assert not holds(rule(when=({"module": "m", **size},)), here)


def test_a_size_that_is_not_known_meets_no_condition() -> None:
    here = layout(m__weight=[8])
    assert not holds(rule(when=({"module": "m", "in": [8]},)), here)
    assert not holds(rule(when=({"module": "m", "in_not": [4]},)), here)


def test_blocks_are_counted_by_their_highest_index() -> None:
    here = layout(blocks__11__m__weight=[1])
    assert holds(rule(when=({"blocks": "blocks", "min": 12, "max": 12},)), here)
    assert not holds(rule(when=({"blocks": "blocks", "min": 13},)), here)
    assert not holds(rule(when=({"blocks": "blocks", "max": 11},)), here)
    assert not holds(rule(when=({"blocks": "other"},)), here)


def test_alternatives_and_exceptions() -> None:
    here = layout(m__weight=[8, 4], other__bias=[8])
    assert holds(rule(when=({"any": [{"module": "nothing"}, {"mentions": "^other$"}]},)), here)
    assert not holds(rule(when=(), unless=({"like": "other"},)), here)
    assert holds(rule(when=({"adapter": False}, {"tensors": 2})), here)
    assert not holds(rule(when=({"tensors": 1},)), here)


@pytest.mark.parametrize(
    ("name", "part", "module"),
    [
        ("lora_unet_double_blocks_7_img_attn_qkv.lora_down.weight", "backbone", "double_blocks_img_attn_qkv"),
        ("transformer.double_blocks.7.img_attn.qkv.lora_A.default.weight", "backbone", "double_blocks_img_attn_qkv"),
        ("base_model.model.double_blocks.7.img_attn.qkv.lora_B.weight", "backbone", "double_blocks_img_attn_qkv"),
        ("model.diffusion_model.double_blocks.7.img_attn.qkv.weight", "backbone", "double_blocks_img_attn_qkv"),
        ("lycoris_transformer_blocks_0_attn_to_q.hada_w1_a", "backbone", "transformer_blocks_attn_to_q"),
        ("double_blocks.0.processor.qkv_lora1.down.weight", "root", "double_blocks_processor_qkv"),
        ("lora_te2_text_model_encoder_layers_0_mlp_fc1.alpha", "te", "text_model_encoder_layers_mlp_fc"),
        ("first_stage_model.decoder.conv_in.weight", "vae", "decoder_conv_in"),
        ("model.layers.0.self_attn.q_proj.weight", "root", "layers_self_attn_q_proj"),
        ("blocks.3.attn.qkv.weight.absmax", "root", "blocks_attn_qkv"),
    ],
)
def test_one_module_under_every_naming(name: str, part: str, module: str) -> None:
    parsed = parse("".join(c for c in name if not c.isdigit()))
    assert (parsed.part, parsed.module) == (part, module)


def test_the_version_of_the_rules_is_a_digest_of_every_file() -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", rules_version())
    assert set(RULE_FILES) <= set(FILES)
    assert len(all_rules()) == len(ROWS)


def test_the_rule_in_the_documentation_is_one() -> None:
    """What docs/identification.md tells a newcomer to write is read as a rule, and holds where it says."""
    text = (Path(__file__).parents[3] / "docs" / "identification.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    row = json.loads(example)
    test_a_rule_says_what_it_proves_and_why_in_known_words(row)
    test_anchors_are_written_as_modules_are(row)
    documented = read_rule(row)
    assert holds(documented, layout(example_blocks__0__attn__to_q__weight=[1792, 1792]))
    assert not holds(documented, layout(example_blocks__0__attn__to_q__weight=[1792, 1536]))
