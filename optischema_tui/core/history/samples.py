"""Ticks and deltas in their tables: writing one tick, reading windows of many, forgetting old ones."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from optischema_tui.core.history.privacy import storable
from optischema_tui.core.models import (
    LoadPoint,
    Snapshot,
    StatementDelta,
    StatementKey,
    StatementSample,
    StatementText,
    WindowStats,
)

Moments = Mapping[StatementKey, tuple[int, float, float]]
"""Cumulative (calls, total time, standard deviation) of each statement in one snapshot."""
EDGE = 0.05
"""Seconds by which an interval may stick out of a window and still count as inside."""
_KEY = "fingerprint, userid, dbid, queryid, toplevel"
_IS_KEY = "fingerprint = ? AND queryid = ? AND userid = ? AND dbid = ? AND toplevel = ?"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much history is kept. Each save forgets at most a few ticks, so that none of them is slow."""

    tick_seconds: float = 7 * 86400.0
    statement_days: int = 30
    bytes: int = 1 << 30
    ticks_a_save: int = 2
    statements_a_save: int = 50


class StatementIds:
    """Row ids of statements by key, remembered between ticks. An id holds for the day on which it was looked up:
    a statement seen today is forgotten by no program before `Limits.statement_days` have passed."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, StatementKey], tuple[int, int]] = {}

    def clear(self) -> None:
        self._known.clear()

    def of(
        self, connection: sqlite3.Connection, fingerprint: str, keys: Iterable[StatementKey], day: int
    ) -> dict[StatementKey, int]:
        """The id of each key, with a row made for a new one."""
        found: dict[StatementKey, int] = {}
        missing: list[StatementKey] = []
        for key in keys:
            known = self._known.get((fingerprint, key))
            if known is not None and known[1] == day:
                found[key] = known[0]
            else:
                missing.append(key)
        connection.executemany(
            f"INSERT INTO statement ({_KEY}, seen_day) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (fingerprint, queryid, userid, dbid, toplevel) DO UPDATE SET seen_day = excluded.seen_day",
            [(fingerprint, key.userid, key.dbid, key.queryid, key.toplevel, day) for key in missing],
        )
        for key in missing:
            row = connection.execute(f"SELECT id FROM statement WHERE {_IS_KEY}", _key_values(fingerprint, key))
            found[key] = int(row.fetchone()[0])
            self._known[fingerprint, key] = (found[key], day)
        return found


def _key_values(fingerprint: str, key: StatementKey) -> tuple[str, int, int, int, bool]:
    return fingerprint, key.queryid, key.userid, key.dbid, key.toplevel


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


# --- writing ---


def covered_by_another(
    connection: sqlite3.Connection, writer: str, snapshot: Snapshot, deltas: Sequence[StatementDelta]
) -> bool:
    """Whether another program has stored deltas of (a part of) this interval: counting both would count twice."""
    seconds = max((delta.seconds for delta in deltas), default=0.0)
    end, slack = snapshot.server_clock, seconds * 0.1
    row = connection.execute(
        "SELECT 1 FROM tick WHERE fingerprint = ? AND writer <> ? AND seconds IS NOT NULL"
        " AND server_clock > ? AND server_clock - seconds < ? LIMIT 1",
        (snapshot.target.fingerprint, writer, end - seconds + slack, end - slack),
    ).fetchone()
    return row is not None


def insert_texts(connection: sqlite3.Connection, fingerprint: str, texts: Iterable[StatementText], day: int) -> None:
    connection.executemany(
        f"INSERT INTO statement ({_KEY}, text, truncated, role, database, seen_day)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (fingerprint, queryid, userid, dbid, toplevel) DO UPDATE SET text = excluded.text,"
        " truncated = excluded.truncated, role = excluded.role, database = excluded.database,"
        " seen_day = excluded.seen_day",
        [
            (
                fingerprint,
                text.key.userid,
                text.key.dbid,
                text.key.queryid,
                text.key.toplevel,
                storable(text.text),
                text.truncated,
                storable(text.role),
                storable(text.database),
                day,
            )
            for text in texts
        ],
    )


def insert_tick(
    connection: sqlite3.Connection,
    writer: str,
    snapshot: Snapshot,
    deltas: Sequence[StatementDelta] | None,
    point: LoadPoint | None,
) -> int:
    """The new tick's id."""
    seconds = max((delta.seconds for delta in deltas), default=None) if deltas else None
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
    ids: Mapping[StatementKey, int],
    deltas: Iterable[StatementDelta],
    before: Moments,
    after: Moments,
) -> None:
    nothing = (0, 0.0, 0.0)
    connection.executemany(
        "INSERT INTO delta VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            )
            for delta in deltas
        ),
    )


