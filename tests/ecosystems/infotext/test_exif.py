import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quartermaster.ecosystems.infotext.exif import USER_COMMENT, exif_texts
from quartermaster.tests.fakes.images import exif, unicode_comment

TEXT = "a castle, ünïcode 日本\nSteps: 20, Sampler: Euler a"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le", "utf-16"])
def test_a_users_comment_is_read_whatever_the_writers_byte_order(order: str, encoding: str) -> None:
    data = exif({}, order=order, comment=unicode_comment(TEXT, encoding))
    assert exif_texts(data) == exif_texts(b"Exif\0\0" + data) == [(USER_COMMENT, TEXT)]


@pytest.mark.parametrize(
    ("comment", "text"),
    [
        (b"ASCII\0\0\0plain text", "plain text"),
        (b"\0" * 8 + "Größe".encode(), "Größe"),
        (b"no code before it", "no code before it"),
        (b"JIS\0\0\0\0\0" + "日本".encode("iso2022_jp"), "日本"),
        (b"UNICODE\0" + "日本語".encode("utf-16-be"), "日本語"),
        (b"ASCII\0\0\0broken \xff", "broken \ufffd"),
    ],
)
def test_every_way_to_write_a_comment_is_read(comment: bytes, text: str) -> None:
    assert exif_texts(exif({}, order=">", comment=comment)) == [(USER_COMMENT, text)]


def test_comfyui_writes_its_graph_into_the_tags_of_a_camera() -> None:
    data = exif({0x010F: b'workflow:{"nodes": []}\0', 0x0110: b'prompt:{"1": {}}\0', 0x0131: b"x\0"})
    assert exif_texts(data) == [("workflow", '{"nodes": []}'), ("prompt", '{"1": {}}'), ("Software", "x")]
    assert exif_texts(exif({0x010F: b"prompt: a make\0"})) == [("Make", "prompt: a make")]


def test_an_empty_comment_is_none() -> None:
    assert exif_texts(exif({}, comment=b"ASCII\0\0\0\0\0")) == exif_texts(exif({}, comment=b"")) == []


def test_directories_that_point_at_each_other_end() -> None:
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    assert exif_texts(b"II*\0" + struct.pack("<IH", 8, 1000) + entry * 1000) == []


def test_a_value_that_lies_outside_of_the_data_is_passed_over() -> None:
    for length, place in ((100, 30), (0xFFFFFFFF, 0), (8, 0xFFFFFFFF)):
        entry = struct.pack("<HHII", 0x010E, 2, length, place)
        assert exif_texts(b"II*\0" + struct.pack("<IH", 8, 1) + entry) == []


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_anything_behind_a_head_is_survived(data: bytes) -> None:
    for head in (b"", b"II*\0", b"MM\0*", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"):
        for name, text in exif_texts(head + data):
            assert name and text


@settings(deadline=None)
@given(st.data())
def test_a_whole_one_with_a_few_bytes_changed_is_survived(draw: st.DataObject) -> None:
    data = bytearray(exif({0x0110: b"prompt:{}\0"}, comment=unicode_comment(TEXT)))
    for _ in range(draw.draw(st.integers(1, 6))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    exif_texts(bytes(data))
