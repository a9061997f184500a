"""CREATE STATISTICS, and the ANALYZE without which it would do nothing. The way back is DROP STATISTICS."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change import on_table
from optischema_tui.core.change.catalog import name_fits
from optischema_tui.core.change.checks import Facts, block, ok, warn
from optischema_tui.core.change.expression import Names, names_in, unsafe
from optischema_tui.core.change.kinds import ran, upkeep
from optischema_tui.core.change.kinds.analyze import PLANS_MAY_CHANGE, analyze_sql
from optischema_tui.core.change.kinds.found import find_table, keepable, not_understood, refuse_rest
from optischema_tui.core.change.kinds.kind import Draft, Measured, Outcome
from optischema_tui.core.change.kinds.statistics_object import (
    ANALYZE,
    COMMENT,
    CREATE,
    OWNER,
    TARGET,
    Wanted,
    difference,
    see_of,
    sql_of,
    wanted_of,
)
from optischema_tui.core.change.kinds.words import Words
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.states import came_from
from optischema_tui.core.change.strangers import no_strangers
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check, quote
from optischema_tui.core.safe_text import one_line, redact

if TYPE_CHECKING:
    import psycopg

NAME = "create_statistics"
LOCK_DATABASE = ""
MEASURED = Measured.TABLE
_STATEMENT = "CREATE STATISTICS"
_KINDS = {"ndistinct": "d", "dependencies": "f", "mcv": "m"}
_MOST = 8
"""Columns and expressions of one object."""


def lock_key(change: Change) -> str:
    return on_table.lock_key(change.schema, change.table)


# --- the draft ---


def draft(connection: psycopg.Connection[Any], sql: str) -> Draft | None:
    words = Words(sql)
    if not words.take("CREATE", "STATISTICS"):
        return None
    if words.take("IF", "NOT", "EXISTS"):
        raise ChangeRefused(
            "CREATE STATISTICS IF NOT EXISTS is not carried out",
            "It reports success when another object has the name",
            "Leave IF NOT EXISTS out",
        )
    if words.next == "(" or words.next.upper() == "ON":
        raise ChangeRefused("The statistics have no name", todo="Name them: CREATE STATISTICS schema.name ON ..")
    name = words.qualified()
    if name is None:
        raise not_understood(words, _STATEMENT)
    kinds = _kinds(words)
    columns, expressions = _items(words)
    of_table = words.qualified()
    if of_table is None:
        raise not_understood(words, _STATEMENT)
    refuse_rest(words, _STATEMENT)
    table = find_table(connection, of_table)
    _fits(connection, kinds, columns, expressions)
    schema = name[0] or table.here
    if not name_fits(name[1]) or not schema:
        raise ChangeRefused("The name is longer than 63 bytes, or no schema is in the search path for it")
    written = f" ({', '.join(kinds)})" if kinds else ""
    items = ", ".join((*map(quote, columns), *expressions))
    subject = sql_of(schema, name[1])
    steps = (f"CREATE STATISTICS {subject}{written} ON {items} FROM {table.sql}", analyze_sql(table.sql))
    keepable(*steps)
    return Draft(
        kind=NAME,
        title=f"Statistics {schema}.{name[1]} of {table.schema}.{table.name}",
        subject=subject,
        steps=steps,
        undo=(f"DROP STATISTICS {subject}",),
        schema=table.schema,
        table=table.name,
        cautions=("ANALYZE of the table follows: without it the statistics are empty", PLANS_MAY_CHANGE),
        detail={
            "table_oid": table.oid,
            "object": {"schema": schema, "name": name[1]},
            "image": Wanted(_letters(kinds, columns, expressions), columns, expressions).as_json(),
            "parts": [CREATE, ANALYZE],
        },
    )


def _kinds(words: Words) -> tuple[str, ...]:
    if not words.take("("):
        return ()
    found: list[str] = []
    while True:
        kind = words.name() or ""
        if kind not in _KINDS:
            raise ChangeRefused(
                f"{one_line(kind, 40) or 'This'} is not a kind of statistics", todo=f"They are: {', '.join(_KINDS)}"
            )
        found.append(kind)
        if words.take(")"):
            return tuple(sorted(set(found), key=list(_KINDS).index))
        if not words.take(","):
            raise not_understood(words, _STATEMENT)


def _items(words: Words) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The columns, and the expressions in parentheses, up to FROM."""
    if not words.take("ON"):
        raise not_understood(words, _STATEMENT)
    columns: list[str] = []
    expressions: list[str] = []
    while True:
        column, text = _item(words)
        if text and (reason := unsafe(text, enclosed=True)):
            raise ChangeRefused(
                f"The expression {one_line(text, 80)} is not accepted",
                reason,
                "When it is what you want, run it yourself",
            )
        expressions.append(text) if text else columns.append(column)
        if words.take("FROM"):
            break
        if not words.take(","):
            raise not_understood(words, _STATEMENT)
    if len({*columns, *expressions}) < len(columns) + len(expressions):
        raise ChangeRefused("A column or an expression is named twice")
    return tuple(columns), tuple(expressions)


