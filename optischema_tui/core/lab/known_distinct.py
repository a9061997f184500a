"""Distinct values of column groups that the catalog knows: extended statistics, unique keys, composite foreign keys."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt

from optischema_tui.core.lab.distribution import (
    ONE_KEY,
    Spread,
    distinct_among,
    sameness,
    together,
    unique,
    with_distinct,
)
from optischema_tui.core.lab.facts import present_rows
from optischema_tui.core.lab.image import Extended, Image, Relation

_NDISTINCT_MAGIC = 0xA352BFA4
_DEPENDENCIES_MAGIC = 0xB4549A2C
_NO_ORDER = 1e9
Group = frozenset[int]
"""Column numbers of one table."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one table. `distinct`: groups and how many different values they have; `at_most`: a bound of
    that; `unique`: groups that have none twice; `degrees`: (determining, determined) and the share of rows for which
    it holds."""

    distinct: Mapping[Group, float]
    at_most: Mapping[Group, float]
    unique: Collection[Group]
    degrees: Mapping[tuple[Group, int], float]
    order: Mapping[int, float]
    """Columns and the correlation of their values with the order of the rows on disk."""


def known_groups(image: Image, relation: Relation) -> Known:
    distinct: dict[Group, float] = {}
    at_most: dict[Group, float] = {}
    degrees: dict[tuple[Group, int], float] = {}
    for extended in image.extended:
        if extended.relation == relation.oid:
            distinct |= _ndistinct(extended)
            degrees |= _dependencies(extended)
    for constraint in image.constraints:
        parent = image.relations.get(constraint.references)
        group = frozenset(constraint.columns)
        if constraint.kind == "f" and constraint.relation == relation.oid and parent is not None and len(group) > 1:
            most = present_rows(parent)
            if most > 0:
                at_most[group] = min(most, at_most.get(group, most))
    unique = [
        frozenset(index.numbers[: index.keys])
        for index in image.indexes.values()
        if index.relation == relation.oid and index.unique and not index.predicate and not index.expressions
    ]
    order = {
        row.number: float(row.correlation)
        for row in image.statistics
        if row.relation == relation.oid and not row.inherited and row.correlation
    }
    return Known(distinct, at_most, unique, degrees, order)


def joint_spread(numbers: Sequence[int], singles: Sequence[Spread], known: Known, total: float) -> Spread:
    """The spread of keys together, over a table of `total` rows: independent of each other but for what is known.

    `numbers` are the keys' column numbers, 0 of an expression; `singles` their own spreads.
    """
    columns = frozenset(number for number in numbers if number > 0)
    if any(group <= columns for group in known.unique):
        return unique(total)
    joint: Spread | None = None
    left = list(range(len(numbers)))
    groups = {**known.at_most, **known.distinct}
    for group in sorted(groups, key=lambda group: (-len(group), groups[group], sorted(group))):
        members = [k for k in left if numbers[k] in group]
        if group <= columns and len(members) == len(group):
            left = [k for k in left if k not in members]
            one = _product([singles[k] for k in members])
            distinct = groups[group] if group in known.distinct else min(groups[group], distinct_among(one, total))
            one = with_distinct(one, total, distinct)
            joint = together(joint, one) if joint is not None else one
    blur = _NO_ORDER
    for k in left:
        one = singles[k]
        own = _blur(known, numbers[k], one)
        joint = one if joint is None else _and(joint, one, _degree(known, columns, numbers[k]), blur + own, total)
        blur = min(blur, own)
    return joint or ONE_KEY


def _and(joint: Spread, one: Spread, degree: float, blur: float, total: float) -> Spread:
    """One more key. `degree` of the rows have the value that the other keys determine; within one value of those, its
    own values come from a part `blur` of the table."""
    both = together(joint, one)
    free = distinct_among(both, total)
    before, alone = distinct_among(joint, total), distinct_among(one, total)
    expected = min(free, before * (1 + alone * blur))
    if degree > 0:
        expected = min(expected, max(before, alone) ** degree * free ** (1 - degree))
    return with_distinct(both, total, max(expected, before, alone)) if expected < 0.9 * free else both


def _blur(known: Known, number: int, one: Spread) -> float:
    """How far rows of one value lie apart, as a part of the table: 0 in the order of the values, large at random.

    Uniform noise of width w on the order leaves a correlation of 1 / sqrt(1 + w^2). Rows of one value are ranked in
    the order they have on disk, which alone correlates as much as two rows are equal.
    """
    ties = sameness(one)
    own = (abs(known.order.get(number, 0.0)) - ties) / (1 - ties) if ties < 1 else 0.0
    return sqrt(1 / own**2 - 1) if 0 < own <= 1 else (0.0 if own > 1 else _NO_ORDER)


def _degree(known: Known, columns: Group, number: int) -> float:
    return max((share for (by, what), share in known.degrees.items() if what == number and by <= columns), default=0.0)


def _product(spreads: Sequence[Spread]) -> Spread:
    joint = spreads[0]
    for one in spreads[1:]:
        joint = together(joint, one)
    return joint


def _ndistinct(extended: Extended) -> dict[Group, float]:
    data = next((data.ndistinct for data in extended.data if not data.inherited and data.ndistinct), None)
    return {
        frozenset(numbers): distinct
        for distinct, numbers in _items(data, _NDISTINCT_MAGIC, "<di")
        if isfinite(distinct) and distinct >= 1
    }


def _dependencies(extended: Extended) -> dict[tuple[Group, int], float]:
    """The determined column stands last in an item."""
    data = next((data.dependencies for data in extended.data if not data.inherited and data.dependencies), None)
    return {
        (frozenset(numbers[:-1]), numbers[-1]): degree
        for degree, numbers in _items(data, _DEPENDENCIES_MAGIC, "<dh")
        if 0 <= degree <= 1
    }


def _items(data: bytes | None, magic: int, head: str) -> Iterator[tuple[float, tuple[int, ...]]]:
    """Of pg_ndistinct or pg_dependencies as bytes (mvdistinct.c, dependencies.c): magic, type and count; then of each
    item a double, how many columns it has, and their numbers. Items of expressions, which have negative numbers, are
    left out; other bytes than these hold none."""
    if data is None or len(data) < 12 or struct.unpack_from("<I", data)[0] != magic:
        return
    at = 12
    while at + struct.calcsize(head) <= len(data):
        value, columns = struct.unpack_from(head, data, at)
        at += struct.calcsize(head)
        if columns < 1 or at + 2 * columns > len(data):
            return
        numbers = struct.unpack_from(f"<{columns}h", data, at)
        at += 2 * columns
        if min(numbers) > 0:
            yield value, numbers
