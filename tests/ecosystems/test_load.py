import json
from pathlib import Path
from typing import Any

import pytest
from quartermaster.ecosystems.catalogue import Catalogue
from quartermaster.ecosystems.errors import CatalogueError
from quartermaster.ecosystems.facts import MAX_FILE_BYTES, version_key
from quartermaster.ecosystems.load import digest, document_of, from_bytes, from_document, load, load_default, to_bytes


def test_the_whole_catalogue_travels_as_one_document(
    shipped: Catalogue, document: Catalogue, civitai_file: Path
) -> None:
    for catalogue in (shipped, document, load(civitai_file)):
        again = from_bytes(to_bytes(catalogue))
        assert again.facts.sections == catalogue.facts.sections
        assert (again.name, again.version, digest(again)) == (catalogue.name, catalogue.version, digest(catalogue))


def test_the_digest_follows_the_content(small: dict[str, Any]) -> None:
    before = digest(from_document(small))
    assert len(before) == 64
    small["baseModels"][0]["hidden"] = True
    assert digest(from_document(small)) != before


def test_a_folder_and_its_one_document_are_the_same(tmp_path: Path, small: dict[str, Any]) -> None:
    for name, rows in small.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({name: rows}), encoding="utf-8")
    assert document_of(load(tmp_path)) == document_of(from_document(small))


def test_the_shipped_catalogue_is_read_once(shipped: Catalogue) -> None:
    assert load_default() is shipped


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "not JSON"),
        (b"[]", "must be an object"),
        (b"\xff\xfe", "not JSON"),
        (b'{"catalogue": {"name": "a", "version": "1"}, "catalogue": 1}', "twice"),
        (b'{"inputConstraints": [{"value": NaN}]}', "NaN"),
        (b"[" * 100_000, "not JSON"),
        (b"{}", "has no ecosystem"),
        (b'{"ecosystems": [{"name": "A", "source": "s"}]}', "give the folder that it lies in"),
        (b'{"catalogue": {"name": "a", "version": "1"}}', "has no ecosystem"),
        (b'{"catalogue": {"name": "a", "version": "1", "x": 1}}', "is not a key"),
        (b'{"catalogue": 1}', "must be an object"),
    ],
)
def test_what_is_no_catalogue_is_refused(content: bytes, problem: str) -> None:
    with pytest.raises(CatalogueError, match=problem):
        from_bytes(content)


def test_what_is_far_too_large_is_refused() -> None:
    with pytest.raises(CatalogueError, match="no catalogue is that large"):
        from_bytes(b" " * (MAX_FILE_BYTES + 1))


def test_a_missing_path_and_an_empty_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="no such file or folder"):
        load(tmp_path / "nothing")
    with pytest.raises(CatalogueError, match=r"no \.json file"):
        load(tmp_path)


def test_a_catalogue_has_one_head(tmp_path: Path, small: dict[str, Any]) -> None:
    (tmp_path / "a.json").write_text(json.dumps(small), encoding="utf-8")
    (tmp_path / "b.json").write_text(json.dumps({"catalogue": small["catalogue"]}), encoding="utf-8")
    with pytest.raises(CatalogueError, match=r"b\.json, catalogue: stands in another file already"):
        load(tmp_path)


def test_versions_are_compared_as_numbers() -> None:
    assert version_key("2026.11.21") > version_key("2026.8.30")
    assert version_key("2026-08-08") == version_key("2026.8.8")
    for bad in ("", "1.x", "-1", "1." + "9" * 20):
        with pytest.raises(ValueError, match="version"):
            version_key(bad)
