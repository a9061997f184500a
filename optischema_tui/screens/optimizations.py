"""Recommendations and changes: the evidence, the exact SQL, and the keys that decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import zip_longest
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from optischema_tui import messages as m
from optischema_tui.actions import bindings
from optischema_tui.core.models import Change, ChangeState
from optischema_tui.state import State
from optischema_tui.view import View
from optischema_tui.widgets import figures
from optischema_tui.widgets.advice_text import (
    DROP,
    MAY_APPLY,
    MAY_KEEP,
    MAY_UNDO,
    MAY_WITHDRAW,
    RISK_ROLES,
    SETTLED,
    Item,
    evidence_lines,
    items_of,
    run_lines,
    state_word,
    why_lines,
)
from optischema_tui.widgets.banner import error_lines
from optischema_tui.widgets.lines import Line, LineView, cut, wrap
from optischema_tui.widgets.live_table import Cell, Column, LiveTable
from optischema_tui.widgets.progress import step_line

_PROPOSED = frozenset({ChangeState.PROPOSED})
_OVER = frozenset({ChangeState.KEPT, ChangeState.ROLLED_BACK, ChangeState.WITHDRAWN})
_APPROVABLE = _PROPOSED | {ChangeState.APPROVED, ChangeState.LEFTOVER}
WIDTHS = [(0, "-narrow"), (140, "-wide")]
"""Side by side only where the list keeps room for its titles."""

ENDS = "   Esc ends it"


def _columns(marks: Mapping[str, str]) -> list[Column[Item]]:
    return [
        Column("mark", "", 2, lambda item, width: (marks.get(item.key, ""), "accent"), right=True),
        Column("state", "STATE", 9, lambda item, width: state_word(item)),
        Column("risk", "RISK", 6, _risk),
        Column("gain", "GAIN", 7, _gain, right=True),
        Column("share", "LOAD", 6, _share, right=True),
        Column("size", "SIZE", 7, _size, right=True, from_width=64),
        Column("title", "ACTION", 0, lambda item, width: item.title),
    ]


def _may_apply(item: Item) -> bool:
    return item.change is not None and item.change.state in MAY_APPLY


def _risk(item: Item, width: int) -> Cell:
    return (str(item.recommendation.risk), RISK_ROLES[item.recommendation.risk]) if item.recommendation else ""


def _gain(item: Item, width: int) -> Cell:
    rec = item.recommendation
    return f"{rec.evidence.gain:.1f}x" if rec is not None and rec.kind != DROP else ""


def _share(item: Item, width: int) -> Cell:
    rec = item.recommendation
    return figures.percent(rec.evidence.share) if rec is not None and rec.kind != DROP else ""


def _size(item: Item, width: int) -> Cell:
    return figures.octets(item.recommendation.evidence.size_bytes) if item.recommendation else ""


class OptimizationsScreen(View):
    """Screen 3."""

    VIEW = TAB = "optimizations"
    PRESENT_ONLY = "Recommendations and changes are those of the present: End leads there, to decide on them."
    BINDINGS = bindings("optimizations")
    CSS_PATH = "optimizations.tcss"
    AUTO_FOCUS = "#items"
    HORIZONTAL_BREAKPOINTS = WIDTHS

    why = False
    _shown: tuple[object, ...] = ()
    """The parts of the state that list and evidence were drawn from."""

    def __init__(self) -> None:
        super().__init__()
        self._marks: dict[str, str] = {}
        """By item, its place in the batch, the first being 1."""
        self._new: Change | None = None
        """The written change that the cursor was put on last."""

    def body(self) -> ComposeResult:
        yield LineView(id="summary")
        with Container(id="halves", classes="group"):
            yield LiveTable(_columns(self._marks), lambda item: item.key, id="items", classes="pane")
            yield LineView(id="evidence", classes="pane", focusable=True)

    @property
    def table(self) -> LiveTable[Item]:
        return self.query_one("#items", LiveTable)

    def on_mount(self) -> None:
        self.post_message(m.LoadLedger())

    def draw(self, state: State) -> None:
        self.table.set_empty(_empty(state))
        glyphs = self.glyphs
        self.query_one("#summary", LineView).show(lambda width: _summary(state, width, glyphs))
        # While the advisor runs its progress comes often, and nothing below it changes.
        shown = (state.recommendations, state.changes, state.figures, state.advice, state.advice_error)
        if any(new is not old for new, old in zip_longest(shown, self._shown)):
            self._shown = shown
            items = items_of(state.recommendations, state.changes)
            self._mark([item.key for item in items if item.key in self._marks and _may_apply(item)])
            self.table.set_rows(items)
            self._evidence()
        self._find_new(state)

    @on(LiveTable.Highlighted)
    def _moved(self) -> None:
        self._evidence(top=True)

    def _evidence(self, *, top: bool = False) -> None:
        item, state, glyphs, why = self.table.current, self.state, self.glyphs, self.why

        def lines(width: int) -> list[Line]:
            if state.advice_error is not None and item is None:
                return [part for line in error_lines(state.advice_error) for part in wrap(line, width, 2)]
            if item is None:
                return run_lines(state.advice, width, glyphs)
            if why:
                return why_lines(item, state.advice, width, glyphs)
            measured = state.figures.get(item.change.id, ()) if item.change is not None else ()
            return evidence_lines(item, measured, width, glyphs)

        self.query_one("#evidence", LineView).show(lines, top=top)

    # --- keys ---

    def action_advise(self) -> None:
        if self.state.advising is None:
            self.post_message(m.Advise())

    def action_budget(self) -> None:
        if self.state.advising is None:
            self.post_message(m.AskBudget())

    def action_stop_advice(self) -> None:
        if self.state.advising is None:
            self._say("The advisor is not running.")
        else:
            self.post_message(m.StopAdvice())

    def action_back(self) -> None:
        if self.state.advising is not None:
            self.post_message(m.StopAdvice())
        else:
            super().action_back()

    def action_opinion(self) -> None:
        item = self.table.current
        rec = item.recommendation if item is not None else None
        if rec is None or (rec.spec is None and rec.kind != DROP):
            self._say("There is no recommended index under the cursor to ask about.")
        else:
            self.post_message(m.SecondOpinion(rec.id))

    def action_why(self) -> None:
        self.why = not self.why
        self._evidence(top=True)

    def action_new_change(self) -> None:
        self.post_message(m.AskChange())

    def action_approve(self, auto_undo: bool = False) -> None:
        item = self.table.current
        if item is None or (item.recommendation is None and item.change is None):
            self._say("There is no recommendation or change under the cursor to approve.")
        elif item.change is not None and item.change.state not in _APPROVABLE | SETTLED:
            self._say(f"This one is {state_word(item)[0]} already.")
        elif item.recommendation is not None and (item.change is None or item.change.state in SETTLED):
            self.post_message(m.Approve(item.recommendation.id, auto_undo))
        elif item.change is not None and item.change.state not in _OVER:
            self.post_message(m.Approve(item.change.id, auto_undo))
        else:
            self._say(f"This one is {state_word(item)[0]} already: write it anew with n.")

    def action_mark(self) -> None:
        item = self.table.current
        if item is None or not _may_apply(item):
            self._say("Only an approved change can be marked, to be applied with others in order.")
        else:
            kept = [key for key in self._marks if key != item.key]
            self._mark(kept if item.key in self._marks else [*kept, item.key])
            self.table.set_rows(items_of(self.state.recommendations, self.state.changes))

    def _mark(self, keys: list[str]) -> None:
        self._marks.clear()
        self._marks.update({key: str(place) for place, key in enumerate(keys, 1)})

    def action_apply(self) -> None:
        item = self.table.current
        run = self.state.run
        if run is not None and self.state.building:
            self.post_message(m.OpenRun(run.ids[0], run.undo, run.ids[1:]))
        elif not self.state.allow_changes:
            self._say("Changes are off for this target: start with --allow-changes, or set it in the profile.")
        elif self._marks:
            first, *more = self._marked()
            self.post_message(m.OpenRun(first, False, tuple(more)))
        elif item is not None and item.change is not None and item.change.state not in MAY_APPLY | SETTLED | _PROPOSED:
            self._say(f"This one is {state_word(item)[0]} already.")
        elif item is None or item.change is None or item.change.state not in MAY_APPLY:
            self._say("Approve it first (a); then apply runs the preflight and asks once more.")
        else:
            self.post_message(m.OpenRun(item.change.id, False))

    def _marked(self) -> list[str]:
        """The ids of the marked changes, in the order of the marks."""
        ids = {item.key: item.change.id for item in self.table.rows if item.change is not None}
        return [ids[key] for key in self._marks if key in ids]

    def _find_new(self, state: State) -> None:
        """Put the cursor on a change that was written just now."""
        written = state.written
        if isinstance(written, Change) and written is not self._new:
            self._new = written
            self.table.move_to(written.id)

    def action_undo(self) -> None:
        item = self.table.current
        run = self.state.run
        if run is not None and self.state.building:
            self.post_message(m.OpenRun(run.ids[0], run.undo, run.ids[1:]))
        elif not self.state.allow_changes:
            self._say("Changes are off for this target: start with --allow-changes, or set it in the profile.")
        elif item is None or item.change is None or item.change.state not in MAY_UNDO:
            self._say("Only an applied change can be rolled back.")
        else:
            self.post_message(m.OpenRun(item.change.id, True))

    def action_keep(self) -> None:
        item = self.table.current
        if item is None or item.change is None or item.change.state not in MAY_KEEP:
            self._say("Only a change whose effect is being measured, or that needs attention, can be kept.")
        else:
            self.post_message(m.AskKeep(item.change.id, item.title))

    def action_put_aside(self) -> None:
        item = self.table.current
        change = item.change if item is not None else None
        if item is None:
            self._say("There is nothing under the cursor to put aside.")
        elif item.recommendation is not None and (change is None or change.state in SETTLED):
            self.post_message(m.AskDismiss(item.recommendation.id, item.title))
        elif change is not None and change.state in MAY_WITHDRAW:
            self.post_message(m.AskWithdraw(change.id, change.title))
        elif change is not None and change.state in MAY_UNDO:
            self._say(f"It is {state_word(item)[0]}: u takes it back from the server.")
        else:
            self._say(f"It is {state_word(item)[0]}: it cannot be withdrawn any more.")

    def _say(self, sentence: str) -> None:
        self.notify(sentence, markup=False)

    def copied(self) -> tuple[str, str]:
        item = self.table.current
        return (item.forward_sql + ";", "the SQL") if item is not None else ("", "")

    def exported(self) -> Any:
        state = self.state
        return {
            "recommendations": [asdict(each) for each in state.recommendations],
            "changes": [asdict(each) for each in state.changes],
            "run": asdict(state.advice) if state.advice is not None else None,
        }


def _summary(state: State, width: int, glyphs: Any) -> list[Line]:
    if state.advising is not None:
        return [(*cut(step_line(*state.advising, width, glyphs), width - len(ENDS)), (ENDS, "dim"))]
    if state.advice_error is not None:  # the list may hold earlier advice: then it is told here alone, and whole
        return wrap((("The advisor stopped: ", "bad"), (state.advice_error.sentence, "")), width, 2)
    if state.advice is not None:
        budget = state.advice.budget_bytes
        within = f", within {figures.octets(budget)}" if budget is not None else ""
        return wrap(((state.advice.summary + within, "strong"),), width, 2)
    waiting = len(state.recommendations)
    plural = "" if waiting == 1 else "s"
    text = f"{waiting} recommendation{plural} from history" if waiting else "No recommendation is kept of this target"
    hint = "   R runs the advisor: it builds a private copy of schema and statistics, no rows"
    return wrap(((text, "strong"), (hint, "dim")), width, 2)


def _empty(state: State) -> str:
    if state.advising is not None:
        return "the advisor is running"
    if state.advice_error is not None:
        return "the advisor could not finish; see below"
    if (run := state.advice) is not None:
        if not run.judged:
            return "no statement could be judged; the reasons stand below"
        if run.stopped:
            return "the search ended before it found an index worth its cost"
        if run.budget_bytes is not None:
            return f"no index worth its cost fits into the budget of {figures.octets(run.budget_bytes)}"
        return "the advisor found no index worth its cost; the rejected ones stand below"
    if (error := state.unread.get("optimizations")) is not None:
        return f"not readable: {error.sentence}"
    return "press R to run the advisor" if state.ledger_loaded else "reading what is known"
