"""How a plan uses each table: which columns it compares, joins, sorts and groups by.

Read from the planner's own conditions, not from the statement: the planner has resolved names, opened views,
moved conditions into subqueries and derived the equalities that follow from others.
"""

from __future__ import annotations

from collections.abc import Sequence

from optischema_tui.core.advise.reading.conditions import (
    Comparison,
    Kind,
    Reference,
    Side,
    comparisons_of,
    references,
)
from optischema_tui.core.advise.reading.fitness import instability, of_the_row
from optischema_tui.core.advise.reading.needed import projections
from optischema_tui.core.advise.reading.orders import expression_key, orders
from optischema_tui.core.advise.reading.scope import SYSTEM_COLUMNS, Scope, type_of
from optischema_tui.core.advise.reading.scope import find_table as find_table
from optischema_tui.core.advise.reading.text import NAMES, conjuncts, split, unqualified, unwrapped, words
from optischema_tui.core.advise.reading.use import Key, Order, SortedKey, Term, Use
from optischema_tui.core.advise.reading.use import TableKey as TableKey
from optischema_tui.core.models import CatalogFacts
from optischema_tui.core.workload.lexer import Token
from optischema_tui.core.workload.plan import PlanNode

_NOT_READ = ("One-Time Filter", "TID Cond", "Order By", "Function Call")


def uses(plan: PlanNode, facts: CatalogFacts) -> tuple[Use, ...]:
    """Every occurrence of a known table in `plan`, in the plan's order. All parts of a partitioned table are one use,
    of the table itself."""
    scope = Scope(plan, facts)
    reader = _Reader(scope)
    for node in plan.walk():
        reader.read(node)
    for use, order in orders(plan, scope):
        _want(use, order)
    projected = projections(plan, scope)
    for use in scope.uses:
        use.projected = projected[use]
    return tuple(scope.uses)


