from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from optischema_tui.core.advise.choose.engine import choose
from optischema_tui.core.advise.choose.selection import Selection
from optischema_tui.core.errors import LabError
from tests.core.advise.choose.arithmetic_planner import (
    Instance,
    instance,
    name_of,
    new,
    random_instance,
    there,
)


def _choose(case: Instance, **options: object) -> Selection:
    options = {"min_gain": 0.0, "upkeep_ms": case.upkeep_ms, **options}
    return choose(case.questions, case.candidates, case.planner, **options)  # type: ignore[arg-type]


def _present(case: Instance, found: Selection) -> frozenset[str]:
    """Names of the indexes that are there after the choice."""
    kept = case.planner.real - {name_of(spec) for spec in found.dropped}
    return frozenset(name_of(spec) for spec in found.chosen) | kept


@pytest.mark.parametrize(("seed", "budget"), [*((seed, 60) for seed in range(12)), (0, 25), (1, 120), (2, None)])
def test_the_best_set_of_all_is_found_within_the_budget(seed: int, budget: int | None):
    case = random_instance(seed)
    found = _choose(case, budget_bytes=budget)
    assert budget is None or sum(case.planner.sizes[name_of(spec)] for spec in found.chosen) <= budget
    assert found.after_ms == pytest.approx(case.objective(_present(case, found)))
    assert found.after_ms == pytest.approx(case.optimum(budget), rel=1e-4)
    assert found.before_ms == pytest.approx(case.total)
    assert not found.stopped


@pytest.mark.parametrize("seed", range(8))
def test_upkeep_and_the_dropping_of_what_exists_are_weighed_in_the_same_choice(seed: int):
    case = random_instance(seed, existing=4, upkeep=True)
    found = _choose(case, budget_bytes=60)
    assert found.after_ms == pytest.approx(case.objective(_present(case, found)))
    assert found.after_ms == pytest.approx(case.optimum(60), rel=1e-4)


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_is_true_and_the_curve_falls(seed: int):
    case = random_instance(seed)
    found = _choose(case, budget_bytes=60)
    assert found.bound_ms <= case.optimum(60) + 1e-6
    assert found.gap == pytest.approx(1 - found.bound_ms / found.after_ms)
    sizes = [point.size_bytes for point in found.curve]
    times = [point.objective_ms for point in found.curve]
    assert sizes == sorted(set(sizes))
    assert times == sorted(set(times), reverse=True)
    assert (sizes[0], times[0]) == (0, pytest.approx(case.total))
    assert len(found.curve) <= 13
    for point in found.curve:
        assert point.size_bytes == sum(case.planner.sizes[name_of(spec)] for spec in point.specs)
        assert point.objective_ms >= case.objective(frozenset(map(name_of, point.specs))) - 1e-6


def test_the_same_workload_gives_the_same_answer_and_asks_the_same():
    first, second = random_instance(5), random_instance(5)
    one, two = _choose(first, budget_bytes=60), _choose(second, budget_bytes=60)
    assert replace(one, costs=two.costs) == two
    assert first.planner.asked == second.planner.asked


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_planned_twice_neither_in_the_search_nor_afterwards(seed: int):
    case = random_instance(seed, existing=2)
    found = _choose(case, budget_bytes=60)
    assert len(set(case.planner.asked)) == len(case.planner.asked)
    calls = case.planner.calls
    assert found.planner_calls == calls
    for question in case.questions:
        price = found.costs.price(question, found.chosen, found.dropped)
        assert price == found.costs.plan(question, found.chosen, found.dropped).total_cost
        used = found.costs.used(question, found.chosen, found.dropped)
        assert set(map(name_of, used)) == found.costs.plan(question, found.chosen, found.dropped).indexes()
    assert found.costs.gain(found.chosen, found.dropped) == pytest.approx(found.before_ms - found.after_ms)
    assert case.planner.calls == calls


def test_a_plan_that_does_not_read_an_index_answers_for_the_set_without_it():
    case = instance(
        [{frozenset(): 100.0, frozenset({"t_a"}): 10.0}], [new("t_a", {0}), new("t_b", {0})], {"t_a": 1, "t_b": 1}
    )
    found = _choose(case)
    assert list(map(name_of, found.chosen)) == ["t_a"]
    assert {names for _, names, _ in case.planner.asked} == {frozenset({"t_a", "t_b"}), frozenset({"t_b"})}


