"""A change written by hand: the statement, and what the program makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import TextArea

from optischema_tui import messages as m
from optischema_tui.actions import modal_bindings
from optischema_tui.core.errors import OptischemaError
from optischema_tui.widgets.banner import error_lines
from optischema_tui.widgets.lines import Line, LineView, wrap

if TYPE_CHECKING:
    from optischema_tui.view import Shell

EXAMPLE = "One statement of an index, of statistics, of table options or of a setting; or ANALYZE, VACUUM, REINDEX."


class SqlBox(TextArea):
    """Text over several lines, in which Enter is the end; a text with line ends can be pasted."""

    class Given(Message):
        """Enter was pressed."""

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            self.post_message(self.Given())
        else:
            await super()._on_key(event)


class ProposeScreen(ModalScreen[str]):
    """Leaves with "" once the change is proposed, else with the text as it stands, which is never lost."""

    BINDINGS: ClassVar = modal_bindings("propose")
    CSS_PATH = "propose.tcss"

    def __init__(self, sql: str = "") -> None:
        super().__init__()
        self.sql = sql

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield LineView(id="words")
            yield SqlBox(self.sql, id="sql", show_line_numbers=False, highlight_cursor_line=False, tab_behavior="focus")

    def on_mount(self) -> None:
        box = self.query_one(SqlBox)
        box.cursor_blink = False
        box.move_cursor(box.document.end)
        box.focus()
        self._told()

    @on(m.StateChanged)
    def _told(self) -> None:
        state = cast("Shell", self.app).state
        written, writing = state.written, state.writing
        if written is not None and not isinstance(written, OptischemaError):
            self.dismiss("")
            return

        def lines(width: int) -> list[Line]:
            head: list[Line] = [(("New change", "head"),), *wrap(((EXAMPLE, ""),), width)]
            if writing:
                return [*head, (("asking the server what it would change …", "dim"),)]
            told = error_lines(written) if isinstance(written, OptischemaError) else ()
            body = [part for line in told for part in wrap(line, width, 2)]
            keys: Line = (("Enter", "key"), (" proposes it, nothing runs; ", "dim"), ("Esc", "key"), (" leaves", "dim"))
            return [*head, *body, *wrap(keys, width)]

        self.query_one("#words", LineView).show(lines)

    @on(SqlBox.Given)
    def _given(self) -> None:
        sql = self.query_one(SqlBox).text
        if sql.strip() and not cast("Shell", self.app).state.writing:
            self.post_message(m.Propose(sql))

    def action_back(self) -> None:
        self.dismiss(self.query_one(SqlBox).text)

    def action_move(self, step: str) -> None:
        self.query_one(LineView).move(step)

    def action_pane(self) -> None:
        self.query_one(SqlBox).focus()
