"""A write-ahead log that is mostly whole pages, uncompressed."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.settings.facts import Facts
from optischema_tui.core.findings.settings.saying import GB, advice
from optischema_tui.core.models import Finding, Impact, Reason
from optischema_tui.core.sizes import size

NAME = "wal_compression"
LEAST_BYTES = GB
_SHARE = 0.5
_BYTE_MS = 1000.0 / (100 << 20)
"""Of WAL written and synced, at 100 MB/s."""
_SAVED = 0.5
"""Of a page, with any of the methods, on ordinary tables."""


def find(facts: Facts) -> Iterator[Finding]:
    setting, seen = facts.settings.get(NAME), facts.checkpoints
    wal = seen.count("wal_bytes")
    pages = min(seen.count("wal_fpi") * facts.block_size, wal)
    if setting is None or setting.value != "off" or facts.in_recovery or wal < LEAST_BYTES or pages < _SHARE * wal:
        return
    value = "lz4" if "lz4" in setting.choices else "pglz" if "pglz" in setting.choices else "on"
    saved = seen.per_hour(pages * _SAVED)
    yield advice(
        facts, setting, value, "whole pages fill the WAL",
        f"{pages / wal:.0%} of {size(wal)} of WAL were whole pages, written as they are",
        safe="Any of the methods that this server has: they cost some CPU and change nothing else; lz4 costs least",
        reasons=(Reason("full_page_images", "The first change of a page after a checkpoint logs the whole page, at "
                        "most of this size"),),
        impact=(Impact("bytes_per_hour", saved, "Half of the pages' bytes, as is usual"),),
        cost=saved * _BYTE_MS,
        evidence=(f"{seen.count('wal_fpi'):,.0f} whole pages in {seen.hours:.1f} hours",),
    )  # fmt: skip
