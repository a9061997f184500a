"""What the choice ends with."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.advise.choose.costs import Costs
from optischema_tui.core.models import IndexSpec


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A set for a number of bytes."""

    size_bytes: int
    objective_ms: float
    """Milliseconds of the workload with it, upkeep included; for a set that was not itself planned, at most this."""
    specs: tuple[IndexSpec, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    chosen: tuple[IndexSpec, ...]
    """New ones, the one that would be missed most first."""
    dropped: tuple[IndexSpec, ...]
    """Existing ones that cost more than they bring."""
    before_ms: float
    """The workload's measured milliseconds, upkeep of the droppable existing indexes included."""
    after_ms: float
    """The same with the choice. When `stopped`, at most this."""
    bound_ms: float
    """No set of these candidates within the budget does better, provided that a further index never makes a plan
    dearer (true of total cost but for the planner's own rounding)."""
    size_bytes: int
    """Of the chosen ones."""
    curve: tuple[CurvePoint, ...]
    """From nothing to all that pays; by ascending bytes, the objective falls from point to point."""
    planner_calls: int
    stopped: str
    """Why the search ended before it was done: 'stopped', 'time', 'calls'; empty when it was done."""
    over_budget: tuple[IndexSpec, ...]
    """Not chosen, but they would have been with more bytes, as far as is known."""
    costs: Costs

    @property
    def gap(self) -> float:
        """0-1: the share of `after_ms` that a better set could at most still save."""
        return max(0.0, 1.0 - self.bound_ms / self.after_ms) if self.after_ms > 0 else 0.0
