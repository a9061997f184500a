"""The frame of every screen: screens' names on top, failures below them, the body, keys and status at the bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Protocol, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen
from textual.widget import Widget

from optischema_tui import messages as m
from optischema_tui.actions import SCREENS, SHORT_LABELS, actions_of, bindings, key_name
from optischema_tui.core.clock import Clock, iso, local_stamp, local_time
from optischema_tui.core.errors import AuthError, MissingPart
from optischema_tui.core.models import ChangeState
from optischema_tui.core.safe_text import one_line
from optischema_tui.state import LinkState, State
from optischema_tui.widgets import figures
from optischema_tui.widgets.banner import Banner, error_lines
from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.key_bar import PieceBar
from optischema_tui.widgets.lines import Line, LineView, plain, wrap
from optischema_tui.widgets.live_table import LiveTable
from optischema_tui.widgets.status_line import Part, StatusLine

if TYPE_CHECKING:
    from optischema_tui.core.models import Picture

WIDTHS = [(0, "-narrow"), (110, "-wide")]
"""Style classes by the screen's width in cells."""
UNTOLD_SECONDS = 300.0
"""Taken for the interval of another program until two of its ticks were seen."""
HEIGHTS = [(0, "-short"), (32, "-medium"), (46, "-tall")]


class Shell(Protocol):
    """What a screen needs of the application that shows it."""

    state: State
    clock: Clock
    glyphs: Glyphs


