"""What the server's catalog says about the index of a change, and what that means for the change."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.kinds.kind import Outcome
from optischema_tui.core.change.predicate import same_expression, same_predicate
from optischema_tui.core.models import Change, IndexSpec, quote
from optischema_tui.core.safe_text import redact
from optischema_tui.core.target.sql import load
from optischema_tui.core.workload.lexer import identifier, significant

if TYPE_CHECKING:
    import psycopg

PACKAGE = "optischema_tui.core.change"
_DESC, _NULLS_FIRST = 1, 2
_MAX_NAME_BYTES = 63
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


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
    collations: tuple[str, ...]
    """Per key column: its collation, qualified, where it is not the column's own; per expression, whatever it has."""
    constraint: str
    extension: str
    """The extension that it is a member of."""
    relkind: str
    """i, or I for one of a partitioned table."""
    table_relkind: str
    check_xmin: bool
    """Transactions older than its build do not use it yet."""
    nulls_not_distinct: bool
    parameters: tuple[str, ...]
    """Storage parameters as `name=value`."""
    tablespace: str
    names_tablespace: bool
    """A statement that makes it again must name its tablespace: it is not where an index comes to lie by itself."""
    comment: str
    statistics: tuple[str, ...]
    """Statistics targets that were set, as `number of the column=target`."""
    goes_with: tuple[str, ...]
    """Extensions whose removal takes it with them (DEPENDS ON EXTENSION)."""
    part_of: tuple[str, ...]
    """(schema, name) of the partitioned index it is attached to; empty for none."""

    @property
    def keys(self) -> tuple[str, ...]:
        return self.columns[: self.key_count]

    @property
    def usable(self) -> bool:
        return self.valid and self.ready and self.live


def see_indexes(connection: psycopg.Connection[Any], schema: str, table: str, name: str) -> tuple[IndexSeen, ...]:
    """Every index of the table, and the index of that name in its schema wherever it belongs."""
    return _see(connection, schema, table, [(schema, name)])


def see_many(connection: psycopg.Connection[Any], names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], IndexSeen]:
    """Of the indexes (schema, name) those that there are."""
    return {(seen.table_schema, seen.name): seen for seen in _see(connection, "", "", names)}


def _see(
    connection: psycopg.Connection[Any], schema: str, table: str, names: Sequence[tuple[str, str]]
) -> tuple[IndexSeen, ...]:
    schemas, relations = [each[0] for each in names], [each[1] for each in names]
    with connection.transaction():
        ask(connection, "plain_path")
        rows = ask(connection, "indexes", schema=schema, table=table, schemas=schemas, names=relations)
    return tuple(IndexSeen(**{key: _frozen(value) for key, value in row.items()}) for row in rows)


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def see_index(connection: psycopg.Connection[Any], change: Change) -> IndexSeen | None:
    """The index that the change names; None when there is none."""
    return see_one(connection, change.schema, change.index_name)


def see_one(connection: psycopg.Connection[Any], schema: str, name: str) -> IndexSeen | None:
    """The index of that name; None when there is none."""
    return see_many(connection, [(schema, name)]).get((schema, name))


def resolve(connection: psycopg.Connection[Any], schema: str, name: str) -> dict[str, Any] | None:
    """One row of resolve.sql for a name that a person wrote, found by the session's search_path where `schema` is
    empty; None when nothing has the name."""
    written = ".".join(map(quote, filter(None, (schema, name))))
    rows = ask(connection, "resolve", name=written)
    return rows[0] if rows else None


# --- the shape that was approved ---


