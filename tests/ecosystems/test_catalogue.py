"""Look-ups: names, hierarchy, settings."""

from typing import Any

import pytest
from quartermaster.ecosystems.catalogue import Catalogue
from quartermaster.ecosystems.load import from_document


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("SD 1.5", "SD 1.5"),
        ("sd1.5", "SD 1.5"),
        ("SD_1.5", "SD 1.5"),
        ("  sd 1.5 ", "SD 1.5"),
        ("sd_v1", "SD 1.5"),
        ("stable-diffusion-v1/lora", "SD 1.5"),
        ("sdxl_base_v1-0", "SDXL 1.0"),
        ("SDXL_BASE_V1-0", "SDXL 1.0"),
        ("stable-diffusion-xl-v1-base", "SDXL 1.0"),
        ("stable-diffusion-xl-v1-base/lora", "SDXL 1.0"),
        ("stabilityai/stable-diffusion-xl-base-1.0", "SDXL 1.0"),
        ("flux-1-dev", "Flux.1 D"),
        ("FLUX.1-dev", "Flux.1 D"),
        ("sd_v2_v", "SD 2.1 768"),
        ("Pony Diffusion V6 XL", "Pony"),
        ("Illustrious XL", "Illustrious"),
        ("flux2_klein_4b", "Flux.2 Klein 4B"),
        ("lumina2", "Lumina"),
    ],
)
def test_base_models_are_found_by_what_tools_call_them(shipped: Catalogue, name: str, model: str) -> None:
    found = shipped.find_base_model(name)
    assert found is not None
    assert found.name == model


@pytest.mark.parametrize(
    ("label", "ecosystem"),
    [
        ("SD1", "SD1"),
        ("SD_1", "SD1"),
        ("SD2", "SD2"),
        ("SDXL", "SDXL"),
        ("sdxl", "SDXL"),
        ("Flux", "Flux1"),
        ("SD3", "SD3"),
    ],
)
def test_the_sd_version_labels_of_forge_are_ecosystems(shipped: Catalogue, label: str, ecosystem: str) -> None:
    found = shipped.find(label)
    assert found is not None
    assert (found.ecosystem.name, found.base_model) == (ecosystem, None)


@pytest.mark.parametrize("label", ["SdVersion.SD1", "SdVersion.SD2", "SdVersion.SDXL", "SdVersion.Flux"])
def test_the_labels_as_forge_writes_them_into_cards_are_known(shipped: Catalogue, label: str) -> None:
    assert shipped.find_base_model(label)


def test_unknown_names_are_none(shipped: Catalogue) -> None:
    for name in ("", "no such model", "sdxl/whatever", "/lora", "SD 9.9"):
        assert shipped.find(name) is None
    assert shipped.similar("SDXL 1.1")[0] == "SDXL 1.0"


def test_every_name_and_alias_finds_its_own_record(shipped: Catalogue) -> None:
    for model in shipped.base_models.values():
        for name in (model.name, *(alias.name for alias in model.aliases)):
            for spelling in (name, name.upper(), name.lower()):
                assert shipped.find_base_model(spelling) is model, spelling
    for ecosystem in shipped.ecosystems.values():
        for name in (ecosystem.name, *(alias.name for alias in ecosystem.aliases)):
            assert shipped.find_ecosystem(name.upper()) is ecosystem, name


def test_a_name_comes_before_an_alias_and_an_ambiguity_is_told(small: dict[str, Any]) -> None:
    small["baseModels"][0]["aliases"] = [{"name": "Alien", "source": "s"}]
    catalogue = from_document(small)
    found = catalogue.find("alien")
    assert found is not None
    assert found.base_model is None
    note = catalogue.ambiguity("alien")
    assert note is not None
    assert "taken as the ecosystem 'Alien'" in note
    assert catalogue.ambiguity("Root 1.0") is None


def test_a_base_model_comes_before_an_ecosystem_of_the_same_name(shipped: Catalogue) -> None:
    found = shipped.find("pony")
    assert found is not None
    assert found.base_model is not None
    assert shipped.ambiguity("pony") is None, "the ecosystem holds nothing else"


def test_names_that_are_alike_only_without_blanks_are_not_guessed(small: dict[str, Any]) -> None:
    small["baseModels"] += [
        {"name": "A-B", "type": "image", "group": "Root", "source": "s"},
        {"name": "A B", "type": "image", "group": "Root", "source": "s"},
    ]
    catalogue = from_document(small)
    assert catalogue.find("AB") is None
    found = catalogue.find_base_model("a-b")
    assert found is not None
    assert found.name == "A-B"


def test_the_root_of_a_family(shipped: Catalogue) -> None:
    assert shipped.root("Pony").name == "SDXL"
    assert shipped.root("PonyV7").name == "AuraFlow"
    assert shipped.root("SD1").name == "SD1"
    assert [record.name for record in shipped.lineage("Illustrious")] == ["Illustrious", "SDXL"]


def test_the_documents_settings_are_inherited_key_by_key(document: Catalogue) -> None:
    assert document.setting("Pony", "checkpointVersionId") == (290640, "Pony")
    assert document.setting("Pony", "width") == (1024, "SDXL")
    assert document.setting("Pony", "cfg") == (7, "SDXL")
    assert document.setting("Pony", "vaeVersionId") is None
    assert document.setting("NoobAI", "checkpointVersionId") == (128713, "SDXL")
    assert document.setting("FluxKrea", "steps") == (4, "Flux")
    assert document.setting("SD1", "width") is None
    assert document.settings("Illustrious") == {
        "checkpointVersionId": (456123, "Illustrious"),
        "width": (1024, "SDXL"),
        "height": (1024, "SDXL"),
        "cfg": (7, "SDXL"),
        "steps": (25, "SDXL"),
        "sampler": ("euler_a", "SDXL"),
    }


def test_aliases_of_a_name(shipped: Catalogue) -> None:
    assert "sdxl_base_v1-0" in shipped.aliases("SDXL 1.0")
    assert shipped.aliases("no such model") == ()
