"""What sessions were at over time: average active sessions, stacked by wait class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from optischema_tui.core.clock import local_time
from optischema_tui.core.models import WaitPoint
from optischema_tui.widgets.glyphs import Glyphs, glyphs_of
from optischema_tui.widgets.lines import Line, LineView, Piece, cut

CLASSES = (("CPU", "wait-cpu", "#"), ("IO", "wait-io", "i"), ("Lock", "wait-lock", "L"), ("LWLock", "wait-lwlock", "w"),
           ("Client", "wait-client", "c"))  # fmt: skip
"""(class, role, letter where there is no colour to tell it by), from the bottom of a stack up."""
OTHER = ("other", "wait-other", "o")
_STACK = (*CLASSES, OTHER)
_NAMES = frozenset(name for name, _, _ in CLASSES)
_AXIS_CELLS = 6
_EIGHTHS = " ▁▂▃▄▅▆▇█"

Heights = tuple[float, ...]
"""Average active sessions of each of `_STACK`."""


class WaitChart(LineView):
    """A legend with the newest figures, then one column of cells an interval or more."""

    DEFAULT_CSS = """
    WaitChart { height: 1fr; padding: 0 1; overflow: hidden; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._points: tuple[WaitPoint, ...] = ()
        self._key: tuple[Any, ...] | None = None
        self._made: list[Line] = []

    def show_points(self, points: Sequence[WaitPoint]) -> None:
        """Draw `points`, oldest first."""
        self._points = tuple(points)
        self.show(self._build)

    def _build(self, width: int) -> list[Line]:
        glyphs = glyphs_of(self)
        letters = glyphs.ascii_only or self.app.no_color
        key = (self._points, width, self.size.height, glyphs, letters)
        if key != self._key:  # sessions are sampled far more often than an interval ends
            self._key = key
            self._made = wait_lines(self._points, width, self.size.height, glyphs, letters=letters)
        return self._made


def wait_lines(points: Sequence[WaitPoint], width: int, height: int, glyphs: Glyphs, *, letters: bool) -> list[Line]:
    """The chart as `height` lines of at most `width` cells. `letters`: tell classes by letter, not by colour."""
    if not points:
        return [(("Waits  ", "head"), ("no sample of sessions yet", "dim"))]
    seen = {place for point in points for place, value in enumerate(heights(point.by_class)) if value}
    lines = [cut(_legend(heights(points[-1].by_class), seen, glyphs, letters), width)]
    rows, room = height - 2, width - _AXIS_CELLS - 1
    if rows < 2 or room < 10:
        return lines
    columns = _columns(points, room)
    top = _ceiling(max((sum(column) for column in columns if column is not None), default=0.0))
    for row in range(rows):
        label = f"{top * (rows - row) / rows:g}"[:5] if row in (0, rows // 2) else ""
        pieces: list[Piece] = [(label.rjust(_AXIS_CELLS - 1) + " ", "dim"), (glyphs.separator, "rule")]
        floor = top * (rows - row - 1) / rows
        for column in columns:
            _put(pieces, _cell(column, floor, top / rows, glyphs, letters))
        lines.append(tuple(pieces))
    first, last = local_time(points[0].at), local_time(points[-1].at)
    drawn = len(columns)
    axis = f"{first}{last.rjust(max(0, drawn - len(first)))}" if drawn >= 20 else last.rjust(drawn)
    return [*lines, ((" " * (_AXIS_CELLS + 1) + axis, "dim"),)]


def heights(by_class: Sequence[tuple[str, float]]) -> Heights:
    """The figures of one interval in the order of the stack; classes without a place of their own are summed."""
    found: dict[str, float] = {}
    for name, sessions in by_class:
        place = name if name in _NAMES else OTHER[0]
        found[place] = found.get(place, 0.0) + sessions
    return tuple(found.get(name, 0.0) for name, _, _ in _STACK)


def _legend(newest: Heights, seen: set[int], glyphs: Glyphs, letters: bool) -> Line:
    """The newest figures of the classes that the chart has."""
    pieces: list[Piece] = [("Active sessions  ", "head"), (f"{sum(newest):.1f}  ", "strong")]
    for place, (name, role, letter) in enumerate(_STACK):
        if place in seen:
            mark = letter if letters else glyphs.bar[-1]
            pieces += ((mark, role), (f" {name} {newest[place]:.1f}  ", "" if newest[place] else "dim"))
    return tuple(pieces)


def _columns(points: Sequence[WaitPoint], room: int) -> list[Heights | None]:
    """One entry for each column of cells, at most `room`: the mean of the intervals that fall into it. None marks a
    break, in the column where it falls. While there are few intervals each takes up to three columns."""
    count = len(points)
    drawn = room if count > room else count * min(3, room // count)
    columns: list[Heights | None] = []
    last = 0
    for column in range(drawn):
        first, end = column * count // drawn, max((column + 1) * count // drawn, column * count // drawn + 1)
        group = points[first:end]
        broken = any(point.breaks for point in points[max(1, last) : end])
        columns.append(None if broken else _mean(group))
        last = end
    return columns


def _mean(points: Sequence[WaitPoint]) -> Heights:
    samples = sum(point.samples for point in points) or len(points)
    weighted = [tuple(value * (point.samples or 1) / samples for value in heights(point.by_class)) for point in points]
    return tuple(sum(values) for values in zip(*weighted, strict=True))


def _cell(column: Heights | None, floor: float, size: float, glyphs: Glyphs, letters: bool) -> Piece:
    """What one cell of a column shows: the class in its middle, and at the top of the stack a part of a cell."""
    if column is None:
        return glyphs.gap, "warn"
    total = sum(column)
    filled = (total - floor) / size
    if filled <= 0.06:
        return " ", ""
    middle = floor + min(1.0, filled) * size / 2
    _, role, letter = _STACK[_at_height(column, middle)]
    if letters:
        return (letter, role) if filled >= 0.5 or floor == 0 else (" ", "")
    return _EIGHTHS[min(8, max(1, round(filled * 8)))], role


def _at_height(column: Heights, height: float) -> int:
    """The place in the stack that this height falls into."""
    reached = 0.0
    for place, value in enumerate(column):
        reached += value
        if reached >= height:
            return place
    return len(column) - 1


def _put(pieces: list[Piece], piece: Piece) -> None:
    """Add a cell; neighbours of one role are one piece."""
    if pieces[-1][1] == piece[1] and len(pieces) > 2:
        pieces[-1] = (pieces[-1][0] + piece[0], piece[1])
    else:
        pieces.append(piece)


def _ceiling(value: float) -> float:
    """The next round number of sessions at or above `value`, at least 1."""
    if value <= 1:
        return 1.0
    base: float = 10.0 ** math.floor(math.log10(value))
    return next(base * step for step in (1, 2, 3, 4, 5, 6, 8, 10) if base * step >= value * 0.999)
