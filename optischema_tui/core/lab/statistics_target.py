"""Statistics of a column as another statistics target would make them, for the length of a block."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from optischema_tui.core.errors import LabError
from optischema_tui.core.lab.arrays import array_text, parse_array
from optischema_tui.core.lab.ddl import Statement, literal
from optischema_tui.core.lab.facts import leaves
from optischema_tui.core.lab.image import Column, ColumnStatistics, Image, Relation
from optischema_tui.core.lab.load import run_once
from optischema_tui.core.lab.sampler import Sampler
from optischema_tui.core.lab.statistics import column_sql
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    from psycopg import Connection

MOST = 10_000
"""PostgreSQL's largest statistics target."""
_ALL_COMMON = 0.999


@contextmanager
def statistics_target_set(
    builder: Connection[Any], image: Image, table: Relation, name: str, target: int, sampler: Sampler | None
) -> Iterator[None]:
    """Replace the statistics of column `name` of `table` and its partitions, and put the former ones back.

    `builder` owns the tables. Raises LabError, nothing being changed then.
    """
    if not 1 <= target <= MOST:
        raise LabError(f"A statistics target lies between 1 and {MOST:,}", f"{target} was asked for")
    before = _rows(image, table, name)
    after = [
        (relation, _made(builder, relation, column, row, target, sampler) if row is not None else row)
        for relation, column, row in before
    ]
    former = [(relation, row) for relation, _, row in before]
    try:
        _write(builder, after)
        yield
    finally:
        if not builder.closed:
            _write(builder, former)


def _rows(image: Image, table: Relation, name: str) -> list[tuple[Relation, Column, ColumnStatistics | None]]:
    """The column's statistics in the table and in each of its partitions."""
    found: list[tuple[Relation, Column, ColumnStatistics | None]] = []
    relations = [table, *(leaf for leaf in leaves(image, table) if leaf.oid != table.oid)]
    known = {(row.relation, row.number, row.inherited): row for row in image.statistics}
    for relation in relations:
        column = next((column for column in relation.columns if column.name == name and not column.dropped), None)
        if column is None:
            where = f"{one_line(relation.schema)}.{one_line(relation.name)}"
            raise LabError(f"The table {where} has no column {one_line(name)}")
        for inherited in (False, True):
            row = known.get((relation.oid, column.number, inherited))
            if row is not None:
                found.append((relation, column, row))
    if not found:
        raise LabError(
            f"The column {one_line(name)} has no statistics",
            "The table was never analyzed",
            "Run ANALYZE on it and build the lab again",
        )
    return found


def _made(
    builder: Connection[Any],
    relation: Relation,
    column: Column,
    row: ColumnStatistics,
    target: int,
    sampler: Sampler | None,
) -> ColumnStatistics:
    """What ANALYZE would keep with `target`."""
    common = parse_array(row.common_values or "{}")
    bounds = parse_array(row.histogram or "{}")
    shares = [float(share) for share in parse_array(row.common_freqs or "{}")]
    complete = not bounds and row.null_frac + sum(shares) >= _ALL_COMMON
    if target < max(len(common), len(bounds) - 1):
        return lowered(builder, column, row, target)
    if complete or target == max(len(common), len(bounds) - 1):
        return row
    found = sampler.column(relation.schema, relation.name, column.name, target) if sampler is not None else None
    if found is None:
        raise LabError(
            f"What ANALYZE finds with a statistics target of {target} is not known",
            f"The statistics of {one_line(column.name)} have"
            f" {len(common)} common values and {max(0, len(bounds) - 1)} ranges, and "
            + ("the target gave no larger sample" if sampler is not None else "the rows were not sampled"),
            "A lower statistics target can be tried without a sample",
        )
    return replace(found, relation=row.relation, number=row.number, column=row.column, inherited=row.inherited)


def lowered(builder: Connection[Any], column: Column, row: ColumnStatistics, target: int) -> ColumnStatistics:
    """`row` with at most `target` common values and ranges: the rarest common values go back among the others, of
    which the histogram keeps every so many-th."""
    common = parse_array(row.common_values or "{}")
    shares = [float(share) for share in parse_array(row.common_freqs or "{}")]
    bounds = parse_array(row.histogram or "{}")
    kept = min(target, len(common))
    rest = max(0.0, 1.0 - row.null_frac - sum(shares))
    others = [(value, share) for value, share in zip(common[kept:], shares[kept:], strict=True)]
    weighed = [(value, rest / max(1, len(bounds))) for value in bounds] + others
    changed = replace(
        row,
        common_values=array_text(common[:kept]) if kept else None,
        common_freqs=array_text([f"{share:.9g}" for share in shares[:kept]]) if kept else None,
    )
    if not column.has_btree or not weighed:
        return changed
    ordered = _sorted(builder, column, weighed) if others else weighed
    return replace(changed, histogram=array_text(_quantiles(ordered, target)) if len(ordered) > 1 else None)


def _quantiles(ordered: Sequence[tuple[str, float]], ranges: int) -> list[str]:
    """The values that cut `ordered` into `ranges` parts of equal weight, both ends included, none twice."""
    total = sum(weight for _, weight in ordered)
    picked, at, passed = [ordered[0][0]], 0, ordered[0][1] / 2
    for number in range(1, ranges):
        while at < len(ordered) - 1 and passed < number / ranges * total:
            at += 1
            passed += (ordered[at - 1][1] + ordered[at][1]) / 2
        picked.append(ordered[at][0])
    return list(dict.fromkeys([*picked, ordered[-1][0]]))


def _sorted(builder: Connection[Any], column: Column, weighed: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """In the order of the column's type, which the lab's server knows."""
    import psycopg

    values = literal(array_text([value for value, _ in weighed]))
    collate = f" COLLATE {column.collation}" if column.collation else ""
    # The cast is of an array that this program wrote, to a type that the lab has: no row is read.
    sql = (
        f"SELECT n::int FROM unnest({values}::{column.type}[]) WITH ORDINALITY AS v (value, n)"
        f" ORDER BY value{collate}, n"
    )
    try:
        return [weighed[number - 1] for (number,) in builder.execute(sql.encode())]
    except psycopg.Error as error:
        raise LabError(
            f"The values of {one_line(column.name)} cannot be put in order",
            one_line(error.diag.message_primary or str(error), 300),
        ) from error


def _write(builder: Connection[Any], rows: Sequence[tuple[Relation, ColumnStatistics | None]]) -> None:
    statements = []
    for relation, row in rows:
        if row is None:
            continue
        clear = (
            f"SELECT pg_catalog.pg_clear_attribute_stats({literal(relation.schema)}, {literal(relation.name)},"
            f" {literal(row.column)}, {str(row.inherited).lower()})"
        )
        # Clearing first: what the new row does not have must not stay.
        restore = column_sql(relation.schema, relation.name, row, by_number=False)
        statements.append(Statement(f"{relation.name}.{row.column}", f"{clear}; {restore}"))
    failed = run_once(builder, statements)
    if failed:
        raise LabError("The statistics cannot be replaced in the lab", str(failed[0]))
