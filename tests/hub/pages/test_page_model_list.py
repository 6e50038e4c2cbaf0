"""The list of models: its address says what was asked, its chips take parts of that away."""

from urllib.parse import parse_qs, urlsplit

from quartermaster.hub.pages.model_list import Asked, chips, facet, told

ALIASES = {"s1": "the attic"}


def test_an_address_holds_what_was_asked_and_nothing_else() -> None:
    assert Asked().url() == "/models"
    url = Asked(q="fox & <b>", type="LORA", sort="name").url(cursor="abc")
    assert parse_qs(urlsplit(url).query) == {"q": ["fox & <b>"], "type": ["LORA"], "sort": ["name"], "cursor": ["abc"]}
    assert "<" not in url


def test_a_change_keeps_the_rest_and_begins_with_the_first_page() -> None:
    assert Asked(q="fox", type="LORA").url(type="") == "/models?q=fox"


def test_a_lone_surrogate_has_an_address_too() -> None:
    assert Asked(q="\ud800").url() == "/models?q=%ED%A0%80"


def test_each_chip_leads_to_the_list_without_it() -> None:
    asked = Asked(q="fox", server="s1", missing_on="gone", status="offline", duplicates="twins")
    shown = {chip.label: (chip.value, chip.url) for chip in chips(asked, ALIASES)}
    assert shown["On"] == ("the attic", asked.url(server=""))
    assert shown["Missing on"][0] == "gone"
    assert shown["Duplicates"][0] == "same weights, other file"
    assert set(shown) == {"Words", "On", "Missing on", "Status", "Duplicates"}
    assert chips(Asked(sort="size"), ALIASES) == []


def test_what_was_chosen_is_a_choice_even_where_nothing_has_it() -> None:
    found = facet(Asked(ecosystem="Pony"), "ecosystem", [("SDXL", 3)], ALIASES)
    assert [(choice.value, choice.count, choice.chosen) for choice in found.choices] == [
        ("SDXL", 3, False),
        ("Pony", 0, True),
    ]


def test_how_many_were_found_is_said_as_far_as_it_is_counted() -> None:
    assert told({"count": 1, "exact": True}) == "1 model"
    assert told({"count": 12_345, "exact": True}) == "12\u202f345 models"
    assert told({"count": 10_000, "exact": False}) == "more than 10\u202f000 models"
