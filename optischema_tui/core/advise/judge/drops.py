"""Advice to drop an index that exists: what is known to speak for it, and what a person must find out first.

The criteria are those of large fleets: an index goes only when nothing but plans could depend on it, and when it has
not been used for 35 days with a month's end in them, on the primary and on every standby; or else when another valid
index of the same method, operator classes, collations and condition begins with its keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from optischema_tui.core.advise.judge.prove import MAX_RISE, Case
from optischema_tui.core.advise.planner import IndexName
from optischema_tui.core.errors import PlanFailed
from optischema_tui.core.models import (
    Affected,
    Evidence,
    IndexFacts,
    IndexSpec,
    Recommendation,
    Risk,
    TableFacts,
    quote,
    recommendation_id,
)
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.sizes import size
from optischema_tui.core.workload.lexer import identifier, significant

ENOUGH_DAYS = 35.0
"""So many days always hold a month's end."""
_BEGIN = "CREATE INDEX "
_LONGEST = 65_536
"""Characters of a statement that are looked at."""
_MOST_PLANNED = 60
"""Statements outside of the study that are planned to see whether they read an index that might go."""


@dataclass(frozen=True, slots=True)
class _Uses:
    """What the workload says."""

    readers: tuple[Affected, ...]
    """Statements whose plans read it today, with their costs before and after the whole advice."""
    survivor: str = ""
    """The index that begins with its keys and serves all that it serves."""
    survivor_is_new: bool = False


def drop_advice(
    case: Case, *, observed_days: float | None = None
) -> tuple[tuple[Recommendation, ...], tuple[str, ...]]:
    """(advice for each index of `case.dropped` and `case.elsewhere` that may go, a sentence for each of `case.dropped`
    that may not). The largest first. `observed_days`: how long the use of this server was watched, None not known."""
    advised: list[Recommendation] = []
    kept: list[str] = []
    existing = {each.spec: each.existing for each in case.costs.candidates if each.existing is not None}
    unseen = _Unseen(case)
    for spec in (*case.dropped, *case.elsewhere):
        index = case.elsewhere[spec] if spec in case.elsewhere else existing[spec]
        uses = _uses(case, spec, index)
        reason = _must_stay(case, index) or _is_used(index, uses) or ("" if uses.survivor else unseen.reading(index))
        if not reason:
            advised.append(_recommend(case, spec, index, uses, observed_days))
        elif spec not in case.elsewhere:
            name = one_line(index.name, 80)
            kept.append(f"{one_line(index.table, 60)}: the index {name} is not advised to go: {reason}")
    return tuple(sorted(advised, key=lambda each: (-each.evidence.size_bytes, each.index_name))), tuple(kept)


def _must_stay(case: Case, index: IndexFacts) -> str:
    """The first reason that is not about plans; empty when there is none."""
    table = case.facts.tables[index.schema, index.table]
    bound = (
        (index.primary or index.unique or index.constraint, "it enforces a constraint or uniqueness"),
        (index.replica_identity, "it is the table's replica identity"),
        (index.clustered, "the table is clustered on it"),
        (bool(index.part_of), "it is a partition of a partitioned index"),
        (table.partitioned, "an index of a partitioned table cannot be dropped without blocking the table"),
        (bool(index.extension), f"it belongs to the extension {one_line(index.extension, 60)}"),
        (not index.valid, "it is invalid: a build may be at work on it"),
        (_last_for_a_key(case, index, table), "no other index begins with the columns of a foreign key"),
    )
    return next((reason for holds, reason in bound if holds), "")


def _last_for_a_key(case: Case, index: IndexFacts, table: TableFacts) -> bool:
    gone = _dropped_names(case)
    left = [
        each.columns
        for each in table.indexes
        if each.valid and not each.predicate and (each.schema, each.name) not in gone
    ]
    left += [each.columns for each in _chosen_on(case, index) if not each.predicate and each.method == "btree"]
    for key in table.foreign_keys:
        width, wanted = len(key.columns), set(key.columns)
        if set(index.columns[:width]) == wanted and not any(set(each[:width]) == wanted for each in left):
            return True
    return False


def _is_used(index: IndexFacts, uses: _Uses) -> str:
    """Why its use forbids it; an index with a survivor may be used, the survivor takes over."""
    if uses.survivor:
        return ""
    dearer = [each for each in uses.readers if each.cost_after > (1.0 + MAX_RISE) * each.cost_before]
    if dearer:
        return f"a statement would become dearer: {one_line(dearer[0].text, 80)}"
    if index.scans and not uses.readers:
        return f"the server has counted {index.scans:,} scans of it, so something outside of this workload reads it"
    return ""


