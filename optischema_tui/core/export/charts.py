"""Charts as data: what `svg` draws and Markdown tells in words. Times are seconds since 1970."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    points: tuple[tuple[float, float | None], ...]
    """(time, value), the earliest first; None: a gap, over which no line is drawn."""


@dataclass(frozen=True, slots=True)
class LineChart:
    title: str
    unit: str
    since: float
    until: float
    lines: tuple[Line, ...]
    stacked: bool = False
    """Areas upon each other, the first line undermost; all lines then have the same times."""
    marks: tuple[tuple[float, str], ...] = ()
    """(time, what was then): a dashed upright each."""


@dataclass(frozen=True, slots=True)
class HeatChart:
    """A grid: rows from top to bottom, columns from left to right."""

    title: str
    unit: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    """A tuple for each row; None: not known, drawn as an empty cell."""


Chart = LineChart | HeatChart


def described(chart: Chart) -> str:
    """What a chart shows in words: for who cannot see it, and in place of it where there are no pictures."""
    if isinstance(chart, HeatChart):
        known = [
            (value, row, column)
            for row, values in zip(chart.rows, chart.values, strict=True)
            for column, value in zip(chart.columns, values, strict=True)
            if value is not None
        ]
        if not known:
            return "Nothing is known of this time."
        value, row, column = max(known, key=lambda one: one[0])
        least = min(known, key=lambda one: one[0])
        return (
            f"From {least[0]:.3g} to {value:.3g} {chart.unit}; the most on {row} at {column},"
            f" the least on {least[1]} at {least[2]}."
        )
    told = []
    for line in chart.lines:
        values = [value for _, value in line.points if value is not None]
        if values:
            mean = sum(values) / len(values)
            told.append(f"{line.name}: {min(values):.3g} to {max(values):.3g}, on average {mean:.3g} {chart.unit}")
    return "; ".join(told) + "." if told else "Nothing is known of this time."
