"""Every action of the program, once: bindings, key bar, palette and help are read from here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from textual.binding import Binding, BindingType


class Danger(StrEnum):
    NONE = "none"
    """Looks only."""
    LOCAL = "local"
    """Writes on this machine."""
    SERVER = "server"
    """Changes the server; always behind a preflight and a typed confirmation."""


@dataclass(frozen=True, slots=True)
class Action:
    """`run` is the method's name without `action_`, with its argument. `screens` is empty for all screens."""

    id: str
    keys: tuple[str, ...]
    run: str
    label: str
    help: str
    screens: tuple[str, ...] = ()
    danger: Danger = Danger.NONE
    shown: bool = False
    """In the key bar."""
    modal: bool = False
    """Also when a dialog is in front."""


SCREENS = (
    ("dashboard", "Dashboard"),
    ("top", "Top queries"),
    ("optimizations", "Optimizations"),
    ("audit", "Audit"),
    ("baselines", "Baselines"),
    ("activity", "Activity"),
    ("objects", "Objects"),
    ("server", "Server"),
    ("doctor", "Doctor"),
)
"""The digits 1-9, in order: (name, label)."""
SHORT_LABELS = ("Dash", "Top", "Index", "Audit", "Base", "Active", "Object", "Server", "Doctor")
"""The same where the full labels do not fit."""

_TABLES = ("dashboard", "top", "optimizations", "audit", "baselines", "activity", "objects", "server")
_SORTED = ("dashboard", "top", "baselines", "activity", "objects")
_SERVER = Danger.SERVER
_LOCAL = Danger.LOCAL

