"""completeness: what a safetensors header promises, and what becomes of files that break it."""

import hashlib
import json
from pathlib import Path

import pytest
from quartermaster.extension.inventory.completeness import (
    MAX_HEADER_BYTES,
    HeaderError,
    header_length,
    is_safetensors_name,
    promised_size,
)
from quartermaster.extension.inventory.errors import IncompleteFileError
from quartermaster.extension.inventory.hashing import hash_file


def header(**tensors: tuple[int, int]) -> bytes:
    return json.dumps({name: {"dtype": "U8", "data_offsets": span} for name, span in tensors.items()}).encode()


def after_length(text: bytes, rest: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text + rest


@pytest.mark.parametrize(
    ("name", "expected"), [("a.safetensors", True), ("a.SFT", True), ("a.ckpt", False), ("safetensors", False)]
)
def test_the_name_tells_a_safetensors_file(name: str, expected: bool) -> None:
    assert is_safetensors_name(name) == expected


def test_the_file_ends_where_its_last_tensor_does() -> None:
    text = header(a=(40, 100), b=(0, 40))
    assert promised_size(text) == 8 + len(text) + 100


def test_a_file_without_tensors_ends_with_its_header() -> None:
    text = b'{"__metadata__": {"format": "pt"}}'
    assert promised_size(text) == 8 + len(text)


def test_a_header_s_length_is_its_first_eight_bytes() -> None:
    assert header_length(after_length(b"{}")) == 2
    assert header_length(MAX_HEADER_BYTES.to_bytes(8, "little")) == MAX_HEADER_BYTES


@pytest.mark.parametrize("first", [b"", b"1234567", (1).to_bytes(8, "little"), (10**8 + 1).to_bytes(8, "little")])
def test_a_length_that_no_safetensors_file_has_is_refused(first: bytes) -> None:
    with pytest.raises(HeaderError):
        header_length(first)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"{", "not JSON"),
        (b"\xff{}", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "not a JSON object"),
        (b'{"w": 1}', "no data_offsets"),
        (b'{"w": {"data_offsets": [9]}}', "no data_offsets"),
        (b'{"w": {"data_offsets": [0, 9e9]}}', "no data_offsets"),
        (b'{"w": {"data_offsets": [true, 1]}}', "no data_offsets"),
        (b'{"w": {"data_offsets": [9, 3]}}', "impossible data_offsets"),
        (b'{"w": {"data_offsets": [-1, 3]}}', "impossible data_offsets"),
    ],
)
def test_what_is_no_safetensors_header_is_refused_in_words(text: bytes, words: str) -> None:
    with pytest.raises(HeaderError, match=words):
        promised_size(text)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "too few for a header"),
        (b"\x00" * 4096, "does not begin with a safetensors header"),
        (b"<!DOCTYPE html><html>Log in</html>", "does not begin with a safetensors header"),
        (after_length(header(a=(0, 9)))[:40], "ends within its header"),
        (after_length(header(a=(0, 1000)), b"x" * 999), "its header promises"),
        (after_length(header(a=(0, 1000)), b"x" * 1001), "its header promises"),
        (after_length(b"not JSON"), "not JSON"),
    ],
)
def test_a_safetensors_that_breaks_its_promise_is_incomplete(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "l.safetensors"
    path.write_bytes(content)
    with pytest.raises(IncompleteFileError, match=words):
        hash_file(path, want_tensor_hash=True)
    found = hash_file(path, want_tensor_hash=True, require_complete=False)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.tensor_sha256 is None
