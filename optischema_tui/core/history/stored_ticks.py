"""One interval of the past with its statements."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from optischema_tui.core.history.charts import find_tick, point
from optischema_tui.core.models import StatementDelta, StatementKey, StatementText, StoredTick


def read_tick(connection: sqlite3.Connection, fingerprint: str, at: float) -> StoredTick | None:
    """The finest interval that ended at or before `at`; None before the first one."""
    found = find_tick(connection, fingerprint, at)
    if found is None:
        return None
    number, tier, load = found
    seconds = load.seen
    rows = connection.execute(
        "SELECT s.userid, s.dbid, s.queryid, s.toplevel, s.text, s.truncated, s.role, s.database,"
        " coalesce(d.seconds, ?), d.calls, d.rows, d.exec_time, d.plan_time, d.shared_blks_hit, d.shared_blks_read,"
        " d.temp_blks, d.blk_io_time, d.wal_bytes, d.lower_bound"
        " FROM delta d JOIN statement s ON s.id = d.statement_id WHERE d.tick_id = ?",
        (seconds, number),
    )
    statements = []
    for userid, dbid, queryid, toplevel, text, truncated, role, database, *figures in rows:
        key = StatementKey(userid, dbid, queryid, bool(toplevel))
        known = StatementText(key, text, bool(truncated), role, database)
        statements.append((known, _delta(key, figures)))
    charted = point(load) if load.db_time is not None else None
    return StoredTick(load.at, seconds, charted, tuple(statements), float(tier))


def _delta(key: StatementKey, figures: Sequence[Any]) -> StatementDelta:
    seconds, calls, rows, exec_time, plan_time, hit, read, temp, io_time, wal, lower_bound = figures
    return StatementDelta(
        key, seconds, calls, rows, exec_time, plan_time, hit, read, temp, io_time, wal, bool(lower_bound)
    )
