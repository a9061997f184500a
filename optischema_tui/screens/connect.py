"""Choose a target: profiles, services and the targets of before, or one that is typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.screen import Screen

from optischema_tui import messages as m
from optischema_tui.actions import ACTIONS, key_name, modal_bindings
from optischema_tui.core.models import OBSERVED, KnownTarget
from optischema_tui.core.safe_text import one_line
from optischema_tui.widgets import figures
from optischema_tui.widgets.key_bar import PieceBar
from optischema_tui.widgets.lines import Line, LineView, cut, wrap
from optischema_tui.widgets.live_table import Cell, Column, LiveTable


class ConnectScreen(Screen[None], inherit_bindings=False):
    """The screen of a start without a target."""

    BINDINGS: ClassVar = modal_bindings("connect")
    CSS_PATH = "connect.tcss"
    AUTO_FOCUS = "#targets"

    def __init__(self, targets: Sequence[KnownTarget], now: float) -> None:
        super().__init__()
        self.targets = tuple(targets)
        self.now = now

    def compose(self) -> ComposeResult:
        yield LineView(id="title")
        yield LiveTable(self._columns(), lambda target: (target.origin, target.name), id="targets")
        yield LineView(id="detail")
        yield PieceBar(id="keys")

    @property
    def table(self) -> LiveTable[KnownTarget]:
        return self.query_one("#targets", LiveTable)

    def on_mount(self) -> None:
        title: Line = (("Which server?", "head"), (f"   {len(self.targets)} known here", "dim"))
        self.query_one("#title", LineView).show(lambda width: [cut(title, width)])
        self.table.set_empty("no profile, service or earlier target is known: n names one")
        self.table.set_rows(self.targets)
        shown = [action for action in ACTIONS if action.shown and "connect" in action.screens]
        self.query_one("#keys", PieceBar).show_labels(
            [(((key_name(each.keys[0]), "key"), (f" {each.label}", "dim")), each.run) for each in shown]
        )

    def _columns(self) -> list[Column[KnownTarget]]:
        def state(target: KnownTarget, width: int) -> Cell:
            if target.problem:
                return (target.problem, "bad")
            good = target.state == OBSERVED
            return (target.state, "good" if good else "warn") if target.state else ("never reached", "dim")

        def seen(target: KnownTarget, width: int) -> Cell:
            return "" if target.seen_at is None else f"{figures.age(max(0.0, self.now - target.seen_at))} ago"

        return [
            Column("label", "TARGET", 22, lambda target, width: (target.label or target.name, "strong"),
                   sort=lambda target: target.label),
            Column("origin", "FROM", 8, lambda target, width: (target.origin, "dim"),
                   sort=lambda target: target.origin),
            Column("where", "WHERE", 30, lambda target, width: target.where, from_width=130),
            Column("dbname", "DATABASE", 14, lambda target, width: target.dbname, from_width=70),
            Column("changes", "", 9, lambda target, width: ("changes", "warn") if target.allow_changes else "",
                   from_width=150),
            Column("seen", "REACHED", 10, seen, sort=lambda target: target.seen_at or 0.0, right=True),
            Column("state", "LAST STATE", 0, state),
        ]  # fmt: skip

    @on(LiveTable.Highlighted)
    def _highlighted(self, event: LiveTable.Highlighted) -> None:
        target: KnownTarget | None = event.row
        lines: list[Line] = []
        if target is not None:
            lines.append(((one_line(target.name, 300), "dim"),))
            if target.problem:
                lines.append(((target.problem, "bad"),))
        self.query_one("#detail", LineView).show(lambda width: [part for line in lines for part in wrap(line, width)])

    @on(LiveTable.Opened)
    def _opened(self, event: LiveTable.Opened) -> None:
        self._choose(event.row)

    def action_open(self) -> None:
        self.table.open_current()

    def _choose(self, target: KnownTarget) -> None:
        if target.problem:
            self.notify(one_line(target.problem, 300), severity="warning", markup=False)
        else:
            self.post_message(m.TargetChosen(target.name))

    def action_name_target(self) -> None:
        self.post_message(m.AskTarget())

    def action_move(self, step: str) -> None:
        self.table.move(step)

    def action_pane(self) -> None:
        self.table.focus()

    def action_back(self) -> None:
        """Nothing lies behind this screen; `q` leaves."""

    def action_leave(self) -> None:
        self.post_message(m.QuitAsked())
