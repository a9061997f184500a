"""Which column a `$n` is compared with, read from the text: for what a plan's conditions do not show."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING

from optischema_tui.core.advise.reading.uses import find_table
from optischema_tui.core.advise.values.places import Form, Place, with_statistics
from optischema_tui.core.models import CatalogFacts, ColumnFacts, TableFacts
from optischema_tui.core.workload.lexer import significant

if TYPE_CHECKING:
    from sqlglot import exp

_LONGEST = 50_000
"""Characters of a text that is still parsed here."""


def text_places(sql: str, facts: CatalogFacts, wanted: frozenset[int]) -> list[Place]:
    """The places of those parameters in `wanted` that a WHERE or ON compares with a column by name.

    A name that several tables of the statement have is left out, and so is a text that cannot be parsed.
    """
    if len(sql) > _LONGEST or wanted.isdisjoint(_behind_where(sql)):
        return []
    import sqlglot
    from sqlglot import errors, exp

    logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # its warnings would be printed over the screen
    try:
        tree = sqlglot.parse_one(sql, read="postgres")
    except (errors.SqlglotError, RecursionError, ValueError):
        return []
    named = {table.alias_or_name: find_table(facts, table.db, table.name) for table in tree.find_all(exp.Table)}
    tables = {alias: table for alias, table in named.items() if table is not None}
    found: dict[tuple[int, ...], Place] = {}
    for clause in tree.find_all(exp.Where, exp.Join):
        for column, operator, form, numbers in _comparisons(clause):
            if wanted.issuperset(numbers) and numbers not in found:
                place = _place(column, tables, facts)
                if place is not None:
                    alias, table, known = place
                    found[numbers] = Place(numbers, form, operator, alias, *with_statistics(table, known, facts))
    return list(found.values())


def _behind_where(sql: str) -> frozenset[int]:
    """The parameters behind the first word that begins conditions: before it there is nothing to parse for."""
    stream = significant(sql)
    for token in stream:
        if token.kind == "word" and token.text.lower() in ("where", "on"):
            break
    return frozenset(int(token.text[1:]) for token in stream if token.kind == "param")


def _comparisons(clause: exp.Expression) -> Iterator[tuple[exp.Column, str, Form, tuple[int, ...]]]:
    """(column, operator, form, parameters) of each comparison of a bare column with bare parameters."""
    from sqlglot import exp

    operators: dict[type[exp.Expression], str] = {
        exp.EQ: "=", exp.NullSafeEQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
        exp.Like: "~~", exp.ILike: "~~*",
    }  # fmt: skip
    mirrored = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
    for node in clause.find_all(*operators, exp.Between, exp.In):
        column = _bare(node.this)
        if isinstance(node, exp.Between) and isinstance(column, exp.Column):
            for operator, side in ((">=", node.args["low"]), ("<=", node.args["high"])):
                if number := _parameter(side):
                    yield column, operator, Form.VALUE, (number,)
        elif isinstance(node, exp.In) and isinstance(column, exp.Column):
            members = [_parameter(each) for each in node.expressions]
            if members and all(members):
                yield column, "=", Form.MEMBERS, tuple(members)
        elif type(node) in operators:
            operator, other = operators[type(node)], _bare(node.expression)
            if isinstance(other, exp.Column):
                column, other, operator = other, _bare(node.this), mirrored.get(operator, operator)
            if isinstance(column, exp.Column):
                array = isinstance(other, exp.Any) and operator == "="
                if number := _parameter(other.this if array else other):
                    yield column, operator, Form.ARRAY if array else Form.VALUE, (number,)


def _bare(node: exp.Expression) -> exp.Expression:
    from sqlglot import exp

    while isinstance(node, exp.Paren | exp.Cast):
        node = node.this
    return node


def _parameter(node: exp.Expression) -> int:
    """The number of a parameter, perhaps with a cast; 0 for anything else."""
    from sqlglot import exp

    inner = _bare(node)
    return int(inner.name) if isinstance(inner, exp.Parameter) and inner.name.isdecimal() else 0


def _place(
    column: exp.Column, tables: dict[str, TableFacts], facts: CatalogFacts
) -> tuple[str, TableFacts, ColumnFacts] | None:
    """The alias, table and column that a name means; None when none or several may be meant."""
    chosen = {column.table: tables[column.table]} if column.table in tables else tables
    holders = [
        (alias, table, each) for alias, table in chosen.items() for each in table.columns if each.name == column.name
    ]
    return holders[0] if len(holders) == 1 else None