class _Unseen:
    """The statements outside of the study: those that name a table are planned when it matters."""

    def __init__(self, case: Case) -> None:
        self._planner = case.costs.planner
        self._names = {text: _names(text) for text in case.unseen}
        self._read: dict[str, frozenset[str] | None] = {}
        """Names of the indexes that a plan reads; None where there is no plan."""

    def reading(self, index: IndexFacts) -> str:
        """Why one of them forbids that it goes; empty when none does."""
        for text, names in self._names.items():
            if index.table in names:
                read = self._indexes(text)
                if read is None:
                    return f"a statement that was not looked at names its table and may read it: {one_line(text, 80)}"
                if index.name in read:
                    return f"a statement too light to be looked at reads it: {one_line(text, 80)}"
        return ""

    def _indexes(self, text: str) -> frozenset[str] | None:
        if text not in self._read:
            self._read[text] = None
            if len(self._read) <= _MOST_PLANNED:
                with suppress(PlanFailed):
                    self._read[text] = frozenset(self._planner.plan(text).indexes())
        return self._read[text]


def _names(text: str) -> frozenset[str]:
    """Every name in a statement."""
    return frozenset(identifier(token) for token in significant(text[:_LONGEST]) if token.kind in ("word", "quoted"))


def _uses(case: Case, spec: IndexSpec, index: IndexFacts) -> _Uses:
    costs = case.costs
    before: dict[int, float] = {}
    after: dict[int, float] = {}
    reading = set()
    for question in case.serving(spec):
        if spec in costs.used(question, ()):
            reading.add(question.statement)
    for question in costs.questions:
        if question.statement in reading:
            place = question.statement
            now, then = costs.price(question, ()), costs.price(question, case.chosen, case.dropped)
            before[place] = before.get(place, 0.0) + question.weight * now
            after[place] = after.get(place, 0.0) + question.weight * then
    readers = tuple(
        Affected(
            queryid=case.statements[place].queryid,
            text=case.statements[place].sql,
            share=case.share(place),
            calls=case.statements[place].calls,
            mean_exec_time=case.statements[place].mean_ms,
            cost_before=before[place],
            cost_after=after[place],
        )
        for place in sorted(reading, key=lambda each: (-case.share(each), each))
    )
    name, new = _survivor(case, index)
    return _Uses(readers, name, new)


def _survivor(case: Case, index: IndexFacts) -> tuple[str, bool]:
    """(an index that begins with the keys of `index` and is otherwise like it, whether it is yet to be built)."""
    table, gone = case.facts.tables[index.schema, index.table], _dropped_names(case)
    width = len(index.columns)
    for other in table.indexes:
        if (
            other.name == index.name
            or (other.schema, other.name) in gone
            or not other.valid
            or other.method != index.method
        ):
            continue
        same = (
            other.columns[:width] == index.columns
            and _padded(other.descending, width) == _padded(index.descending, width)
            and _padded(other.nulls_first, width) == _padded(index.nulls_first, width)
            and _texts(other.opclasses, width) == _texts(index.opclasses, width)
            and other.predicate == index.predicate
            and not _collated(index)
            and not _collated(other)
            and set(index.include) <= {*other.columns, *other.include}
        )
        if same and (index.method == "btree" or len(other.columns) == width):
            return other.name, False
    for spec in _chosen_on(case, index):
        if _continues(spec, index):
            return f"the recommended one on ({', '.join(one_line(each, 60) for each in spec.columns)})", True
    return "", False


def _continues(spec: IndexSpec, index: IndexFacts) -> bool:
    width = len(index.columns)
    falling = _padded(spec.descending, width)
    first = tuple(
        {"FIRST": True, "LAST": False}.get(spec.nulls[position] if spec.nulls else "", falling[position])
        for position in range(min(width, len(spec.columns)))
    )
    return (
        spec.method == index.method == "btree"
        and spec.columns[:width] == index.columns
        and falling == _padded(index.descending, width)
        and first == (_padded(index.nulls_first, width) if index.nulls_first else falling)
        and _texts(spec.opclasses, width) == _texts(index.opclasses, width)
        and spec.predicate == index.predicate
        and not _collated(index)
        and set(index.include) <= {*spec.columns, *spec.include}
    )


