"""Whether the server's own counters show a VACUUM or an ANALYZE of the table since its intent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.catalog import ask
from optischema_tui.core.change.kinds.kind import Outcome
from optischema_tui.core.models import Change

if TYPE_CHECKING:
    import psycopg

VACUUMED, ANALYZED = "last_vacuum", "last_analyze"
_SYNCHRONOUS_SINCE = 150000
"""Before, the counters reach other sessions only some time after the statement."""


def began(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """For the intent: the server's own clock, in seconds since 1970."""
    return {"server_began": ask(connection, "server_time")[0]["now"]}


def ran(
    connection: psycopg.Connection[Any], change: Change, counters: tuple[str, ...], *, just_ran: bool
) -> tuple[Outcome, str]:
    """Whether all of `counters`, of the table or of each partition, are later than the intent.

    A statement that skipped a table, which the server ends without an error, is NOT_DONE. What others have run by hand
    since counts too: its effect is the same.
    """
    name = f"{change.schema}.{change.table}"
    tables = ask(connection, "table", schema=change.schema, table=change.table)
    if not tables:
        return Outcome.CONFLICT, f"The table {name} is gone"
    rows = ask(connection, "maintained", relation=tables[0]["oid"])
    since = float(change.detail.get("server_began", "inf"))
    late = [row["name"] for row in rows if any((row[counter] or 0.0) < since for counter in counters)]
    if rows and not late:
        return Outcome.DONE, f"The server counts it as done since the intent: {' and '.join(counters)} of {name}"
    sure = bool(rows) and rows[0]["counted"] and connection.info.server_version >= _SYNCHRONOUS_SINCE
    if just_ran and not sure:
        return Outcome.DONE, "The server has ended it without an error"
    if just_ran:
        return Outcome.NOT_DONE, f"The server has skipped {', '.join(late[:3])}, although it says no error"
    return Outcome.NOT_DONE, f"The server counts no such run of {name} since the intent; to repeat it does no harm"
