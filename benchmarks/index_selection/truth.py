"""How true predictions were: by statement, the predicted ratio after / before against the measured one."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass

NOISE_MS = 0.2
"""Statements below this in both runs are all clock noise and left out."""


@dataclass(frozen=True, slots=True)
class Truth:
    """`factors` by statement: measured ratio / predicted ratio; above 1 the promise was too good."""

    factors: dict[str, float]

    def line(self) -> str:
        """Distribution: percentiles 5, 25, 50, 75, 95, shares within 2x and 5x, the three that were most too good."""
        if len(self.factors) < 2:
            return "too few statements to judge"
        values = sorted(self.factors.values())
        cuts = statistics.quantiles(values, n=20, method="inclusive")
        shown = " ".join(f"{cuts[at]:.2f}" for at in (0, 4, 9, 14, 18))
        within = [sum(1 / most <= each <= most for each in values) / len(values) for most in (2, 5)]
        worst = sorted(self.factors, key=lambda name: -self.factors[name])[:3]
        named = ", ".join(f"{name} {self.factors[name]:.1f}x" for name in worst)
        return f"p5-p95 {shown}; {within[0]:.0%} within 2x, {within[1]:.0%} within 5x; most too good: {named}"


def compare(predicted: Mapping[str, float], before_ms: Mapping[str, float], after_ms: Mapping[str, float]) -> Truth:
    """Over statements whose predicted or measured ratio moved, and that are long enough to be measured."""
    factors = {}
    for name, ratio in predicted.items():
        old, new = before_ms[name], after_ms[name]
        if max(old, new) < NOISE_MS or old <= 0 or ratio <= 0:
            continue
        factors[name] = new / old / ratio
    return Truth(factors)