def spec_to_detail(spec: IndexSpec) -> dict[str, Any]:
    """`spec` as JSON values; what only some indexes have is there only for those."""
    rest = {
        "method": "" if spec.method == "btree" else spec.method,
        "computed": list(spec.computed) if any(spec.computed) else [],
        "opclasses": list(spec.opclasses) if any(spec.opclasses) else [],
        "nulls": list(spec.nulls) if any(spec.nulls) else [],
        "unique": spec.unique,
        "nulls_not_distinct": spec.nulls_not_distinct,
        "options": [list(option) for option in spec.options],
        "tablespace": spec.tablespace,
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
    return spec_from(kept, change.schema, change.table) if isinstance(kept, dict) else None


def spec_from(kept: dict[str, Any], schema: str, table: str) -> IndexSpec:
    """What `spec_to_detail` made, on a table."""
    return IndexSpec(
        schema,
        table,
        tuple(kept.get("columns", ())),
        tuple(bool(value) for value in kept.get("descending", ())),
        tuple(kept.get("include", ())),
        str(kept.get("predicate", "")),
        str(kept.get("method", "btree")),
        tuple(bool(value) for value in kept.get("computed", ())),
        tuple(map(str, kept.get("opclasses", ()))),
        tuple(map(str, kept.get("nulls", ()))),
        bool(kept.get("unique")),
        bool(kept.get("nulls_not_distinct")),
        tuple((str(name), str(value)) for name, value in kept.get("options", ())),
        str(kept.get("tablespace", "")),
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
    return "" if is_of(seen, spec, just_built=just_built) else f"its definition is: {seen.definition}"


def is_of(seen: IndexSeen, spec: IndexSpec, *, just_built: bool = False) -> bool:
    """Whether `seen` is what `spec` would make, its table apart; `just_built` as for `difference`."""
    return (
        not seen.constraint
        and (seen.is_unique, seen.nulls_not_distinct) == (spec.unique, spec.nulls_not_distinct)
        and (just_built or _collates(seen.definition) == _collates(*spec.columns, spec.predicate))
        and seen.key_count == len(spec.columns)
        and seen.columns[seen.key_count :] == spec.include
        and _same_keys(seen, spec, trusting=just_built)
        and seen.options == options_of(spec)
        and sorted(seen.parameters) == sorted(f"{name}={value}" for name, value in spec.options)
        and spec.tablespace in ("", seen.tablespace)
        and (just_built or same_predicate(seen.predicate, spec.predicate))
    )


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
            if seen.columns[position] != key or seen.collations[position]:
                return False
        elif not _same_expression(seen, position, key, trusting):
            return False
    return True


def _same_expression(seen: IndexSeen, position: int, key: str, trusting: bool) -> bool:
    """The server keeps an outer COLLATE of a key beside its expression; with it, a mere column becomes an expression
    to who reads the statement, and stays a column to the server."""
    inner, collation = _outer_collate(key)
    if collation and seen.collations[position].rpartition(".")[2] != collation:
        return False
    if seen.columns[position]:
        return bool(collation) and inner == seen.columns[position]
    return trusting or same_expression(seen.expressions[position], f"({inner})" if collation else key)


def _outer_collate(key: str) -> tuple[str, str]:
    """(what is collated, its collation as the server prints it) of a key `(.. COLLATE [schema.]name)`, a column's name
    without quotes; (the key, empty) for another."""
    stream = list(significant(key))
    at = len(stream) - (3 if len(stream) > 3 and stream[-3].text != "." else 5)
    if at < 2 or stream[at].text.lower() != "collate" or (stream[0].text, stream[-1].text) != ("(", ")"):
        return key, ""
    name = identifier(stream[-2])
    inner = identifier(stream[1]) if at == 2 else key[stream[1].start : stream[at].start].strip()
    return inner, name if _PLAIN.fullmatch(name) else quote(name)


def _collates(*texts: str) -> int:
    """How often a collation is named."""
    return sum(
        token.kind == "word" and token.text.upper() == "COLLATE" for text in texts for token in significant(text)
    )


def covers(seen: IndexSeen, spec: IndexSpec) -> bool:
    """Whether a valid index already does what `spec` would: same rows, same leading keys and order either way round.

    One over all rows does not stand for a partial one: that is smaller and answers its condition too. Only a B-tree
    and a GiST index serve their leading keys alone; of the other methods the keys must be the same in number.
    """
    if not seen.usable or not seen.own_collations or not same_predicate(seen.predicate, spec.predicate):
        return False
    length = len(spec.columns)
    if spec.unique and not (
        seen.is_unique and seen.key_count == length and seen.nulls_not_distinct >= spec.nulls_not_distinct
    ):
        return False
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
