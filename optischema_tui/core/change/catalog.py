"""What the server's catalog says about the index of a change, and what that means for the change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.kinds.kind import Outcome
from optischema_tui.core.change.predicate import same_expression, same_predicate
from optischema_tui.core.models import Change, IndexSpec
from optischema_tui.core.safe_text import redact
from optischema_tui.core.target.sql import load

if TYPE_CHECKING:
    import psycopg

PACKAGE = "optischema_tui.core.change"
_DESC, _NULLS_FIRST = 1, 2
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
    """pg_index.indoption per key column: 1 descending, 2 NULLs first, 3 both; 0 where the method keeps no order."""
    size_bytes: int
    columns: tuple[str, ...]
    """Key columns, then included ones; empty for an expression."""
    expressions: tuple[str, ...]
    """Per key: an expression as the server prints it, empty for a column."""
    opclasses: tuple[str, ...]
    """Per key: the operator class, empty where it is the type's default for the method."""
    own_collations: bool
    """Every key column has its own collation, and no expression is given another than its natural one."""
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
    lists = ("columns", "options", "expressions", "opclasses")
    return tuple(IndexSeen(**{**row, **{name: tuple(row[name]) for name in lists}}) for row in rows)


def see_index(connection: psycopg.Connection[Any], change: Change) -> IndexSeen | None:
    """The index that the change names; None when there is none."""
    seen = see_indexes(connection, change.schema, change.table, change.index_name)
    return next((index for index in seen if index.name == change.index_name), None)


# --- the shape that was approved ---


def spec_to_detail(spec: IndexSpec) -> dict[str, Any]:
    """`spec` as JSON values; what only some indexes have is there only for those."""
    rest = {
        "method": "" if spec.method == "btree" else spec.method,
        "computed": list(spec.computed) if any(spec.computed) else [],
        "opclasses": list(spec.opclasses) if any(spec.opclasses) else [],
        "nulls": list(spec.nulls) if any(spec.nulls) else [],
    }
    return {
        "columns": list(spec.columns),
        "descending": list(spec.descending),
        "include": list(spec.include),
        "predicate": spec.predicate,
        **{name: value for name, value in rest.items() if value},
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
        str(kept.get("method", "btree")),
        tuple(bool(value) for value in kept.get("computed", ())),
        tuple(map(str, kept.get("opclasses", ()))),
        tuple(map(str, kept.get("nulls", ()))),
    )


def options_of(spec: IndexSpec) -> tuple[int, ...]:
    """pg_index.indoption that `spec` makes."""
    return tuple(_option(spec, position) for position in range(len(spec.columns)))


def _option(spec: IndexSpec, position: int) -> int:
    down = bool(spec.descending) and spec.descending[position]
    nulls = (spec.nulls[position] if spec.nulls else "") or ("FIRST" if down else "LAST")
    return _DESC * down + _NULLS_FIRST * (nulls == "FIRST")


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
    same = (
        not (seen.is_unique or seen.constraint)
        and seen.own_collations
        and seen.key_count == len(spec.columns)
        and seen.columns[seen.key_count :] == spec.include
        and _same_keys(seen, spec, trusting=just_built)
        and seen.options == options_of(spec)
        and (just_built or same_predicate(seen.predicate, spec.predicate))
    )
    return "" if same else f"its definition is: {seen.definition}"


def _same_keys(seen: IndexSeen, spec: IndexSpec, *, trusting: bool = False) -> bool:
    """Whether the first keys of `seen` are those of `spec`, under the same method and operator classes.

    `trusting`: that an expression is one suffices, because its text is what this session has sent.
    """
    if seen.method != spec.method or seen.key_count < len(spec.columns):
        return False
    for position, key in enumerate(spec.columns):
        wanted = spec.opclasses[position].rpartition(".")[2] if spec.opclasses else ""
        if seen.opclasses[position] != wanted:
            return False
        if not spec.is_computed(position):
            if seen.columns[position] != key:
                return False
        elif not seen.expressions[position] or not (trusting or same_expression(seen.expressions[position], key)):
            return False
    return True


def covers(seen: IndexSeen, spec: IndexSpec) -> bool:
    """Whether a valid index already does what `spec` would: same rows, same leading keys and order either way round.

    One over all rows does not stand for a partial one: that is smaller and answers its condition too. Only a B-tree
    and a GiST index serve their leading keys alone; of the other methods the keys must be the same in number.
    """
    if not seen.usable or not seen.own_collations or not same_predicate(seen.predicate, spec.predicate):
        return False
    length = len(spec.columns)
    if not _same_keys(seen, spec) or (seen.method not in ("btree", "gist") and seen.key_count != length):
        return False
    wanted, have = options_of(spec), seen.options[:length]
    backwards = tuple(option ^ (_DESC | _NULLS_FIRST) for option in wanted)
    return have in (wanted, backwards) and set(spec.include) <= set(seen.columns)


# --- what it means ---


def outcome_of_index(
    change: Change, seen: IndexSeen | None, *, wanted: bool, just_built: bool = False
) -> tuple[Outcome, str]:
    """The verdict on a change that makes (`wanted`) or removes its index, and its reason as one sentence. `just_built`
    as for `difference`."""
    name = f"{change.schema}.{change.index_name}"
    if seen is None:
        return (Outcome.NOT_DONE if wanted else Outcome.DONE), f"The index {name} is not on the server"
    if why := difference(change, seen, just_built=just_built):
        return Outcome.CONFLICT, f"The index {name} is not the approved one: {why}"
    if not seen.usable:
        return Outcome.HALF, f"The index {name} is there, but invalid"
    return (Outcome.DONE if wanted else Outcome.NOT_DONE), f"The index {name} is there and valid"
