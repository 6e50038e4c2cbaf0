"""The shipped catalogue holds the facts it was made from, and every fact has a source."""

import json
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from quartermaster.ecosystems.catalogue import Catalogue
from quartermaster.ecosystems.load import DEFAULT, load
from quartermaster.ecosystems.records import Target

DATA = Path(__file__).resolve().parents[1] / "data" / "ecosystems"
CIVITAI = "civitai-2026-08"


@pytest.fixture(scope="module")
def source() -> Catalogue:
    return load(DATA / f"{CIVITAI}.json")


def test_the_numbers_of_records(shipped: Catalogue) -> None:
    assert len(shipped.ecosystems) == 84
    assert len(shipped.base_models) == 99
    assert sum(rule.source == CIVITAI for rule in shipped.facts.all("crossEcosystemRules")) == 42


def test_hierarchy_groups_and_support_are_civitais(shipped: Catalogue, source: Catalogue) -> None:
    assert {e.name: e.parent for e in shipped.ecosystems.values()} == {
        e.name: e.parent for e in source.ecosystems.values()
    }
    assert {(g.name, g.ecosystem, g.family) for g in shipped.groups.values()} == {
        (g.name, g.ecosystem, g.family) for g in source.groups.values()
    }
    for section in ("ecosystemSupport", "crossEcosystemRules", "supportOverrides"):
        assert comparable(shipped, section) == comparable(source, section)


def comparable(catalogue: Catalogue, section: str) -> set[tuple[Any, ...]]:
    """Return what the document's schema knows of a section's rows; rows of other sources are left out."""
    keys = {
        "ecosystemSupport": ("ecosystem", "support_type", "model_types", "enabled"),
        "crossEcosystemRules": ("source_ecosystem", "target_ecosystem", "support_type", "model_types", "support"),
        "supportOverrides": ("target", "support_type", "model_types", "enabled"),
    }[section]
    rows = [row for row in catalogue.facts.all(section) if row.source in {CIVITAI, "document"}]
    return {tuple(getattr(row, key) for key in keys) for row in rows}


def test_base_models_are_civitais(shipped: Catalogue, source: Catalogue) -> None:
    assert set(shipped.base_models) == set(source.base_models)
    for name, theirs in source.base_models.items():
        ours = shipped.base_models[name]
        assert (ours.group, ours.hidden, ours.deprecated, ours.can_generate, ours.engine) == (
            theirs.group,
            theirs.hidden,
            theirs.deprecated,
            theirs.can_generate,
            theirs.engine,
        )
        assert ours.media[0] == theirs.media[0]


def test_default_checkpoints_are_civitais(shipped: Catalogue, source: Catalogue) -> None:
    for name in source.ecosystems:
        assert shipped.setting(name, "checkpointVersionId") == source.setting(name, "checkpointVersionId")


def test_runtimes_licences_and_weights_are_those_that_were_classified(shipped: Catalogue) -> None:
    rows = json.loads((DATA / "open-weights.json").read_text(encoding="utf-8"))
    assert len(rows) == 99
    loadable = 0
    for row in rows:
        model = shipped.base_models[row["baseModel"]]
        subject = shipped.subject(model)
        loads = []
        for runtime in shipped.runtimes:
            support = shipped.runtime_support(runtime, subject)
            if support is not None and support.model_types:
                loads.append(runtime)
        assert sorted(loads) == row["runtimes"], model.name
        assert model.files is not None
        assert (model.files.weights, model.files.license) == (row["weights"], row["license"])
        assert list(model.media) == row["media"]
        loadable += bool(loads) and row["baseModel"] != "Upscaler"
    assert loadable == 72


def test_identification_and_catalogue_know_the_same_base_models(shipped: Catalogue) -> None:
    families = json.loads((DEFAULT.parent / "layouts" / "families.json").read_text(encoding="utf-8"))
    assert families["base_models"] == {
        model.name: shipped.ecosystem_of(model).name for model in shipped.base_models.values()
    }


def test_every_fact_has_a_source_with_an_address(shipped: Catalogue) -> None:
    sources = {row.key: row for row in shipped.facts.all("sources")}
    assert all(row.url.startswith("https://") for row in sources.values())
    assert sources[CIVITAI].commit == "ebed661630d3407a6d853981d89c97c31a2a4be0"
    assert sources[CIVITAI].license == "Apache-2.0"
    used = {row.source for name, rows in shipped.facts.sections.items() if name != "sources" for row in rows}
    used |= {alias.source for row in shipped.base_models.values() for alias in row.aliases}
    used |= {alias.source for row in shipped.ecosystems.values() for alias in row.aliases}
    used |= {row.files.source for row in shipped.base_models.values() if row.files}
    used |= {alias.source for row in shipped.runtimes.values() for alias in row.aliases}
    assert set(sources) <= used, "a source that nothing names"


def test_a_file_holds_one_family_and_all_about_it(shipped: Catalogue) -> None:
    homes = {record.name: record.origin.file for record in shipped.ecosystems.values()}
    for record in shipped.ecosystems.values():
        assert homes[shipped.root(record.name).name] == record.origin.file
    for section in ("ecosystemSupport", "ecosystemSettings"):
        assert all(homes[row.ecosystem] == row.origin.file for row in shipped.facts.all(section))
    for rule in shipped.facts.all("crossEcosystemRules"):
        assert homes[rule.target_ecosystem] == rule.origin.file
    for row in shipped.facts.all("runtimeSupport"):
        subject = shipped.find(row.target.name)
        assert subject is not None
        assert homes[subject.ecosystem.name] == row.origin.file


def test_the_files_are_ascii_and_one_per_family() -> None:
    files = sorted(DEFAULT.glob("*.json"))
    assert len(files) > 40
    for file in files:
        assert file.read_bytes().isascii()
        assert PurePosixPath(file.name).stem == file.stem.lower()


def test_explicit_families_say_why(shipped: Catalogue) -> None:
    explicit = [record for record in shipped.ecosystems.values() if record.relations != "inferred"]
    assert {record.name for record in explicit} == {"Flux2", "SDXL", "AuraFlow"}
    assert all(record.reason for record in explicit)


def test_the_document_catalogue_holds_the_documents_examples(document: Catalogue) -> None:
    parents = {name: record.parent for name, record in document.ecosystems.items() if record.parent}
    assert parents == {"Pony": "SDXL", "Illustrious": "SDXL", "NoobAI": "SDXL", "FluxKrea": "Flux"}
    assert len(document.facts.all("ecosystemSupport")) == 11
    assert len(document.facts.all("ecosystemSettings")) == 4
    assert len(document.facts.all("crossEcosystemRules")) == 1
    assert {row.target for row in document.facts.all("supportOverrides")} == {
        Target("baseModel", "SDXL Turbo"),
        Target("baseModel", "Illustrious v1.5"),
        Target("group", "SD3"),
    }
