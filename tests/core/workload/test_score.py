from __future__ import annotations

import math

import pytest

from optischema_tui.core.workload.score import WEIGHTS, score


def test_the_edges():
    assert score(0.0, 0.0, 1.0) == 100
    assert score(1.0, 0.1, 0.999) == 100
    assert score(1000.0, 1000.0, 0.5) == 0
    assert score(1e12, 1e12, 0.0) == 0
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)


def test_higher_is_better_in_every_part():
    middle = score(30.0, 10.0, 0.95)
    assert score(3.0, 10.0, 0.95) > middle > score(300.0, 10.0, 0.95)
    assert score(30.0, 1.0, 0.95) > middle > score(30.0, 100.0, 0.95)
    assert score(30.0, 10.0, 0.99) > middle > score(30.0, 10.0, 0.7)


def test_the_stated_points_of_the_scale():
    assert score(10.0, None, None) == 67
    assert score(None, 100.0, None) == 25
    assert score(None, None, 0.99) == 63
    assert score(100.0, 0.1, 1.0) == round(100 * (0.6 / 3 + 0.15 + 0.25))


def test_what_is_unknown_is_left_out():
    assert score(None, None, None) == 100
    assert score(math.nan, math.inf, None) == 100
    assert score(1000.0, None, 1.0) == round(100 * 0.25 / 0.85)


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, -1.0, 0.0, -0.0, 5e-324, 1e308, 1.7e308, 2.0])
def test_no_figure_breaks_the_scale(odd):
    for mean, rate, ratio in ((odd, 1.0, 0.9), (10.0, odd, 0.9), (10.0, 1.0, odd), (odd, odd, odd), (odd, None, None)):
        assert 0 <= score(mean, rate, ratio) <= 100
        assert isinstance(score(mean, rate, ratio), int)


def test_what_cannot_be_is_taken_for_the_nearest_that_can():
    assert score(-5.0, None, None) == score(0.0, None, None) == 100
    assert score(None, None, 1.5) == 100
    assert score(None, None, -0.5) == 0
    assert score(None, 0.0, None) == 100  # never called: no reason to look at it
