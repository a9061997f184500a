"""An extended statistics object: as the server has it, as it was to be, and the statements that bring it back."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.catalog import ask
from optischema_tui.core.change.kinds.analyze import analyze_sql
from optischema_tui.core.change.kinds.words import literal
from optischema_tui.core.change.predicate import same_expression
from optischema_tui.core.models import Change, quote
from optischema_tui.core.safe_text import redact

if TYPE_CHECKING:
    import psycopg

CREATE, TARGET, COMMENT, OWNER, ANALYZE = "create", "target", "comment", "owner", "analyze"
"""What each of a change's statements does, in `detail["parts"]`."""
DEFAULT_TARGET = -1


@dataclass(frozen=True, slots=True)
class Seen:
    """One object of pg_statistic_ext."""

    oid: int
    schema: str
    name: str
    table_schema: str
    table: str
    owner: str
    owns: bool
    """Our role has the rights of its owner."""
    target: int
    """Statistics target; -1 for the default."""
    kinds: tuple[str, ...]
    """Letters of pg_statistic_ext.stxkind, sorted: d ndistinct, e expressions, f dependencies, m mcv"""
    columns: tuple[str, ...]
    """In the table's order."""
    expressions: tuple[str, ...]
    definition: str
    """As the server prints it, with every name that is not the server's own under its schema."""
    comment: str
    extension: str


def see(connection: psycopg.Connection[Any], schema: str, name: str) -> Seen | None:
    """The object of that name; None when there is none. Driver errors pass through."""
    with connection.transaction():
        ask(connection, "plain_path")
        rows = ask(connection, "statistics", schema=schema, name=name)
    if not rows:
        return None
    row = rows[0]
    return Seen(
        **{
            **row,
            "kinds": tuple(sorted(row["kinds"])),
            "columns": tuple(row["columns"]),
            "expressions": tuple(row["expressions"]),
        }
    )


def see_of(connection: psycopg.Connection[Any], change: Change) -> Seen | None:
    named = change.detail["object"]
    return see(connection, str(named["schema"]), str(named["name"]))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a change makes, or found before it removed it. `definition` empty: told by its parts."""

    kinds: tuple[str, ...]
    columns: tuple[str, ...]
    expressions: tuple[str, ...]
    definition: str = ""
    target: int = DEFAULT_TARGET
    comment: str = ""
    owner: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def wanted_of(change: Change) -> Wanted:
    kept = change.detail["image"]
    lists = {name: tuple(kept[name]) for name in ("kinds", "columns", "expressions")}
    return Wanted(**{**kept, **lists})


def image_of(seen: Seen) -> Wanted:
    return Wanted(
        seen.kinds, seen.columns, seen.expressions, seen.definition, seen.target, seen.comment, seen.owner
    )  # fmt: skip


def difference(change: Change, seen: Seen, *, just_made: bool = False) -> str:
    """Why `seen` is not the object that the change is about, whatever its target, comment and owner; empty when it is.

    `just_made`: this session has made it; the server's spelling of its expressions needs no proof then.
    """
    wanted = wanted_of(change)
    if (seen.table_schema, seen.table) != (change.schema, change.table):
        return f"it belongs to the table {seen.table_schema}.{seen.table}"
    if wanted.definition:
        same = redact(wanted.definition) == redact(seen.definition)
    else:
        same = (
            seen.kinds == wanted.kinds
            and sorted(seen.columns) == sorted(wanted.columns)
            and len(seen.expressions) == len(wanted.expressions)
            and (just_made or all(map(same_expression, seen.expressions, wanted.expressions)))
        )
    return "" if same else f"its definition is: {seen.definition}"


def drift(change: Change, seen: Seen) -> str:
    """Why `seen` is not exactly as recorded, its target, comment and owner included; empty when it is."""
    wanted = wanted_of(change)
    if why := difference(change, seen):
        return why
    if seen.target != wanted.target:
        return f"its statistics target is {seen.target}, not {wanted.target}"
    if redact(seen.comment) != redact(wanted.comment):
        return "its comment is another"
    if wanted.owner and seen.owner != wanted.owner:
        return f"it belongs to role {seen.owner}, not {wanted.owner}"
    return ""


def sql_of(schema: str, name: str) -> str:
    return f"{quote(schema)}.{quote(name)}"


def bring_back(seen: Seen) -> dict[str, str]:
    """The statements that make `seen` again, in order, by what each does. Who makes it need not be its owner."""
    name = sql_of(seen.schema, seen.name)
    steps = {CREATE: seen.definition}
    if seen.target != DEFAULT_TARGET:
        steps[TARGET] = f"ALTER STATISTICS {name} SET STATISTICS {seen.target}"
    if seen.comment:
        steps[COMMENT] = f"COMMENT ON STATISTICS {name} IS {literal(seen.comment)}"
    steps[OWNER] = f"ALTER STATISTICS {name} OWNER TO {quote(seen.owner)}"
    steps[ANALYZE] = analyze_sql(sql_of(seen.table_schema, seen.table))
    return steps
