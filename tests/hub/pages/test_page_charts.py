"""Charts are drawn to scale, tell their figures in words too, and show what is hostile as text."""

import re
from xml.etree import ElementTree

import pytest
from markupsafe import Markup
from quartermaster.hub.pages.charts import (
    MAX_TABLE_ROWS,
    Bar,
    Cell,
    Line,
    Part,
    Span,
    Strip,
    bars,
    lines,
    matrix,
    strips,
)

HOSTILE = "<img src=x onerror=window.hacked=1>\"'&"


def parsed(chart: Markup) -> ElementTree.Element:
    """Read a chart as XML, which fails where a tag is not closed or a quotation mark came through."""
    return ElementTree.fromstring(str(chart))  # noqa: S314 (our own markup)


def every_chart(name: str) -> list[Markup]:
    return [
        bars(name, [Bar(name, (Part(name, 3, "good"),), "/servers/" + name)]),
        strips(name, [Strip(name, (Span(0, 5, name, "bad"),))], 0, 10),
        lines(name, [Line(name, "one", ((0.0, 1.0), (5.0, 2.0)))]),
        matrix(name, [name], [(name, [Cell(0.4, name, name)])]),
    ]


def test_no_chart_has_a_style_or_a_script_or_lets_a_name_be_markup() -> None:
    for chart in every_chart(HOSTILE):
        tree = parsed(chart)
        assert {element.tag for element in tree.iter()}.isdisjoint({"img", "script", "style"})
        assert not any(name == "style" or name.startswith("on") for element in tree.iter() for name in element.attrib)
        assert HOSTILE in "".join(tree.itertext())


def test_every_drawing_has_a_title_and_every_chart_a_caption() -> None:
    for chart in every_chart("Models"):
        tree = parsed(chart)
        assert tree.findtext("figcaption") == "Models"
        assert all(drawing.findtext("title") for drawing in tree.iter("svg") if drawing.get("role") == "img")


def test_bars_are_to_one_scale_and_their_parts_follow_each_other() -> None:
    rows = [
        Bar("attic", (Part("present", 60, "good"), Part("stale", 40, "warn"))),
        Bar("cellar", (Part("present", 25, "good"),)),
    ]
    drawn = [
        [(float(rect.get("x", "")), float(rect.get("width", ""))) for rect in drawing.iter("rect")]
        for drawing in parsed(bars("Models", rows)).iter("svg")
        if drawing.get("role") == "img"
    ]
    assert drawn == [[(0, 600), (600, 400)], [(0, 250)]]


def test_bars_tell_their_figures_in_a_table() -> None:
    chart = bars(
        "Models", [Bar("attic", (Part("present", 12345, "good"),)), Bar("cellar", (Part("stale", 2, "warn"),))]
    )
    table = parsed(chart).find("details")
    assert table is not None
    rows = [["".join(field.itertext()) for field in row] for row in table.iter("tr")]
    assert rows == [["", "present", "stale"], ["attic", "12,345", "0"], ["cellar", "0", "2"]]


def test_empty_charts_say_so() -> None:
    assert "Nothing was noted yet" in lines("Growth", [Line("models", "one", ())])
    assert "There is nothing to show" in bars("Models", [])
    assert "no server" in bars("Models", [], empty="There is no server.")
    assert bars("Models", [Bar("attic", ())]).count("<rect") == 0


def test_strips_show_only_what_lies_in_their_time() -> None:
    row = Strip(
        "attic", (Span(-50, 10, "offline", "bad"), Span(10, 90, "present", "good"), Span(200, 300, "stale", "warn"))
    )
    chart = strips("State", [row], 0, 100)
    (drawing,) = [drawing for drawing in parsed(chart).iter("svg") if drawing.get("role") == "img"]
    assert [(rect.get("x"), rect.get("width")) for rect in drawing.iter("rect")] == [
        ("0.0", "100.0"),
        ("100.0", "800.0"),
    ]
    assert "offline 10 %, present 80 %" in str(drawing.findtext("title"))


def test_lines_begin_at_nothing_and_end_at_a_round_figure() -> None:
    chart = lines("Growth", [Line("models", "one", ((0.0, 0.0), (10.0, 37.0)))])
    assert ">50<" in chart
    assert ">25<" in chart
    path = re.search(r'chart-line tone-one" d="([^"]+)"', chart)
    assert path is not None
    assert path[1] == "M0.0 300.0L1000.0 78.0"


def test_a_single_point_can_be_seen() -> None:
    assert 'd="M0.0 0.0L1000 0.0"' in lines("Growth", [Line("models", "one", ((5.0, 10.0),))]).replace("1000.0", "1000")


def test_long_series_tell_a_bounded_table_that_ends_with_the_last() -> None:
    chart = lines("Growth", [Line("models", "one", tuple((86400.0 * day, float(day)) for day in range(1000)))])
    table = parsed(chart).find("details")
    assert table is not None
    assert len(list(table.iter("tr"))) == MAX_TABLE_ROWS + 1
    assert "".join(list(table.iter("td"))[-1].itertext()) == "999"


def test_a_matrix_is_darker_where_there_is_more() -> None:
    chart = matrix("Coverage", ["attic", "cellar"], [("LORA", [Cell(0.31, "31 %"), Cell(None, "–")])])
    assert [field.get("class") for field in parsed(chart).iter("td")] == [None, "heat-3", "heat-none"]


def test_a_tone_that_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no tone"):
        bars("Models", [Bar("attic", (Part("present", 1, "mauve"),))])
