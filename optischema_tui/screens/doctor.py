"""What every part of the program needs of this server and this machine, and the exact line that is missing."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol

from textual import on
from textual.app import ComposeResult
from textual.containers import Container

from optischema_tui import messages as m
from optischema_tui.actions import bindings
from optischema_tui.state import State
from optischema_tui.view import View
from optischema_tui.widgets.banner import error_lines
from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.lines import Line, LineView, wrap
from optischema_tui.widgets.live_table import Cell, Column, LiveTable
from optischema_tui.widgets.sections import bullets, heading

if TYPE_CHECKING:
    from optischema_tui.core.errors import OptischemaError


class Part(Protocol):
    """A capability, as far as it is shown here."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def available(self) -> bool: ...
    @property
    def limited(self) -> bool: ...
    @property
    def reason(self) -> str: ...
    @property
    def remedy(self) -> str: ...


class DoctorScreen(View):
    """Screen 9."""

    VIEW = TAB = "doctor"
    PRESENT_ONLY = "What was tested here is of the present."
    BINDINGS = bindings("doctor")
    CSS_PATH = "doctor.tcss"
    AUTO_FOCUS = "#parts"

    _asked_of: tuple[object, OptischemaError | None] | None = None
    """What stood here when the person asked to test again; something else means: it was tested."""

    def body(self) -> ComposeResult:
        yield LineView(id="summary", classes="pane")
        with Container(id="halves", classes="group"):
            yield LiveTable(self._columns(), lambda part: part.name, id="parts", classes="pane")
            yield LineView(id="part", classes="pane", focusable=True)

    def _columns(self) -> list[Column[Part]]:
        return [
            Column("mark", "", 1, lambda part, width: _mark(part, self.glyphs)),
            Column("title", "FEATURE", 34, lambda part, width: (part.title or part.name, "strong")),
            Column("group", "FOR", 24, lambda part, width: (part.group, "dim"), from_width=120),
            Column("reason", "WHAT IS MISSING", 0, lambda part, width: (part.reason, "dim")),
        ]

    @property
    def table(self) -> LiveTable[Part]:
        return self.query_one("#parts", LiveTable)

    def draw(self, state: State) -> None:
        self.table.set_rows(_parts(state))
        self.table.set_empty("not tested yet: R tests" if state.unread.get("doctor") is None else "see above")
        glyphs, testing = self.glyphs, self._testing
        self.query_one("#summary", LineView).show(lambda width: _summary(state, testing, width, glyphs))
        self._detail()

    @property
    def _testing(self) -> bool:
        return self._asked_of is not None and self._asked_of == self._found()

    def _found(self) -> tuple[object, OptischemaError | None]:
        return id(self.state.capabilities), self.state.unread.get("doctor")

    @on(LiveTable.Highlighted)
    def _moved(self) -> None:
        self._detail(top=True)

    def _detail(self, *, top: bool = False) -> None:
        part, glyphs = self.table.current, self.glyphs
        self.query_one("#part", LineView).show(
            lambda width: _part_lines(part, width, glyphs) if part is not None else [], top=top
        )

    def action_doctor(self) -> None:
        self._asked_of = self._found()
        self.post_message(m.Doctor())
        self.draw(self.state)

    def copied(self) -> tuple[str, str]:
        part = self.table.current
        if part is not None and part.remedy:
            return part.remedy, f"what {part.title or part.name} needs"
        return "\n".join(remedies(self.state)), "every line that is missing"

    def exported(self) -> Any:
        known = self.state.capabilities
        return asdict(known) if known is not None else {}


def _parts(state: State) -> list[Part]:
    """What is missing first, then what is limited; inside both as the doctor tells them, by what they are for."""
    parts: tuple[Part, ...] = state.capabilities.parts if state.capabilities is not None else ()
    return sorted(parts, key=lambda part: (part.available, not part.limited))


def remedies(state: State) -> tuple[str, ...]:
    """The lines that would enable what is missing, each once."""
    lines = [line for part in _parts(state) if not _well(part) for line in part.remedy.splitlines() if line.strip()]
    return tuple(dict.fromkeys(lines))


def _well(part: Part) -> bool:
    return part.available and not part.limited


def _mark(part: Part, glyphs: Glyphs) -> Cell:
    if _well(part):
        return glyphs.check, "good"
    return (glyphs.warn, "warn") if part.limited else (glyphs.cross, "bad")


def _summary(state: State, testing: bool, width: int, glyphs: Glyphs) -> list[Line]:
    lines: list[Line] = []
    known, error = state.capabilities, state.unread.get("doctor")
    if testing:
        lines.append((("testing …", "accent"),))
    if error is not None:
        lines += [part for line in error_lines(error, "The test could not run: ") for part in wrap(line, width, 2)]
    if known is None:
        return lines or [(("Nothing was tested yet", "head"), ("   R tests what this role may do here", "dim"))]
    limited = sum(part.limited for part in known.parts)
    missing = sum(not part.available and not part.limited for part in known.parts)
    role = "  superuser" if known.superuser else ""
    lines += wrap((
        ("Doctor  ", "head"), (f"{known.role}{role}", "strong"), (" on PostgreSQL ", "dim"), (known.server_version, ""),
        (f"   {len(known.parts) - missing - limited} ready", "good"),
        (f"   {limited} limited" if limited else "", "warn"), (f"   {missing} missing" if missing else "", "bad"),
    ), width, 2)  # fmt: skip
    return lines + bullets(known.environment, width, glyphs.arrow)


def _part_lines(part: Part, width: int, glyphs: Glyphs) -> list[Line]:
    word, role = ("ready", "good") if _well(part) else ("limited", "warn") if part.limited else ("missing", "bad")
    lines: list[Line] = [heading(part.title or part.name, part.group, width, glyphs), ((word, role),)]
    if part.reason:
        lines += [(), *wrap(((part.reason, ""),), width)]
    if part.remedy:
        lines += [(), (("what would change it (y copies):", "dim"),)]
        lines += [line for each in part.remedy.splitlines() for line in wrap(((each, "accent"),), width, 4)]
    return lines
