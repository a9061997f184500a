"""Small questions in front of a screen: a line of text, a yes or no, the help."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from optischema_tui.actions import ACTIONS, SCREENS, Action, Danger, actions_of, key_name, modal_bindings
from optischema_tui.core.safe_text import one_line, redact
from optischema_tui.widgets.lines import Line, LineView, wrap

_DANGER = {Danger.NONE: "", Danger.LOCAL: "writes here", Danger.SERVER: "CHANGES THE SERVER, asks first"}
_TITLES = {**dict(SCREENS), "query": "Query", "run": "Apply and roll back", "filters": "Statements kept out of sight",
           "connect": "Choose a target"}  # fmt: skip


class PromptScreen(ModalScreen[str]):
    """Asks for one line; gives it, or "" when the person leaves. `wrong` says what is the matter with a line, empty
    when nothing is: the question then stays."""

    BINDINGS: ClassVar = modal_bindings("prompt")
    CSS_PATH = "dialogs.tcss"

    def __init__(
        self,
        title: str,
        sentence: str,
        placeholder: str = "",
        value: str = "",
        *,
        wrong: Callable[[str], str] = lambda text: "",
        secret: bool = False,
    ) -> None:
        super().__init__()
        self.secret = secret
        self.prompt = title
        self.sentence = sentence
        self.placeholder = placeholder
        self.value = value
        self.wrong = wrong

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield LineView(id="words")
            box = Input(
                self.value, placeholder=self.placeholder, id="answer", select_on_focus=False, password=self.secret
            )
            box.cursor_blink = False
            yield box

    def on_mount(self) -> None:
        self._say("")
        self.query_one(Input).focus()

    def _say(self, complaint: str) -> None:
        title, sentence = self.prompt, self.sentence

        def lines(width: int) -> list[Line]:
            told = wrap(((complaint, "bad"),), width) if complaint else []
            return [((title, "head"),), *wrap(((sentence, ""),), width), *told, (("Esc leaves", "dim"),)]

        self.query_one("#words", LineView).show(lines)

    @on(Input.Submitted)
    def _given(self, event: Input.Submitted) -> None:
        text = event.value if self.secret else one_line(event.value, 500)
        if text:
            complaint = self.wrong(text)
            if complaint:
                self._say(complaint)
                if not self.secret and redact(event.value) != event.value:
                    event.input.value = redact(event.value)  # a password stands there no longer
            else:
                self.dismiss(text)

    def action_back(self) -> None:
        self.dismiss("")

    def action_move(self, step: str) -> None:
        self.query_one(LineView).move(step)

    def action_pane(self) -> None:
        self.query_one(Input).focus()


class ConfirmScreen(ModalScreen[bool]):
    """A question answered by y or n."""

    BINDINGS: ClassVar = modal_bindings("confirm")
    CSS_PATH = "dialogs.tcss"

    def __init__(self, title: str, sentence: str) -> None:
        super().__init__()
        self.question = title
        self.sentence = sentence

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog"):
            yield LineView(id="words")

    def on_mount(self) -> None:
        title, sentence = self.question, self.sentence
        keys: Line = (("y", "key"), (" yes   ", ""), ("n", "key"), (" no", ""))
        self.query_one(LineView).show(lambda width: [((title, "head"),), *wrap(((sentence, ""),), width), (), keys])

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)

    def action_move(self, step: str) -> None:
        self.query_one(LineView).move(step)

    def action_pane(self) -> None:
        """There is one pane only."""


class HelpScreen(ModalScreen[None]):
    """The keys of the screen behind it first, then those of all screens, then the other screens' own."""

    BINDINGS: ClassVar = modal_bindings("help")
    CSS_PATH = "dialogs.tcss"

    def __init__(self, screen: str) -> None:
        super().__init__()
        self.of = screen

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog tall"):
            yield LineView(id="words", focusable=True)

    def on_mount(self) -> None:
        self.query_one(LineView).show(lambda width: help_lines(self.of, width))
        self.query_one(LineView).focus()

    def action_back(self) -> None:
        self.dismiss(None)

    def action_move(self, step: str) -> None:
        self.query_one(LineView).move(step)

    def action_pane(self) -> None:
        self.query_one(LineView).focus()


def help_lines(screen: str, width: int) -> list[Line]:
    """Every action of the registry, grouped by the screens that have it."""
    own = [action for action in actions_of(screen) if action.screens]
    everywhere = [action for action in ACTIONS if not action.screens]
    lines = [*_group(_TITLES.get(screen, "This screen"), own, width), (), *_group("Everywhere", everywhere, width)]
    for name, title in _TITLES.items():
        if name != screen:
            lines += [(), *_group(title, [action for action in ACTIONS if name in action.screens], width)]
    return [*lines, (), (("Esc closes this", "dim"),)]


def _group(title: str, actions: list[Action], width: int) -> list[Line]:
    lines: list[Line] = [((title, "head"),)]
    for action in actions:
        keys = " ".join(key_name(key) for key in action.keys)
        danger = _DANGER[action.danger]
        line: Line = ((f"  {keys:<10} ", "key"), (action.help, ""), (f"   {danger}" if danger else "", "warn"))
        lines += wrap(line, width, 13)
    return lines
