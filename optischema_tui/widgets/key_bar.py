"""One-line bars: the screens at the top, the keys at the bottom. Both can be clicked."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.message import Message

from optischema_tui.widgets.lines import Line, LineView, Piece, cells


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

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._places: list[tuple[int, int, str]] = []

    def show_labels(self, labels: Sequence[tuple[Line, str]]) -> None:
        """`labels` as (pieces, action); those that do not fit are left out, the last one never."""
        self.show(lambda width: [self._line(labels, width)])

    def _line(self, labels: Sequence[tuple[Line, str]], width: int) -> Line:
        self._places = []
        pieces: list[Piece] = []
        at = 0
        *firsts, last = labels if labels else [((), "")]
        room = width - cells(last[0]) - 2
        for label, action in firsts:
            size = cells(label)
            if at + size > room:
                continue
            self._places.append((at, at + size, action))
            pieces += (*label, ("  ", ""))
            at += size + 2
        self._places.append((at, at + cells(last[0]), last[1]))
        return (*pieces, *last[0])

    @on(LineView.Picked)
    def _clicked(self, event: LineView.Picked) -> None:
        event.stop()
        for start, end, action in self._places:
            if start <= event.x < end and action:
                self.post_message(self.Chosen(action))
