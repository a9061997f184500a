"""Conditions that an index on the bare column cannot serve: a function, a cast or arithmetic stands around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from optischema_tui.core.findings.workload import shape
from optischema_tui.core.findings.workload.facts import Facts, LeadingColumn, Seen, of_statement
from optischema_tui.core.models import Finding, Impact, Reason, quote
from optischema_tui.core.workload.lexer import Token, identifier

RULE = "workload.wrapped_predicate"
LEAST_PAGES = 100
LEAST_CALLS = 10
_WHOLE = 0.5
"""Share of the table's pages that a call reads: the index that is there is not used."""
_COMPARES = frozenset(("=", "<", ">", "in", "between", "like", "ilike"))
_BEGINS = frozenset(("and", "or", "not", "("))
_NO_FUNCTIONS = frozenset((
    "in", "any", "all", "some", "exists", "and", "or", "not", "values", "row", "array", "select",
))  # fmt: skip
_INTEGERS = frozenset(("smallint", "integer", "bigint"))
_FRACTIONS = frozenset(("numeric", "decimal", "float8", "float4", "real", "double"))
_TEXTS = frozenset(("text", "character varying", "varchar"))


Leading = Mapping[str, Sequence[LeadingColumn]]
"""By column name."""


class Wrapped(NamedTuple):
    column: LeadingColumn
    how: str
    """What stands around it, in words."""
    code: str
    """function, cast, arithmetic or parameter_type."""


def find(facts: Facts) -> Iterator[Finding]:
    leading = by_name(facts.leading)
    for statement in facts.statements:
        if statement.calls < LEAST_CALLS or statement.blocks_per_call < _WHOLE * LEAST_PAGES:
            continue
        for wrapped in wrapped_columns(statement.text, leading):
            pages = wrapped.column.pages
            # Read as a whole at each call, and for fewer rows than pages: else the index would not be worth its use.
            if pages >= LEAST_PAGES and statement.blocks_per_call >= max(_WHOLE * pages, statement.rows_per_call):
                yield _told(facts, statement, wrapped)
                break


def by_name(columns: Iterable[LeadingColumn]) -> dict[str, list[LeadingColumn]]:
    found: dict[str, list[LeadingColumn]] = {}
    for column in columns:
        found.setdefault(column.column, []).append(column)
    return found


def wrapped_columns(text: str, leading: Leading) -> Iterator[Wrapped]:
    """Those of a text's conditions whose column leads an index, in the order of the text. A column of a table that has
    an index on an expression is passed over: that one may serve it."""
    named = shape.tables(text)
    for clause in shape.conditions(text):
        for place in range(len(clause)):
            if place and shape.word(clause[place - 1]) not in _BEGINS:
                continue
            found = _function(clause, place, named, leading) or _bare(clause, place, named, leading)
            if found and not found.column.computed:
                yield found


def _function(
    clause: Sequence[Token], place: int, named: dict[str, tuple[str, str]], leading: Leading
) -> Wrapped | None:
    """`name ( .. column .. ) compares`; CAST too."""
    name = shape.word(clause[place])
    if clause[place].kind != "word" or name in _NO_FUNCTIONS or _text(clause, place + 1) != "(":
        return None
    end, columns = _closing(clause, place + 1), []
    if shape.word(_at(clause, end + 1)) not in _COMPARES:
        return None
    at = place + 2
    while at < end:
        if shape.word(clause[at]) == "select":
            return None
        column, behind = _column(clause, at, named, leading)
        if column is not None:
            columns.append(column)
        at = max(behind, at + 1)
    if len(columns) != 1:
        return None
    if name == "cast" and _same_text(columns[0], clause[place + 2 : end]):
        return None
    return Wrapped(columns[0], f"{name}() stands around it", "cast" if name == "cast" else "function")