class View(Screen[None], inherit_bindings=False):
    """A full screen. Subclasses say what stands in the body, and draw the state into it."""

    VIEW: ClassVar[str] = ""
    """Its name in the action registry."""
    TAB: ClassVar[str] = ""
    """The name in `SCREENS` that is marked while this screen is in front."""
    NEEDS_STATEMENTS: ClassVar[bool] = False
    """Without pg_stat_statements there is little to draw here."""
    FOLLOWS: ClassVar[tuple[type[m.Fact], ...]] = ()
    """Of the facts that come each second or few, those that this screen draws."""
    PRESENT_ONLY: ClassVar[str] = ""
    """What on this screen is of the present also while the others stand in the past; a sentence or empty."""
    BINDINGS = bindings("app")
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    DEFAULT_CSS = """
    View { layout: vertical; background: $background; }
    View #body { height: 1fr; }
    View #missing { display: none; height: 1fr; padding: 1 3; }
    View.-missing #body { display: none; }
    View.-missing #missing { display: block; }
    View.-stale .figures { text-opacity: 55%; }
    View.-past .figures { background: $accent 9%; text-style: italic; }
    View.-past .figures:ansi { background: $background; }
    """

    def compose(self) -> ComposeResult:
        yield PieceBar(gap=0, id="tabs")
        yield Banner(id="banner")
        with Container(id="body"):
            yield from self.body()
        yield LineView(id="missing")
        yield PieceBar(id="keys")
        yield StatusLine(id="status")

    def body(self) -> ComposeResult:
        """The widgets between banner and keys."""
        raise NotImplementedError

    def draw(self, state: State) -> None:
        """Put `state` into the body's widgets."""
        raise NotImplementedError

    def copied(self) -> tuple[str, str]:
        """(text, what it is) for the copy key; empty text when there is nothing to copy."""
        return "", ""

    def exported(self) -> Any:
        """The data behind this screen, for the export key."""
        return {}

    # --- drawing ---

    @property
    def shell(self) -> Shell:
        return cast(Shell, self.app)

    @property
    def state(self) -> State:
        return self.shell.state

    @property
    def glyphs(self) -> Glyphs:
        return self.shell.glyphs

    def on_screen_resume(self) -> None:
        self.redraw()

    @on(m.StateChanged)
    def redraw(self) -> None:
        """Draw the application's present state, frame and body."""
        if not self.is_mounted:
            return
        state, now = self.state, self.shell.clock
        missing = state.missing if self.NEEDS_STATEMENTS else None
        self.set_class(missing is not None, "-missing")
        self.set_class(is_stale(state, now.wall()), "-stale")
        self.set_class(state.past is not None and not self.PRESENT_ONLY, "-past")
        self.query_one("#tabs", PieceBar).show_labels(*_tabs(self.TAB or self.VIEW))
        self.query_one("#keys", PieceBar).show_labels(_keys(self.VIEW))
        self.query_one(StatusLine).show_parts(status_parts(state, now, self.glyphs))
        if missing is not None:
            lines = error_lines(missing, role="warn")
            self.query_one("#missing", LineView).show(
                lambda width: [part for line in _panel(lines) for part in wrap(line, width, 4)]
            )
        told = missing is not None and (state.link.error is None or isinstance(state.link.error, MissingPart))
        wrong = () if told else banner_lines(state, now)
        self.query_one(Banner).show_lines((*past_lines(state, self.PRESENT_ONLY), *wrong))
        self.draw(state)

    @on(PieceBar.Chosen)
    async def _clicked(self, event: PieceBar.Chosen) -> None:
        await self.run_action(event.action)

    # --- actions that every screen has ---

    def pane(self) -> Widget | None:
        """The pane that the movement keys act on: the focused one, else the first that takes the focus."""
        if isinstance(self.focused, LiveTable | LineView):
            return self.focused
        return next((widget for widget in self.query(".pane") if widget.can_focus and widget.display), None)

    def action_move(self, step: str) -> None:
        pane = self.pane()
        if isinstance(pane, LiveTable | LineView):
            pane.move(step)

    def action_pane(self) -> None:
        self.focus_next(".pane")

    def action_go(self, screen: str) -> None:
        self.post_message(m.GoTo(screen))

    def action_help(self) -> None:
        self.post_message(m.ShowHelp(self.VIEW))

    def action_quit(self) -> None:
        self.post_message(m.QuitAsked())

    def action_back(self) -> None:
        if self.has_class("-zoomed"):
            self.action_maximise()
        elif len(self.app.screen_stack) > 1:
            self.dismiss()
        elif self.state.reconciled:
            self.post_message(m.BannerRead())

    def action_pause(self) -> None:
        self.post_message(m.Pause(not self.state.paused))

    def action_refresh_now(self) -> None:
        self.post_message(m.Poll())

    def action_step(self, step: int) -> None:
        self.post_message(m.StepPast(step))

    def action_seek(self) -> None:
        self.post_message(m.AskMoment())

    def action_live(self) -> None:
        if self.state.past is not None:
            self.post_message(m.GoLive())

    def action_switch_target(self) -> None:
        self.post_message(m.SwitchTarget())

    def action_filters(self) -> None:
        self.post_message(m.ShowFilters())

    def action_interval(self, step: int) -> None:
        self.post_message(m.SetInterval(next_interval(self.state.interval, step)))

    def action_maximise(self) -> None:
        """Show the pane with the focus alone between the bars, or all panes again."""
        target = self.pane()
        zoom = not self.has_class("-zoomed") and target is not None
        self.set_class(zoom, "-zoomed")
        keep = {target, *target.ancestors} if zoom and target is not None else set()
        for widget in self.query(".pane, .group"):
            widget.set_class(zoom and widget not in keep, "-away")

    def action_copy(self) -> None:
        text, what = self.copied()
        self.post_message(m.CopyText(text, what))

    def action_export(self) -> None:
        text, value, past = self.as_text(), self.exported(), self.state.past
        if past is not None:
            lead = "\n".join(plain(line) for line in past_lines(self.state, self.PRESENT_ONLY))
            text = f"{lead}\n\n{text}"
            value = {"past": {"at": iso(past.at), "note": self.PRESENT_ONLY or past.note}, "screen": value}
        self.post_message(m.ExportScreen(self.VIEW, text, value))

    def action_command_palette(self) -> None:
        self.app.action_command_palette()

    def action_sort(self) -> None:
        if isinstance(pane := self.pane(), LiveTable):
            pane.sort_picked()

    def action_column(self, step: int) -> None:
        if isinstance(pane := self.pane(), LiveTable):
            pane.pick_column(step)

    def as_text(self) -> str:
        """The body as plain text: every pane in order."""
        parts = []
        for widget in self.query_one("#body").query(LineView):
            parts.append(widget.text)
        for table in self.query_one("#body").query(LiveTable):
            parts.append(table.as_text(160))
        return "\n\n".join(part for part in parts if part.strip()) + "\n"


