"""A window of history is given a name: which one, and from when to when."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from optischema_tui import messages as m
from optischema_tui.actions import modal_bindings
from optischema_tui.core.clock import iso, local_stamp, local_time
from optischema_tui.core.errors import OptischemaError, UsageError
from optischema_tui.core.moment import EXAMPLES, parse_moment
from optischema_tui.widgets.banner import error_lines
from optischema_tui.widgets.figures import seconds
from optischema_tui.widgets.lines import Line, LineView, wrap

if TYPE_CHECKING:
    from optischema_tui.view import Shell

FIELDS = (("name", "Name"), ("since", "From"), ("until", "To"))
LONG = 3600.0
"""Seconds of the window that is offered."""


class NewBaselineScreen(ModalScreen[None]):
    """Leaves once the baseline is kept. What was typed stands until then, with what is wrong about it."""

    BINDINGS: ClassVar = modal_bindings("new_baseline")
    CSS_PATH = "new_baseline.tcss"

    def __init__(self, moment: float | None = None) -> None:
        """`moment`: where the window ends that is offered, seconds since 1970; None: now."""
        super().__init__()
        self.moment = moment
        self.wrong: OptischemaError | None = None
        self.keeping = False
        self.seen: object = None
        """The answer to an earlier question."""

    @property
    def shell(self) -> Shell:
        return cast("Shell", self.app)

    def compose(self) -> ComposeResult:
        values = dict(zip(("name", "since", "until"), ("", *self._offered()), strict=True))
        with Vertical(classes="dialog"):
            yield LineView(id="words")
            for name, _ in FIELDS:
                with Horizontal():
                    yield LineView(classes="label", id=f"{name}-label")
                    box = Input(values[name], id=name, select_on_focus=False)
                    box.cursor_blink = False
                    yield box
            yield LineView(id="keys")

    def _offered(self) -> tuple[str, str]:
        """The hour up to the moment shown, which is still in it."""
        if self.moment is None or math.ceil(self.moment) > self.shell.clock.wall():
            return "-1h", "now"
        end = float(math.ceil(self.moment))
        return self._written(end - LONG), self._written(end)

    def _written(self, at: float) -> str:
        """As `parse_moment` reads it; in UTC where the clocks show that time twice."""
        local = f"{local_stamp(at).split(' ', 1)[0]} {local_time(at)}"
        try:
            known = parse_moment(local, self.shell.clock.wall()) == at
        except UsageError:
            known = False
        return local if known else iso(at)

    def on_mount(self) -> None:
        self.seen = self.shell.state.made
        for name, label in FIELDS:
            title: Line = ((label, "head"),)
            self.query_one(f"#{name}-label", LineView).show(partial(_only, title))
        keys: Line = (
            ("Enter", "key"), (" keeps it   ", "dim"), ("Tab", "key"), (" next field   ", "dim"), ("Esc", "key"),
            (" leaves", "dim"),
        )  # fmt: skip
        self.query_one("#keys", LineView).show(lambda width: [keys])
        self.query_one("#name", Input).focus()
        self._say()

    def _say(self) -> None:
        span = self.shell.state.span
        held = f"History holds {local_stamp(span[0])} to {local_stamp(span[1])}. " if span is not None else ""
        about = "Keeps what each statement did in that time, and how the heaviest are planned now. "
        told = self._told()

        def lines(width: int) -> list[Line]:
            head: list[Line] = [(("New baseline", "head"),)]
            head += wrap(((f"{about}{held}", ""), (f"Times: {EXAMPLES}", "dim")), width)
            return head + [part for line in told for part in wrap(line, width, 2)]

        self.query_one("#words", LineView).show(lines)

    def _told(self) -> list[Line]:
        """What is wrong, else the window that the fields name."""
        if self.wrong is not None:
            return list(error_lines(self.wrong))
        if self.keeping:
            return [(("keeping it …", "dim"),)]
        try:
            since, until = self._moment("since"), self._moment("until")
        except UsageError:
            return []
        return [((f"{local_stamp(since)} to {local_stamp(until)}, {seconds(max(0.0, until - since))}", "accent"),)]

    def _moment(self, field: str) -> float:
        return parse_moment(self.query_one(f"#{field}", Input).value, self.shell.clock.wall())

    @on(Input.Changed)
    def _typed(self) -> None:
        self.wrong = None
        self._say()

    @on(Input.Submitted)
    def _given(self) -> None:
        if self.keeping:
            return
        name = self.query_one("#name", Input).value.strip()
        field = "name"
        try:
            if not name:
                raise UsageError("The baseline has no name yet", todo="Type one: it is listed under it")
            field = "since"
            since = self._moment(field)
            field = "until"
            until = self._moment(field)
            if since >= until:
                raise UsageError("The window ends before it begins", todo="Give a later end, or an earlier beginning")
        except UsageError as error:
            self._refuse(error, field)
            return
        self.keeping, self.wrong = True, None
        self.post_message(m.CreateBaseline(name, since, until))
        self._say()

    def _refuse(self, error: OptischemaError, field: str) -> None:
        self.keeping, self.wrong = False, error
        self.query_one(f"#{field}", Input).focus()
        self._say()

    @on(m.StateChanged)
    def _answered(self) -> None:
        made = self.shell.state.made
        if not self.keeping or made is self.seen or made is None:
            return
        self.seen = made
        if isinstance(made, OptischemaError):
            self._refuse(made, "name")
        else:
            self.dismiss(None)

    def action_back(self) -> None:
        self.dismiss(None)

    def action_move(self, step: str) -> None:
        if step in ("up", "half_up"):
            self.focus_previous(Input)
        elif step in ("down", "half_down"):
            self.focus_next(Input)

    def action_pane(self) -> None:
        self.focus_next(Input)


def _only(line: Line, width: int) -> list[Line]:
    return [line]
