"""The application: it owns the state, brings screens to the front, and hands requests to the bridge."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Protocol

from textual import on
from textual.app import App
from textual.screen import Screen

from optischema_tui import messages as m
from optischema_tui.actions import bindings
from optischema_tui.commands import ActionCommands
from optischema_tui.core.clock import SYSTEM, Clock, local_stamp, local_time
from optischema_tui.core.errors import AuthError, OptischemaError, UsageError, few_sentences
from optischema_tui.core.safe_text import clean, redact
from optischema_tui.core.sizes import parse_size
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.export import write_export
from optischema_tui.launch import SWITCH
from optischema_tui.state import Link, LinkState, State, fold
from optischema_tui.terminal import Terminal, clipboard_sequence, heed_signals, probe
from optischema_tui.theming import choose, load_themes
from optischema_tui.view import View, is_stale
from optischema_tui.widgets.glyphs import ASCII, UNICODE, to_ascii


class Port(Protocol):
    """What the application needs of the side that talks to servers and stores."""

    def first(self) -> m.PictureReady | None:
        """The stored picture, read at once; None when there is none."""

    def start(self) -> None:
        """Begin to observe. Called once the first frame stands."""

    def ask(self, request: m.Request) -> None:
        """Answer a request later, by facts posted to the application."""

    async def stop(self) -> None:
        """End everything; what is being written is written to its end."""


def _not_a_size(text: str) -> str:
    try:
        parse_size(text)
    except UsageError as error:
        return error.sentence
    return ""


def _dashboard() -> Screen[Any]:
    from optischema_tui.screens.dashboard import DashboardScreen

    return DashboardScreen()


def _top() -> Screen[Any]:
    from optischema_tui.screens.top_queries import TopQueriesScreen

    return TopQueriesScreen()


def _optimizations() -> Screen[Any]:
    from optischema_tui.screens.optimizations import OptimizationsScreen

    return OptimizationsScreen()


def _audit() -> Screen[Any]:
    from optischema_tui.screens.audit import AuditScreen

    return AuditScreen()


def _baselines() -> Screen[Any]:
    from optischema_tui.screens.baselines import BaselinesScreen

    return BaselinesScreen()


def _activity() -> Screen[Any]:
    from optischema_tui.screens.activity import ActivityScreen

    return ActivityScreen()


def _objects() -> Screen[Any]:
    from optischema_tui.screens.objects import ObjectsScreen

    return ObjectsScreen()


def _server() -> Screen[Any]:
    from optischema_tui.screens.server import ServerScreen

    return ServerScreen()


def _doctor() -> Screen[Any]:
    from optischema_tui.screens.doctor import DoctorScreen

    return DoctorScreen()


CHANGING = (
    m.Advise, m.AskBudget, m.SecondOpinion, m.Propose, m.Approve, m.Dismiss, m.Withdraw, m.Keep, m.Preflight, m.Run,
    m.CancelRun, m.OpenRun, m.AskChange, m.AskDismiss, m.AskWithdraw, m.AskKeep,
)  # fmt: skip
"""Refused while the screens stand in the past: a person would decide on what is no longer so."""
OFTEN = (m.ActivityReady, m.ReadingReady)
"""Facts that come so often that only the screens that show them are drawn for them."""


class OptischemaApp(App[int]):
    """Keys and requests in, state out. Nothing here waits for a server or a disk, the stored picture apart."""

    TITLE = "optischema"
    BINDINGS = bindings("app")
    COMMANDS: ClassVar = {ActionCommands}
    MODES: ClassVar = {
        "dashboard": _dashboard,
        "top": _top,
        "optimizations": _optimizations,
        "audit": _audit,
        "baselines": _baselines,
        "activity": _activity,
        "objects": _objects,
        "server": _server,
        "doctor": _doctor,
    }
    DEFAULT_MODE = "dashboard"
    CSS = """
    App.-ascii * { border: none !important; scrollbar-size-vertical: 0 !important; }
    """

    def __init__(
        self,
        spec: TargetSpec,
        bridge: Callable[[App[int]], Port],
        *,
        terminal: Terminal | None = None,
        theme_name: str = "",
        problems: Sequence[OptischemaError] = (),
        clock: Clock = SYSTEM,
        export_dir: Path | None = None,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.clock = clock
        self.terminal = terminal or probe()
        self.glyphs = UNICODE if self.terminal.unicode else ASCII
        self.set_class(self.glyphs.ascii_only, "-ascii")
        self.export_dir = export_dir or Path.cwd()
        self.state = State(spec.label, spec.allow_changes, spec.interval, shown_filters=frozenset(spec.show))
        themes, theme_problems = load_themes()
        self._problems = (*problems, *theme_problems)
        self._asked_password = False
        self._unproposed = ""
        """The statement of a change that the person has begun to write and left."""
        for theme in themes.values():
            self.register_theme(theme)
        self.theme = choose(theme_name, self.terminal, frozenset(themes))
        self.bridge = bridge(self)

    def on_mount(self) -> None:
        self.set_interval(1.0, self._second)
        heed_signals(self.exit)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        if (first := self.bridge.first()) is not None:
            self.state = fold(self.state, first)
            self._show()
        gc.freeze()
        gc.enable()
        for sentence in few_sentences(self._problems):
            self.say(sentence, "warning")
        self.bridge.start()

    async def on_unmount(self) -> None:
        await self.bridge.stop()

    # --- state ---

    @on(m.Fact)
    def _fact(self, fact: m.Fact) -> None:
        self.state = fold(self.state, fact)
        if not self.screen_stack:  # a job that ended after the screens did
            return
        if isinstance(fact, m.Told):
            self.say(fact.sentence, fact.severity)
            if fact.bell:
                self.bell()
        elif isinstance(fact, m.LinkLost) and isinstance(fact.error, AuthError):
            self._ask_password(fact.error)
        elif isinstance(fact, m.PastFailed):
            self.say(fact.error.sentence, "warning")
        screen = self.screen
        if isinstance(fact, OFTEN) and not (isinstance(screen, View) and isinstance(fact, screen.FOLLOWS)):
            return
        self._show()

    def _show(self) -> None:
        """Have the screen in front drawn, and below dialogs the one that they leave in sight."""
        for screen in reversed(self.screen_stack):
            screen.post_message(m.StateChanged())
            if isinstance(screen, View):
                return

    def _second(self) -> None:
        """Ages and countdowns are the only lines that change without a fact."""
        if self.state.link.state is LinkState.LOST or is_stale(self.state, self.clock.wall()):
            self._show()

    def say(self, sentence: str, severity: str = "information") -> None:
        """A toast: plain text, made inert, without secrets. One that still stands is not shown twice."""
        level = severity if severity in ("information", "warning", "error") else "information"
        text = clean(redact(sentence))
        text = to_ascii(text) if self.glyphs.ascii_only else text
        if any(shown.message == text for shown in self._notifications):
            return
        self.notify(text, severity=level, timeout=8, markup=False)  # type: ignore[arg-type]

    # --- requests ---

    @on(m.Request)
    def _request(self, request: m.Request) -> None:
        if self.state.past is not None and isinstance(request, CHANGING):
            self.say("The screens stand in the past, and this acts on the present: End leads back to it.", "warning")
            return
        match request:
            case m.GoTo(screen):
                self.switch_mode(screen)
            case m.OpenQuery(key):
                from optischema_tui.screens.query_detail import QueryDetailScreen

                self.push_screen(QueryDetailScreen(key))
            case m.OpenRun(change_id, undo, more):
                self._open_run((change_id, *more), undo)
            case (
                m.AskDismiss()
                | m.AskWithdraw()
                | m.AskKeep()
                | m.AskBudget()
                | m.AskChange()
                | m.ShowHelp()
                | m.AskMoment()
                | m.ShowFilters()
            ):
                self._dialog(request)
            case m.Poll() if isinstance(self.state.link.error, AuthError):
                self._asked_password = False
                self._ask_password(self.state.link.error, without=request)
            case m.SwitchTarget():
                self._leave(SWITCH)
            case m.BannerRead():
                self.state = replace(self.state, reconciled=())
                self._show()
            case m.QuitAsked():
                self._leave()
            case m.CopyText(text, what):
                self._copy(text, what)
            case m.ExportScreen(screen, text, value):
                self._export(screen, text, value)
            case _:
                self.bridge.ask(request)

    def _open_run(self, change_ids: tuple[str, ...], undo: bool) -> None:
        from optischema_tui.screens.run_change import RunChangeScreen

        self.push_screen(RunChangeScreen(change_ids, undo))

    def _dialog(self, request: m.Request) -> None:
        from optischema_tui.screens.dialogs import HelpScreen, PromptScreen

        match request:
            case m.ShowHelp(screen):
                self.push_screen(HelpScreen(screen))
            case m.ShowFilters():
                from optischema_tui.screens.filters import FilterScreen

                self.push_screen(FilterScreen())
            case m.AskMoment():
                self._ask_moment()
            case m.AskChange():
                self._ask_change()
            case m.AskDismiss(recommendation_id, title):

                def dismissed(reason: str | None) -> None:
                    if reason:
                        self.bridge.ask(m.Dismiss(recommendation_id, reason))

                self.push_screen(PromptScreen("Dismiss", title, "why? it stays in the audit journal"), dismissed)
            case m.AskWithdraw(change_id, title):

                def withdrawn(reason: str | None) -> None:
                    if reason:
                        self.bridge.ask(m.Withdraw(change_id, reason))

                self.push_screen(PromptScreen("Withdraw", title, "why? it stays in the audit journal"), withdrawn)
            case m.AskKeep(change_id, title):

                def kept(reason: str | None) -> None:
                    if reason:
                        self.bridge.ask(m.Keep(change_id, reason))

                self.push_screen(PromptScreen("Keep", title, "why? it stays in the audit journal"), kept)
            case m.AskBudget():

                def given(text: str | None) -> None:
                    if text:
                        self.bridge.ask(m.Advise(parse_size(text)))

                sentence = "The recommended indexes together may take so many bytes; R advises without a bound."
                self.push_screen(PromptScreen("Budget", sentence, "500MB, 2GB", wrong=_not_a_size), given)

    def _ask_password(self, error: OptischemaError, without: m.Request | None = None) -> None:
        """Once for each start, and when the person wants it: asked for again and again, wrong ones lock accounts.

        `without` is asked for when none is typed.
        """
        if self._asked_password:
            return
        self._asked_password = True
        from optischema_tui.screens.dialogs import PromptScreen

        def given(password: str | None) -> None:
            if password:
                self.bridge.ask(m.UsePassword(password))
            elif without is not None:
                self.bridge.ask(without)

        title = f"Password of {self.spec.get('user') or 'the role'}"
        self.push_screen(PromptScreen(title, error.sentence, "kept in memory only", secret=True), given)

    def _ask_moment(self) -> None:
        from optischema_tui.core.moment import EXAMPLES, parse_moment
        from optischema_tui.screens.dialogs import PromptScreen

        span = self.state.span

        def wrong(text: str) -> str:
            try:
                at = parse_moment(text, self.clock.wall())
            except OptischemaError as error:
                return error.sentence
            early = span is not None and int(at) < int(span[0])
            if span is None or not early:
                return ""
            day, _, zone = local_stamp(span[0]).split(" ", 2)
            return f"History of this target begins at {day} {local_time(span[0])} {zone}."

        def given(text: str | None) -> None:
            if text:
                at = parse_moment(text, self.clock.wall())
                self.bridge.ask(m.Seek(at if span is None else max(at, span[0])))

        held = f"History holds {local_stamp(span[0])} to {local_stamp(span[1])}. " if span is not None else ""
        self.push_screen(PromptScreen("Stand at a moment of history", f"{held}{EXAMPLES}", "when?", wrong=wrong), given)

    def _ask_change(self) -> None:
        from optischema_tui.screens.propose import ProposeScreen

        def left(sql: str | None) -> None:
            self._unproposed = sql or ""

        self.state = replace(self.state, written=None)
        self.push_screen(ProposeScreen(self._unproposed), left)

    def _leave(self, code: int = 0) -> None:
        if not self.state.building:
            self.exit(code)
            return
        from optischema_tui.screens.dialogs import ConfirmScreen

        def answered(yes: bool | None) -> None:
            if yes:
                self.exit(code)

        self.push_screen(
            ConfirmScreen(
                "A statement is running on the server",
                "Quitting does not cancel it: it goes on there, and the next start finds out how it ended. Quit?",
            ),
            answered,
        )

    async def action_quit(self) -> None:
        self._leave()

    def _copy(self, text: str, what: str) -> None:
        if not text:
            self.say("There is nothing to copy here.")
            return
        sequence = clipboard_sequence(clean(text), tmux=self.terminal.tmux)
        if not sequence:
            self.say("This is too long for a terminal's clipboard (64 KB): E writes the screen to a file.", "warning")
            return
        if self._driver is not None:
            self._driver.write(sequence)
        self.say(f"Sent {what} to the terminal ({len(text):,} characters); whether it took them it does not tell.")

    def _export(self, screen: str, text: str, value: object) -> None:
        try:
            written = write_export(self.export_dir, screen, text, value, self.clock.wall())
        except OptischemaError as error:
            self.say(error.sentence, "error")
            return
        self.say(f"Wrote {written[0]} and {written[1].name}")

    # --- what the app-level bindings run when no screen of ours is in front ---

    async def action_go(self, screen: str) -> None:
        await self.switch_mode(screen)

    def action_help(self) -> None:
        view = self.screen
        self.post_message(m.ShowHelp(view.VIEW if isinstance(view, View) else "dashboard"))


__all__ = ["Link", "OptischemaApp", "Port"]
