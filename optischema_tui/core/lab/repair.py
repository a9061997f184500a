"""The smallest and largest values of indexed columns: the target's planner looks them up, its statistics lack them.

selfuncs.c, get_actual_variable_range: a comparison that falls into the first or last bin of a histogram makes the
planner read the end of a B-tree that begins with the column. The lab's B-trees are empty, so the values go into its
histogram instead. Merge joins, for which the planner does not look, then see the true ends too.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.lab.arrays import array_text, parse_array
from optischema_tui.core.lab.image import BLOCK_SIZE, ColumnStatistics, Image, Relation
from optischema_tui.core.models import quote
from optischema_tui.core.target.sql import MARK, load
from optischema_tui.core.workload.plan import PlanNode, parse_plan

if TYPE_CHECKING:
    from psycopg import Connection

PACKAGE = "optischema_tui.core.lab"
MOST_PROBES = 50
PROBE_MS = 100
ALL_SECONDS = 1.0
MOST_COST = 50.0
"""Planner units that finding one end may cost: a handful of pages."""
WIDEST = 1024
"""Bytes of a value that ANALYZE still puts into a histogram (analyze.c, WIDTH_THRESHOLD)."""
STALE_SHARE = 0.02
"""Share of a table's rows that must have changed before unknown ends are worth a word."""
_PROBES = frozenset(("Index Scan", "Index Only Scan"))


@dataclass(frozen=True, slots=True)
class _End:
    """A column whose ends the target's planner would look up."""

    table: Relation
    number: int
    name: str
    order: int
    """As pg_index.indoption: bit 0 descending, bit 1 NULLS FIRST."""
    scans: int = 0
    """Of its index, as the server has counted them."""

    @property
    def key(self) -> tuple[int, int]:
        return (self.table.oid, self.number)

    def ways(self) -> tuple[str, str]:
        """The two orders in which the index can be read, smallest value first."""
        up = "NULLS FIRST" if bool(self.order & 2) != bool(self.order & 1) else "NULLS LAST"
        down = "NULLS LAST" if up == "NULLS FIRST" else "NULLS FIRST"
        return (f"ASC {up}", f"DESC {down}")


def repair(connection: Connection[Any], image: Image, *, allowed: bool = True, clock: Clock = SYSTEM) -> Image:
    """`image` with the present ends in the histograms of columns that lead a B-tree, as far as they can be had.

    At most MOST_PROBES index probes, changed tables and large ones first, each of PROBE_MS, all in ALL_SECONDS, and
    only where the role has SELECT and the target's planner finds both ends by an index. An index that nobody has
    scanned must not look used afterwards: it is read only where the role may do so uncounted. The session must be in
    autocommit (else nothing is read), with the formats of the catalog reader; its statement_timeout changes.
    With `allowed` false nothing is read. What stays unknown of changed tables is in `unknown_ends` and in `not_read`.
    Raises only when the session is lost.
    """
    wanted = _ends(image)
    if not wanted:
        return image
    known = _probe_all(connection, wanted, clock) if allowed and connection.autocommit else {}
    statistics = tuple(_with_ends(row, known.get((row.relation, row.number))) for row in image.statistics)
    unknown = [end for end in wanted if end.key not in known and _changed(end.table) >= STALE_SHARE]
    return replace(
        image,
        statistics=statistics,
        unknown_ends=frozenset(end.key for end in unknown),
        not_read=(*image.not_read, *_sentences(unknown, allowed)),
    )


def _ends(image: Image) -> list[_End]:
    histograms = {
        (row.relation, row.number)
        for row in image.statistics
        if not row.inherited and row.histogram is not None and row.number > 0
    }
    found: dict[tuple[int, int], _End] = {}
    for index in image.indexes.values():
        table = image.relations[index.relation]
        usual = index.method == "btree" and index.valid and not index.predicate and not any(index.opclasses[:1])
        key = (table.oid, index.numbers[0])
        if usual and table.kind in "rm" and key in histograms:
            scans = image.relations[index.oid].scans
            found.setdefault(key, _End(table, index.numbers[0], index.columns[0], index.options[0], scans))
    return sorted(found.values(), key=lambda end: (-min(1.0, _changed(end.table)), -end.table.size_bytes, end.key))


