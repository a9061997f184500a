"""The statistical verdict: against a simulator that knows the truth, and at its edges."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from optischema_tui.core.baseline.student import quantile, two_sided
from optischema_tui.core.baseline.verdict import Finding, judge_statement
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.store import History
from optischema_tui.core.models import Interval
from tests.core.baseline.simulated_breaks import story
from tests.core.baseline.simulated_load import BEGUN, BUILD, HOUR, NOISES, TICK, Case, Noise, cases

FEW_POLLS = (0.2, 0.5, 1, 2, 6, 12, 24, 48, 72)


@pytest.mark.parametrize(
    ("t", "df", "p"), [(2.228, 10, 0.05), (12.706, 1, 0.05), (3.0902, 1e7, 0.002), (-2.228, 10, 0.05), (0.0, 3, 1.0)]
)
def test_students_t_is_that_of_the_tables(t: float, df: float, p: float) -> None:
    assert two_sided(t, df) == pytest.approx(p, rel=2e-3)


@pytest.mark.parametrize(("p", "df", "t"), [(0.05, 4, 2.7764), (0.002, 5, 5.8934), (0.05, 1e6, 1.96)])
def test_its_quantiles_too(p: float, df: float, t: float) -> None:
    assert quantile(p, df) == pytest.approx(t, rel=1e-4)


def test_the_truth_is_told_in_60_cases() -> None:
    """At least 95 % right, and no regression of half or more missed."""
    found = [(case, case.first(FEW_POLLS)[1].finding) for case in cases(7)]
    assert len(found) == 60
    right = sum(finding is case.truth for case, finding in found)
    assert right >= 57, Counter((case.noise.name, case.truth, finding) for case, finding in found)
    for case, finding in found:
        if case.truth is Finding.WORSE and case.effect >= 1.5:
            assert finding is Finding.WORSE, case.seed


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(1, 11))
def test_the_truth_with_other_seeds(seed: int) -> None:
    found = [(case, case.first()[1].finding) for case in cases(1000 + seed)]
    assert sum(finding is case.truth for case, finding in found) >= 55
    for case, finding in found:
        assert not (case.truth is Finding.WORSE and case.effect >= 1.5 and finding is not Finding.WORSE), case.seed


@pytest.mark.parametrize("effect", [1.0, 0.95, 1.05])
def test_too_few_calls_are_no_proof_of_anything(effect: float) -> None:
    """Two calls an hour, noisy: after a day nothing can be known, and nothing is said."""
    seldom = Noise("seldom", 1.0, 0.3, calls=2 * TICK / HOUR)
    for seed in range(6):
        assert Case(Finding.SAME, effect, seldom, f"seldom {seed}").at(24).finding is Finding.UNKNOWN


def test_same_means_shown_to_be_within_ten_percent() -> None:
    quiet = NOISES[0]
    for seed in range(4):
        told = Case(Finding.SAME, 1.0, quiet, f"same {seed}").at(4)
        assert told.finding is Finding.SAME
        assert 0.9 < told.low < told.high < 1.1
        assert Case(Finding.SAME, 1.1, quiet, f"edge {seed}").at(4).finding is not Finding.BETTER
        assert Case(Finding.WORSE, 1.3, quiet, f"worse {seed}").at(4).finding is Finding.WORSE


def flat(since: float, count: int, mean: float, seconds: float = 60.0, **more: object) -> list[Interval]:
    """Intervals of 20 calls that take `mean` ms, one after the other, with a little noise that is always the same."""
    wave = (1.0, 1.03, 0.98, 1.01, 0.97)
    made = Interval(0.0, seconds, 20, 0.0, 20 * (0.2 * mean) ** 2, 20, 1900, 100)
    return [
        replace(made, at=since + (n + 1) * seconds, exec_time=20 * mean * wave[n % 5], **more)  # type: ignore[arg-type]
        for n in range(count)
    ]


AFTER = BEGUN + BUILD


def test_intervals_with_evictions_are_no_evidence() -> None:
    before = flat(BEGUN - 7200, 120, 10.0)
    told = judge_statement(before, flat(AFTER, 60, 30.0, lower_bound=True), BEGUN, AFTER)
    assert (told.finding, "evictions" in told.why) == (Finding.UNKNOWN, True)
    assert judge_statement(before, flat(AFTER, 60, 30.0), BEGUN, AFTER).finding is Finding.WORSE


def test_the_time_after_a_restart_is_not_judged_and_a_cold_cache_not_blamed() -> None:
    before = flat(BEGUN - 86400, 1440, 10.0)
    slow = flat(AFTER, 30, 80.0, hit=100, read=1900)
    told = judge_statement(before, slow, BEGUN, AFTER, breaks=[AFTER + 1])
    assert told.finding is Finding.UNKNOWN
    later = flat(AFTER + 1800, 60, 40.0, hit=100, read=1900)
    assert judge_statement(before, slow + later, BEGUN, AFTER, breaks=[AFTER + 1]).finding is Finding.UNKNOWN
    dearer = flat(AFTER + 1800, 60, 40.0, hit=10_000, read=1900)
    assert judge_statement(before, slow + dearer, BEGUN, AFTER, breaks=[AFTER + 1]).finding is Finding.WORSE, "a plan"


def test_the_first_minutes_are_not_judged_as_worse() -> None:
    before = flat(BEGUN - 7200, 120, 10.0)
    assert judge_statement(before, flat(AFTER, 4, 30.0), BEGUN, AFTER).finding is Finding.UNKNOWN
    assert judge_statement(before, flat(AFTER, 4, 0.3), BEGUN, AFTER).finding is Finding.BETTER


def test_one_interval_on_each_side_is_enough_for_a_factor_of_ten_only() -> None:
    before = flat(BEGUN - 60, 1, 10.0)
    assert judge_statement(before, flat(AFTER, 1, 1.0), BEGUN, AFTER).finding is Finding.BETTER
    assert judge_statement(before, flat(AFTER, 1, 7.0), BEGUN, AFTER).finding is Finding.UNKNOWN


def test_bursts_that_were_not_there_before_are_told() -> None:
    before = flat(BEGUN - 86400, 1440, 10.0)
    after = [replace(each, exec_time=each.exec_time * 15) if n % 60 < 5 else each
             for n, each in enumerate(flat(AFTER, 360, 10.0))]  # fmt: skip
    told = judge_statement(before, after, BEGUN, AFTER)
    assert (told.finding, "bursts" in told.why) == (Finding.WORSE, True)


def test_a_trend_is_not_the_changes_doing() -> None:
    """Three percent a day for a week, and on: the day after is not called worse."""
    growing = [replace(each, exec_time=each.exec_time * 1.03 ** ((each.at - BEGUN) / 86400))
               for each in flat(BEGUN - 7 * 86400, 7 * 144, 10.0, 600.0) + flat(AFTER, 432, 10.0, 600.0)]  # fmt: skip
    before, after = ([each for each in growing if (each.at <= BEGUN) is early] for early in (True, False))
    for hours in (1, 6, 12, 24, 48, 72):
        part = [each for each in after if each.at <= AFTER + hours * HOUR]
        assert judge_statement(before, part, BEGUN, AFTER).finding is not Finding.WORSE, hours


def stories(count: int, first: int, tmp_path: Path) -> list[Finding]:
    found = []
    for number in range(first, first + count):
        clock = FixedClock()
        history = History.open(tmp_path / f"{number}.db", clock)
        try:
            for each in story(history, clock, f"story {number}"):
                found += [row.test.finding for row in each.rows]
                found += [each.total.finding] if each.total else []
        finally:
            history.close()
    return found


def test_no_false_alarm_over_resets_crashes_and_evictions(tmp_path: Path) -> None:
    found = Counter(stories(2, 0, tmp_path))
    assert not found[Finding.WORSE]
    assert found[Finding.SAME], "with time enough it says so"


@pytest.mark.deep
@pytest.mark.parametrize("first", range(0, 100, 10))
def test_no_false_alarm_in_a_hundred_histories(first: int, tmp_path: Path) -> None:
    found = Counter(stories(10, 100 + first, tmp_path))
    assert not found[Finding.WORSE]
    assert not found[Finding.BETTER]


def test_a_true_regression_is_found_among_resets_and_crashes(tmp_path: Path) -> None:
    clock = FixedClock()
    history = History.open(tmp_path / "h.db", clock)
    told = list(story(history, clock, "worse", 2.0))
    history.close()
    assert {row.queryid: row.test.finding for row in told[-1].rows}[1] is Finding.WORSE
