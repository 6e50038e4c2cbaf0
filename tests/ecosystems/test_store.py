"""An agent keeps the last good catalogue."""

from pathlib import Path
from typing import Any

import pytest
from quartermaster.ecosystems.errors import CatalogueError
from quartermaster.ecosystems.load import from_document, to_bytes
from quartermaster.ecosystems.store import FILE_NAME, CatalogueStore


def version(small: dict[str, Any], number: str) -> dict[str, Any]:
    return {**small, "catalogue": {"name": "small", "version": number}}


def test_a_newer_catalogue_is_kept_and_used(tmp_path: Path, small: dict[str, Any]) -> None:
    store = CatalogueStore(tmp_path / "state")
    shipped = from_document(version(small, "1.0"))
    assert store.kept() is None
    assert store.best(shipped) is shipped
    store.keep(to_bytes(from_document(version(small, "1.10"))))
    assert CatalogueStore(tmp_path / "state").best(shipped).version == "1.10"


def test_an_older_one_is_not_used_in_place_of_the_shipped_one(tmp_path: Path, small: dict[str, Any]) -> None:
    store = CatalogueStore(tmp_path)
    store.keep(to_bytes(from_document(version(small, "1.9"))))
    shipped = from_document(version(small, "1.10"))
    assert store.best(shipped) is shipped


def test_a_bad_catalogue_leaves_the_good_one_in_place(tmp_path: Path, small: dict[str, Any]) -> None:
    store = CatalogueStore(tmp_path)
    store.keep(to_bytes(from_document(version(small, "2.0"))))
    before = (tmp_path / FILE_NAME).read_bytes()
    for rubbish in (b"", b"<html>", b'{"catalogue": {"name": "x", "version": "3"}}'):
        with pytest.raises(CatalogueError):
            store.keep(rubbish)
    assert (tmp_path / FILE_NAME).read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [FILE_NAME], "no temporary file is left"


def test_a_damaged_file_is_logged_and_not_used(
    tmp_path: Path, small: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).write_bytes(b'{"catalogue"')
    shipped = from_document(small)
    assert CatalogueStore(tmp_path).best(shipped) is shipped
    assert "is not used" in caplog.text


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, small: dict[str, Any]) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder", encoding="utf-8")
    with pytest.raises(CatalogueError, match="cannot be written"):
        CatalogueStore(blocked).keep(to_bytes(from_document(small)))
