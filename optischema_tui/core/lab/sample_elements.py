"""Statistics of the elements of arrays and the words of tsvectors, from a sample: GIN indexes are planned by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from optischema_tui.core.lab.arrays import array_text
from optischema_tui.core.lab.image import ColumnStatistics

MOST_ROWS = 3_000
"""Rows whose elements are counted: a text has hundreds of words."""
PER_TARGET = 10
"""Elements kept for each point of the statistics target (array_typanalyze.c, ts_typanalyze.c)."""
_UNNEST = {"tsvector": "pg_catalog.unnest(pg_catalog.tsvector_to_array(v))", "array": "pg_catalog.unnest(v)"}


def kind_of(type_name: str) -> str:
    """tsvector, array, or empty for a type that has no elements; `type_name` as format_type prints it."""
    if type_name == "tsvector":
        return type_name
    return "array" if type_name.endswith("[]") else ""


def elements_sql(text: str, source: str, how: str, target: int, kind: str) -> str:
    """(rows that are not NULL, rows with an element that is NULL, element, rows that hold it), the elements in order.

    The order is the one that the planner searches in: tsvectors by length, then bytes (ts_selfuncs.c), arrays by their
    elements' own.
    """
    order = 'pg_catalog.octet_length(value), value COLLATE "C"' if kind == "tsvector" else "e"
    return f"""
WITH taken AS MATERIALIZED (
    SELECT ({text}) AS v FROM {source} {how} LIMIT {MOST_ROWS}
), numbered AS MATERIALIZED (
    SELECT pg_catalog.row_number() OVER () AS n, v FROM taken WHERE v IS NOT NULL
), elements AS MATERIALIZED (
    SELECT DISTINCT n, e FROM numbered CROSS JOIN LATERAL {_UNNEST[kind]} AS e
), counted AS (
    SELECT e, pg_catalog.format('%s', e) AS value, pg_catalog.count(*) AS times
    FROM elements WHERE e IS NOT NULL GROUP BY e
    HAVING pg_catalog.count(*) > 1 AND pg_catalog.octet_length(pg_catalog.format('%s', e)) <= 1024
    ORDER BY times DESC, value LIMIT {PER_TARGET * target}
)
SELECT (SELECT pg_catalog.count(*) FROM numbered), (SELECT pg_catalog.count(*) FROM elements WHERE e IS NULL),
       value, times
FROM (SELECT) AS one LEFT JOIN counted ON true
ORDER BY {order}
"""


def with_elements(
    row: ColumnStatistics, found: Sequence[tuple[int, int, str | None, int | None]], kind: str
) -> ColumnStatistics:
    """`row` with the common elements, from the answer to `elements_sql`.

    Of a tsvector ANALYZE keeps nothing else. The numbers end with the least and the greatest frequency, and those of
    arrays with that of NULL elements.
    """
    if kind == "tsvector":
        row = replace(row, n_distinct=row.null_frac - 1.0, common_values=None, common_freqs=None, histogram=None)
        row = replace(row, correlation=None)
    rows, with_null = (found[0][0], found[0][1]) if found else (0, 0)
    common = [(value, times / rows) for _, _, value, times in found if value is not None and times is not None]
    if not common:
        return row
    shares = [share for _, share in common]
    numbers = [*shares, min(shares), max(shares), *([with_null / rows] if kind == "array" else [])]
    return replace(
        row,
        common_elements=array_text(value for value, _ in common),
        common_element_freqs="{" + ",".join(f"{number:.9g}" for number in numbers) + "}",
    )
