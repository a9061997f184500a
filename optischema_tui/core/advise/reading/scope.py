"""Which table each alias of a plan stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from optischema_tui.core.advise.reading.conditions import Reference, sort_key
from optischema_tui.core.advise.reading.use import Use
from optischema_tui.core.models import CatalogFacts, IndexFacts, TableFacts
from optischema_tui.core.workload.plan import PlanNode

_Pair = tuple[tuple[Use, str], tuple[Use, str]]
_NUMBERED = re.compile(r"_\d+$")
SYSTEM_COLUMNS = frozenset(("ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"))


def find_table(facts: CatalogFacts, schema: str, name: str) -> TableFacts | None:
    """The facts of a relation; without a schema, the first of that name on the search path, else the only one."""
    if schema:
        return facts.tables.get((schema, name))
    for each in facts.search_path:
        if (each, name) in facts.tables:
            return facts.tables[each, name]
    named = [table for (_, table_name), table in facts.tables.items() if table_name == name]
    return named[0] if len(named) == 1 else None


class Scope:
    """The tables of one plan by their aliases."""

    def __init__(self, plan: PlanNode, facts: CatalogFacts) -> None:
        self._facts = facts
        self.uses: list[Use] = []
        self._by_alias: dict[str, Use] = {}
        self._aliases: dict[Use, set[str]] = {}
        grouped: dict[tuple[str, str, str], Use] = {}
        for node in plan.walk():
            table = find_table(facts, node.schema, node.relation) if node.relation else None
            if table is not None:
                self._enter(node.alias or node.relation, table, facts, grouped)
        self._branches = [branch for node in plan.walk() for branch in self._appended(node)]

    def use_of(self, node: PlanNode) -> Use | None:
        """The table that a scan reads or a ModifyTable writes."""
        return self._by_alias.get(node.alias or node.relation) if node.relation else None

    def index_of(self, node: PlanNode) -> IndexFacts | None:
        """The existing index that a scan reads: of a part of a partitioned table, the part's own."""
        table = find_table(self._facts, node.schema, node.relation) if node.relation and node.index_name else None
        return next((each for each in table.indexes if each.name == node.index_name), None) if table else None

    def aliases(self, use: Use) -> frozenset[str]:
        """Every qualifier that may stand before its columns."""
        return frozenset(self._aliases[use])

    def holders(self, reference: Reference, own: Use | None = None) -> tuple[Use, ...]:
        """The uses whose column it is: several for the parent of an inheritance tree; none for what is no table's."""
        if reference.qualifier:
            known = self._by_alias.get(reference.qualifier)
            found = [known] if known else [use for use in self.uses if reference.qualifier in self._aliases[use]]
        elif own is not None:
            found = [own]
        else:
            found = [use for use in self.uses if type_of(use.table, reference.name)]
            if len({use.key for use in found}) > 1:
                return ()
        return tuple(use for use in found if type_of(use.table, reference.name))

    def siblings(self, use: Use, column: str, node: PlanNode) -> tuple[tuple[Use, str], ...]:
        """The same column in the other branches of a UNION ALL: a condition above it is written for its first branch,
        and could be looked up in each."""
        found: list[tuple[Use, str]] = []
        for inside, columns in self._branches:
            if id(node) not in inside:
                found += [other for first, other in columns if first == (use, column)]
        return tuple(found)

    def _appended(self, node: PlanNode) -> Iterator[tuple[frozenset[int], list[_Pair]]]:
        if node.node_type not in ("Append", "Merge Append"):
            return
        inside = frozenset(id(each) for each in node.walk())
        first, *others = [[self._bare(text) for text in child.output] for child in node.children] or [[]]
        for other in others:
            pairs = zip(first, other, strict=False)
            yield inside, [(one, two) for one, two in pairs if one and two and one[0] is not two[0]]

    def _bare(self, text: str) -> tuple[Use, str] | None:
        key = sort_key(text)
        holders = self.holders(key.column) if key is not None and key.column is not None else ()
        return (holders[0], key.column.name) if key and key.column and holders else None

    def _enter(
        self, alias: str, table: TableFacts, facts: CatalogFacts, grouped: dict[tuple[str, str, str], Use]
    ) -> None:
        whole = _partitioned_root(table, facts)
        base = _NUMBERED.sub("", alias)
        if alias in self._by_alias:
            return
        if whole is not table:
            use = grouped.setdefault((whole.schema, whole.name, base), Use(whole, base))
        else:
            use = Use(table, alias)
        if use not in self._aliases:
            self.uses.append(use)
            self._aliases[use] = set()
        self._by_alias[alias] = use
        part = whole is not table or table.partition_of or alias != base
        self._aliases[use] |= {alias, base} if part else {alias}


def _partitioned_root(table: TableFacts, facts: CatalogFacts) -> TableFacts:
    """The partitioned table that `table` is a part of, at any depth; itself where it is none's."""
    while table.partition_of:
        parent = facts.tables.get((table.schema, table.partition_of)) or find_table(facts, "", table.partition_of)
        if parent is None or not parent.partitioned:
            return table
        table = parent
    return table


def type_of(table: TableFacts, column: str) -> str:
    """The column's type; empty when the table has no such column."""
    return next((each.type_name for each in table.columns if each.name == column), "")
