from typing import Any

import pytest
from quartermaster.ecosystems.identify.verdict import CLAIM, LayoutVerdict, Verdict, choose, judge
from quartermaster.ecosystems.identify.witnesses import (
    MANUAL,
    METADATA,
    NAME,
    SERVICE,
    SIDECAR,
    Statement,
    base_model_named,
    ecosystem_named,
    groups,
)

SDXL = LayoutVerdict(kind="LORA", among=groups(["@SDXL"]), likely="SDXL")
FLUX = LayoutVerdict(kind="LORA", among=groups(["@Flux1"]), likely="Flux1")
SD1 = LayoutVerdict(kind="Checkpoint", among=frozenset({"SD1"}))
UNKNOWN = LayoutVerdict()


def said(witness: str, *ecosystems: str, confidence: float = 0.85, **more: Any) -> Statement:
    return Statement(witness, f"{witness} says so", frozenset(ecosystems), confidence, **more)


def verdict(layout: LayoutVerdict, *statements: Statement) -> Verdict:
    return judge(layout, statements)


def test_a_layout_of_one_ecosystem_is_a_claim() -> None:
    found = verdict(SD1)
    assert (found.ecosystem, found.confidence, found.base_model) == ("SD1", 0.95, None)


def test_a_family_is_its_root_and_no_claim() -> None:
    found = verdict(SDXL)
    assert (found.ecosystem, found.base_model) == ("SDXL", None)
    assert 0 < found.confidence < CLAIM


def test_metadata_chooses_within_the_layout() -> None:
    found = verdict(SDXL, said(METADATA, "Pony"))
    assert (found.ecosystem, found.base_model, found.confidence) == ("Pony", "Pony", 0.85)
    assert found.conflicts == ()


def test_metadata_beyond_the_layout_is_a_conflict() -> None:
    found = verdict(FLUX, said(METADATA, "Pony"))
    assert found.ecosystem == "Flux1"
    assert found.confidence < CLAIM
    assert [c["witness"] for c in found.conflicts] == [METADATA]


def test_a_sidecar_goes_before_metadata_and_their_difference_is_a_conflict() -> None:
    found = verdict(SDXL, said(SIDECAR, "Illustrious"), said(METADATA, "Pony"))
    assert found.ecosystem == "Illustrious"
    assert [c["witness"] for c in found.conflicts] == [METADATA]


def test_two_of_the_same_kind_that_agree_make_no_conflict() -> None:
    family = said(METADATA, *groups(["@SDXL"]), confidence=0.6, likely="SDXL")
    found = verdict(SDXL, said(METADATA, "Pony"), family)
    assert (found.ecosystem, found.confidence, found.conflicts) == ("Pony", 0.85, ())


def test_a_family_named_in_metadata_does_not_make_its_root_a_fact() -> None:
    found = verdict(SDXL, said(METADATA, *groups(["@SDXL"]), confidence=0.6, likely="SDXL"))
    assert found.ecosystem == "SDXL"
    assert found.confidence < CLAIM


def test_a_file_name_is_shown_and_decides_nothing() -> None:
    found = verdict(SDXL, said(NAME, "Pony", confidence=0.4))
    assert (found.ecosystem, found.confidence) == ("SDXL", verdict(SDXL).confidence)
    assert any(e["witness"] == NAME for e in found.evidence)
    assert verdict(FLUX, said(NAME, "Pony", confidence=0.4)).conflicts[0]["witness"] == NAME


def test_a_metadata_service_goes_before_the_layout() -> None:
    found = verdict(SDXL, said(SERVICE, "NoobAI", confidence=0.98))
    assert (found.ecosystem, found.confidence) == ("NoobAI", 0.98)
    disputed = verdict(SD1, said(SERVICE, "Flux1", confidence=0.98))
    assert disputed.ecosystem == "Flux1"
    assert disputed.confidence < CLAIM
    assert "SD1" in disputed.conflicts[0]["says"]


def test_a_correction_by_hand_goes_before_everything() -> None:
    found = verdict(
        SD1,
        said(SERVICE, "SD2", confidence=0.98),
        said(MANUAL, "Pony", confidence=1.0, kind="LORA"),
        said(METADATA, "SD1"),
    )
    assert (found.ecosystem, found.kind, found.confidence) == ("Pony", "LORA", 1.0)
    assert {c["witness"] for c in found.conflicts} == {SERVICE, MANUAL}


def test_a_correction_of_the_kind_leaves_the_ecosystem() -> None:
    found = verdict(SD1, Statement(MANUAL, "a VAE", confidence=1.0, kind="VAE"))
    assert (found.kind, found.ecosystem, found.confidence) == ("VAE", "SD1", 0.95)


def test_without_a_layout_nothing_weaker_is_a_claim() -> None:
    found = verdict(UNKNOWN, said(METADATA, "SDXL"))
    assert found.ecosystem == "SDXL"
    assert found.confidence < CLAIM
    assert verdict(UNKNOWN, said(NAME, "SDXL", confidence=0.4)).ecosystem is None


def test_a_layout_that_contradicts_itself_is_nothing_whatever_others_say() -> None:
    found = verdict(LayoutVerdict(kind="LORA", among=frozenset()), said(METADATA, "SD1"))
    assert (found.kind, found.ecosystem, found.confidence) == ("LORA", None, 0.0)
    assert found.conflicts[0]["witness"] == "layout"


def test_an_architecture_outside_the_catalogue_has_no_ecosystem() -> None:
    assert verdict(LayoutVerdict(kind="UNet", among=frozenset({"Other"}))).ecosystem is None


def test_a_cautious_rule_caps_the_claim() -> None:
    found = verdict(LayoutVerdict(kind="LORA", among=frozenset({"HyV1"}), confidence=0.75))
    assert (found.ecosystem, found.confidence) == ("HyV1", 0.75)


@pytest.mark.parametrize(
    ("among", "likely", "ecosystem"),
    [
        (["SD1"], None, "SD1"),
        (["@SDXL"], None, "SDXL"),
        (["Pony", "Illustrious"], None, None),
        (["SD1", "Flux1"], None, None),
        (["SD1", "Flux1"], "Flux1", "Flux1"),
        (["@Flux1", "Chroma"], None, "Flux1"),
    ],
)
def test_a_set_is_shown_as_its_root_its_likely_one_or_nothing(
    among: list[str], likely: str | None, ecosystem: str | None
) -> None:
    chosen, confidence = choose(groups(among), likely)
    assert chosen == ecosystem
    assert (confidence >= CLAIM) == (len(groups(among)) == 1)


@pytest.mark.parametrize(
    ("name", "ecosystem", "base_model"),
    [
        ("SDXL 1.0", "SDXL", "SDXL 1.0"),
        ("sdxl_1.0", "SDXL", "SDXL 1.0"),
        ("PONY", "Pony", "Pony"),
        ("SD1", "SD1", None),
        ("Flux.1 D", "Flux1", "Flux.1 D"),
        ("flux", "Flux1", None),
        ("nonsense", None, None),
        (None, None, None),
        (3, None, None),
    ],
)
def test_names_of_base_models_in_any_spelling(name: object, ecosystem: str | None, base_model: str | None) -> None:
    assert ecosystem_named(name) == ecosystem
    assert base_model_named(name) == base_model
