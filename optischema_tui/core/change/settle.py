"""Finds out from the catalog how a change stands, and removes what a failed build or drop left behind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.catalog import CREATE, Outcome, ask, outcome, see_index
from optischema_tui.core.change.execute import End, Tell, run_ddl
from optischema_tui.core.change.faults import reach
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.models import Change, ChangeState, quote
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    import psycopg


def marked(ledger: Ledger, sql: str) -> str:
    """`sql` with the change's id and the head of the audit chain, which so stand in the server's own log."""
    return f"/* optischema id={ledger.change.id} head={ledger.journal.head()[1][:12]} */ {sql}"


def drop_sql(change: Change) -> str:
    return f"DROP INDEX CONCURRENTLY {quote(change.schema)}.{quote(change.index_name)}"


def builder_of(connection: psycopg.Connection[Any], change: Change) -> int:
    """Process that builds an index on the change's table now, other than this session; 0 when none is seen."""
    tables = ask(connection, "table", schema=change.schema, table=change.table)
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
    just_built: bool = False,
) -> tuple[Outcome, str]:
    """How the change stands, after an invalid index of it was dropped (for a drop: after the drop was finished).

    HALF only when that drop could not be had in time. The session must hold the change's lock. Driver errors of a lost
    session pass through.
    """
    change = ledger.change
    found, reason = outcome(change, see_index(connection, change), just_built=just_built)
    if found is not Outcome.HALF:
        return found, reason
    if not spec.allow_changes:
        return found, f"{reason}; it is left alone because this target is READ ONLY now"
    sql = drop_sql(change)
    ledger.note("cleanup", reason, sql=sql)
    reach("before_cleanup")
    ended = run_ddl(
        connection, spec, change, marked(ledger, sql), lock_ms=limits.cleanup_lock_ms, limits=limits,
        on_progress=on_progress, cancel=threading.Event(), fault="during_cleanup",
    )  # fmt: skip
    reach("after_cleanup")
    if ended.end is End.LOST:
        return Outcome.HALF, f"{reason}; {ended.why}"
    after, now = outcome(change, see_index(connection, change))
    if after is Outcome.HALF:
        return after, f"{reason} and could not be dropped yet. {ended.why}"
    return after, f"{reason}: it was dropped" if change.kind == CREATE else now


STATE_OF = {
    Outcome.DONE: ChangeState.APPLIED,
    Outcome.NOT_DONE: ChangeState.FAILED_CLEAN,
    Outcome.HALF: ChangeState.LEFTOVER,
    Outcome.CONFLICT: ChangeState.NEEDS_ATTENTION,
}
"""Where a change goes for what the catalog shows."""
