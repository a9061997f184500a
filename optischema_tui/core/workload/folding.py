"""Variants of one statement made one: their weights add up, and the texts with real literals stay in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from optischema_tui.core.models import digest
from optischema_tui.core.workload.statement import Sample, WorkloadStatement, text_id
from optischema_tui.core.workload.valueless import valueless

MOST_SAMPLES = 32
"""Texts with literals that are kept of one statement, the heaviest."""


def folded(statements: Iterable[WorkloadStatement]) -> tuple[WorkloadStatement, ...]:
    """The statements with `$n` for their literals, those that differ in literals alone made one; in the order of the
    first of each.

    `sql` may be shown and kept; `samples` are the texts to plan, and are for this process only. The `queryid` of a
    statement that had literals is made from its text without them. One that has none stays as it is, comments apart.
    """
    groups: dict[str, list[tuple[WorkloadStatement, WorkloadStatement]]] = {}
    for statement in statements:
        text = valueless(statement.sql)
        if text.sql == statement.sql or (not text.literals and "--" not in statement.sql and "/*" not in statement.sql):
            bare = statement
        elif text.literals:
            bare = replace(statement, sql=text.sql, queryid=text_id(text.key))
        else:
            bare = replace(statement, sql=text.sql, queryid=text_id(text.sql))
        key = f"{text.key}\0{statement.problem}"
        groups.setdefault(key, []).append((bare, statement))
    return tuple(_one(members) for members in groups.values())


def _one(members: Sequence[tuple[WorkloadStatement, WorkloadStatement]]) -> WorkloadStatement:
    bare, heaviest = min(members, key=lambda each: _order(each[1]))
    calls = sum(each.calls for _, each in members)
    rows = [each.rows_per_call * each.calls for _, each in members if each.rows_per_call is not None]
    samples = _samples([each for _, each in members])
    return replace(
        bare,
        calls=calls,
        mean_ms=heaviest.mean_ms if len(members) == 1 else sum(each.total_ms for _, each in members) / calls,
        rows_per_call=bare.rows_per_call
        if len(members) == 1
        else sum(rows) / calls
        if len(rows) == len(members)
        else None,
        samples=() if len(samples) == 1 and samples[0].sql == bare.sql else samples,
    )


def _samples(variants: Sequence[WorkloadStatement]) -> tuple[Sample, ...]:
    """The texts of the variants that take most time, equal ones made one; weights by calls. Among equals a digest of
    the text decides, so that those kept are no neighbours in the file."""
    calls: dict[str, int] = {}
    times: dict[str, float] = {}
    for each in variants:
        calls[each.sql] = calls.get(each.sql, 0) + each.calls
        times[each.sql] = times.get(each.sql, 0.0) + each.total_ms
    kept = sorted(calls, key=lambda sql: (-times[sql], -calls[sql], digest(sql)))[:MOST_SAMPLES]
    whole = sum(calls[sql] for sql in kept)
    return tuple(Sample(sql, calls[sql] / whole) for sql in kept)


def _order(statement: WorkloadStatement) -> tuple[float, int, str]:
    return -statement.total_ms, -statement.calls, digest(statement.sql)
