"""Plans from the target's own planner. No statement that passes here is ever executed; planning may evaluate its
immutable functions, in a transaction that is read-only."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from optischema_tui.core.errors import PlanFailed, ServerLost
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.planable import highest_parameter, planable, with_type
from optischema_tui.core.target.scan import scan
from optischema_tui.core.target.sql import MARK
from optischema_tui.core.workload.plan import PlanNode, parse_plan

if TYPE_CHECKING:
    import psycopg

__all__ = ["check_plannable", "explain_generic", "planable"]

LONGEST = 1_000_000
"""Characters of a statement that is still sent to the planner."""
_PLANNABLE = frozenset(("SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES", "WITH", "TABLE"))
_UNTYPED = "42P18"
_MOST_UNTYPED = 12
_PREPARED = "optischema_plan"


def check_plannable(sql: str) -> str:
    """`sql` without a trailing semicolon. Raises PlanFailed unless it is one statement that the planner plans."""
    if len(sql) > LONGEST:
        raise PlanFailed("The statement is too long to be planned", f"It has {len(sql):,} characters")
    if "\x00" in sql:
        raise PlanFailed("The statement cannot be planned", "It holds a NUL byte")
    tokens = scan(sql)
    while tokens and tokens[-1].text == ";":
        sql = sql[: tokens.pop().start]
    if not tokens:
        raise PlanFailed("There is no statement to plan", "The text is empty or a comment")
    if any(token.text == ";" for token in tokens):
        raise PlanFailed("Only one statement can be planned at a time", "The text holds several")
    first = next((token for token in tokens if token.text != "("), tokens[0])
    if first.upper not in _PLANNABLE:
        raise PlanFailed(
            f"{one_line(first.text, 40)} has no plan",
            "Only SELECT, INSERT, UPDATE, DELETE, MERGE and VALUES are planned",
        )
    return sql


def explain_generic(connection: psycopg.Connection[Any], sql: str) -> PlanNode:
    """The tree of `explain_document`; raises as it does."""
    return parse_plan(explain_document(connection, sql))


def explain_document(connection: psycopg.Connection[Any], sql: str) -> dict[str, Any]:
    """The plan of one statement as EXPLAIN (FORMAT JSON) gives it, the object with "Node Type": literals as they are,
    `$n` planned generically. The statement is not executed.

    Raises PlanFailed when it is not a single plannable statement or the server refuses it, ServerLost when the
    connection broke.
    """
    import psycopg

    if connection.info.parameter_status("standard_conforming_strings") != "on":
        raise PlanFailed("The statement is not planned", "The session reads backslashes in strings as escapes")
    version = connection.info.server_version
    text = planable(check_plannable(sql), version)
    for _ in range(_MOST_UNTYPED):
        try:
            return _document(connection, text, version)
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            if error.sqlstate is None or connection.closed:
                raise ServerLost("The connection broke while a plan was asked for", _said(error)) from None
            raise _failed(error) from None
        except psycopg.Error as error:
            untyped = re.search(r"\$(\d+)", error.diag.message_primary or "") if error.sqlstate == _UNTYPED else None
            retyped = with_type(text, int(untyped.group(1))) if untyped else text
            if retyped == text:
                raise _failed(error) from None
            text = retyped
    raise PlanFailed("The statement cannot be planned", "The types of its parameters cannot be told from its text")


def _failed(error: psycopg.Error) -> PlanFailed:
    return PlanFailed("The server cannot plan the statement", _said(error))


def _said(error: psycopg.Error) -> str:
    return one_line(error.diag.message_primary or str(error), 300)


def _document(connection: psycopg.Connection[Any], text: str, version: int) -> dict[str, Any]:
    count = highest_parameter(text)
    if count and version < 160000:
        row = _explain_prepared(connection, text, count)
    else:
        how = "GENERIC_PLAN, FORMAT JSON" if count else "FORMAT JSON"
        with connection.transaction(force_rollback=True):
            connection.execute("SET TRANSACTION READ ONLY")
            # The simple protocol, which GENERIC_PLAN needs, would run several statements; the server itself says here
            # that the text is one.
            _parse_alone(connection, text)
            row = connection.execute(_raw(f"EXPLAIN ({how}) {MARK} {text}")).fetchone()
    if row is None:
        raise PlanFailed("The server cannot plan the statement", "EXPLAIN gave no answer")
    document = json.loads(row[0]) if isinstance(row[0], str) else row[0]
    plan: dict[str, Any] = document[0]["Plan"]
    return plan


def _parse_alone(connection: psycopg.Connection[Any], text: str) -> None:
    import psycopg
    from psycopg import pq

    result = connection.pgconn.prepare(b"", text.encode("utf-8", "replace"))
    if result.status != pq.ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(result, "utf-8")


def _explain_prepared(connection: psycopg.Connection[Any], text: str, count: int) -> tuple[Any, ...] | None:
    """The generic plan of a server before 16: a prepared statement explained with NULLs for its parameters."""
    prepared = False
    try:
        with connection.transaction(force_rollback=True):
            connection.execute("SET TRANSACTION READ ONLY")
            connection.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            # binary=True chooses the extended protocol, in which the server takes one statement only
            connection.execute(_raw(f"PREPARE {MARK} {_PREPARED} AS {text}"), binary=True)
            prepared = True
            nulls = ", ".join(["NULL"] * count)
            return connection.execute(_raw(f"EXPLAIN (FORMAT JSON) {MARK} EXECUTE {_PREPARED}({nulls})")).fetchone()
    finally:
        if prepared and not connection.closed:
            connection.execute(_raw(f"DEALLOCATE {MARK} {_PREPARED}"))


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "replace")
