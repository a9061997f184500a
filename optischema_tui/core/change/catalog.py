"""What the server's catalog says about the index of a change, and what that means for the change."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.predicate import same_predicate
from optischema_tui.core.models import Change, IndexSpec
from optischema_tui.core.safe_text import redact
from optischema_tui.core.target.sql import load

if TYPE_CHECKING:
    import psycopg

PACKAGE = "optischema_tui.core.change"
CREATE, DROP = "create_index", "drop_index"
_DESC_NULLS_FIRST = 3
_MAX_NAME_BYTES = 63


def ask(connection: psycopg.Connection[Any], name: str, /, **parameters: Any) -> list[dict[str, Any]]:
    """All rows of `queries/<name>.sql` as dicts. Driver errors pass through."""
    from psycopg.rows import dict_row

    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(load(PACKAGE, name, connection.info.server_version), parameters or None)
        return cursor.fetchall()


@dataclass(frozen=True, slots=True)
class IndexSeen:
    """One index as the catalog has it."""

    oid: int
    name: str
    table_schema: str
    table: str
    method: str
    valid: bool
    ready: bool
    live: bool
    is_unique: bool
    is_primary: bool
    replica_identity: bool
    clustered: bool
    attached: bool
    """It is a partition of a partitioned index."""
    definition: str
    predicate: str
    key_count: int
    options: tuple[int, ...]
    """pg_index.indoption per key column: 0 ascending, 3 descending."""
    size_bytes: int
    columns: tuple[str, ...]
    """Key columns, then included ones; empty for an expression."""
    default_order: bool
    """Every key column has its type's default operator class and its own collation."""
    constraint: str
    extension: str

    @property
    def keys(self) -> tuple[str, ...]:
        return self.columns[: self.key_count]

    @property
    def usable(self) -> bool:
        return self.valid and self.ready and self.live


def see_indexes(connection: psycopg.Connection[Any], schema: str, table: str, name: str) -> tuple[IndexSeen, ...]:
    """Every index of the table, and the index of that name in its schema wherever it belongs."""
    rows = ask(connection, "indexes", schema=schema, table=table, name=name)
    return tuple(
        IndexSeen(**{**row, "columns": tuple(row["columns"]), "options": tuple(row["options"])}) for row in rows
    )


def see_index(connection: psycopg.Connection[Any], change: Change) -> IndexSeen | None:
    """The index that the change names; None when there is none."""
    seen = see_indexes(connection, change.schema, change.table, change.index_name)
    return next((index for index in seen if index.name == change.index_name), None)


# --- the shape that was approved ---


def spec_to_detail(spec: IndexSpec) -> dict[str, Any]:
    """`spec` as JSON values."""
    return {
        "columns": list(spec.columns),
        "descending": list(spec.descending),
        "include": list(spec.include),
        "predicate": spec.predicate,
    }


def spec_of(change: Change) -> IndexSpec | None:
    """The index that the change is about; None for a change that holds none."""
    kept = change.detail.get("spec")
    if not isinstance(kept, dict):
        return None
    return IndexSpec(
        change.schema,
        change.table,
        tuple(kept.get("columns", ())),
        tuple(bool(value) for value in kept.get("descending", ())),
        tuple(kept.get("include", ())),
        str(kept.get("predicate", "")),
    )


def options_of(spec: IndexSpec) -> tuple[int, ...]:
    """pg_index.indoption that `spec` makes."""
    return tuple(
        _DESC_NULLS_FIRST if spec.descending and spec.descending[position] else 0
        for position in range(len(spec.columns))
    )


def name_fits(name: str) -> bool:
    """The server would cut a longer one silently, and the index would be another than the approved one."""
    return 0 < len(name.encode()) <= _MAX_NAME_BYTES


def difference(change: Change, seen: IndexSeen, *, just_built: bool = False) -> str:
    """Why `seen` is not the index that the change is about, one sentence; empty when it is.

    `just_built`: this session has built it, under a name that was free; its condition needs no proof then.
    """
    if (seen.table_schema, seen.table) != (change.schema, change.table):
        return f"{seen.name} belongs to the table {seen.table_schema}.{seen.table}"
    recorded = str(change.detail.get("definition", ""))
    if recorded:
        return "" if recorded == redact(seen.definition) else f"its definition is now: {seen.definition}"
    spec = spec_of(change)
    if spec is None:
        return "no definition was recorded for it"
    plain = seen.method == "btree" and not seen.is_unique and not seen.constraint and seen.default_order
    same = (
        plain
        and seen.columns == spec.columns + spec.include
        and seen.key_count == len(spec.columns)
        and seen.options == options_of(spec)
        and (just_built or same_predicate(seen.predicate, spec.predicate))
    )
    return "" if same else f"its definition is: {seen.definition}"


def covers(seen: IndexSeen, spec: IndexSpec) -> bool:
    """Whether a valid index already does what `spec` would: same rows, same leading columns and order either way round.

    One over all rows does not stand for a partial one: that is smaller and answers its condition too.
    """
    if seen.method != "btree" or not seen.usable or not seen.default_order:
        return False
    if not same_predicate(seen.predicate, spec.predicate):
        return False
    wanted, length = options_of(spec), len(spec.columns)
    have = seen.options[:length]
    backwards = tuple(option ^ _DESC_NULLS_FIRST for option in wanted)
    return seen.keys[:length] == spec.columns and have in (wanted, backwards) and set(spec.include) <= set(seen.columns)


# --- what it means ---


class Outcome(StrEnum):
    """What the server shows of a change, no builder being at work."""

    DONE = "done"
    NOT_DONE = "not done"
    HALF = "half done"
    """An invalid index, kept up by every write and used by no plan."""
    CONFLICT = "conflict"


def outcome(change: Change, seen: IndexSeen | None, *, just_built: bool = False) -> tuple[Outcome, str]:
    """The verdict, and its reason as one sentence. `just_built` as for `difference`."""
    name = f"{change.schema}.{change.index_name}"
    if seen is None:
        return (Outcome.NOT_DONE if change.kind == CREATE else Outcome.DONE), f"The index {name} is not on the server"
    if why := difference(change, seen, just_built=just_built):
        return Outcome.CONFLICT, f"The index {name} is not the approved one: {why}"
    if not seen.usable:
        return Outcome.HALF, f"The index {name} is there, but invalid"
    return (Outcome.DONE if change.kind == CREATE else Outcome.NOT_DONE), f"The index {name} is there and valid"
