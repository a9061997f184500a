"""Why not another index: the nearest alternative, and the one that a person would try first."""

from __future__ import annotations

from collections.abc import Iterable

from optischema_tui.core.advise.judge.prove import Case, Proof
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.sizes import size

MOST_SWAPS = 4
"""Alternatives that are planned for one recommendation, at most ..."""
ALL_SWAPS = 24
"""... and for all of them together; one each in any case."""


def rivals(case: Case, proof: Proof) -> tuple[str, ...]:
    """At most two sentences, each with what the whole workload would save with the other index in its place."""
    tried = {spec: _swapped(case, proof.spec, spec) for spec in _likely(case, proof)}
    have = case.costs.gain(case.chosen) / case.measured_ms
    lines = []
    if tried:
        nearest = min(tried, key=lambda spec: (-round(tried[spec], 9), case.costs.size(spec), spec.sql("_")))
        lines.append(f"Next best {_compare(case, proof.spec, nearest, have, tried[nearest])}")
    obvious = _obvious(case, proof.spec)
    if obvious is not None and (not tried or obvious != nearest):
        lines.append(f"The obvious {_compare(case, proof.spec, obvious, have, _swapped(case, proof.spec, obvious))}")
    return tuple(lines)


def keys_of(spec: IndexSpec) -> str:
    """'(a, b DESC) INCLUDE (c) WHERE d' with the method when it is no B-tree, as titles and sentences have it."""
    keys = []
    for position, key in enumerate(spec.columns):
        words = [one_line(key, 80)]
        words += [spec.opclasses[position]] if spec.opclasses and spec.opclasses[position] else []
        words += ["DESC"] if spec.descending and spec.descending[position] else []
        words += [f"NULLS {spec.nulls[position]}"] if spec.nulls and spec.nulls[position] else []
        keys.append(" ".join(words))
    text = f"({', '.join(keys)})"
    text = text if spec.method == "btree" else f"{spec.method} {text}"
    text += f" INCLUDE ({', '.join(one_line(each, 60) for each in spec.include)})" if spec.include else ""
    return text + (f" WHERE {one_line(spec.predicate, 100)}" if spec.predicate else "")


def _swapped(case: Case, out: IndexSpec, into: IndexSpec) -> float:
    """0-1 of the measured time that the workload saves with `into` in place of `out`."""
    rest = [spec for spec in case.chosen if spec != out]
    return case.costs.gain((*rest, into)) / case.measured_ms


def _likely(case: Case, proof: Proof) -> list[IndexSpec]:
    """Candidates of the table that serve most of the same questions, the most alike first."""
    most = max(1, min(MOST_SWAPS, ALL_SWAPS // max(1, len(case.chosen))))
    own = {each.number for each in case.serving(proof.spec)}
    taken = set(case.chosen)
    found = []
    for candidate in case.costs.candidates:
        spec = candidate.spec
        if candidate.existing is not None or spec in taken or not _same_table(spec, proof.spec):
            continue
        common = len(own & candidate.serves)
        if not common:
            continue
        alike = _common_prefix(spec, proof.spec) + (spec.predicate == proof.spec.predicate)
        found.append((-common, -alike, len(spec.columns) + len(spec.include), spec.sql("_"), spec))
    return [each[-1] for each in sorted(found, key=lambda each: each[:-1])[:most]]


def _obvious(case: Case, spec: IndexSpec) -> IndexSpec | None:
    """The plain index on its first column, where that is another, is known to the planner and does not exist."""
    if spec.is_computed(0):
        return None
    single = IndexSpec(spec.schema, spec.table, spec.columns[:1])
    candidate = case.candidate(single)
    if candidate is None or candidate.existing is not None or single == spec or single in case.chosen:
        return None
    return single


def _compare(case: Case, spec: IndexSpec, other: IndexSpec, have: float, instead: float) -> str:
    sizes = f"{size(case.costs.size(other))} against {size(case.costs.size(spec))}"
    saves, now = f"{max(0.0, instead):.1%}", f"{have:.1%}"
    than = f", not {now}" if saves != now else ", as it does now"
    return f"in its place, {keys_of(other)}: the workload would save {saves} of its time{than} ({sizes})."


def _same_table(one: IndexSpec, other: IndexSpec) -> bool:
    return (one.schema, one.table) == (other.schema, other.table)


def _common_prefix(one: IndexSpec, other: IndexSpec) -> int:
    length = 0
    for mine, theirs in zip(one.columns, other.columns, strict=False):
        if mine != theirs:
            break
        length += 1
    return length


def names(specs: Iterable[IndexSpec]) -> str:
    return "; ".join(f"{one_line(each.table, 60)} {keys_of(each)}" for each in specs)
