"""Parallel workers that were planned and were not to be had."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.settings.facts import Facts, heaviest
from optischema_tui.core.findings.settings.saying import advice
from optischema_tui.core.models import Finding, Impact, Reason

NAME = "max_parallel_workers"
LEAST = 50
_SHARE = 0.25
_MOST = 128


def find(facts: Facts) -> Iterator[Finding]:
    """Only from 18 on the server counts them."""
    setting = facts.settings.get(NAME)
    short = [each for each in facts.queries() if each.workers_launched < each.workers_planned]
    planned = sum(each.workers_planned for each in facts.queries())
    lacking = sum(each.workers_planned - each.workers_launched for each in short)
    now, slots = int(facts.number(NAME)), int(facts.number("max_worker_processes"))
    if setting is None or lacking < LEAST or lacking < _SHARE * planned:
        return
    # The smaller of both binds; that of the processes needs a restart.
    binding = setting if now < slots else facts.settings.get("max_worker_processes")
    value = min(2 * max(now, 1), slots if binding is setting else _MOST)
    if binding is None or binding.pending_restart or value <= (now if binding is setting else slots):
        return
    cost = facts.statements_an_hour(
        sum(each.exec_ms * (1 - (1 + each.workers_launched) / (1 + each.workers_planned)) for each in short)
    )
    yield advice(
        facts, binding, str(value), "too few workers",
        f"{lacking:,} of {planned:,} parallel workers that plans asked for were not to be had",
        safe=f"From {now} to {min(_MOST, slots) if binding is setting else _MOST}, and no more than there are "
             "processors to spare: the server does not tell how many",
        reasons=(Reason("workers_not_launched", "The leader then does the work of the missing ones itself"),),
        impact=(
            Impact("workers_per_hour", facts.statements_an_hour(float(lacking))),
            Impact("ms_per_hour_at_most", cost, "The share of these statements' time that the missing workers would "
                   "have taken, were all of it parallel"),
        ),
        cost=cost,
        evidence=(f"{planned - lacking:,} of {planned:,} launched in {facts.statement_hours:.1f} hours",),
        queryids=heaviest(short),
    )  # fmt: skip
