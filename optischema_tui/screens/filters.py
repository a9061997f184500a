"""What is kept out of sight, and the switch of each reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen

from optischema_tui import messages as m
from optischema_tui.actions import modal_bindings
from optischema_tui.core.workload import filter as reasons
from optischema_tui.state import State
from optischema_tui.view import Shell
from optischema_tui.widgets import figures
from optischema_tui.widgets.lines import LineView, wrap
from optischema_tui.widgets.live_table import Cell, Column, LiveTable

_MEANING = {
    reasons.OURS: "sent by this program",
    reasons.CATALOG: "reads the catalogs only",
    reasons.MAINTENANCE: "DDL, VACUUM, SET, transactions",
    reasons.OTHER_DATABASE: "ran in another database",
    reasons.NESTED: "ran inside a function, counted in its caller",
    reasons.PROVIDER: "the managed service's own",
}


@dataclass(frozen=True, slots=True)
class Switch:
    """One reason. `statements` and `share` are of what it hides now; None where it hides nothing."""

    reason: str
    shown: bool
    statements: int | None
    share: float | None


def switches(state: State) -> tuple[Switch, ...]:
    """Every reason in the order in which they apply."""
    hidden = {each.reason: each for each in state.picture.hidden} if state.picture is not None else {}
    made = []
    for reason in reasons.REASONS:
        found, shown = hidden.get(reason), reason in state.shown_filters
        known = found is not None and not shown
        made.append(Switch(reason, shown, found.statements if found and known else None,
                           found.share if found and known else None))  # fmt: skip
    return tuple(made)


def _columns() -> list[Column[Switch]]:
    def mark(each: Switch, width: int) -> Cell:
        return ("[x] shown", "accent") if each.shown else "[ ] hidden"

    return [
        Column("on", "", 10, mark),
        Column("reason", "REASON", 15, lambda each, width: (each.reason, "strong")),
        Column("count", "COUNT", 7, _count, right=True),
        Column("share", "TIME", 6, lambda each, width: "" if each.shown else figures.percent(each.share or 0.0),
               right=True),
        Column("what", "WHAT", 0, lambda each, width: (_MEANING.get(each.reason, ""), "dim")),
    ]  # fmt: skip


def _count(each: Switch, width: int) -> Cell:
    return "" if each.shown else f"{each.statements or 0:,}"


class FilterScreen(ModalScreen[None]):
    """Stays open while reasons are switched; what they hide is counted anew with the next tick."""

    BINDINGS: ClassVar = modal_bindings("filters")
    CSS_PATH = "dialogs.tcss"

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide"):
            yield LineView(id="words")
            yield LiveTable(_columns(), lambda each: each.reason, id="switches")

    @property
    def table(self) -> LiveTable[Switch]:
        return self.query_one("#switches", LiveTable)

    def on_mount(self) -> None:
        self.query_one("#words", LineView).show(lambda width: [
            (("Statements kept out of sight", "head"),),
            *wrap((("Space or Enter shows or hides, Esc closes. TIME is the share of all time.", "dim"),), width),
        ])  # fmt: skip
        self.redraw()
        self.table.focus()

    @on(m.StateChanged)
    def redraw(self) -> None:
        self.table.set_rows(switches(cast(Shell, self.app).state))

    @on(LiveTable.Opened)
    def action_flip(self) -> None:
        if self.table.current is not None:
            self.post_message(m.ToggleFilter(self.table.current.reason))

    def action_move(self, step: str) -> None:
        self.table.move(step)

    def action_back(self) -> None:
        self.dismiss(None)

    def action_pane(self) -> None:
        self.table.focus()
