import pytest
from quartermaster.ecosystems.infotext.resource import TYPES_OF_ROLE, Resource, merged, model_hash, stem
from quartermaster.ecosystems.model_types import MODEL_TYPES


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("x", "x"),
        ("sub/x.safetensors", "x"),
        ("sub\\deep/x.v1.5.CKPT", "x.v1.5"),
        ("model v1.5", "model v1.5"),
        ("x.gguf", "x"),
        (".pt", ""),
        ("", ""),
    ],
)
def test_a_stem_is_the_name_without_folder_and_extension(name: str, expected: str) -> None:
    assert stem(name) == expected == Resource("lora", name).stem


@pytest.mark.parametrize(
    ("text", "expected"),
    [(" AB12cd34 ", "ab12cd34"), ("0x" + "a" * 64, "a" * 64), ("a" * 7, None), ("a" * 65, None), ("g" * 10, None),
     (5, None), (None, None), ("a" * 10_000, None)],
)  # fmt: skip
def test_a_hash_is_8_to_64_hex_digits(text: object, expected: str | None) -> None:
    assert model_hash(text) == expected


def test_one_model_that_is_named_in_several_places_is_one_resource() -> None:
    listed = [
        Resource("lora", "a: b, c", weight=0.8, source="prompt"),
        Resource("lora", "other", source="prompt"),
        Resource("lora", "A b c", "a" * 12, source="Lora hashes"),
        Resource("lora", "x/a b c.safetensors", "b" * 10, 0.3, source="Hashes"),
        Resource("embedding", "a b c", "d" * 12),
    ]
    first, other, embedding = merged(listed)
    assert (first.name, first.weight, first.source) == ("a: b, c", 0.8, "prompt")
    assert (first.hash, first.more_hashes) == ("b" * 10, ("a" * 12,)), (
        "an exact hash comes before one of three meanings"
    )
    assert other.hash is None and embedding.hash == "d" * 12
    assert merged(reversed(listed))[0].hash == "d" * 12


def test_models_without_a_name_are_told_apart_by_hash_and_version() -> None:
    listed = [Resource("lora", "", civitai_version_id=1), Resource("lora", "", civitai_version_id=2),
              Resource("vae", "", "a" * 10), Resource("vae", "", "a" * 10, source="Hashes"),
              Resource("vae", "", "b" * 10)]  # fmt: skip
    assert merged(listed) == (*listed[:3], listed[4])


def test_a_name_with_a_flood_of_hashes_keeps_a_few() -> None:
    (flooded,) = merged(Resource("lora", "x", f"{n:012x}") for n in range(1000))
    assert flooded.hash == "0" * 12 and len(flooded.more_hashes) == 7


def test_a_hash_of_eight_digits_cannot_be_looked_up() -> None:
    assert Resource("controlnet", "x", "d14c016b", more_hashes=("a" * 10,)).searchable_hashes == ("a" * 10,)


def test_every_role_names_model_types_that_exist() -> None:
    assert {kind for kinds in TYPES_OF_ROLE.values() for kind in kinds} <= set(MODEL_TYPES)
