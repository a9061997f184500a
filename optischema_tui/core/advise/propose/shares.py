"""What share of a table's rows a condition keeps, from its statistics alone."""

from __future__ import annotations

import re
from itertools import pairwise

from optischema_tui.core.advise.propose.columns import column_of, distinct
from optischema_tui.core.advise.reading.conditions import Kind
from optischema_tui.core.advise.reading.text import joined, unwrapped
from optischema_tui.core.advise.reading.use import Term
from optischema_tui.core.models import ColumnFacts, TableFacts
from optischema_tui.core.workload.lexer import Token, significant

_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?")
_ELEMENT = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,{}"]+)')


def share(term: Term, table: TableFacts) -> float | None:
    """0-1; None where the statistics do not tell."""
    column = column_of(table, term.key.text) if term.key is not None and not term.key.computed else None
    if column is None or not (column.n_distinct or column.null_frac):
        return None
    if term.operator == "is":
        return column.null_frac
    if term.operator == "is not null":
        return 1.0 - column.null_frac
    if term.operator in ("", "not"):
        return value_share(column, "f" if term.operator == "not" else "t", table.rows)
    values = literals(term.value)
    if values is None:
        return None
    if term.kind in (Kind.EQUAL, Kind.ANY):
        return min(1.0, sum(value_share(column, value, table.rows) for value in dict.fromkeys(values)))
    if term.operator in ("<>", "!="):
        shut_out = sum(value_share(column, value, table.rows) for value in dict.fromkeys(values))
        return max(0.0, 1.0 - column.null_frac - shut_out)
    return _range_share(column, term, values[0]) if term.kind is Kind.RANGE else None


def value_share(column: ColumnFacts, value: str, rows: float) -> float:
    """Share of the rows that hold `value`."""
    common = dict(zip(column.most_common_vals, column.most_common_freqs, strict=False))
    if value in common:
        return common[value]
    left = max(0.0, 1.0 - column.null_frac - sum(common.values()))
    others = distinct(column, rows) - len(common)
    return left / others if others >= 1 else 0.0


def literals(text: str) -> list[str] | None:
    """The values of a deparsed constant (`'new'::text`, `5`, `'{a,b}'::text[]`, `true`); None when it is none."""
    stream = unwrapped(list(significant(text)))
    cast = next((place for place, token in enumerate(stream) if token.text == "::"), len(stream))
    bare, kind = unwrapped(stream[:cast]), joined(stream[cast + 1 :])
    while any(token.text == "::" for token in bare):
        bare = unwrapped(bare[: next(place for place, token in enumerate(bare) if token.text == "::")])
    if len(bare) != 1:
        return [joined(bare)] if _NUMBER.fullmatch(joined(bare)) else None
    value = _value(bare[0])
    if value is None:
        return None
    if kind.endswith(("[]", "[])")):
        return [quoted or plain for quoted, plain in _elements(value)]
    return [value]


def _elements(text: str) -> list[tuple[str, str]]:
    return [(found[1].replace('\\"', '"').replace("\\\\", "\\") if found[1] is not None else "", found[2] or "")
            for found in _ELEMENT.finditer(text)]  # fmt: skip


def _value(token: Token) -> str | None:
    if token.kind == "number":
        return token.text
    if token.kind == "word" and token.text.lower() in ("true", "false"):
        return token.text.lower()[0]
    if token.kind != "string" or not token.text.startswith("'"):
        return None
    return token.text[1:-1].replace("''", "'")


def _range_share(column: ColumnFacts, term: Term, value: str) -> float | None:
    """Of numbers only: the common values and the histogram on the right side of `value`."""
    if not _NUMBER.fullmatch(value):
        return None
    limit = float(value)
    below = term.operator.startswith("<")
    try:
        common = [
            (float(one), freq) for one, freq in zip(column.most_common_vals, column.most_common_freqs, strict=False)
        ]
        bounds = [float(bound) for bound in column.histogram_bounds]
    except ValueError:
        return None
    kept = sum(freq for one, freq in common if (one < limit if below else one > limit) or _touches(term, one, limit))
    rest = max(0.0, 1.0 - column.null_frac - sum(freq for _, freq in common))
    if len(bounds) < 2:
        return kept + rest / 3
    part = sum(_below(low, high, limit) for low, high in pairwise(bounds)) / (len(bounds) - 1)
    return min(1.0, kept + rest * (part if below else 1.0 - part))


def _touches(term: Term, one: float, limit: float) -> bool:
    return one == limit and term.operator in ("<=", ">=")


def _below(low: float, high: float, limit: float) -> float:
    if limit >= high:
        return 1.0
    return 0.0 if limit <= low else (limit - low) / (high - low)
