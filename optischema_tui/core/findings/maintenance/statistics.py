"""Tables whose planner statistics are missing, or of a table that has become another since."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.maintenance.facts import Facts, Table
from optischema_tui.core.findings.maintenance.saying import ago, finding
from optischema_tui.core.findings.maintenance.thresholds import analyze_threshold, is_vacuumed, rows_of
from optischema_tui.core.models import Finding, Impact, Reason

MISSING = "statistics.missing"
STALE = "statistics.stale"
LEAST_ROWS = 10_000
_OVER = 3.0
"""Times the threshold of autovacuum's ANALYZE."""
_LEAST_SHARE = 0.2
"""Of the rows that changed: fewer seldom make another plan."""


def find(facts: Facts) -> Iterator[Finding]:
    if facts.in_recovery:
        return
    for table in facts.tables:
        if table.columns == 0:
            continue
        if table.kind == "p":
            yield from _parent(facts, table)
        elif _never(facts, table) and max(rows_of(table), table.live) >= LEAST_ROWS:
            yield _told(
                facts, table, MISSING, "never analyzed",
                f"{table.sql} has no statistics: the planner guesses how many rows a condition leaves",
                Reason("never_analyzed", "No column of it has statistics" if table.known_columns == 0 else
                       "The server knows of no ANALYZE of it, now or in stored readings"),
                max(rows_of(table), table.live),
            )  # fmt: skip
        else:
            yield from _stale(facts, table)


def _parent(facts: Facts, table: Table) -> Iterator[Finding]:
    """Autovacuum analyzes partitions, never the partitioned table, whose own statistics serve queries over several."""
    if table.has_children and table.known_columns == 0 and table.last_analyze is None:
        yield _told(
            facts, table, MISSING, "never analyzed",
            f"The partitioned table {table.sql} has no statistics of its own, and autovacuum never makes them",
            Reason("partitioned_parent", "Plans over several partitions, joins and groups above all, use the parent's "
                   "statistics; ANALYZE of the parent makes them"),
            max(0.0, table.rows),
        )  # fmt: skip


def _never(facts: Facts, table: Table) -> bool:
    """Whether nothing shows that it was ever analyzed. Counters alone do not tell: a crash sets them to nothing."""
    if table.known_columns is not None:
        return table.known_columns == 0
    known = table.last_analyze is not None or table.analyzes > 0
    before = facts.past.get(table.relid, ())
    return not known and not any(each.analyzed for each in before) and table.rows < 0


def _stale(facts: Facts, table: Table) -> Iterator[Finding]:
    threshold = analyze_threshold(facts, table)
    rows = max(rows_of(table), 1.0)
    over = 1.0 if not is_vacuumed(facts, table) else _OVER
    if table.modified < max(LEAST_ROWS, over * threshold, _LEAST_SHARE * rows):
        return
    off = "" if is_vacuumed(facts, table) else "; autovacuum is off for it"
    yield _told(
        facts, table, STALE, "stale statistics",
        f"{table.sql} changed by {table.modified:,} rows, {table.modified / rows:.0%} of what it had, since ANALYZE",
        Reason("changed_since", f"Autovacuum's ANALYZE is due at {threshold:,.0f} changed rows{off}"),
        float(table.modified),
    )  # fmt: skip


def _told(
    facts: Facts, table: Table, rule: str, verdict: str, title: str, reason: Reason, rows: float
) -> Finding:  # fmt: skip
    return finding(
        facts, rule, table.sql, verdict, title,
        reasons=(reason,),
        impact=(Impact("rows_unknown", rows, "Rows that the statistics do not tell of"),),
        cost=rows / 10_000.0,
        evidence=(
            f"{table.modified:,} rows changed since; {rows_of(table):,.0f} rows by the catalog",
            f"Last analyzed {ago(facts.now, table.last_analyze)}",
        ),
        forward_sql=f"ANALYZE {table.sql}",
    )  # fmt: skip
