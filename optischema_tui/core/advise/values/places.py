"""Which column each `$n` of a statement is compared with, as the planner's conditions tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum, auto

from optischema_tui.core.advise.reading.conditions import Comparison, Kind, Reference, Side, comparisons
from optischema_tui.core.advise.reading.uses import find_table
from optischema_tui.core.advise.values.distribution import MEMBER
from optischema_tui.core.advise.values.literal import parameters
from optischema_tui.core.models import CatalogFacts, ColumnFacts, TableFacts
from optischema_tui.core.workload.lexer import Token, identifier, significant
from optischema_tui.core.workload.plan import PlanNode


class Form(Enum):
    VALUE = auto()
    """The parameter is a value of the column."""
    ARRAY = auto()
    """It is an array of such values: `= ANY ($1)`."""
    MEMBERS = auto()
    """Each parameter is one of a list of such values: `IN ($1, $2)`."""
    PREFIX = auto()
    """The text that a LIKE pattern made around it begins with: `LIKE $1 || '%'`."""
    AGO = auto()
    """An interval taken from the present: `now() - $1`."""


@dataclass(frozen=True, slots=True)
class Place:
    """One comparison of a column with parameters; the column stands on the left."""

    numbers: tuple[int, ...]
    form: Form
    operator: str
    """= <> < <= > >= ~~ ~~* @> (of jsonb), and `row` for the second and further columns of a row comparison."""
    alias: str
    table: TableFacts
    """The partitioned parent in place of its partition, where that has the column's statistics."""
    column: ColumnFacts
    transform: str = ""
    """What stands around the column, as `of_column` takes it."""
    shifted: bool = False
    """Something is added to the value before it is compared."""
    excluded: frozenset[str] = frozenset()
    """Values that the statement's own `<>` keep out."""


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_KINDS = {
    Kind.EQUAL: ("=",), Kind.ANY: ("=",), Kind.RANGE: tuple(_MIRRORED), Kind.OTHER: ("~~", "~~*", "@>"),
    Kind.NONE: ("<>",),
}  # fmt: skip
"""The operators of each kind that are understood here."""
_PRESENT = frozenset((
    "now", "current_timestamp", "current_date", "localtimestamp", "transaction_timestamp", "statement_timestamp",
    "clock_timestamp",
))  # fmt: skip
_AROUND_PARAMETER = frozenset(("lower", "upper", "btrim", "date", "date_trunc"))
_UNREAD = frozenset(("Order By", "TID Cond", "Function Call"))


def places(plan: PlanNode, facts: CatalogFacts) -> tuple[Place, ...]:
    """Every comparison of a known column with parameters in `plan` (a generic one), in the plan's order.

    A parameter stands in one place only: the first, but that a range's lower and upper bound are two.
    """
    reader = _Reader(plan, facts)
    results = _results(plan)
    found: list[Place] = []
    taken: set[tuple[int, str]] = set()
    for node in plan.walk():
        for label, text in node.conditions:
            if label in _UNREAD or "$" not in text:
                continue
            for comparison in comparisons(text):
                for place in reader.read(comparison, node):
                    side = place.operator[:1] if place.operator in _MIRRORED else ""
                    keys = {(number, side) for number in place.numbers}
                    if not keys & taken and results.isdisjoint(place.numbers):
                        taken |= keys
                        found.append(place)
    excluded = reader.excluded(plan)
    return tuple(
        replace(place, excluded=excluded.get((place.alias, place.column.name), frozenset())) for place in found
    )


def compared(plan: PlanNode) -> frozenset[int]:
    """The numbers of the parameters that conditions of `plan` hold."""
    texts = (text for node in plan.walk() for _, text in node.conditions)
    return frozenset().union(*map(parameters, texts)) - _results(plan)


