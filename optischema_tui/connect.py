"""The program before a target is chosen: the targets that are known, and what became of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import on
from textual.app import App

from optischema_tui import messages as m
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import OptischemaError, few_sentences
from optischema_tui.core.models import KnownTarget
from optischema_tui.core.safe_text import clean, redact
from optischema_tui.screens.connect import ConnectScreen
from optischema_tui.screens.dialogs import PromptScreen
from optischema_tui.terminal import Terminal, heed_signals
from optischema_tui.theming import choose, load_themes
from optischema_tui.widgets.glyphs import ASCII, UNICODE, to_ascii

EXAMPLES = "A profile, service=NAME, postgresql://user@host/db, or host=... dbname=... user=...; never a password."


class ConnectApp(App[str]):
    """Ends with the words of the target that was chosen, or None when the person leaves."""

    TITLE = "optischema"
    CSS = """
    App.-ascii * { border: none !important; scrollbar-size-vertical: 0 !important; }
    """

    def __init__(
        self,
        targets: Sequence[KnownTarget],
        terminal: Terminal,
        *,
        wrong: Callable[[str], str],
        theme_name: str = "",
        problems: Sequence[OptischemaError] = (),
        clock: Clock = SYSTEM,
    ) -> None:
        """`wrong(words)` says what is the matter with a target that was typed, empty when nothing is."""
        super().__init__()
        self.targets = tuple(targets)
        self.clock = clock
        self.glyphs = UNICODE if terminal.unicode else ASCII
        self.set_class(self.glyphs.ascii_only, "-ascii")
        self._wrong = wrong
        themes, theme_problems = load_themes()
        self._problems = (*problems, *theme_problems)
        for theme in themes.values():
            self.register_theme(theme)
        self.theme = choose(theme_name, terminal, frozenset(themes))

    def on_mount(self) -> None:
        heed_signals(lambda _, code: self.exit(None, code))
        self.push_screen(ConnectScreen(self.targets, self.clock.wall()))
        for sentence in few_sentences(self._problems):
            text = clean(redact(sentence))
            self.notify(to_ascii(text) if self.glyphs.ascii_only else text, severity="warning", markup=False)

    @on(m.TargetChosen)
    def _chosen(self, event: m.TargetChosen) -> None:
        self.exit(event.words)

    @on(m.AskTarget)
    def _ask(self) -> None:
        def named(words: str | None) -> None:
            if words:
                self.exit(words)

        self.push_screen(PromptScreen("Which server?", EXAMPLES, "target", wrong=self._wrong), named)

    @on(m.QuitAsked)
    def _leave(self) -> None:
        self.exit(None)
