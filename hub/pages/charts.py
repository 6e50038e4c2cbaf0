"""Charts as SVG from figures: bars, lines, strips over time, a matrix. Pure: figures in, markup out.

Every label is HTML beside the drawing and not text in it, so that it stays readable at 360 px, where a drawing with
its text would shrink to a half; every chart has its figures as a table too. Colours, sizes and fonts are classes of
``charts.css``, because the page's Content-Security-Policy forbids style attributes.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from markupsafe import Markup

TONES = ("good", "warn", "bad", "info", "quiet", "one", "two", "three", "four", "five")
"""What a colour can mean: a state (the first five), or just another series."""

WIDTH = 1000
LINE_HEIGHT = 300
MAX_TABLE_ROWS = 60
"""Rows in a table of figures over time; of more, evenly spaced ones are told, always the last."""

Write = Callable[[float], str]


@dataclass(frozen=True)
class Part:
    """One part of a bar: what it counts, how many, and its tone."""

    word: str
    value: float
    tone: str


@dataclass(frozen=True)
class Bar:
    """A bar of parts in their order; ``link`` is where its label leads."""

    label: str
    parts: tuple[Part, ...]
    link: str | None = None


@dataclass(frozen=True)
class Line:
    """A series over time: points of (seconds since the epoch, value), the oldest first."""

    name: str
    tone: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Span:
    """What held from ``start`` to ``end``, in seconds since the epoch."""

    start: float
    end: float
    word: str
    tone: str


@dataclass(frozen=True)
class Strip:
    """Spans of one thing over time, which may leave gaps."""

    label: str
    spans: tuple[Span, ...]
    link: str | None = None


@dataclass(frozen=True)
class Cell:
    """A field of a matrix: its share of the whole from 0 to 1 (None: there is no whole), and what it says."""

    share: float | None
    text: str
    note: str = ""


def whole(value: float) -> str:
    """Write a number as a person reads it: ``12,345``."""
    return f"{value:,.0f}"


def bars(title: str, rows: Sequence[Bar], write: Write = whole, empty: str = "There is nothing to show yet.") -> Markup:
    """Draw one horizontal bar per row, all to one scale: the longest bar fills its place."""
    if not rows:
        return _figure("bars", title, Markup(), _nothing(empty), Markup())
    longest = max(sum(part.value for part in row.parts) for row in rows) or 1
    legend = {part.word: part.tone for row in rows for part in row.parts}
    drawn = Markup("").join(
        _row(row.label, row.link, _bar(row, longest, write), write(sum(part.value for part in row.parts)))
        for row in rows
    )
    body = Markup('<table class="chart-rows"><tbody>{}</tbody></table>').format(drawn)
    held = [{part.word: part.value for part in row.parts} for row in rows]
    figures = [
        [row.label, *(write(parts.get(word, 0)) for word in legend)] for row, parts in zip(rows, held, strict=True)
    ]
    return _figure("bars", title, _legend(legend.items()), body, _table(["", *legend], figures))


def _bar(row: Bar, longest: float, write: Write) -> Markup:
    told = ", ".join(f"{part.word}: {write(part.value)}" for part in row.parts if part.value)
    rects, left = Markup(), 0.0
    for part in row.parts:
        width = WIDTH * part.value / longest
        if not width:
            continue
        rects += _rect(left, width, part.tone, f"{part.word}: {write(part.value)}")
        left += width
    return _svg("chart-bar", 10, f"{row.label}: {told}", rects)


def strips(
    title: str, rows: Sequence[Strip], start: float, end: float, empty: str = "Nothing was noted yet."
) -> Markup:
    """Draw what held when, one strip per row, from ``start`` to ``end`` (seconds since the epoch)."""
    if not rows or end <= start:
        return _figure("strips", title, Markup(), _nothing(empty), Markup())
    legend: dict[str, str] = {}
    drawn, figures = Markup(), []
    for row in rows:
        rects, lasted = Markup(), dict[str, float]()
        for span in row.spans:
            first, last = max(span.start, start), min(span.end, end)
            if last <= first:
                continue
            legend.setdefault(span.word, span.tone)
            lasted[span.word] = lasted.get(span.word, 0.0) + last - first
            note = f"{span.word}: {_moment(first)} to {_moment(last)}"
            rects += _rect(
                WIDTH * (first - start) / (end - start), WIDTH * (last - first) / (end - start), span.tone, note
            )
        shares = ", ".join(f"{word} {_percent(seconds / (end - start))}" for word, seconds in lasted.items())
        drawn += _row(row.label, row.link, _svg("chart-strip", 10, f"{row.label}: {shares or 'not known'}", rects), "")
        figures.append((row.label, lasted))
    ends = _ends(start, end)
    body = Markup('<table class="chart-rows"><tbody>{}</tbody></table>{}').format(drawn, ends)
    shown = [[label, *(_percent(lasted.get(word, 0) / (end - start)) for word in legend)] for label, lasted in figures]
    return _figure("strips", title, _legend(legend.items()), body, _table(["", *legend], shown))


def lines(title: str, drawn: Sequence[Line], write: Write = whole, empty: str = "Nothing was noted yet.") -> Markup:
    """Draw series over time to one scale that begins at 0."""
    points = [point for line in drawn for point in line.points]
    if not points:
        return _figure("lines", title, Markup(), _nothing(empty), Markup())
    start, end = min(at for at, _ in points), max(at for at, _ in points)
    top = _round_up(max(value for _, value in points))
    paths = Markup("").join(_path(line, start, end, top) for line in drawn if line.points)
    grid = Markup("").join(
        Markup('<path class="chart-grid" d="M0 {y}H{w}"/>').format(y=y, w=WIDTH)
        for y in (0, LINE_HEIGHT // 2, LINE_HEIGHT)
    )
    told = ", ".join(f"{line.name}: {write(line.points[-1][1])}" for line in drawn if line.points)
    picture = _svg("chart-plot", LINE_HEIGHT, f"{title}, at the end {told}", grid + paths)
    scale = Markup('<div class="chart-scale" aria-hidden="true"><span>{}</span><span>{}</span><span>{}</span></div>')
    body = Markup('<div class="chart-plane">{}{}</div>{}').format(
        scale.format(write(top), write(top / 2), write(0)), picture, _ends(start, end)
    )
    held = [dict(line.points) for line in drawn]
    moments = _thinned(sorted({at for at, _ in points}))
    figures = [[_moment(at), *(write(values[at]) if at in values else "" for values in held)] for at in moments]
    legend = _legend((line.name, line.tone) for line in drawn)
    return _figure("lines", title, legend, body, _table(["When", *(line.name for line in drawn)], figures))


def _path(line: Line, start: float, end: float, top: float) -> Markup:
    length = (end - start) or 1.0
    spots = [(WIDTH * (at - start) / length, LINE_HEIGHT * (1 - value / top)) for at, value in line.points]
    if len(spots) == 1:
        spots.append((WIDTH, spots[0][1]))  # a single point would not be seen
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
    return Markup('<path class="chart-line tone-{}" d="{}"><title>{}</title></path>').format(
        _tone(line.tone), path, line.name
    )


def matrix(
    title: str,
    columns: Sequence[str],
    rows: Sequence[tuple[str, Sequence[Cell]]],
    empty: str = "There is nothing to show yet.",
) -> Markup:
    """Draw a table of shares, the darker the more; each field says its figure, so it needs no second table."""
    if not rows or not columns:
        return _figure("matrix", title, Markup(), _nothing(empty), Markup())
    head = Markup("").join(Markup('<th scope="col">{}</th>').format(name) for name in columns)
    body = Markup()
    for label, cells in rows:
        fields = Markup("").join(
            Markup('<td class="heat-{}"{}>{}</td>').format(
                "none" if cell.share is None else max(0, min(10, round(cell.share * 10))),
                Markup(' title="{}"').format(cell.note) if cell.note else "",
                cell.text,
            )
            for cell in cells
        )
        body += Markup('<tr><th scope="row">{}</th>{}</tr>').format(label, fields)
    table = Markup(
        '<div class="chart-scroll" tabindex="0" role="region" aria-label="{}"><table class="chart-heat">'
        "<thead><tr><td></td>{}</tr></thead><tbody>{}</tbody></table></div>"
    )
    return _figure("matrix", title, Markup(), table.format(title, head, body), Markup())


# Pieces


def _figure(kind: str, title: str, legend: Markup, body: Markup, table: Markup) -> Markup:
    return Markup('<figure class="chart chart-{}"><figcaption>{}</figcaption>{}{}{}</figure>').format(
        kind, title, legend, body, table
    )


def _legend(words: Iterable[tuple[str, str]]) -> Markup:
    items = Markup("").join(
        Markup(
            '<li><svg class="chart-swatch" viewBox="0 0 10 10" aria-hidden="true">'
            '<rect class="tone-{}" width="10" height="10"/></svg>{}</li>'
        ).format(_tone(tone), word)
        for word, tone in words
    )
    return Markup('<ul class="chart-legend">{}</ul>').format(items)


def _row(label: str, link: str | None, picture: Markup, told: str) -> Markup:
    name = Markup('<a href="{}">{}</a>').format(link, label) if link else label
    return Markup(
        '<tr><th scope="row"><bdi>{}</bdi></th><td class="chart-cell">{}</td><td class="chart-told">{}</td></tr>'
    ).format(name, picture, told)


def _svg(name: str, height: int, told: str, content: Markup) -> Markup:
    return Markup(
        '<svg class="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img"><title>{}</title>{}</svg>'
    ).format(name, WIDTH, height, told, content)


def _rect(left: float, width: float, tone: str, note: str) -> Markup:
    return Markup('<rect class="tone-{}" x="{}" width="{}" height="10"><title>{}</title></rect>').format(
        _tone(tone), f"{left:.1f}", f"{width:.1f}", note
    )


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    names = Markup("").join(Markup('<th scope="col">{}</th>').format(name) for name in head)
    body = Markup("").join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            row[0], Markup("").join(Markup("<td>{}</td>").format(text) for text in row[1:])
        )
        for row in rows
    )
    return Markup(
        '<details class="chart-figures"><summary>Figures</summary><div class="chart-scroll"><table>'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div></details>"
    ).format(names, body)


def _ends(start: float, end: float) -> Markup:
    return Markup('<div class="chart-ends" aria-hidden="true"><span>{}</span><span>{}</span></div>').format(
        _moment(start), _moment(end)
    )


def _nothing(text: str) -> Markup:
    return Markup('<p class="chart-empty">{}</p>').format(text)


def _tone(name: str) -> str:
    if name not in TONES:
        raise ValueError(f"{name!r} is no tone; these are: {', '.join(TONES)}")
    return name


def _moment(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M}"


def _percent(share: float) -> str:
    if 0 < share < 0.01:
        return "<1 %"
    return ">99 %" if 0.99 < share < 1 else f"{share:.0%}".replace("%", " %")


def _round_up(value: float) -> float:
    """Return the next of 1, 2, 5 times a power of ten, so that the middle of the scale is a number to read."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= value)


def _thinned(moments: Sequence[float]) -> list[float]:
    if len(moments) <= MAX_TABLE_ROWS:
        return list(moments)
    step = (len(moments) - 1) / (MAX_TABLE_ROWS - 1)
    return [moments[round(number * step)] for number in range(MAX_TABLE_ROWS)]
