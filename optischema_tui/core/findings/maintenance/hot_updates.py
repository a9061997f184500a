"""Updates that move rows to other pages because theirs are full, so that every index gets a new entry."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.maintenance.facts import Facts, Table
from optischema_tui.core.findings.maintenance.pace import growth
from optischema_tui.core.findings.maintenance.saying import finding
from optischema_tui.core.models import Finding, Impact, Reason

RULE = "table.fillfactor"
LEAST_UPDATES = 10_000
_MOST_HOT = 0.6
_LEAST_MOVED = 0.3
_FULL = 95
"""A fillfactor above it leaves no room worth a word."""
_ROOM = 85
_MOVE_MS = 0.01
"""Of an entry in an index, and the page it may dirty."""


def find(facts: Facts) -> Iterator[Finding]:
    """Only from 16 on the server counts the updates that left their page; without that nothing is said, for an update
    of an indexed column is never HOT, and room on the page would not help it."""
    if facts.in_recovery:
        return
    for table in facts.tables:
        updates, hot, moved, hours = _updates(facts, table)
        if table.kind != "r" or moved is None or updates < LEAST_UPDATES:
            continue
        fill = int(facts.option(table, "fillfactor", 100))
        if fill > _FULL and hot / updates < _MOST_HOT and moved / updates > _LEAST_MOVED:
            yield _told(facts, table, updates, hot, moved, hours)


def _updates(facts: Facts, table: Table) -> tuple[float, float, float | None, float]:
    """(all, HOT, moved, hours) over the stored readings where these saw enough, else since the statistics began."""
    past = facts.past.get(table.relid, ())
    if past and all(each.new_page_updates is not None for each in past):
        updates, seconds = growth(past, lambda each: each.updates)
        if updates >= LEAST_UPDATES:
            hot, _ = growth(past, lambda each: each.hot_updates)
            moved, _ = growth(past, lambda each: each.new_page_updates or 0)
            return updates, hot, moved, seconds / 3600
    return float(table.updates), float(table.hot_updates), table.new_page_updates, 0.0


def _told(facts: Facts, table: Table, updates: float, hot: float, moved: float, hours: float) -> Finding:
    cost = moved / hours * _MOVE_MS if hours else 0.0
    back = f"SET (fillfactor = '{int(facts.option(table, 'fillfactor', 100))}')" if "fillfactor" in table.options else (
        "RESET (fillfactor)"
    )  # fmt: skip
    span = f"in {hours:.1f} hours of stored readings" if hours else "since the statistics began"
    return finding(
        facts, RULE, table.sql, "pages too full for updates",
        f"{moved / updates:.0%} of the updates of {table.sql} found no room on their page, and only "
        f"{hot / updates:.0%} could leave its indexes alone",
        reasons=(
            Reason("no_room", "A new version on another page is never HOT: each index gets an entry more, and vacuum "
                   "has each to remove"),
            Reason("new_rows_only", "A fillfactor counts for pages written from then on; those that are full now "
                   "change when they are rewritten"),
        ),
        impact=(
            Impact("updates", updates), Impact("hot_share", hot / updates), Impact("moved_share", moved / updates),
            *((Impact("rows_per_hour", moved / hours),) if hours else ()),
        ),
        cost=cost,
        evidence=(f"{updates:,.0f} updates {span}: {hot:,.0f} HOT, {moved:,.0f} to another page",),
        forward_sql=f"ALTER TABLE {table.sql} SET (fillfactor = '{_ROOM}')",
        inverse_sql=f"ALTER TABLE {table.sql} {back}",
    )  # fmt: skip
