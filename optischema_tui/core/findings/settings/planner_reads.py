"""What the planner believes of reading, against what reading was seen to cost: random_page_cost and the cache's size.

Both make it take whole-table reads for few rows. It is advised only where such statements are, and what they cost is
all that could be saved: the lab tells which of them would change their plan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from optischema_tui.core.findings.settings.facts import Facts, Statement, heaviest
from optischema_tui.core.findings.settings.saying import SYSTEM, advice, written
from optischema_tui.core.models import Finding, Impact, Reason
from optischema_tui.core.sizes import size

_BLOCKS_A_CALL = 1000
_BLOCKS_A_ROW = 10
LEAST_MS = 1000.0
LEAST_READ = 10_000
_FAST_MS = 0.25
"""A block read faster than this comes from solid state or the operating system's cache: a disk that turns needs ms."""
_FAST_COST = 1.1
_DEAR = 2.0
_SELECTIVE = re.compile(r"\bwhere\b", re.IGNORECASE)
_SUMS_UP = re.compile(r"\bgroup\s+by\b|\bdistinct\b|\b(?:count|sum|avg|min|max|\w+_agg)\s*\(", re.IGNORECASE)
"""One row of a sum says nothing of how many were needed for it."""


def find(facts: Facts) -> Iterator[Finding]:
    wide = [each for each in facts.queries() if _reads_much_for_little(each)]
    if sum(each.exec_ms for each in wide) < LEAST_MS:
        return
    yield from _random_page_cost(facts, wide)
    yield from _effective_cache_size(facts, wide)


def _reads_much_for_little(statement: Statement) -> bool:
    blocks = statement.per_call(statement.shared_blks)
    if not _SELECTIVE.search(statement.text) or _SUMS_UP.search(statement.text):
        return False
    return blocks >= _BLOCKS_A_CALL and blocks >= _BLOCKS_A_ROW * max(statement.per_call(statement.rows), 1.0)


def _random_page_cost(facts: Facts, wide: list[Statement]) -> Iterator[Finding]:
    setting, seen = facts.settings.get("random_page_cost"), facts.blocks
    read, spent = seen.count("blks_read"), seen.count("blk_read_ms")
    now, sequential = facts.number("random_page_cost", 4.0), facts.number("seq_page_cost", 1.0)
    if setting is None or not facts.is_on("track_io_timing") or read < LEAST_READ or spent <= 0 or sequential <= 0:
        return
    each, value = spent / read, _FAST_COST * sequential
    if each > _FAST_MS or now / sequential <= _DEAR:
        return
    concerned = [one for one in wide if not facts.says_otherwise("random_page_cost", one)]
    if not concerned:
        return
    yield _planned(
        facts, "random_page_cost", f"{value:g}", concerned, "dearer than measured",
        f"A block was read in {each * 1000:.0f} µs on average, while random_page_cost {now:g} holds it for "
        f"{now / sequential:g} times one of a whole-table read",
        f"From {value:g} to {2 * sequential:g} on storage that reads so fast; nearer to {now:g} where the averages "
        "hide a slow disk",
        f"{read:,.0f} blocks read in {spent:,.0f} ms",
    )  # fmt: skip


def _effective_cache_size(facts: Facts, wide: list[Statement]) -> Iterator[Finding]:
    buffers, now = facts.number("shared_buffers"), facts.number("effective_cache_size")
    concerned = [one for one in wide if not facts.says_otherwise("effective_cache_size", one)]
    if not now or now >= buffers or facts.largest_bytes <= now or not concerned:
        return
    yield _planned(
        facts, "effective_cache_size", written(2 * buffers), concerned, "smaller than the cache",
        f"The planner takes the cache for {size(now)}, while shared_buffers alone has {size(buffers)}",
        f"From {written(buffers)} to three quarters of the machine's memory: it reserves nothing",
        f"the largest table with its indexes has {size(facts.largest_bytes)}",
    )  # fmt: skip


def _planned(
    facts: Facts, name: str, value: str, wide: list[Statement], verdict: str, title: str, safe: str, seen: str
) -> Finding:
    cost = facts.statements_an_hour(sum(each.exec_ms for each in wide))
    return advice(
        facts, facts.settings[name], value, verdict, title,
        scope=SYSTEM, safe=safe,
        reasons=(Reason("reads_much_for_little", f"{len(wide)} statements read more than {_BLOCKS_A_CALL} blocks a "
                        "call for few rows: the planner may have held their indexes for too dear"),),
        impact=(Impact("ms_per_hour_at_most", cost, "All the time of these statements: plan them in the lab first"),),
        cost=cost,
        evidence=(seen, f"{sum(each.exec_ms for each in wide):,.0f} ms in {facts.statement_hours:.1f} hours"),
        queryids=heaviest(wide),
    )  # fmt: skip
