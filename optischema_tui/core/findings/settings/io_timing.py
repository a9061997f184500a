"""Much reading whose time nobody measures."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.settings.facts import Facts, heaviest
from optischema_tui.core.findings.settings.saying import advice
from optischema_tui.core.models import Finding, Impact, Reason

NAME = "track_io_timing"
LEAST_READ = 100_000
_SHARE = 0.05
"""Of all blocks asked for: below it, reading is no matter."""


def find(facts: Facts) -> Iterator[Finding]:
    setting, seen = facts.settings.get(NAME), facts.blocks
    read, hit = seen.count("blks_read"), seen.count("blks_hit")
    if setting is None or setting.value != "off" or read < LEAST_READ or read < _SHARE * (read + hit):
        return
    yield advice(
        facts, setting, "on", "reading is not measured",
        f"{read:,.0f} blocks were read from outside the cache, and how long that took is not known",
        safe="on where pg_test_timing shows less than about 100 ns for a look at the clock, as nearly everywhere",
        reasons=(Reason("unmeasured_reads", "Without it nobody can tell slow storage from slow statements"),),
        impact=(Impact("blocks_per_hour", seen.per_hour(read)),),
        evidence=(f"{read:,.0f} blocks read, {hit:,.0f} found in the cache, in {seen.hours:.1f} hours",),
        queryids=heaviest(each for each in facts.queries() if each.blks_read),
    )  # fmt: skip
