"""Who keeps vacuum from removing dead rows, by name."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.maintenance.facts import Facts, Holder
from optischema_tui.core.findings.maintenance.saying import finding
from optischema_tui.core.models import Finding, Impact, Reason
from optischema_tui.core.safe_text import one_line

RULE = "vacuum.horizon"
LEAST_XIDS = 10_000
"""Fewer transactions leave too little behind to matter."""
_LEAST_SECONDS = {"session": 900.0, "prepared transaction": 300.0}
_LONG_PREPARED = 3600.0
"""A prepared transaction keeps its locks too: so old it was forgotten, whatever it holds back."""
_MANY_XIDS = 1_000_000
"""For a standby or a slot, whose age in time nobody knows."""
_TODO = {
    "session": "End the transaction in the application; idle_in_transaction_session_timeout and shorter reports keep "
    "it from coming back",
    "prepared transaction": "COMMIT PREPARED or ROLLBACK PREPARED it once its owner has said which",
    "slot": "Let its consumer catch up; drop the slot when nobody uses it any more",
    "slot for the catalog": "Let its consumer catch up; drop the slot when nobody uses it any more",
    "standby": "A query on the standby reads an old snapshot and hot_standby_feedback tells us: end it there",
}


def find(facts: Facts) -> Iterator[Finding]:
    if facts.in_recovery:
        return
    for holder in blockers(facts):
        name = named(holder)
        seconds = "" if holder.seconds is None else f" and {holder.seconds / 60:.0f} minutes"
        dead = sum(table.dead for table in facts.tables)
        yield finding(
            facts,
            RULE,
            name,
            "holds back vacuum",
            f"What died in the last {holder.xids:,} transactions cannot be removed because of the {name}",
            reasons=(
                Reason("holds_horizon", f"It began{' or stands' if holder.seconds is None else ''} {holder.xids:,} "
                       f"transactions{seconds} ago"),
                Reason("what_to_do", _TODO[holder.what]),
            ),
            impact=(Impact("xids_held", float(holder.xids)), Impact("dead_rows", float(dead), "Of all tables of this "
                    "database; how many of them it holds back is not known")),
            cost=min(36_000.0, dead / 100.0),
            evidence=(f"{holder.what} in state {holder.state or 'unknown'}: {holder.xids:,} transactions old",),
            queryids=(holder.queryid,) if holder.queryid else (),
        )  # fmt: skip


def blockers(facts: Facts) -> Iterator[Holder]:
    """Those who hold back enough, the oldest first."""
    for holder in facts.holders:
        if holder.what in _LEAST_SECONDS:
            old = (holder.seconds or 0.0) >= _LEAST_SECONDS[holder.what] and holder.xids >= LEAST_XIDS
            forgotten = holder.what == "prepared transaction" and (holder.seconds or 0.0) >= _LONG_PREPARED
            if old or forgotten:
                yield holder
        elif holder.xids >= (LEAST_XIDS * 10 if holder.state == "inactive" else _MANY_XIDS):
            yield holder


def named(holder: Holder) -> str:
    """Safe to show; without the process's number, so that a finding stays the same over its reconnections."""
    name = one_line(holder.name or "unnamed", 80)
    if holder.what == "session":
        return f"session of role {one_line(holder.role or 'unknown', 60)}, application {name}"
    return f"{holder.what} {name}"
