"""What the server runs behind a DELETE: for each row, a look into every table that references it.

EXPLAIN does not show these looks, but the measured time of the statement holds them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from optischema_tui.core.advise.propose.foreign import Gap
from optischema_tui.core.advise.reading.use import Use
from optischema_tui.core.errors import PlanFailed
from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.core.workload.statement import WorkloadStatement


@dataclass(frozen=True, slots=True)
class KeyCheck:
    sql: str
    times: float
    """For one call of the statement."""
    plan: PlanNode
    words: str


def key_checks(
    statement: WorkloadStatement, used: Sequence[Use], gaps: Sequence[Gap], plan: Callable[[str], PlanNode]
) -> tuple[KeyCheck, ...]:
    """The looks of one statement into tables whose foreign key has no index; none unless it deletes from the parent."""
    found = []
    for use in used:
        if use.operation != "Delete":
            continue
        times = 1.0 if statement.rows_per_call is None else statement.rows_per_call
        for gap in gaps:
            if (gap.key.schema, gap.key.table) != use.key or times <= 0:
                continue
            try:
                words = f"the look into {gap.table.name} for each row deleted from {use.table.name}"
                found.append(KeyCheck(gap.check_sql(), times, plan(gap.check_sql()), words))
            except PlanFailed:
                continue
    return tuple(found)
