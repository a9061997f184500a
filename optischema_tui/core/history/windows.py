"""Statements over a window of history."""

from __future__ import annotations

import math
import sqlite3

from optischema_tui.core.history.samples import EDGE
from optischema_tui.core.history.tiers import Rows, listed
from optischema_tui.core.models import StatementKey, WindowStats

INSIDE = (
    "{0}.at <= :until AND {0}.at - {0}.seconds >= :since"
    # A condition the index can use: what begins inside also ends inside.
    " AND {0}.at >= :since"
)
MAXIMAL = f"{INSIDE.format('t')} AND (p.id IS NULL OR NOT ({INSIDE.format('p')}))"
"""Ticks `t` wholly inside a window whose parent `p` is not: each moment once, in the fewest rows."""


def read_window(
    connection: sqlite3.Connection, fingerprint: str, since: float, until: float, numbers: Rows | None = None
) -> list[WindowStats]:
    """Sums of the intervals wholly between `since` and `until`, the heaviest statement first; `numbers`: only of the
    statements with these row ids."""
    only = "" if numbers is None else f" AND d.statement_id IN ({listed(numbers)})"
    rows = connection.execute(
        "SELECT s.userid, s.dbid, s.queryid, s.toplevel, s.text, w.* FROM ("
        " SELECT d.statement_id, sum(d.calls), sum(d.exec_time) AS time, sum(d.rows),"
        " sum(d.shared_blks_hit + d.shared_blks_read), sum(d.temp_blks),"
        " sum(CASE WHEN d.squares IS NULL THEN 0 ELSE d.calls END),"
        " sum(CASE WHEN d.squares IS NULL THEN 0 ELSE d.exec_time END), sum(d.squares),"
        " sum(CASE WHEN d.squares IS NULL THEN 0 ELSE d.exec_time * d.exec_time / d.calls END)"
        " FROM tick t LEFT JOIN tick p ON p.id = t.parent CROSS JOIN delta d ON d.tick_id = t.id"
        f" WHERE t.fingerprint = :fingerprint AND {MAXIMAL}{only}"
        " AND (d.seconds IS NULL OR t.at - d.seconds >= :since) GROUP BY d.statement_id"
        ") w JOIN statement s ON s.id = w.statement_id ORDER BY w.time DESC",
        {"fingerprint": fingerprint, "since": since - EDGE, "until": until + EDGE},
    )
    return [_window_stats(*row) for row in rows]


def _window_stats(
    userid: int, dbid: int, queryid: int, toplevel: int, text: str, _id: int, calls: int, time: float, rows: int,
    shared: int, temp: int, known_calls: int, known_time: float, within: float | None, between: float,
) -> WindowStats:  # fmt: skip
    deviation = 0.0
    if known_calls > 1 and within is not None:
        variance = (within + between - known_time**2 / known_calls) / known_calls
        deviation = math.sqrt(max(0.0, variance))
    key = StatementKey(userid, dbid, queryid, bool(toplevel))
    return WindowStats(key, text, calls, time, rows, shared, temp, deviation)
