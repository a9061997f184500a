"""One tick into its tables."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from optischema_tui.core.models import LoadPoint, Snapshot, StatementDelta, StatementKey, StatementSample

Moments = Mapping[StatementKey, tuple[int, float, float]]
"""Cumulative (calls, total time, standard deviation) of each statement in one snapshot."""
EDGE = 0.05
"""Seconds by which an interval may stick out of a window, or of another, and still count as inside."""


def moments(samples: Iterable[StatementSample]) -> Moments:
    return {sample.key: (sample.calls, sample.total_exec_time, sample.stddev_exec_time) for sample in samples}


def squares(before: tuple[int, float, float], after: tuple[int, float, float], delta: StatementDelta) -> float | None:
    """Sum of squared deviations (ms²) of the calls inside `delta` from their own mean, taken out of the cumulative
    deviations before and after. None when the two do not belong to this delta."""
    calls_before, time_before, deviation_before = before
    calls, _, deviation = after
    if delta.calls <= 0 or calls - calls_before != delta.calls:
        return None
    rest = calls * deviation**2 - calls_before * deviation_before**2
    if calls_before:
        rest -= (delta.mean_exec_time - time_before / calls_before) ** 2 * calls_before * delta.calls / calls
    return max(0.0, rest) if math.isfinite(rest) else None


def covered_by_another(connection: sqlite3.Connection, writer: str, snapshot: Snapshot, seconds: float | None) -> bool:
    """Whether another program has stored deltas of (a part of) this interval: counting both would count twice."""
    end, length = snapshot.server_clock, seconds or 0.0
    slack = length * 0.1
    row = connection.execute(
        "SELECT 1 FROM tick WHERE fingerprint = ? AND writer <> ? AND seconds IS NOT NULL"
        " AND server_clock > ? AND server_clock - seconds < ? LIMIT 1",
        (snapshot.target.fingerprint, writer, end - length + slack, end - slack),
    ).fetchone()
    return row is not None


def tick_seconds(
    connection: sqlite3.Connection, snapshot: Snapshot, deltas: Sequence[StatementDelta] | None
) -> float | None:
    """The length of the tick that ends with `snapshot`; None for the first of an epoch.

    The shortest interval of a delta is the tick's: a row of the tail that was read before an earlier tick has a longer
    one. Nothing but such rows, or nothing at all, moved: since the snapshot before.
    """
    if deltas is None:
        return None
    row = connection.execute("SELECT at FROM snapshot WHERE fingerprint = ?", (snapshot.target.fingerprint,)).fetchone()
    since = snapshot.taken_at - row[0] if row else None
    shortest = min((delta.seconds for delta in deltas), default=None)
    if shortest is None or (snapshot.read_before and since is not None and 0 < since < shortest):
        return since if since is not None and since > 0 else shortest
    return shortest


def insert_tick(
    connection: sqlite3.Connection, writer: str, snapshot: Snapshot, seconds: float | None, point: LoadPoint | None
) -> int:
    """The new tick's id."""
    load = (point.db_time, point.mean_latency, point.tps, point.calls, point.breaks) if point else (None,) * 5
    cursor = connection.execute(
        "INSERT INTO tick (fingerprint, writer, at, server_clock, seconds, db_time, mean_latency, tps, calls, breaks)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (snapshot.target.fingerprint, writer, snapshot.taken_at, snapshot.server_clock, seconds, *load),
    )
    return int(cursor.lastrowid or 0)


def insert_deltas(
    connection: sqlite3.Connection,
    tick: int,
    seconds: float | None,
    ids: Mapping[StatementKey, int],
    deltas: Iterable[StatementDelta],
    before: Moments,
    after: Moments,
) -> None:
    nothing = (0, 0.0, 0.0)
    longest = (seconds or 0.0) + EDGE
    connection.executemany(
        "INSERT INTO delta VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        sorted(
            (
                tick,
                ids[delta.key],
                delta.calls,
                delta.rows,
                delta.exec_time,
                delta.plan_time,
                delta.shared_blks_hit,
                delta.shared_blks_read,
                delta.temp_blks,
                delta.blk_io_time,
                int(delta.wal_bytes),
                delta.lower_bound,
                squares(before.get(delta.key, nothing), after.get(delta.key, nothing), delta),
                delta.seconds if delta.seconds > longest else None,
            )
            for delta in deltas
        ),
    )
