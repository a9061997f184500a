"""Tables and indexes: how they are read and written, how large and how well kept they are."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.widgets import Input

from optischema_tui import messages as m
from optischema_tui.actions import bindings
from optischema_tui.filter_view import FilterView
from optischema_tui.state import State
from optischema_tui.widgets.lines import Line, LineView, Piece, wrap
from optischema_tui.widgets.live_table import LiveTable, Order
from optischema_tui.widgets.object_columns import Objects, full_name, index_columns, matches, table_columns
from optischema_tui.widgets.reading_rows import Pair, Row, basis, lacking_words, rows_of

PAGE_BYTES = 8192
_SHOWN = {"tables": ("n_ins_since_vacuum",), "indexes": ("last_idx_scan",)}
"""Columns whose absence is worth a word here."""


class ObjectsScreen(FilterView[Row]):
    """Screen 7. One table at a time: `v` or Tab switches."""

    VIEW = TAB = "objects"
    FOLLOWS = (m.ReadingReady,)
    BINDINGS = bindings("objects")
    CSS_PATH = "objects.tcss"
    AUTO_FOCUS = "#tables"

    def __init__(self) -> None:
        super().__init__()
        self.family = "tables"
        self._drawn: dict[str, tuple[Any, ...]] = {}
        self._objects = {"tables": Objects(), "indexes": Objects()}

    def body(self) -> ComposeResult:
        yield LineView(id="chips")
        yield self.filter_box("words of a schema, a table or an index")
        yield LiveTable(
            table_columns(self._objects["tables"]), lambda row: row.key, order=Order("size", True), matches=matches,
            id="tables", classes="figures pane",
        )  # fmt: skip
        yield LiveTable(
            index_columns(self._objects["indexes"]), lambda row: row.key, order=Order("size", True), matches=matches,
            id="indexes", classes="figures pane",
        )  # fmt: skip

    @property
    def table(self) -> LiveTable[Row]:
        return self.query_one(f"#{self.family}", LiveTable)

    def draw(self, state: State) -> None:
        pair = state.readings.get(self.family)
        self._fill(state, pair)
        self.table.set_empty(_empty(state, pair, self.family, bool(self.table.needle)))
        heading = (*self.filter_chip(), *_heading(self.family, pair, self.table))
        problem = pair[0].problem if pair is not None else ""
        self.query_one("#chips", LineView).show(
            lambda width: [*wrap(heading, width, 2), *(wrap(((problem, "warn"),), width) if problem else [])]
        )

    def _fill(self, state: State, pair: Pair | None) -> None:
        """Put the rows in, unless they stand there."""
        sizes, settings = state.readings.get("sizes"), state.readings.get("settings")
        drawn = (pair, sizes, settings)
        stands = self._drawn.get(self.family)
        if stands is not None and all(one is other for one, other in zip(drawn, stands, strict=True)):
            return
        self._drawn[self.family] = drawn
        objects = self._objects[self.family]
        objects.reading = pair[0] if pair is not None else None
        objects.page = _page_bytes(settings)
        measured = sizes[0].dicts() if sizes is not None else []
        objects.sizes = {each["relid"]: each for each in measured if each.get("what") == "table"}
        self.table.set_rows(rows_of(pair) if pair is not None else ())

    def action_switch(self) -> None:
        self.family = "indexes" if self.family == "tables" else "tables"
        self.set_class(self.family == "indexes", "-indexes")
        self.table.set_filter(self.query_one("#filter", Input).value.strip())
        self.table.focus()
        self.redraw()

    def copied(self) -> tuple[str, str]:
        row = self.table.current
        return (full_name(row), "the name") if row is not None else ("", "")

    def exported(self) -> Any:
        pair = self.state.readings.get(self.family)
        return {
            "family": self.family,
            "basis": basis(pair) if pair is not None else "",
            "rows": [{"read": row.values, "figures": row.counted} for row in self.table.rows],
        }

    def as_text(self) -> str:
        return f"{self.query_one('#chips', LineView).text}\n\n{self.table.as_text(160)}\n"


def _page_bytes(settings: Pair | None) -> int:
    """Of this server, where its settings were read."""
    for row in settings[0].dicts() if settings is not None else []:
        if row["name"] == "block_size" and str(row["setting"]).isdecimal():
            return int(row["setting"])
    return PAGE_BYTES


def _heading(family: str, pair: Pair | None, table: LiveTable[Row]) -> Line:
    line: list[Piece] = [(f"{family.capitalize()}  ", "head")]
    if pair is None or pair[0].problem:
        return tuple(line)
    reading = pair[0]
    line += [(f"{len(table.rows):,} of {table.total:,}", "strong"), (f"   {basis(pair)}", "dim")]
    if reading.left_out:
        line.append((f"   {reading.left_out:,} lighter ones left out", "warn"))
    missing = [name for name in reading.lacking if name in _SHOWN[family]]
    if missing:
        line.append((f"   {lacking_words(missing)}", "dim"))
    return tuple(line)


def _empty(state: State, pair: Pair | None, family: str, filtered: bool) -> str:
    if filtered:
        return "nothing matches the filter; Esc clears it"
    if pair is None:
        return f"history holds no {family} of this moment" if state.past is not None else f"{family} not read yet"
    return "not readable; see above" if pair[0].problem else f"this database has no {family} of its own"
