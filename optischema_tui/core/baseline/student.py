"""Student's t distribution, for the few degrees of freedom that a handful of intervals has."""

from __future__ import annotations

import math

_TINY = 1e-300
_STEPS = 300


def two_sided(t: float, df: float) -> float:
    """P(|T| >= |t|), 0-1, for T with `df` > 0 degrees of freedom (Abramowitz & Stegun 26.7.1)."""
    return _incomplete_beta(df / 2, 0.5, df / (df + t * t)) if t else 1.0


def quantile(p: float, df: float) -> float:
    """The t that |T| exceeds with probability `p` (0 < p < 1), by bisection to 1e-6."""
    low, high = 0.0, 1.0
    while two_sided(high, df) > p and high < 1e6:
        low, high = high, 2 * high
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if two_sided(middle, df) > p else (low, middle)
    return high


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function by its continued fraction (Abramowitz & Stegun 26.5.8), evaluated by
    Lentz's method."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - _incomplete_beta(b, a, 1 - x)
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)) / a
    fraction, c, d = 1.0, 1.0, 0.0
    for step in range(_STEPS):
        m = step // 2
        if step == 0:
            term = 1.0
        elif step % 2 == 0:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        else:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d = 1.0 / _away(1.0 + term * d)
        c = _away(1.0 + term / c)
        fraction *= c * d
        if abs(c * d - 1.0) < 1e-12:
            break
    return front * (fraction - 1.0)


def _away(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
