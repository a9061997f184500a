"""Index advice for a workload: candidates from its plans, a set chosen for the whole, each index proved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from optischema_tui.core.advise.choose.engine import choose
from optischema_tui.core.advise.choose.selection import Selection
from optischema_tui.core.advise.judge.drops import drop_advice
from optischema_tui.core.advise.judge.matching import matching_share
from optischema_tui.core.advise.judge.needless import elsewhere, needless
from optischema_tui.core.advise.judge.prove import Case, Proof, prove
from optischema_tui.core.advise.judge.recommend import recommend
from optischema_tui.core.advise.judge.upkeep import upkeep_ms
from optischema_tui.core.advise.judge.writes import TableWrites, write_load
from optischema_tui.core.advise.options import Options
from optischema_tui.core.advise.planner import Planner
from optischema_tui.core.advise.propose.candidate import Candidate, Refusal
from optischema_tui.core.advise.propose.proposal import propose
from optischema_tui.core.advise.reading.uses import TableKey
from optischema_tui.core.advise.rejections import Rejections, explain
from optischema_tui.core.advise.result import Advice
from optischema_tui.core.advise.study import Study, study
from optischema_tui.core.models import CatalogFacts, CurvePoint, IndexSpec
from optischema_tui.core.workload.statement import WorkloadStatement

Progress = Callable[[str, float], None]


def advise(
    workload: Sequence[WorkloadStatement],
    facts: CatalogFacts,
    planner: Planner,
    *,
    target: str,
    options: Options = Options(),
    fidelity: Mapping[int, float | None] | None = None,
    not_modelled: tuple[str, ...] = (),
    now: Callable[[], float] = lambda: 0.0,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = lambda what, fraction: None,
) -> Advice:
    """Recommend indexes for the heaviest statements of `workload`, and drops, each proved by `planner`.

    `target` is the fingerprint that goes into the recommendations' ids. `fidelity`, by queryid, is how far the
    planner's cost of a statement is from the target's own (0-1), and with `not_modelled` makes the confidence. The
    same input gives the same advice, unless `options.seconds` (on the clock `now`) or `stop` end the search: then it
    is the best found so far. Raises LabError when the planner itself breaks; a statement that cannot be planned is
    reported in `unplanned`.
    """
    calls_before = planner.calls
    studied = study(workload, facts, planner, options, stop, _part(progress, 0.0, 0.2))
    proposal = propose(studied.occurrences, facts, max_width=options.max_width, plain_only=options.plain_only)
    writes = write_load(workload, facts) if options.upkeep else {}
    upkeep = _upkeep(proposal.candidates, facts, writes)
    selection = choose(
        studied.questions,
        proposal.candidates,
        planner,
        price=studied.price,
        upkeep_ms=upkeep,
        budget_bytes=options.budget_bytes,
        min_gain=options.least_gain,
        max_calls=options.max_calls,
        seconds=options.seconds,
        now=now,
        stop=stop,
        progress=_part(progress, 0.2, 0.9),
    )
    progress("proving the chosen set", 0.9)
    case, proofs = _prove(
        Case(
            costs=selection.costs,
            statements=studied.statements,
            facts=facts,
            chosen=selection.chosen,
            dropped=selection.dropped,
            upkeep_ms=upkeep,
            writes=writes,
            min_gain=options.least_gain,
            budget_bytes=options.budget_bytes,
            target=target,
            planner=planner.name,
            fidelity=fidelity or {},
            not_modelled=not_modelled,
            unseen=(*(each.sql for each in studied.light), *(sql for sql, _ in studied.unplanned)),
        )
    )
    case = replace(case, dropped=needless(case), elsewhere=elsewhere(case))
    progress("writing down the evidence", 0.95)
    share = _light_share(studied, workload)
    rejected = explain(selection, frozenset(case.chosen), options.least_gain, options.budget_bytes)
    rejected.refusals(each for each in proposal.refused if not _answered(each, case.chosen))
    advice = _written(studied, selection, case, proofs, rejected, share, options.observed_days)
    return replace(advice, planner_calls=planner.calls - calls_before)


def _written(
    studied: Study,
    selection: Selection,
    case: Case,
    proofs: Mapping[IndexSpec, Proof],
    rejected: Rejections,
    light_share: float,
    observed_days: float | None,
) -> Advice:
    """The advice in words and figures. What it has to ask the planner yet is not counted here."""
    drops, kept = drop_advice(case, observed_days=observed_days)
    for sentence in kept:
        rejected.say(("", ""), sentence)
    if studied.light:
        rejected.say(
            ("", ""),
            f"light statements that were not looked at: {len(studied.light)} ({light_share:.1%} of the measured time)",
        )
    created = [
        recommend(case, proofs[spec], why_not=rejected.lines((spec.schema, spec.table)))
        for spec in sorted(case.chosen, key=lambda spec: (-round(proofs[spec].saved_ms, 6), spec.sql("_")))
    ]
    total = max(selection.before_ms, 1e-9)
    return Advice(
        recommendations=(*created, *drops),
        why_not=rejected.lines(),
        cost_before=_costs(studied, selection, ()),
        cost_after=_costs(studied, selection, case.chosen),
        planner_calls=0,
        unplanned=studied.unplanned,
        planned=len(studied.statements),
        left_out=len(studied.light),
        left_out_share=light_share,
        gain=max(0.0, selection.costs.gain(case.chosen, case.dropped) / total),
        bound=max(0.0, 1.0 - selection.bound_ms / total),
        curve=_curve(selection),
        questions=len(studied.questions),
        candidates=len(selection.costs.candidates),
        pages=studied.pages,
        stopped=bool(selection.stopped),
    )


def _upkeep(
    candidates: Sequence[Candidate], facts: CatalogFacts, writes: Mapping[TableKey, TableWrites]
) -> dict[IndexSpec, float]:
    """Milliseconds by index, of those that are written at all."""
    found = {}
    for candidate in candidates:
        spec = candidate.spec
        table = facts.tables[spec.schema, spec.table]
        share = matching_share(spec.predicate, table) if spec.predicate else 1.0
        cost = upkeep_ms(candidate.existing or spec, table, writes.get((spec.schema, spec.table)), matching=share)
        if cost > 0:
            found[spec] = cost
    return found


def _prove(case: Case) -> tuple[Case, dict[IndexSpec, Proof]]:
    """Those that stand, with their proofs; what cannot be proved is left out and the rest proved again without it."""
    while True:
        proofs = {spec: proof for spec in case.chosen if (proof := prove(case, spec)) is not None}
        if len(proofs) == len(case.chosen):
            return case, proofs
        case = replace(case, chosen=tuple(proofs), generic={})


def _answered(refusal: Refusal, chosen: Sequence[IndexSpec]) -> bool:
    """Whether a recommended index begins with the keys that the sentence misses."""
    spec = refusal.spec
    return spec is not None and any(
        (each.schema, each.table, each.method, each.predicate, each.columns[: len(spec.columns)])
        == (spec.schema, spec.table, spec.method, spec.predicate, spec.columns)
        for each in chosen
    )


def _costs(studied: Study, selection: Selection, chosen: tuple[IndexSpec, ...]) -> float:
    """Planner units: the sum of calls x cost, values weighted."""
    return sum(
        studied.statements[question.statement].calls * question.weight * selection.costs.price(question, chosen)
        for question in studied.questions
    )


def _light_share(studied: Study, workload: Sequence[WorkloadStatement]) -> float:
    whole = sum(each.total_ms for each in workload)
    return sum(each.total_ms for each in studied.light) / whole if whole > 0 else 0.0


def _curve(selection: Selection) -> tuple[CurvePoint, ...]:
    total = max(selection.before_ms, 1e-9)
    points = [CurvePoint(0, 0.0, 0)]
    for point in selection.curve:
        gain = 1.0 - point.objective_ms / total
        if point.size_bytes > points[-1].size_bytes and gain > points[-1].gain:
            points.append(CurvePoint(point.size_bytes, gain, len(point.specs)))
    return tuple(points)


def _part(progress: Progress, begin: float, end: float) -> Progress:
    """`progress` of a step that runs from `begin` to `end` of the whole."""
    return lambda what, fraction: progress(what, begin + (end - begin) * min(1.0, max(0.0, fraction)))
