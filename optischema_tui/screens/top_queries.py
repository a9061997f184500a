"""Every statement, sortable and filterable."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from textual import on
from textual.app import ComposeResult

from optischema_tui import messages as m
from optischema_tui.actions import bindings
from optischema_tui.core.models import QueryRow
from optischema_tui.filter_view import FilterView
from optischema_tui.state import State
from optischema_tui.view import interval_words, no_statements
from optischema_tui.widgets.lines import Line, LineView, wrap
from optischema_tui.widgets.live_table import LiveTable, Order
from optischema_tui.widgets.query_columns import matches, query_columns


class TopQueriesScreen(FilterView[QueryRow]):
    """Screen 2."""

    VIEW = TAB = "top"
    NEEDS_STATEMENTS = True
    BINDINGS = bindings("top")
    CSS_PATH = "top_queries.tcss"
    AUTO_FOCUS = "#queries"

    def body(self) -> ComposeResult:
        yield LineView(id="chips")
        yield self.filter_box("words of the query, a role, a database")
        yield LiveTable(
            query_columns(self.glyphs), lambda row: row.key, order=Order("share", True), matches=matches,
            id="queries", classes="figures pane",
        )  # fmt: skip

    @property
    def table(self) -> LiveTable[QueryRow]:
        return self.query_one("#queries", LiveTable)

    def draw(self, state: State) -> None:
        picture = state.picture
        self.table.set_rows(picture.rows if picture is not None else ())
        self.table.set_empty(
            "no statement matches the filter; Esc clears it" if self.table.needle
            else no_statements(state)
        )  # fmt: skip
        self._chips()

    def _chips(self) -> None:
        table, picture = self.table, self.state.picture
        line: list[tuple[str, str]] = self.filter_chip()
        line.append((f"{len(table.rows):,} of {table.total:,} statements", "strong"))
        if picture is not None:
            line.append((f"   {interval_words(picture)}", "dim"))
            if picture.past:
                line.append(("   every figure is of that time", "dim"))
            if picture.sampled:
                line.append((f"   {picture.sampled}", "dim"))
            if picture.hidden:
                kinds = ", ".join(f"{hidden.statements} {hidden.reason}" for hidden in picture.hidden)
                line.append((f"   hidden: {kinds} ({sum(each.share for each in picture.hidden):.1%})", "dim"))
            if picture.rest_share >= 0.001:
                line.append((f"   {picture.rest_share:.1%} of the time in statements not shown", "dim"))
            if self.state.shown_filters:
                line.append((f"   shown: {', '.join(sorted(self.state.shown_filters))}", "accent"))
            if picture.unreadable:
                line.append((f"   {picture.unreadable} rows of other roles need pg_read_all_stats", "warn"))
        shown: Line = tuple(line)
        self.query_one("#chips", LineView).show(lambda width: wrap(shown, width, 3))

    # --- rows ---

    @on(LiveTable.Opened)
    def _opened(self, event: LiveTable.Opened) -> None:
        self.post_message(m.OpenQuery(event.row.key))

    def action_open(self) -> None:
        self.table.open_current()

    def copied(self) -> tuple[str, str]:
        row = self.table.current
        return (row.text, "the query") if row is not None else ("", "")

    def exported(self) -> Any:
        return [asdict(row) for row in self.table.rows]
