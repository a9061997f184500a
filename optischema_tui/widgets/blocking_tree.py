"""Who waits for whom, as lines: the sessions that hold all others up stand first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optischema_tui.core.models import ActivitySample, Reading, Session
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.workload.waits import Blocked, blocking_tree
from optischema_tui.widgets import figures
from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.lines import Line, Piece, cut
from optischema_tui.widgets.sections import heading
from optischema_tui.widgets.session_columns import wait_of

DEEPEST = 12
"""Levels that are indented; deeper ones stand below the last."""


def tree_lines(sample: ActivitySample, locks: Reading | None, width: int, glyphs: Glyphs) -> list[Line]:
    """The tree of `sample`; `locks`, a reading of that family, tells what exactly is waited for."""
    sessions = {each.pid: each for each in sample.sessions}
    wanted = _wanted(locks)
    lines = [heading("Who waits for whom", "roots first: ask those", width, glyphs)]
    return lines + [cut(_line(each, sessions, wanted, glyphs), width) for each in blocking_tree(sample)]


def _wanted(locks: Reading | None) -> Mapping[int, dict[str, Any]]:
    """A row of the reading by the process that waits."""
    return {row["blocked_pid"]: row for row in locks.dicts()} if locks is not None else {}


def _line(each: Blocked, sessions: Mapping[int, Session], wanted: Mapping[int, Any], glyphs: Glyphs) -> Line:
    depth = min(each.depth, DEEPEST)
    indent = glyphs.tree[3] * (depth - 1) + glyphs.tree[1] if depth else ""
    pieces: list[Piece] = [(indent, "rule"), (str(each.pid) if each.pid else "prepared transaction", "strong")]
    if each.cycle:
        pieces.append((" deadlock", "bad"))
    if each.behind:
        pieces.append((f" holds up {each.behind}", "bad" if not each.depth else "warn"))
    session = sessions.get(each.pid)
    if session is None:
        note = "see pg_prepared_xacts" if not each.pid else "not among the sessions that were seen"
        return (*pieces, (f"  {note}", "dim"))
    others = [pid for pid in each.blocked_by if pid in sessions]
    if len(each.blocked_by) > 1:
        pieces.append((f" by {', '.join(map(str, others or each.blocked_by))}", "warn"))
    state = wait_of(session) if session.state == "active" else session.state
    age = session.query_seconds if session.state == "active" else session.xact_seconds
    pieces += [(f"  {state}", ""), (f" {figures.seconds(age)}", "dim"), (_lock(wanted.get(each.pid)), "warn"),
               (f"  {session.role} ", "dim"), (one_line(session.query, 200), "")]  # fmt: skip
    return tuple(pieces)


def _lock(row: Any) -> str:
    """` ShareLock on public.orders`"""
    if row is None:
        return ""
    name = ".".join(str(part) for part in (row.get("schema"), row.get("name")) if part)
    return f" {row.get('mode')} on {name or row.get('locktype')}"
