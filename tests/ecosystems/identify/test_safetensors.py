import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quartermaster.bench.layouts import safetensors_header, write_safetensors
from quartermaster.ecosystems.identify import (
    BrokenHeaderError,
    HeaderError,
    HeaderTooLargeError,
    UnknownFormatError,
    UnreadableFileError,
    identify_file,
    identify_header,
    read_header,
)
from quartermaster.ecosystems.identify.safetensors import MAX_HEADER_BYTES, parse_safetensors, read_safetensors

TENSOR = {"dtype": "F16", "shape": [2, 3], "data_offsets": [0, 12]}


def parse(content: object, body_bytes: int = 12) -> Any:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return parse_safetensors(text, 8 + len(text) + body_bytes)


def from_bytes(raw: bytes) -> Any:
    return read_safetensors(lambda offset, count: raw[offset : offset + count], len(raw))


def test_a_header_gives_names_dtypes_shapes_and_metadata() -> None:
    header = parse({"__metadata__": {"title": "x"}, "a.weight": TENSOR})
    assert header.shape("a.weight") == (2, 3)
    assert header.dtype("a.weight") == "F16"
    assert header.metadata == {"title": "x"}
    assert header.damage == ()
    assert header.shape("b") is None


@pytest.mark.parametrize("content", [b"[1]", b"3", b"{", b"", b"\xff\xfe", b'{"a":'], ids=repr)
def test_what_is_no_json_object_is_broken(content: bytes) -> None:
    with pytest.raises(BrokenHeaderError):
        parse(content)


@pytest.mark.parametrize(
    "entry",
    [None, "hello", [], {}, {"data_offsets": None}, {"data_offsets": [1]}, {"data_offsets": ["a", "b"]},
     {"data_offsets": [0.0, 1.5]}, {"data_offsets": [-1, 4]}, {"data_offsets": [None, None]}],
    ids=repr,
)  # fmt: skip
def test_an_entry_without_offsets_is_broken(entry: object) -> None:
    with pytest.raises(BrokenHeaderError):
        parse({"a": entry})


@pytest.mark.parametrize("shape", [None, "x", [-1], [1.0], [True], ["a"], [[1]], {}, [1] * 9], ids=repr)
def test_a_shape_that_is_none_is_found_where_it_is_looked_at(shape: object) -> None:
    header = parse({"a": {"dtype": "F16", "shape": shape, "data_offsets": [0, 12]}})
    assert header.shape("a") is None
    assert identify_header(header).error is not None


def test_nesting_costs_an_error_and_not_the_stack() -> None:
    with pytest.raises(BrokenHeaderError, match="nested"):
        parse(b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}")


@pytest.mark.parametrize(("body_bytes", "word"), [(11, "cut short"), (13, "belong to no tensor"), (0, "cut short")])
def test_the_body_is_held_against_the_files_length(body_bytes: int, word: str) -> None:
    header = parse({"a": TENSOR}, body_bytes)
    assert word in header.damage[0]
    assert identify_header(header).error is not None


def test_tensors_that_overlap_are_damage() -> None:
    twins = {"a": TENSOR, "b": TENSOR}
    assert any("overlap" in text for text in parse(twins).damage)
    shifted = {"a": {**TENSOR, "data_offsets": [4, 16]}}
    assert any("gaps" in text for text in parse(shifted, 16).damage)


def test_a_name_that_stands_twice_is_damage() -> None:
    entry = json.dumps(TENSOR)
    header = parse(f'{{"a":{entry},"a":{entry}}}'.encode())
    assert any("twice" in text for text in header.damage)
    braces = {"__metadata__": {"note{": "{{{"}, "a": TENSOR}
    assert parse(braces).damage == ()


def test_a_length_beyond_the_file_is_broken_before_anything_is_read() -> None:
    for length in (3, 100, 1 << 40, 1 << 63, (1 << 64) - 1):
        with pytest.raises(BrokenHeaderError):
            from_bytes(struct.pack("<Q", length) + b"{}")


def test_a_large_header_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.safetensors"
    write_safetensors(path, b'{"a":', 0)
    with open(path, "r+b") as file:
        file.write(struct.pack("<Q", MAX_HEADER_BYTES + 1))
        file.truncate(MAX_HEADER_BYTES * 2)
    with pytest.raises(HeaderTooLargeError, match="not read"):
        read_header(path)


@pytest.mark.parametrize(
    "raw", [b"", b"\0" * 7, b"\0" * 8, b"version https://git-lfs.github.com/spec/v1\n", b"\x10" + b"\0" * 7 + b"[1,2"]
)
def test_what_does_not_begin_like_one_is_of_unknown_format(raw: bytes) -> None:
    with pytest.raises(UnknownFormatError):
        from_bytes(raw)


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", str(tmp_path / "a\0b")):
        with pytest.raises(UnreadableFileError):
            read_header(path)


def test_the_same_header_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_safetensors(path, *safetensors_header({"a.weight": ("BF16", [4, 4])}, {"k": "v"}))
    header = read_header(path)
    assert (header.shape("a.weight"), header.metadata, header.damage) == ((4, 4), {"k": "v"}, ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(
    ["lora_unet_x.lora_down.weight", "double_blocks.0.img_attn.qkv.weight", "emb_params", "clip_l", "",
     "model.diffusion_model.input_blocks.0.0.weight", "a\nb", "\ud800", "__metadata__", "x.hada_w1_a", "x.lokr_w1"]
) | st.text(max_size=20)  # fmt: skip
ENTRIES = JSON | st.fixed_dictionaries(
    {
        "dtype": st.sampled_from(["F16", "U8", "", 5]) | JSON,
        "shape": st.lists(st.integers(-2, 4000), max_size=5) | JSON,
    },
    optional={"data_offsets": st.lists(st.integers(-5, 50), max_size=3) | JSON},
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(NAMES, ENTRIES, max_size=6), st.integers(-10, 100))
def test_any_json_is_a_header_or_a_typed_error(content: dict[str, Any], body_bytes: int) -> None:
    text = json.dumps(content).encode("utf-8", "surrogatepass")
    try:
        header = parse_safetensors(text, 8 + len(text) + body_bytes)
    except HeaderError:
        return
    json.dumps(identify_header(header, "models/Lora/x.safetensors").as_json())


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_are_a_header_or_a_typed_error(raw: bytes, framed: bool) -> None:
    try:
        from_bytes(struct.pack("<Q", len(raw)) + raw if framed else raw)
    except HeaderError:
        return


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_real_header_with_bytes_changed_is_answered(data: st.DataObject) -> None:
    text, body = safetensors_header({f"double_blocks.{n}.img_attn.qkv.weight": ("BF16", [96, 32]) for n in range(3)})
    raw = bytearray(struct.pack("<Q", len(text)) + text)
    for position, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255)), max_size=6)
    ):
        raw[position] = value
    try:
        header = read_safetensors(lambda o, n: bytes(raw[o : o + n]), len(raw) + body)
    except HeaderError:
        return
    json.dumps(identify_header(header).as_json())


def test_a_file_that_cannot_be_read_has_an_answer_with_the_reason(tmp_path: Path) -> None:
    found = identify_file(tmp_path / "missing.safetensors")
    assert (found.kind, found.ecosystem, found.confidence) == (None, None, 0.0)
    assert found.error is not None
    assert found.error.startswith("cannot be read")
