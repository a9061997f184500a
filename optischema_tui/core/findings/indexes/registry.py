"""The rules about indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from optischema_tui.core.findings.indexes import (
    bloated,
    foreign_keys,
    invalid,
    oversized,
    redundant,
    unused,
    unvacuumed,
    wrong_type,
)
from optischema_tui.core.findings.indexes.facts import Facts
from optischema_tui.core.models import Finding

RULES: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    unused.find,
    redundant.find,
    invalid.find,
    bloated.find,
    unvacuumed.find,
    oversized.find,
    wrong_type.find,
    foreign_keys.find,
)