ACTIONS: tuple[Action, ...] = (
    *(
        Action(f"go.{name}", (str(place),), f"go('{name}')", label, f"Go to {label}")
        for place, (name, label) in enumerate(SCREENS, 1)
    ),
    Action("open", ("enter",), "open", "Open", "Open the row under the cursor", ("dashboard", "top", "activity"),
           shown=True),
    Action("back", ("escape", "backspace"), "back", "Back", "Back; in a table, clear the filter", modal=True),
    Action("filter", ("slash",), "filter", "Filter", "Filter by text, incrementally; Esc clears",
           ("top", "activity", "audit", "baselines", "objects"), shown=True),
    Action("sort", ("s",), "sort", "Sort", "Sort by the marked column; again to reverse", _SORTED, shown=True),
    Action("column.left", ("left",), "column(-1)", "Column left", "Mark the column to the left", _SORTED),
    Action("column.right", ("right",), "column(1)", "Column right", "Mark the column to the right", _SORTED),
    Action("filters", ("f",), "filters", "Hidden", "What is kept out of sight, each reason with its switch",
           ("dashboard", "top"), shown=True),
    Action("filters.toggle", ("space", "enter"), "flip", "Show or hide", "Show what this reason hides, or hide it",
           ("filters",), modal=True),
    Action("objects.switch", ("v", "tab"), "switch", "Tables/indexes", "Switch between tables and indexes",
           ("objects",), shown=True),
    Action("doctor.again", ("R",), "doctor", "Test again", "Test again what this role may do", ("doctor",),
           shown=True),
    Action("advise", ("R",), "advise", "Advise", "Build the lab and look for indexes", ("optimizations",), _LOCAL,
           shown=True),
    Action("advise.budget", ("b",), "budget", "Budget", "Advise within a budget of bytes", ("optimizations",), _LOCAL),
    Action("advise.stop", ("c",), "stop_advice", "Stop advisor", "End the search, keep the best set so far (Esc too)",
           ("optimizations",)),
    Action("opinion", ("o",), "opinion", "Second opinion", "Ask the target's planner with HypoPG, if it is installed",
           ("optimizations",)),
    Action("change.new", ("n",), "new_change", "New", "Write a change as SQL; it is proposed, nothing runs yet",
           ("optimizations",), _LOCAL, shown=True),
    Action("approve", ("a",), "approve", "Approve", "Approve the recommendation or the change; nothing runs yet",
           ("optimizations",), _LOCAL, shown=True),
    Action("approve.auto", ("U",), "approve(True)", "Approve, undo by itself", "Approve, and let it be rolled back by "
           "itself when a statement becomes significantly worse", ("optimizations",), _LOCAL),
    Action("change.mark", ("space",), "mark", "Mark", "Mark an approved change; A applies the marked ones in order",
           ("optimizations",)),
    Action("apply", ("A",), "apply", "Apply", "Preflight, confirm, run, also the marked ones in order; of a "
           "change by hand: say that it is done",
           ("optimizations",), _SERVER, shown=True),
    Action("undo", ("u",), "undo", "Roll back", "Preflight, confirm, undo an applied change", ("optimizations",),
           _SERVER, shown=True),
    Action("keep", ("K",), "keep", "Keep", "Keep an applied change by your own decision, with a reason",
           ("optimizations",), _LOCAL),
    Action("dismiss", ("x",), "put_aside", "Discard", "Withdraw a change that waits, or dismiss the recommendation; "
           "with a reason", ("optimizations",), _LOCAL, shown=True),
    Action("why", ("w",), "why", "Why", "Switch between the evidence and the rejected alternatives",
           ("optimizations",), shown=True),
    Action("verify", ("R",), "verify", "Verify", "Read the journal again and verify the chain", ("audit",), shown=True),
    Action("audit.story", ("enter",), "story", "Change", "Everything about this entry's change, from evidence to "
           "verdict; again: the entry", ("audit",), shown=True),
    Action("audit.state", ("f",), "state", "State", "Only entries of one state, the next one each time", ("audit",),
           shown=True),
    Action("baseline.compare", ("enter",), "compare", "Compare", "Compare the marked baseline with this one, or this "
           "one with now; in a comparison: the plans", ("baselines",), shown=True),
    Action("baseline.plans", ("p",), "plans", "Plans", "The plans of the statement, before and after", ("baselines",),
           shown=True),
    Action("baseline.mark", ("m",), "mark", "Mark", "Mark the baseline to compare with another; it is the earlier side",
           ("baselines",), shown=True),
    Action("baseline.new", ("n",), "new", "New", "Keep a window of history under a name", ("baselines",), _LOCAL,
           shown=True),
    Action("baseline.delete", ("x",), "delete", "Delete", "Delete the baseline under the cursor; asks first",
           ("baselines",), _LOCAL, shown=True),
    Action("baseline.window", ("w",), "window", "Window", "What now means in a comparison: 15 minutes, 1, 6 or 24 "
           "hours, the next one each time", ("baselines",), shown=True),
    Action("baseline.since", ("W",), "since", "Window since", "What now means in a comparison: since a moment that you "
           "name", ("baselines",)),
    Action("refresh", ("R",), "refresh_now", "Refresh", "Ask the server now",
           ("dashboard", "top", "query", "baselines", "activity", "objects", "server"), shown=True),
    Action("plan.again", ("p",), "plan", "Plan", "Ask the server for the plan again", ("query",), shown=True),
    Action("run.queries", ("f2", "v"), "queries", "Queries", "Show the query behind each line of the preflight, or "
           "hide it", ("run",), shown=True),
    Action("run.cancel", ("c",), "cancel_run", "Cancel build", "Cancel the running statement; what is left is removed",
           ("run",), _SERVER, shown=True, modal=True),
    Action("connect.open", ("enter",), "open", "Open", "Open the target under the cursor", ("connect",), shown=True,
           modal=True),
    Action("connect.name", ("n",), "name_target", "Name one", "Name a target that is not listed", ("connect",),
           shown=True, modal=True),
    Action("connect.quit", ("q", "ctrl+q"), "leave", "Quit", "Leave the program", ("connect",), shown=True, modal=True),
    Action("answer.yes", ("y",), "answer(True)", "Yes", "Yes", ("confirm",), modal=True),
    Action("answer.no", ("n", "escape"), "answer(False)", "No", "No", ("confirm",), modal=True),
    Action("up", ("k", "up"), "move('up')", "Up", "One line up", modal=True),
    Action("down", ("j", "down"), "move('down')", "Down", "One line down", modal=True),
    Action("half.up", ("ctrl+u", "pageup"), "move('half_up')", "Half page up", "Half a page up", modal=True),
    Action("half.down", ("ctrl+d", "pagedown"), "move('half_down')", "Half page down", "Half a page down", modal=True),
    Action("home", ("g", "home"), "move('home')", "First", "To the first line", modal=True),
    Action("end", ("G",), "move('end')", "Last", "To the last line", modal=True),
    Action("pane", ("tab",), "pane", "Next pane", "To the next pane", modal=True),
    Action("pause", ("space",), "pause", "Pause", "Pause or resume polling",
           (*(name for name in _TABLES if name != "optimizations"), "query")),
    Action("slower", ("plus",), "interval(1)", "Longer interval", "Poll less often", _TABLES),
    Action("faster", ("minus",), "interval(-1)", "Shorter interval", "Poll more often", _TABLES),
    Action("past.back", ("left_square_bracket",), "step(-1)", "Step back", "Stand at the stored interval before"),
    Action("past.on", ("right_square_bracket",), "step(1)", "Step on", "Stand at the stored interval after"),
    Action("past.seek", ("S",), "seek", "Seek", "Stand at a moment of history: 14:00, yesterday 14:00, -2h"),
    Action("past.live", ("end",), "live", "Live", "Back from history to the present"),
    Action("maximise", ("z",), "maximise", "Maximise", "The pane alone on the screen, and back"),
    Action("copy", ("y",), "copy", "Copy", "Copy the SQL or the row: sent to the terminal's clipboard (OSC 52)"),
    Action("export", ("E",), "export", "Export", "Write this screen as text and JSON to the current directory",
           danger=_LOCAL),
    Action("palette", ("ctrl+p",), "command_palette", "Palette", "Every action by name"),
    Action("target", ("grave_accent",), "switch_target", "Other target", "Leave this target and choose another"),
    Action("help", ("question_mark", "f1"), "help", "Help", "The keys, and what each does", shown=True),
    Action("quit", ("q", "ctrl+q"), "quit", "Quit", "Quit; asks when a build is running", shown=True),
)  # fmt: skip

