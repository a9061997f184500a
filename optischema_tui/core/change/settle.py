"""Finds out from the server how a change stands, and removes what a failed statement of it left broken."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.catalog import ask
from optischema_tui.core.change.execute import End, Tell, run_ddl
from optischema_tui.core.change.faults import reach
from optischema_tui.core.change.kinds.kind import Outcome
from optischema_tui.core.change.kinds.registry import kind_of
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.models import Change, ChangeState
from optischema_tui.core.policy.examine import stopped
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    import psycopg


def marked(ledger: Ledger, sql: str) -> str:
    """`sql` with the change's id and the head of the audit chain, which so stand in the server's own log."""
    return f"{ledger.journal.comment(ledger.change.id)} {sql}"


def builder_of(connection: psycopg.Connection[Any], change: Change) -> int:
    """Process that builds an index on the change's table now, other than this session; 0 when none is seen."""
    tables = ask(connection, "table", schema=change.schema, table=change.table) if change.table else []
    if not tables:
        return 0
    rows = ask(connection, "builders", relation=tables[0]["oid"])
    return next((int(row["pid"]) for row in rows if row["relid"]), 0)


def settle(
    connection: psycopg.Connection[Any],
    spec: TargetSpec,
    ledger: Ledger,
    limits: Limits,
    on_progress: Tell = lambda progress: None,
    *,
    just_ran: bool = False,
) -> tuple[Outcome, str]:
    """How the change stands, after what is broken of it was removed (for a drop: after the drop was finished).

    HALF only when that could not be had in time. The session must hold the change's lock. Driver errors of a lost
    session pass through.
    """
    change = ledger.change
    kind = kind_of(change.kind)
    found, reason = kind.outcome(connection, change, just_ran=just_ran)
    if found is not Outcome.HALF:
        return found, reason
    if not spec.allow_changes:
        return found, f"{reason}; it is left alone because this target is READ ONLY now"
    if why := stopped(spec.policy, change, ledger.journal.changes(fingerprint=change.target.fingerprint)):
        return found, f"{reason}; it is left alone: {why}"
    for sql in kind.cleanup(connection, change):
        ledger.note("cleanup", reason, sql=sql)
        reach("before_cleanup")
        ended = run_ddl(
            connection, spec, change, marked(ledger, sql), lock_ms=limits.cleanup_lock_ms, limits=limits,
            on_progress=on_progress, cancel=threading.Event(), fault="during_cleanup",
        )  # fmt: skip
        reach("after_cleanup")
        if ended.end is End.LOST:
            return Outcome.HALF, f"{reason}; {ended.why}"
        if ended.end is not End.DONE:
            return Outcome.HALF, f"{reason} and could not be removed yet. {ended.why}"
    after, now = kind.outcome(connection, change)
    return after, f"{reason}: it was removed" if after is Outcome.NOT_DONE else now


STATE_OF = {
    Outcome.DONE: ChangeState.APPLIED,
    Outcome.NOT_DONE: ChangeState.FAILED_CLEAN,
    Outcome.NOT_YET: ChangeState.APPROVED,
    Outcome.PART: ChangeState.LEFTOVER,
    Outcome.HALF: ChangeState.LEFTOVER,
    Outcome.CONFLICT: ChangeState.NEEDS_ATTENTION,
}
"""Where a change goes for what the server shows."""
