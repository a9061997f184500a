"""The curve of gain against bytes: what each size of index set would save."""

from __future__ import annotations

from collections.abc import Sequence

from optischema_tui.core.models import CurvePoint
from optischema_tui.widgets import figures
from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.lines import Line, wrap
from optischema_tui.widgets.plotted import ceiling, draw_plot

HEIGHT = 9
NARROWEST = 30
BESIDE = "Sets that the search knew. The advice leaves out indexes that hardly pay, so it may lie beside the curve."


def curve_lines(points: Sequence[CurvePoint], width: int, glyphs: Glyphs) -> list[Line]:
    """A step chart over its table of points; too few points or too little room give the table alone."""
    lines: list[Line] = []
    if len(points) > 2 and width >= NARROWEST and points[-1].size_bytes > 0:
        lines += _chart(points, width, glyphs)
    for point in points[1:]:
        plural = "index" if point.indexes == 1 else "indexes"
        amounts = f"{figures.octets(point.size_bytes):>8}  {figures.percent(point.gain):>6}"
        lines.append(((amounts, "strong"), (f"  {point.indexes} {plural}", "dim")))
    return [*lines, *wrap(((BESIDE, "dim"),), width)]


def _chart(points: Sequence[CurvePoint], width: int, glyphs: Glyphs) -> list[Line]:
    import plotext

    xs: list[float] = []
    ys: list[float] = []
    for point in points:
        if ys:
            xs.append(point.size_bytes)
            ys.append(ys[-1])
        xs.append(point.size_bytes)
        ys.append(100 * point.gain)
    last = float(points[-1].size_bytes)
    top = ceiling(max(ys))
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, HEIGHT)
    plotext.frame(False)
    plotext.xaxes(True, False)
    plotext.yaxes(True, False)
    plotext.ylim(0, top)
    plotext.xlim(0, last)
    plotext.yticks([0, top / 2, top], [f"{value:>4.0f}%" for value in (0, top / 2, top)])
    plotext.xticks([0, last / 2, last], [figures.octets(value) for value in (0, last / 2, last)])
    plotext.plot(xs, ys, marker=glyphs.chart)
    return draw_plot(width, HEIGHT, glyphs, "line-a")
