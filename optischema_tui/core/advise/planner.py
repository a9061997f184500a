"""What the advisor needs of a planner. The lab is one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from optischema_tui.core.models import IndexSpec
from optischema_tui.core.workload.plan import PlanNode


@dataclass(frozen=True, slots=True)
class WhatIf:
    """An index that exists for the planner only."""

    spec: IndexSpec
    name: str
    size_bytes: int


class Planner(Protocol):
    """Plans statements as the target's planner would, with any subset of what-if indexes present."""

    @property
    def calls(self) -> int:
        """Statements planned so far."""

    @property
    def name(self) -> str:
        """Whose planner it is, for evidence: 'lab, PostgreSQL 18.6'."""

    def add(self, spec: IndexSpec) -> WhatIf:
        """Make `spec` known; absent from plans until named. Raises LabError when the index cannot be modelled."""

    def plan(self, sql: str, indexes: Collection[WhatIf] = ()) -> PlanNode:
        """The plan of one statement (literals, or $n planned generically) with exactly `indexes` beside the real ones.

        Raises PlanFailed when the statement cannot be planned.
        """