class _Reader:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def read(self, node: PlanNode) -> None:
        own = self.scope.use_of(node)
        if own is not None and node.operation:
            own.operation = node.operation
        for label, text in node.conditions:
            # What a Bitmap Index Scan looks up, the Bitmap Heap Scan above rechecks.
            if label not in _NOT_READ and node.node_type != "Bitmap Index Scan":
                self._condition(text, own, node)
        if own is not None and node.index_name:
            index = self.scope.index_of(node)
            if index is not None and index.predicate:
                self._condition(index.predicate, own, node)

    def _condition(self, text: str, own: Use | None, node: PlanNode) -> None:
        for stream in conjuncts(text):
            found = comparisons_of(stream)
            for comparison in found:
                self._compare(comparison, own, stream, node)
            if not found or len(split(stream, "or")) > 1:
                self._whole(stream, own)

    def _compare(self, comparison: Comparison, own: Use | None, stream: list[Token], node: PlanNode) -> None:
        sides = [(comparison.left, comparison.right)]
        if not comparison.quantified and comparison.kind in (Kind.EQUAL, Kind.RANGE):
            sides.append((comparison.right, comparison.left))
        tokens = list(comparison.tokens) if comparison.in_or else stream
        seen: set[Use] = set()
        for mine, other in sides:
            for use, key in self._keys(mine, own, comparison):
                partner = self._partner_of(other.tokens, own, use)
                if partner is None and use in self._owners(other.tokens, own):
                    continue  # compared with another column of the same row: nothing to look up
                seen.add(use)
                self._term(use, key, comparison, other, tokens, partner)
                for twin, column in self.scope.siblings(use, key.text, node) if own is None else ():
                    self._twin_term(twin, Key(column), comparison, partner)
        for use in self._owners(tokens, own):
            if use not in seen:
                self._term(use, None, comparison, comparison.right, tokens, self._partner_of(tokens, own, use))

    def _keys(self, side: Side, own: Use | None, comparison: Comparison) -> list[tuple[Use, Key]]:
        """What of `side` an index could hold, by the tables that could have it."""
        first = _first_of_row(side)
        if first is not None and comparison.kind is Kind.RANGE:
            return [(use, Key(first.name)) for use in self.scope.holders(first, own)]
        if side.column is not None:
            holders = self.scope.holders(side.column, own)
            plain = [use for use in holders if not side.cast or _same_order(use, side.column.name, side.cast)]
            if plain:
                return [(use, Key(side.column.name)) for use in plain]
        owners = self._owners(side.tokens, own)
        if not side.references or len({use.key for use in owners}) != 1 or self._strangers(side, own):
            return []
        expressions = [(use, expression_key(side.tokens, use, self.scope.aliases(use))) for use in owners]
        return [(use, key) for use, key in expressions if key is not None]

    def _strangers(self, side: Side, own: Use | None) -> bool:
        """Whether the side has a qualified name of something that is no table of ours."""
        return any(name.qualifier and not self.scope.holders(name, own) for name in side.references)

    def _owners(self, stream: Sequence[Token], own: Use | None) -> list[Use]:
        names = references(stream)
        return list(dict.fromkeys(use for name in names for use in self.scope.holders(name, own)))

    def _partner_of(self, stream: Sequence[Token], own: Use | None, use: Use) -> str | None:
        """Aliases of the other tables in `stream`; empty for something else's column; None for none."""
        aliases: set[str] = set()
        for reference in references(stream):
            holders = self.scope.holders(reference, own)
            if use in holders:
                continue
            if holders:
                aliases.add(holders[0].alias)
            elif reference.qualifier and reference.name not in SYSTEM_COLUMNS:
                aliases.add("")
        return "+".join(sorted(aliases)) if aliases else None

    def _term(
        self, use: Use, key: Key | None, comparison: Comparison, other: Side, stream: list[Token], partner: str | None
    ) -> None:
        aliases = self.scope.aliases(use)
        term = Term(
            text=unqualified(unwrapped(stream), aliases),
            kind=comparison.kind,
            operator=comparison.operator,
            key=key,
            value=unqualified(list(other.tokens), aliases),
            constant=partner is None and self._is_constant(stream, use),
            columns=self._columns(stream, use),
            partner=partner,
            in_or=comparison.in_or,
        )
        if term not in use.terms:
            use.terms.append(term)

    def _twin_term(self, use: Use, key: Key, comparison: Comparison, partner: str | None) -> None:
        text = f"{key.text} {comparison.operator} {partner}"
        columns = frozenset((key.text,))
        term = Term(text, comparison.kind, comparison.operator, key, columns=columns, partner=partner or "")
        if term not in use.terms:
            use.terms.append(term)

    def _whole(self, stream: list[Token], own: Use | None) -> None:
        """An OR, or what is no comparison, as one condition: nothing to look up, but its columns are read."""
        for use in self._owners(stream, own):
            partner = self._partner_of(stream, own, use)
            text = unqualified(stream, self.scope.aliases(use))
            constant = partner is None and self._is_constant(stream, use)
            term = Term(text, Kind.NONE, "whole", None, "", constant, self._columns(stream, use), partner)
            if term not in use.terms:
                use.terms.append(term)

    def _is_constant(self, stream: Sequence[Token], use: Use) -> bool:
        return of_the_row(stream) and not instability(stream, lambda name: type_of(use.table, name))

    def _columns(self, stream: Sequence[Token], use: Use) -> frozenset[str]:
        names = references(stream)
        return frozenset(
            name.name for name in names if use in self.scope.holders(name, use if not name.qualifier else None)
        )


def _want(use: Use, order: Order) -> None:
    if order and order not in use.sorts:
        use.sorts.append(order)


def _first_of_row(side: Side) -> Reference | None:
    """The first column of `ROW(a, b)`: a B-tree on them looks the comparison up."""
    stream = unwrapped(list(side.tokens))
    if len(stream) < 4 or words(stream[:2]) != ["row", "("] or not side.references:
        return None
    first = stream[2:-1]
    texts = [token.text for token in first[:4]]
    alone = first[0].kind in NAMES and (texts[1:2] == [","] or (texts[1:2] == ["."] and texts[3:] == [","]))
    return side.references[0] if alone else None


_BUILT_IN = frozenset((
    "bigint", "bit", "boolean", "bytea", "character", "date", "double precision", "inet", "cidr", "integer",
    "interval", "json", "jsonb", "name", "numeric", "oid", "real", "smallint", "text", "uuid",
))  # fmt: skip


def _same_order(use: Use, column: str, cast: str) -> bool:
    """Whether comparing after the cast may be comparing before it: the cast is only a new label on the same bytes.

    So it is for varchar as text, and for a domain as its base type; which types are domains is not known here, so
    every type that is not built in gets the benefit of the doubt: the planner decides.
    """
    type_name = type_of(use.table, column)
    base = type_name.split("(")[0].split("[")[0].strip()
    if base == "character varying":
        return cast == "text"
    built_in = base in _BUILT_IN or base.startswith(("timestamp", "time "))
    return not built_in or (base == cast and "[" not in type_name)


__all__ = ["Key", "Order", "SortedKey", "TableKey", "Term", "Use", "find_table", "uses"]