def test_two_indexes_that_pay_only_together_are_found_together():
    case = instance(
        [{frozenset(): 100.0, frozenset({"t_a", "u_b"}): 5.0, frozenset({"t_c"}): 90.0}],
        [new("t_a", {0}), new("u_b", {0}), new("t_c", {0})],
        {"t_a": 10, "u_b": 10, "t_c": 5},
    )
    assert sorted(map(name_of, _choose(case, budget_bytes=20).chosen)) == ["t_a", "u_b"]
    assert list(map(name_of, _choose(case, budget_bytes=19).chosen)) == ["t_c"]


def test_an_index_must_save_its_share_beside_the_others():
    case = instance(
        [{frozenset(): 100.0, frozenset({"t_a"}): 10.0, frozenset({"t_a", "u_b"}): 9.0}],
        [new("t_a", {0}), new("u_b", {0})],
        {"t_a": 10, "u_b": 10},
    )
    assert list(map(name_of, _choose(case, min_gain=0.02).chosen)) == ["t_a"]
    assert sorted(map(name_of, _choose(case, min_gain=0.005).chosen)) == ["t_a", "u_b"]


def test_the_narrower_of_two_that_do_nearly_the_same_is_taken():
    case = instance(
        [{frozenset(): 100.0, frozenset({"t_a"}): 10.0, frozenset({"t_a_b"}): 9.95}],
        [new("t_a", {0}), new("t_a_b", {0})],
        {"t_a": 10, "t_a_b": 15},
    )
    assert list(map(name_of, _choose(case, min_gain=0.005).chosen)) == ["t_a"]
    assert list(map(name_of, _choose(case, min_gain=0.0).chosen)) == ["t_a_b"]


def test_the_most_missed_comes_first():
    case = instance(
        [{frozenset(): 100.0, frozenset({"t_a"}): 90.0}, {frozenset(): 100.0, frozenset({"u_b"}): 10.0}],
        [new("t_a", {0}), new("u_b", {1})],
        {"t_a": 1, "u_b": 1},
    )
    assert list(map(name_of, _choose(case).chosen)) == ["u_b", "t_a"]


class TestExisting:
    def _case(self, upkeep: float, **planner: object) -> Instance:
        options = [{frozenset(): 100.0, frozenset({"t_a"}): 40.0}, {frozenset(): 50.0}]
        case = instance(options, [there("t_a", {0}), there("t_b", {0, 1})], {}, **planner)
        case.upkeep_ms = {each.spec: upkeep for each in case.candidates}
        return case

    def test_unread_ones_are_dropped_for_their_upkeep_without_a_plan(self):
        case = self._case(3.0)
        found = _choose(case)
        assert list(map(name_of, found.dropped)) == ["t_b"]
        assert found.before_ms - found.after_ms == pytest.approx(3.0)
        assert found.size_bytes == 0

    def test_read_ones_are_dropped_when_they_cost_more_than_they_bring(self):
        assert sorted(map(name_of, _choose(self._case(61.0)).dropped)) == ["t_a", "t_b"]

    def test_without_upkeep_nothing_is_dropped(self):
        assert _choose(self._case(0.0)).dropped == ()

    def test_a_planner_that_hides_nothing_keeps_what_is_read(self):
        case = self._case(61.0, hides=False)
        found = _choose(case)
        assert list(map(name_of, found.dropped)) == ["t_b"]
        assert found.after_ms == pytest.approx(40.0 + 50.0 + 61.0)

    def test_one_is_dropped_when_a_new_one_does_its_work(self):
        options = [{frozenset(): 100.0, frozenset({"t_a"}): 40.0, frozenset({"t_a_b"}): 5.0}]
        case = instance(options, [there("t_a", {0}), new("t_a_b", {0})], {"t_a_b": 10})
        case.upkeep_ms = {case.candidates[0].spec: 2.0}
        found = _choose(case)
        assert list(map(name_of, found.chosen)) == ["t_a_b"]
        assert list(map(name_of, found.dropped)) == ["t_a"]


