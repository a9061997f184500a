"""The recommendation that a proof makes: exact SQL, evidence, risk, and why not something else."""

from __future__ import annotations

from collections.abc import Sequence

from optischema_tui.core.advise.judge.confidence import Grounds, confidence
from optischema_tui.core.advise.judge.doubts import doubts
from optischema_tui.core.advise.judge.prove import Case, Helped, Proof
from optischema_tui.core.advise.judge.recipe import forward_and_inverse
from optischema_tui.core.advise.judge.risk import assess
from optischema_tui.core.advise.judge.rivals import keys_of, names, rivals
from optischema_tui.core.advise.judge.roles import order_notes, read_roles
from optischema_tui.core.advise.judge.verdict import would_change
from optischema_tui.core.advise.naming import canonical, index_name
from optischema_tui.core.advise.propose.coverage import invalid_twin, makes_redundant
from optischema_tui.core.models import Affected, Evidence, IndexSpec, Recommendation, TableFacts, recommendation_id
from optischema_tui.core.safe_text import one_line

MOST_GENERIC = 40
"""Statements of one run whose plan with unknown parameters is asked for."""


def recommend(case: Case, proof: Proof, *, why_not: Sequence[str] = ()) -> Recommendation:
    """The recommendation with its evidence. `why_not`: what else was rejected for this table, one sentence each."""
    spec, table = proof.spec, case.table(proof.spec)
    name = index_name(spec, _taken(case, spec.schema))
    forward, inverse = forward_and_inverse(spec, name, case.facts)
    size = case.costs.size(spec)
    affected = tuple(_affected(case, helped) for helped in proof.helped)
    calls = sum(case.statements[place].calls for place in {each.statement for each in case.serving(spec)})
    texts = [statement.sql for statement in case.statements]
    risk, reasons = assess(spec, table, size, calls, texts, case.writes.get((spec.schema, spec.table)))
    return Recommendation(
        id=recommendation_id(case.target, "create_index", canonical(spec)),
        target=case.target,
        kind="create_index",
        title=f"Index {one_line(spec.table, 80)} {keys_of(spec)}",
        forward_sql=forward,
        inverse_sql=inverse,
        risk=risk,
        risk_reasons=reasons,
        evidence=Evidence(
            affected=affected,
            cost_before=sum(one.calls * one.cost_before for one in affected),
            cost_after=sum(one.calls * one.cost_after for one in affected),
            share=sum(one.share for one in affected),
            size_bytes=size,
            planner=case.planner,
            confidence=confidence(spec, table, _grounds(case, proof, affected)),
            notes=_notes(case, proof, table),
            upkeep=case.upkeep(spec) / case.measured_ms,
            would_change=would_change(case, proof),
        ),
        spec=spec,
        index_name=name,
        why_not=(*rivals(case, proof), *why_not),
    )


def _taken(case: Case, schema: str) -> set[str]:
    """Names of relations in the schema."""
    tables = [table for table in case.facts.tables.values() if table.schema == schema]
    return {table.name for table in tables} | {index.name for table in tables for index in table.indexes}


def _affected(case: Case, helped: Helped) -> Affected:
    statement = case.statements[helped.statement]
    known = helped.statement in case.generic or len(case.generic) < MOST_GENERIC
    generic = case.generic_costs(helped.statement) if known else None
    return Affected(
        queryid=statement.queryid,
        text=statement.sql,
        share=case.share(helped.statement),
        calls=statement.calls,
        mean_exec_time=statement.mean_ms,
        cost_before=helped.before,
        cost_after=helped.after,
        generic_before=generic[0] if generic else None,
        generic_after=generic[1] if generic else None,
        fidelity=case.fidelity.get(statement.queryid),
        values=helped.values,
    )


def _grounds(case: Case, proof: Proof, affected: Sequence[Affected]) -> Grounds:
    with_values = [each for each in affected if each.generic_after is not None and each.generic_before is not None]
    blind = [each for each in with_values if (each.generic_after or 0.0) > 0.99 * (each.generic_before or 0.0)]
    return Grounds(
        guess=case.what_if(proof.spec).guess,
        stops_early=proof.stops_early,
        unknown_share=proof.unknown_share,
        values_only=bool(blind) and len(blind) == len(affected),
        fidelity={each.queryid: each.fidelity for each in affected},
        doubts=tuple(dict.fromkeys(line for _, plan in proof.plans for line in doubts(plan, case.facts))),
        not_modelled=case.not_modelled,
    )


def _notes(case: Case, proof: Proof, table: TableFacts) -> tuple[str, ...]:
    """What the plans that use it show of its parts, the candidate's other reasons, and what lies beside it."""
    spec = proof.spec
    candidate = case.candidate(spec)
    notes = order_notes(spec, table, read_roles(proof.plans, case.what_if(spec).name))
    notes += [reason for reason in (candidate.reasons if candidate else ()) if not _told(reason, spec)]
    for key in table.foreign_keys:
        if set(spec.columns[: len(key.columns)]) == set(key.columns) and not spec.predicate:
            notes.append(
                f"It also serves the foreign key on ({', '.join(key.columns)}): deletes in the parent look here."
            )
    notes += _redundant(case, proof, table)
    if twin := invalid_twin(spec, table):
        notes.append(f"An invalid index {twin} on the same columns is a leftover: it serves nothing; drop it first.")
    if proof.beside:
        notes.append(f"It helps only together with the recommended index on {names(proof.beside)}.")
    for harmed in proof.harmed:
        text = one_line(case.statements[harmed.statement].sql, 80)
        notes.append(
            f"By the planner's figures one statement becomes {harmed.after / harmed.before:.1f}x dearer: {text}"
        )
    return tuple(notes)


def _told(reason: str, spec: IndexSpec) -> bool:
    """Whether a candidate's reason is about the part of a B-tree that the plans tell of with figures, or its rows."""
    if spec.predicate and reason.endswith("the statement asks for no others."):
        return True
    ordinary = spec.method == "btree" and not any(spec.opclasses)
    return ordinary and reason.startswith((*spec.columns, *spec.include, *(key.strip("()") for key in spec.columns)))


def _redundant(case: Case, proof: Proof, table: TableFacts) -> list[str]:
    candidate = case.candidate(proof.spec)
    gone = {each.existing.name for each in case.costs.candidates if each.existing and each.spec in case.dropped}
    replaced = dict.fromkeys((*(candidate.replaces if candidate else ()), *makes_redundant(proof.spec, table)))
    return [
        f"It would make the index {name} redundant{': advice to drop it follows' if name in gone else ''}."
        for name in replaced
    ]
