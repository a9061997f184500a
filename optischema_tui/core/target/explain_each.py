"""Plans of several statements within a span of time, none of which must be had."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import OptischemaError, PlanFailed
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.explain import explain_document
from optischema_tui.core.target.sql import load

if TYPE_CHECKING:
    import psycopg

_PACKAGE = "optischema_tui.core.target"
_LEAST_MS = 50

Planned = tuple[dict[str, Any] | None, str]
"""The plan as EXPLAIN (FORMAT JSON) gives it, or None and why there is none, one sentence."""


def explain_each(
    connection: psycopg.Connection[Any], texts: Sequence[str], seconds: float, clock: Clock = SYSTEM
) -> list[Planned]:
    """The plan of each of `texts`, in their order. No plan is begun after `seconds`, and none may go on beyond them: a
    server that is slow to plan is not held up. Raises nothing: after a lost connection the rest has no plan either."""
    import psycopg

    found: list[Planned] = []
    deadline = clock.monotonic() + seconds
    before, lost = "", ""
    for text in texts:
        left = deadline - clock.monotonic()
        if lost or left <= 0:
            found.append((None, lost or "The server took too long over the plans before it"))
            continue
        try:
            now = _limit(connection, f"{max(_LEAST_MS, int(left * 1000))}ms")
            before = before or now
            found.append((explain_document(connection, text), ""))
        except PlanFailed as error:
            found.append((None, one_line(error.sentence, 300)))
        except (OptischemaError, psycopg.Error) as error:
            lost = one_line(error.sentence if isinstance(error, OptischemaError) else str(error), 300)
            found.append((None, lost))
    if before and not lost:
        _limit(connection, before)
    return found


def _limit(connection: psycopg.Connection[Any], statement_timeout: str) -> str:
    """Set it for the session; gives the one before."""
    row = connection.execute(load(_PACKAGE, "change_statement_timeout"), (statement_timeout,)).fetchone()
    return str(row[0]) if row else ""
