"""The share of a table's rows that satisfy the condition of a partial index, by the statistics of its columns."""

from __future__ import annotations

from optischema_tui.core.advise.reading.conditions import Comparison, Kind, comparisons
from optischema_tui.core.models import ColumnFacts, TableFacts
from optischema_tui.core.workload.lexer import Token

_GUESS = 1.0 / 3.0
"""For a comparison that the statistics say nothing about, as the planner has it."""


def matching_share(predicate: str, table: TableFacts) -> float:
    """0-1, columns taken to be independent of each other; 1 for an empty condition.

    A rough figure for sentences and for upkeep: sizes and plans come from the planner.
    """
    share = 1.0
    columns = {column.name: column for column in table.columns}
    for one in comparisons(predicate) if predicate else ():
        reference = one.left.column
        column = columns.get(reference.name) if reference is not None else None
        share *= _share(one, column) if column is not None and not one.in_or else _GUESS
    return min(1.0, max(0.0, share))


def _share(one: Comparison, column: ColumnFacts) -> float:
    operator = one.operator.lower()
    if operator == "is":
        return column.null_frac
    if operator in ("is not", "isnot") or (one.kind is Kind.NONE and not _values(one)):
        return 1.0 - column.null_frac
    if operator in ("", "not"):
        return _frequency(column, "f" if operator == "not" else "t")
    values = _values(one)
    if values and one.kind in (Kind.EQUAL, Kind.ANY):
        return min(1.0, sum(_frequency(column, value) for value in values))
    if values and one.kind is Kind.NONE:
        return max(0.0, 1.0 - column.null_frac - sum(_frequency(column, value) for value in values))
    return _GUESS


def _frequency(column: ColumnFacts, value: str) -> float:
    """Of one value: from the most common ones, else an even share of the rest."""
    known = dict(zip(column.most_common_vals, column.most_common_freqs, strict=False))
    if value in known:
        return known[value]
    rest = max(0.0, 1.0 - column.null_frac - sum(known.values()))
    distinct = column.n_distinct if column.n_distinct > 0 else 0.0
    others = distinct - len(known)
    return rest / others if others >= 1 else min(rest, 0.005)


def _values(one: Comparison) -> list[str]:
    """The literals of the right side, as the statistics spell them; of an array literal, its elements."""
    values = [_literal(token) for token in one.right.tokens if token.kind in ("string", "number")]
    if len(values) == 1 and one.quantified and values[0].startswith("{"):
        return [each.strip('"') for each in values[0][1:-1].split(",")]
    return values


def _literal(token: Token) -> str:
    return token.text[1:-1].replace("''", "'") if token.kind == "string" else token.text