# --- the frame's lines ---


def is_stale(state: State, now: float) -> bool:
    """The figures on screen were of the present, and are too old for that."""
    if state.past is not None or state.picture is None:
        return False
    interval = state.interval
    if state.following:  # at the other program's interval, which only its pictures tell
        interval = max(interval, state.picture.seconds or UNTOLD_SECONDS)
    old = now - state.picture.taken_at > 2 * interval + 5 and not state.paused
    return state.picture.stored or state.link.state is LinkState.LOST or old


def next_interval(now: float, step: int) -> float:
    """The next longer or shorter interval, in seconds."""
    ladder = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)
    if step > 0:
        return next((each for each in ladder if each > now), ladder[-1])
    return next((each for each in reversed(ladder) if each < now), ladder[0])


def server_version(version_num: int) -> str:
    """`18.6` for 180006."""
    return f"{version_num // 10000}.{version_num % 10000}" if version_num >= 100_000 else str(version_num)


def status_parts(state: State, clock: Clock, glyphs: Glyphs) -> tuple[Part, ...]:
    """The status line by importance; see `Part.rank`."""
    parts = [_link_part(state, clock, glyphs), Part(one_line(state.label, 28), "strong")]
    picture = state.live.picture
    parts.append(
        Part(" CHANGES ALLOWED ", "chip-warn") if state.allow_changes else Part(" READ ONLY ", "chip")
    )  # fmt: skip
    if state.building and state.run is not None:
        progress = state.run.progress
        done = f" {progress.done / progress.total:.0%}" if progress is not None and progress.total else ""
        parts.append(Part(f" BUILDING{done} ", "chip-warn", 1))
    if any(change.state is ChangeState.NEEDS_ATTENTION and change.detail.get("worse") for change in state.changes):
        parts.append(Part(" WORSE SINCE A CHANGE ", "chip-warn", 1, short=" WORSE "))
    if state.past is not None:
        parts.append(Part(" PAST ", "past", 1))
    elif picture is not None and picture.stored:
        parts.append(Part(f"STORED PICTURE of {local_stamp(picture.taken_at)}", "warn", 1, short="STORED PICTURE"))
    if state.advising is not None:
        parts.append(Part(f"advisor {state.advising[1]:.0%}", "accent", 2))
    if state.following:
        parts.append(Part(f"following {one_line(state.following, 40)}", "accent", 1, short="following"))
    if state.paused:
        parts.append(Part(" PAUSED ", "chip-warn", 1))
    elif not state.following:
        parts.append(Part(f"every {state.interval:g} s", "dim", 3))
    if picture is not None:
        if not picture.stored and state.past is None:
            parts.append(Part(f"at {local_time(picture.taken_at)}", "dim", 2))
        parts.append(Part(f"PostgreSQL {server_version(picture.target.server_version_num)}", "dim", 4))
        if picture.sampled:
            parts.append(Part("sampled", "dim", 4))
        if picture.cost_share is not None:
            cost = f"own cost {picture.cost_share:.2%} · {60_000 * picture.cost_share:,.0f} ms/min"
            parts.append(Part(cost, "dim", 5))
    return tuple(parts)


def _link_part(state: State, clock: Clock, glyphs: Glyphs) -> Part:
    link = state.link
    if link.state is LinkState.LIVE:
        return Part(f"{glyphs.dot} live", "good")
    if link.state is LinkState.CONNECTING:
        again = f" (attempt {link.attempt})" if link.attempt > 1 else ""
        return Part(f"{glyphs.circle} connecting{again}", "warn")
    left = max(0, round(link.retry_at - clock.monotonic()))
    return Part(f"{glyphs.cross} lost, retry in {left} s" if left else f"{glyphs.cross} lost", "bad")


def past_lines(state: State, present_only: str = "") -> tuple[Line, ...]:
    """Where the screens stand when they do not show the present, and how to leave; nothing when they do."""
    past = state.past
    if past is None:
        return ()
    day, _, zone = local_stamp(past.at).split(" ", 2)
    keys: Line = (("  [ ]", "key"), (" step  ", "dim"), ("S", "key"), (" seek  ", "dim"), ("End", "key"),
                  (" live", "dim"))  # fmt: skip
    note = present_only or past.note
    return (
        ((f" PAST {day} {local_time(past.at)} {zone} ", "past"), *keys),
        *([((note, "warn"),)] if note else []),
    )


