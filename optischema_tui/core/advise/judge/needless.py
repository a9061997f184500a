"""Which existing indexes to speak of for dropping, beside those whose upkeep the choice found too dear."""

from __future__ import annotations

from optischema_tui.core.advise.judge.prove import Case
from optischema_tui.core.advise.propose.coverage import makes_redundant
from optischema_tui.core.models import IndexFacts, IndexSpec

LEAST_BYTES = 1 << 20
"""A smaller index that costs no upkeep is not worth a person's check."""
WORTH = 0.1
"""Of `min_gain`: what the workload may lose by dropping the shorter of two."""


def needless(case: Case) -> tuple[IndexSpec, ...]:
    """`case.dropped`, with the shorter of two that begin alike in place of the longer; then those that another index
    serves in place of; then those without a scan counted that no plan reads, as things are or with the choice."""
    existing = {each.spec: each.existing for each in case.costs.candidates if each.existing is not None}
    gone = _shorter_first(case, existing)
    for spec, index in _largest_first(existing):
        if spec not in gone and index.size_bytes >= LEAST_BYTES:
            others = [other for other in existing if other != spec and other not in gone and _same_table(other, spec)]
            redundant = any(index.name in _served(case, other) for other in others)
            if (redundant and _harmless(case, (*gone, spec), gone)) or _is_idle(case, spec, index, gone):
                gone = (*gone, spec)
    return gone


def _shorter_first(case: Case, existing: dict[IndexSpec, IndexFacts]) -> tuple[IndexSpec, ...]:
    """What remains begins with the keys of what goes: that no plan is left without an index is then known, and not
    only as far as this workload tells."""
    gone = case.dropped
    for spec in case.dropped:
        begins = _served(case, spec)
        for shorter, index in existing.items():
            instead = tuple(shorter if each == spec else each for each in gone)
            if (
                shorter not in gone
                and _same_table(shorter, spec)
                and index.name in begins
                and _harmless(case, instead, gone)
            ):
                gone = instead
                break
    return gone


def _served(case: Case, spec: IndexSpec) -> tuple[str, ...]:
    """Names of the indexes of its table that an existing one serves in place of, its own among them."""
    return makes_redundant(spec, case.table(spec))


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
