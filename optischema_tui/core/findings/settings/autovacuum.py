"""Autovacuum that is off, or made to sleep while tables wait for it."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.settings.facts import Facts
from optischema_tui.core.findings.settings.saying import advice
from optischema_tui.core.models import Finding, Impact, Reason

_BLOCK_MS = 0.01
"""Of a block found or read, on average."""
_MOST_LIMIT = 2000
_ASLEEP = 0.5
"""Of the running workers, on average."""


def find(facts: Facts) -> Iterator[Finding]:
    if facts.in_recovery or not facts.overdue:
        return
    if "autovacuum" in facts.settings and not facts.is_on("autovacuum"):
        yield _off(facts)
    else:
        yield from _slow(facts)


def _off(facts: Facts) -> Finding:
    return _told(
        facts, "autovacuum", "on", "off",
        f"Autovacuum is off, and {len(facts.overdue)} tables have more than twice the dead rows at which it would come",
        "on: who wants another time for it sets its cost limits, or vacuums before it has to",
        Reason("never_vacuumed", "Dead rows are read with the living; statistics grow old; only the threat of a "
               "wraparound brings it"),
    )  # fmt: skip


def _slow(facts: Facts) -> Iterator[Finding]:
    name = "autovacuum_vacuum_cost_limit"
    own = facts.number(name, -1.0)
    limit = own if own > 0 else facts.number("vacuum_cost_limit", 200.0)
    value = int(min(_MOST_LIMIT, 5 * limit))
    asleep = facts.vacuums_delayed >= _ASLEEP * max(facts.vacuums_running, 1)
    if name not in facts.settings or not asleep or value <= limit:
        return
    yield _told(
        facts, name, str(value), "made to sleep",
        f"Autovacuum sleeps while {len(facts.overdue)} tables wait for it: its cost limit is {limit:g}",
        f"From {limit:g} to {_MOST_LIMIT}: all workers share it; 1000 is about 400 MB/s of pages in the cache at the "
        "default delay of 2 ms, and storage has to bear what it dirties",
        Reason("waits_vacuum_delay", f"{facts.vacuums_delayed:.1f} workers slept on average; "
               f"{facts.vacuums_running} are at work now"),
    )  # fmt: skip


def _told(facts: Facts, name: str, value: str, verdict: str, title: str, safe: str, reason: Reason) -> Finding:
    dead = sum(each.dead for each in facts.overdue)
    wasted = sum(each.blocks_read_hit * each.dead / max(each.dead + each.live, 1) for each in facts.overdue)
    cost = facts.blocks.per_hour(wasted * _BLOCK_MS)
    return advice(
        facts, facts.settings[name], value, verdict, title,
        safe=safe, reasons=(reason,),
        impact=(
            Impact("dead_rows", float(dead)),
            Impact("read_ms_per_hour", cost, f"The dead share of the blocks that were read of these tables, "
                   f"{_BLOCK_MS} ms each"),
        ),
        cost=cost,
        evidence=tuple(
            f"{each.sql} has {each.dead:,} dead rows; autovacuum comes at {each.threshold:,.0f}"
            for each in facts.overdue[:5]
        ),
    )  # fmt: skip
