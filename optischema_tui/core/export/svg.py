"""Charts as SVG text: lines, stacked areas, heatmaps.

Each picture is whole in itself: no script, no style sheet, no reference. Text and axes take the colour of the text
around them (`currentColor`), so that they can be read on a light and on a dark ground; lines differ in their dashes
too and a cell tells its number, so that nothing rests on colour alone. The colours are close to those of Okabe and Ito
(2008), which people with any common colour blindness tell apart.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from optischema_tui.core.clock import local_stamp
from optischema_tui.core.export.charts import Chart, HeatChart, LineChart, described
from optischema_tui.core.safe_text import clean, one_line

WIDTH, HEIGHT = 760, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 22, 30
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a7f00", "#808080")
_DASHES = ("", "6 3", "2 2", "8 3 2 3", "1 3", "10 4", "4 1", "3 5")
LEGEND_LINE, LEGEND_COLUMN = 16, 170
CELL_WIDTH, CELL_HEIGHT = 27, 16
_LEAST_SHADE = 0.08


def svg_text(chart: Chart, ident: str) -> str:
    """The picture; `ident` (letters, digits, `-`) must differ between the pictures of one page."""
    width, height, inner = _heat(chart) if isinstance(chart, HeatChart) else _lines(chart)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        f' aria-labelledby="{ident}-t {ident}-d" font-family="sans-serif" font-size="11" fill="currentColor">'
        f'<title id="{ident}-t">{_text(chart.title)}</title><desc id="{ident}-d">{_text(described(chart))}</desc>'
        f"{''.join(inner)}</svg>"
    )


def _lines(chart: LineChart) -> tuple[int, int, list[str]]:
    lines = chart.lines[: len(COLOURS)]
    sums = _sums(chart) if chart.stacked else [[value for _, value in line.points] for line in lines]
    top = _round_up(max((value for values in sums for value in values if value is not None), default=0.0))
    low = HEIGHT - BOTTOM
    span = max(chart.until - chart.since, 1e-9)

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, (at - chart.since) / span))

    def y(value: float) -> float:
        return low - (low - TOP) * value / top

    inner = _axes(chart, top)
    for at, told in chart.marks:
        inner.append(
            f'<line x1="{x(at):.1f}" y1="{TOP}" x2="{x(at):.1f}" y2="{low}" stroke="currentColor"'
            f' stroke-dasharray="3 3" opacity="0.7"><title>{_text(told)}</title></line>'
        )
    under: Sequence[float | None] = [0.0] * (len(lines[0].points) if lines else 0)
    for number, (line, values) in enumerate(zip(lines, sums, strict=True)):
        times = [x(at) for at, _ in line.points]
        for run in _runs(values):
            points = [f"{times[at]:.1f},{y(values[at] or 0.0):.1f}" for at in run]
            if chart.stacked:
                points += [f"{times[at]:.1f},{y(under[at] or 0.0):.1f}" for at in reversed(run)]
            inner.append(_stroke(points, number, chart.stacked))
        under = values
    named = lines if len(lines) > 1 else ()  # the title names a single one
    for number, line in enumerate(named):
        inner += _legend(number, line.name, chart.stacked)
    return WIDTH, HEIGHT + math.ceil(len(named) / 4) * LEGEND_LINE, inner


def _sums(chart: LineChart) -> list[list[float | None]]:
    sums: list[list[float | None]] = []
    for line in chart.lines[: len(COLOURS)]:
        below = sums[-1] if sums else [0.0] * len(line.points)
        sums.append(
            [
                None if value is None or base is None else base + value
                for (_, value), base in zip(line.points, below, strict=True)
            ]
        )
    return sums


def _runs(values: Sequence[float | None]) -> list[list[int]]:
    """Places between two gaps."""
    runs: list[list[int]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append(place)
    return [run for run in runs if run]


def _stroke(points: list[str], number: int, area: bool) -> str:
    colour, joined = COLOURS[number], " ".join(points)
    if area and len(points) > 2:
        return f'<polygon points="{joined}" fill="{colour}" stroke="{colour}" stroke-width="0.5"/>'
    if len(points) == 1 or area:
        where = points[0].split(",")
        return f'<circle cx="{where[0]}" cy="{where[1]}" r="2" fill="{colour}"/>'
    dash = f' stroke-dasharray="{_DASHES[number]}"' if _DASHES[number] else ""
    return f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="1.5"{dash}/>'


def _axes(chart: LineChart, top: float) -> list[str]:
    low, inner = HEIGHT - BOTTOM, []
    for step in range(5):
        value = top * step / 4
        height = low - (low - TOP) * step / 4
        inner.append(
            f'<line x1="{LEFT}" y1="{height:.1f}" x2="{WIDTH - RIGHT}" y2="{height:.1f}" stroke="currentColor"'
            f' opacity="{0.5 if not step else 0.15}"/>'
            f'<text x="{LEFT - 5}" y="{height + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        )
    for step in range(5):
        at = chart.since + (chart.until - chart.since) * step / 4
        place = LEFT + (WIDTH - LEFT - RIGHT) * step / 4
        anchor = ("start", "middle", "middle", "middle", "end")[step]
        told = _text(local_stamp(at)[5:16])
        inner.append(f'<text x="{place:.1f}" y="{low + 14}" text-anchor="{anchor}">{told}</text>')
    inner.append(f'<text x="4" y="10">{_text(chart.unit)}</text>')
    return inner


def _legend(number: int, name: str, area: bool) -> list[str]:
    x, y = LEFT + LEGEND_COLUMN * (number % 4), HEIGHT + LEGEND_LINE * (number // 4) + 4
    if area:
        mark = f'<rect x="{x}" y="{y - 8}" width="14" height="9" fill="{COLOURS[number]}"/>'
    else:
        dash = f' stroke-dasharray="{_DASHES[number]}"' if _DASHES[number] else ""
        mark = f'<path d="M{x} {y - 4}h16" stroke="{COLOURS[number]}" stroke-width="2"{dash}/>'
    return [mark, f'<text x="{x + 20}" y="{y}">{_text(one_line(name, 24))}</text>']


def _heat(chart: HeatChart) -> tuple[int, int, list[str]]:
    most = max((value for row in chart.values for value in row if value is not None), default=0.0)
    inner, left = [], 90
    for place, name in enumerate(chart.columns):
        middle = left + CELL_WIDTH * (place + 0.5)
        inner.append(f'<text x="{middle:.1f}" y="12" text-anchor="middle">{_text(name)}</text>')
    for line, (name, values) in enumerate(zip(chart.rows, chart.values, strict=True)):
        y = 18 + CELL_HEIGHT * line
        inner.append(f'<text x="{left - 6}" y="{y + 12}" text-anchor="end">{_text(name)}</text>')
        for place, value in enumerate(values):
            inner.append(_cell(chart, line, place, value, most, left + CELL_WIDTH * place, y))
    width = left + CELL_WIDTH * len(chart.columns) + 4
    height = 18 + CELL_HEIGHT * len(chart.rows) + 18
    told = _text(f"{chart.unit}; stronger is more; an empty cell: not observed")
    inner.append(f'<text x="{left}" y="{height - 4}">{told}</text>')
    return width, height, inner


def _cell(chart: HeatChart, line: int, place: int, value: float | None, most: float, x: int, y: int) -> str:
    told = f"{chart.rows[line]} {chart.columns[place]}: " + ("not observed" if value is None else f"{value:.3g}")
    if value is None:
        paint = 'fill="none" stroke="currentColor" stroke-opacity="0.2" stroke-dasharray="2 2"'
    else:
        shade = _LEAST_SHADE + (1 - _LEAST_SHADE) * (value / most if most else 0.0)
        paint = f'fill="{COLOURS[0]}" fill-opacity="{shade:.2f}"'
    return (
        f'<rect x="{x + 0.5}" y="{y + 0.5}" width="{CELL_WIDTH - 1}" height="{CELL_HEIGHT - 1}" {paint}>'
        f"<title>{_text(told)}</title></rect>"
    )


def _round_up(value: float) -> float:
    """The next of 1, 2, 2.5, 5, 10 times a power of ten: ends of an axis that people read easily."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10, 20) if step * power >= value * (1 - 1e-9))


def _text(text: str) -> str:
    return escape(clean(text))
