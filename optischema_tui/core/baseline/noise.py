"""The level of a series of blocks, and how far chance alone moves it. No I/O.

- The level is a weighted, 20 % trimmed mean with its winsorized variance (Yuen 1974; Wilcox 2022, section 3.3): a burst
  in a fifth of the time does not move it. The weights are those of a random-effects model (DerSimonian & Laird 1986):
  a block's own error from its calls, and the variation between blocks.
- The variation between few blocks is drawn towards what it is taken to be beforehand (moderated t; Smyth 2004), so that
  three blocks that agree by chance are no proof.
- Blocks that follow one another are alike, which makes chance look smaller than it is. So the variance is also taken
  from the means of 8 batches (Schmeiser 1982), and the larger one counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from optischema_tui.core.baseline.evidence import Block

TRIM = 0.2
LEAST_TRIMMED = 5
BATCHES = 8
PRIOR_SPREAD = 0.15
PRIOR_FREEDOM = 4.0
"""The spread between blocks (0.15 = 15 %) that is assumed as if it had been seen with so many degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Level:
    """In natural logarithms of ms."""

    mean: float
    variance: float
    """Of `mean`."""
    freedom: float
    spread: float
    """Standard deviation of single blocks."""
    blocks: int
    low: float
    high: float
    """What blocks below and above are taken as."""
    weight: float
    """1 / (1 - 2 x the share trimmed at each end): how much a block that is left counts."""

    def pull(self, block: Block) -> Block:
        """The block as far as it moves the mean: its influence (Wilcox 2022, section 3.3.2)."""
        inside = min(max(block.level, self.low), self.high)
        return Block(block.begin, block.end, block.calls, self.mean + self.weight * (inside - self.mean), block.error)


def level_of(blocks: Sequence[Block], prior: float = PRIOR_SPREAD) -> Level:
    """At least one block. `prior`: the spread between blocks that is assumed beforehand."""
    weights = _weights(blocks, prior)
    order = sorted(range(len(blocks)), key=lambda place: (blocks[place].level, place))
    trim = TRIM if len(blocks) >= LEAST_TRIMMED else 0.0
    values = [blocks[place].level for place in order]
    shares = [weights[place] for place in order]
    mean, low, high = _trimmed(values, shares, trim)
    winsorized = [min(max(block.level, low), high) for block in blocks]
    total = sum(weights)
    effective = total**2 / sum(weight**2 for weight in weights)
    centre = sum(w * x for w, x in zip(weights, winsorized, strict=True)) / total
    square = sum(w * (x - centre) ** 2 for w, x in zip(weights, winsorized, strict=True)) / total
    square *= effective / (effective - 1) if effective > 1.01 else 0.0
    square /= (1 - 2 * trim) ** 2
    freedom = max(0.0, (1 - 2 * trim) * effective - 1)
    moderated = (PRIOR_FREEDOM * prior**2 + freedom * square) / (PRIOR_FREEDOM + freedom)
    variance = max(moderated / effective, 1 / sum(1 / max(block.error, 1e-12) for block in blocks))
    freedom += PRIOR_FREEDOM
    level = Level(mean, variance, freedom, math.sqrt(moderated), len(blocks), low, high, 1 / (1 - 2 * trim))
    batches = windows([level.pull(block) for block in blocks], (blocks[-1].end - blocks[0].begin) / BATCHES)
    if len(batches) >= 4 and (batched := spread_of(batches) / len(batches)) > variance:
        return replace(level, variance=batched, freedom=len(batches) - 1)
    return level


def windows(blocks: Sequence[Block], length: float) -> list[float]:
    """Means of the blocks in neighbouring stretches of `length` seconds, by calls' errors alike."""
    if not blocks or length <= 0:
        return []
    begin = blocks[0].begin
    sums: dict[int, list[float]] = {}
    for block in blocks:
        sums.setdefault(int((block.middle - begin) / length), []).append(block.level)
    return [sum(levels) / len(levels) for _, levels in sorted(sums.items())]


def spread_of(values: Sequence[float]) -> float:
    """Variance of some values; 0 of fewer than two."""
    if len(values) < 2:
        return 0.0
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / (len(values) - 1)


def _weights(blocks: Sequence[Block], prior: float) -> list[float]:
    """1 / (variance between blocks + the block's own), the former by the method of moments, never 0.

    The own one is what the usual block has, by the number of calls: a slow block is not a sure one."""
    usual = median([block.error * block.calls for block in blocks])
    errors = [usual / block.calls for block in blocks]
    between = prior**2
    if len(blocks) > 2:
        levels = sorted(block.level for block in blocks)
        quarter = len(levels) // 4
        spread = (levels[-1 - quarter] - levels[quarter]) / 1.349 if quarter else levels[-1] - levels[0]
        between = max(spread**2 - sum(errors) / len(errors), 0.0) + (0.01 * prior) ** 2
    return [1 / (between + error + 1e-9) for error in errors]


def _trimmed(values: Sequence[float], weights: Sequence[float], trim: float) -> tuple[float, float, float]:
    """(weighted mean without `trim` of the weight at each end, the lowest and the highest value that is left)."""
    total = sum(weights)
    low, high = trim * total, (1 - trim) * total
    done = taken = weighed = 0.0
    left: list[float] = []
    for value, weight in zip(values, weights, strict=True):
        inside = min(done + weight, high) - max(done, low)
        if inside > 1e-12 * total:
            taken += inside * value
            weighed += inside
            left.append(value)
        done += weight
    return taken / weighed, left[0], left[-1]
