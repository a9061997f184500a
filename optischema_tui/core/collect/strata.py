"""Which statements of a very large pg_stat_statements a tick reads.

Up to SAMPLE_ABOVE statements every tick reads them all. Above it a tick reads the head by load and one stratum of the
rest: those whose queryid, which is a hash, ends in the stratum's bits. The strata take turns, so that every statement
is read at least once in a rotation. Counters are cumulative: what a statement did meanwhile is in its next reading.

A new statement is seen as soon as it has used as much time as the head's lightest, at the latest after one rotation. An
evicted one is missed when its stratum is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nlargest

from optischema_tui.core.models import StatementSample

SAMPLE_ABOVE = 20_000
"""Statements that are still read whole in every tick."""
SAMPLE_AGAIN_BELOW = 0.8
"""Of SAMPLE_ABOVE: below this share a sampled view is read whole again."""
STRATUM_ROWS = 6_400
"""About how many statements a stratum has at most."""
HEAD_BY_TOTAL = 1_000
HEAD_BY_RECENT = 1_000
"""How many of the heaviest are read in every tick: by their time since they are counted, and by their last interval."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one tick reads of a large view: the union of the three."""

    strata: int
    """A power of 2."""
    stratum: int
    """queryid modulo `strata`."""
    least_time: float
    """total_exec_time in ms from which on a statement belongs to the head."""
    queryids: tuple[int, ...]
    """Of those that were heavy lately."""


class Strata:
    """Chooses what the next tick reads. One for each target."""

    def __init__(self) -> None:
        self._strata = 0
        """0 while everything is read."""
        self._next = 0
        self._least_time = float("inf")
        self._recent: dict[int, float] = {}
        """Milliseconds per second of the last interval, by queryid."""

    def plan(self, samples: Sequence[StatementSample], statements: int) -> Part | None:
        """What to read of a view that had `statements` rows at the last tick, `samples` of them known; None: all."""
        limit = SAMPLE_ABOVE * (SAMPLE_AGAIN_BELOW if self._strata else 1.0)
        if statements <= limit:
            self.forget()
            return None
        strata = 2
        while strata * STRATUM_ROWS < statements:
            strata *= 2
        if strata != self._strata or self._next >= strata:
            self._strata, self._next = strata, 0
            heaviest = nlargest(HEAD_BY_TOTAL, (sample.total_exec_time for sample in samples))
            self._least_time = heaviest[-1] if heaviest else float("inf")
        return Part(strata, self._next, self._least_time, tuple(self._recent))

    def forget(self) -> None:
        """Begin anew, as after a reset of the counters: what is known of the head is of before."""
        self._strata, self._next = 0, 0
        self._recent.clear()

    def done(self, grown: Iterable[tuple[StatementSample, float, float]], server_clock: float) -> None:
        """A part was read: `grown` as in Samples."""
        self._next += 1
        for sample, time, since in grown:
            if time > 0:
                self._recent[sample.key.queryid] = time / max(1.0, server_clock - since)
            else:
                self._recent.pop(sample.key.queryid, None)
        if len(self._recent) > HEAD_BY_RECENT:
            self._recent = dict(nlargest(HEAD_BY_RECENT, self._recent.items(), key=lambda item: item[1]))
