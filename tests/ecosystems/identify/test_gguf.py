import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quartermaster.bench.layouts import gguf_header
from quartermaster.ecosystems.identify import (
    BrokenHeaderError,
    Header,
    HeaderError,
    HeaderTooLargeError,
    identify_header,
)
from quartermaster.ecosystems.identify.gguf import MAX_ARRAY_STRINGS, read_gguf


def read(raw: bytes, size_bytes: int | None = None) -> Header:
    return read_gguf(lambda offset, count: raw[offset : offset + count], len(raw) if size_bytes is None else size_bytes)


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def start(tensors: int, keys: int, version: int = 3) -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


def test_shapes_come_out_outermost_first() -> None:
    raw, _ = gguf_header({"a.weight": ("Q4_K", [768, 320])}, {"general.architecture": ("string", "flux")})
    header = read(raw)
    assert header.shape("a.weight") == (320, 768)
    assert header.dtype("a.weight") == "Q4_K"
    assert header.metadata == {"general.architecture": "flux"}


def test_the_original_shape_of_a_reshaped_tensor_counts() -> None:
    metadata = {"comfy.gguf.orig_shape.conv.weight": ("array_i32", [320, 4, 3, 3])}
    raw, _ = gguf_header({"conv.weight": ("F16", [36, 320])}, metadata)
    assert read(raw).shape("conv.weight") == (320, 4, 3, 3)


@pytest.mark.parametrize("kind", range(13))
def test_values_of_every_type_are_stepped_over(kind: int) -> None:
    sizes = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
    if kind == 8:
        value = text("x")
    elif kind == 9:
        value = struct.pack("<IQ", 0, 100) + b"\0" * 100
    else:
        value = b"\0" * sizes[kind]
    raw = (
        start(0, 2) + text("first") + struct.pack("<I", kind) + value + text("last") + struct.pack("<I", 8) + text("x")
    )
    assert read(raw).metadata["last"] == "x"


def test_a_file_shorter_than_its_tensors_is_damaged() -> None:
    raw, body_bytes = gguf_header({"a.weight": ("Q4_K", [512, 320]), "b": ("F16", [7])}, {})
    assert read(raw, len(raw) + body_bytes).damage == ()
    assert "cut short" in read(raw, len(raw) + body_bytes - 64).damage[0]


def test_version_1_and_unknown_versions_are_refused() -> None:
    for version in (0, 1, 4, 999):
        with pytest.raises(BrokenHeaderError, match="version"):
            read(start(0, 0, version))


@pytest.mark.parametrize(("tensors", "keys"), [(2**64 - 1, 0), (0, 2**64 - 1), (100_000, 0)])
def test_counts_are_bounded_before_anything_is_built(tensors: int, keys: int) -> None:
    with pytest.raises(HeaderTooLargeError):
        read(start(tensors, keys))


@pytest.mark.parametrize(
    "rest",
    [struct.pack("<Q", 1 << 31), text("k") + struct.pack("<I", 99), text("k") + struct.pack("<IIQ", 9, 9, 1),
     text("k") + struct.pack("<IIQ", 9, 4, 1 << 60), text("k") + struct.pack("<I", 8), b""],
    ids=["long text", "unknown type", "nested array", "endless array", "ends early", "nothing"],
)  # fmt: skip
def test_a_header_that_cannot_be_true_is_broken(rest: bytes) -> None:
    with pytest.raises(BrokenHeaderError):
        read(start(0, 1) + rest)


def test_a_tensor_of_too_many_dimensions_is_broken() -> None:
    with pytest.raises(BrokenHeaderError, match="dimensions"):
        read(start(1, 0) + text("t") + struct.pack("<I", 1 << 31))


def test_a_long_vocabulary_ends_the_reading_but_keeps_the_architecture() -> None:
    raw = start(5, 3) + text("general.architecture") + struct.pack("<I", 8) + text("llama")
    raw += text("tokenizer.ggml.model") + struct.pack("<I", 8) + text("gpt2")
    raw += text("tokenizer.ggml.tokens") + struct.pack("<IIQ", 9, 8, MAX_ARRAY_STRINGS + 1)
    header = read(raw)
    assert header.tensors == {}
    assert identify_header(header).kind == "Other"


def test_a_t5_in_llama_cpps_names_is_a_text_encoder() -> None:
    raw, _ = gguf_header(
        {"enc.blk.0.attn_q.weight": ("Q8_0", [4096, 4096])}, {"general.architecture": ("string", "t5encoder")}
    )
    assert identify_header(read(raw)).kind == "TextEncoder"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 6), st.integers(0, 6))
def test_any_bytes_are_a_header_or_a_typed_error(rest: bytes, tensors: int, keys: int) -> None:
    try:
        identify_header(read(start(tensors, keys) + rest))
    except HeaderError:
        return


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_real_header_with_bytes_changed_is_answered(data: st.DataObject) -> None:
    raw = bytearray(gguf_header({"img_in.weight": ("F16", [64, 3072])}, {"general.file_type": ("u32", 14)})[0])
    for position, value in data.draw(
        st.lists(st.tuples(st.integers(0, len(raw) - 1), st.integers(0, 255)), max_size=5)
    ):
        raw[position] = value
    try:
        identify_header(read(bytes(raw)))
    except HeaderError:
        return
