"""What plotext has drawn, as plain lines: no escape sequence of it reaches the terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.lines import Line

_SGR = re.compile(r"\x1b\[[0-9;]*m")
_AXIS = "┤│|└+"
_BLANK = " \u2800"
_TO_ASCII = str.maketrans("┤├┌┐└┘─│┬┴┼", "||++++-|+++")


def draw_plot(width: int, height: int, glyphs: Glyphs, role: str, breaks: Sequence[float] = ()) -> list[Line]:
    """plotext's present figure; `breaks` are places (0-1 of the x axis) where nothing must look joined."""
    import plotext

    text = _SGR.sub("", plotext.build())
    if glyphs.chart != "braille":
        text = text.translate(_TO_ASCII)
    lines = [line[:width] for line in text.rstrip("\n").split("\n")[:height]]
    axis = next((place for place, character in enumerate(lines[0]) if character in _AXIS), 0)
    room = width - axis - 2
    places = {axis + 1 + round(room * at) for at in breaks}
    return [_coloured(line, role, axis, places, glyphs) for line in lines]


def ceiling(value: float) -> float:
    """The next round number at or above `value`."""
    if value <= 0:
        return 1.0
    base = 10.0 ** math.floor(math.log10(value))
    return next(base * step for step in (1, 2, 3, 4, 5, 6, 8, 10) if base * step >= value * 0.999)


def _coloured(line: str, role: str, axis: int, breaks: set[int], glyphs: Glyphs) -> Line:
    """The axis dim, the line in its role, and where nothing is drawn at a break its mark."""
    if axis >= len(line) or line[axis] not in _AXIS:
        return ((line, "dim"),)
    if line[axis] in "└+":
        return ((line, "rule"),)
    pieces: list[tuple[str, str]] = [(line[: axis + 1], "dim")]
    begun = axis + 1
    for place in sorted(breaks):
        if place < len(line) and line[place] in _BLANK:
            pieces += ((line[begun:place], role), (glyphs.gap, "warn"))
            begun = place + 1
    return (*pieces, (line[begun:], role))
