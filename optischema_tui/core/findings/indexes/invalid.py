"""Indexes that a failed build or drop has left: no plan reads them, every write keeps them up."""

from __future__ import annotations

import re
from collections.abc import Iterator

from optischema_tui.core.findings.indexes.covering import covers
from optischema_tui.core.findings.indexes.facts import Facts, IndexDetail
from optischema_tui.core.findings.indexes.wording import drop_sql, finding, named, qualified, rebuild_sql, saved, told
from optischema_tui.core.models import Finding, Reason

LEFTOVER, BROKEN, AT_WORK = "left over", "not valid", "may be at work"
_REBUILD_LEFT = re.compile(r"_cc(?:new|old)\d*\Z")
"""What REINDEX CONCURRENTLY calls the copy that it builds, and the one that it puts away."""


def find(facts: Facts) -> Iterator[Finding]:
    for _, index in sorted(facts.details.items()):
        if (index.valid and index.live) or index.partitioned:
            continue
        yield _finding(facts, index)


def _finding(facts: Facts, index: IndexDetail) -> Finding:
    verdict, reason, forward = _judge(facts, index)
    impact, cost = saved(facts, index)
    return finding(
        facts,
        "index.invalid",
        qualified(index.key),
        verdict=verdict,
        title=f"The {named(index, facts)} is not valid: no plan uses it.",
        reasons=(reason,),
        impact=impact,
        cost=cost,
        evidence=("pg_index says that it is not valid, or that its drop was begun.",),
        forward="" if facts.in_recovery else forward,
    )


def _judge(facts: Facts, index: IndexDetail) -> tuple[str, Reason, str]:
    if index.worked_at:
        return AT_WORK, Reason("at_work", "Somebody works at its table now, perhaps at this very index."), ""
    if index.exclusion or index.attached:
        return BROKEN, Reason("by_hand", "It cannot be rebuilt beside its readers: a person must decide."), ""
    twin = next((each for each in facts.by_table[index.table] if _twin(each, index)), None)
    if _REBUILD_LEFT.search(index.name):
        return LEFTOVER, Reason("rebuild", "A rebuild that was broken off has left it."), drop_sql(index)
    if not index.live:
        return LEFTOVER, Reason("half_dropped", "Its drop was begun and broken off."), drop_sql(index)
    if twin is not None and not index.constraint_name:
        return LEFTOVER, Reason("twin", f"{told(twin.name)} is valid and does all that it would."), drop_sql(index)
    return BROKEN, Reason("build", "Its build failed: building it again makes it of use."), rebuild_sql(index)


def _twin(other: IndexDetail, index: IndexDetail) -> bool:
    return other is not index and covers(other, index)
