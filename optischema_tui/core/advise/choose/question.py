"""What is asked of the planner for one statement with one set of values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from optischema_tui.core.workload.plan import PlanNode

Price = Callable[[PlanNode], float]
"""What a plan is worth in the planner's units: its total cost, or that made more honest. Never below zero."""


def total_cost(plan: PlanNode) -> float:
    return plan.total_cost


@dataclass(frozen=True, slots=True)
class Question:
    """A statement's text with one set of values drawn for its parameters (or its own literals)."""

    number: int
    """Its place in the list of questions."""
    statement: int
    """The place of its statement in the list of those under study; several questions may share one."""
    sql: str
    weight: float
    """How often one call of the statement asks this: 0-1 for a text with values, which sum to 1; any number for what
    the server runs beside the text."""
    ms_per_cost: float
    """Milliseconds of the workload's measured time that one planner unit of this question stands for, weight included:
    sum over a statement's questions of ms_per_cost x baseline price = its measured total time."""
    baseline: PlanNode
    """Its plan with the indexes that exist and no other."""
    values: str = ""
    """The values in words: `status = 'new' (2 % of the rows)`; empty for a statement with its own literals."""
