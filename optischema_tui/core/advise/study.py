"""The workload made ready for the choice: which statements, planned with which values, using which tables how."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from optischema_tui.core.advise.choose.question import Price, Question, total_cost
from optischema_tui.core.advise.judge.pages import Sample, page_factor
from optischema_tui.core.advise.judge.price import honest
from optischema_tui.core.advise.judge.prove import saveable_ms
from optischema_tui.core.advise.key_checks import key_checks
from optischema_tui.core.advise.options import Options
from optischema_tui.core.advise.planner import Planner
from optischema_tui.core.advise.propose.candidate import Occurrence
from optischema_tui.core.advise.propose.foreign import Gap, gaps
from optischema_tui.core.advise.reading.use import Use
from optischema_tui.core.advise.reading.uses import uses
from optischema_tui.core.advise.values.draw import Drawn, draw
from optischema_tui.core.advise.values.literal import parameters
from optischema_tui.core.advise.values.sampled import few
from optischema_tui.core.errors import PlanFailed
from optischema_tui.core.models import CatalogFacts
from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.core.workload.statement import WorkloadStatement, by_weight

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Study:
    statements: tuple[WorkloadStatement, ...]
    """Those that could be planned, heaviest first; `Question.statement` is a place in it."""
    questions: tuple[Question, ...]
    occurrences: tuple[Occurrence, ...]
    price: Price
    """By which the questions' milliseconds are shared out."""
    pages: float
    """0-1 of the planner's page prices that the measured times speak for."""
    unplanned: tuple[tuple[str, str], ...]
    """(SQL text, reason)"""
    light: tuple[WorkloadStatement, ...]
    """Too light to be looked at."""


@dataclass(frozen=True, slots=True)
class _Text:
    sql: str
    times: float
    """In one call."""
    plan: PlanNode
    values: str


@dataclass(frozen=True, slots=True)
class _Planned:
    statement: WorkloadStatement
    texts: tuple[_Text, ...]
    """What the statement itself is planned as, heaviest first, then what runs behind it."""
    used: Sequence[Use]
    """By its plan with parameters unknown."""


def study(
    workload: Sequence[WorkloadStatement],
    facts: CatalogFacts,
    planner: Planner,
    options: Options,
    stop: Callable[[], bool],
    progress: Progress,
) -> Study:
    """Plan the heaviest statements as things are, each with values for its parameters. When `stop` turns true the
    statements that were not reached count as light."""
    unplanned = [(each.sql, each.problem) for each in by_weight(workload) if each.problem]
    picked, light = _pick([each for each in by_weight(workload) if not each.problem], options)
    planned: list[_Planned] = []
    unserved_keys = gaps(facts)
    for done, statement in enumerate(picked):
        if stop():
            light += picked[done:]
            break
        progress(f"planning statement {done + 1} of {len(picked)}", done / len(picked))
        try:
            planned.append(_plan(statement, facts, planner, unserved_keys, options))
        except PlanFailed as error:
            unplanned.append((statement.sql, error.sentence))
    pages = 1.0
    if not options.hopeful:
        pages = page_factor((Sample(each.texts[0].plan, each.statement.mean_ms) for each in planned), facts)
    price = total_cost if options.hopeful else honest(facts, pages)
    questions: list[Question] = []
    occurrences: list[Occurrence] = []
    for place, each in enumerate(planned):
        shared = each.used if _is_fixed(each.statement) else None
        whole = each.statement.total_ms if options.hopeful else saveable_ms(each.statement)
        for question in _questions(len(questions), place, whole, each.texts, price):
            questions.append(question)
            occurrences.append(Occurrence(question.number, uses(question.baseline, facts), shared))
    statements = tuple(each.statement for each in planned)
    return Study(statements, tuple(questions), tuple(occurrences), price, pages, tuple(unplanned), tuple(light))


def _plan(
    statement: WorkloadStatement, facts: CatalogFacts, planner: Planner, unserved_keys: Sequence[Gap], options: Options
) -> _Planned:
    generic, drawn = _drawn(statement, facts, planner, options)
    used = uses(generic, facts)
    texts = [_Text(each.sql, each.weight, each.plan, each.values) for each in drawn]
    texts += [
        _Text(each.sql, each.times, each.plan, each.words)
        for each in key_checks(statement, used, unserved_keys, planner.plan)
    ]
    return _Planned(statement, tuple(texts), used)


def _drawn(
    statement: WorkloadStatement, facts: CatalogFacts, planner: Planner, options: Options
) -> tuple[PlanNode, Sequence[Drawn]]:
    """The plan of the heaviest text with its parameters unknown, and texts with values: drawn ones where there are
    parameters, and the samples' own. A sample that cannot be planned is left out; raises PlanFailed when all are."""
    if len(statement.texts) == 1:
        alone = replace(statement, sql=statement.texts[0].sql)
        generic = planner.plan(alone.sql)
        return generic, draw(alone, generic, facts, planner.plan, most=options.values)
    generics: list[PlanNode] = []
    drawn: list[Drawn] = []
    failed: PlanFailed | None = None
    for sample in statement.texts:
        try:
            plan = planner.plan(sample.sql)
            own = draw(replace(statement, sql=sample.sql), plan, facts, planner.plan, most=1)
        except PlanFailed as error:
            failed = failed or error
            continue
        generics.append(plan)
        drawn += [replace(each, weight=sample.weight * each.weight) for each in own]
    if failed is not None and not drawn:
        raise failed
    return generics[0], few(drawn, options.samples)


def _is_fixed(statement: WorkloadStatement) -> bool:
    """Whether the plan with parameters unknown shows which conditions are the same in every call."""
    return len(statement.texts) == 1 and bool(parameters(statement.texts[0].sql))


def _pick(
    heaviest: Sequence[WorkloadStatement], options: Options
) -> tuple[list[WorkloadStatement], list[WorkloadStatement]]:
    """(those to plan, those too light to matter)"""
    total = sum(each.total_ms for each in heaviest)
    picked: list[WorkloadStatement] = []
    covered = 0.0
    for each in heaviest:
        if len(picked) >= options.max_statements or (total > 0 and covered >= options.covered_time * total):
            break
        picked.append(each)
        covered += each.total_ms
    return picked, list(heaviest[len(picked) :])


def _questions(first: int, place: int, total_ms: float, texts: Sequence[_Text], price: Price) -> list[Question]:
    """Milliseconds are shared out so that, as things are, the questions together take `total_ms`."""
    whole = sum(each.times * _positive(price, each.plan) for each in texts)
    return [
        Question(
            number=first + number,
            statement=place,
            sql=each.sql,
            weight=each.times,
            ms_per_cost=total_ms * each.times / whole,
            baseline=each.plan,
            values=each.values,
        )
        for number, each in enumerate(texts)
    ]


def _positive(price: Price, plan: PlanNode) -> float:
    return max(price(plan), 1e-9)
