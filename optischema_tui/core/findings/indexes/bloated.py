"""B-trees that are far larger than a fresh build of them would be."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.indexes.facts import Facts
from optischema_tui.core.findings.indexes.wording import finding, named, qualified, rebuild_sql
from optischema_tui.core.models import Finding, Impact, Reason
from optischema_tui.core.sizes import size

BLOATED = "bloated"


def find(facts: Facts) -> Iterator[Finding]:
    limits = facts.thresholds
    for key, fresh in sorted(facts.fresh.items()):
        index, now = facts.details[key], facts.size(key)
        wasted = now - fresh.bytes
        if not index.usable or wasted < limits.bloat_bytes or now < limits.bloat_factor * fresh.bytes:
            continue
        yield finding(
            facts,
            "index.bloated",
            qualified(key),
            verdict=BLOATED,
            title=f"The {named(index, facts)} would take {size(fresh.bytes)} if it were built anew.",
            reasons=(Reason("size", f"It is {now / max(1, fresh.bytes):.1f} times as large as a fresh build."),),
            impact=(
                Impact("bytes", float(wasted), fresh.how),
                Impact("cache_share", wasted / max(1, now), "0-1: its part that holds nothing."),
            ),
            evidence=(fresh.how, f"Now: {size(now)}."),
            forward="" if facts.in_recovery or index.exclusion else rebuild_sql(index),
        )
