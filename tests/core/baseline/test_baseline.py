"""Baselines out of a real history file; the rule of comparison."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from optischema_tui.core.baseline.baseline import create, take
from optischema_tui.core.baseline.compare import Verdict, compare, compare_statement, compare_windows
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.models import Baseline, StatementKey, WindowStats


def window(queryid: int, calls: int, mean: float, deviation: float = 0.0, user: int = 10) -> WindowStats:
    return WindowStats(StatementKey(user, 5, queryid), f"SELECT {queryid}", calls, calls * mean, 0, 0, 0, deviation)


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (window(1, 100, 10.0, 1.0), window(1, 100, 5.0, 1.0), Verdict.BETTER),
        (window(1, 100, 10.0, 1.0), window(1, 100, 20.0, 1.0), Verdict.WORSE),
        (window(1, 10000, 10.0, 1.0), window(1, 10000, 10.4, 1.0), Verdict.SAME),
        (window(1, 10000, 10.0, 1.0), window(1, 10000, 10.6, 1.0), Verdict.WORSE),
        (window(1, 10, 10.0, 10.0), window(1, 10, 18.0, 10.0), Verdict.TOO_FEW),
        (window(1, 1000, 10.0, 10.0), window(1, 1000, 18.0, 10.0), Verdict.WORSE),
        (window(1, 100, 10.0), window(1, 100, 10.3), Verdict.SAME),
        (window(1, 100, 10.0), window(1, 100, 10.9), Verdict.TOO_FEW),
        (window(1, 100, 10.0), window(1, 100, 11.1), Verdict.WORSE),
        (window(1, 4, 10.0), window(1, 100, 1.0), Verdict.TOO_FEW),
        (window(1, 100, 10.0), window(1, 4, 1.0), Verdict.TOO_FEW),
        (None, window(1, 100, 10.0), Verdict.NEW),
        (window(1, 100, 10.0), None, Verdict.GONE),
        (window(1, 100, 0.0), window(1, 100, 1.0), Verdict.TOO_FEW),
    ],
)
def test_the_rule(before: WindowStats | None, after: WindowStats | None, verdict: Verdict) -> None:
    assert compare_statement(before, after).verdict is verdict


def test_noise_alone_is_seldom_called_a_change() -> None:
    """500 pairs of samples from one exponential distribution: under 2 % may be called better or worse."""
    chance = random.Random(11)

    def sample() -> WindowStats:
        times = [chance.expovariate(1 / 8.0) for _ in range(200)]
        mean = sum(times) / 200
        return window(1, 200, mean, (sum((one - mean) ** 2 for one in times) / 200) ** 0.5)

    verdicts = [compare_statement(sample(), sample()).verdict for _ in range(500)]
    assert sum(verdict in (Verdict.BETTER, Verdict.WORSE) for verdict in verdicts) < 10


def test_a_comparison_has_shares_order_and_a_total_like_for_like() -> None:
    before = Baseline("old", "f", 0.0, 0.0, 60.0, (window(1, 100, 10.0), window(2, 100, 1.0), window(3, 10, 5.0)))
    after = Baseline("new", "f", 0.0, 60.0, 90.0, (window(1, 10, 10.0), window(2, 2000, 1.0), window(4, 50, 2.0)))
    found = compare(before, after)
    assert [row.key.queryid for row in found.rows] == [2, 1, 4, 3]
    assert found.rows[1].share_before == pytest.approx(1000 / 1150)
    assert found.rows[0].share_after == pytest.approx(2000 / 2200)
    assert (found.before, found.after, found.seconds_before, found.seconds_after) == ("old", "new", 60.0, 30.0)
    assert (found.total.calls_before, found.total.calls_after) == (210, 2060)
    assert found.total.change == pytest.approx(0.0), "the mix of calls changed, no statement did"
    assert found.total.verdict is Verdict.SAME
    faster = replace(after, statements=(window(1, 10, 1.0), window(2, 1000, 0.5)))
    assert compare(before, faster).total.verdict is Verdict.BETTER
    assert compare(before, faster).total.change == pytest.approx(510 / 1100 - 1)
    assert compare_windows((), ()) == ()


def test_a_baseline_is_made_of_history(history: History, feed, clock: FixedClock) -> None:
    feed.tick({1: [1.0]}, first=True)
    begin, target = clock.at, feed.snapshot().target.fingerprint
    feed.tick({1: [10.0] * 20})
    made = create(history, target, "before lunch", begin, clock.at, clock)
    assert made.statements[0].calls == 20
    assert history.baseline("before lunch", target) == made
    feed.tick({1: [2.0] * 20})
    now = take(history, target, "now", begin + 30, clock.at, clock)
    (row,) = compare(made, now).rows
    assert (row.verdict, row.ratio) == (Verdict.BETTER, pytest.approx(5.0))
    with pytest.raises(UsageError, match="a baseline before lunch of this target already"):
        create(history, target, "before lunch", begin, clock.at, clock)
    assert create(history, target, "before lunch", begin, clock.at, clock, replace=True).statements[0].calls == 40
    with pytest.raises(UsageError, match="holds no interval"):
        create(history, target, "empty", 0.0, 1.0, clock)
    for name in ("", "  ", "a\nb", "a\x1b[31m", "x" * 61):
        with pytest.raises(UsageError, match="no name for a baseline"):
            create(history, target, name, begin, clock.at, clock)
