"""How a plan uses each table: which columns it compares, joins, sorts and groups by.

Read from the planner's own conditions, not from the statement: the planner has resolved names, opened views,
moved conditions into subqueries and derived the equalities that follow from others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from optischema_tui.core.advise.reading.conditions import Comparison, Kind, Reference, comparisons, sort_key
from optischema_tui.core.models import CatalogFacts, TableFacts
from optischema_tui.core.workload.plan import PlanNode

TableKey = tuple[str, str]
"""(schema, name)"""
SortKeys = tuple[tuple[str, bool], ...]
"""(column, descending)"""


_MOST_NULL = 0.3
"""A partial index over more NULLs than this share of the rows saves little."""


@dataclass(slots=True)
class Use:
    """One occurrence of a table in a plan. Lists keep the plan's order, without repeats."""

    table: TableFacts
    alias: str
    equal: list[str] = field(default_factory=list)
    """Compared with one value, or IS NULL."""
    any_of: list[str] = field(default_factory=list)
    """Compared with a list of values."""
    ranges: list[str] = field(default_factory=list)
    either: list[str] = field(default_factory=list)
    """In arms of an OR."""
    joins: dict[str, list[str]] = field(default_factory=dict)
    """Columns equal to columns of another table, by that table's alias."""
    orders: list[SortKeys] = field(default_factory=list)
    """Wanted sort orders that columns of this table alone make up."""
    obstacles: list[str] = field(default_factory=list)
    """Conditions that a plain B-tree cannot serve, each a sentence."""

    @property
    def key(self) -> TableKey:
        return self.table.schema, self.table.name

    def columns(self) -> frozenset[str]:
        """Every column that an index could begin with to serve this use."""
        joined = (column for columns in self.joins.values() for column in columns)
        return frozenset((*self.equal, *self.any_of, *self.ranges, *self.either, *joined, *self._first_sorted()))

    def _first_sorted(self) -> Iterator[str]:
        return (keys[0][0] for keys in self.orders)


def uses(plan: PlanNode, facts: CatalogFacts) -> tuple[Use, ...]:
    """Every occurrence of a known table in `plan`, in the plan's order."""
    reader = _Reader(plan, facts)
    for node in plan.walk():
        reader.read(node)
    return tuple(reader.by_alias.values())


def find_table(facts: CatalogFacts, schema: str, name: str) -> TableFacts | None:
    """The facts of a relation; without a schema, the first of that name on the search path, else the only one."""
    if schema:
        return facts.tables.get((schema, name))
    for each in facts.search_path:
        if (each, name) in facts.tables:
            return facts.tables[each, name]
    named = [table for (_, table_name), table in facts.tables.items() if table_name == name]
    return named[0] if len(named) == 1 else None


