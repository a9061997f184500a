"""The rules of this room."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from optischema_tui.core.findings.settings import (
    autovacuum,
    buffers,
    checkpoints,
    connections,
    io_timing,
    jit,
    parallel,
    planner_reads,
    spills,
    timeouts,
    upkeep_memory,
    wal_compression,
)
from optischema_tui.core.findings.settings.facts import Facts
from optischema_tui.core.models import Finding

RULES: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    spills.find,
    upkeep_memory.find,
    checkpoints.find,
    wal_compression.find,
    buffers.find,
    planner_reads.find,
    io_timing.find,
    jit.find,
    parallel.find,
    autovacuum.find,
    timeouts.find,
    connections.find,
)
