"""The journal of every decision and effect, whether its chain of hashes is whole, and the story of each change."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from optischema_tui import messages as m
from optischema_tui.actions import bindings
from optischema_tui.core.audit.search import gist_of, parse, state_of, subject_of, users_of
from optischema_tui.core.clock import local_stamp
from optischema_tui.core.models import AuditEntry
from optischema_tui.core.safe_text import redact, spoken
from optischema_tui.filter_view import FilterView
from optischema_tui.state import State
from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.lines import Line, LineView, Piece, cut, wrap
from optischema_tui.widgets.live_table import Column, LiveTable
from optischema_tui.widgets.sections import heading, labelled
from optischema_tui.widgets.sql_view import sql_lines
from optischema_tui.widgets.story_lines import story_lines

_parsed = lru_cache(maxsize=8)(parse)


def _columns() -> list[Column[AuditEntry]]:
    return [
        Column("seq", "#", 5, lambda entry, width: str(entry.seq), right=True),
        Column("at", "WHEN", 20, lambda entry, width: (local_stamp(entry.at), "dim")),
        Column("event", "EVENT", 24, lambda entry, width: entry.event),
        Column("who", "WHO", 12, lambda entry, width: _who(entry)),
        Column("about", "ABOUT", 0, lambda entry, width: (_about(entry), "dim")),
        Column("change", "CHANGE", 13, lambda entry, width: (entry.change_id[:13], "dim"), from_width=100),
    ]


def _who(entry: AuditEntry) -> str:
    return next(iter(users_of(entry)), "")


def _about(entry: AuditEntry) -> str:
    return spoken(subject_of(entry)) or gist_of(entry)


def _matches(entry: AuditEntry, needle: str) -> bool:
    return _parsed(needle).fits(entry)


class AuditScreen(FilterView[AuditEntry]):
    """Screen 4."""

    VIEW = TAB = "audit"
    BINDINGS = bindings("audit")
    CSS_PATH = "audit.tcss"
    AUTO_FOCUS = "#entries"

    def __init__(self) -> None:
        super().__init__()
        self.only = ""
        """The state whose entries are shown; empty: all."""
        self.telling = ""
        """The change whose story stands beside; empty: the entry under the cursor does."""

    def body(self) -> ComposeResult:
        yield LineView(id="verdict")
        yield self.filter_box("words, or user:dana object:orders state:kept change:0192")
        with Container(id="halves", classes="group"):
            yield LiveTable(_columns(), lambda entry: entry.seq, matches=_matches, id="entries", classes="pane")
            yield LineView(id="entry", classes="pane", focusable=True)

    @property
    def table(self) -> LiveTable[AuditEntry]:
        return self.query_one("#entries", LiveTable)

    def on_screen_resume(self) -> None:
        self.post_message(m.LoadAudit())

    def draw(self, state: State) -> None:
        until = state.past.at if state.past is not None else math.inf
        known = [entry for entry in state.entries if entry.at <= until]
        self.table.set_rows([entry for entry in known if not self.only or state_of(entry) == self.only])
        self.table.set_empty(
            "the journal cannot be read; see above" if "audit" in state.unread
            else "nothing fits the filter; Esc clears it" if known and (self.table.needle or self.only)
            else "nothing had been decided by then" if state.past is not None and state.verdict is not None
            else "nothing was decided yet" if state.verdict is not None
            else "reading the journal"
        )  # fmt: skip
        chips = self._chips(state)
        self.query_one("#verdict", LineView).show(lambda width: [cut((*chips, *_verdict(state)), width)])
        self._beside()

    def _chips(self, state: State) -> list[Piece]:
        if not self.only:
            return self.filter_chip()
        return [(f" state: {self.only} ", "chip-warn"), (" Esc clears   ", "dim"), *self.filter_chip()[:1]]

    @on(LiveTable.Highlighted)
    def _moved(self) -> None:
        entry: AuditEntry | None = self.table.current
        if entry is None or entry.change_id != self.telling:
            self.telling = ""
        self._beside(top=True)

    def _beside(self, *, top: bool = False) -> None:
        entry, story, glyphs, telling = self.table.current, self.state.story, self.glyphs, self.telling

        def lines(width: int) -> list[Line]:
            if telling and story is not None and story.change_id == telling:
                return story_lines(story, width, glyphs)
            if telling:
                return [(("reading everything about this change", "dim"),)]
            return _entry_lines(entry, width, glyphs) if entry is not None else []

        self.query_one("#entry", LineView).show(lines, top=top)

    # --- keys ---

    def action_story(self) -> None:
        entry: AuditEntry | None = self.table.current
        if entry is None or not entry.change_id:
            self.notify("This entry is not about a change.", markup=False)
            return
        self.telling = "" if self.telling else entry.change_id
        if self.telling:
            self.post_message(m.LoadStory(self.telling))
        self._beside(top=True)

    def action_state(self) -> None:
        states = ["", *sorted({state_of(entry) for entry in self.state.entries})]
        place = states.index(self.only) if self.only in states else 0
        self.only = states[(place + 1) % len(states)]
        self.draw(self.state)

    def action_back(self) -> None:
        if self.telling:
            self.telling = ""
            self._beside(top=True)
        elif self.only:
            self.only = ""
            self.draw(self.state)
        else:
            super().action_back()

    def action_verify(self) -> None:
        self.post_message(m.LoadAudit(asked=True))

    def copied(self) -> tuple[str, str]:
        entry: AuditEntry | None = self.table.current
        return (json.dumps(asdict(entry), indent=2, default=str), "the entry") if entry is not None else ("", "")

    def exported(self) -> Any:
        return [asdict(entry) for entry in self.table.rows]


def _verdict(state: State) -> Line:
    if (error := state.unread.get("audit")) is not None:
        return ((" NOT VERIFIED ", "chip-warn"), (f"  {error.sentence}", "bad"))
    verdict = state.verdict
    if verdict is None:
        return (("verifying …", "dim"),)
    if not verdict.ok:
        kind = f" {verdict.kind.upper()}" if verdict.kind else ""
        return ((f" CHAIN BROKEN{kind} ", "chip-bad"), (f"  at entry {verdict.first_bad}: {verdict.problem}", "bad"))
    anchored = "" if verdict.anchored else ", no anchor kept elsewhere"
    shown = f"; the newest {len(state.entries)} are shown" if verdict.entries > len(state.entries) > 0 else ""
    return (
        (" CHAIN INTACT ", "chip"), (f"  {verdict.entries} entries verified", "strong"),
        (f" at {local_stamp(state.verified_at)}{anchored}{shown}", "dim"),
    )  # fmt: skip


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
