"""The proof of one chosen index, and the recommendation that it makes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from optischema_tui.core.advise.judge.risk import assess
from optischema_tui.core.advise.naming import canonical, index_name
from optischema_tui.core.advise.propose.candidates import by_selectivity
from optischema_tui.core.advise.propose.coverage import invalid_twin, makes_redundant
from optischema_tui.core.advise.search import MIN_GAIN
from optischema_tui.core.advise.work import Pricer, Specs, Work
from optischema_tui.core.models import (
    Affected,
    CatalogFacts,
    Evidence,
    IndexSpec,
    Recommendation,
    TableFacts,
    quote,
    recommendation_id,
)
from optischema_tui.core.workload.plan import PlanNode

MIN_FALL = 0.20
"""A statement counts as helped when its planned cost falls by this much, and the plan reads the index."""

_PARAMETER = re.compile(r"\$\d")


@dataclass(frozen=True, slots=True)
class Proof:
    """Costs of the helped statements, by work: without and with the index."""

    helped: tuple[tuple[Work, float, float], ...]
    gain: float
    """0-1 of the workload's measured time."""
    beside: tuple[IndexSpec, ...] = ()
    """Other recommended indexes that must be there for it to help; empty when it helps alone."""
    stops_early: bool = False
    """Some plan walks the index in order, filters, and stops at a LIMIT: how soon depends on where the matches lie."""


def prove(pricer: Pricer, spec: IndexSpec, chosen: Specs) -> Proof | None:
    """Plan every statement that could use `spec`: alone first, then beside the other chosen ones. None: not proved."""
    candidates = [work for work in pricer.wanting(spec) if spec in pricer.used(work, chosen)]
    alone = _measure(pricer, candidates, spec, frozenset())
    if alone.gain >= MIN_GAIN:
        return alone
    others = chosen - {spec}
    together = _measure(pricer, candidates, spec, others)
    if together.gain < MIN_GAIN:
        return None
    needed = [other for other in others if any(other in pricer.used(work, chosen) for work, _, _ in together.helped)]
    beside = tuple(sorted(needed, key=lambda each: (each.table, each.columns)))
    return replace(together, beside=beside)


def recommend(
    pricer: Pricer,
    spec: IndexSpec,
    proof: Proof,
    *,
    works: Sequence[Work],
    facts: CatalogFacts,
    target: str,
    planner: str,
    why_not: Sequence[str],
) -> Recommendation:
    """The recommendation with its evidence, risk, exact SQL and inverse."""
    table = facts.tables[spec.schema, spec.table]
    taken = {index.name for each in facts.tables.values() if each.schema == spec.schema for index in each.indexes}
    taken |= {name for schema, name in facts.tables if schema == spec.schema}
    name = index_name(spec, taken)
    size = pricer.indexes[spec].size_bytes
    reading = [work for work in works if any(use.key == (spec.schema, spec.table) for use in work.uses)]
    calls = sum(work.statement.calls for work in reading)
    risk, reasons = assess(spec, table, size, calls, [work.statement.sql for work in works])
    affected = tuple(
        Affected(
            queryid=work.statement.queryid,
            text=work.statement.sql,
            share=work.share,
            calls=work.statement.calls,
            mean_exec_time=work.statement.mean_ms,
            cost_before=before,
            cost_after=after,
        )
        for work, before, after in proof.helped
    )
    evidence = Evidence(
        affected=affected,
        cost_before=sum(one.calls * one.cost_before for one in affected),
        cost_after=sum(one.calls * one.cost_after for one in affected),
        share=sum(one.share for one in affected),
        size_bytes=size,
        planner=planner,
        confidence=_confidence(spec, table, proof),
        notes=_notes(spec, table, proof),
    )
    return Recommendation(
        id=recommendation_id(target, "create_index", canonical(spec)),
        target=target,
        kind="create_index",
        title=f"Index {spec.table} ({', '.join(_keys(spec))})",
        forward_sql=spec.sql(name),
        inverse_sql=f"DROP INDEX CONCURRENTLY {quote(spec.schema)}.{quote(name)}",
        risk=risk,
        risk_reasons=reasons,
        evidence=evidence,
        spec=spec,
        index_name=name,
        why_not=tuple(why_not),
    )


