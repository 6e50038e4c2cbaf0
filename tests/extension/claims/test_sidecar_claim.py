"""sidecar_claim: which of the hashes beside a model is this very file's."""

import pytest
from quartermaster.ecosystems.identify.sidecars import (
    CIVITAI_INFO,
    LORA_MANAGER,
    STABILITY_MATRIX,
    USER_METADATA,
    Sidecar,
)
from quartermaster.extension.claims.claim import Claim
from quartermaster.extension.claims.sidecar_claim import OLDER_NS, sidecar_claim
from quartermaster.tests.fakes.hash_stores import local_file

A, B, C = ("ab" * 32, "bc" * 32, "cd" * 32)
FILE = local_file("x.safetensors", kind="LORA", size_bytes=151_112_345)
SIZE_KIB = FILE.size_bytes / 1024


def sidecar(source: str, data: dict[str, object], newer_ns: int = 5) -> Sidecar:
    return Sidecar(source, "x", FILE.mtime_ns + newer_ns, data)


def civitai_file(sha256: str, size_kib: object = SIZE_KIB, **fields: object) -> dict[str, object]:
    hashes = {"SHA256": sha256.upper(), "AutoV2": sha256[:10], "AutoV3": "0" * 12}
    return {"name": "Original.safetensors", "sizeKB": size_kib, "hashes": hashes, **fields}


def civitai(*files: object, **fields: object) -> Sidecar:
    return sidecar(CIVITAI_INFO, {"baseModel": "Pony", "files": list(files), **fields})


def claimed(*sidecars: Sidecar, names: set[str] | None = None) -> str | None:
    claim = sidecar_claim(FILE, sidecars, names or set())
    return claim.sha256 if claim else None


def test_the_file_of_the_right_size_is_claimed_with_its_base_model() -> None:
    files = [civitai_file(B, 4_000_000.5, primary=True), civitai_file(A)]
    assert sidecar_claim(FILE, [civitai(*files)]) == Claim(A, CIVITAI_INFO, None, "Pony")


def test_a_whole_tensor_hash_is_passed_on() -> None:
    entry = civitai_file(A, hashes={"SHA256": A, "AutoV3": B})
    claim = sidecar_claim(FILE, [civitai(entry)])
    assert claim is not None
    assert claim.tensor_sha256 == B


@pytest.mark.parametrize(
    ("size_kib", "fits"),
    [
        (SIZE_KIB, True),
        (round(SIZE_KIB, 2), True),
        (int(SIZE_KIB), True),
        (round(SIZE_KIB), True),
        (SIZE_KIB + 0.25, False),
        (round(SIZE_KIB) + 3, False),
        (FILE.size_bytes, False),
    ],
)
def test_a_size_fits_within_its_own_rounding(size_kib: float, fits: bool) -> None:
    assert (claimed(civitai(civitai_file(A, size_kib))) == A) == fits


def test_of_several_of_one_size_the_name_decides() -> None:
    files = [civitai_file(A, primary=True), civitai_file(B, name="x.safetensors")]
    assert claimed(civitai(*files)) == B


def test_of_several_of_one_size_the_primary_comes_after_the_name() -> None:
    assert claimed(civitai(civitai_file(A), civitai_file(B, primary=True))) == B


def test_of_several_that_cannot_be_told_apart_none_is_claimed() -> None:
    assert claimed(civitai(civitai_file(A), civitai_file(B))) is None
    assert claimed(civitai(civitai_file(A, primary=True), civitai_file(B, primary=True))) is None


def test_without_sizes_the_name_or_being_alone_decides_and_no_mark() -> None:
    assert claimed(civitai(civitai_file(A, None))) == A
    assert claimed(civitai(civitai_file(A, None, primary=True), civitai_file(B, None, name="x.safetensors"))) == B
    assert claimed(civitai(civitai_file(A, None, primary=True), civitai_file(B, None))) is None


def test_a_whole_model_with_its_versions_is_searched() -> None:
    versions = [
        {"baseModel": "SDXL 1.0", "files": [civitai_file(B, 1.5)]},
        {"baseModel": "Pony", "files": [civitai_file(A)]},
    ]
    claim = sidecar_claim(FILE, [sidecar(CIVITAI_INFO, {"name": "Cats", "modelVersions": versions})])
    assert claim == Claim(A, CIVITAI_INFO, None, "Pony")


def test_lora_manager_claims_where_its_size_fits() -> None:
    data: dict[str, object] = {"sha256": A, "size": FILE.size_bytes, "base_model": "Pony", "file_name": "x"}
    assert sidecar_claim(FILE, [sidecar(LORA_MANAGER, data)]) == Claim(A, LORA_MANAGER, None, "Pony")
    assert claimed(sidecar(LORA_MANAGER, {**data, "size": FILE.size_bytes + 4096})) is None
    assert claimed(sidecar(LORA_MANAGER, {**data, "sha256": ""})) is None


def test_stability_matrix_and_user_metadata_claim_without_a_size() -> None:
    assert claimed(sidecar(STABILITY_MATRIX, {"Hashes": {"SHA256": A.upper()}, "BaseModel": "Pony"})) == A
    assert claimed(sidecar(USER_METADATA, {"sha256": A, "sd version": "SDXL"})) == A
    assert claimed(sidecar(USER_METADATA, {"sd version": "SDXL"})) is None


def test_a_sidecar_without_a_size_says_nothing_where_two_models_share_its_name() -> None:
    without = sidecar(STABILITY_MATRIX, {"Hashes": {"SHA256": A}})
    assert claimed(without, names={"x.safetensors", "x.ckpt"}) is None
    assert claimed(without, names={"x.safetensors", "x.png", "y.ckpt"}) == A
    assert claimed(civitai(civitai_file(A)), names={"x.safetensors", "x.ckpt"}) == A


def test_a_sidecar_much_older_than_the_file_is_about_another_one() -> None:
    data: dict[str, object] = {"sha256": A, "size": FILE.size_bytes}
    assert claimed(sidecar(LORA_MANAGER, data, newer_ns=-OLDER_NS)) == A
    assert claimed(sidecar(LORA_MANAGER, data, newer_ns=-OLDER_NS - 1)) is None


def test_sidecars_that_contradict_each_other_claim_nothing() -> None:
    one, two = sidecar(STABILITY_MATRIX, {"Hashes": {"SHA256": A}}), sidecar(USER_METADATA, {"sha256": B})
    assert claimed(one, two) is None
    assert claimed(one, sidecar(USER_METADATA, {"sha256": A})) == A


def test_a_sidecar_with_the_right_size_goes_before_one_without() -> None:
    assert claimed(sidecar(USER_METADATA, {"sha256": B}), civitai(civitai_file(A))) == A
    assert claimed(civitai(civitai_file(A)), sidecar(LORA_MANAGER, {"sha256": C, "size": FILE.size_bytes})) is None


@pytest.mark.parametrize(
    "odd", [None, 5, "text", [], [5], {}, {"files": 5}, [{"hashes": []}], [[]], 1 << 2000, float("nan")]
)
def test_odd_values_claim_nothing(odd: object) -> None:
    keys = ["files", "modelVersions", "sha256", "Hashes", "hashes", "size", "baseModel"]
    for source in (CIVITAI_INFO, LORA_MANAGER, STABILITY_MATRIX, USER_METADATA):
        assert claimed(sidecar(source, dict.fromkeys(keys, odd))) is None
    assert claimed(civitai(civitai_file(A, odd, name=odd), {"hashes": odd}, baseModel=odd)) in {A, None}