_NAMES = {"question_mark": "?", "slash": "/", "plus": "+", "minus": "-", "escape": "Esc", "enter": "Enter",
          "space": "Space", "left": "←", "right": "→", "up": "↑", "down": "↓", "pageup": "PgUp", "pagedown": "PgDn",
          "home": "Home", "end": "End", "tab": "Tab", "backspace": "Bksp", "left_square_bracket": "[",
          "right_square_bracket": "]", "grave_accent": "`"}  # fmt: skip


def key_name(key: str) -> str:
    """`^p` for ctrl+p, `?` for question_mark."""
    return "^" + key[5:] if key.startswith("ctrl+") else _NAMES.get(key, key.upper() if len(key) == 2 else key)


def actions_of(screen: str) -> tuple[Action, ...]:
    """The actions that a screen's keys reach, its own before those of all screens."""
    own = [action for action in ACTIONS if screen in action.screens]
    return (*own, *(action for action in ACTIONS if not action.screens))


def bindings(screen: str) -> list[BindingType]:
    """The bindings of a screen or, for "app", those that every screen shares."""
    chosen = [action for action in ACTIONS if (not action.screens if screen == "app" else screen in action.screens)]
    return [
        Binding(",".join(action.keys), action.run, action.label, show=action.shown, id=f"{screen}.{action.id}")
        for action in chosen
    ]


def modal_bindings(screen: str) -> list[BindingType]:
    """The bindings of a dialog: its own, and those that stay useful in front of another screen."""
    own = [action for action in ACTIONS if action.modal and screen in action.screens]
    taken = {key for action in own for key in action.keys}
    chosen = own + [
        action for action in ACTIONS if action.modal and not action.screens and not taken.intersection(action.keys)
    ]
    return [Binding(",".join(action.keys), action.run, action.label, show=action.shown) for action in chosen]
