"""A CREATE INDEX that a person has written, read against the server it is for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from optischema_tui.core.advise.naming import index_name
from optischema_tui.core.change.catalog import ask, name_fits, resolve
from optischema_tui.core.change.kinds.words import Words
from optischema_tui.core.change.on_table import KINDS_OF_RELATION
from optischema_tui.core.change.shape import shape_problem
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.index_text import IndexNotRead, IndexText, read_index_text

if TYPE_CHECKING:
    import psycopg

TAKES_INDEX = ("r", "m", "p")
_NULLS_NOT_DISTINCT_SINCE = 150000
_EXAMPLE = "CREATE INDEX [name] ON table (column, ..) [WHERE condition]"
UNIQUE_CAUTION = (
    "From the moment its build begins, writes that break the uniqueness fail; when rows break it already, the build "
    "ends with an error and is removed again"
)


@dataclass(frozen=True, slots=True)
class Written:
    spec: IndexSpec
    name: str
    """As written, or made."""
    relkind: str
    """Of the table: r, m, or p for a partitioned one."""


def read_written(connection: psycopg.Connection[Any], sql: str) -> Written | None:
    """None when `sql` is no CREATE INDEX. Raises ChangeRefused, with the reason, when it is one and not carried out."""
    words = Words(sql)
    if not words.take("CREATE", "INDEX") and not words.take("CREATE", "UNIQUE", "INDEX"):
        return None
    try:
        text = read_index_text(sql, lambda table: "")
    except IndexNotRead as why:
        raise ChangeRefused("This CREATE INDEX is not understood", str(why), f"Write it as: {_EXAMPLE}") from None
    table = _table(connection, text)
    spec = replace(text.spec, schema=str(table["schema"]), table=str(table["name"]))
    if problem := shape_problem(spec):
        raise ChangeRefused(
            "This index is not built by this program", problem, "When it is what you want, run its SQL yourself"
        )
    if spec.nulls_not_distinct and connection.info.server_version < _NULLS_NOT_DISTINCT_SINCE:
        raise ChangeRefused("This server knows no NULLS NOT DISTINCT", todo="It came with PostgreSQL 15")
    if text.name and not name_fits(text.name):
        raise ChangeRefused(
            f"The name {one_line(text.name, 80)} is longer than 63 bytes", "The server would cut it", "Choose another"
        )
    return Written(spec, text.name or free_name(connection, spec), str(table["relkind"]))


def _table(connection: psycopg.Connection[Any], text: IndexText) -> dict[str, Any]:
    spec = text.spec
    name = ".".join(one_line(part, 80) for part in (spec.schema, spec.table) if part)
    found = resolve(connection, spec.schema, spec.table)
    if found is None:
        raise ChangeRefused(f"There is no table {name}", todo="Write its name with its schema")
    kind, schema = str(found["relkind"]), str(found["schema"])
    if kind not in TAKES_INDEX:
        what = KINDS_OF_RELATION.get(kind, "relation of another kind")
        raise ChangeRefused(f"{name} is a {what}, which takes no index", todo="Name the table that holds the rows")
    if found["persistence"] == "t" or schema in ("pg_catalog", "pg_toast", "information_schema"):
        raise ChangeRefused(f"{name} is a temporary table or one of the server's own", todo="Name a table of yours")
    if text.only:
        raise ChangeRefused(
            "ONLY is not carried out",
            "The index of a partitioned table is built partition by partition, which makes all of it",
            "Write it without ONLY",
        )
    return found


def free_name(connection: psycopg.Connection[Any], spec: IndexSpec, taken: set[str] | None = None) -> str:
    """A name for `spec` that nothing in its schema has, and that is not among `taken`."""
    known = set(taken or ())
    while True:
        name = index_name(spec, known)
        if not ask(connection, "named", schema=spec.schema, name=name):
            return name
        known.add(name)


def size_estimate(connection: psycopg.Connection[Any], spec: IndexSpec) -> int:
    """Bytes that a B-tree or hash index would have, an upper bound for a partial one; 0 where it cannot be told.

    Rows x (8 bytes of tuple header + 4 of line pointer + mean widths, aligned) at 90 % fill, as PostgreSQL's nbtree
    packs its leaves; an expression is taken for 16 bytes.
    """
    if spec.method not in ("btree", "hash"):
        return 0
    plain = [name for position, name in enumerate(spec.columns) if not spec.is_computed(position)]
    rows = ask(connection, "key_widths", schema=spec.schema, table=spec.table, columns=[*plain, *spec.include])
    if not rows:
        return 0
    width = int(rows[0]["width"]) + 16 * (len(spec.columns) - len(plain))
    return int(int(rows[0]["rows"]) * (12 + -(-width // 8) * 8) / 0.9)
