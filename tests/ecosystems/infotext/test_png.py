import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quartermaster.ecosystems.infotext.png import MAX_TEXT_BYTES, MAX_TOTAL_BYTES, SIGNATURE, png_texts
from quartermaster.tests.fakes.images import chunk, exif, international, packed, plain, png, unicode_comment


def texts(data: bytes) -> list[tuple[str, str]]:
    file = io.BytesIO(data)
    assert file.read(len(SIGNATURE)) == SIGNATURE
    return list(png_texts(file))


def test_every_kind_of_text_chunk_is_read_in_its_order() -> None:
    data = png(
        plain("parameters", "a castle, Größe"),
        packed("prompt", "{}"),
        international("workflow", "日本"),
        international("Comment", "日本", compressed=True),
        (b"eXIf", exif({}, comment=unicode_comment("from EXIF"))),
        (b"tIME", b"1234567"),
    )
    assert texts(data) == [
        ("parameters", "a castle, Größe"),
        ("prompt", "{}"),
        ("workflow", "日本"),
        ("Comment", "日本"),
        ("UserComment", "from EXIF"),
    ]


def test_a_text_behind_the_picture_is_read_too() -> None:
    data = png()
    assert texts(data[:-12] + chunk(*plain("parameters", "late")) + data[-12:]) == [("parameters", "late")]


def test_utf8_in_the_wrong_chunk_is_read_as_it_was_meant() -> None:
    assert texts(png((b"tEXt", b"parameters\0" + "日本".encode()))) == [("parameters", "日本")]


@pytest.mark.parametrize(
    "broken",
    [
        (b"tEXt", b"no keyword"),
        (b"tEXt", b"\0no keyword"),
        (b"tEXt", b"k" * 80 + b"\0text"),
        (b"zTXt", b"k\0\0not zlib"),
        (b"zTXt", b"k\0\0" + zlib.compress(b"breaks off" * 100)[:-8]),
        (b"zTXt", b"k"),
        (b"iTXt", b"k\0\0\0en"),
        (b"iTXt", b"k\0\1\0\0\0not zlib"),
        (b"eXIf", b"not EXIF"),
    ],
)
def test_a_broken_chunk_is_passed_over(broken: tuple[bytes, bytes]) -> None:
    assert texts(png(broken, plain("parameters", "whole"))) == [("parameters", "whole")]


def test_a_bomb_is_not_unpacked() -> None:
    bomb = (b"zTXt", b"bomb\0\0" + zlib.compress(b"\0" * (MAX_TEXT_BYTES + 1), 9))
    assert len(bomb[1]) < 10_000
    assert texts(png(bomb, plain("parameters", "whole"))) == [("parameters", "whole")]


def test_many_large_texts_are_read_up_to_a_bound() -> None:
    large = packed("large", "x" * MAX_TEXT_BYTES)
    read = texts(png(*[large] * 20))
    assert 0 < sum(len(text) for _, text in read) <= MAX_TOTAL_BYTES


def test_a_chunk_that_claims_more_than_there_is_ends_the_reading() -> None:
    for length in (5, 1000, 0xFFFFFFFF):
        assert texts(SIGNATURE + struct.pack(">I", length) + b"tEXtk\0v") == []


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_anything_behind_the_signature_is_survived(data: bytes) -> None:
    texts(SIGNATURE + data)
    for kind in (b"tEXt", b"zTXt", b"iTXt", b"eXIf"):
        texts(SIGNATURE + struct.pack(">I", len(data)) + kind + data)