def forget(connection: sqlite3.Connection, now: float, limits: Limits) -> None:
    """One small step towards `limits`: a few of the oldest ticks, a few statements long unseen."""
    old = connection.execute(
        "SELECT id FROM tick WHERE at < ? ORDER BY at LIMIT ?", (now - limits.tick_seconds, limits.ticks_a_save)
    ).fetchall()
    size, pages, free = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_size", "page_count", "freelist_count")
    )
    if not old and (pages - free) * size > limits.bytes:
        old = connection.execute("SELECT id FROM tick ORDER BY at LIMIT ?", (limits.ticks_a_save,)).fetchall()
    connection.executemany("DELETE FROM delta WHERE tick_id = ?", old)
    connection.executemany("DELETE FROM tick WHERE id = ?", old)
    connection.execute(
        "DELETE FROM statement WHERE id IN (SELECT id FROM statement WHERE seen_day < ? LIMIT ?)",
        (day_of(now) - limits.statement_days, limits.statements_a_save),
    )


def day_of(at: float) -> int:
    return int(at // 86400)


# --- reading ---


def read_window(connection: sqlite3.Connection, fingerprint: str, since: float, until: float) -> list[WindowStats]:
    rows = connection.execute(
        "SELECT s.userid, s.dbid, s.queryid, s.toplevel, s.text, w.* FROM ("
        " SELECT d.statement_id, sum(d.calls), sum(d.exec_time) AS time, sum(d.rows),"
        " sum(d.shared_blks_hit + d.shared_blks_read), sum(d.temp_blks),"
        " sum(CASE WHEN squares IS NULL THEN 0 ELSE d.calls END),"
        " sum(CASE WHEN squares IS NULL THEN 0 ELSE d.exec_time END), sum(squares),"
        " sum(CASE WHEN squares IS NULL THEN 0 ELSE d.exec_time * d.exec_time / d.calls END)"
        " FROM tick t JOIN delta d ON d.tick_id = t.id"
        " WHERE t.fingerprint = ? AND t.at <= ? AND t.at >= ? AND t.at - t.seconds >= ? GROUP BY d.statement_id"
        ") w JOIN statement s ON s.id = w.statement_id ORDER BY w.time DESC",
        (fingerprint, until + EDGE, since, since - EDGE),
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


def read_points(
    connection: sqlite3.Connection, fingerprint: str, key: StatementKey, since: float
) -> list[tuple[float, int, float]]:
    """(end of the interval, calls, mean ms) of one statement, the oldest first."""
    rows = connection.execute(
        "SELECT t.at, d.calls, d.exec_time / d.calls FROM tick t CROSS JOIN delta d ON d.tick_id = t.id"
        f" AND d.statement_id = (SELECT id FROM statement WHERE {_IS_KEY})"
        " WHERE t.fingerprint = ? AND t.at > ? ORDER BY t.at",
        (*_key_values(fingerprint, key), fingerprint, since),
    )
    return [(float(at), int(calls), float(mean)) for at, calls, mean in rows]


def read_series(connection: sqlite3.Connection, fingerprint: str, since: float) -> list[LoadPoint]:
    rows = connection.execute(
        "SELECT at, db_time, mean_latency, tps, calls, breaks FROM tick"
        " WHERE fingerprint = ? AND at > ? AND db_time IS NOT NULL ORDER BY at",
        (fingerprint, since),
    )
    return [LoadPoint(at, load, mean, tps, calls, bool(breaks)) for at, load, mean, tps, calls, breaks in rows]


def read_texts(
    connection: sqlite3.Connection, fingerprint: str, keys: Iterable[StatementKey]
) -> dict[StatementKey, StatementText]:
    """Texts that are known; a statement whose text was never fetched is left out."""
    found: dict[StatementKey, StatementText] = {}
    for key in keys:
        row = connection.execute(
            f"SELECT text, truncated, role, database FROM statement WHERE {_IS_KEY} AND text <> ''",
            _key_values(fingerprint, key),
        ).fetchone()
        if row:
            found[key] = StatementText(key, row[0], bool(row[1]), row[2], row[3])
    return found
