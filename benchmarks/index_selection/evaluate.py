"""The common judge by cost: C of a set of indexes, as HypoPG on PostgreSQL 15 has it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.index_selection.hypo import Hypo
from benchmarks.index_selection.workload import Workload


@dataclass(frozen=True, slots=True)
class Verdict:
    """C = sum of weight x cost with the set / the same without; `mean_ratio` is the geometric mean over texts."""

    c: float
    mean_ratio: float
    before: float
    after: float
    count: int
    hypo_bytes: int
    refused: tuple[str, ...]
    """Definitions that HypoPG cannot have; C is without them."""
    ratios: dict[str, float]
    """By statement: cost after / before, summed over its literal texts."""


def evaluate(workload: Workload, definitions: Sequence[str]) -> Verdict:
    """Judge CREATE INDEX definitions on the workload's database, which must have none of them really."""
    with Hypo(workload.database) as hypo:
        before = _costs(hypo, workload)
        hypo.use(definitions)
        sizes = sum(hypo.size(each) for each in definitions)
        after = _costs(hypo, workload)
        refused = tuple(sorted(hypo.refused))
    weights = [weight for _, weight in workload.pairs()]
    total_before = sum(weight * cost for weight, (_, cost) in zip(weights, before, strict=True))
    total_after = sum(weight * cost for weight, (_, cost) in zip(weights, after, strict=True))
    sums: dict[str, list[float]] = {}
    for (name, old), (_, new) in zip(before, after, strict=True):
        entry = sums.setdefault(name, [0.0, 0.0])
        entry[0] += old
        entry[1] += new
    ratios = {name: new / old for name, (old, new) in sums.items()}
    return Verdict(
        c=total_after / total_before,
        mean_ratio=math.exp(sum(math.log(max(each, 1e-12)) for each in ratios.values()) / len(ratios)),
        before=total_before,
        after=total_after,
        count=len(set(definitions)),
        hypo_bytes=sizes,
        refused=refused,
        ratios=ratios,
    )


def _costs(hypo: Hypo, workload: Workload) -> list[tuple[str, float]]:
    return [(each.name, hypo.cost(literal)) for each in workload.statements for literal in each.literals]
