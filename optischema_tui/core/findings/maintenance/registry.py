"""The rules of this room."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from optischema_tui.core.findings.maintenance import (
    bloat,
    dead_rows,
    freeze,
    horizon,
    hot_updates,
    scale_factor,
    sequence_end,
    statistics,
)
from optischema_tui.core.findings.maintenance.facts import Facts
from optischema_tui.core.models import Finding

RULES: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    freeze.find,
    horizon.find,
    dead_rows.find,
    scale_factor.find,
    statistics.find,
    hot_updates.find,
    bloat.find,
    sequence_end.find,
)
