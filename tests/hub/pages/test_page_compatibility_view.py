"""Compatibility: kinds by grade, the best first; addresses that say which files are meant."""

from urllib.parse import parse_qs, urlsplit

from quartermaster.hub.fitting import Fit, Graded, Kind, Picked
from quartermaster.hub.pages.compatibility_view import SHOWN_KINDS, Asked, by_ecosystem, sections

BASE = Picked("SDXL 1.0", None, "SDXL 1.0")


def graded(grade: str, count: int, ecosystem: str | None = "Pony", base_model: str | None = None) -> Graded:
    return Graded(Kind("LORA", ecosystem, base_model, count), grade, "because", ("1. a step",))


def test_grades_come_best_first_with_their_files_counted() -> None:
    fit = Fit(
        (graded("None", 9), graded("Full", 3, "SDXL"), graded("Full", 2, "Flux"), graded("Unknown", 1, None)), False
    )
    shown = sections(fit, Asked(), BASE)
    assert [(one.grade, one.count, len(one.rows)) for one in shown] == [
        ("Full", 5, 2),
        ("Partial", 0, 0),
        ("Unknown", 1, 1),
        ("None", 9, 1),
    ]


def test_thousands_of_kinds_are_cut_and_counted() -> None:
    fit = Fit(tuple(graded("Full", 1, f"made up {number}") for number in range(SHOWN_KINDS + 7)), True)
    first = sections(fit, Asked(), BASE)[0]
    assert (len(first.rows), first.left_out, first.count) == (SHOWN_KINDS, 7, SHOWN_KINDS + 7)


def test_the_address_of_a_kind_names_it_exactly() -> None:
    asked = Asked(checkpoint="SDXL 1.0", server="attic", runtime="a1111")
    row = sections(Fit((graded("Full", 1, "a & b", "<c>"),), False), asked, BASE)[0].rows[0]
    assert parse_qs(urlsplit(row.files_url).query) == {
        "type": ["LORA"],
        "ecosystem": ["a & b"],
        "base_model": ["<c>"],
        "server": ["attic"],
        "checkpoint": ["SDXL 1.0"],
        "runtime": ["a1111"],
    }


def test_one_ecosystem_can_be_asked_for() -> None:
    fit = Fit((graded("Full", 3, "SDXL"), graded("Full", 2, "Flux")), False)
    assert [one.count for one in sections(fit, Asked(ecosystem="Flux"), BASE)] == [2, 0, 0, 0]


def test_the_question_without_a_runtime_is_another_than_the_default() -> None:
    assert Asked(checkpoint="x").url(runtime="") == "/compatibility?checkpoint=x&runtime="


def test_the_picture_has_the_most_frequent_ecosystems() -> None:
    fit = Fit((graded("None", 9, "SD1"), graded("Full", 3, "SDXL"), graded("Unknown", 1, None)), False)
    chart = by_ecosystem(fit)
    assert chart.index("SD1") < chart.index("SDXL") < chart.index("not identified")
