"""A small step towards the limits, after each save: sum up what is over, forget what is old, give space back."""

from __future__ import annotations

import math
import sqlite3

from optischema_tui.core.history.known_statements import day_of
from optischema_tui.core.history.limits import Limits
from optischema_tui.core.history.sessions import ACTIVITY
from optischema_tui.core.history.tick_rollup import tick_ladder
from optischema_tui.core.history.tiers import roll_up, thin_out

WEIGHED = 8
"""Every so many batches all of them are weighed, which looks at each row."""
INCREMENTAL = 2
"""PRAGMA auto_vacuum of a file that can give pages back."""
ROWS_OF_SAMPLES = 250
"""What is then forgotten at once, in the ladder's count."""


def tend_ticks(connection: sqlite3.Connection, now: float, limits: Limits) -> None:
    """Of the ticks and their statements."""
    ladder, budget = tick_ladder(limits.statements_a_tick), limits.rows_a_save
    budget -= roll_up(connection, ladder, now, budget)
    oldest = [now - seconds for seconds in limits.ticks]
    row = connection.execute(
        "SELECT at FROM tick WHERE tier = 0 ORDER BY at DESC LIMIT 1 OFFSET ?", (limits.raw_ticks,)
    ).fetchone()
    if row is not None:
        oldest[0] = max(oldest[0], row[0])
    thin_out(connection, ladder, oldest, max(budget, limits.rows_a_save // 2))
    _forget_statements(connection, now, limits)


def tend_activity(connection: sqlite3.Connection, now: float, limits: Limits, newest: int) -> None:
    """Of the samples of sessions and their counts; `newest` is the id of the samples that were just stored."""
    roll_up(connection, ACTIVITY, now, limits.rows_a_save // 4)
    oldest = [now - seconds for seconds in limits.activity]
    thin_out(connection, ACTIVITY, oldest, limits.rows_a_save // 4)
    if newest % WEIGHED == 0:
        size = connection.execute("SELECT coalesce(sum(length(body)), 0) FROM activity WHERE tier = 0").fetchone()[0]
        if size > limits.activity_bytes:
            thin_out(connection, ACTIVITY, (math.inf, *oldest[1:]), ROWS_OF_SAMPLES)


def _forget_statements(connection: sqlite3.Connection, now: float, limits: Limits) -> None:
    day = day_of(now)
    before = day - limits.statement_days
    newest = connection.execute("SELECT max(id) FROM statement").fetchone()[0] or 0
    if newest > limits.statements:
        row = connection.execute(
            "SELECT seen_day FROM statement ORDER BY seen_day DESC LIMIT 1 OFFSET ?", (limits.statements,)
        ).fetchone()
        # Never one of today or yesterday: another program may remember its row id.
        before = max(before, min(row[0] + 1, day - 1)) if row else before
    connection.execute(
        "DELETE FROM statement WHERE id IN (SELECT id FROM statement WHERE seen_day < ? LIMIT ?)",
        (before, limits.statements_a_save),
    )
    connection.execute(
        "DELETE FROM activity_key WHERE id IN (SELECT id FROM activity_key WHERE seen_day < ? LIMIT ?)",
        (day - limits.statement_days, limits.statements_a_save),
    )


def hold_size(connection: sqlite3.Connection, now: float, limits: Limits) -> None:
    """Forget the oldest detail while the file has more in it than its limit; give free pages back."""
    size, pages, free = (_pragma(connection, name) for name in ("page_size", "page_count", "freelist_count"))
    if (pages - free) * size > limits.bytes:
        _press(connection, now, limits)
        free = _pragma(connection, "freelist_count")
    if free > limits.spare_pages and _pragma(connection, "auto_vacuum") == INCREMENTAL:
        # Each call gives one page back: the binding does not step through the statement.
        for _ in range(min(limits.pages_a_save, free - limits.spare_pages)):
            connection.execute("PRAGMA incremental_vacuum(1)")


def _press(connection: sqlite3.Connection, now: float, limits: Limits) -> None:
    """Forget the oldest detail there is, whatever its age; once only hours are left, the oldest of these.

    At last statements, the longest unseen: their texts alone may be too much."""
    ticks = tick_ladder(limits.statements_a_tick)
    detail, everything = (math.inf, math.inf, math.inf, -math.inf), (math.inf,) * 4
    for ladder, oldest in ((ticks, detail), (ACTIVITY, detail), (ticks, everything), (ACTIVITY, everything)):
        if thin_out(connection, ladder, oldest, limits.rows_a_save):
            return
    connection.execute(
        "DELETE FROM statement WHERE id IN (SELECT id FROM statement WHERE seen_day < ? ORDER BY seen_day LIMIT ?)",
        (day_of(now) - 1, limits.statements_a_save),
    )


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
