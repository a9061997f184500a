"""Figures to verdicts. The figures are plain values; the journal and the index are real."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from optischema_tui.core.baseline.effect import WATCHED, Effect, Measured
from optischema_tui.core.baseline.verdict import Finding, StatementVerdict
from optischema_tui.core.change.judge import (
    alert_of,
    decide,
    due_for_undo,
    enough,
    judge,
    keep,
    scope_of,
    watched,
)
from optischema_tui.core.change.protocol import apply_change, roll_back
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, TargetIdentity

Bench = Any
"""See conftest."""
BETTER, SAME, WORSE, UNKNOWN = Finding.BETTER, Finding.SAME, Finding.WORSE, Finding.UNKNOWN


def verdict_of(finding: Finding, before: float = 10.0, after: float = 10.0, calls: int = 100) -> StatementVerdict:
    ratio = None if finding is UNKNOWN else after / before
    return StatementVerdict(
        finding, "", ratio, 0.9 * after / before, 1.1 * after / before, 0.999, 0.1, calls, calls, before, after,
        before * calls, after * calls,
    )  # fmt: skip


def row(
    finding: Finding, before: float = 10.0, after: float = 10.0, query: int = 42, share: float = 0.5
) -> Measured:  # fmt: skip
    return Measured(query, f"SELECT {query}", verdict_of(finding, before, after), share)


def change_of(kind: str = "create_index", state: ChangeState = ChangeState.VERIFYING, **detail: Any) -> Change:
    told = {"applied_at": 1000.0, "intent_at": 990.0, "statements": [{"queryid": 42}]} | detail
    identity = TargetIdentity("7", 5, "shop", 180000, "x")
    return Change("c1", "", identity, "", kind, "Index on items", "CREATE", "DROP", "", state, "public", "items", "i",
                  detail=told)  # fmt: skip


@pytest.mark.parametrize(
    ("effect", "state", "words"),
    [
        (Effect((row(BETTER, 12.5, 0.4),)), ChangeState.KEPT, "12.5 ms before, 0.4 ms now"),
        (
            Effect((row(BETTER, 12.5, 0.4), row(WORSE, 1.0, 5.0, 7))),
            ChangeState.NEEDS_ATTENTION,
            "Slower: 1 ms before, 5 ms now",
        ),
        (Effect((row(SAME),)), ChangeState.NEEDS_ATTENTION, "only costs writes"),
        (Effect((row(BETTER, 12.5, 0.4), row(SAME, 1.0, 1.06, 7))), ChangeState.KEPT, "Faster"),
        (Effect((row(BETTER, 12.5, 0.4), row(WORSE, 1.0, 5.0, 7, share=0.001))), ChangeState.KEPT, "Faster"),
        (
            Effect((row(BETTER, 12.5, 0.4),), verdict_of(WORSE, 1.0, 1.2), verdict_of(BETTER, 10.0, 1.0)),
            ChangeState.KEPT,
            "writes of the table take 20% longer",
        ),
        (
            Effect((row(BETTER, 12.5, 10.0),), verdict_of(WORSE, 1.0, 1.2), verdict_of(SAME)),
            ChangeState.NEEDS_ATTENTION,
            "Writes of the table take 20% longer, for no gain",
        ),
        (
            Effect((row(BETTER, 12.5, 0.4),), verdict_of(WORSE, 1.0, 2.0), verdict_of(BETTER, 10.0, 1.0)),
            ChangeState.NEEDS_ATTENTION,
            "Writes of the table take 100% longer",
        ),
    ],
    ids=["faster", "one slower", "same", "same beside", "a light one slower", "a price", "no gain", "dear writes"],
)
def test_verdicts(bench: Bench, effect: Effect, state: ChangeState, words: str) -> None:
    change = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    judged = judge(bench.journal, change, effect)
    assert judged.state is state
    assert words in judged.detail["verdict"]
    assert bench.journal.change(change.id) == judged
    entry = bench.journal.entries()[-1]
    assert entry.event == f"change.{state}"
    assert len(entry.body["figures"]) == len(effect.rows)
    assert "text" not in entry.body["figures"][0]
    assert roll_back(bench.journal, bench.spec, change.id, limits=bench.quick).state is ChangeState.ROLLED_BACK


def test_too_little_is_no_verdict() -> None:
    change = change_of()
    for effect in (
        Effect(),
        Effect((row(UNKNOWN),)),
        Effect((row(UNKNOWN, 50.0), row(BETTER, 12.5, 0.4, 7))),
    ):
        assert not enough(effect.rows)
        assert decide(change, effect, 2000.0) is None


@pytest.mark.parametrize(
    ("kind", "effect", "state"),
    [
        ("create_index", Effect((row(UNKNOWN),)), ChangeState.NEEDS_ATTENTION),
        ("create_index", Effect((row(UNKNOWN, 50.0), row(BETTER, 1.0, 0.1, 7))), ChangeState.KEPT),
        ("drop_index", Effect((row(UNKNOWN),)), ChangeState.KEPT),
        ("drop_index", Effect(), ChangeState.KEPT),
    ],
)
def test_after_72_hours_there_is_a_verdict(kind: str, effect: Effect, state: ChangeState) -> None:
    change = change_of(kind)
    assert decide(change, effect, 1000.0 + WATCHED - 1) is None
    late = decide(change, effect, 1000.0 + WATCHED)
    assert late is not None
    assert (late.state, late.worse) == (state, False)


def test_a_change_that_costs_nothing_to_have_may_do_nothing() -> None:
    decision = decide(change_of("drop_index"), Effect((row(SAME),), total=verdict_of(SAME)), 2000.0)
    assert decision is not None
    assert decision.state is ChangeState.KEPT


def test_scopes_follow_the_kind() -> None:
    assert scope_of(change_of()).queryids == (42,)
    assert not scope_of(change_of()).whole_table
    assert scope_of(change_of("drop_index")).whole_table
    assert scope_of(change_of(statements=[])).whole_table, "an index that a person wrote has no statements named"
    assert scope_of(change_of("unheard of")).table == "items"


def test_alerts_and_the_undo_that_was_agreed_to() -> None:
    worse = Effect((row(WORSE, 1.0, 5.0),))
    alert = alert_of(change_of(), worse, 2000.0)
    assert alert is not None
    assert (alert.severity, alert.statement, alert.proposes_rollback) == ("alarm", "SELECT 42", True)
    slightly = alert_of(change_of(), Effect((row(WORSE, 1.0, 1.2),)), 2000.0)
    assert slightly is not None
    assert slightly.severity == "warning"
    assert alert_of(change_of(), Effect((row(SAME),)), 2000.0) is None, "no gain is no alarm"
    decision = decide(change_of(), worse, 2000.0)
    assert due_for_undo(change_of(auto_undo=True), decision)
    assert not due_for_undo(change_of(), decision)
    assert not due_for_undo(change_of(auto_undo=True), None)
    assert not due_for_undo(change_of(auto_undo=True), decide(change_of(), Effect((row(SAME),)), 2000.0))
    assert not due_for_undo(replace(change_of(auto_undo=True), inverse_sql=""), decision)
    moved = change_of(state=ChangeState.NEEDS_ATTENTION, worse=True, auto_undo=True)
    assert due_for_undo(moved, moved)


def test_how_long_a_change_is_watched() -> None:
    assert watched(change_of(), 1e9), "until it has its verdict"
    kept = change_of(state=ChangeState.KEPT)
    assert watched(kept, 1000.0 + WATCHED - 1)
    assert not watched(kept, 1000.0 + WATCHED)
    assert not watched(change_of(state=ChangeState.NEEDS_ATTENTION), 2000.0)


def test_what_was_kept_may_still_turn_worse_but_not_against_a_person(bench: Bench) -> None:
    change = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    kept = judge(bench.journal, change, Effect((row(BETTER, 12.5, 0.4),)))
    assert judge(bench.journal, kept, Effect((row(SAME),))) == kept
    turned = judge(bench.journal, kept, Effect((row(WORSE, 1.0, 5.0),)))
    assert (turned.state, turned.detail["worse"]) == (ChangeState.NEEDS_ATTENTION, True)
    decided = keep(bench.journal, turned, "the month end needs it")
    assert (decided.state, "month end" in decided.detail["verdict"]) == (ChangeState.KEPT, True)
    assert judge(bench.journal, decided, Effect((row(WORSE, 1.0, 5.0),))) == decided
    with pytest.raises(ChangeRefused):
        keep(bench.journal, decided, "again")
