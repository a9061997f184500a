"""Indexes wider than their use: included columns that no index-only scan has ever read."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.indexes.facts import DAY, Facts, IndexDetail
from optischema_tui.core.findings.indexes.wording import finding, named, qualified, saved, told, watched_words
from optischema_tui.core.models import Finding, Reason

UNREAD = "included columns unread"
_ALL = 0.999
"""0-1: share of the entries read for which the table was read too, from which no scan was index-only."""
_VISIBLE = 0.9
"""0-1: share of a table's pages visible to all, from which an index-only scan would have spared reading it."""
_LEAST_TUPLES = 10_000


def find(facts: Facts) -> Iterator[Finding]:
    own = facts.own
    if own is None or facts.standbys or facts.in_recovery:
        return
    for _, index in sorted(facts.details.items()):
        table, use = facts.tables.get(index.table), own.uses.get(index.oid)
        if not index.include or not index.usable or index.constraint_name or table is None or use is None:
            continue
        days = (facts.now - max(own.since, use.first_seen)) / DAY
        if days < facts.thresholds.watch_days or own.coverage < facts.thresholds.coverage:
            continue
        if use.tuples_read < _LEAST_TUPLES or table.all_visible < _VISIBLE:
            continue
        if use.tuples_fetched >= _ALL * use.tuples_read:
            yield _finding(facts, index, use.tuples_read)


def _finding(facts: Facts, index: IndexDetail, tuples: int) -> Finding:
    assert facts.own is not None  # `find` has looked
    impact, _ = saved(facts, index)
    names = told(", ".join(index.include))
    return finding(
        facts,
        "index.oversized",
        qualified(index.key),
        verdict=UNREAD,
        title=f"The {named(index, facts)} includes columns that no scan reads from it: {names}.",
        reasons=(Reason("no_index_only", "Each entry that was read led to a row of the table, though VACUUM runs."),),
        impact=impact,
        evidence=(watched_words(facts.own), f"{tuples:,} entries were read, and as many rows of the table."),
    )
