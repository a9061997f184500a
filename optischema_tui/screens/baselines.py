"""Named stretches of history, how two of them or one and now compare, and the plans of before and after."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Input

from optischema_tui import messages as m
from optischema_tui.actions import bindings
from optischema_tui.core.clock import local_stamp, local_time
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.models import Baseline
from optischema_tui.core.moment import EXAMPLES, parse_moment
from optischema_tui.core.safe_text import one_line
from optischema_tui.filter_view import FilterView
from optischema_tui.state import State
from optischema_tui.view import View
from optischema_tui.widgets.banner import error_lines
from optischema_tui.widgets.baseline_columns import baseline_columns
from optischema_tui.widgets.comparison_columns import comparison_columns
from optischema_tui.widgets.comparison_text import baseline_lines, row_lines, rule_lines, total_lines
from optischema_tui.widgets.lines import Line, LineView, Piece, cut, plain, wrap
from optischema_tui.widgets.live_table import LiveTable
from optischema_tui.widgets.plan_pair import plan_pair_lines

if TYPE_CHECKING:
    from optischema_tui.core.baseline.compare import Compared, Comparison

WINDOWS = {
    "-15m": "the last 15 minutes",
    "-1h": "the last hour",
    "-6h": "the last 6 hours",
    "-24h": "the last 24 hours",
}
"""What `now` means in turn, as `parse_moment` reads it."""
LIST, COMPARISON, PLANS = "", "-comparing", "-plans"
"""What is in front: the list and what is in a baseline; a comparison; the plans of one of its statements."""


def _matches(row: Compared, needle: str) -> bool:
    words = needle.lower().split()
    text = f"{row.verdict.value} {row.text} {row.plan}".lower()
    return all(word in text for word in words)


class BaselinesScreen(FilterView[Any]):
    """Screen 5."""

    VIEW = TAB = "baselines"
    BINDINGS = bindings("baselines")
    CSS_PATH = "baselines.tcss"
    AUTO_FOCUS = "#baselines"

    def __init__(self) -> None:
        super().__init__()
        self.marked = ""
        self.front = LIST
        self.window = "-1h"
        """Since when `now` is, as `parse_moment` reads it anew for each comparison."""
        self.asked = ("", "")
        """What the two sides of the comparison in front are called."""
        self.against_now = False
        self._filled: object = None
        """The comparison that stands in the table."""

    def body(self) -> ComposeResult:
        yield LineView(id="summary")
        yield self.filter_box("a baseline's name; in a comparison, words of the statement or of the verdict")
        with Container(id="halves", classes="group"):
            yield LiveTable(
                baseline_columns(lambda: self.marked, lambda: self.glyphs), lambda baseline: baseline.name,
                matches=lambda baseline, needle: needle.lower() in baseline.name.lower(), id="baselines",
                classes="pane",
            )  # fmt: skip
            yield LineView(id="contents", classes="pane", focusable=True)
            with Container(id="comparison", classes="group"):
                yield LineView(id="total")
                yield LiveTable(
                    comparison_columns(), lambda row: row.key, matches=_matches, id="compared", classes="pane"
                )
                yield LineView(id="about")
                yield LineView(id="rule")
            yield LineView(id="plans", classes="pane", focusable=True)

    @property
    def kept(self) -> LiveTable[Baseline]:
        return self.query_one("#baselines", LiveTable)

    @property
    def compared(self) -> LiveTable[Compared]:
        return self.query_one("#compared", LiveTable)

    @property
    def table(self) -> LiveTable[Any]:
        return self.compared if self.front else self.kept

    @property
    def comparison(self) -> Comparison | OptischemaError | None:
        """The answer to what was asked last; None while there is none."""
        found = self.state.comparison
        return found[2] if found is not None and found[:2] == self.asked else None

    def on_screen_resume(self) -> None:
        self.post_message(m.LoadBaselines())

    # --- drawing ---

    def draw(self, state: State) -> None:
        # One that was made later, of a window that had been by then, belongs to that moment too.
        until = math.ceil(state.past.at) if state.past is not None else math.inf
        self.kept.set_rows([each for each in state.baselines or () if each.until <= until])
        self.kept.set_empty(
            f"not readable: {state.unread['baselines'].sentence}" if "baselines" in state.unread
            else "nothing fits the filter; Esc clears it" if self.kept.needle and self.kept.total
            else "press n to keep a window of history under a name" if state.baselines is not None
            else "reading"
        )  # fmt: skip
        summary = (*self.filter_chip(), *self._summary())
        self.query_one("#summary", LineView).show(lambda width: [cut(summary, width)])
        row, glyphs = self.kept.current, self.glyphs
        self.query_one("#contents", LineView).show(lambda width: baseline_lines(row, width, glyphs) if row else [])
        self._draw_comparison()

    def _draw_comparison(self) -> None:
        found, glyphs = self.comparison, self.glyphs
        first, second = self.asked
        rows = () if found is None or isinstance(found, OptischemaError) else found.rows
        arrived = found is not None and found is not self._filled
        if found is not self._filled:
            self._filled = found
            self.compared.set_rows(rows)
        self.compared.set_empty("nothing fits the filter; Esc clears it" if rows else "")

        def total(width: int) -> list[Line]:
            if found is None:
                return [((f"comparing {first} with {second} …", "dim"),)] if self.front else []
            if isinstance(found, OptischemaError):
                return [part for line in error_lines(found) for part in wrap(line, width, 2)]
            return total_lines(first, second, found, width, glyphs)

        self.query_one("#total", LineView).show(total)
        self.query_one("#rule", LineView).show(
            lambda width: rule_lines(found, width) if rows and not isinstance(found, OptischemaError | None) else []
        )
        self._draw_row()
        if arrived and rows and self.front == COMPARISON and self.focused is self.kept:
            self._focus(self.compared)

    def _draw_row(self) -> None:
        """The statement under the cursor of the comparison, and its plans."""
        row, glyphs = self.compared.current, self.glyphs
        room = 3 if self.has_class("-short") else 6
        self.query_one("#about", LineView).show(lambda width: row_lines(row, width, glyphs)[:room] if row else [])

        def plans(width: int) -> list[Line]:
            if row is None or self.front != PLANS:
                return []
            pair = plan_pair_lines(*row.plans, width, glyphs)
            return [*row_lines(row, width, glyphs), (), *pair]

        self.query_one("#plans", LineView).show(plans)

    def _summary(self) -> Line:
        window: Piece = (self._window_words(), "accent")
        if self.front == PLANS:
            return (("The plans of ", "dim"), (self.asked[0], "accent"), (" and of ", "dim"), (self.asked[1], "accent"))
        if self.marked:
            rest = "   Enter compares it with the one under the cursor"
            return (("Marked: ", "dim"), (self.marked, "accent"), (rest, "dim"))
        return (("Now is ", "dim"), window, (" (w). Enter compares with it, m marks another to compare", "dim"))

    def _window_words(self) -> str:
        words = WINDOWS.get(self.window, f"since {one_line(self.window, 40)}")
        past = self.state.past
        return words if past is None else f"{words} until {local_stamp(past.at).split(' ', 1)[0]} {local_time(past.at)}"

    # --- what is in front ---

    def _turn(self, front: str, focus: Widget) -> None:
        if self.has_class("-zoomed"):
            self.action_maximise()
        if bool(front) != bool(self.front):
            box = self.query_one("#filter", Input)
            box.value = ""
            box.remove_class("-open")
            self.table.set_filter("")
        self.front = front
        for name in (COMPARISON, PLANS):
            self.set_class(name == front, name)
        self._focus(focus)
        self.redraw()

    def _focus(self, widget: Widget) -> None:
        """Once it is in sight: what is not cannot have the focus."""
        self.call_after_refresh(self.set_focus, widget)

    @on(LiveTable.Highlighted, "#baselines")
    def _moved(self) -> None:
        if self.front == COMPARISON and self.focused is self.kept:
            self._turn(LIST, self.kept)
        else:
            self.redraw()

    @on(LiveTable.Highlighted, "#compared")
    def _row_moved(self) -> None:
        self._draw_row()

    @on(LiveTable.Opened, "#baselines")
    def _opened(self) -> None:
        self._compare()

    @on(LiveTable.Opened, "#compared")
    def _row_opened(self) -> None:
        self.action_plans()

    def action_back(self) -> None:
        box = self.query_one("#filter", Input)
        if self.front == PLANS and not self.has_class("-zoomed"):
            self._turn(COMPARISON, self.compared)
        elif self.front == COMPARISON and not (box.value or box.has_class("-open") or self.has_class("-zoomed")):
            self._turn(LIST, self.kept)
        else:
            super().action_back()

    def action_sort(self) -> None:
        View.action_sort(self)

    def action_column(self, step: int) -> None:
        View.action_column(self, step)

    # --- comparing ---

    def action_mark(self) -> None:
        row = self.kept.current
        if row is not None:
            self.marked = "" if row.name == self.marked else row.name
            self.redraw()

    def action_compare(self) -> None:
        if self.front == COMPARISON and self.focused is self.compared:
            self.action_plans()
        elif self.front != PLANS:
            self._compare()

    def _compare(self) -> None:
        row = self.kept.current
        if row is None:
            return
        if self.marked and self.marked != row.name:
            self._ask(m.CompareBaselines(self.marked, row.name, row.name), now=False)
        else:
            self._compare_with_now(row.name)

    def _compare_with_now(self, name: str) -> None:
        past = self.state.past
        try:
            since = parse_moment(self.window, past.at if past is not None else self.shell.clock.wall())
        except OptischemaError as error:
            self.notify(one_line(error.sentence), severity="warning", markup=False)
            return
        until = past.at if past is not None else None
        self._ask(m.CompareBaselines(name, None, self._window_words(), since, until), now=True)

    def _ask(self, request: m.CompareBaselines, now: bool) -> None:
        self.asked, self.against_now = (request.first, request.label), now
        self.post_message(request)
        self._turn(COMPARISON, self.kept if self.comparison is None else self.compared)

    def action_plans(self) -> None:
        if self.front == PLANS:
            return
        if self.front != COMPARISON or self.compared.current is None:
            self.notify("Enter compares first; then p shows a statement's plans.", markup=False)
            return
        plans = self.query_one("#plans", LineView)
        self._turn(PLANS, plans)
        plans.scroll_to(y=0, animate=False, immediate=True)

    def action_window(self) -> None:
        names = list(WINDOWS)
        self._use_window(names[(names.index(self.window) + 1) % len(names)] if self.window in names else names[0])

    def action_since(self) -> None:
        from optischema_tui.screens.dialogs import PromptScreen

        def wrong(text: str) -> str:
            try:
                parse_moment(text, self.shell.clock.wall())
            except OptischemaError as error:
                return error.sentence
            return ""

        def given(text: str | None) -> None:
            if text:
                self._use_window(text)

        sentence = f"A comparison with now takes what was since then. {EXAMPLES}"
        self.app.push_screen(PromptScreen("Now is since when?", sentence, "since when?", wrong=wrong), given)

    def _use_window(self, window: str) -> None:
        self.window = window
        if self.front == COMPARISON and self.against_now:
            self._compare_with_now(self.asked[0])
        else:
            self.redraw()

    # --- making and deleting ---

    def action_new(self) -> None:
        from optischema_tui.screens.new_baseline import NewBaselineScreen

        self.app.push_screen(NewBaselineScreen(self.state.past.at if self.state.past is not None else None))

    def action_delete(self) -> None:
        from optischema_tui.screens.dialogs import ConfirmScreen

        row = self.kept.current
        if row is None or self.front == PLANS:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self._forget(row.name)

        change = row.change_id[-8:]
        why = (
            f"It was made by itself before change {change}, whose verdict does not need it; how each statement was "
            "planned before that change goes with it." if change
            else "What it holds is deleted; history itself stays."
        )  # fmt: skip
        self.app.push_screen(ConfirmScreen(f"Delete the baseline {one_line(row.name, 60)}?", why), answered)

    def _forget(self, name: str) -> None:
        self.post_message(m.DeleteBaseline(name))
        if self.marked == name:
            self.marked = ""
        if name in self.asked and self.front:
            self._turn(LIST, self.kept)

    # --- taking it along ---

    def copied(self) -> tuple[str, str]:
        if self.front == PLANS:
            return self.query_one("#plans", LineView).text, "the plans"
        if self.front == COMPARISON:
            return self._comparison_text(), "the comparison"
        return self.query_one("#contents", LineView).text, "what is in the baseline"

    def _comparison_text(self) -> str:
        """All of it, also what a small screen has no room for."""
        found = self.comparison
        if found is None or isinstance(found, OptischemaError):
            return self.query_one("#total", LineView).text
        total = total_lines(*self.asked, found, 160, self.glyphs)
        return "\n\n".join((_text(total), self.compared.as_text(200), _text(rule_lines(found, 160))))

    def as_text(self) -> str:
        parts = [self.query_one("#summary", LineView).text, self.kept.as_text(160)]
        parts.append(self._comparison_text() if self.front else self.query_one("#contents", LineView).text)
        if self.front:
            parts += [f"{row.text}\n\n{self._plans_text(row)}" for row in self.compared.rows if any(row.plans)]
        return "\n\n".join(part for part in parts if part.strip()) + "\n"

    def _plans_text(self, row: Compared) -> str:
        return _text(plan_pair_lines(*row.plans, 160, self.glyphs))

    def exported(self) -> Any:
        found = self.comparison
        told = asdict(found) if self.front and found is not None and not isinstance(found, OptischemaError) else None
        return _decoded({"baselines": [asdict(each) for each in self.kept.rows], "comparison": told})


def _text(lines: list[Line]) -> str:
    return "\n".join(plain(line).rstrip() for line in lines)


def _decoded(value: Any) -> Any:
    """`value` with each plan's document as JSON of its own, not as a text of it."""
    if isinstance(value, dict):
        return {name: _document(each) if name == "document" else _decoded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_decoded(each) for each in value]
    return value


def _document(text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text
