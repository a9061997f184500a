"""Checkpoints that came because the write-ahead log was full, not because it was time.

The server begins one when max_wal_size / (1 + checkpoint_completion_target) of WAL was written since the last
(PostgreSQL's documentation, chapter 28.5, WAL configuration).
"""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.settings.facts import Facts
from optischema_tui.core.findings.settings.saying import GB, advice, doubled, written
from optischema_tui.core.models import Finding, Impact, Reason
from optischema_tui.core.sizes import size

NAME = "max_wal_size"
LEAST = 4
_SHARE = 0.3
_MOST = 64 * GB


def find(facts: Facts) -> Iterator[Finding]:
    setting, seen = facts.settings.get(NAME), facts.checkpoints
    requested, timed, wal = seen.count("requested"), seen.count("timed"), seen.count("wal_bytes")
    now = facts.number(NAME)
    distance = now / (1.0 + facts.number("checkpoint_completion_target", 0.9))
    # A CHECKPOINT of a person or a base backup is requested too: then less WAL lies between two.
    full = min(requested, wal / distance * 1.5) if distance > 0 else 0.0
    if setting is None or facts.in_recovery or full < LEAST or full < _SHARE * (requested + timed):
        return
    pace = wal / max(seen.hours, 1e-9) if seen.hours >= 1 else wal
    timeout_hours = facts.number("checkpoint_timeout", 300e6) / 3600e6
    value = doubled(max(2 * now, 2 * pace * timeout_hours), _MOST)
    if value <= now:
        return
    work = seen.count("write_ms") + seen.count("sync_ms")
    cost = seen.per_hour(work * full / max(requested + timed, 1.0))
    yield advice(
        facts, setting, written(value), "checkpoints too often",
        f"{requested:,.0f} of {requested + timed:,.0f} checkpoints came because {size(now)} of WAL was full",
        safe=f"From {written(now)} to {written(_MOST)}: so much disk must be free for WAL, and after a crash about as "
             "much is replayed before the server is back",
        reasons=(
            Reason("requested_checkpoints", "Each checkpoint writes all that is dirty, and the first change of each "
                   "page after it goes to the WAL as a whole page"),
        ),
        impact=(
            Impact("checkpoints_per_hour", seen.per_hour(full)),
            Impact("full_page_images_per_hour", seen.per_hour(seen.count("wal_fpi"))),
        ),
        cost=cost,
        evidence=(
            f"{requested:,.0f} requested and {timed:,.0f} timed checkpoints, {size(wal)} of WAL in "
            f"{seen.hours:.1f} hours; they wrote and synced for {work / 1000:,.1f} s",
        ),
    )  # fmt: skip
