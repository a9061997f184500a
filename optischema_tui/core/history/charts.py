"""History as lines: a chart reads one tier, so that a month costs what an hour does."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence

from optischema_tui.core.history.known_statements import Known
from optischema_tui.core.history.tick_rollup import LOAD, Load, sum_loads
from optischema_tui.core.history.tiers import CHARTED, chart_tier, grid
from optischema_tui.core.models import LoadPoint


def read_tier(connection: sqlite3.Connection, fingerprint: str, since: float, until: float, tier: int) -> list[Load]:
    """The load after `since` up to `until`, the oldest first, in intervals of one tier where it has them."""
    rows = connection.execute(
        f"SELECT {LOAD} FROM tick t WHERE t.fingerprint = :fingerprint AND t.at > :since AND t.at <= :until"
        f" AND {CHARTED} AND t.db_time IS NOT NULL ORDER BY t.at",
        {"fingerprint": fingerprint, "since": since, "until": until, "tier": tier},
    )
    return [Load(*row) for row in rows]


def read_loads(connection: sqlite3.Connection, fingerprint: str, since: float, until: float, points: int) -> list[Load]:
    """The same in at most about `points` intervals."""
    tier = chart_tier(until - since, points)
    loads = read_tier(connection, fingerprint, since, until, tier)
    return [sum_loads(group) for group in grid(loads, points, lambda load: load.at, tier)]


def point(load: Load) -> LoadPoint:
    return LoadPoint(
        load.at, load.db_time or 0.0, load.mean_latency or 0.0, load.tps or 0.0, load.calls or 0, bool(load.breaks)
    )


def read_statement(
    connection: sqlite3.Connection, known: Iterable[Known], since: float, until: float, tier: int
) -> list[tuple[float, float, int, float]]:
    """(end, seconds, calls, ms) of each interval of the tier in which a statement was called, the oldest first."""
    found: list[tuple[float, float, int, float]] = []
    for each in known:
        found += connection.execute(
            "SELECT t.at, coalesce(t.seconds, 0.0), d.calls, d.exec_time FROM tick t CROSS JOIN delta d"
            " ON d.tick_id = t.id AND d.statement_id = :number"
            f" WHERE t.fingerprint = :fingerprint AND t.at > :since AND t.at <= :until AND {CHARTED}",
            {
                "number": each.number,
                "fingerprint": each.target,
                "since": since,
                "until": min(until, each.until),
                "tier": tier,
            },
        ).fetchall()
    return sorted(found)


def statement_points(
    found: Sequence[tuple[float, float, int, float]], points: int, tier: int
) -> list[tuple[float, int, float]]:
    """(end, calls, mean ms) of at most about `points` intervals, of what `read_statement` gave."""
    thin = []
    for group in grid(found, points, lambda row: row[0], tier):
        calls = sum(row[2] for row in group)
        thin.append((group[-1][0], calls, sum(row[3] for row in group) / calls))
    return thin


# --- one interval of the past ---

_TICK = (
    "SELECT t.id, t.tier, {load} FROM tick t WHERE t.fingerprint = ? AND t.leaf AND t.at {compare} ?"
    " ORDER BY t.at {order} LIMIT 1 OFFSET ?"
)
STEP = 0.001
"""Seconds within which two moments are the same."""


def find_tick(
    connection: sqlite3.Connection, fingerprint: str, at: float, *, later: bool = False, skip: int = 0
) -> tuple[int, int, Load] | None:
    """(id, tier, load) of the finest interval that ends at or before `at`, after it when `later`; `skip` further."""
    order, compare = ("ASC", ">") if later else ("DESC", "<=")
    sql = _TICK.format(load=LOAD, compare=compare, order=order)
    row = connection.execute(sql, (fingerprint, at + STEP, skip)).fetchone()
    return (int(row[0]), int(row[1]), Load(*row[2:])) if row else None


def read_span(connection: sqlite3.Connection, fingerprint: str) -> tuple[float, float] | None:
    """The ends of the first and the last interval."""
    first, last = connection.execute(
        "SELECT min(at), max(at) FROM tick WHERE fingerprint = ?", (fingerprint,)
    ).fetchone()
    return (float(first), float(last)) if first is not None else None
