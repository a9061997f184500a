"""What HypoPG on the target says to a recommendation: its planner and its own data, asked for by a person only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from optischema_tui.core.advise.planner import IndexName, WhatIf
from optischema_tui.core.advise.values.draw import draw
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import LabError, PlanFailed, UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import Affected, CatalogFacts, Recommendation
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.explain import explain_generic
from optischema_tui.core.target.hypopg import HypoPlanner
from optischema_tui.core.target.session import identify, reading
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.core.workload.statement import WorkloadStatement

Plan = Callable[[str], PlanNode]

MOST_STATEMENTS = 5
"""Of one recommendation, those with the largest share of the time."""
MOST_VALUES = 3
_SAME = 0.99
"""A cost that stays above this share of another has not changed."""


@dataclass(frozen=True, slots=True)
class _Text:
    sql: str
    calls: float
    before: float
    """Its cost as things are."""


def ask(spec: TargetSpec, paths: Paths, recommendation_id: str, *, clock: Clock = SYSTEM) -> str:
    """The sentence for one recommendation, which is kept with its evidence.

    Raises UsageError for an unknown recommendation or one of another target, and what `second_opinion` raises.
    """
    with closing(History.open(paths.history_db, clock=clock)) as history:
        found = history.recommendation(recommendation_id)
        said = second_opinion(spec, [found])[found.id]
        present = history.recommendations(found.target, include_dismissed=True)
        changed = replace(found, evidence=replace(found.evidence, second_opinion=said))
        history.save_recommendations(found.target, [changed if each.id == found.id else each for each in present])
    return said


def second_opinion(spec: TargetSpec, recommendations: Sequence[Recommendation]) -> dict[str, str]:
    """A sentence by recommendation id. Nothing is executed or created: hypothetical indexes live in this session only.

    Raises UsageError for a recommendation of another target, MissingPart when the database has no hypopg, TargetError
    and its kinds, LabError when the catalog cannot be read. What HypoPG cannot judge is said in the sentence.
    """
    with reading(spec) as session:
        here = identify(session, spec.label).fingerprint
        for each in recommendations:
            if each.target != here:
                raise UsageError(f"The recommendation {each.id} is not of this target", "", "Connect to its own")
        planner = HypoPlanner(session)
        facts = read_image(session, rows=spec.sample_rows).facts()

        def generic(sql: str) -> PlanNode:
            return explain_generic(session, sql)

        return {each.id: _opinion(planner, generic, facts, each) for each in recommendations}


def _opinion(planner: HypoPlanner, generic: Plan, facts: CatalogFacts, recommendation: Recommendation) -> str:
    shown: list[WhatIf] = []
    hidden: list[IndexName] = []
    try:
        if recommendation.kind == "drop_index":
            hidden.append(_existing(facts, recommendation))
        elif recommendation.spec is not None:
            shown.append(planner.add(recommendation.spec))
        heaviest = sorted(recommendation.evidence.affected, key=lambda one: (-one.share, one.queryid))
        texts = [text for one in heaviest[:MOST_STATEMENTS] for text in _texts(planner, generic, facts, one)]
        after = [planner.plan(text.sql, shown, without=hidden).total_cost for text in texts]
    except (LabError, PlanFailed) as error:
        return f"{planner.name} cannot judge it: {error.sentence}"
    if not texts:
        return f"{planner.name} cannot judge it: it can plan none of the statements"
    size = f"; {shown[0].size_bytes / 1_000_000:,.1f} MB by its own estimate" if shown else ""
    return f"{planner.name}: {_verdict(recommendation.kind, texts, after)}{size}"


def _verdict(kind: str, texts: Sequence[_Text], after: Sequence[float]) -> str:
    then = sum(text.calls * text.before for text in texts)
    now = sum(text.calls * cost for text, cost in zip(texts, after, strict=True))
    better = sum(cost < _SAME * text.before for text, cost in zip(texts, after, strict=True))
    worse = sum(_SAME * cost > text.before for text, cost in zip(texts, after, strict=True))
    several = f"{len(texts)} text{'' if len(texts) == 1 else 's'}"
    if kind == "drop_index":
        return f"{worse} of {several} would get dearer" if worse else f"none of {several} would get dearer"
    if not better:
        return f"it would help none of {several}"
    calls = sum(text.calls for text in texts)
    ratio = then / now if now > 0 else 1.0
    costs = f"cost of a call {then / calls:,.1f} -> {now / calls:,.1f}, {ratio:,.1f} times less"
    return f"it would help {better} of {several}, {costs}"


def _existing(facts: CatalogFacts, recommendation: Recommendation) -> IndexName:
    """The index to be dropped, as the catalog has it. Raises LabError when it is gone."""
    wanted = recommendation.spec
    for table in facts.tables.values():
        for index in table.indexes:
            if index.name == recommendation.index_name and (wanted is None or index.schema == wanted.schema):
                return (index.schema, index.name)
    raise LabError("The index does not exist any more")


def _texts(planner: HypoPlanner, generic: Plan, facts: CatalogFacts, affected: Affected) -> list[_Text]:
    """The statement's text, or texts with values drawn for its parameters, as far as they can be planned."""
    calls = float(max(1, affected.calls))
    statement = WorkloadStatement(affected.text, affected.calls, affected.mean_exec_time, affected.queryid)
    found = []
    try:
        drawn = draw(statement, generic(affected.text), facts, planner.plan, most=MOST_VALUES)
        for each in drawn:
            found.append(_Text(each.sql, calls * each.weight, planner.plan(each.sql).total_cost))
    except PlanFailed:
        return found  # a text whose parameters stay unknown is beyond HypoPG on older servers
    return found