class _Reader:
    def __init__(self, plan: PlanNode, facts: CatalogFacts) -> None:
        self.by_alias: dict[str, Use] = {}
        for node in plan.walk():
            table = find_table(facts, node.schema, node.relation) if node.relation else None
            if table is not None:
                alias = node.alias or node.relation
                self.by_alias.setdefault(alias, Use(table, alias))

    def read(self, node: PlanNode) -> None:
        own = self.by_alias.get(node.alias or node.relation) if node.relation else None
        for label, text in node.conditions:
            if label in ("One-Time Filter", "TID Cond", "Order By", "Function Call"):
                continue
            for comparison in comparisons(text):
                self._compare(comparison, own, text)
        for label, keys in node.keys:
            if label in ("Sort Key", "Group Key"):
                self._sort(keys)

    def _compare(self, comparison: Comparison, own: Use | None, text: str) -> None:
        sides = (comparison.left, comparison.right), (comparison.right, comparison.left)
        for mine, other in sides:
            found = self._resolve(mine.column, own, mine.cast)
            if found is None:
                continue
            use, column = found
            partners = [self._resolve(reference, own) for reference in other.references]
            aliases = {partner[0].alias if partner else "" for partner in partners}
            if other.references and self._is_foreign(other.references, own, use):
                if comparison.kind is Kind.EQUAL and not comparison.in_or:
                    _add(use.joins.setdefault("+".join(sorted(aliases)), []), column)
            elif use.alias not in aliases:
                self._record(use, column, comparison)
        self._obstacle(comparison, own)

    def _is_foreign(self, references: tuple[Reference, ...], own: Use | None, use: Use) -> bool:
        """Whether the other side needs a row of another relation (a bare word that is no column is none)."""
        for reference in references:
            found = self._resolve(reference, own)
            if (found and found[0] is not use) or (found is None and reference.qualifier):
                return True
        return False

    def _record(self, use: Use, column: str, comparison: Comparison) -> None:
        if comparison.in_or:
            if comparison.kind in (Kind.EQUAL, Kind.ANY, Kind.RANGE):
                _add(use.either, column)
            return
        lists = {Kind.EQUAL: use.equal, Kind.ANY: use.any_of, Kind.RANGE: use.ranges}
        if comparison.kind in lists:
            _add(lists[comparison.kind], column)
            self._note_partial(use, column, comparison)
        elif comparison.kind is Kind.OTHER:
            what = f"{use.table.name}.{column} {comparison.operator}"
            need = "a pattern operator class" if comparison.operator in ("~~", "~~*") else "another kind of index"
            _add(use.obstacles, f"{what} ..: a plain B-tree cannot serve this operator; {need} is not offered yet")

    def _note_partial(self, use: Use, column: str, comparison: Comparison) -> None:
        """A condition without a value of its own holds in every call: the case for a partial index."""
        if comparison.operator not in ("is", "not", ""):
            return
        facts = next(each for each in use.table.columns if each.name == column)
        if comparison.operator == "is" and facts.null_frac > _MOST_NULL:
            return
        text = f"{column} IS NULL" if comparison.operator == "is" else f"{comparison.operator} {column}".strip()
        _add(use.obstacles, f"{use.table.name}: a partial index WHERE {text} would be smaller; not offered yet")

    def _obstacle(self, comparison: Comparison, own: Use | None) -> None:
        if comparison.kind not in (Kind.EQUAL, Kind.ANY, Kind.RANGE):
            return
        for side in (comparison.left, comparison.right):
            if self._resolve(side.column, own, side.cast) is not None or not side.computed:
                continue
            for reference in side.references:
                found = self._resolve(reference, own)
                if found is not None:
                    sentence = f"function-wrapped predicate {side.text} on {found[0].table.name}.{found[1]}"
                    _add(found[0].obstacles, f"{sentence}: it needs an expression index, not offered yet")
                    break

    def _sort(self, keys: tuple[str, ...]) -> None:
        order: list[tuple[str, bool]] = []
        owner: Use | None = None
        for text in keys:
            key = sort_key(text)
            found = self._resolve(key.column, None) if key else None
            if key is None or found is None or (owner is not None and found[0] is not owner):
                break
            owner = found[0]
            if not key.default_nulls:
                _add(owner.obstacles, f"order by {text}: its NULLS order needs an index that is not offered yet")
                break
            if key.column is not None and found[1] not in [column for column, _ in order]:
                order.append((found[1], key.descending))
        if owner is not None and order and tuple(order) not in owner.orders:
            owner.orders.append(tuple(order))

    def _resolve(self, reference: Reference | None, own: Use | None, cast: str = "") -> tuple[Use, str] | None:
        """The use and column that a reference names; None for a function, a CTE's column, a cast that hides it."""
        if reference is None:
            return None
        use = self.by_alias.get(reference.qualifier) if reference.qualifier else own
        if use is None and not reference.qualifier:
            holders = [each for each in self.by_alias.values() if _type_of(each.table, reference.name)]
            use = holders[0] if len(holders) == 1 else None
        type_name = _type_of(use.table, reference.name) if use else ""
        if use is None or not type_name or (cast and not _same_order(type_name, cast)):
            return None
        return use, reference.name


def _type_of(table: TableFacts, column: str) -> str:
    return next((each.type_name for each in table.columns if each.name == column), "")


_BUILT_IN = frozenset((
    "bigint", "bit", "boolean", "bytea", "character", "date", "double precision", "inet", "cidr", "integer",
    "interval", "json", "jsonb", "name", "numeric", "oid", "real", "smallint", "text", "uuid",
))  # fmt: skip


def _same_order(type_name: str, cast: str) -> bool:
    """Whether comparing after the cast may be comparing before it: the cast is only a new label on the same bytes.

    So it is for varchar as text, and for a domain as its base type; which types are domains is not known here, so
    every type that is not built in gets the benefit of the doubt: the planner decides.
    """
    base = type_name.split("(")[0].split("[")[0].strip()
    if base == "character varying":
        return cast == "text"
    built_in = base in _BUILT_IN or base.startswith(("timestamp", "time "))
    return not built_in or (base == cast and "[" not in type_name)


def _add(values: list[str], value: str) -> None:
    if value not in values:
        values.append(value)
