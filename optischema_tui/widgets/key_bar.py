"""One-line bars: the screens at the top, the keys at the bottom. Both can be clicked."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.message import Message

from optischema_tui.widgets.lines import Line, LineView, Piece, cells

Labels = Sequence[tuple[Line, str]]


class PieceBar(LineView):
    """Labels in a row, each with the action that a click runs."""

    DEFAULT_CSS = """
    PieceBar { height: 1; padding: 0 1; overflow: hidden; }
    """

    class Chosen(Message):
        """A label was clicked."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self, *, gap: int = 2, id: str | None = None) -> None:
        super().__init__(id=id)
        self.gap = gap
        self._places: list[tuple[int, int, str]] = []

    def show_labels(self, labels: Labels, *shorter: Labels) -> None:
        """`labels` as (pieces, action), or the first of `shorter` that fits as a whole.

        Those that do not fit even so are left out, the last one never.
        """

        def line(width: int) -> Sequence[Line]:
            chosen = next((each for each in (labels, *shorter) if self._length(each) <= width), (labels, *shorter)[-1])
            return [self._line(chosen, width)]

        self.show(line)

    def _length(self, labels: Labels) -> int:
        return sum(cells(label) for label, _ in labels) + self.gap * (len(labels) - 1)

    def _line(self, labels: Labels, width: int) -> Line:
        self._places = []
        pieces: list[Piece] = []
        at = 0
        *firsts, last = labels if labels else [((), "")]
        room = width - cells(last[0]) - self.gap
        for label, action in firsts:
            size = cells(label)
            if at + size > room:
                continue
            self._places.append((at, at + size, action))
            pieces += (*label, (" " * self.gap, ""))
            at += size + self.gap
        self._places.append((at, at + cells(last[0]), last[1]))
        return (*pieces, *last[0])

    @on(LineView.Picked)
    def _clicked(self, event: LineView.Picked) -> None:
        event.stop()
        for start, end, action in self._places:
            if start <= event.x < end and action:
                self.post_message(self.Chosen(action))