def _item(words: Words) -> tuple[str, str]:
    """One column, or one expression in parentheses; the other part is empty."""
    if words.next == "(":
        text = words.enclosed()
        if text is None:
            raise not_understood(words, _STATEMENT)
        inside = Words(text[1:-1])
        column = inside.name()
        return (column, "") if column is not None and inside.ended else ("", text)
    column = words.name()
    if column is None:
        raise not_understood(words, _STATEMENT)
    if words.next != "(":
        return column, ""
    arguments = words.enclosed()
    if arguments is None:
        raise not_understood(words, _STATEMENT)
    return "", f"({column}{arguments})"


def _letters(kinds: tuple[str, ...], columns: tuple[str, ...], expressions: tuple[str, ...]) -> tuple[str, ...]:
    """pg_statistic_ext.stxkind that this makes, sorted; all kinds where none is written, none for one expression."""
    asked = kinds or (tuple(_KINDS) if len(columns) + len(expressions) > 1 else ())
    return tuple(sorted([_KINDS[kind] for kind in asked] + ["e"] * bool(expressions)))


def _fits(
    connection: psycopg.Connection[Any], kinds: tuple[str, ...], columns: tuple[str, ...], expressions: tuple[str, ...]
) -> None:
    if expressions and connection.info.server_version < 140000:
        raise ChangeRefused("Statistics of expressions need PostgreSQL 14", todo="Name columns only")
    number = len(columns) + len(expressions)
    if number > _MOST:
        raise ChangeRefused(f"Statistics cover at most {_MOST} columns and expressions")
    if number == 1 and (columns or kinds):
        raise ChangeRefused(
            "Extended statistics are of two columns or more, or of one expression without a kind",
            "A single column has its own statistics already",
            "For finer ones: ALTER TABLE .. ALTER COLUMN .. SET STATISTICS",
        )


# --- preflight ---


def preflight(facts: Facts) -> Iterator[Check]:
    identity = upkeep.same_table(facts)
    yield identity
    if on_table.blocked(identity):
        return
    yield privileges(facts)
    yield name_is_free(facts)
    yield names_are_the_servers_own(facts)
    yield from upkeep.waits(facts)


def privileges(facts: Facts) -> Check:
    """To make them takes the table and CREATE on their schema; to give them to another role, that role's membership."""
    line, role, schema = "privilege to do and undo", facts.table["role"], str(facts.change.detail["object"]["schema"])
    missing = []
    if not facts.table["owns"]:
        missing.append(f"GRANT {quote(facts.table['owner'])} TO {quote(role)}")
    rights = facts.ask("schema_rights", schema=schema)
    if not rights:
        return block(line, f"There is no schema {schema}", "schema_rights")
    if not rights[0]["may_create"]:
        missing.append(f"GRANT CREATE ON SCHEMA {quote(schema)} TO {quote(role)}")
    heir = wanted_of(facts.change).owner
    if heir and heir != role:
        found = facts.ask("role_rights", role=heir, schema=schema)
        if not found:
            return block(
                line, f"They belong to role {heir}, which is gone: they could not be brought back", "role_rights"
            )
        if not found[0]["member"]:
            missing.append(f"GRANT {quote(heir)} TO {quote(role)}")
        if not found[0]["may_create"]:
            missing.append(f"GRANT CREATE ON SCHEMA {quote(schema)} TO {quote(heir)}")
    if missing:
        return block(line, f"Role {role} cannot both make and undo this; it needs: {'; '.join(missing)}")
    return ok(line, f"Role {role} owns the table and may create in schema {schema}", "schema_rights")


