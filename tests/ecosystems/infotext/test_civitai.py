import json

import pytest
from quartermaster.ecosystems.infotext.civitai import hashes_in, read_air, resources_in


def test_the_hashes_of_civitai_are_json() -> None:
    hashes = {
        "model": "6ce0161689",
        "vae": "c6a580b13a",
        "lora:a, b": "7C7EEB4B8B",
        "embed:e": "c74b4e810b",
        "hypernet:h": "1" * 10,
        "strange:x": "1" * 10,
        "lora:none": 5,
    }
    found = hashes_in({"Model": "m", "VAE": "None", "Hashes": json.dumps(hashes)})
    assert [(each.role, each.name, each.hash) for each in found] == [
        ("checkpoint", "m", "6ce0161689"),
        ("vae", "", "c6a580b13a"),
        ("lora", "a, b", "7c7eeb4b8b"),
        ("embedding", "e", "c74b4e810b"),
        ("hypernetwork", "h", "1" * 10),
    ]


@pytest.mark.parametrize("value", ["{", "[]", "5", '{"model": {}}', "[" * 100_000, '{"a": ' * 5000])
def test_json_that_cannot_be_used_is_passed_over(value: str) -> None:
    assert list(hashes_in({"Hashes": value})) == []
    assert list(resources_in(value)) == []


def test_civitais_resources_are_known_by_their_version() -> None:
    listed = [
        {"type": "checkpoint", "modelVersionId": 128078, "modelName": "SDXL", "modelVersionName": "1.0"},
        {"type": "lora", "weight": 0.8, "modelVersionId": 135867},
        {"air": "urn:air:sdxl:lora:civitai:122359@135868", "weight": 1},
        {"type": "mystery", "modelVersionId": "7"},
        "nonsense",
    ]
    resources = resources_in(json.dumps(listed))
    assert [(each.role, each.name, each.weight, each.civitai_version_id) for each in resources] == [
        ("checkpoint", "SDXL 1.0", None, 128078),
        ("lora", "", 0.8, 135867),
        ("lora", "", 1.0, 135868),
        ("other", "", None, None),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("urn:air:sdxl:lora:civitai:122359@135867", ("lora", 135867)),
        ("urn:air:sdxl:lora:civitai:122359", ("lora", None)),
        ("urn:air:sdxl:lora:huggingface:a/b", ("", None)),
        ("urn:air:sdxl:lora:civitai:x", ("lora", None)),
        ("models/x.safetensors", ("", None)),
        ("urn:air:" * 1000, ("", None)),
        (5, ("", None)),
    ],
)
def test_an_ai_resource_name_tells_type_and_version(name: object, expected: tuple[str, int | None]) -> None:
    assert read_air(name) == expected
