import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from quartermaster.ecosystems.infotext.errors import ImageError
from quartermaster.ecosystems.infotext.images import ImageTexts, read_image
from quartermaster.tests.fakes.images import exif, jpeg, jpeg_with_exif, plain, png, unicode_comment, webp

COMMENT = exif({}, comment=unicode_comment("a castle"))
READ = (("UserComment", "a castle"),)


def test_each_format_is_known_by_its_first_bytes() -> None:
    assert read_image(png(plain("parameters", "a castle"))) == ImageTexts("png", (("parameters", "a castle"),))
    assert read_image(jpeg_with_exif(COMMENT)) == ImageTexts("jpeg", READ)
    assert read_image(webp((b"EXIF", COMMENT))) == read_image(webp((b"EXIF", b"Exif\0\0" + COMMENT)))
    assert read_image(webp((b"ICCP", b"odd"), (b"EXIF", COMMENT))) == ImageTexts("webp", READ)


def test_a_file_is_read_from_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(png(plain("parameters", "a castle")))
    with path.open("rb") as file:
        assert read_image(file).get("parameters") == "a castle"
    assert read_image(io.BytesIO(jpeg_with_exif(COMMENT))).texts == READ


def test_an_image_without_text_has_none() -> None:
    for image in (png(), jpeg(), webp()):
        assert read_image(image).texts == ()
    assert read_image(png()).get("parameters") is None


def test_a_jpegs_comment_is_read_and_its_other_segments_are_passed_over() -> None:
    image = jpeg((0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"), (0xFE, b"a comment\0"), (0xE1, b"Exif\0\0" + COMMENT))
    assert read_image(image).texts == (("comment", "a comment"), *READ)


def test_filling_bytes_between_a_jpegs_segments_are_allowed() -> None:
    image = jpeg_with_exif(COMMENT)
    assert read_image(image[:2] + b"\xff\xff\xff" + image[2:]).texts == READ


def test_nothing_behind_the_start_of_a_jpegs_picture_is_read() -> None:
    assert read_image(jpeg() + jpeg_with_exif(COMMENT)[2:]).texts == ()


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG", b"\xff\xd8", b"RIFF1234WAVE", b"<html>", b"a" * 100])
def test_what_is_no_such_image_is_refused_with_words(data: bytes) -> None:
    with pytest.raises(ImageError, match="PNG, JPEG or WebP"):
        read_image(data)


@pytest.mark.parametrize("image", [png(plain("k", "v")), jpeg_with_exif(COMMENT), webp((b"EXIF", COMMENT))])
def test_an_image_that_breaks_off_anywhere_is_survived(image: bytes) -> None:
    for length in range(12, len(image)):
        read_image(image[:length])


@settings(deadline=None)
@given(st.sampled_from([b"\xff\xd8\xff", b"RIFF1234WEBP", b"\xff\xd8\xff\xe1", b"RIFF1234WEBPEXIF"]), st.binary())
def test_anything_behind_a_format_s_first_bytes_is_survived(head: bytes, data: bytes) -> None:
    read_image(head + b"\0" * (12 - len(head)) + data)
    read_image((head + data).ljust(12, b"\0"))
