"""ANALYZE of one table.

There is no way back. PostgreSQL 18 could restore the old statistics (pg_restore_attribute_stats), but they hold values
of the table's rows, and the journal keeps no data of the target.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change import on_table
from optischema_tui.core.change.checks import Facts
from optischema_tui.core.change.kinds import ran, upkeep
from optischema_tui.core.change.kinds.found import column_list, find_table, not_understood, refuse_rest
from optischema_tui.core.change.kinds.kind import Draft, Measured, Outcome
from optischema_tui.core.change.kinds.words import Words, literal
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check, quote

if TYPE_CHECKING:
    import psycopg

NAME = "analyze"
LOCK_DATABASE = ""
MEASURED = Measured.TABLE
NO_UNDO = "There is nothing to undo: the statistics that it replaces are not kept, for they hold values of the rows"
PLANS_MAY_CHANGE = "With new statistics the plans of the table's statements may change"


def lock_key(change: Change) -> str:
    return on_table.lock_key(change.schema, change.table)


def draft(connection: psycopg.Connection[Any], sql: str) -> Draft | None:
    words = Words(sql)
    if not (words.take("ANALYZE") or words.take("ANALYSE")):
        return None
    options = _options(words)
    if words.ended:
        raise whole_database("ANALYZE")
    name = words.qualified()
    if name is None:
        raise not_understood(words, "ANALYZE")
    columns = column_list(words, "ANALYZE")
    one_table_only(words, "ANALYZE")
    refuse_rest(words, "ANALYZE")
    table = find_table(connection, name)
    step = analyze_sql(table.sql, columns, options)
    return Draft(
        kind=NAME,
        title=f"Analyze {table.schema}.{table.name}",
        subject=table.sql,
        steps=(step,),
        undo=(),
        schema=table.schema,
        table=table.name,
        cautions=(NO_UNDO, PLANS_MAY_CHANGE),
        detail={"table_oid": table.oid},
    )


def analyze_sql(table: str, columns: tuple[str, ...] = (), options: tuple[str, ...] = ()) -> str:
    """`table` as SQL; `options` written already."""
    only = f" ({', '.join(map(quote, columns))})" if columns else ""
    how = f"({', '.join(options)}) " if options else ""
    return f"ANALYZE {how}{table}{only}"


def _options(words: Words) -> tuple[str, ...]:
    """The options that are carried out, written anew. VERBOSE only talks, and is left out."""
    if not words.take("("):
        words.take("VERBOSE")
        return ()
    found: list[str] = []
    while True:
        option = (words.name() or "").upper()
        if option == "BUFFER_USAGE_LIMIT" and (value := words.literal()) is not None:
            found.append(f"BUFFER_USAGE_LIMIT {literal(value)}")
        elif option == "SKIP_LOCKED":
            raise skip_locked("ANALYZE")
        elif option == "VERBOSE":
            words.literal() if words.next not in (",", ")") else None
        else:
            raise not_understood(words, "ANALYZE")
        if words.take(")"):
            return tuple(found)
        if not words.take(","):
            raise not_understood(words, "ANALYZE")


def whole_database(statement: str) -> ChangeRefused:
    return ChangeRefused(
        f"{statement} without a table is not carried out",
        "It would go through every table of the database, for hours perhaps, and nobody could say which it was for",
        f"Choose the table: {statement} schema.table",
    )


def one_table_only(words: Words, statement: str) -> None:
    """Raises ChangeRefused when a second table follows."""
    if words.next == ",":
        raise ChangeRefused(
            f"One {statement} of one table is one change",
            "So that each can be approved, watched and judged by itself",
            f"Write one {statement} for each table",
        )


def skip_locked(statement: str) -> ChangeRefused:
    return ChangeRefused(
        f"{statement} with SKIP_LOCKED is not carried out",
        "It ends without an error when it has done nothing",
        "Leave SKIP_LOCKED out: the wait for the lock is bounded anyway",
    )


def preflight(facts: Facts) -> Iterator[Check]:
    identity = upkeep.same_table(facts)
    yield identity
    if on_table.blocked(identity):
        return
    yield upkeep.maintain(facts)
    yield from upkeep.waits(facts)


def pre_image(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any]:
    return ran.began(connection)


def remaining(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    return change.steps


def outcome(connection: psycopg.Connection[Any], change: Change, *, just_ran: bool = False) -> tuple[Outcome, str]:
    return ran.ran(connection, change, (ran.ANALYZED,), just_ran=just_ran)


def cleanup(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    return ()


def verify(connection: psycopg.Connection[Any], ledger: Ledger) -> Change:
    return ledger.move(ChangeState.VERIFYING, "The table has new statistics")


def inverse(change: Change) -> Draft | None:
    return None
