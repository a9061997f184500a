"""A time chart drawn by plotext and converted to plain lines: no escape sequence of plotext reaches the terminal."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Any

from optischema_tui.core.clock import local_time
from optischema_tui.widgets.glyphs import Glyphs, glyphs_of
from optischema_tui.widgets.lines import Line, LineView
from optischema_tui.widgets.plotted import ceiling, draw_plot


@dataclass(frozen=True, slots=True)
class Point:
    """`at` in seconds since 1970; `breaks`: not to be joined to the point before."""

    at: float
    value: float
    breaks: bool = False


class TimeChart(LineView):
    """One series over time under a title line. plotext is imported at the first drawing, not before."""

    DEFAULT_CSS = """
    TimeChart { height: 1fr; padding: 0 1; overflow: hidden; }
    """

    def __init__(
        self, title: str, unit: str, *, role: str = "line-a", id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.title = title
        self.unit = unit
        self.role = role
        self._points: tuple[Point, ...] = ()
        self._message = ""
        self._key: tuple[Any, ...] | None = None
        self._made: list[Line] = []

    def show_points(self, points: Sequence[Point], too_few: str = "waiting for a second sample") -> None:
        """Draw again when the data or the size is not what was drawn; `too_few` stands there below two points."""
        self._points, self._message = tuple(points), too_few
        self.show(self._build)

    def _build(self, width: int) -> list[Line]:
        height = self.size.height
        key = (self._points, self._message, width, height, glyphs_of(self))
        if key != self._key:
            self._key = key
            self._made = self._draw(width, height)
        return self._made

    def _draw(self, width: int, height: int) -> list[Line]:
        now = f"{self._points[-1].value:,.2f} {self.unit}" if self._points else ""
        peak = f"   peak {max(point.value for point in self._points):,.2f}" if len(self._points) > 1 else ""
        title: Line = ((f"{self.title}  ", "head"), (now, "strong"), (peak, "dim"))
        if len(self._points) < 2 or height < 4 or width < 20:
            return [title, ((self._message if len(self._points) < 2 else "", "dim"),)]
        if "plotext" not in sys.modules:
            self._key = None
            self.call_after_refresh(self._load)
            return [title]
        return [title, *_plot(self._points, width, height - 1, glyphs_of(self), self.role)]

    def _load(self) -> None:
        """Import plotext once the first frame stands, then draw."""
        import_module("plotext")
        self._rebuild()


def _plot(points: Sequence[Point], width: int, height: int, glyphs: Glyphs, role: str) -> list[Line]:
    import plotext

    points = _thin(points, width * 2)
    top = ceiling(max(point.value for point in points))
    first, last = points[0].at, max(points[-1].at, points[0].at + 1)
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, height)
    plotext.frame(False)
    plotext.xaxes(True, False)
    plotext.yaxes(True, False)
    plotext.ylim(0, top)
    plotext.xlim(0, last - first)
    steps = 2 if height < 9 else 4
    values = [top * step / steps for step in range(steps + 1)]
    plotext.yticks(values, [_tick(value, top) for value in values])
    marks = [0.0, (last - first) / 2, last - first] if width >= 40 else [0.0, last - first]
    plotext.xticks(marks, [local_time(first + mark) for mark in marks])
    for part in _parts(points):
        plotext.plot([point.at - first for point in part], [point.value for point in part], marker=glyphs.chart)
    breaks = [at / (last - first) for at in _breaks(points, first)]
    return draw_plot(width, height, glyphs, role, breaks)


def _breaks(points: Sequence[Point], first: float) -> list[float]:
    """Seconds after `first` in the middle of each gap that must not be joined."""
    return [(before.at + after.at) / 2 - first for before, after in pairwise(points) if after.breaks]


def _parts(points: Sequence[Point]) -> list[list[Point]]:
    parts: list[list[Point]] = []
    for point in points:
        if point.breaks or not parts:
            parts.append([])
        parts[-1].append(point)
    return parts


def _thin(points: Sequence[Point], limit: int) -> Sequence[Point]:
    """At most about `limit` points, keeping the highest of each group and every break."""
    if len(points) <= limit:
        return points
    size = math.ceil(len(points) / limit)
    kept = []
    for start in range(0, len(points), size):
        group = points[start : start + size]
        high = max(group, key=lambda point: point.value)
        kept.append(Point(high.at, high.value, any(point.breaks for point in group)))
    return kept


def _tick(value: float, top: float) -> str:
    return f"{value:g}".rjust(max(4, len(f"{top:g}")))
