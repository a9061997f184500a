"""Statements that give relations of the lab the sizes and column statistics of the target."""

from __future__ import annotations

from collections.abc import Collection

from optischema_tui.core.lab.ddl import Statement, literal
from optischema_tui.core.lab.image import ColumnStatistics, Image

_TEXT_ARGUMENTS = (
    ("common_values", "most_common_vals", "text"),
    ("common_freqs", "most_common_freqs", "real[]"),
    ("histogram", "histogram_bounds", "text"),
    ("correlation", "correlation", "real"),
    ("common_elements", "most_common_elems", "text"),
    ("common_element_freqs", "most_common_elem_freqs", "real[]"),
    ("element_counts", "elem_count_histogram", "real[]"),
    ("range_lengths", "range_length_histogram", "text"),
    ("range_empty_frac", "range_empty_frac", "real"),
    ("range_bounds", "range_bounds_histogram", "text"),
)


def relation_statements(image: Image, present: Collection[tuple[str, str]]) -> list[Statement]:
    """relpages, reltuples and relallvisible of every relation in `present` ((schema, name) in the lab)."""
    return [
        Statement(
            f"size of {relation.schema}.{relation.name}",
            relation_sql(relation.schema, relation.name, relation.pages, relation.rows, relation.all_visible),
            (relation.schema, relation.name),
        )
        for relation in image.relations.values()
        if relation.kind in "rpmiI" and (relation.schema, relation.name) in present
    ]


def relation_sql(schema: str, name: str, pages: int, rows: float, all_visible: int = 0) -> str:
    return (
        f"SELECT pg_catalog.pg_restore_relation_stats('schemaname', {literal(schema)}::text,"
        f" 'relname', {literal(name)}::text, 'relpages', {pages}::int, 'reltuples', {rows:.9g}::real,"
        f" 'relallvisible', {all_visible}::int)"
    )


def column_statements(image: Image, present: Collection[tuple[str, str]]) -> list[Statement]:
    """Column statistics of every relation in `present`; those of index expressions go by number, others by name."""
    made = []
    for row in image.statistics:
        relation = image.relations[row.relation]
        if (relation.schema, relation.name) in present:
            by_number = relation.kind in "iI"
            sql = column_sql(relation.schema, relation.name, row, by_number=by_number)
            what = f"statistics of {relation.schema}.{relation.name}.{row.column}"
            made.append(Statement(what, sql, (relation.schema, relation.name)))
    return made


def column_sql(schema: str, relation: str, row: ColumnStatistics, *, by_number: bool) -> str:
    which = f"'attnum', {row.number}::smallint" if by_number else f"'attname', {literal(row.column)}::text"
    parts = [
        f"'schemaname', {literal(schema)}::text, 'relname', {literal(relation)}::text, {which}",
        f"'inherited', {str(row.inherited).lower()}::boolean, 'null_frac', {row.null_frac:.9g}::real",
        f"'avg_width', {row.width}::int, 'n_distinct', {row.n_distinct:.9g}::real",
    ]
    for field, argument, kind in _TEXT_ARGUMENTS:
        value: str | None = getattr(row, field)
        if value is not None:
            parts.append(f"'{argument}', {literal(value)}::{kind}")
    return f"SELECT pg_catalog.pg_restore_attribute_stats({', '.join(parts)})"