def banner_lines(state: State, clock: Clock) -> tuple[Line, ...]:
    """What is wrong now, the worst first; nothing when all is well."""
    lines: list[Line] = []
    if state.link.error is not None:
        lines += error_lines(state.link.error)
        if isinstance(state.link.error, AuthError):
            lines.append(
                (("R", "key"), (" on the dashboard asks for the password; Esc there tries again as before", "dim"))
            )
        if state.picture is not None and state.past is None:
            old = figures.age(clock.wall() - state.picture.taken_at)
            lines.append(((f"The figures below are {old} old.", "dim"),))
    if state.storage_problem:
        lines.append(((state.storage_problem, "warn"),))
    lines += [((sentence, "warn"),) for sentence in state.reconciled]
    if state.reconciled:
        lines[-1] = (*lines[-1], ("  Esc puts this away", "dim"))
    if state.picture is not None and (state.past is not None or state.link.error is None):
        lines += [((_shorter(state, notice), "warn"),) for notice in state.picture.notices[:2]]
    return tuple(lines)


def _shorter(state: State, notice: str) -> str:
    """A notice without the lines that would change it, where the doctor has them."""
    known = state.capabilities
    if known is None or not known.has("statements"):
        return notice
    reason = known.part("statements").reason
    return f"{reason}: the doctor (9) has the lines that change it" if reason and notice.startswith(reason) else notice


def interval_words(picture: Picture) -> str:
    """`last 30 s`, `over 10.0 min` in the past, or that figures are lifetimes."""
    if picture.seconds is None:
        return "since the last reset"
    return f"{'over' if picture.past else 'last'} {figures.seconds(picture.seconds)}"


def no_statements(state: State) -> str:
    """Why a table of statements has no rows. Rows that this role may not read are not rows that are not there."""
    past = state.past is not None
    if state.picture is None:
        return "history holds no statements of this moment" if past else "waiting for the first answer of the server"
    if past or not state.picture.unreadable:
        hidden = sum(each.statements for each in state.picture.hidden)
        none = "no statement was called in that time" if past else "no statement has run in this database yet"
        return f"all {hidden:,} statements are hidden: f shows why" if hidden else none
    texts = state.capabilities
    grant = texts.part("texts").remedy if texts is not None and texts.has("texts") else "GRANT pg_read_all_stats"
    return f"{grant} would show the {state.picture.unreadable:,} statements of other roles"


def _panel(lines: tuple[Line, ...]) -> list[Line]:
    return [(("This part of the program has nothing to show on this server yet", "head"),), (), *lines, (),
            (("The program tries again by itself; nothing has to be restarted.", "dim"),)]  # fmt: skip


def _tabs(current: str) -> tuple[list[tuple[Line, str]], ...]:
    """The names of the screens, for bars of less and less room."""
    names = [name for name, _ in SCREENS]
    full = [label for _, label in SCREENS]
    wide: list[tuple[Line, str]] = []
    for place, (name, label) in enumerate(SCREENS, 1):
        here = name == current
        line: Line = ((f" {place} {label} ", "tab"),) if here else ((f" {place} ", "key"), (f"{label} ", "dim"))
        wide.append(((*line, ("  ", "")), f"go('{name}')"))
    return [*wide, ((), "")], _close_tabs(names, full, current), _close_tabs(names, list(SHORT_LABELS), current)


def _close_tabs(names: list[str], labels: list[str], current: str) -> list[tuple[Line, str]]:
    tabs: list[tuple[Line, str]] = []
    for place, (name, label) in enumerate(zip(names, labels, strict=True), 1):
        here = name == current
        line: Line = ((f"{place} {label}", "tab"),) if here else ((f"{place} ", "key"), (label, "dim"))
        tabs.append(((*line, (" ", "")), f"go('{name}')"))
    return [*tabs, ((), "")]


def _keys(view: str) -> list[tuple[Line, str]]:
    shown = [action for action in actions_of(view) if action.shown]
    return [(((key_name(action.keys[0]), "key"), (f" {action.label}", "dim")), action.run) for action in shown]
