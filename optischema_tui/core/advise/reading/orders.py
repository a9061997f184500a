"""Orders that a plan wants of its tables: sorted by, grouped by, walked in, or asked for the first of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from optischema_tui.core.advise.reading.conditions import SortKey, references, sort_key
from optischema_tui.core.advise.reading.fitness import instability, of_the_row
from optischema_tui.core.advise.reading.scope import Scope, type_of
from optischema_tui.core.advise.reading.text import unqualified, unwrapped
from optischema_tui.core.advise.reading.use import Key, Order, SortedKey, Use
from optischema_tui.core.models import IndexFacts, quote
from optischema_tui.core.workload.lexer import Token, significant
from optischema_tui.core.workload.plan import PlanNode

_STOPS_EARLY = frozenset(("Limit", "Merge Join", "Unique", "Group"))
_LOSES_ORDER = frozenset(("Sort", "Incremental Sort", "Hash", "Bitmap Heap Scan"))


def orders(plan: PlanNode, scope: Scope) -> Iterator[tuple[Use, Order]]:
    """Each wanted order with the table that an index could give it for."""
    yield from _walk(plan, scope, walked=False)


def _walk(node: PlanNode, scope: Scope, *, walked: bool) -> Iterator[tuple[Use, Order]]:
    for label, keys in node.keys:
        if label in ("Sort Key", "Group Key"):
            found = _of_one_table([key for text in keys if (key := sort_key(text)) is not None], scope)
            if found is not None:
                yield found
    if node.node_type == "Aggregate" and not node.keys:
        yield from _extremes(node, scope)
    use = scope.use_of(node)
    if walked and use is not None and node.node_type in ("Index Scan", "Index Only Scan"):
        index = scope.index_of(node)
        if index is not None and index.method == "btree":
            yield use, _as_walked(index, backward=node.direction == "Backward")
    sorts = node.node_type == "Aggregate" and node.strategy == "Sorted"
    walked = node.node_type in _STOPS_EARLY or sorts or (walked and node.node_type not in _LOSES_ORDER)
    for child in node.children:
        inner = child.parent_relationship in ("Inner", "InitPlan", "SubPlan") and node.node_type != "Merge Join"
        yield from _walk(child, scope, walked=walked and not inner)


def _of_one_table(keys: Sequence[SortKey], scope: Scope) -> tuple[Use, Order] | None:
    """The longest beginning of `keys` that one table's columns and expressions make up."""
    owner: Use | None = None
    order: list[SortedKey] = []
    for key in keys:
        found = _owned(key, scope)
        if found is None or (owner is not None and found[0] is not owner):
            break
        owner = found[0]
        if found[1] not in [each.key for each in order]:
            order.append(SortedKey(found[1], key.descending, key.nulls))
    return (owner, tuple(order)) if owner is not None else None


def _owned(key: SortKey, scope: Scope) -> tuple[Use, Key] | None:
    if key.column is not None:
        holders = scope.holders(key.column)
        return (holders[0], _collated(Key(key.column.name), key, holders[0])) if holders else None
    owners = {use for name in references(key.tokens) for use in scope.holders(name)}
    if len(owners) != 1:
        return None
    (use,) = owners
    expression = expression_key(key.tokens, use, scope.aliases(use))
    return (use, _collated(expression, key, use)) if expression is not None else None


def _collated(found: Key, key: SortKey, use: Use) -> Key:
    """With the COLLATE of the sort where it is not that of the columns."""
    names = {name.name for name in references(key.tokens)}
    own = {each.collation.partition(".")[2].strip('"') for each in use.table.columns if each.name in names}
    if not key.collation or key.collation in own:
        return found
    text = found.text if found.computed else quote(found.text)
    return Key(f"({text} COLLATE {quote(key.collation)})", computed=True)


def expression_key(stream: Sequence[Token], use: Use, aliases: frozenset[str]) -> Key | None:
    """An expression of one table as an index's key; None where it cannot be one (the reason goes to `use.unfit`)."""
    if not of_the_row(stream) or any(name.name == "*" for name in references(stream)):
        return None
    text = unqualified(unwrapped(list(stream)), aliases)
    reason = instability(stream, _types(use))
    if reason:
        sentence = f"an index cannot hold {text}: {reason}"
        if sentence not in use.unfit:
            use.unfit.append(sentence)
        return None
    return Key(f"({text})", computed=True)


def _types(use: Use) -> Callable[[str], str]:
    return lambda name: type_of(use.table, name)


def _extremes(node: PlanNode, scope: Scope) -> Iterator[tuple[Use, Order]]:
    """min(x) and max(x) over all rows are the ends of an index on x."""
    for text in node.output:
        stream = list(significant(text))
        if len(stream) > 3 and stream[0].text in ("min", "max") and stream[1].text == "(" and stream[-1].text == ")":
            inside = "".join(token.text for token in stream[2:-1])
            found = _of_one_table([key] if (key := sort_key(inside)) is not None else [], scope)
            if found is not None and not found[1][0].key.computed:
                yield found


def _as_walked(index: IndexFacts, *, backward: bool) -> Order:
    order = []
    for position, column in enumerate(index.columns[:2]):
        descending = bool(index.descending and index.descending[position])
        first = index.nulls_first[position] if index.nulls_first else descending
        default = first == descending
        falling = descending != backward
        nulls = "" if default else ("LAST" if falling else "FIRST")
        order.append(SortedKey(Key(column, column.startswith("(")), falling, nulls))
    return tuple(order)
