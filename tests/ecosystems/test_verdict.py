"""Verdicts on pairs: the document's last two walkthroughs, overrides, exceptions, families, runtimes, the unknown."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quartermaster.ecosystems.catalogue import Catalogue
from quartermaster.ecosystems.errors import QuestionError
from quartermaster.ecosystems.load import document_of, from_document, load_default
from quartermaster.ecosystems.model_types import MODEL_TYPES
from quartermaster.ecosystems.records import GRADES, SUPPORT_TYPES


def test_walkthrough_a_pony_lora_with_an_illustrious_checkpoint(document: Catalogue) -> None:
    verdict = document.verdict("Illustrious v1.0", "Pony", "LORA")
    assert verdict.grade == "Partial"
    assert verdict.steps == (
        "1. Check Illustrious v1.0 supports LORA for generation → Yes (inherited from SDXL)",
        "2. Same group? No (Illustrious group ≠ Pony group)",
        "3. Same ecosystem? No (Illustrious ecosystem ≠ Pony ecosystem)",
        "4. Same family tree? Yes (both have SDXL as root) → Result: PARTIAL support",
    )


def test_walkthrough_an_sd1_textual_inversion_with_an_sdxl_checkpoint(document: Catalogue) -> None:
    verdict = document.verdict("SDXL", "SD1", "TextualInversion")
    assert verdict.grade == "Partial"
    assert verdict.steps == (
        "1. Check SDXL supports TextualInversion for generation → Yes (defined by SDXL)",
        "2. Same group? No (SDXL group ≠ SD1 group)",
        "3. Same ecosystem? No (SDXL ecosystem ≠ SD1 ecosystem)",
        "4. Same family tree? No (SDXL root ≠ SD1 root)",
        (
            "5. Cross-ecosystem rule? Yes: { source: SD1, target: SDXL, modelTypes: ['TextualInversion'],"
            " support: 'Partial' } → Result: PARTIAL support"
        ),
    )


@pytest.mark.parametrize(
    ("checkpoint", "addon", "model_type", "grade"),
    [
        ("SDXL 1.0", "SDXL Turbo", "LORA", "Full"),
        ("SDXL 1.0", "SD 1.5", "LORA", "None"),
        ("SDXL 1.0", "SD 1.5", "TextualInversion", "Partial"),
        ("Pony", "SD 1.5", "TextualInversion", "None"),
        ("Pony", "SDXL 1.0", "VAE", "Partial"),
        ("Flux.1 D", "Flux.1 Krea", "LORA", "Partial"),
        ("Flux.1 D", "Flux.1 Krea", "VAE", "None"),
        ("Nano Banana", "Nano Banana", "LORA", "None"),
        ("Hunyuan Video", "Hunyuan Video", "LORA", "Full"),
        ("SD 2.1", "SD 2.1", "LORA", "None"),
    ],
)
def test_grades_that_follow_from_the_documents_examples(
    document: Catalogue, checkpoint: str, addon: str, model_type: str, grade: str
) -> None:
    assert document.verdict(checkpoint, addon, model_type).grade == grade


def test_an_override_of_the_checkpoint_is_the_end(document: Catalogue) -> None:
    assert document.verdict("SDXL Turbo", "SDXL 1.0", "LORA", "auction").grade == "None"
    assert document.verdict("SDXL 1.0", "SDXL 1.0", "LORA", "auction").grade == "Full"


def test_an_override_of_the_addon_is_a_step_of_its_own(document: Catalogue) -> None:
    verdict = document.verdict("SDXL 1.0", "SDXL Turbo", "LORA", "auction")
    assert verdict.grade == "None"
    assert verdict.steps[1].startswith("2. Check SDXL Turbo files may be used for auction → No")


def test_an_addon_inherits_what_its_parents_override_switched_off(small: dict[str, Any]) -> None:
    small["crossEcosystemRules"][0].update(sourceEcosystem="Child", targetEcosystem="Alien")
    row = {"supportType": "generation", "modelTypes": ["LORA"], "enabled": True, "source": "s"}
    small["ecosystemSupport"].append({"ecosystem": "Alien", **row})
    assert from_document(small).verdict("Alien 1.0", "Child 1.0", "LORA").grade == "Partial"
    small["supportOverrides"].append(
        {"ecosystem": "Root", "supportType": "generation", "enabled": False, "source": "s"}
    )
    verdict = from_document(small).verdict("Alien 1.0", "Child 1.0", "LORA")
    assert verdict.grade == "None"
    assert verdict.reason == "Child 1.0 is switched off for generation (override of ecosystem: Root)"


def test_explicit_families_infer_nothing(shipped: Catalogue) -> None:
    verdict = shipped.verdict("Flux.2 Klein 9B", "Flux.2 Klein 4B", "LORA")
    assert verdict.grade == "None"
    assert "its relations are explicit" in verdict.steps[3]
    assert shipped.verdict("Flux.2 Klein 9B", "Flux.2 Klein 9B-base", "LORA").grade == "Partial"
    assert shipped.verdict("Flux.2 Klein 9B", "Flux.2 Klein 9B-base", "LORA", runtime="comfyui").grade == "Partial"
    assert shipped.verdict("Flux.2 Klein 9B", "Flux.2 Klein 4B", "LORA", runtime="comfyui").grade == "None"


def test_an_explicit_branch_leaves_the_rest_of_the_family_inferred(small: dict[str, Any]) -> None:
    small["ecosystems"] += [
        {"name": "Grandchild", "parentEcosystem": "Child", "source": "s"},
        {"name": "Twin", "parentEcosystem": "Child", "source": "s"},
    ]
    small["ecosystems"][1]["relations"] = "explicit"
    catalogue = from_document(small)
    assert catalogue.verdict("Grandchild", "Twin", "LORA").grade == "None"
    assert catalogue.verdict("Child", "Twin", "LORA").grade == "None"
    assert catalogue.verdict("Twin", "Sibling", "LORA").grade == "Partial"
    assert catalogue.verdict("Root", "Twin", "LORA").grade == "Partial"


def test_the_sdxl_family_is_explicit_in_a_service_and_one_shape_in_a_program(shipped: Catalogue) -> None:
    assert shipped.verdict("Illustrious", "Pony", "LORA").grade == "Partial"
    assert shipped.verdict("Illustrious", "Pony", "VAE").grade == "None"
    assert shipped.verdict("Illustrious", "Pony", "VAE", runtime="forge").grade == "Partial"
    assert shipped.verdict("Illustrious", "Pony", "Controlnet", runtime="a1111").grade == "Partial"


def test_sd3_lora_on_sd3_in_forge_is_full_whatever_a_web_service_sells(shipped: Catalogue) -> None:
    assert shipped.verdict("SD 3", "SD 3", "LORA").grade == "None"
    assert shipped.verdict("SD 3", "SD 3", "LORA", runtime="forge").grade == "Full"
    assert shipped.verdict("SD3", "sd3", "lora", runtime="FORGE").grade == "Full"
    assert shipped.verdict("SD 3.5 Large", "SD 3.5 Large Turbo", "LORA", runtime="forge").grade == "Full"


def test_sd3_sizes_do_not_mix(shipped: Catalogue) -> None:
    assert shipped.verdict("SD 3.5 Large", "SD 3", "LORA", runtime="forge").grade == "None"
    assert shipped.verdict("SD 3.5 Large", "SD 3.5", "LORA", runtime="comfyui").grade == "Unknown"
    assert shipped.verdict("SD 3.5 Medium", "SD 3.5 Large", "LORA", runtime="comfyui").grade == "None"


def test_the_most_specific_exception_wins(small: dict[str, Any]) -> None:
    common = {"supportType": "generation", "modelTypes": ["LORA"], "source": "s"}
    small["exceptions"] = [
        {**common, "checkpoint": {"ecosystem": "Root"}, "addon": {"group": "Alien"}, "grade": "None", "reason": "a"},
        {**common, "checkpoint": {"group": "Root"}, "addon": {"group": "Alien"}, "grade": "Full", "reason": "b"},
    ]
    verdict = from_document(small).verdict("Root 1.0", "Alien 1.0", "LORA")
    assert (verdict.grade, verdict.reason) == ("Full", "b")
    assert verdict.steps[1] == "2. Explicit exception? Yes: b → Result: FULL support"


def test_a_rule_that_holds_elsewhere_does_not_hold_in_a_runtime(shipped: Catalogue) -> None:
    for checkpoint in ("SDXL", "Pony", "Illustrious", "NoobAI"):
        assert shipped.verdict(checkpoint, "SD 1.5", "TextualInversion").grade == "Partial"
        assert shipped.verdict(checkpoint, "SD 1.5", "TextualInversion", runtime="comfyui").grade == "Partial"
        forge = shipped.verdict(checkpoint, "SD 1.5", "TextualInversion", runtime="forge")
        assert forge.grade == "None"
        assert "Not in forge: forge and a1111 skip an embedding" in forge.steps[-1]


def test_wan_sizes_that_a_service_mixes_do_not_fit_in_a_program(shipped: Catalogue) -> None:
    pair = ("Wan Video 14B t2v", "Wan Video 2.2 TI2V-5B", "LORA")
    assert shipped.verdict(*pair).grade == "Partial"
    assert shipped.verdict(*pair, runtime="comfyui").grade == "None"
    alike = ("Wan Video 14B t2v", "Wan Video 2.2 T2V-A14B", "LORA")
    assert shipped.verdict(*alike, runtime="comfyui").grade == "Partial"


def test_an_upscaler_works_with_every_checkpoint(shipped: Catalogue) -> None:
    assert shipped.verdict("SD 1.5", "Upscaler", "Upscaler", runtime="forge").grade == "Full"


@pytest.mark.parametrize(
    ("question", "part"),
    [
        (("No Such", "SDXL 1.0", "LORA"), "'No Such' is not in the catalogue"),
        (("SDXL 1.0", "SDLX 1.0", "LORA"), "did you mean"),
        (("SDXL 1.0", "SDXL 1.0", "LORA", "generation", "fooocus"), "does not know the runtime 'fooocus'"),
        (("Other", "Other", "LORA"), "unclassified files"),
        (("SDXL 1.0", "Other", "LORA", "generation", "forge"), "unclassified files"),
        (("Lens", "Lens", "LORA", "generation", "comfyui"), "not known whether Lens exists as a file"),
        (("SDXL 1.0", "SDXL 1.0", "Wildcards", "generation", "forge"), "nothing is known about Wildcards"),
    ],
)
def test_what_the_catalogue_does_not_know_is_unknown(shipped: Catalogue, question: tuple[str, ...], part: str) -> None:
    verdict = shipped.verdict(*question)
    assert verdict.grade == "Unknown"
    assert part in verdict.reason
    assert verdict.steps[-1].endswith("Result: UNKNOWN")


def test_a_service_has_no_file_that_a_runtime_could_load(shipped: Catalogue) -> None:
    verdict = shipped.verdict("Nano Banana", "Nano Banana", "Checkpoint", runtime="comfyui")
    assert verdict.grade == "None"
    assert "is a service" in verdict.reason


@pytest.mark.parametrize(
    ("question", "field"),
    [
        (("SDXL", "SDXL", "LORAX"), "type"),
        (("SDXL", "SDXL", "LORA", "selling"), "support"),
        (("SDXL", "SDXL", "LORA", "training", "forge"), "runtime"),
    ],
)
def test_a_question_without_meaning_is_an_error(shipped: Catalogue, question: tuple[str, ...], field: str) -> None:
    with pytest.raises(QuestionError) as caught:
        shipped.verdict(*question)
    assert caught.value.field == field


NAMES = sorted(load_default().base_models)
SUBJECTS = st.sampled_from([*NAMES, *sorted(load_default().ecosystems)])
RUNTIMES = st.sampled_from([None, "forge", "a1111", "comfyui"])


@settings(deadline=None)
@given(SUBJECTS, SUBJECTS, st.sampled_from(MODEL_TYPES), st.sampled_from(SUPPORT_TYPES), RUNTIMES)
def test_every_grade_is_explained(
    checkpoint: str, addon: str, model_type: str, support: str, runtime: str | None
) -> None:
    runtime = runtime if support == "generation" else None
    verdict = load_default().verdict(checkpoint, addon, model_type, support, runtime)
    assert verdict.grade in GRADES
    assert verdict.reason
    assert [step.partition(".")[0] for step in verdict.steps] == [str(n + 1) for n in range(len(verdict.steps))]
    assert "→ Result: " in verdict.steps[-1]
    assert not any("→ Result: " in step for step in verdict.steps[:-1])


def with_child(parent: str) -> Catalogue:
    """Return the shipped catalogue with one more ecosystem and base model."""
    document = document_of(load_default())
    row = {"source": "https://example.org"}
    return from_document(
        {
            **document,
            "ecosystems": [*document["ecosystems"], {"name": "Newborn", "parentEcosystem": parent, **row}],
            "baseModelGroups": [*document["baseModelGroups"], {"name": "Newborn", "ecosystem": "Newborn", **row}],
            "baseModels": [
                *document["baseModels"],
                {"name": "Newborn 1.0", "type": "image", "group": "Newborn", **row},
            ],
        }
    )


@pytest.mark.parametrize("parent", ["SDXL", "Pony", "Flux2", "SD1", "Other"])
def test_a_child_inherits_what_its_parent_has(shipped: Catalogue, parent: str) -> None:
    grown = with_child(parent)
    for support in SUPPORT_TYPES:
        own = grown.inherited_support("Newborn", support)
        theirs = shipped.inherited_support(parent, support)
        assert own == theirs
    assert {key: value for key, (value, _) in grown.settings("Newborn").items()} == {
        key: value for key, (value, _) in shipped.settings(parent).items()
    }
    for runtime in shipped.runtimes:
        newborn, elder = grown.find("Newborn 1.0"), shipped.find(parent)
        assert newborn is not None
        assert elder is not None
        parent_subject = shipped.subject(elder.ecosystem)
        assert grown.runtime_support(runtime, newborn) == shipped.runtime_support(runtime, parent_subject)


GROWN = {parent: with_child(parent) for parent in ("SDXL", "Flux2")}


@settings(deadline=None)
@given(st.sampled_from(sorted(GROWN)), SUBJECTS, SUBJECTS, st.sampled_from(MODEL_TYPES), RUNTIMES)
def test_adding_a_child_changes_nobody_elses_verdict(
    parent: str, checkpoint: str, addon: str, model_type: str, runtime: str | None
) -> None:
    before = load_default().verdict(checkpoint, addon, model_type, runtime=runtime)
    after = GROWN[parent].verdict(checkpoint, addon, model_type, runtime=runtime)
    assert (before.grade, before.steps) == (after.grade, after.steps)


def test_a_new_child_is_partial_to_its_family_by_inference(small: dict[str, Any]) -> None:
    catalogue = from_document(small)
    assert catalogue.verdict("Child 1.0", "Sibling 1.0", "LORA").grade == "Partial"
    assert catalogue.verdict("Child 1.0", "Alien 1.0", "LORA").grade == "None", "rules are for the ecosystem they name"
    assert catalogue.verdict("Root 1.0", "Alien 1.0", "LORA").grade == "Partial"


def test_a_remembered_verdict_is_the_same_object(shipped: Catalogue) -> None:
    assert shipped.verdict("Pony", "NoobAI", "LORA") is shipped.verdict("Pony", "NoobAI", "LORA")
