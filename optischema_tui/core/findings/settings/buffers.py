"""A cache that is smaller than what is read again and again."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.settings.facts import Facts, heaviest
from optischema_tui.core.findings.settings.saying import GB, advice, doubled, written
from optischema_tui.core.models import Finding, Impact, Reason
from optischema_tui.core.sizes import size

NAME = "shared_buffers"
LEAST_READ = 100_000
_HIT = 0.9
_MOST = 64 * GB
_BLOCK_MS = 0.01
"""Of a block that the operating system has in its cache, where nobody measures it."""
_TURNS = 3.0
"""A data set read fewer times over is read once, by a backup or a report: no cache helps."""


def find(facts: Facts) -> Iterator[Finding]:
    setting, seen = facts.settings.get(NAME), facts.blocks
    read, hit, now = seen.count("blks_read"), seen.count("blks_hit"), facts.number(NAME)
    data = float(facts.database_bytes)
    again = read * facts.block_size >= _TURNS * data
    if setting is None or setting.pending_restart or read < LEAST_READ or not now or not again:
        return
    ratio = hit / (hit + read)
    if ratio >= _HIT or data <= now:
        return
    value = doubled(min(max(data, 2 * now), 4 * now), _MOST)
    if value <= now:
        return
    measured = seen.count("blk_read_ms")
    cost = seen.per_hour(measured or read * _BLOCK_MS)
    how = "Measured: time of reading blocks" if measured else f"{_BLOCK_MS} ms for each block: it is not measured"
    reading = [each for each in facts.queries() if each.blks_read > 0]
    yield advice(
        facts, setting, written(value), "cache too small",
        f"Only {ratio:.1%} of the blocks were found in {size(now)} of shared_buffers, while the databases have "
        f"{size(data)}",
        safe=f"From {written(now)} to a quarter of the machine's memory, which the server does not tell: look before "
             f"{written(value)} is approved",
        reasons=(Reason("low_hit_ratio", f"{size(read * facts.block_size)} were read from outside: "
                        f"{read * facts.block_size / data:.1f} times all there is"),),
        impact=(Impact("blocks_per_hour", seen.per_hour(read)), Impact("read_ms_per_hour", cost, how)),
        cost=cost,
        evidence=(f"{read:,.0f} blocks read and {hit:,.0f} found in {seen.hours:.1f} hours",),
        queryids=heaviest(reading),
    )  # fmt: skip
