"""Claim's building blocks."""

import os
import random
from pathlib import Path

import pytest
from quartermaster.extension.claims.claim import SHA256_OF_NOTHING, as_sha256
from quartermaster.tests.fakes.hash_stores import local_file


def test_the_mtime_is_what_getmtime_returns_in_the_web_ui(tmp_path: Path) -> None:
    path = tmp_path / "m.ckpt"
    path.touch()
    chance = random.Random(7)
    for _ in range(300):
        os.utime(path, ns=(0, chance.randrange(1_000_000_000, 4_000_000_000_000_000_000)))
        assert local_file(mtime_ns=path.stat().st_mtime_ns).mtime == os.path.getmtime(path)


@pytest.mark.parametrize(
    ("name", "stem"), [("a.b.safetensors", "a.b"), ("sub/x.ckpt", "x"), ("plain", "plain"), (".hidden", ".hidden")]
)
def test_the_stem_is_the_name_without_its_last_suffix(name: str, stem: str) -> None:
    assert local_file(name).stem == stem


def test_a_sha256_is_64_hex_digits_of_any_case() -> None:
    assert as_sha256("AB" * 32) == "ab" * 32


@pytest.mark.parametrize(
    "value", [None, 5, "", "ab" * 31, "xy" * 32, "ab" * 33, "٣" * 64, " " + "a" * 63, SHA256_OF_NOTHING, ["ab" * 32]]
)
def test_what_is_no_sha256_of_content_is_none(value: object) -> None:
    assert as_sha256(value) is None
