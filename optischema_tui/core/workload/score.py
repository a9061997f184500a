"""The performance score of a statement."""

from __future__ import annotations

import math

WEIGHTS = {"time": 0.60, "frequency": 0.15, "cache": 0.25}

_FAST_MS, _SLOW_MS = 1.0, 1000.0
_RARE, _BUSY = 0.1, 1000.0
_FEW_MISSES, _MANY_MISSES = 0.001, 0.5


def score(mean_ms: float | None, calls_per_second: float | None, hit_ratio: float | None) -> int:
    """0-100, HIGHER IS BETTER: 100 = nothing to gain here, 0 = slow, called all the time, and read from disk.

    score = 100 x (0.60 time + 0.15 frequency + 0.25 cache), each part 0-1 on a logarithmic scale:

    - time: 1 at a mean of 1 ms or less, 0 at 1 s or more (10 ms: 0.67, 100 ms: 0.33);
    - frequency: 1 at 0.1 calls a second or fewer, 0 at 1,000 or more (1: 0.75, 100: 0.25), because every
      millisecond of a busy statement weighs more;
    - cache: 1 when at most 0.1 % of its shared blocks miss the cache, 0 when half do (1 %: 0.63, 10 %: 0.26).

    A part that is unknown (None, or not a finite number) is left out and the other weights are scaled up to 1.
    With nothing known the score is 100.
    """
    parts = {
        "time": _part(mean_ms, _FAST_MS, _SLOW_MS),
        "frequency": _part(calls_per_second, _RARE, _BUSY),
        "cache": _part(None if hit_ratio is None else 1.0 - hit_ratio, _FEW_MISSES, _MANY_MISSES),
    }
    weight = total = 0.0
    for name, part in parts.items():
        if part is not None:
            weight += WEIGHTS[name]
            total += WEIGHTS[name] * part
    return round(100.0 * total / weight) if weight else 100


def _part(value: float | None, good: float, bad: float) -> float | None:
    """1.0 at `good` or less, 0.0 at `bad` or more, logarithmic between."""
    if value is None or not math.isfinite(value):
        return None
    if value <= good:
        return 1.0
    if value >= bad:
        return 0.0
    return 1.0 - math.log(value / good) / math.log(bad / good)
