"""What the sessions are at: waits over time, every session that is not idle, and who blocks whom."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from textual import on
from textual.app import ComposeResult

from optischema_tui import messages as m
from optischema_tui.actions import bindings
from optischema_tui.core.models import ActivitySample, Session
from optischema_tui.core.workload.fingerprint import normalise
from optischema_tui.core.workload.waits import is_active
from optischema_tui.filter_view import FilterView
from optischema_tui.state import State
from optischema_tui.widgets.blocking_tree import tree_lines
from optischema_tui.widgets.lines import Line, LineView, Piece, wrap
from optischema_tui.widgets.live_table import LiveTable, Order
from optischema_tui.widgets.session_columns import matches, session_columns
from optischema_tui.widgets.wait_chart import WaitChart


class ActivityScreen(FilterView[Session]):
    """Screen 6."""

    VIEW = TAB = "activity"
    FOLLOWS = (m.ActivityReady,)
    BINDINGS = bindings("activity")
    CSS_PATH = "activity.tcss"
    AUTO_FOCUS = "#sessions"

    def body(self) -> ComposeResult:
        yield WaitChart(id="waits", classes="figures pane")
        yield LineView(id="heading")
        yield self.filter_box("a pid, a role, a database, a wait, words of the query")
        yield LiveTable(
            session_columns(), lambda each: each.pid, order=Order("age", True), matches=matches, id="sessions",
            classes="figures pane",
        )  # fmt: skip
        yield LineView(id="tree", classes="figures pane", focusable=True)

    @property
    def table(self) -> LiveTable[Session]:
        return self.query_one("#sessions", LiveTable)

    def draw(self, state: State) -> None:
        sample, glyphs = state.activity, self.glyphs
        self.query_one(WaitChart).show_points(state.waits)
        self.table.set_rows(sample.sessions if sample is not None else ())
        self.table.set_empty(_empty(state, bool(self.table.needle)))
        heading = (*self.filter_chip(), *_heading(state))
        self.query_one("#heading", LineView).show(lambda width: wrap(heading, width, 2))
        blocked = sample is not None and any(each.blocked_by for each in sample.sessions)
        tree = self.query_one("#tree", LineView)
        tree.set_class(blocked, "-shown")
        locks = state.readings.get("locks")
        tree.show(
            lambda width: tree_lines(sample, locks[0] if locks is not None else None, width, glyphs)
            if sample is not None and blocked else []
        )  # fmt: skip

    @on(LiveTable.Opened)
    def _opened(self, event: LiveTable.Opened) -> None:
        self._open(event.row)

    def action_open(self) -> None:
        self.table.open_current()

    def _open(self, session: Session) -> None:
        """The detail of what the session runs, where the statements on screen have it."""
        if session.queryid is None:
            self.notify(
                "The server gives no query id for this session: it needs compute_query_id, and a statement that ran.",
                markup=False,
            )
            return
        rows = self.state.picture.rows if self.state.picture is not None else ()
        same = [row for row in rows if row.key.queryid == session.queryid]
        ours = [row for row in same if (row.role, row.database) == (session.role, session.database)]
        found = next(iter([*ours, *same]), None)
        if found is not None:
            self.post_message(m.OpenQuery(found.key))
        else:
            self.notify(
                "This statement is not among the top queries: a filter hides it (f there), or it has not ended yet.",
                markup=False,
            )

    def copied(self) -> tuple[str, str]:
        row = self.table.current
        return (row.query, "the query") if row is not None else ("", "")

    def exported(self) -> Any:
        """What sessions run is shown with its values, and leaves the program without them."""
        state = self.state
        sample = asdict(state.activity) if state.activity is not None else None
        for session in sample["sessions"] if sample else ():
            session["query"] = normalise(session["query"])
        return {
            "sample": sample,
            "waits": [asdict(each) for each in state.waits],
        }


def _heading(state: State) -> Line:
    sample = state.activity
    if sample is None:
        return (("Sessions", "head"),)
    active = sum(map(is_active, sample.sessions))
    blocked = sum(bool(each.blocked_by) for each in sample.sessions)
    open_ = sum(each.state.startswith("idle in transaction") for each in sample.sessions)
    line: list[Piece] = [("Sessions  ", "head"), (f"{active} active", "strong")]
    if blocked:
        line.append((f"   {blocked} blocked", "bad"))
    if open_:
        line.append((f"   {open_} idle in transaction", "warn"))
    line.append((f"   {sample.idle} idle of {sample.total}", "dim"))
    if sample.left_out:
        line.append((f"   {sample.left_out} more not read", "warn"))
    if sample.hidden:
        line.append((f"   {sample.hidden} not visible: {_grant(state, sample)}", "warn"))
    return tuple(line)


def _grant(state: State, sample: ActivitySample) -> str:
    known = state.capabilities
    remedy = known.part("activity").remedy if known is not None and known.has("activity") else ""
    return remedy.splitlines()[0] if remedy else "GRANT pg_monitor shows them"


def _empty(state: State, filtered: bool) -> str:
    if filtered:
        return "no session matches the filter; Esc clears it"
    if state.activity is None:
        return "history holds no sessions of this moment" if state.past is not None else "no sample of sessions yet"
    return "every session is idle" if not state.activity.hidden else "every session that this role may see is idle"
