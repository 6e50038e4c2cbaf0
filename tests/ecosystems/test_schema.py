"""Records are read and written by one table, and the guide names all of it."""

import re
from pathlib import Path

import pytest
from quartermaster.ecosystems.catalogue import Catalogue
from quartermaster.ecosystems.facts import Facts
from quartermaster.ecosystems.schema import MAY_HAVE_TARGET, SECTIONS, TARGET_KEYS, to_json

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "catalogue.md"


@pytest.mark.parametrize("section", sorted(SECTIONS))
def test_the_guide_names_every_key_of_a_section(section: str) -> None:
    row = re.search(rf"^\| `{section}` \|.*$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    assert row is not None
    keys = set(SECTIONS[section].keys) - {"source"}
    if section in MAY_HAVE_TARGET:
        keys |= set(TARGET_KEYS)
    if section == "constraintModifiers":
        keys -= set(TARGET_KEYS)  # "as above"
    named = row[0].rpartition(" | ")[2]
    assert keys <= set(re.findall(r"`(\w+)`", named))
    for key, item in SECTIONS[section].keys.items():
        if key != "source":
            assert (f"`{key}`*" in named) == item.required, key


def test_writing_is_the_inverse_of_reading(shipped: Catalogue) -> None:
    for section, rows in shipped.facts.sections.items():
        again = Facts()
        again.add({section: [to_json(section, row) for row in rows]}, "again.json")
        assert again.faults == []
        assert again.all(section) == rows
