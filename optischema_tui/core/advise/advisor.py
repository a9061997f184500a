"""Index advice for a workload: candidates from its plans, a set chosen for the whole, each index proved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from optischema_tui.core.advise.judge.proof import MIN_FALL, Proof, prove, recommend
from optischema_tui.core.advise.planner import Planner
from optischema_tui.core.advise.propose.candidates import candidates, column_problem, table_problem
from optischema_tui.core.advise.propose.coverage import covered_by
from optischema_tui.core.advise.reading.uses import TableKey, uses
from optischema_tui.core.advise.result import Advice
from optischema_tui.core.advise.search import MIN_GAIN, Choice, Pool, build_pool, choose, ordered
from optischema_tui.core.advise.work import Pricer, Specs, Work
from optischema_tui.core.errors import LabError, PlanFailed
from optischema_tui.core.models import CatalogFacts, IndexSpec, Recommendation
from optischema_tui.core.workload.statement import WorkloadStatement, by_weight

MAX_STATEMENTS = 50
"""The heaviest are looked at, at most so many ..."""
COVERED_TIME = 0.99
"""... and no more than make up this share of the measured time."""

Progress = Callable[[str, float], None]


@dataclass(slots=True)
class _Rejections:
    """Reasons by table, so that candidates with one reason make one sentence."""

    by_reason: dict[tuple[TableKey, str], list[IndexSpec]] = field(default_factory=dict)
    sentences: dict[tuple[TableKey, str], None] = field(default_factory=dict)

    def add(self, spec: IndexSpec, reason: str) -> None:
        specs = self.by_reason.setdefault(((spec.schema, spec.table), reason), [])
        if spec not in specs:
            specs.append(spec)

    def say(self, table: TableKey, sentence: str) -> None:
        self.sentences.setdefault((table, sentence))

    def lines(self, table: TableKey | None = None) -> tuple[str, ...]:
        found = [
            f"{key[1]} {', '.join(_columns(spec) for spec in ordered(specs))}: {reason}"
            for (key, reason), specs in self.by_reason.items()
            if table in (None, key)
        ]
        return (*found, *(sentence for key, sentence in self.sentences if table in (None, key)))


def advise(
    workload: Sequence[WorkloadStatement],
    facts: CatalogFacts,
    planner: Planner,
    *,
    target: str,
    budget_bytes: int | None = None,
    progress: Progress = lambda what, fraction: None,
) -> Advice:
    """Recommend B-tree indexes for the heaviest statements of `workload`, each proved by `planner`.

    `target` is the fingerprint that goes into the recommendations' ids; `budget_bytes` bounds the estimated size of
    all recommended indexes together. The same input gives the same advice. An index is recommended when plans read
    it, when a statement's cost falls by MIN_FALL with it, and when it saves MIN_GAIN of the workload's measured time.
    Raises LabError when the planner itself breaks; a statement that cannot be planned is reported in `unplanned`.
    """
    calls_before = planner.calls
    picked, unplanned, light = _pick(workload)
    progress("planning the statements as they are", 0.0)
    works = _plan_all(picked, facts, planner, unplanned, progress)
    rejected = _Rejections()
    pricer = Pricer(planner, works)
    pool_input = _candidates(works, pricer, rejected)
    pool = build_pool(pricer, works, pool_input, lambda what, fraction: progress(what, 0.2 + 0.5 * fraction))
    progress("choosing a set for the whole workload", 0.7)
    choice = choose(pricer, pool, budget_bytes)
    proofs = _prove(pricer, choice)
    chosen = frozenset(proofs)
    _explain(pricer, pool_input, pool, choice, chosen, rejected, budget_bytes)
    progress("writing down the evidence", 0.95)
    if light:
        share = sum(each.total_ms for each in light) / max(sum(each.total_ms for each in workload), 1e-9)
        rejected.say(("", ""), f"{len(light)} light statements ({share:.1%} of the measured time) were not looked at")
    else:
        share = 0.0
    return Advice(
        recommendations=_recommendations(pricer, proofs, works, facts, target, planner.name, rejected),
        why_not=rejected.lines(),
        cost_before=sum(work.statement.calls * work.cost for work in works),
        cost_after=sum(work.statement.calls * pricer.cost(work, chosen) for work in works),
        planner_calls=planner.calls - calls_before,
        unplanned=tuple(unplanned),
        planned=len(works),
        left_out=len(light),
        left_out_share=share,
    )


def _pick(
    workload: Sequence[WorkloadStatement],
) -> tuple[list[WorkloadStatement], list[tuple[str, str]], list[WorkloadStatement]]:
    """(statements to plan, heaviest first; those that cannot be, with the reason; those too light to matter)."""
    heaviest = by_weight(workload)
    unplanned = [(each.sql, each.problem) for each in heaviest if each.problem]
    good = [each for each in heaviest if not each.problem]
    total = sum(each.total_ms for each in good)
    picked: list[WorkloadStatement] = []
    covered = 0.0
    for each in good:
        if len(picked) >= MAX_STATEMENTS or (total > 0 and covered >= COVERED_TIME * total):
            break
        picked.append(each)
        covered += each.total_ms
    return picked, unplanned, good[len(picked) :]


def _plan_all(
    picked: Sequence[WorkloadStatement],
    facts: CatalogFacts,
    planner: Planner,
    unplanned: list[tuple[str, str]],
    progress: Progress,
) -> list[Work]:
    total = sum(each.total_ms for each in picked)
    calls = sum(each.calls for each in picked)
    works: list[Work] = []
    for done, statement in enumerate(picked):
        progress(f"planning statement {done + 1} of {len(picked)}", 0.2 * done / len(picked))
        try:
            plan = planner.plan(statement.sql)
        except PlanFailed as error:
            unplanned.append((statement.sql, error.sentence))
            continue
        share = statement.total_ms / total if total > 0 else statement.calls / calls
        works.append(Work(len(works), statement, share, plan, uses(plan, facts)))
    return works


def _candidates(works: Sequence[Work], pricer: Pricer, rejected: _Rejections) -> tuple[IndexSpec, ...]:
    """Everything worth planning with, added to the planner; the rest goes to `rejected`."""
    found: dict[IndexSpec, None] = {}
    refused: set[IndexSpec] = set()
    for work in works:
        for use in work.uses:
            for obstacle in use.obstacles:
                rejected.say(use.key, obstacle)
            proposed = candidates(use)
            problem = table_problem(use.table) if proposed else ""
            if problem:
                rejected.say(use.key, f"{use.table.name}: no index is proposed, {problem}")
                continue
            for spec in proposed:
                reason = column_problem(spec, use.table) or covered_by(spec, use.table, use.equal)
                if reason:
                    rejected.add(spec, reason)
                elif spec not in found and spec not in refused:
                    try:
                        pricer.add(spec)
                    except PlanFailed:
                        raise
                    except LabError as error:
                        refused.add(spec)
                        rejected.add(spec, f"cannot be modelled: {error.sentence}")
                    else:
                        found.setdefault(spec)
    return tuple(found)


def _prove(pricer: Pricer, choice: Choice) -> dict[IndexSpec, Proof]:
    """Proofs of those that stand; what cannot be proved is left out and the rest is proved again without it."""
    chosen = list(choice.chosen)
    while True:
        have: Specs = frozenset(chosen)
        proofs = {spec: proof for spec in chosen if (proof := prove(pricer, spec, have)) is not None}
        if len(proofs) == len(chosen):
            return proofs
        chosen = list(proofs)


def _explain(
    pricer: Pricer,
    considered: Sequence[IndexSpec],
    pool: Pool,
    choice: Choice,
    chosen: Specs,
    rejected: _Rejections,
    budget_bytes: int | None,
) -> None:
    """A reason for every candidate that is not recommended."""
    base = pricer.gain(chosen)
    for spec in considered:
        if spec in chosen:
            continue
        if spec not in pool.singles:
            rejected.add(spec, "the planner does not use it")
            continue
        more = pricer.gain(chosen | {spec}) - base
        alone = pricer.gain(frozenset((spec,)))
        rivals = [each for each in ordered(chosen) if (each.schema, each.table) == (spec.schema, spec.table)]
        if spec in choice.over_budget and more >= MIN_GAIN and budget_bytes is not None:
            size = pricer.size((spec,))
            rejected.add(spec, f"exceeds the budget of {_mb(budget_bytes)} ({_mb(size)} more, saves {more:.1%})")
        elif spec in choice.chosen:
            rejected.add(spec, f"not proved: no statement's planned cost falls by {MIN_FALL:.0%} with it")
        elif alone < MIN_GAIN:
            rejected.add(spec, f"gain too small: {alone:.1%} of the measured time")
        elif rivals:
            names = " and ".join(_columns(each) for each in rivals)
            rejected.add(spec, f"adds too little beside {names}: {max(more, 0.0):.1%} of the measured time")
        else:
            rejected.add(spec, f"adds too little beside the others: {max(more, 0.0):.1%} of the measured time")


def _recommendations(
    pricer: Pricer,
    proofs: dict[IndexSpec, Proof],
    works: Sequence[Work],
    facts: CatalogFacts,
    target: str,
    planner: str,
    rejected: _Rejections,
) -> tuple[Recommendation, ...]:
    ranked = sorted(proofs, key=lambda spec: (-round(proofs[spec].gain, 12), ordered(proofs).index(spec)))
    return tuple(
        recommend(
            pricer,
            spec,
            proofs[spec],
            works=works,
            facts=facts,
            target=target,
            planner=planner,
            why_not=rejected.lines((spec.schema, spec.table)),
        )
        for spec in ranked
    )


def _columns(spec: IndexSpec) -> str:
    return f"({', '.join(spec.columns)})"


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