def _bare(clause: Sequence[Token], place: int, named: dict[str, tuple[str, str]], leading: Leading) -> Wrapped | None:
    """`column :: type compares`, `column + value compares`, or `column = $n :: type` of another family."""
    column, at = _column(clause, place, named, leading)
    if column is None:
        return None
    operator = _text(clause, at)
    if operator == "::":
        behind = at + 2 + (shape.word(_at(clause, at + 2)) in ("varying", "precision"))
        if shape.word(_at(clause, behind)) in _COMPARES and not _same_text(column, clause[at + 1 : behind]):
            return Wrapped(column, f"it is cast to {shape.word(_at(clause, at + 1))}", "cast")
    elif operator in ("+", "-", "*", "/"):
        behind = at + 2 + (shape.word(_at(clause, at + 1)) == "interval")
        if shape.word(_at(clause, behind)) in _COMPARES:
            return Wrapped(column, f"it is reckoned with by {operator}", "arithmetic")
    elif operator in ("=", "<", ">"):
        return _other_type(column, clause, at + 1)
    return None


def _other_type(column: LeadingColumn, clause: Sequence[Token], at: int) -> Wrapped | None:
    """A value of a type that the server casts the column to, since it has no comparison of the two."""
    at += _text(clause, at) == "="
    value, cast = _at(clause, at), ""
    if value is not None and value.kind in ("param", "number", "string") and _text(clause, at + 1) == "::":
        cast = shape.word(_at(clause, at + 2))
    elif shape.word(value) == "cast" and _text(clause, at + 3) == "as":
        cast = shape.word(_at(clause, at + 4))
    fraction = column.type_name in _INTEGERS and cast in _FRACTIONS
    padded = column.type_name == "character" and cast in _TEXTS
    if fraction or padded:
        return Wrapped(column, f"it is {column.type_name} and is compared with a value of type {cast}",
                       "parameter_type")  # fmt: skip
    return None


def _column(
    clause: Sequence[Token], at: int, named: dict[str, tuple[str, str]], leading: Leading
) -> tuple[LeadingColumn | None, int]:
    """The indexed column that is named at `at`, and where its name ends."""
    first = _at(clause, at)
    if first is None or first.kind not in ("word", "quoted") or (at and _text(clause, at - 1) == "."):
        return None, at
    name, owners, end = identifier(first), set(named.values()), at + 1
    if _text(clause, end) == "." and (second := _at(clause, end + 1)) is not None:
        if name not in named:
            return None, end + 2
        owners, name, end = {named[name]}, identifier(second), end + 2
    if _text(clause, end) in ("(", "."):
        return None, end
    fits = [
        column
        for column in leading.get(name, ())
        if (column.schema, column.table) in owners or ("", column.table) in owners
    ]
    # The same table name in two schemas: which one is meant is not known here.
    return (fits[0] if len(fits) == 1 else None), end


def _same_text(column: LeadingColumn, cast: Sequence[Token]) -> bool:
    """varchar and text share their index: a cast between them costs nothing."""
    return column.type_name in _TEXTS and any(shape.word(token) in _TEXTS | {"varying"} for token in cast)


def _closing(clause: Sequence[Token], place: int) -> int:
    depth = 0
    for at in range(place, len(clause)):
        depth += {"(": 1, ")": -1}.get(clause[at].text, 0) if clause[at].kind == "op" else 0
        if depth == 0:
            return at
    return len(clause)


def _at(clause: Sequence[Token], place: int) -> Token | None:
    return clause[place] if 0 <= place < len(clause) else None


def _text(clause: Sequence[Token], place: int) -> str:
    return shape.word(_at(clause, place))


def _told(facts: Facts, statement: Seen, wrapped: Wrapped) -> Finding:
    column = wrapped.column
    name = f"{quote(column.schema)}.{quote(column.table)}.{quote(column.column)}"
    todo = {
        "function": "Write the condition on the bare column, as a range for dates; else an index on the expression",
        "cast": "Cast the value instead of the column; else an index on the expression",
        "arithmetic": "Move the arithmetic to the other side of the comparison",
        "parameter_type": "Send the value with the column's own type, or cast it to that",
    }[wrapped.code]
    return of_statement(
        facts, RULE, statement, "index cannot be used",
        f"The index {quote(column.index)} cannot serve a condition on {name}: {wrapped.how}",
        Reason(f"wrapped_by_{wrapped.code}", f"A call reads {statement.blocks_per_call:,.0f} blocks for "
               f"{statement.rows_per_call:,.3g} rows; the table has {column.pages:,} pages"),
        Reason("what_to_do", todo),
        impact=(Impact("blocks_per_hour", facts.per_hour(float(statement.shared_blks))),),
    )  # fmt: skip
