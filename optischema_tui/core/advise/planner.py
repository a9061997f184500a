"""What the advisor needs of a planner. The lab is one; HypoPG on a server is another."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from optischema_tui.core.errors import LabError
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.workload.plan import PlanNode

IndexName = tuple[str, str]
"""(schema, name) of an index that exists on the target."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """An index that exists for the planner only."""

    spec: IndexSpec
    name: str
    size_bytes: int
    guess: str = ""
    """Why plans with it rest on a guess (no statistics of its expression); empty when they do not."""


class Planner(Protocol):
    """Plans statements as the target's planner would, with any subset of what-if indexes present."""

    @property
    def calls(self) -> int:
        """EXPLAINs so far, those that sizes needed included."""

    @property
    def name(self) -> str:
        """Whose planner it is, for evidence: 'lab, PostgreSQL 18.6'."""

    def add(self, spec: IndexSpec) -> WhatIf:
        """Make `spec` known; absent from plans until named. Raises LabError when the index cannot be modelled."""

    def add_many(self, specs: Sequence[IndexSpec]) -> list[WhatIf | LabError]:
        """`add` for each, in one go and much faster; in place of an index that cannot be modelled, its error."""

    def plan(self, sql: str, indexes: Collection[WhatIf] = (), *, without: Collection[IndexName] = ()) -> PlanNode:
        """The plan of one statement (literals, or $n planned generically) with exactly `indexes` beside the real ones,
        less the real ones named in `without`.

        Raises PlanFailed when the statement cannot be planned, LabError when `without` is beyond this planner.
        """
