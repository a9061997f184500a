"""The rules of this room."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from optischema_tui.core.findings.workload import (
    convoys,
    idle_transactions,
    in_lists,
    n_plus_one,
    planning,
    predicates,
    result_sets,
    temporary_files,
)
from optischema_tui.core.findings.workload.facts import Facts
from optischema_tui.core.models import Finding

RULES: tuple[Callable[[Facts], Iterator[Finding]], ...] = (
    n_plus_one.find,
    result_sets.find,
    in_lists.find,
    predicates.find,
    temporary_files.find,
    planning.find,
    idle_transactions.find,
    convoys.find,
)