class TestLimits:
    def test_stopping_gives_the_best_so_far_at_once(self):
        case = random_instance(4)
        found = _choose(case, budget_bytes=60, stop=lambda: case.planner.calls >= 9)
        assert found.stopped == "stopped"
        assert case.planner.calls == 9
        assert found.chosen
        assert sum(case.planner.sizes[name_of(spec)] for spec in found.chosen) <= 60
        assert case.objective(frozenset(map(name_of, found.chosen))) <= found.after_ms < case.total

    def test_stopped_before_it_began_it_has_chosen_nothing(self):
        case = random_instance(4)
        found = _choose(case, stop=lambda: True)
        assert (found.stopped, found.chosen, case.planner.calls) == ("stopped", (), 0)

    @pytest.mark.parametrize("most", [0, 1, 5, 17, 30])
    def test_no_more_calls_than_allowed(self, most: int):
        case = random_instance(4)
        found = _choose(case, budget_bytes=60, max_calls=most)
        assert found.planner_calls <= most
        assert found.stopped == "calls"

    def test_the_time_given_ends_the_search(self):
        case = random_instance(4)
        found = _choose(case, budget_bytes=60, seconds=12.0, now=lambda: float(case.planner.calls))
        assert found.stopped == "time"
        assert case.planner.calls == 13

    def test_more_effort_is_never_worse(self):
        values = [_choose(random_instance(7), budget_bytes=60, max_calls=most).after_ms for most in (5, 20, 40, 500)]
        assert values[-1] == min(values)


def test_progress_only_grows_and_tells_the_gap():
    told: list[tuple[str, float]] = []
    found = _choose(random_instance(2), budget_bytes=60, progress=lambda what, fraction: told.append((what, fraction)))
    assert [fraction for _, fraction in told] == sorted(fraction for _, fraction in told)
    assert 0.0 <= told[0][1] < 0.2
    assert told[-1][1] == 1.0
    assert any("more can be saved" in what for what, _ in told)
    assert found.chosen


def test_what_cannot_be_modelled_is_told_and_left_out():
    case = random_instance(1)
    best = _choose(random_instance(1)).chosen[0]
    case.planner.unmodelled = frozenset({name_of(best)})
    found = _choose(case)
    assert best not in found.chosen
    assert isinstance(found.costs.unmodelled[best], LabError)


def test_a_question_that_is_refused_keeps_its_baseline():
    case = random_instance(1)
    case.planner.fails = frozenset({"0"})
    found = _choose(case)
    assert set(found.costs.failed) == {0}
    assert found.costs.price(case.questions[0], found.chosen) == case.questions[0].baseline.total_cost
    assert found.chosen


def test_good_ones_beyond_the_budget_are_named():
    case = instance(
        [{frozenset(): 100.0, frozenset({"t_a"}): 10.0, frozenset({"t_b"}): 60.0}],
        [new("t_a", {0}), new("t_b", {0})],
        {"t_a": 100, "t_b": 10},
    )
    found = _choose(case, budget_bytes=20)
    assert list(map(name_of, found.chosen)) == ["t_b"]
    assert list(map(name_of, found.over_budget)) == ["t_a"]
    assert found.curve[-1].objective_ms == pytest.approx(10.0)


def test_a_candidate_that_serves_nothing_is_never_modelled():
    case = instance([{frozenset(): 100.0}], [new("t_a", set()), new("t_b", {7})], {})
    found = _choose(case)
    assert (found.chosen, found.planner_calls) == ((), 0)
    assert not found.costs.knows(case.candidates[0].spec)


def test_a_price_of_its_own_is_what_counts():
    case = instance([{frozenset(): 100.0, frozenset({"t_a"}): 10.0}], [new("t_a", {0})], {"t_a": 1})
    honest: Callable[..., float] = lambda plan: 100.0 if plan.indexes() else plan.total_cost  # noqa: E731
    assert _choose(case, price=honest).chosen == ()


@pytest.mark.parametrize("budget", [0, None])
def test_an_empty_workload(budget: int | None):
    found = choose([], [], random_instance(0).planner, budget_bytes=budget)
    assert (found.chosen, found.before_ms, found.after_ms, found.gap) == ((), 0.0, 0.0, 0.0)
