"""Changes on their way: the SQL, the preflight line by line, the typed confirmation, the progress, the result."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from optischema_tui import messages as m
from optischema_tui.actions import bindings
from optischema_tui.core.models import Change, ChangeState, Check, Level
from optischema_tui.core.safe_text import spoken
from optischema_tui.state import ChangeRun, Part, Stage, State
from optischema_tui.view import View
from optischema_tui.widgets.advice_text import BY_HAND
from optischema_tui.widgets.banner import error_lines
from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.lines import Line, LineView, wrap
from optischema_tui.widgets.progress import build_lines
from optischema_tui.widgets.sections import bullets, heading
from optischema_tui.widgets.sql_view import sql_lines

_ROLES = {Level.PASS: "good", Level.WARN: "warn", Level.BLOCK: "bad"}
_STAGES = {
    Stage.CHECKING: ("checking", "dim"),
    Stage.BLOCKED: ("blocked", "bad"),
    Stage.READY: ("ready", "good"),
    Stage.RUNNING: ("running", "warn"),
    Stage.DONE: ("done", "good"),
    Stage.FAILED: ("failed", "bad"),
}
_UNDER_WAY = frozenset({ChangeState.EXECUTING, ChangeState.LEFTOVER, ChangeState.UNKNOWN, ChangeState.FAILED_CLEAN})


class RunChangeScreen(View):
    """Opened by apply and by roll back. Leaving it does not stop what runs."""

    VIEW = "run"
    TAB = "optimizations"
    PRESENT_ONLY = "A change is made in the present: End leads there."
    BINDINGS = bindings("run")
    CSS_PATH = "run_change.tcss"
    AUTO_FOCUS = "#steps"

    def __init__(self, change_ids: tuple[str, ...], undo: bool) -> None:
        super().__init__()
        self.change_ids = change_ids
        self.undo = undo
        self.queries = False
        self.given: tuple[str, ...] = ()
        """What was typed of `_words`."""
        self._drawn: tuple[object, ...] = ()

    def body(self) -> ComposeResult:
        yield LineView(id="steps", classes="pane", focusable=True)
        yield Input(id="confirm", select_on_focus=False)

    def on_mount(self) -> None:
        self.query_one(Input).cursor_blink = False
        run = self.state.run
        if run is None or run.ids != self.change_ids or run.stage is not Stage.RUNNING:
            self.post_message(m.Preflight(self.change_ids[0], self.undo, self.change_ids[1:]))

    def draw(self, state: State) -> None:
        run = state.run
        box = self.query_one(Input)
        ready = run is not None and run.stage is Stage.READY
        if run is not None and ready:
            box.placeholder = f"type {self._wanted(run)} and press Enter; Tab: the lines; Esc leaves without a change"
        if ready and not box.has_class("-open"):
            self.given = ()
            box.add_class("-open")
            box.focus()
        elif not ready and box.has_class("-open"):
            box.remove_class("-open")
            self.query_one("#steps").focus()
        if (run, self.given, self.queries) != self._drawn:
            self._drawn = (run, self.given, self.queries)
            glyphs, queries = self.glyphs, self.queries
            wanted = self._wanted(run) if run is not None else ""
            steps = self.query_one("#steps", LineView)
            steps.show(lambda width: _lines(run, wanted, width, glyphs, queries))
            if not queries:
                self.call_after_refresh(steps.scroll_end, animate=False)

    # --- the confirmation ---

    def _wanted(self, run: ChangeRun) -> str:
        """What is to be typed next."""
        words = _words(run)
        return words[min(len(self.given), len(words) - 1)]

    @on(Input.Submitted)
    def _confirmed(self, event: Input.Submitted) -> None:
        run = self.state.run
        if run is None or run.stage is not Stage.READY:
            return
        wanted, typed = self._wanted(run), event.value.strip()
        said = typed.lower() if wanted == _verb(run) else spoken(typed)
        if said != wanted:
            self.notify(f"Nothing was run: type {wanted}.", markup=False)
            return
        event.input.value = ""
        self.given = (*self.given, wanted)
        if len(self.given) == len(_words(run)):
            subjects = tuple(each for each in self.given if each != _verb(run))
            self.post_message(m.Run(self.change_ids[0], self.undo, self.change_ids[1:], subjects))
        else:
            self.draw(self.state)

    # --- keys ---

    def action_step(self, step: int) -> None:
        self.notify("A change is made in the present: Esc leaves it, then history can be looked at.", markup=False)

    def action_seek(self) -> None:
        self.action_step(0)

    def action_pane(self) -> None:
        box, steps = self.query_one(Input), self.query_one("#steps")
        (box if box.has_class("-open") and self.focused is not box else steps).focus()

    def action_queries(self) -> None:
        self.queries = not self.queries
        self.draw(self.state)

    def action_cancel_run(self) -> None:
        if self.state.building:
            self.post_message(m.CancelRun())
            self.notify("Cancelling: the server ends the statement, then what is left of it is removed.", markup=False)

    def copied(self) -> tuple[str, str]:
        run = self.state.run
        sql = (
            [f"{part.change.inverse_sql if self.undo else part.change.forward_sql};" for part in run.parts]
            if run
            else []
        )
        return "\n".join(sql), "the SQL"

    def exported(self) -> Any:
        run = self.state.run
        parts = run.parts if run else ()
        return [{"change": asdict(each.change), "checks": [asdict(check) for check in each.checks]} for each in parts]


def _verb(run: ChangeRun) -> str:
    """What a person types who confirms."""
    return "done" if _by_hand(run) else "undo" if run.undo else "apply"


def _by_hand(run: ChangeRun) -> bool:
    """All of it is done by a person elsewhere."""
    return all(part.change.by_hand for part in run.parts)


def _words(run: ChangeRun) -> tuple[str, ...]:
    """What a person types to confirm: the verb, and of each change that nothing undoes what it is about."""
    final = () if run.undo else tuple(_said(part) for part in run.parts if part.change.wants_typing)
    return final if final and len(final) == len(run.parts) else (_verb(run), *final)


def _said(part: Part) -> str:
    return spoken(part.change.subject or part.change.kind)


# --- what stands there ---


def _lines(run: ChangeRun | None, wanted: str, width: int, glyphs: Glyphs, queries: bool) -> list[Line]:
    if run is None:
        return [(("reading the change …", "dim"),)]
    verb, parts = "Undo" if run.undo else "Apply", run.parts
    title = parts[0].change.title if len(parts) == 1 else f"{len(parts)} changes, in this order"
    lines: list[Line] = wrap(((f"{verb}: ", "head"), (title, "strong")), width)
    if len(parts) == 1:
        lines += _part_lines(run, parts[0], width, glyphs)
        lines += [(), heading("Preflight", "", width, glyphs), *_check_lines(parts[0].checks, width, glyphs, queries)]
    for number, part in enumerate(parts, 1) if len(parts) > 1 else ():
        begun = run.stage not in (Stage.RUNNING, Stage.FAILED) or number - 1 <= run.at
        word, role = _STAGES[part.stage] if begun else ("not begun", "dim")
        name = wrap(((f"{number}  {part.change.title}  ", "strong"), (word, role)), width, 3)
        lines += [(), heading(f"Change {number} of {len(parts)}", "", width, glyphs), *name]
        lines += _part_lines(run, part, width, glyphs)
        shown = part.checks if queries else tuple(check for check in part.checks if check.level is not Level.PASS)
        lines += [(), *_check_lines(shown, width, glyphs, queries)]
        if passed := len(part.checks) - len(shown):
            lines.append(((f"{glyphs.check} {passed} lines pass", "good"),))
    return [*lines, (), *_stage_lines(run, wanted, width, glyphs)]


def _part_lines(run: ChangeRun, part: Part, width: int, glyphs: Glyphs) -> list[Line]:
    """What runs, what undoes it, and what a person should know of it."""
    change = part.change
    forward, inverse = change.steps, change.undo_steps
    if run.undo:
        forward, inverse = inverse, forward
    many = f"{len(forward)} statements, in this order; each runs exactly as it stands here"
    how = many if len(forward) > 1 else "runs exactly as it stands here"
    title, how = ("Steps", BY_HAND) if change.by_hand else ("SQL", how)
    lines: list[Line] = [(), heading(title, how, width, glyphs), *_step_lines(run, part, forward, width, glyphs)]
    lines += [(), heading("Undo", "", width, glyphs)]
    for sql in inverse:
        lines += sql_lines(sql, width)
    if not inverse:
        lines += wrap((("Nothing undoes this change.", "warn"),), width)
    cautions = tuple(str(told) for told in change.detail.get("cautions", ())) if not run.undo else ()
    if cautions:
        lines += [(), heading("Know before it runs", "", width, glyphs), *bullets(cautions, width, "-", "warn")]
    return lines


def _step_lines(run: ChangeRun, part: Part, steps: tuple[str, ...], width: int, glyphs: Glyphs) -> list[Line]:
    if len(steps) < 2:
        return [line for sql in steps for line in sql_lines(sql, width)]
    done = len(steps) if part.stage is Stage.DONE else _steps_done(part, run.undo)
    lines: list[Line] = []
    for place, sql in enumerate(steps):
        mark, role = (glyphs.check, "good") if place < done else (" ", "dim")
        if place == done and part.stage is Stage.RUNNING:
            mark, role = glyphs.arrow, "warn"
        elif place == done and part.stage is Stage.FAILED:
            mark, role = glyphs.cross, "bad"
        head = f"{mark:<2} {place + 1:>2}  "
        first, *more = sql_lines(sql, max(20, width - len(head))) or [()]
        lines += [((head, role), *first), *(((" " * len(head), ""), *line) for line in more)]
    return lines


def _steps_done(part: Part, undo: bool) -> int:
    """How many of its statements stand on the server already, as far as was told."""
    told: Change = part.change
    stored = int(told.detail.get("step", 0)) if told.state in _UNDER_WAY and not undo else 0
    return max(stored, part.progress.step if part.progress is not None else 0)


def _check_lines(checks: tuple[Check, ...], width: int, glyphs: Glyphs, queries: bool) -> list[Line]:
    marks = {Level.PASS: glyphs.check, Level.WARN: glyphs.warn, Level.BLOCK: glyphs.cross}
    size = max((len(check.name) for check in checks), default=0) + 2
    lines: list[Line] = []
    said = ""
    for check in checks:
        lines += wrap(
            ((f"{marks[check.level]} {check.level.value:<6}", _ROLES[check.level]), (f"{check.name:<{size}}", "strong"),
             (check.reason, "")), width, 8 + size,
        )  # fmt: skip
        if queries:
            told = _query_lines(check.query, said, width)
            lines += [((" " * 10, ""), *line) for line in told]
            said = check.query
    return lines


def _query_lines(query: str, said: str, width: int) -> list[Line]:
    """The SQL behind a line; `said` is that of the line above."""
    if not query:
        return [(("no query: it is known here", "dim"),)]
    return [(("the same query", "dim"),)] if query == said else sql_lines(query, max(20, width - 10))


def _stage_lines(run: ChangeRun, wanted: str, width: int, glyphs: Glyphs) -> list[Line]:
    match run.stage:
        case Stage.CHECKING:
            return [(("checking …", "dim"),)]
        case Stage.BLOCKED:
            return wrap((("Blocked: ", "bad"), ("nothing was run. Mend what the crossed lines say, try again.", "")),
                        width)  # fmt: skip
        case Stage.READY:
            if _by_hand(run):
                text = f"Follow the steps, then type {wanted} and press Enter: I have done it, look now."
                return wrap((("Yours to do. ", "warn"), (text, "")), width)
            final = "" if wanted == _verb(run) else "Nothing undoes it: "
            text = f"{final}{'type' if final else 'Type'} {wanted} and press Enter to run it."
            return wrap((("Ready. ", "good"), (text, "")), width)
        case Stage.RUNNING:
            return _running_lines(run, width, glyphs)
        case Stage.DONE:
            return _done_lines(run, width)
        case Stage.FAILED:
            error = run.error
            shown = list(error_lines(error)) if error is not None else []
            left = len(run.parts) - run.at - 1
            if left and run.parts[run.at].stage is Stage.FAILED:
                shown.append(
                    (
                        (
                            f"The batch ended here: {left} of its changes {'was' if left == 1 else 'were'} not begun.",
                            "warn",
                        ),
                    )
                )
            return [part for line in shown for part in wrap(line, width, 2)]


def _running_lines(run: ChangeRun, width: int, glyphs: Glyphs) -> list[Line]:
    where = f"change {run.at + 1} of {len(run.parts)}; " if len(run.parts) > 1 else ""
    lines = [heading("Running", f"{where}c cancels; Esc leaves, it goes on", width, glyphs)]
    progress = run.progress
    if progress is None:
        return [*lines, (("starting …", "dim"),)]
    steps = run.change.undo_steps if run.undo else run.change.steps
    if len(steps) > 1:
        lines.append(((f"statement {progress.step + 1} of {len(steps)}", "strong"),))
    return lines + build_lines(progress, width, glyphs)


def _done_lines(run: ChangeRun, width: int) -> list[Line]:
    after = "Esc goes back." if run.undo else "Esc goes back; the effect is measured from now on."
    state = run.change.waits_for or run.change.state.value.replace("_", " ")
    if run.change.waits_for:
        after = "Esc goes back; the effect is measured from then on."
    verb = "" if run.change.waits_for else "is "
    told = f"the change {verb}{state}. " if len(run.parts) == 1 else f"all {len(run.parts)} changes were made. "
    lines = wrap((("Done: ", "good"), (told, ""), (after, "dim")), width)
    result = run.change.detail.get("result", "")
    return [*lines, *wrap(((str(result), "dim"),), width)] if result and len(run.parts) == 1 else lines
