"""Figures to verdicts. The figures are plain values; the journal and the index are real."""

from __future__ import annotations

from typing import Any

import pytest

from optischema_tui.core.baseline.compare import Compared, compare_statement
from optischema_tui.core.change.judge import enough, judge, keep
from optischema_tui.core.change.protocol import apply_change, roll_back
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import ChangeState, StatementKey, WindowStats

Bench = Any
"""See conftest."""


def row(before_ms: float, after_ms: float, calls: int = 100, calls_after: int = 100, query: int = 42) -> Compared:
    def side(mean: float, count: int) -> WindowStats:
        return WindowStats(StatementKey(1, 1, query), "SELECT 1", count, mean * count, count, 0, 0, mean / 10)

    return compare_statement(side(before_ms, calls), side(after_ms, calls_after))


@pytest.mark.parametrize(
    ("measured", "state", "words"),
    [
        ([row(12.5, 0.4)], ChangeState.KEPT, "12.5 ms before, 0.4 ms now"),
        ([row(12.5, 0.4), row(1.0, 5.0, query=7)], ChangeState.NEEDS_ATTENTION, "Slower: 1 ms before, 5 ms now"),
        ([row(12.5, 12.5)], ChangeState.NEEDS_ATTENTION, "only costs writes"),
        ([row(12.5, 0.4), row(1.0, 1.06, query=7)], ChangeState.KEPT, "Faster"),
    ],
    ids=["faster", "one slower", "same", "slower within 10 %"],
)
def test_verdicts(bench: Bench, measured: list[Compared], state: ChangeState, words: str) -> None:
    change = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    judged = judge(bench.journal, change, measured)
    assert judged.state is state
    assert words in judged.detail["verdict"]
    assert bench.journal.change(change.id) == judged
    entry = bench.journal.entries()[-1]
    assert entry.event == f"change.{state}"
    assert entry.body["figures"][0]["mean_ms_before"] == "12.5"
    assert roll_back(bench.journal, bench.spec, change.id, limits=bench.quick).state is ChangeState.ROLLED_BACK


def test_too_little_is_no_verdict(bench: Bench) -> None:
    change = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    for measured in (
        [],
        [row(12.5, 0.4, calls_after=2)],
        [row(12.5, 0.4, calls=1, query=7), row(50.0, 1.0, calls_after=1)],
    ):
        assert not enough(measured)
        assert judge(bench.journal, change, measured) == change
    assert bench.journal.change(change.id).state is ChangeState.VERIFYING


def test_a_person_may_keep_it(bench: Bench) -> None:
    change = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    doubtful = judge(bench.journal, change, [row(3.0, 3.0)])
    kept = keep(bench.journal, doubtful, "the month end needs it")
    assert (kept.state, "month end" in kept.detail["verdict"]) == (ChangeState.KEPT, True)
    with pytest.raises(ChangeRefused):
        keep(bench.journal, kept, "again")
