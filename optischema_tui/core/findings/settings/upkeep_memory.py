"""Index builds that sorted on disk for want of maintenance_work_mem."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.settings.facts import Facts, heaviest
from optischema_tui.core.findings.settings.saying import GB, MB, advice, doubled, written
from optischema_tui.core.models import Finding, Impact, Reason
from optischema_tui.core.sizes import size

NAME = "maintenance_work_mem"
LEAST_BYTES = 256 * MB
_MOST = 2 * GB
_IN_MEMORY = 2.0
_BLOCK_MS = 0.02


def find(facts: Facts) -> Iterator[Finding]:
    setting = facts.settings.get(NAME)
    builds = [each for each in facts.statements if each.upkeep and each.temp_blks > 0]
    spilt = sum(each.temp_blks for each in builds) * facts.block_size
    now = facts.number(NAME, 64.0 * MB)
    if setting is None or spilt < LEAST_BYTES:
        return
    largest = max(each.per_call(each.temp_blks) for each in builds) * facts.block_size
    value = doubled(_IN_MEMORY * largest, _MOST)
    # A build far beyond what is safe sorts on disk either way.
    if value < 2 * now or largest > 2 * _MOST:
        return
    measured = sum(each.temp_ms for each in builds)
    cost = facts.statements_an_hour(measured or spilt / facts.block_size * _BLOCK_MS)
    yield advice(
        facts, setting, written(value), "index builds spill to disk",
        f"{len(builds)} index builds wrote {size(spilt)} of temporary files because {NAME} is {size(now)}",
        safe=f"From {written(now)} to {written(_MOST)}: each of autovacuum's workers may take as much, unless "
             "autovacuum_work_mem says less",
        reasons=(Reason("build_spill", f"The largest build spilt {size(largest)}"),),
        impact=(Impact("bytes_per_hour", facts.statements_an_hour(spilt)),),
        cost=cost,
        evidence=(f"{size(spilt)} in {sum(each.calls for each in builds):,} builds",),
        queryids=heaviest(builds),
    )  # fmt: skip
