"""One statement's stored intervals, one by one: what a verdict is made of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from optischema_tui.core.history.samples import EDGE
from optischema_tui.core.history.tiers import CHARTED
from optischema_tui.core.history.windows import INSIDE
from optischema_tui.core.models import Interval

_TICKS = (
    f"t.fingerprint = :fingerprint AND {INSIDE.format('t')} AND (t.tier <= :tier OR t.leaf)"
    f" AND (p.id IS NULL OR p.tier > :tier OR NOT ({INSIDE.format('p')}))"
)
"""Ticks `t` wholly inside a window, of one tier and finer at its edges; coarser where only that is left."""


def read_intervals(
    connection: sqlite3.Connection, fingerprint: str, queryids: Iterable[int], since: float, until: float, tier: int
) -> dict[int, list[Interval]]:
    """The intervals wholly between `since` and `until` in which each statement was called, the oldest first.

    They are buckets of `tier` (0, 60, 600 or 3600 s), finer at the edges, coarser where history keeps no finer ones.
    """
    found: dict[int, list[Interval]] = {}
    values = {"fingerprint": fingerprint, "since": since - EDGE, "until": until + EDGE, "tier": tier}
    for queryid in sorted(set(queryids)):
        numbers = connection.execute(
            "SELECT id FROM statement WHERE fingerprint = ? AND queryid = ? ORDER BY id", (fingerprint, queryid)
        ).fetchall()
        rows: list[tuple[float, ...]] = []
        for (number,) in numbers:
            rows += connection.execute(
                "SELECT t.at, coalesce(d.seconds, t.seconds, 0.0), d.calls, d.exec_time, d.squares, d.rows,"
                " d.shared_blks_hit, d.shared_blks_read, d.temp_blks, d.lower_bound"
                " FROM tick t LEFT JOIN tick p ON p.id = t.parent CROSS JOIN delta d"
                f" ON d.tick_id = t.id AND d.statement_id = :number WHERE {_TICKS}"
                " AND d.calls > 0 AND (d.seconds IS NULL OR t.at - d.seconds >= :since)",
                {**values, "number": number},
            ).fetchall()
        if rows:
            found[queryid] = _of_all_users(rows) if len(numbers) > 1 else [_interval(row) for row in sorted(rows)]
    return found


def read_breaks(connection: sqlite3.Connection, fingerprint: str, since: float, until: float) -> list[float]:
    """When an epoch ended (a restart, a crash, a reset) between `since` and `until`: the end of the last interval
    before it, seconds since 1970, the oldest first. The first interval of all breaks nothing."""
    rows = connection.execute(
        "SELECT t.at, coalesce(t.seconds, 0.0), t.breaks FROM tick t"
        f" WHERE t.fingerprint = :fingerprint AND t.at > :since AND t.at <= :until AND {CHARTED}"
        " AND t.db_time IS NOT NULL ORDER BY t.at",
        {"fingerprint": fingerprint, "since": since, "until": until, "tier": 60},
    ).fetchall()
    before = connection.execute(
        "SELECT max(at) FROM tick WHERE fingerprint = ? AND at <= ? AND db_time IS NOT NULL", (fingerprint, since)
    ).fetchone()[0]
    found: list[float] = []
    for at, seconds, breaks in rows:
        if breaks and before is not None:
            # A bucket of a coarser tier holds the break somewhere inside.
            found.append(min(before, at - seconds))
        before = at
    return found


def read_texts(connection: sqlite3.Connection, fingerprint: str, queryids: Iterable[int]) -> dict[int, str]:
    """Texts by queryid, of those that history knows."""
    found = {}
    for queryid in sorted(set(queryids)):
        row = connection.execute(
            "SELECT text FROM statement WHERE fingerprint = ? AND queryid = ? AND text <> '' ORDER BY id LIMIT 1",
            (fingerprint, queryid),
        ).fetchone()
        if row is not None:
            found[queryid] = str(row[0])
    return found


def _of_all_users(rows: Sequence[tuple[float, ...]]) -> list[Interval]:
    grouped: dict[tuple[float, float], list[Interval]] = {}
    for row in sorted(rows, key=lambda row: row[:4]):
        interval = _interval(row)
        grouped.setdefault((interval.at, interval.seconds), []).append(interval)
    return [_sum(parts) for parts in grouped.values()]


def _interval(row: Sequence[float | None]) -> Interval:
    at, seconds, calls, time, squares, rows, hit, read, temp, bound = row
    return Interval(
        float(at or 0.0), float(seconds or 0.0), int(calls or 0), float(time or 0.0), squares,
        int(rows or 0), int(hit or 0), int(read or 0), int(temp or 0), bool(bound),
    )  # fmt: skip


def _sum(parts: Sequence[Interval]) -> Interval:
    if len(parts) == 1:
        return parts[0]
    calls, time = sum(part.calls for part in parts), sum(part.exec_time for part in parts)
    squares: float | None = None
    if all(part.squares is not None for part in parts):
        between = sum(part.exec_time**2 / part.calls for part in parts) - time**2 / calls
        squares = max(0.0, sum(part.squares or 0.0 for part in parts) + between)
    return Interval(
        parts[0].at,
        parts[0].seconds,
        calls,
        time,
        squares,
        sum(part.rows for part in parts),
        sum(part.hit for part in parts),
        sum(part.read for part in parts),
        sum(part.temp for part in parts),
        any(part.lower_bound for part in parts),
    )
