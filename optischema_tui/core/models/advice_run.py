"""One run of the advisor, as the screens and the twins show it beside its recommendations."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.models.advice import CurvePoint


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How true the lab is for one statement: the target's own plain EXPLAIN beside it. Costs in planner units."""

    queryid: int
    text: str
    target_cost: float = 0.0
    lab_cost: float = 0.0
    same_shape: bool = False
    error: str = ""
    """Why there is nothing to compare; then the rest means nothing."""

    @property
    def cost_error(self) -> float:
        """|lab - target| / target; 0.001 is 0.1 %."""
        if self.target_cost == self.lab_cost:
            return 0.0
        return abs(self.lab_cost - self.target_cost) / self.target_cost if self.target_cost > 0 else 1.0


@dataclass(frozen=True, slots=True)
class AdviceRun:
    """Shares are 0-1 of the workload's measured time."""

    summary: str
    gain: float = 0.0
    """What the recommended set saves, upkeep subtracted."""
    bound: float = 0.0
    """No set within the budget saves more, as far as the costs that were asked for tell."""
    budget_bytes: int | None = None
    curve: tuple[CurvePoint, ...] = ()
    stopped: bool = False
    """Ended before the search was through: by a person, by time, or after the most plans."""
    judged: int = 0
    """Statements that could be planned."""
    why_not: tuple[str, ...] = ()
    unplanned: tuple[str, ...] = ()
    not_modelled: tuple[str, ...] = ()
    fidelity: tuple[Fidelity, ...] = ()
