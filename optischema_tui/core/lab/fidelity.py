"""How far the lab may be believed, statement by statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.lab.check import (
    ALL_SECONDS,
    MOST_TEXTS,
    PlanComparison,
    Text,
    compare_plans,
    own_texts,
    plan_on_target,
)
from optischema_tui.core.models import Fidelity
from optischema_tui.core.workload.statement import WorkloadStatement

if TYPE_CHECKING:
    from psycopg import Connection

    from optischema_tui.core.lab.lab import Lab


def fidelity(
    connection: Connection[Any],
    lab: Lab,
    statements: Iterable[WorkloadStatement],
    drawn: Mapping[int, Sequence[tuple[str, str]]] | None = None,
    *,
    most: int = MOST_TEXTS,
    seconds: float = ALL_SECONDS,
    clock: Clock = SYSTEM,
) -> dict[int, Fidelity]:
    """By queryid: the target's own plain EXPLAIN of each statement beside the lab's plan. Nothing is executed.

    `drawn` has, by queryid, texts with values and the values in words; a statement without any is planned as it is.
    Every statement has its heaviest text asked before any has its second, up to `most` texts and `seconds`.
    A lost target raises ServerLost; another failure is the `error` of its statement.
    """
    texts = in_turns([_texts(statement, drawn or {}) for statement in statements])
    return by_statement(compare_plans(lab, plan_on_target(connection, texts, most=most, seconds=seconds, clock=clock)))


def by_statement(comparisons: Iterable[PlanComparison]) -> dict[int, Fidelity]:
    """One Fidelity for all texts of a statement: the costs of the one that agrees least; same_shape if all do."""
    groups: dict[int, list[PlanComparison]] = {}
    for comparison in comparisons:
        groups.setdefault(comparison.queryid, []).append(comparison)
    return {queryid: _worst(queryid, group) for queryid, group in groups.items()}


def in_turns(groups: Sequence[Sequence[Text]]) -> list[Text]:
    """The first of each group, then the second of each, and so on."""
    longest = max((len(group) for group in groups), default=0)
    return [group[turn] for turn in range(longest) for group in groups if turn < len(group)]


def _texts(statement: WorkloadStatement, drawn: Mapping[int, Sequence[tuple[str, str]]]) -> tuple[Text, ...]:
    texts = tuple(Text(statement, sql, values) for sql, values in drawn.get(statement.queryid, ()))
    return texts or own_texts([statement])


def _worst(queryid: int, group: Sequence[PlanComparison]) -> Fidelity:
    compared = [one for one in group if not one.error]
    if not compared:
        return Fidelity(queryid, group[0].sql, error=group[0].error)
    worst = max(compared, key=lambda one: one.cost_error)
    return Fidelity(
        queryid=queryid,
        text=worst.sql,
        target_cost=worst.target_cost,
        lab_cost=worst.lab_cost,
        same_shape=all(one.same_shape for one in compared),
    )
