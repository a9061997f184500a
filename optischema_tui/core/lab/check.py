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


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """What the target's planner said to one statement."""

    statement: WorkloadStatement
    plan: PlanNode | None
    error: str = ""


def plan_on_target(connection: Connection[Any], statements: Iterable[WorkloadStatement]) -> tuple[TargetPlan, ...]:
    """Plan every statement on the target (EXPLAIN only, never executed). A lost target raises the driver's error.

    Best done right after the image was read: on a live server sizes and statistics move on.
    """
    return tuple(_on_target(connection, statement) for statement in statements)


def compare_plans(lab: Lab, planned: Iterable[TargetPlan]) -> tuple[PlanComparison, ...]:
    """Plan the same statements in the lab and compare."""
    return tuple(_compare(lab, there) for there in planned)


def compare(
    connection: Connection[Any], lab: Lab, statements: Iterable[WorkloadStatement]
) -> tuple[PlanComparison, ...]:
    """`plan_on_target` and `compare_plans` in one."""
    return compare_plans(lab, plan_on_target(connection, statements))


def _on_target(connection: Connection[Any], statement: WorkloadStatement) -> TargetPlan:
    if statement.problem:
        return TargetPlan(statement, None, statement.problem)
    try:
        return TargetPlan(statement, explain_generic(connection, statement.sql))
    except OptischemaError as error:
        return TargetPlan(statement, None, f"Target: {error.sentence}")


def _compare(lab: Lab, planned: TargetPlan) -> PlanComparison:
    statement, there = planned.statement, planned.plan
    if there is None:
        return PlanComparison(statement.sql, statement.queryid, error=planned.error)
    try:
        here = lab.plan(statement.sql)
    except OptischemaError as error:
        return PlanComparison(statement.sql, statement.queryid, error=f"Lab: {error.sentence}")
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
