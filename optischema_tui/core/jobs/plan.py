"""The plan of one statement on the target, without running it."""

from __future__ import annotations

from optischema_tui.core.target.explain import explain_generic
from optischema_tui.core.target.session import reading
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.plan import PlanNode


def plan_statement(spec: TargetSpec, sql: str) -> PlanNode:
    """The target's own plan of `sql` (literals or $n). Raises PlanFailed, TargetError or MissingPart."""
    with reading(spec) as session:
        return explain_generic(session, sql)
