"""The six steps, with the document's first two walkthroughs."""

from typing import Any

import pytest
from quartermaster.ecosystems.catalogue import Catalogue
from quartermaster.ecosystems.load import from_document
from quartermaster.ecosystems.model_types import MODEL_TYPES
from quartermaster.ecosystems.resolution import Support, resolve, supported_types


def asked(catalogue: Catalogue, name: str, support_type: str, model_type: str = "LORA") -> Support:
    subject = catalogue.find(name)
    assert subject is not None
    return resolve(catalogue, subject, support_type, model_type)


def override(small: dict[str, Any], **values: Any) -> None:
    small["supportOverrides"].append({"supportType": "generation", "source": "s", **values})


def test_walkthrough_illustrious_1_5_is_not_supported_for_training(document: Catalogue) -> None:
    subject = document.find("Illustrious v1.5")
    assert subject is not None
    support = supported_types(document, subject, "training")
    assert support.steps == (
        (
            "1. BaseModel override: { baseModel: Illustrious v1.5, supportType: 'training', enabled: false }"
            " → FOUND: enabled = false → Result: NOT SUPPORTED"
        ),
    )
    assert not support.supported


def test_walkthrough_illustrious_1_0_is_supported_for_training(document: Catalogue) -> None:
    subject = document.find("Illustrious v1.0")
    assert subject is not None
    support = supported_types(document, subject, "training")
    assert support.steps == (
        "1. BaseModel override: None",
        "2. Group override: None",
        "3. Ecosystem override: None",
        "4. Ecosystem Support (Illustrious): Not defined",
        (
            "5. Parent Ecosystem (SDXL): { supportType: 'training', modelTypes: ['LORA'], enabled: true }"
            " → FOUND: enabled = true → Result: SUPPORTED for LORA training"
        ),
    )
    assert support.supported
    assert support.model_types == ("LORA",)


def test_a_definition_of_its_own_comes_before_the_parents(small: dict[str, Any]) -> None:
    row = {"supportType": "generation", "modelTypes": ["VAE"], "enabled": True, "source": "s"}
    small["ecosystemSupport"].append({"ecosystem": "Child", **row})
    catalogue = from_document(small)
    assert not asked(catalogue, "Child 1.0", "generation", "LORA").supported
    assert asked(catalogue, "Child 1.0", "generation", "VAE").how == "defined by Child"
    assert asked(catalogue, "Sibling 1.0", "generation", "LORA").how == "inherited from Root"


def test_a_definition_that_is_switched_off_ends_the_inheritance(small: dict[str, Any]) -> None:
    row = {"supportType": "training", "modelTypes": ["LORA"], "enabled": False, "source": "s"}
    small["ecosystemSupport"].append({"ecosystem": "Child", **row})
    support = asked(from_document(small), "Child 1.0", "training")
    assert not support.supported
    assert support.steps[-1].endswith("FOUND: enabled = false → Result: NOT SUPPORTED")


def test_the_default_is_no_support(small: dict[str, Any]) -> None:
    support = asked(from_document(small), "Alien 1.0", "auction")
    assert not support.supported
    assert support.steps[-1] == "6. Default: No support → Result: NOT SUPPORTED"


@pytest.mark.parametrize(
    ("target", "number"), [({"baseModel": "Child 1.0"}, 1), ({"group": "Child"}, 2), ({"ecosystem": "Child"}, 3)]
)
def test_an_override_at_each_level_disables(small: dict[str, Any], target: dict[str, str], number: int) -> None:
    override(small, **target, enabled=False)
    support = asked(from_document(small), "Child 1.0", "generation")
    assert not support.supported
    assert support.steps[-1].startswith(f"{number}. ")
    assert len(support.steps) == number
    assert asked(from_document(small), "Sibling 1.0", "generation").supported


@pytest.mark.parametrize("target", [{"baseModel": "Alien 1.0"}, {"group": "Alien"}, {"ecosystem": "Alien"}])
def test_an_override_at_each_level_grants(small: dict[str, Any], target: dict[str, str]) -> None:
    override(small, **target, modelTypes=["LORA"], enabled=True)
    catalogue = from_document(small)
    assert asked(catalogue, "Alien 1.0", "generation", "LORA").supported
    assert not asked(catalogue, "Alien 1.0", "generation", "VAE").supported


def test_an_override_decides_only_the_types_it_names(small: dict[str, Any]) -> None:
    override(small, baseModel="Child 1.0", modelTypes=["VAE"], enabled=False)
    catalogue = from_document(small)
    assert not asked(catalogue, "Child 1.0", "generation", "VAE").supported
    assert asked(catalogue, "Child 1.0", "generation", "LORA").supported


def test_the_most_specific_override_wins(small: dict[str, Any]) -> None:
    override(small, ecosystem="Child", enabled=False)
    override(small, baseModel="Child 1.0", modelTypes=["LORA"], enabled=True)
    catalogue = from_document(small)
    assert asked(catalogue, "Child 1.0", "generation", "LORA").supported
    assert not asked(catalogue, "Child 1.0", "generation", "VAE").supported


def test_an_override_that_enables_without_types_lifts_what_is_switched_off(small: dict[str, Any]) -> None:
    override(small, group="Child", enabled=False)
    override(small, baseModel="Child 1.0", enabled=True)
    catalogue = from_document(small)
    assert asked(catalogue, "Child 1.0", "generation", "LORA").supported
    assert not asked(catalogue, "Child 1.0", "generation", "TextualInversion").supported


def test_an_override_that_enables_where_nothing_is_defined_grants_all_types(small: dict[str, Any]) -> None:
    override(small, baseModel="Alien 1.0", enabled=True)
    catalogue = from_document(small)
    assert all(asked(catalogue, "Alien 1.0", "generation", name).supported for name in MODEL_TYPES)


def test_a_child_inherits_what_its_parents_override_switched_off(small: dict[str, Any]) -> None:
    override(small, ecosystem="Root", enabled=False)
    support = asked(from_document(small), "Child 1.0", "generation")
    assert not support.supported
    assert support.steps[-1].startswith("5. Parent Ecosystem (Root): { ecosystem: Root")


def test_an_ecosystem_without_base_models_is_asked_as_itself(shipped: Catalogue) -> None:
    support = asked(shipped, "Haiper", "generation", "Checkpoint")
    assert not support.supported
    assert support.steps[0] == "1. BaseModel override: None"
