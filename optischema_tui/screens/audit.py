"""The journal of every decision and effect, and whether its chain of hashes is whole."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from optischema_tui import messages as m
from optischema_tui.actions import bindings
from optischema_tui.core.clock import local_stamp
from optischema_tui.core.models import AuditEntry
from optischema_tui.core.safe_text import redact
from optischema_tui.state import State
from optischema_tui.view import View
from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.lines import Line, LineView, cut, wrap
from optischema_tui.widgets.live_table import Column, LiveTable
from optischema_tui.widgets.sections import heading, labelled
from optischema_tui.widgets.sql_view import sql_lines


def _columns() -> list[Column[AuditEntry]]:
    return [
        Column("seq", "#", 5, lambda entry, width: str(entry.seq), right=True),
        Column("at", "WHEN", 20, lambda entry, width: (local_stamp(entry.at), "dim")),
        Column("event", "EVENT", 26, lambda entry, width: entry.event),
        Column("who", "WHO", 14, lambda entry, width: _who(entry), from_width=78),
        Column("change", "CHANGE", 0, lambda entry, width: (entry.change_id, "dim")),
    ]


def _who(entry: AuditEntry) -> str:
    for field in ("who", "actor"):
        value = entry.body.get(field)
        if isinstance(value, dict):
            return str(value.get("os_user") or value.get("user") or next(iter(value.values()), ""))
        if isinstance(value, str):
            return value
    return ""


class AuditScreen(View):
    """Screen 4."""

    VIEW = TAB = "audit"
    BINDINGS = bindings("audit")
    CSS_PATH = "audit.tcss"
    AUTO_FOCUS = "#entries"

    def body(self) -> ComposeResult:
        yield LineView(id="verdict")
        with Container(id="halves", classes="group"):
            yield LiveTable(_columns(), lambda entry: entry.seq, id="entries", classes="pane")
            yield LineView(id="entry", classes="pane", focusable=True)

    def on_screen_resume(self) -> None:
        self.post_message(m.LoadAudit())

    def draw(self, state: State) -> None:
        table = self.query_one("#entries", LiveTable)
        until = state.past.at if state.past is not None else math.inf
        table.set_rows([entry for entry in state.entries if entry.at <= until])
        table.set_empty(
            "the journal cannot be read; see above" if "audit" in state.unread
            else "nothing had been decided by then" if state.past is not None and state.verdict is not None
            else "nothing was decided yet" if state.verdict is not None
            else "reading the journal"
        )  # fmt: skip
        self.query_one("#verdict", LineView).show(lambda width: [cut(_verdict(state), width)])
        self._entry()

    @on(LiveTable.Highlighted)
    def _moved(self) -> None:
        self._entry(top=True)

    def _entry(self, *, top: bool = False) -> None:
        entry: AuditEntry | None = self.query_one("#entries", LiveTable).current
        glyphs = self.glyphs
        self.query_one("#entry", LineView).show(
            lambda width: _entry_lines(entry, width, glyphs) if entry is not None else [], top=top
        )

    def action_verify(self) -> None:
        self.post_message(m.LoadAudit())

    def copied(self) -> tuple[str, str]:
        entry: AuditEntry | None = self.query_one("#entries", LiveTable).current
        return (json.dumps(asdict(entry), indent=2, default=str), "the entry") if entry is not None else ("", "")

    def exported(self) -> Any:
        return [asdict(entry) for entry in self.state.entries]


def _verdict(state: State) -> Line:
    if (error := state.unread.get("audit")) is not None:
        return ((" NOT VERIFIED ", "chip-warn"), (f"  {error.sentence}", "bad"))
    if state.verdict is None:
        return (("verifying …", "dim"),)
    if state.verdict.ok:
        return (
            (" CHAIN INTACT ", "chip"), (f"  {state.verdict.entries} entries verified", "strong"),
            (f" at {local_stamp(state.verified_at)}", "dim"),
        )  # fmt: skip
    return ((" CHAIN BROKEN ", "chip-bad"), (f"  at entry {state.verdict.first_bad}: {state.verdict.problem}", "bad"))


def _entry_lines(entry: AuditEntry, width: int, glyphs: Glyphs) -> list[Line]:
    lines: list[Line] = [heading(f"Entry {entry.seq}", entry.event, width, glyphs)]
    lines += labelled("when", local_stamp(entry.at), width)
    if entry.change_id:
        lines += labelled("change", entry.change_id, width)
    for name, value in entry.body.items():
        if name in ("sql", "forward_sql", "inverse_sql") and isinstance(value, str):
            lines += [((f"{name}", "dim"),), *(((" " * 2, ""), *line) for line in sql_lines(redact(value), width - 2))]
        elif isinstance(value, dict | list):
            lines.append(((name, "dim"),))
            text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
            lines += [part for row in text.splitlines()[:200] for part in wrap(((redact(row), ""),), width, 4)]
        else:
            lines += labelled(name, redact(str(value)), width)
    lines += labelled("hash", entry.hash, width, role="dim")
    return lines + labelled("previous", entry.prev, width, role="dim")