class _Reader:
    def __init__(self, plan: PlanNode, facts: CatalogFacts) -> None:
        self.facts = facts
        self.tables: dict[str, TableFacts] = {}
        for node in plan.walk():
            table = find_table(facts, node.schema, node.relation) if node.relation else None
            if table is not None:
                self.tables.setdefault(node.alias or node.relation, table)

    def read(self, comparison: Comparison, node: PlanNode) -> Iterator[Place]:
        """The places of one comparison: several for rows, `ROW(a, b) < ROW($1, $2)`."""
        operator = comparison.operator
        if operator not in _KINDS[comparison.kind] or "$" not in comparison.left.text + comparison.right.text:
            return
        left, right = _members(comparison.left.text), _members(comparison.right.text)
        if left and len(left) == len(right):
            for at, pair in enumerate(zip(left, right, strict=True)):
                for each in comparisons(f"{pair[0]} {operator} {pair[1]}"):
                    for place in self._single(each, node):
                        yield replace(place, operator="row") if at else place
            return
        yield from self._single(comparison, node)

    def excluded(self, plan: PlanNode) -> dict[tuple[str, str], frozenset[str]]:
        """Values by (alias, column) that a condition `column <> 'value'` keeps out."""
        found: dict[tuple[str, str], frozenset[str]] = {}
        for node in plan.walk():
            for _, text in node.conditions:
                for comparison in comparisons(text) if "<>" in text else ():
                    column = self._column(comparison.left, node)
                    constant = re.fullmatch(r"'((?:[^']|'')*)'::[\w .\"]+(?:\(\d+\))?", comparison.right.text)
                    if comparison.operator == "<>" and column is not None and constant and not comparison.in_or:
                        key = column[0], column[2].name
                        found[key] = found.get(key, frozenset()) | {constant.group(1).replace("''", "'")}
        return found

    def _single(self, comparison: Comparison, node: PlanNode) -> Iterator[Place]:
        operator, left, right = comparison.operator, comparison.left, comparison.right
        if "$" in left.text and "$" not in right.text:
            if comparison.kind in (Kind.ANY, Kind.OTHER):
                return
            operator, left, right = _MIRRORED.get(operator, operator), right, left
        value = None if "$" in left.text else _value(right.text, operator, comparison.kind)
        found = self._column(left, node) if value is not None else None
        if operator == "@>" and value is not None and found is not None:
            alias, table, column, transform = found
            plain = column.type_name == "jsonb" and not transform and value.form is Form.VALUE and not value.shifted
            found = (alias, table, column, MEMBER) if plain else None
        if value is not None and found is not None:
            yield Place(value.numbers, value.form, operator, *found, value.shifted)

    def _column(self, side: Side, node: PlanNode) -> tuple[str, TableFacts, ColumnFacts, str] | None:
        reference = side.column or (side.references[0] if len(set(side.references)) == 1 else None)
        if reference is None:
            return None
        found = self._resolve(reference, node)
        if found is None:
            return None
        alias, table, column = found
        transform: str | None = ""
        if side.column is None:
            transform = _wrapping(side.text)
        elif side.cast == "date" and column.type_name.startswith("timestamp"):
            transform = "date"
        return None if transform is None else (alias, table, column, transform)

    def _resolve(self, reference: Reference, node: PlanNode) -> tuple[str, TableFacts, ColumnFacts] | None:
        """A name that is no table's alias (that of a CTE) is taken for the one table that has such a column."""
        alias = reference.qualifier or node.alias or node.relation
        tables = {alias: self.tables[alias]} if alias in self.tables else self.tables
        holders = [(name, table, column) for name, table in tables.items() if (column := _of(table, reference.name))]
        if len({(table.schema, table.name) for _, table, _ in holders}) != 1:
            return None
        name, table, column = holders[0]
        return name, *with_statistics(table, column, self.facts)


