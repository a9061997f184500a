"""What each part of an index does, read from the plans that use it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from optischema_tui.core.advise.judge.matching import matching_share
from optischema_tui.core.advise.reading.conditions import Kind, comparisons
from optischema_tui.core.models import ColumnFacts, IndexSpec, TableFacts
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.workload.lexer import identifier, significant
from optischema_tui.core.workload.plan import PlanNode


@dataclass(slots=True)
class Roles:
    """Columns by what the plans do with them, and whether some plan reads the index alone or saves a sort with it."""

    equal: set[str] = field(default_factory=set)
    any_of: set[str] = field(default_factory=set)
    ranged: set[str] = field(default_factory=set)
    filtered: set[str] = field(default_factory=set)
    """Checked row by row, after the index has found them."""
    alone: bool = False
    unsorted: bool = False


def read_roles(pairs: Iterable[tuple[PlanNode, PlanNode]], index: str) -> Roles:
    """From (plan without, plan with) of the questions that use `index`, its name in the plans."""
    roles = Roles()
    for before, after in pairs:
        for node in after.walk():
            if node.index_name == index:
                _read(node, roles)
        roles.unsorted |= _sorts(after) < _sorts(before)
    return roles


def _read(node: PlanNode, roles: Roles) -> None:
    for one in comparisons(node.condition("Index Cond")):
        names = {reference.name for side in (one.left, one.right) for reference in side.references}
        to = {Kind.EQUAL: roles.equal, Kind.ANY: roles.any_of, Kind.RANGE: roles.ranged}.get(one.kind, roles.filtered)
        to |= names
    roles.alone |= node.node_type == "Index Only Scan"


def _sorts(plan: PlanNode) -> int:
    return sum(node.node_type in ("Sort", "Incremental Sort") for node in plan.walk())


def order_notes(spec: IndexSpec, table: TableFacts, roles: Roles) -> list[str]:
    """One sentence for each key, the included columns and the condition, with the figures of the statistics."""
    columns = {column.name: column for column in table.columns}
    notes = []
    for position, key in enumerate(spec.columns):
        named = _named(key, spec.is_computed(position))
        place = "first" if position == 0 else "then"
        if named & (roles.equal | roles.any_of) and not named & roles.ranged:
            how = "a list of values" if named & roles.any_of and not named & roles.equal else "="
            notes.append(f"{_show(key)} {place}: compared with {how}{_distinct(columns.get(key), table)}.")
        elif named & roles.ranged:
            why = "so what follows it can only be checked, not looked up" if position + 1 < len(spec.columns) else ""
            notes.append(f"{_show(key)} {place}: compared with a range{', ' + why if why else ''}.")
        elif roles.unsorted:
            direction = ", downwards" if spec.descending and spec.descending[position] else ""
            notes.append(f"{_show(key)} {place}: rows come out in the wanted order{direction}, without a sort.")
        elif position:
            notes.append(f"{_show(key)} {place}: it is read from the index, before or instead of the table's row.")
    if spec.include:
        what = "the table's rows need not be read" if roles.alone else "they can be read without the table's rows"
        notes.append(f"{', '.join(map(_show, spec.include))} included, not searched: {what}.")
    elif roles.alone:
        notes.append("The statement needs no other column, so that the table's rows need not be read.")
    if spec.predicate:
        share = matching_share(spec.predicate, table)
        notes.append(
            f"About {_percent(share)} of the table's rows are WHERE {one_line(spec.predicate, 120)}: "
            "the others cost no space, and hardly any upkeep."
        )
    return notes


def _named(key: str, computed: bool) -> set[str]:
    if not computed:
        return {key}
    return {identifier(token) for token in significant(key) if token.kind in ("word", "quoted")}


def _distinct(column: ColumnFacts | None, table: TableFacts) -> str:
    """', about 60,000 different values (0.002 % of the rows each on average)'; of few values, the rarest and the
    commonest; empty when not known."""
    if column is None or not column.n_distinct or table.rows <= 0:
        return ""
    many = column.n_distinct if column.n_distinct > 0 else -column.n_distinct * table.rows
    if many < 1.5:
        return ", one value only"
    if many >= 0.95 * table.rows:
        return ", nearly every row has its own value"
    frequencies = column.most_common_freqs
    if len(frequencies) >= many - 0.5 and max(frequencies) > 2 * min(frequencies):
        least, most = _percent(min(frequencies)), _percent(max(frequencies))
        return f", {many:,.0f} different values, from {least} to {most} of the rows"
    return f", about {many:,.0f} different values ({_percent(1.0 / many)} of the rows each on average)"


def _show(text: str) -> str:
    return one_line(text, 80)


def _percent(share: float) -> str:
    """0.0213 -> '2.1 %'; small shares keep one figure."""
    value = 100.0 * share
    return f"{value:.0f} %" if value >= 10 else f"{value:.1f} %" if value >= 0.1 else f"{value:.1g} %"
