"""Named stretches of history, and how the present compares with one."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from optischema_tui import messages as m
from optischema_tui.actions import bindings
from optischema_tui.core.clock import local_stamp, local_time
from optischema_tui.core.models import Baseline
from optischema_tui.state import State
from optischema_tui.view import View
from optischema_tui.widgets import figures
from optischema_tui.widgets.comparison_text import baseline_lines, comparison_lines
from optischema_tui.widgets.lines import Line, LineView
from optischema_tui.widgets.live_table import Cell, Column, LiveTable

if TYPE_CHECKING:
    from optischema_tui.widgets.glyphs import Glyphs

WINDOW_MINUTES = 60.0


class BaselinesScreen(View):
    """Screen 5."""

    VIEW = TAB = "baselines"
    BINDINGS = bindings("baselines")
    CSS_PATH = "baselines.tcss"
    AUTO_FOCUS = "#baselines"

    marked = ""
    comparing = False
    """The lower half has a comparison; else what is in the baseline under the cursor."""

    def body(self) -> ComposeResult:
        yield LineView(id="summary")
        with Container(id="halves", classes="group"):
            yield LiveTable(self._columns(), lambda baseline: baseline.name, id="baselines", classes="pane")
            yield LineView(id="comparison", classes="pane", focusable=True)

    def _columns(self) -> list[Column[Baseline]]:
        def name(baseline: Baseline, width: int) -> Cell:
            marked = baseline.name == self.marked
            return (f"{self.glyphs.arrow} {baseline.name}", "accent") if marked else f"  {baseline.name}"

        return [
            Column("name", "  NAME", 0, name),
            Column("when", "FROM", 21, lambda each, width: (local_stamp(each.since), "dim")),
            Column("until", "UNTIL", 9, lambda each, width: (local_time(each.until), "dim")),
            Column("count", "STATEMENTS", 10, lambda each, width: f"{len(each.statements):,}", right=True),
            Column("time", "TIME", 9, lambda each, width: figures.milliseconds(_time(each)), right=True, from_width=74),
        ]

    @property
    def table(self) -> LiveTable[Baseline]:
        return self.query_one("#baselines", LiveTable)

    def on_screen_resume(self) -> None:
        self.post_message(m.LoadBaselines())

    def draw(self, state: State) -> None:
        self._fill(state)
        self.table.set_empty(
            f"not readable: {state.unread['baselines'].sentence}" if "baselines" in state.unread
            else "press n to keep the last hour as a baseline" if state.baselines is not None
            else "reading"
        )  # fmt: skip
        marked, glyphs = self.marked, self.glyphs
        self.query_one("#summary", LineView).show(lambda width: [_summary(marked)])
        row = self.table.current if state.comparison is None or not self.comparing else None
        self.query_one("#comparison", LineView).show(
            lambda width: baseline_lines(row, width, glyphs) if row else _comparison(state, width, glyphs)
        )

    def _fill(self, state: State) -> None:
        """The baselines that there were at the moment shown."""
        until = state.past.at if state.past is not None else math.inf
        self.table.set_rows([each for each in state.baselines or () if each.created_at <= until])

    def action_new(self) -> None:
        self.post_message(m.AskBaseline())

    def action_mark(self) -> None:
        row = self.table.current
        if row is not None:
            self.marked = "" if row.name == self.marked else row.name
            self.redraw()

    def action_compare(self) -> None:
        row = self.table.current
        if row is None:
            return
        self.comparing = True
        if self.marked and self.marked != row.name:
            self.post_message(m.CompareBaselines(self.marked, row.name, WINDOW_MINUTES))
        else:
            self.post_message(m.CompareBaselines(row.name, None, WINDOW_MINUTES))

    @on(LiveTable.Highlighted)
    def _moved(self) -> None:
        self.comparing = False
        self.redraw()

    @on(LiveTable.Opened)
    def _opened(self) -> None:
        self.action_compare()

    def copied(self) -> tuple[str, str]:
        return self.query_one("#comparison", LineView).text, "what is shown"

    def exported(self) -> Any:
        comparison = self.state.comparison
        return {
            "baselines": [asdict(each) for each in self.state.baselines or ()],
            "comparison": asdict(comparison[2]) if comparison is not None else None,
        }


def _time(baseline: Baseline) -> float:
    return sum(statement.exec_time for statement in baseline.statements)


def _summary(marked: str) -> Line:
    if marked:
        return (("Marked: ", "dim"), (marked, "accent"), ("   Enter compares it with the one under the cursor", "dim"))
    return (("Enter compares with the last hour; m marks one to compare with another", "dim"),)


def _comparison(state: State, width: int, glyphs: Glyphs) -> list[Line]:
    if state.comparison is None:
        return []
    first, second, comparison = state.comparison
    return comparison_lines(first, second, comparison, width, glyphs)