def _measure(pricer: Pricer, works: Sequence[Work], spec: IndexSpec, others: Specs) -> Proof:
    helped: list[tuple[Work, float, float]] = []
    gain = 0.0
    early = False
    for work in works:
        before, after = pricer.cost(work, others), pricer.cost(work, others | {spec})
        if spec in pricer.used(work, others | {spec}) and after <= (1.0 - MIN_FALL) * before:
            helped.append((work, before, after))
            gain += work.share * (before - after) / work.cost
            early |= _stops_early(pricer.plan(work, others | {spec}), pricer.indexes[spec].name)
    helped.sort(key=lambda each: (-each[0].share * (each[1] - each[2]) / each[0].cost, each[0].number))
    return Proof(tuple(helped), gain, stops_early=early)


def _stops_early(plan: PlanNode, index: str) -> bool:
    if plan.node_type != "Limit":
        return any(_stops_early(child, index) for child in plan.children)
    nodes = list(plan.walk())
    blocking = any(node.node_type in ("Sort", "Aggregate", "Hash") for node in nodes)
    return not blocking and any(node.index_name == index and node.condition("Filter") for node in nodes)


def _confidence(spec: IndexSpec, table: TableFacts, proof: Proof) -> str:
    blind = [
        column.name
        for column in table.columns
        if column.name in spec.columns and not (column.n_distinct or column.null_frac or column.histogram_bounds)
    ]
    if blind:
        return f"low: no statistics of {', '.join(blind)} were readable, so the planner guesses"
    if proof.stops_early:
        return "medium: the plan stops at a LIMIT, and how soon depends on where the matching rows lie in the order"
    generic = sum(1 for work, _, _ in proof.helped if _PARAMETER.search(work.statement.sql))
    if generic:
        return "medium: the values of $n are not known, so the plan is the one for an average value"
    return "high: planned with the statement's own values and the table's statistics"


def _notes(spec: IndexSpec, table: TableFacts, proof: Proof) -> tuple[str, ...]:
    notes = _order_notes(spec, table, proof)
    for key in table.foreign_keys:
        if set(spec.columns[: len(key.columns)]) == set(key.columns):
            notes.append(
                f"It also serves the foreign key on ({', '.join(key.columns)}): deletes in the parent look here."
            )
    for name in makes_redundant(spec, table):
        notes.append(f"It would make the index {name} redundant.")
    twin = invalid_twin(spec, table)
    if twin:
        notes.append(f"An invalid index {twin} on the same columns is a leftover: it serves nothing; drop it first.")
    if proof.beside:
        names = "; ".join(f"{other.table} ({', '.join(other.columns)})" for other in proof.beside)
        notes.append(f"It helps only together with the recommended index on {names}.")
    return tuple(notes)


def _order_notes(spec: IndexSpec, table: TableFacts, proof: Proof) -> list[str]:
    if len(spec.columns) < 2:
        return []
    uses = [use for work, _, _ in proof.helped for use in work.uses if use.key == (spec.schema, spec.table)]
    equal = {column for use in uses for column in (*use.equal, *use.any_of)}
    equal |= {column for use in uses for columns in use.joins.values() for column in columns}
    ranges = {column for use in uses for column in use.ranges}
    sorted_by = {column for use in uses for keys in use.orders for column, _ in keys}
    front: list[str] = []
    for column in spec.columns:
        if column not in equal:
            break
        front.append(column)
    notes = []
    if front:
        text = f"{', '.join(front)} first: compared with ="
        notes.append(f"{text}, most distinct values leading." if _falls(front, table) else f"{text}.")
    for column in spec.columns[len(front) :]:
        if column in sorted_by and column not in equal:
            notes.append(f"{column} after what is compared with =: rows come out in the wanted order, without a sort.")
        elif column in ranges:
            notes.append(f"{column} after what is compared with =: a range ends the part that can be looked up.")
        elif column in equal:
            notes.append(f"{column} last: it is checked inside the index, before the table is read.")
    return notes


def _falls(columns: Sequence[str], table: TableFacts) -> bool:
    return len(columns) > 1 and tuple(columns) == by_selectivity(table, columns)


def _keys(spec: IndexSpec) -> list[str]:
    return [
        column + (" DESC" if spec.descending and spec.descending[position] else "")
        for position, column in enumerate(spec.columns)
    ]
