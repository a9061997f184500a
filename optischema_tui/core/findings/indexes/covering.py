"""Which index does all that another one does: the catalog's OIDs compared, never names alone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from optischema_tui.core.findings.indexes.bound import bonds
from optischema_tui.core.findings.indexes.facts import Facts, IndexDetail, IndexKey

_FLIPPED = 3
"""Both bits of an option: the same index read backwards."""
_UNIQUENESS = frozenset(("unique", "foreign_key"))
"""Bonds that an equal survivor takes over."""


@dataclass(frozen=True, slots=True)
class Covered:
    """`index` does nothing that `survivor` does not."""

    index: IndexDetail
    survivor: IndexDetail
    same: bool
    """Their keys are the same; else the survivor has further ones."""
    much_wider: bool
    """The survivor is so much larger that scans of it cost more."""


def covered(facts: Facts, going: Collection[IndexKey] = ()) -> dict[IndexKey, Covered]:
    """Every index that another one makes needless, with the one that stays. No survivor is itself in it or in `going`
    (those that go for want of use), so that all of them may go together."""
    found: dict[IndexKey, Covered] = {}
    for indexes in facts.by_table.values():
        kept: list[IndexDetail] = []
        for index in sorted(indexes, key=lambda each: _last_to_go(facts, each)):
            survivors = [each for each in kept if covers(each, index)] if _free(facts, index) else []
            if survivors:
                survivor = min(survivors, key=lambda each: (facts.size(each.key), each.name))
                found[index.key] = _covered(facts, index, survivor)
            elif index.key not in going:
                kept.append(index)
    return found


def _covered(facts: Facts, index: IndexDetail, survivor: IndexDetail) -> Covered:
    same = len(index.keys) == len(survivor.keys)
    own, other = facts.size(index.key), facts.size(survivor.key)
    much = not same and other > facts.thresholds.wide_factor * max(1, own)
    return Covered(index, survivor, same, much)


def _last_to_go(facts: Facts, index: IndexDetail) -> tuple[bool, int, bool, int, str]:
    """Of two that cover each other the first by this stays: what is held, what is longer, what is unique, by name."""
    free = _free(facts, index)
    return free, -len(index.keys), not index.is_unique, -len(index.include), index.name


def _free(facts: Facts, index: IndexDetail) -> bool:
    """Whether nothing but what a survivor takes over holds it."""
    return index.usable and all(each.code in _UNIQUENESS for each in bonds(facts, index))


def covers(survivor: IndexDetail, index: IndexDetail) -> bool:
    """Whether all that `index` does, `survivor` of the same table does too."""
    width = len(index.keys)
    if (
        not survivor.usable
        or survivor.method != index.method
        or survivor.predicate != index.predicate
        or survivor.partitioned != index.partitioned
        or len(survivor.keys) < width
    ):
        return False
    if survivor.keys[:width] != index.keys or survivor.opclasses[:width] != index.opclasses:
        return False
    if survivor.collations[:width] != index.collations or not _same_order(survivor, index):
        return False
    if not set(index.include) <= {*survivor.keys, *survivor.include}:
        return False
    if index.method != "btree" and (len(survivor.keys) != width or survivor.storage != index.storage):
        return False
    return not index.is_unique or _as_unique(survivor, index)


def _same_order(survivor: IndexDetail, index: IndexDetail) -> bool:
    width = len(index.keys)
    if index.method != "btree":
        return survivor.options[:width] == index.options
    backwards = tuple(option ^ _FLIPPED for option in index.options)
    return survivor.options[:width] in (index.options, backwards)


def _as_unique(survivor: IndexDetail, index: IndexDetail) -> bool:
    """Whether it forbids the same duplicates, and serves ON CONFLICT as well."""
    return (
        survivor.is_unique
        and len(survivor.keys) == len(index.keys)
        and survivor.nulls_not_distinct == index.nulls_not_distinct
        and (survivor.immediate or not index.immediate)
    )