def _recommend(
    case: Case, spec: IndexSpec, index: IndexFacts, uses: _Uses, observed_days: float | None
) -> Recommendation:
    known, unknown = _criteria(index, uses, observed_days)
    if case.unseen and not uses.survivor:
        unknown = (
            *unknown,
            f"Whether a view or a function leads to it in {len(case.unseen)} statements not looked at.",
        )
    forward = f"DROP INDEX CONCURRENTLY {quote(index.schema)}.{quote(index.name)}"
    inverse = f"CREATE INDEX CONCURRENTLY {index.definition.removeprefix(_BEGIN)}"
    used = bool(uses.readers) and not uses.survivor
    confidence = f"high: {one_line(uses.survivor, 120)} serves the same keys" if uses.survivor else (
        "medium: it rests on how well this workload stands for all use of the server"
    )  # fmt: skip
    upkeep = case.upkeep(spec)
    notes = [f"It frees {size(index.size_bytes)}."]
    if upkeep > 0:
        notes.append(f"Writers no longer keep it up: about {upkeep:,.1f} ms of their time in this workload.")
    if uses.survivor_is_new:
        notes.append("Build the recommended index first.")
    return Recommendation(
        id=recommendation_id(case.target, "drop_index", index.definition),
        target=case.target,
        kind="drop_index",
        title=f"Drop index {one_line(index.name, 80)} of {one_line(index.table, 80)}",
        forward_sql=forward,
        inverse_sql=inverse,
        risk=Risk.HIGH if used else Risk.MEDIUM,
        risk_reasons=_risk_reasons(index, uses),
        evidence=Evidence(
            affected=uses.readers,
            cost_before=sum(one.calls * one.cost_before for one in uses.readers),
            cost_after=sum(one.calls * one.cost_after for one in uses.readers),
            share=sum(one.share for one in uses.readers),
            size_bytes=index.size_bytes,
            planner=case.planner,
            confidence=confidence,
            notes=tuple(notes),
            upkeep=upkeep / case.measured_ms,
            facts=known,
            unknowns=unknown,
        ),
        index_name=index.name,
    )


def _risk_reasons(index: IndexFacts, uses: _Uses) -> tuple[str, ...]:
    reasons = ["somebody else has made it: approve this once the unknowns are clear"]
    if uses.readers and not uses.survivor:
        reasons.insert(0, "statements read it today; by the planner's figures they do as well without it")
    reasons.append(f"undoing it means building {size(index.size_bytes)} again")
    return tuple(reasons)


def _criteria(index: IndexFacts, uses: _Uses, observed_days: float | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(conditions known to hold, conditions that a person must check)"""
    known = [
        "It enforces nothing: no primary key, no unique or exclusion constraint.",
        "It is neither the replica identity nor clustered on, no partition of an index, and no extension's.",
        "A foreign key whose columns it begins with, if any, has another index.",
    ]
    unknown = ["Whether a standby reads it: each standby counts for itself; look at idx_scan on every one."]
    if uses.survivor:
        known.append(
            f"Another begins with the same keys, in the same order and under the same condition: "
            f"{one_line(uses.survivor, 160)}."
        )
    elif uses.readers:
        unknown.append("Whether those who read it today are all in this workload.")
    else:
        known.append("No plan of this workload's statements that name its table reads it.")
    if not uses.survivor:
        _usage(index, uses, observed_days, known, unknown)
    unknown.append("Whether it is younger than 30 days: then its time may be yet to come.")
    if index.expressions:
        unknown.append(
            "Whether plans need the statistics of its expression: they go with it, and estimates may change."
        )
    if _collated(index):
        unknown.append("It has a collation of its own, which no other index may replace.")
    return tuple(known), tuple(unknown)


def _usage(index: IndexFacts, uses: _Uses, observed_days: float | None, known: list[str], unknown: list[str]) -> None:
    if index.scans == 0:
        known.append("The server has counted no scan of it since its statistics were reset.")
    elif index.scans is None:
        unknown.append("How often the server scans it: the counter could not be read.")
    elif uses.readers:
        unknown.append(f"Which of its {index.scans:,} counted scans come from elsewhere.")
    if observed_days is not None and observed_days >= ENOUGH_DAYS:
        known.append(f"The server has been watched for {observed_days:,.0f} days, a month's end among them.")
    else:
        seen = "is not known" if observed_days is None else f"is {observed_days:,.0f} days"
        unknown.append(
            f"Whether a rare job needs it: how long the server has been watched {seen}; {ENOUGH_DAYS:.0f} days "
            "with a month's end are wanted."
        )


def _chosen_on(case: Case, index: IndexFacts) -> list[IndexSpec]:
    return [each for each in case.chosen if (each.schema, each.table) == (index.schema, index.table)]


def _dropped_names(case: Case) -> frozenset[IndexName]:
    existing = {each.spec: each.existing for each in case.costs.candidates if each.existing}  # of twins, the last
    gone = [existing[spec] for spec in case.dropped if spec in existing]
    return frozenset((each.schema, each.name) for each in (*gone, *case.elsewhere.values()))


def _collated(index: IndexFacts) -> bool:
    return " COLLATE " in index.definition


def _padded(values: Iterable[bool], width: int) -> tuple[bool, ...]:
    return (*values, *([False] * width))[:width]


def _texts(values: Iterable[str], width: int) -> tuple[str, ...]:
    return (*values, *([""] * width))[:width]