def with_statistics(table: TableFacts, column: ColumnFacts, facts: CatalogFacts) -> tuple[TableFacts, ColumnFacts]:
    """The table and column, or those of the parent that a partition belongs to when there are statistics of it."""
    parent = find_table(facts, table.schema, table.partition_of) if table.partition_of else None
    above = _of(parent, column.name) if parent is not None else None
    if parent is None or above is None or not (above.most_common_vals or above.histogram_bounds):
        return table, column
    return with_statistics(parent, above, facts)


def _of(table: TableFacts, column: str) -> ColumnFacts | None:
    return next((each for each in table.columns if each.name == column), None)


def _results(plan: PlanNode) -> frozenset[int]:
    """Numbers that a server before 17 gives to the results of subqueries: they look like parameters."""
    names = (node.subplan_name for node in plan.walk())
    return frozenset(
        int(token.text[1:])
        for name in names
        if "(returns" in name
        for token in significant(name)
        if token.kind == "param"
    )


@dataclass(frozen=True, slots=True)
class _Value:
    """What the other side of a comparison makes of its parameters."""

    numbers: tuple[int, ...]
    form: Form
    shifted: bool = False


def _value(text: str, operator: str, kind: Kind) -> _Value | None:
    """None for what is not understood, or holds no parameter."""
    stream = list(significant(text))
    numbers = tuple(dict.fromkeys(int(token.text[1:]) for token in stream if token.kind == "param"))
    words = _words(stream)
    operators = "".join(token.text for token in stream if token.kind == "op" and token.text in "+-*/|<>=~!@#%^&?")
    if not numbers:
        return None
    if operator.startswith("~~"):
        plain = not operators and not words
        if kind is not Kind.OTHER or len(numbers) > 1 or words or operators.strip("|"):
            return None
        return _Value(numbers, Form.VALUE if plain else Form.PREFIX)
    if words == {"array"} and not operators:
        return _Value(numbers, Form.MEMBERS)
    if operators == "-" and words and words <= _PRESENT and len(numbers) == 1:
        return _Value(numbers, Form.AGO)
    if operators.strip("+-") or not words <= _AROUND_PARAMETER or (operators and words):
        return None
    if operators:
        return _Value(numbers[:1], Form.VALUE, shifted=True)
    if len(numbers) > 1:
        return None
    quantified = kind is Kind.ANY or (kind is Kind.NONE and text.startswith("(") and text.endswith(")"))
    return _Value(numbers, Form.ARRAY if quantified else Form.VALUE)


def _words(stream: list[Token]) -> set[str]:
    """The names in it, those of types left out."""
    found: set[str] = set()
    in_type = False
    for token in stream:
        if token.kind in ("word", "quoted"):
            if not in_type:
                found.add(identifier(token))
        else:
            in_type = token.text == "::" or (in_type and token.text in (".", "["))
    return found


def _wrapping(text: str) -> str | None:
    """The transform that an expression of one column is; None for one that is not known."""
    stream = list(significant(text))
    words = [identifier(token) for token in stream if token.kind == "word"]
    keys = [token for token in stream if token.kind == "string"]
    operators = "".join(token.text for token in stream if token.kind == "op" and token.text in "+-*/|<>=~!@#%^&?")
    if operators == "->>" and len(keys) == 1 and keys[0].text.startswith("'"):
        return "->>" + keys[0].text[1:-1].replace("''", "'")
    if not operators and words and words[0] in ("lower", "upper") and text.count("(") <= 2:
        return words[0]
    return None


def _members(text: str) -> list[str]:
    """The expressions of `ROW(a, b)`; empty for anything else."""
    if not text.startswith("ROW(") or not text.endswith(")"):
        return []
    parts = [""]
    depth = 0
    for token in significant(text[4:-1]):
        depth += (token.text == "(") - (token.text == ")") if token.kind == "op" else 0
        if depth == 0 and token.text == ",":
            parts.append("")
        else:
            parts[-1] += f"{token.text} " if token.kind == "word" else token.text
    return parts
