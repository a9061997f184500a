"""Tables whose indexes serve badly since nobody vacuumed or analyzed them."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.indexes.facts import Facts, TableKey
from optischema_tui.core.findings.indexes.wording import finding, qualified, told
from optischema_tui.core.models import Finding, Impact, Reason, TableFacts
from optischema_tui.core.sizes import size

ANALYZE, VACUUM = "never analyzed", "never vacuumed"


def find(facts: Facts) -> Iterator[Finding]:
    for key, table in sorted(facts.tables.items()):
        if table.partitioned or not table.indexes or table.size_bytes < facts.thresholds.unvacuumed_bytes:
            continue
        if table.rows < 0:
            text = "The server has no row count of it: plans choose indexes by guesses."
            yield _finding(facts, key, table, ANALYZE, Reason("no_statistics", text))
        elif not table.all_visible and not _vacuumed(facts, key):
            text = "No page of it is marked as visible to all: an index-only scan reads the table for each row."
            yield _finding(facts, key, table, VACUUM, Reason("no_visible_pages", text))


def _vacuumed(facts: Facts, key: TableKey) -> bool:
    return any(each.vacuumed for each in facts.by_table.get(key, ()))


def _finding(facts: Facts, key: TableKey, table: TableFacts, verdict: str, reason: Reason) -> Finding:
    return finding(
        facts,
        "index.unvacuumed",
        qualified(key),
        verdict=verdict,
        title=f"The table {told(table.name)} ({size(table.size_bytes)}) was {verdict}.",
        reasons=(reason,),
        impact=(Impact("bytes", float(table.size_bytes), "The table's size."),),
        forward="" if facts.in_recovery else f"VACUUM (ANALYZE) {qualified(key)}",
    )
