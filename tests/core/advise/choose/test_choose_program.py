from __future__ import annotations

import random
from itertools import product

import pytest

from optischema_tui.core.advise.choose.ledger import bits
from optischema_tui.core.advise.choose.program import Column, Cut, least_possible, solve, undominated


def _value(questions: list[list[Column]], charge: list[float], mask: int) -> float:
    best = sum(min(cost for used, cost in columns if not used & ~mask) for columns in questions)
    return best + sum(charge[bit] for bit in bits(mask))


def _random(seed: int) -> tuple[list[list[Column]], list[float], list[int]]:
    source = random.Random(seed)
    questions = [
        [(0, 500.0), *((source.randrange(1, 256), source.uniform(1, 500)) for _ in range(8))] for _ in range(6)
    ]
    return questions, [source.uniform(0, 40) for _ in range(8)], [source.randint(1, 50) for _ in range(8)]


def test_only_plans_that_no_other_beats_with_fewer_indexes_are_kept():
    columns = [(0b00, 10.0), (0b01, 12.0), (0b10, 4.0), (0b11, 4.0), (0b100, 3.0)]
    assert undominated(columns, [1, 1, 99], 50) == [(0b10, 4.0), (0b00, 10.0)]


@pytest.mark.parametrize("seed", range(12))
def test_the_program_finds_the_best_set(seed: int):
    questions, charge, sizes = _random(seed)
    budget = 30 + 10 * seed
    columns = [undominated(each, sizes, budget) for each in questions]
    found = solve(columns, charge, sizes, budget)
    assert found is not None
    fitting = [mask for mask in range(256) if sum(sizes[bit] for bit in bits(mask)) <= budget]
    assert found in fitting
    best = min(_value(questions, charge, mask) for mask in fitting)
    assert _value(questions, charge, found) == pytest.approx(best, rel=2e-5)


def test_a_stopped_program_gives_nothing():
    questions, charge, sizes = _random(3)
    assert solve(questions, charge, sizes, 60, stop=lambda: True) is None


def test_no_candidates_and_no_questions_are_no_failure():
    assert solve([], [], [], 10) == 0
    assert solve([[(0, 5.0)]], [], [], None) == 0
    assert least_possible([], [5.0, 2.0], [], [], 10) == (7.0, 0)


@pytest.mark.parametrize("seed", range(12))
def test_the_bound_is_never_above_the_best_set(seed: int):
    questions, charge, sizes = _random(seed)
    budget = 60

    def price(columns: list[Column], given: int) -> float:
        return min(cost for used, cost in columns if not used & ~given)

    source = random.Random(seed)
    cuts = []
    floors = [price(columns, 255) for columns in questions]
    for place, columns in enumerate(questions):
        for given in (0, *(source.randrange(256) for _ in range(10))):
            if 255 & ~given and price(columns, given) > floors[place]:
                cuts.append(Cut(place, price(columns, given), floors[place], 255 & ~given))
    found = least_possible(cuts, floors, charge, sizes, budget)
    assert found is not None
    bound, mask = found
    assert sum(sizes[bit] for bit in bits(mask)) <= budget
    sets = product(range(256))
    best = min(_value(questions, charge, mask) for (mask,) in sets if sum(sizes[bit] for bit in bits(mask)) <= budget)
    assert sum(floors) <= bound <= best + 1e-6
