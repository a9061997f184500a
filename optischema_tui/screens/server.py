"""What the server does beside statements: databases, I/O, WAL, checkpoints, replication, long commands, settings."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal

from optischema_tui import messages as m
from optischema_tui.actions import bindings
from optischema_tui.state import State
from optischema_tui.view import View
from optischema_tui.widgets.lines import LineView, plain
from optischema_tui.widgets.server_panels import LEFT, PANELS, RIGHT, panel_lines

WIDTHS = [(0, "-narrow"), (160, "-wide")]
"""Beside each other only where both columns keep room for their figures."""


class ServerScreen(View):
    """Screen 8."""

    VIEW = TAB = "server"
    FOLLOWS = (m.ReadingReady,)
    BINDINGS = bindings("server")
    CSS_PATH = "server.tcss"
    AUTO_FOCUS = "#left"
    HORIZONTAL_BREAKPOINTS = WIDTHS

    def body(self) -> ComposeResult:
        with Horizontal(id="halves", classes="group"):
            yield LineView(id="left", classes="figures pane", focusable=True)
            yield LineView(id="right", classes="figures pane", focusable=True)

    def draw(self, state: State) -> None:
        readings, glyphs, past = state.readings, self.glyphs, state.past is not None
        left = LEFT if self.has_class("-wide") else PANELS
        self.query_one("#left", LineView).show(lambda width: panel_lines(readings, left, width, glyphs, past=past))
        self.query_one("#right", LineView).show(lambda width: panel_lines(readings, RIGHT, width, glyphs, past=past))

    def on_resize(self) -> None:
        self.call_after_refresh(self.redraw)

    def as_text(self) -> str:
        state = self.state
        lines = panel_lines(state.readings, PANELS, 120, self.glyphs, past=state.past is not None)
        return "\n".join(plain(line).rstrip() for line in lines) + "\n"

    def copied(self) -> tuple[str, str]:
        return self.as_text(), "the panels"

    def exported(self) -> Any:
        return {family: [asdict(each) for each in pair if each is not None]
                for family, pair in self.state.readings.items()}  # fmt: skip