def name_is_free(facts: Facts) -> Check:
    line, change = "statistics name", facts.change
    seen = see_of(facts.connection, change)
    if seen is None:
        return ok(line, f"The name {change.subject} is free", "statistics")
    if why := difference(change, seen):
        return block(line, f"Other statistics have the name {change.subject}: {why}", "statistics")
    if change.rolls_back:
        return warn(
            line, f"The statistics {change.subject} are there again already; only the rest is done", "statistics"
        )
    if ChangeState.LEFTOVER in (change.state, came_from(change)):
        return ok(line, f"The statistics {change.subject} are made already; what is left is carried on with")
    return block(line, f"The statistics {change.subject} exist: {seen.definition}", "statistics")


def names_are_the_servers_own(facts: Facts) -> Check:
    """ANALYZE evaluates the expressions with the rights of the table's owner."""
    line, wanted = "functions and operators", wanted_of(facts.change)
    if wanted.definition:
        return ok(line, "The server printed the definition itself, with every name where it belongs")
    names = Names()
    for text in wanted.expressions:
        names |= names_in(text)
    return no_strangers(facts, line, names, "The statistics call", "they call")


# --- the way through ---


def pre_image(connection: psycopg.Connection[Any], change: Change) -> dict[str, Any]:
    return ran.began(connection)


def remaining(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    left = set(_left(connection, change))
    return tuple(step for part, step in zip(change.detail["parts"], change.steps, strict=True) if part in left)


def _left(connection: psycopg.Connection[Any], change: Change) -> list[str]:
    """The parts that the server does not show as done."""
    parts, seen, wanted = list(change.detail["parts"]), see_of(connection, change), wanted_of(change)
    if seen is None:
        return parts
    done = {
        CREATE: True,
        TARGET: seen.target == wanted.target,
        COMMENT: redact(seen.comment) == redact(wanted.comment),
        OWNER: seen.owner == wanted.owner,
        ANALYZE: ran.ran(connection, change, (ran.ANALYZED,), just_ran=False)[0] is Outcome.DONE,
    }
    return [part for part in parts if not done[part]]


def outcome(connection: psycopg.Connection[Any], change: Change, *, just_ran: bool = False) -> tuple[Outcome, str]:
    seen = see_of(connection, change)
    if seen is None:
        return Outcome.NOT_DONE, f"The statistics {change.subject} are not on the server"
    if why := difference(change, seen, just_made=just_ran):
        return Outcome.CONFLICT, f"The statistics {change.subject} are not the approved ones: {why}"
    left = [part for part in _left(connection, change) if not (just_ran and part == ANALYZE)]
    if left:
        return Outcome.PART, f"The statistics {change.subject} are made; what is left: {', '.join(left)}"
    return Outcome.DONE, f"The statistics {change.subject} are there and filled"


def cleanup(connection: psycopg.Connection[Any], change: Change) -> tuple[str, ...]:
    return ()


def verify(connection: psycopg.Connection[Any], ledger: Ledger) -> Change:
    return ledger.move(ChangeState.VERIFYING, "The statistics are in the catalog")


def inverse(change: Change) -> Draft | None:
    return Draft(
        kind="drop_statistics",
        title=f"Undo: {change.title}",
        subject=change.subject,
        steps=change.undo_steps,
        undo=change.steps,
        schema=change.schema,
        table=change.table,
        detail={key: change.detail[key] for key in ("table_oid", "object", "image", "parts")},
    )
