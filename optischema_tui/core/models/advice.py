"""What the advisor says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from optischema_tui.core.models.identity import digest
from optischema_tui.core.models.schema import IndexSpec


class Risk(StrEnum):
    LOW = "Low"
    MEDIUM = "Medium"
    HIGH = "High"


@dataclass(frozen=True, slots=True)
class Affected:
    """One statement that a recommendation touches, with the lab's costs (planner units)."""

    queryid: int
    text: str
    share: float
    """0-1 of the workload's measured time."""
    calls: int
    mean_exec_time: float
    cost_before: float
    cost_after: float
    generic_before: float | None = None
    """Cost of the generic plan ($n unknown) without and with the index; None for a statement with its own literals."""
    generic_after: float | None = None
    fidelity: float | None = None
    """|lab - target| / target of the statement's plan as things are; None when the target was not asked."""
    values: tuple[str, ...] = ()
    """The values that were drawn for its parameters, in words."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of the curve of gain against bytes."""

    size_bytes: int
    gain: float
    """0-1 of the measured time."""
    indexes: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the lab proved. Costs are the planner's units, weighted over the workload where not said otherwise."""

    affected: tuple[Affected, ...]
    cost_before: float
    cost_after: float
    share: float
    """0-1: share of the workload's measured time that the affected statements take."""
    size_bytes: int
    """Estimated size of the new index."""
    planner: str
    """Whose planner: e.g. 'lab, PostgreSQL 18'."""
    confidence: str
    """In words, with its reason."""
    notes: tuple[str, ...] = ()
    """Column order and other reasons, one sentence each."""
    upkeep: float = 0.0
    """0-1: the share of the workload's measured time that keeping it up to date costs; subtracted from its gain."""
    would_change: tuple[str, ...] = ()
    """What would turn the verdict, one sentence each."""
    facts: tuple[str, ...] = ()
    """Of a drop: conditions of its safety that are known to hold, one sentence each."""
    unknowns: tuple[str, ...] = ()
    """Of a drop: conditions that a person must check first."""
    second_opinion: str = ""
    """What HypoPG on the target says to it, when it was asked."""

    @property
    def gain(self) -> float:
        """Predicted cost of the affected statements, before / after; 1.0 = none."""
        return self.cost_before / self.cost_after if self.cost_after > 0 else 1.0


@dataclass(frozen=True, slots=True)
class Recommendation:
    id: str
    """12 hex digits: hash of target fingerprint + kind + canonical action."""
    target: str
    """Fingerprint of the target."""
    kind: str
    """create_index or drop_index"""
    title: str
    forward_sql: str
    inverse_sql: str
    risk: Risk
    risk_reasons: tuple[str, ...]
    evidence: Evidence
    spec: IndexSpec | None = None
    index_name: str = ""
    why_not: tuple[str, ...] = ()
    """Rejected alternatives, each with its reason."""


def recommendation_id(target: str, kind: str, action: str) -> str:
    """The stable id of an action on a target; `action` must be canonical (no generated names in it)."""
    return digest(f"{target}\n{kind}\n{action}")[:12]
