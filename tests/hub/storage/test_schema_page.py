import pytest
from quartermaster.hub.schema import metadata, servers
from quartermaster.hub.schema.base import explain
from quartermaster.hub.storage.schema_page import PAGE, page, unexplained
from quartermaster.tests.hub.samples import REPOSITORY


def test_the_page_is_as_the_tables_are() -> None:
    written = (REPOSITORY / "docs" / PAGE).read_text(encoding="utf-8")
    assert written == page(), "hub/schema was changed: run `python3 dev.py docs` and commit docs/DATABASE_SCHEMA.md"


def test_every_table_is_explained() -> None:
    assert unexplained() == [], "write a string below each of these tables in hub/schema, then run: python3 dev.py docs"


def test_the_page_has_every_table_column_and_index() -> None:
    text = page()
    for name, table in metadata.tables.items():
        section = text.partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        for column in table.columns:
            assert f"\n| `{column.name}` | " in section, f"{name}.{column.name}"
        for index in table.indexes:
            assert f"index `{index.name}`" in section


def test_types_keys_and_conditions_are_told() -> None:
    text = page()
    assert "| `id` | INTEGER | BIGINT | not null |" in text
    assert "| `created_at` | DOUBLE | DOUBLE PRECISION | not null |" in text
    assert "| VARCHAR(100) | VARCHAR(100) | not null, → `servers.id`, on delete cascade |" in text
    assert "- primary key: `server_id`, `path_key`, `path`" in text
    assert "unique, only where `hash_sha256 IS NULL`" in text


def test_a_column_that_is_not_there_cannot_be_explained() -> None:
    with pytest.raises(KeyError):
        explain(servers, colour="red")
