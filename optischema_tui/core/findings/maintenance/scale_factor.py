"""Large tables that autovacuum comes to only after millions of dead rows."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.maintenance.facts import Facts
from optischema_tui.core.findings.maintenance.saying import finding
from optischema_tui.core.findings.maintenance.thresholds import is_vacuumed, rows_of, vacuum_threshold
from optischema_tui.core.models import Finding, Impact, Reason

RULE = "vacuum.scale_factor"
_LATE = 1_000_000
"""A threshold of so many dead rows is too late, once half of them are there."""
_FACTOR = 0.02
_NAME = "autovacuum_vacuum_scale_factor"


def find(facts: Facts) -> Iterator[Finding]:
    if facts.in_recovery:
        return
    for table in facts.tables:
        threshold = vacuum_threshold(facts, table)
        late = threshold >= _LATE and threshold / 2 <= table.dead <= 2 * threshold
        factor = facts.option(table, _NAME, 0.2)
        if table.kind == "p" or not late or factor <= _FACTOR or not is_vacuumed(facts, table):
            continue
        before = table.options.get(_NAME)
        kept = (before or "").replace("'", "''")
        back = f"RESET ({_NAME})" if before is None else f"SET ({_NAME} = '{kept}')"
        soon = rows_of(table) * _FACTOR
        yield finding(
            facts, RULE, table.sql, "vacuumed too late",
            f"{table.sql} is vacuumed only after {threshold:,.0f} dead rows; {table.dead:,} are there",
            reasons=(
                Reason("large_threshold", f"A scale factor of {factor:g} of {rows_of(table):,.0f} rows lets it grow by "
                       f"so much between two rounds; {_FACTOR:g} brings a round each {soon:,.0f} rows"),
            ),
            impact=(Impact("dead_rows", float(table.dead)),),
            cost=table.dead / 1000.0,
            evidence=(f"{table.dead:,} dead rows of {rows_of(table):,.0f}; threshold {threshold:,.0f}",),
            forward_sql=f"ALTER TABLE {table.sql} SET ({_NAME} = '{_FACTOR:g}')",
            inverse_sql=f"ALTER TABLE {table.sql} {back}",
        )  # fmt: skip
