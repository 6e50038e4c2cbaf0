from pathlib import Path
from typing import Any

import pytest
from quartermaster.ecosystems import load
from quartermaster.ecosystems.catalogue import Catalogue

DATA = Path(__file__).resolve().parents[1] / "data" / "ecosystems"
CIVITAI = {"2025-12": DATA / "civitai-2025-12.json", "2026-08": DATA / "civitai-2026-08.json"}


@pytest.fixture(scope="session")
def shipped() -> Catalogue:
    return load.load_default()


@pytest.fixture(scope="session")
def document() -> Catalogue:
    """The document's own examples."""
    return load.load(load.DOCUMENT)


@pytest.fixture(scope="session", params=sorted(CIVITAI))
def civitai_file(request: pytest.FixtureRequest) -> Path:
    return CIVITAI[request.param]


@pytest.fixture
def small() -> dict[str, Any]:
    """A small catalogue in our schema, one file, to be changed by a test."""
    sources: list[Any] = [{"key": "s", "title": "a source", "url": "https://example.org"}]
    return {
        "catalogue": {"name": "small", "version": "1.0"},
        "sources": sources,
        "runtimes": [{"name": "forge", "asOf": "2025-06-26", "modelTypes": ["LORA", "VAE"], "source": "s"}],
        "ecosystems": [
            {"name": "Root", "source": "s"},
            {"name": "Child", "parentEcosystem": "Root", "source": "s"},
            {"name": "Sibling", "parentEcosystem": "Root", "source": "s"},
            {"name": "Alien", "source": "s"},
        ],
        "baseModelGroups": [{"name": name, "ecosystem": name, "source": "s"} for name in _SMALL],
        "baseModels": [
            {"name": f"{name} 1.0", "type": "image", "group": name, "aliases": [], "source": "s"} for name in _SMALL
        ],
        "ecosystemSupport": [
            {
                "ecosystem": "Root",
                "supportType": "generation",
                "modelTypes": ["Checkpoint", "LORA", "VAE"],
                "enabled": True,
                "source": "s",
            },
            {
                "ecosystem": "Root",
                "supportType": "training",
                "modelTypes": ["LORA"],
                "enabled": True,
                "source": "s",
            },
        ],
        "ecosystemSettings": [{"ecosystem": "Root", "defaults": {"steps": 20, "width": 512}, "source": "s"}],
        "crossEcosystemRules": [
            {
                "sourceEcosystem": "Alien",
                "targetEcosystem": "Root",
                "supportType": "generation",
                "modelTypes": ["LORA"],
                "support": "Partial",
                "source": "s",
            }
        ],
        "supportOverrides": [],
        "exceptions": [],
        "runtimeSupport": [{"runtime": "forge", "ecosystem": "Root", "modelTypes": ["LORA"], "source": "s"}],
        "inputConstraints": [{"key": "resources", "value": 9, "source": "s"}],
        "constraintModifiers": [
            {"key": "resources", "when": {"tier": ["gold"]}, "operation": "set", "value": 12, "source": "s"}
        ],
    }


_SMALL = ("Root", "Child", "Sibling", "Alien")
