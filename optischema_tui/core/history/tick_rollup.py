"""Ticks summed up in one: the load of the whole interval, and the sums of each statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from optischema_tui.core.history.samples import EDGE
from optischema_tui.core.history.tiers import Ladder, Rows, listed


class Load(NamedTuple):
    """One interval of the charts with its length, as a `tick` row has it."""

    at: float
    seconds: float | None
    """From its begin to its end."""
    observed: float | None
    """Seconds of these that were seen; None: all."""
    db_time: float | None
    mean_latency: float | None
    tps: float | None
    calls: int | None
    breaks: int | None

    @property
    def begin(self) -> float:
        return self.at - (self.seconds or 0.0)

    @property
    def seen(self) -> float:
        return self.observed if self.observed is not None else self.seconds or 0.0


LOAD = "t.at, t.seconds, t.observed, t.db_time, t.mean_latency, t.tps, t.calls, t.breaks"


def sum_loads(loads: Sequence[Load]) -> Load:
    """Several intervals, the oldest first, as one: rates by the time seen, latency by calls; a break in any is one."""
    charted = [load for load in loads if load.db_time is not None]
    end = loads[-1].at
    timed = [load.begin for load in loads if load.seconds is not None]
    seconds = end - min(timed) if timed else None
    observed = sum(load.seen for load in loads)
    if not charted:
        return Load(end, seconds, observed, None, None, None, None, None)
    weights = [load.seen for load in charted]
    if not sum(weights):
        weights = [1.0] * len(charted)
    whole, calls = sum(weights), sum(load.calls or 0 for load in charted)
    return Load(
        end,
        seconds,
        observed,
        sum(weight * (load.db_time or 0.0) for weight, load in zip(weights, charted, strict=True)) / whole,
        sum((load.calls or 0) * (load.mean_latency or 0.0) for load in charted) / calls if calls else 0.0,
        sum(weight * (load.tps or 0.0) for weight, load in zip(weights, charted, strict=True)) / whole,
        calls,
        max(load.breaks or 0 for load in charted),
    )


def tick_ladder(statements_a_tick: int) -> Ladder:
    """Ticks of ten minutes and more keep the heaviest `statements_a_tick` of their statements."""

    def merge(connection: sqlite3.Connection, ids: Rows, tier: int) -> tuple[int, int]:
        return _merge(connection, ids, tier, statements_a_tick)

    return Ladder("tick", merge, _drop, alone=True)


def _merge(connection: sqlite3.Connection, ids: Rows, tier: int, keep: int) -> tuple[int, int]:
    rows = connection.execute(
        f"SELECT {LOAD}, t.server_clock, t.fingerprint, t.writer, t.left_out FROM tick t WHERE t.id IN ({listed(ids)})"
        " ORDER BY t.at"
    ).fetchall()
    load = sum_loads([Load(*row[:8]) for row in rows])
    cursor = connection.execute(
        "INSERT INTO tick (at, seconds, observed, db_time, mean_latency, tps, calls, breaks, server_clock, fingerprint,"
        " writer, left_out, tier, leaf) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (*load, max(row[8] for row in rows), rows[-1][9], rows[-1][10], max(row[11] for row in rows), tier),
    )
    parent = int(cursor.lastrowid or 0)
    begin = load.begin
    cost = connection.execute(f"SELECT count(*) FROM delta WHERE tick_id IN ({listed(ids)})").fetchone()[0]
    # The spread of the sum is what the parts have inside and between their means. What has none of its own is taken to
    # spread as the rest does.
    made = connection.execute(
        "INSERT INTO delta SELECT ?, id, calls, rows, time, plan, hit, missed, temp, io, wal, bound,"
        " CASE WHEN known THEN max(0.0, within + apart - known_time * known_time / known) * calls / known END,"
        " CASE WHEN begin < ? THEN ? - begin END FROM ("
        " SELECT d.statement_id AS id, sum(d.calls) AS calls, sum(d.rows) AS rows, sum(d.exec_time) AS time,"
        " sum(d.plan_time) AS plan, sum(d.shared_blks_hit) AS hit, sum(d.shared_blks_read) AS missed,"
        " sum(d.temp_blks) AS temp, sum(d.blk_io_time) AS io, sum(d.wal_bytes) AS wal, max(d.lower_bound) AS bound,"
        " sum(CASE WHEN d.squares IS NOT NULL THEN d.calls END) AS known,"
        " sum(CASE WHEN d.squares IS NOT NULL THEN d.exec_time END) AS known_time, sum(d.squares) AS within,"
        " sum(CASE WHEN d.squares IS NOT NULL THEN d.exec_time * d.exec_time / d.calls END) AS apart,"
        " min(t.at - coalesce(d.seconds, t.seconds, 0)) AS begin"
        f" FROM tick t JOIN delta d ON d.tick_id = t.id WHERE t.id IN ({listed(ids)}) GROUP BY d.statement_id)",
        (parent, begin - EDGE, load.at),
    ).rowcount
    if tier >= 600 and made > keep:
        connection.execute(
            "DELETE FROM delta WHERE tick_id = ?1 AND statement_id IN (SELECT statement_id FROM delta WHERE"
            " tick_id = ?1 ORDER BY exec_time DESC LIMIT -1 OFFSET ?2)",
            (parent, keep),
        )
        connection.execute("UPDATE tick SET left_out = max(left_out, ?) WHERE id = ?", (made - keep, parent))
    return parent, int(cost)


def _drop(connection: sqlite3.Connection, ids: Rows) -> int:
    dropped = connection.execute(f"DELETE FROM delta WHERE tick_id IN ({listed(ids)})").rowcount
    connection.execute(f"DELETE FROM tick WHERE id IN ({listed(ids)})")
    return dropped
