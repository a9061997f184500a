"""Tables and databases that near the wraparound of transactions or multixacts, with the day at which it comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from optischema_tui.core.findings.maintenance.facts import Facts
from optischema_tui.core.findings.maintenance.horizon import blockers, named
from optischema_tui.core.findings.maintenance.pace import xids_per_hour
from optischema_tui.core.findings.maintenance.saying import day, finding, threat
from optischema_tui.core.findings.maintenance.thresholds import freeze_max_age, multixact_max_age
from optischema_tui.core.models import Finding, Impact, Reason, quote

STOP_AGE = 2_147_483_647 - 3_000_000
"""At this age the server gives out no more numbers (access/transam/varsup.c: 3 million before the wrap)."""
_LATE = 1.15
"""Times autovacuum_freeze_max_age: it began at 1, and has not come through."""
_UNKNOWN_PER_HOUR = 360_000.0
"""A pace to order findings by where none was observed: 100 a second."""


class _Aged(NamedTuple):
    rule: str
    object: str
    age: int
    limit: float
    unit: str
    forward: str


def find(facts: Facts) -> Iterator[Finding]:
    if facts.in_recovery:
        return
    pace = xids_per_hour(facts)
    for aged in _aged(facts):
        if aged.age > _LATE * aged.limit:
            yield _told(facts, aged, pace if aged.unit == "transactions" else None)


def _aged(facts: Facts) -> Iterator[_Aged]:
    for table in facts.tables:
        forward = f"VACUUM (FREEZE) {table.sql}"
        if table.xid_age is not None:
            limit = freeze_max_age(facts, table)
            yield _Aged("vacuum.freeze_age", table.sql, table.xid_age, limit, "transactions", forward)
        if table.multixact_age is not None:
            limit = multixact_max_age(facts, table)
            yield _Aged("vacuum.multixact_age", table.sql, table.multixact_age, limit, "multixacts", forward)
    for database in facts.databases:
        if database.here:
            continue
        object_ = f"database {quote(database.name)}"
        xid, multixact = freeze_max_age(facts), multixact_max_age(facts)
        yield _Aged("vacuum.freeze_age", object_, database.xid_age, xid, "transactions", "")
        yield _Aged("vacuum.multixact_age", object_, database.multixact_age, multixact, "multixacts", "")


def _told(facts: Facts, aged: _Aged, pace: float | None) -> Finding:
    left = max(0, STOP_AGE - aged.age)
    hours = left / pace if pace else left / _UNKNOWN_PER_HOUR
    forecast = f"the server stops giving out numbers on {day(facts.now, hours)}" if pace else (
        f"{left:,} {aged.unit} are left until the server stops giving them out"
    )  # fmt: skip
    holders = tuple(blockers(facts))
    why = Reason("behind", f"Autovacuum should have frozen it at {aged.limit:,.0f} and has not come through")
    if holders:
        why = Reason("held_back", f"Nothing younger than the {named(holders[0])} can be frozen: that must end first")
    seen = (
        f"{pace:,.0f} {aged.unit} an hour, by the ages of tables in stored readings" if pace
        else "At which pace they are used is not known: no stored readings of at least half an hour tell it"
    )  # fmt: skip
    where = () if aged.forward else (Reason("other_database", "Connect to that database to see and vacuum its tables"),)
    return finding(
        facts, aged.rule, aged.object, "freeze overdue",
        f"{aged.object} is {aged.age:,} {aged.unit} old; {forecast}",
        reasons=(why, *where),
        impact=(
            Impact(f"{aged.unit}_left", float(left)),
            *((Impact("hours_left", hours, "At the observed pace"),) if pace else ()),
        ),
        cost=threat(hours),
        evidence=(f"Age {aged.age:,}; autovacuum is due at {aged.limit:,.0f}; the end is at {STOP_AGE:,}", seen),
        forward_sql="" if holders else aged.forward,
    )  # fmt: skip
