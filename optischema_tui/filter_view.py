"""A screen around one table that can be filtered by text."""

from __future__ import annotations

from typing import Generic, TypeVar

from textual import on
from textual.widgets import Input

from optischema_tui.view import View
from optischema_tui.widgets.lines import Piece
from optischema_tui.widgets.live_table import LiveTable

Row = TypeVar("Row")


class FilterView(View, Generic[Row]):
    """Subclasses yield `filter_box()` in their body and say which `table` it narrows."""

    DEFAULT_CSS = """
    FilterView #filter { display: none; height: 1; border: none; padding: 0 1; background: $surface; }
    FilterView #filter.-open { display: block; }
    """

    @property
    def table(self) -> LiveTable[Row]:
        """The table that filter and sort act on."""
        raise NotImplementedError

    def filter_box(self, what: str) -> Input:
        """`what` names what the words are looked for in."""
        box = Input(placeholder=f"filter: {what}", id="filter", select_on_focus=False)
        box.cursor_blink = False
        return box

    def filter_chip(self) -> list[Piece]:
        """What stands before a heading while a filter is in force."""
        needle = self.table.needle
        return [(f" filter: {needle} ", "chip-warn"), (" Esc clears   ", "dim")] if needle else []

    def action_filter(self) -> None:
        box = self.query_one("#filter", Input)
        box.add_class("-open")
        box.focus()

    @on(Input.Changed, "#filter")
    def _typed(self, event: Input.Changed) -> None:
        self.table.set_filter(event.value.strip())
        self.draw(self.state)

    @on(Input.Submitted, "#filter")
    def _entered(self) -> None:
        self._close()

    def _close(self) -> None:
        self.query_one("#filter", Input).remove_class("-open")
        self.table.focus()

    def action_back(self) -> None:
        box = self.query_one("#filter", Input)
        if box.value or box.has_class("-open"):
            box.value = ""
            self._close()
        else:
            super().action_back()

    def action_sort(self) -> None:
        self.table.sort_picked()

    def action_column(self, step: int) -> None:
        self.table.pick_column(step)
