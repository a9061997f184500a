"""What one run of the advisor says."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.models import CurvePoint, Recommendation


@dataclass(frozen=True, slots=True)
class Advice:
    """Costs are the planner's units: the sum of calls x planned cost over the statements that were planned."""

    recommendations: tuple[Recommendation, ...]
    """Best first."""
    why_not: tuple[str, ...]
    """What was considered and rejected, each a sentence with its reason."""
    cost_before: float
    cost_after: float
    """With all recommended indexes together."""
    planner_calls: int
    unplanned: tuple[tuple[str, str], ...] = ()
    """(SQL text, reason) of statements that could not be judged."""
    planned: int = 0
    """Statements that were judged."""
    left_out: int = 0
    """Statements too light to be looked at."""
    left_out_share: float = 0.0
    """0-1: their share of the workload's measured time."""
    gain: float = 0.0
    """0-1: the share of the measured time that the recommended set saves, upkeep of writes subtracted."""
    bound: float = 1.0
    """0-1: no set within the budget saves more than this, as far as the costs that were asked for tell."""
    curve: tuple[CurvePoint, ...] = ()
    """Gain against bytes, by bytes; the first point is (0, 0)."""
    questions: int = 0
    """Texts with values that were planned; several per normalised statement."""
    candidates: int = 0
    """Indexes that were planned with."""
    pages: float = 1.0
    """0-1 of the planner's page prices at which statements were compared: the measured times speak for it."""
    stopped: bool = False
    """The search was ended before it was through: this is the best found so far."""
