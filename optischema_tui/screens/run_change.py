"""One change on its way: the SQL, the preflight line by line, the typed confirmation, the progress, the result."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from optischema_tui import messages as m
from optischema_tui.actions import bindings
from optischema_tui.core.models import Level
from optischema_tui.state import ChangeRun, Stage, State
from optischema_tui.view import View
from optischema_tui.widgets.banner import error_lines
from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.lines import Line, LineView, wrap
from optischema_tui.widgets.progress import build_lines
from optischema_tui.widgets.sections import heading
from optischema_tui.widgets.sql_view import sql_lines

_ROLES = {Level.PASS: "good", Level.WARN: "warn", Level.BLOCK: "bad"}


class RunChangeScreen(View):
    """Opened by apply and by roll back. Leaving it does not stop what runs."""

    VIEW = "run"
    TAB = "optimizations"
    PRESENT_ONLY = "A change is made in the present: End leads there."
    BINDINGS = bindings("run")
    CSS_PATH = "run_change.tcss"
    AUTO_FOCUS = "#steps"

    def __init__(self, change_id: str, undo: bool) -> None:
        super().__init__()
        self.change_id = change_id
        self.undo = undo
        self.word = "undo" if undo else "apply"

    def body(self) -> ComposeResult:
        yield LineView(id="steps", classes="pane", focusable=True)
        yield Input(id="confirm", select_on_focus=False)

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False
        run = self.state.run
        if run is None or run.change.id != self.change_id or run.stage is not Stage.RUNNING:
            self.post_message(m.Preflight(self.change_id, self.undo))

    def action_step(self, step: int) -> None:
        self.notify("A change is made in the present: Esc leaves it, then history can be looked at.", markup=False)

    def action_seek(self) -> None:
        self.action_step(0)

    def draw(self, state: State) -> None:
        run = state.run
        box = self.query_one(Input)
        ready = run is not None and run.stage is Stage.READY
        if ready and not box.has_class("-open"):
            box.placeholder = f"type {self.word} and press Enter to run it; Esc leaves without a change"
            box.add_class("-open")
            box.focus()
        elif not ready and box.has_class("-open"):
            box.remove_class("-open")
            self.query_one("#steps").focus()
        glyphs, word = self.glyphs, self.word
        steps = self.query_one("#steps", LineView)
        steps.show(lambda width: _lines(run, word, width, glyphs))
        self.call_after_refresh(steps.scroll_end, animate=False)

    @on(Input.Submitted)
    def _confirmed(self, event: Input.Submitted) -> None:
        run = self.state.run
        if event.value.strip().lower() != self.word:
            self.notify(f"Nothing was run: type the word {self.word}.", markup=False)
            return
        if run is not None and run.stage is Stage.READY:
            event.input.value = ""
            self.post_message(m.Run(self.change_id, self.undo))

    def action_cancel_run(self) -> None:
        if self.state.building:
            self.post_message(m.CancelRun())
            self.notify("Cancelling: the server ends the statement, then what is left of it is removed.", markup=False)

    def copied(self) -> tuple[str, str]:
        run = self.state.run
        return ((run.change.inverse_sql if self.undo else run.change.forward_sql) + ";", "the SQL") if run else ("", "")

    def exported(self) -> Any:
        run = self.state.run
        return {"change": asdict(run.change), "checks": [asdict(check) for check in run.checks]} if run else {}


def _lines(run: ChangeRun | None, word: str, width: int, glyphs: Glyphs) -> list[Line]:
    if run is None:
        return [(("reading the change …", "dim"),)]
    forward, inverse = run.change.forward_sql, run.change.inverse_sql
    if run.undo:
        forward, inverse = inverse, forward
    lines: list[Line] = wrap(((f"{word.capitalize()}: ", "head"), (run.change.title, "strong")), width)
    lines += [(), heading("SQL", "runs exactly as it stands here", width, glyphs), *sql_lines(forward, width)]
    lines += [(), heading("Undo", "", width, glyphs), *sql_lines(inverse, width)]
    lines += [(), heading("Preflight", "", width, glyphs)]
    marks = {Level.PASS: glyphs.check, Level.WARN: glyphs.warn, Level.BLOCK: glyphs.cross}
    size = max((len(check.name) for check in run.checks), default=0) + 2
    for check in run.checks:
        lines += wrap(
            ((f"{marks[check.level]} {check.level.value:<6}", _ROLES[check.level]), (f"{check.name:<{size}}", "strong"),
             (check.reason, "")), width, 8 + size,
        )  # fmt: skip
    return [*lines, (), *_stage_lines(run, word, width, glyphs)]


def _stage_lines(run: ChangeRun, word: str, width: int, glyphs: Glyphs) -> list[Line]:
    match run.stage:
        case Stage.CHECKING:
            return [(("checking …", "dim"),)]
        case Stage.BLOCKED:
            return wrap((("Blocked: ", "bad"), ("nothing was run. Mend what the crossed lines say, try again.", "")),
                        width)  # fmt: skip
        case Stage.READY:
            return wrap((("Ready. ", "good"), (f"Type {word} and press Enter to run it.", "")), width)
        case Stage.RUNNING:
            lines = [heading("Running", "c cancels; Esc leaves, it goes on", width, glyphs)]
            return lines + (build_lines(run.progress, width, glyphs) if run.progress else [(("starting …", "dim"),)])
        case Stage.DONE:
            state = run.change.state.value.replace("_", " ")
            after = "Esc goes back." if run.undo else "Esc goes back; the effect is measured from now on."
            return wrap((("Done: ", "good"), (f"the change is {state}. ", ""), (after, "dim")), width)
        case Stage.FAILED:
            error = run.error
            shown = error_lines(error) if error is not None else ()
            return [part for line in shown for part in wrap(line, width, 2)]