def _changed(table: Relation) -> float:
    """Share of the rows that changed since ANALYZE; growth counts too, for counters do not survive every restart."""
    grown = table.size_bytes / BLOCK_SIZE - table.pages
    by_count = table.modified / max(1.0, table.rows)
    return max(by_count, grown / max(1.0, float(table.pages)) if table.rows >= 0 else 0.0)


def _probe_all(connection: Connection[Any], wanted: list[_End], clock: Clock) -> dict[tuple[int, int], tuple[str, str]]:
    oids = sorted({end.table.oid for end in wanted})
    query = load(PACKAGE, "readable", connection.info.server_version).encode()
    readable = {oid for (oid,) in connection.execute(query, {"oids": oids})}
    session = load(PACKAGE, "session", connection.info.server_version).encode()
    connection.execute(session, {"names": ["statement_timeout"], "values": [f"{PROBE_MS}ms"]})
    known = {}
    deadline = clock.monotonic() + ALL_SECONDS
    for end in [end for end in wanted if end.table.oid in readable][:MOST_PROBES]:
        if clock.monotonic() > deadline:
            break
        found = _probe(connection, end)
        if found is not None:
            known[end.key] = found
    return known


def _probe(connection: Connection[Any], end: _End) -> tuple[str, str] | None:
    """Both ends as text; None when the target would not find them by an index, or not in time."""
    from psycopg import Error

    column, table = quote(end.name), f"{quote(end.table.schema)}.{quote(end.table.name)}"
    # format() uses the type's output function, where a cast to text could be a function of the table's owner
    sides = ", ".join(
        f"(SELECT CASE WHEN pg_column_size({column}) <= {WIDEST} THEN format('%s', {column}) END"
        f" FROM ONLY {table} WHERE {column} IS NOT NULL ORDER BY {column} {way} LIMIT 1)"
        for way in end.ways()
    )
    try:
        with nullcontext() if end.scans else connection.transaction():
            if not end.scans:
                connection.execute(load(PACKAGE, "uncounted", connection.info.server_version).encode())
            planned = connection.execute(f"EXPLAIN (FORMAT JSON) {MARK} SELECT {sides}".encode()).fetchone()
            if planned is None or not _by_index(parse_plan(planned[0])):
                return None
            row = connection.execute(f"SELECT {MARK} {sides}".encode()).fetchone()
    except Error:
        if connection.closed:
            raise
        return None
    return (row[0], row[1]) if row is not None and None not in row else None


def _by_index(plan: PlanNode) -> bool:
    limits = [node for node in plan.walk() if node.node_type == "Limit"]
    leaves = [node for node in plan.walk() if not node.children]
    return (
        len(limits) == len(leaves) == 2
        and all(node.node_type in _PROBES and not node.condition("Filter") for node in leaves)
        and all(node.total_cost <= MOST_COST for node in limits)
    )


def _with_ends(row: ColumnStatistics, ends: tuple[str, str] | None) -> ColumnStatistics:
    if ends is None or row.inherited or row.histogram is None:
        return row
    bounds = parse_array(row.histogram)
    if len(bounds) < 2 or (bounds[0], bounds[-1]) == ends:
        return row
    return replace(row, histogram=array_text((ends[0], *bounds[1:-1], ends[1])))


def _sentences(unknown: Iterable[_End], allowed: bool) -> tuple[str, ...]:
    why = "could not be read (SELECT on the table is needed)" if allowed else "were not read (no row may be)"
    tables: dict[tuple[str, str], list[_End]] = {}
    for end in unknown:
        tables.setdefault((end.table.schema, end.table.name), []).append(end)
    return tuple(
        f"ends of {schema}.{name} ({', '.join(end.name for end in ends)}): of its rows"
        f" {min(1.0, _changed(ends[0].table)):.0%} changed since ANALYZE, and the present smallest and largest values"
        f" {why}: estimates of ranges there are guesses"
        for (schema, name), ends in tables.items()
    )
