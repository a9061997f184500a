"""Which existing indexes to speak of for dropping, beside those whose upkeep the choice found too dear."""

from __future__ import annotations

from collections.abc import Iterable

from optischema_tui.core.advise.judge.prove import Case
from optischema_tui.core.advise.propose.coverage import makes_redundant
from optischema_tui.core.advise.propose.existing import droppable, spec_of
from optischema_tui.core.models import IndexFacts, IndexSpec, TableFacts

LEAST_BYTES = 1 << 20
"""A smaller index that costs no upkeep is not worth a person's check."""
MOST_ELSEWHERE = 20
WORTH = 0.1
"""Of `min_gain`: what the workload may lose by dropping the shorter of two."""


def needless(case: Case) -> tuple[IndexSpec, ...]:
    """`case.dropped`, with the shorter of two that begin alike in place of the longer; then those that another index
    serves in place of; then those without a scan counted that no plan reads, as things are or with the choice."""
    existing = {each.spec: each.existing for each in case.costs.candidates if each.existing is not None}
    gone = _shorter_first(case, existing)
    large = [(spec, index) for spec, index in _largest_first(existing) if index.size_bytes >= LEAST_BYTES]
    for spec, index in large:
        redundant = spec not in gone and _is_redundant(index, case.table(spec), [existing[each] for each in gone])
        if redundant and _harmless(case, (*gone, spec), gone):
            gone = (*gone, spec)
    for spec, index in large:
        if spec not in gone and not _is_relied_on(index, case.table(spec), [existing[each] for each in gone]):
            gone = (*gone, spec) if _is_idle(case, spec, index, gone) else gone
    return gone


def elsewhere(case: Case) -> dict[IndexSpec, IndexFacts]:
    """The MOST_ELSEWHERE largest indexes of tables that no statement under study uses of which another one serves all,
    or of which the server has counted no scan."""
    known = {(each.spec.schema, each.spec.table) for each in case.costs.candidates}
    gone: dict[IndexSpec, IndexFacts] = {}
    for key, table in case.facts.tables.items():
        if key in known:
            continue
        able = {spec_of(each): each for each in table.indexes if droppable(each, table)}
        large = [each for each in _largest_first(able) if each[1].size_bytes >= LEAST_BYTES]
        own: dict[IndexSpec, IndexFacts] = {}
        for spec, index in large:
            if _is_redundant(index, table, own.values()):
                own[spec] = index
        for spec, index in large:
            if index.scans == 0 and not _is_relied_on(index, table, own.values()):
                own[spec] = index
        gone |= own
    return dict(_largest_first(gone)[:MOST_ELSEWHERE])


def _shorter_first(case: Case, existing: dict[IndexSpec, IndexFacts]) -> tuple[IndexSpec, ...]:
    """What remains begins with the keys of what goes: that no plan is left without an index is then known, and not
    only as far as this workload tells."""
    gone = case.dropped
    for spec in case.dropped:
        begins = makes_redundant(spec, case.table(spec))
        for shorter, index in existing.items():
            instead = tuple(shorter if each == spec else each for each in gone)
            able = shorter not in gone and _same_table(shorter, spec) and index.name in begins
            if able and _harmless(case, instead, gone):
                gone = instead
                break
    return gone


def _is_redundant(index: IndexFacts, table: TableFacts, gone: Iterable[IndexFacts]) -> bool:
    """Whether another index of its table, none of those `gone`, serves in place of it."""
    names = {index.name, *(each.name for each in gone)}
    others = [each for each in table.indexes if each.valid and each.name not in names]
    return any(index.name in makes_redundant(spec_of(each), table) for each in others)


def _is_relied_on(index: IndexFacts, table: TableFacts, gone: Iterable[IndexFacts]) -> bool:
    """Whether it is to serve in place of one that goes."""
    served = makes_redundant(spec_of(index), table)
    return any(each.schema == index.schema and each.name in served for each in gone if each.name != index.name)


def _same_table(one: IndexSpec, other: IndexSpec) -> bool:
    return (one.schema, one.table) == (other.schema, other.table)


def _harmless(case: Case, instead: tuple[IndexSpec, ...], gone: tuple[IndexSpec, ...]) -> bool:
    lost = case.costs.gain(case.chosen, gone) - case.costs.gain(case.chosen, instead)
    return lost <= WORTH * case.min_gain * case.measured_ms


def _is_idle(case: Case, spec: IndexSpec, index: IndexFacts, gone: tuple[IndexSpec, ...]) -> bool:
    if index.scans != 0:
        return False
    costs = case.costs
    return not any(
        spec in costs.used(question, ()) or spec in costs.used(question, case.chosen, gone)
        for question in case.serving(spec)
    )


def _largest_first(existing: dict[IndexSpec, IndexFacts]) -> list[tuple[IndexSpec, IndexFacts]]:
    return sorted(existing.items(), key=lambda each: (-each[1].size_bytes, each[1].name))
