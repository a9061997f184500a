"""The plans that statements have now, taken to be looked at later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import OptischemaError, PlanFailed
from optischema_tui.core.models import KeptPlan, WindowStats
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.explain import explain_document
from optischema_tui.core.target.session import reading
from optischema_tui.core.target.spec import TargetSpec

MOST = 20
"""Statements whose plans are kept, the heaviest."""
SECONDS = 2.0
"""After which no further plan is asked for: a server that is slow to plan is not held up."""
_STATEMENT_SECONDS = 1.0


def take_plans(
    spec: TargetSpec | None, statements: Sequence[WindowStats], first: Iterable[int] = (), *, clock: Clock = SYSTEM
) -> tuple[tuple[KeptPlan, ...], str]:
    """The target's own plans of `statements` (heaviest first), those with the queryids `first` before all others; and
    why there are none, one sentence, else ''. Never raises for a server that cannot be asked: figures count without
    plans too. Texts are planned with their `$n`, so no literal of a person gets into a plan.
    """
    if spec is None:
        return (), "They were not asked for"
    texts = {each.key.queryid: each.text for each in reversed(statements) if each.text and each.key.queryid}
    order = [queryid for queryid in first if queryid in texts] + [each.key.queryid for each in statements]
    wanted = [queryid for queryid in dict.fromkeys(order) if queryid in texts][:MOST]
    if not wanted:
        return (), "The text of no statement is known"
    found: list[KeptPlan] = []
    deadline = clock.monotonic() + SECONDS
    try:
        with reading(spec, statement_timeout_ms=int(_STATEMENT_SECONDS * 1000)) as session:
            for queryid in wanted:
                if clock.monotonic() > deadline:
                    found.append(_without(queryid, clock, "The server took too long over the plans before it"))
                    continue
                try:
                    document = json.dumps(explain_document(session, texts[queryid]), separators=(",", ":"))
                    found.append(KeptPlan(queryid, clock.wall(), document))
                except PlanFailed as error:
                    found.append(_without(queryid, clock, error.sentence))
    except OptischemaError as error:
        return (), one_line(error.sentence, 300)
    return tuple(found), ""


def _without(queryid: int, clock: Clock, why: str) -> KeptPlan:
    return KeptPlan(queryid, clock.wall(), "", one_line(why, 300))
