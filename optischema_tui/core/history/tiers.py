"""Roll-ups: what was seen is summed up by minute, ten minutes and hour, and the finer is forgotten after a while.

A table of intervals (ticks, samples of sessions) has a row for each interval, on whatever tier. Once a bucket of time
is over, the rows of the tier below that ended in it are summed up in one row of the next tier, which becomes their
`parent`; they stay until their tier's time is over, and then the parent is a `leaf`. A row with a parent counts once:

- a window takes the rows inside it whose parent is not inside it: the fewest rows, and the finest edges there are;
- a chart takes one tier, at its end also what is not summed up yet, at its beginning what only a coarser tier has left.

Every step is part of a transaction and can be done again: a killed program leaves a row without a parent, and the next
save finds it. What comes late (a clock that went back) gets a parent of its own in the same bucket.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TypeVar

from optischema_tui.core.history.limits import TIERS

Row = TypeVar("Row")
Rows = Sequence[int]


@dataclass(frozen=True, slots=True)
class Ladder:
    """A table of intervals and how its rows become one."""

    table: str
    merge: Callable[[sqlite3.Connection, Rows, int], tuple[int, int]]
    """(connection, ids of the rows in order, tier) -> (id of the new row, rows of detail that were read)."""
    drop: Callable[[sqlite3.Connection, Rows], int]
    """Deletes the rows and their detail -> how many rows of detail."""
    alone: bool
    """A row that is alone in its bucket is its own sum, and needs no parent."""


def bucket_end(at: float, tier: int) -> float:
    """The end of the bucket that an interval which ends at `at` belongs to."""
    return float(math.ceil(at / tier) * tier)


def roll_up(connection: sqlite3.Connection, ladder: Ladder, now: float, budget: int) -> int:
    """Sum up buckets that are over, the finest first, until `budget` rows were read. Gives the rows read."""
    spent = 0
    while spent < budget:
        cost = _roll_up_one(connection, ladder, now)
        if not cost:
            break
        spent += cost
    return spent


def _roll_up_one(connection: sqlite3.Connection, ladder: Ladder, now: float) -> int:
    for tier, above in pairwise(TIERS):
        row = connection.execute(
            f"SELECT fingerprint, at FROM {ladder.table} WHERE parent IS NULL AND tier = ? ORDER BY at LIMIT 1", (tier,)
        ).fetchone()
        if row is None or bucket_end(row[1], above) > now:
            continue
        fingerprint, end = row[0], bucket_end(row[1], above)
        found = connection.execute(
            f"SELECT id, leaf FROM {ladder.table} WHERE fingerprint = ? AND at > ? AND at <= ? AND tier = ?"
            " AND parent IS NULL ORDER BY at",
            (fingerprint, end - above, end, tier),
        ).fetchall()
        ids = [int(number) for number, _ in found]
        if ladder.alone and len(ids) == 1 and found[0][1]:
            connection.execute(f"UPDATE {ladder.table} SET tier = ? WHERE id = ?", (above, ids[0]))
            return 10
        parent, cost = ladder.merge(connection, ids, above)
        connection.execute(f"UPDATE {ladder.table} SET parent = ? WHERE id IN ({listed(ids)})", (parent,))
        return max(10, cost)
    return 0


def thin_out(connection: sqlite3.Connection, ladder: Ladder, oldest: Sequence[float], budget: int) -> int:
    """Forget rows of each tier that ended before its `oldest`, as far as the tier above has them, and those of the last
    tier whatever has them; the finest first. Gives the rows of detail forgotten; stops at `budget`."""
    spent = 0
    while spent < budget:
        cost = _thin_out_one(connection, ladder, oldest)
        if not cost:
            break
        spent += cost
    return spent


def _thin_out_one(connection: sqlite3.Connection, ladder: Ladder, oldest: Sequence[float]) -> int:
    for before, above in zip(oldest, TIERS[1:], strict=False):
        row = connection.execute(
            f"SELECT id FROM {ladder.table} WHERE leaf = 0 AND tier = ? AND at < ? ORDER BY at LIMIT 1", (above, before)
        ).fetchone()
        if row is None:
            continue
        children = [
            int(found) for (found,) in connection.execute(f"SELECT id FROM {ladder.table} WHERE parent = ?", row)
        ]
        connection.execute(f"UPDATE {ladder.table} SET leaf = 1 WHERE id = ?", row)
        return max(10, ladder.drop(connection, children))
    row = connection.execute(
        f"SELECT id FROM {ladder.table} WHERE tier = ? AND at < ? AND leaf = 1 ORDER BY at LIMIT 1",
        (TIERS[-1], oldest[-1]),
    ).fetchone()
    return max(10, ladder.drop(connection, [int(row[0])])) if row else 0


def chart_tier(seconds: float, points: int) -> int:
    """The coarsest tier that still gives `points` intervals over a span of `seconds`."""
    width = seconds / max(points, 1)
    return max(tier for tier in TIERS if tier <= max(width, 0.0))


CHARTED = "(t.tier = :tier OR (t.tier < :tier AND t.parent IS NULL) OR (t.tier > :tier AND t.leaf))"
"""Which rows `t` of a table of intervals a chart of one tier takes: each moment once."""


def listed(ids: Rows) -> str:
    """Row ids for an IN list: more of them than there may be parameters."""
    return ",".join(map(str, ids))


def grid(rows: Sequence[Row], points: int, at: Callable[[Row], float], tier: int) -> list[list[Row]]:
    """Rows in order of time as groups of neighbours: at most about `points` of them, of even width."""
    if len(rows) <= points:
        return [[row] for row in rows]
    width = (at(rows[-1]) - at(rows[0])) / points or 1.0
    if tier:
        width = bucket_end(width, tier)
    return [list(group) for _, group in groupby(rows, key=lambda row: math.ceil(at(row) / width))]
