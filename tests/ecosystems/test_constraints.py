from typing import Any

from quartermaster.ecosystems.catalogue import Catalogue
from quartermaster.ecosystems.constraints import limits
from quartermaster.ecosystems.load import from_document


def value(catalogue: Catalogue, name: str | None, **context: str) -> int | float:
    subject = catalogue.find(name) if name else None
    return limits(catalogue, subject, context)["resources"].value


def modifier(small: dict[str, Any], **values: Any) -> None:
    row = {"key": "resources", "when": {"tier": ["gold"]}, "operation": "set", "source": "s"}
    small["constraintModifiers"].append({**row, **values})


def test_the_documents_example_free_tier_9_paid_tiers_12(document: Catalogue, shipped: Catalogue) -> None:
    for catalogue in (document, shipped):
        assert limits(catalogue, None, {})["additionalResources"].value == 9
        assert limits(catalogue, None, {"tier": "free"})["additionalResources"].value == 9
        assert limits(catalogue, None, {"tier": "paid"})["additionalResources"].value == 12
    assert limits(shipped, None, {"tier": "gold"})["additionalResources"].value == 12


def test_a_base_constraint_follows_the_precedence(small: dict[str, Any]) -> None:
    rows = [{"baseModel": "Child 1.0", "value": 1}, {"group": "Sibling", "value": 2}, {"ecosystem": "Root", "value": 3}]
    small["inputConstraints"] += [{"key": "resources", "source": "s", **row} for row in rows]
    catalogue = from_document(small)
    assert [value(catalogue, name) for name in ("Child 1.0", "Child", "Sibling 1.0", "Root", "Alien", None)] == [
        1,
        3,
        2,
        3,
        9,
        9,
    ]


def test_the_most_specific_modifier_for_the_context_wins(small: dict[str, Any]) -> None:
    modifier(small, ecosystem="Root", value=20)
    modifier(small, baseModel="Child 1.0", value=30, when={"tier": ["silver"]})
    catalogue = from_document(small)
    assert value(catalogue, "Alien", tier="gold") == 12
    assert value(catalogue, "Child 1.0", tier="gold") == 20, "the base model's own modifier is for another tier"
    assert value(catalogue, "Child 1.0", tier="silver") == 30
    assert value(catalogue, "Child 1.0", tier="bronze") == 9


def test_on_one_level_the_modifier_with_more_conditions_wins(small: dict[str, Any]) -> None:
    modifier(small, value=50, when={"tier": ["gold"], "event": ["launch"]})
    catalogue = from_document(small)
    assert value(catalogue, None, tier="gold") == 12
    assert value(catalogue, None, tier="gold", event="launch") == 50


def test_the_operations(small: dict[str, Any]) -> None:
    for level, operation, number in (("Root", "add", 2), ("Child", "max", 4), ("Alien", "min", 11)):
        modifier(small, group=level, operation=operation, value=number)
    catalogue = from_document(small)
    assert [value(catalogue, name, tier="gold") for name in ("Root", "Child", "Alien")] == [11, 4, 11]
