"""Is the lab's planner true? The same texts, planned on the target (EXPLAIN only, never executed) and in the lab."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import OptischemaError, ServerLost
from optischema_tui.core.target.explain import explain_generic
from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.core.workload.statement import WorkloadStatement

if TYPE_CHECKING:
    from psycopg import Connection

    from optischema_tui.core.lab.lab import Lab

MOST_TEXTS = 200
ALL_SECONDS = 15.0
"""Time that the target may be kept planning in all."""
SLOW_SECONDS = 2.0
"""A target that needs longer for one plan is not asked again."""


@dataclass(frozen=True, slots=True)
class Text:
    """What is planned for one statement: its own text, or one with values in place of its parameters."""

    statement: WorkloadStatement
    sql: str
    values: str = ""
    """The values in words; empty for the statement's own text."""

    @property
    def shown(self) -> str:
        """What may be shown and kept of it: samples hold literals of real calls."""
        return self.statement.sql if self.statement.samples else self.sql


@dataclass(frozen=True, slots=True)
class PlanComparison:
    """One text on both sides. Costs are total costs of the plan, in planner units."""

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
    values: str = ""
    """The values in the text, in words."""


@dataclass(frozen=True, slots=True)
class TargetPlan:
    """What the target's planner said to one text."""

    text: Text
    plan: PlanNode | None
    error: str = ""


def own_texts(statements: Iterable[WorkloadStatement]) -> tuple[Text, ...]:
    """The statements as they are, those with samples by the heaviest."""
    return tuple(Text(statement, statement.texts[0].sql) for statement in statements)


def plan_on_target(
    connection: Connection[Any],
    texts: Iterable[Text],
    *,
    most: int = MOST_TEXTS,
    seconds: float = ALL_SECONDS,
    clock: Clock = SYSTEM,
) -> tuple[TargetPlan, ...]:
    """Plan the texts on the target. A lost target raises ServerLost.

    No more than `most` are asked, and none after `seconds` or after a plan that took SLOW_SECONDS: the others have an
    `error` that says so. Best done right after the image was read: on a live server sizes and statistics move on.
    """
    found: list[TargetPlan] = []
    begun = clock.monotonic()
    stopped = ""
    for number, text in enumerate(texts):
        before = clock.monotonic()
        if not stopped and number >= most:
            stopped = f"Not asked: {most} texts are enough of a load"
        if not stopped and before - begun > seconds:
            stopped = f"Not asked: the target has planned for {seconds:g} seconds"
        found.append(TargetPlan(text, None, stopped) if stopped else _on_target(connection, text))
        if not stopped and clock.monotonic() - before > SLOW_SECONDS:
            stopped = "Not asked: the target answers slowly"
    return tuple(found)


def compare_plans(lab: Lab, planned: Iterable[TargetPlan]) -> tuple[PlanComparison, ...]:
    """Plan the same texts in the lab and compare."""
    return tuple(_compare(lab, there) for there in planned)


def compare(
    connection: Connection[Any], lab: Lab, statements: Iterable[WorkloadStatement]
) -> tuple[PlanComparison, ...]:
    """`plan_on_target` of the statements' own texts and `compare_plans` in one."""
    return compare_plans(lab, plan_on_target(connection, own_texts(statements)))


def _on_target(connection: Connection[Any], text: Text) -> TargetPlan:
    if text.statement.problem:
        return TargetPlan(text, None, text.statement.problem)
    try:
        return TargetPlan(text, explain_generic(connection, text.sql))
    except ServerLost:
        raise
    except OptischemaError as error:
        return TargetPlan(text, None, f"Target: {error.sentence}")


def _compare(lab: Lab, planned: TargetPlan) -> PlanComparison:
    text, there = planned.text, planned.plan
    queryid = text.statement.queryid
    if there is None:
        return PlanComparison(text.shown, queryid, error=planned.error, values=text.values)
    try:
        here = lab.plan(text.sql)
    except OptischemaError as error:
        return PlanComparison(text.shown, queryid, error=f"Lab: {error.sentence}", values=text.values)
    return PlanComparison(
        sql=text.shown,
        queryid=queryid,
        target_cost=there.total_cost,
        lab_cost=here.total_cost,
        cost_error=_error(there.total_cost, here.total_cost),
        same_shape=there.shape() == here.shape(),
        target_plan=there,
        lab_plan=here,
        values=text.values,
    )


def _error(target: float, lab: float) -> float:
    if target == lab:
        return 0.0
    return abs(lab - target) / target if target > 0 else 1.0
