"""Is the lab's planner true? The same statements, planned on the target and in the lab."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.target.explain import explain_generic
from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.core.workload.statement import WorkloadStatement

if TYPE_CHECKING:
    from psycopg import Connection

    from optischema_tui.core.lab.lab import Lab


@dataclass(frozen=True, slots=True)
class PlanComparison:
    """One statement on both sides. Costs are total costs of the plan, in planner units."""

    sql: str
    queryid: int
    target_cost: float = 0.0
    lab_cost: float = 0.0
    cost_error: float = 0.0
    """|lab - target| / target; 0.001 is 0.1 %."""
    same_shape: bool = False
    target_plan: PlanNode | None = None
    lab_plan: PlanNode | None = None
    error: str = ""
    """Why there is nothing to compare: which side could not plan it, and the reason. Then the rest means nothing."""


def compare(
    connection: Connection[Any], lab: Lab, statements: Iterable[WorkloadStatement]
) -> tuple[PlanComparison, ...]:
    """Plan every statement on the target (EXPLAIN only, never executed) and in the lab. A lost target raises."""
    return tuple(_compare(connection, lab, statement) for statement in statements)


def _compare(connection: Connection[Any], lab: Lab, statement: WorkloadStatement) -> PlanComparison:
    if statement.problem:
        return PlanComparison(statement.sql, statement.queryid, error=statement.problem)
    side = "Target"
    try:
        there = explain_generic(connection, statement.sql)
        side = "Lab"
        here = lab.plan(statement.sql)
    except OptischemaError as error:
        return PlanComparison(statement.sql, statement.queryid, error=f"{side}: {error.sentence}")
    return PlanComparison(
        sql=statement.sql,
        queryid=statement.queryid,
        target_cost=there.total_cost,
        lab_cost=here.total_cost,
        cost_error=_error(there.total_cost, here.total_cost),
        same_shape=there.shape() == here.shape(),
        target_plan=there,
        lab_plan=here,
    )


def _error(target: float, lab: float) -> float:
    if target == lab:
        return 0.0
    return abs(lab - target) / target if target > 0 else 1.0
