"""When each kind of reading is due. It waits, but reads nothing itself."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass

from optischema_tui.core.clock import Clock
from optischema_tui.core.collect.family import Lane

BUSY_SHARE = 0.10
"""The largest share of its interval that a reading may take before its interval grows."""
MOST_STRETCH = 8.0
DEAR_BEFORE_STRETCH = 3
"""Dear readings in a row until the interval doubles; the next reading is put off by each."""
CHEAP_BEFORE_RELAX = 5
"""Cheap readings in a row until a grown interval is halved."""
REFUSED_SECONDS = 600.0
"""Until what the server refused is asked again."""
LOST_BEFORE_REFUSED = 2
"""Connections in a row that broke under the same kind of reading until it is taken for the cause."""
FIRST_STEP = 0.2
"""Seconds between the first readings of two families."""
NEVER = float("inf")


@dataclass(slots=True)
class Duty:
    """One kind of reading and its rhythm."""

    name: str
    title: str
    lane: Lane
    interval: float
    """Seconds between two readings; 0: none."""
    timeout: float
    due: float = NEVER
    wanted_now: bool = False
    """Asked for: also while paused, or refused."""
    stretch: float = 1.0
    phase: float = 0.0
    """Share of the interval after which the second reading comes, so that not all fall together; 0: a whole one."""
    cost: float = 0.0
    """Seconds of the last reading, without the way there and back."""
    refused: bool = False
    refused_once: bool = False
    """The reading before failed, for a reason that may pass."""
    lost: int = 0
    """Connections that broke under it since its last answer."""
    _dear: int = 0
    _cheap: int = 0

    def done(self, started: float, now: float, cost: float) -> None:
        """A reading that was begun at `started` is over."""
        self.refused, self.lost = False, 0
        self.cost = cost
        if self._within_budget(cost):
            self._dear, self._cheap = 0, self._cheap + 1
            if self._cheap >= CHEAP_BEFORE_RELAX and self._within_budget(2 * cost):
                self._cheap, self.stretch = 0, max(1.0, self.stretch / 2)
        else:
            self._dear, self._cheap = self._dear + 1, 0
            if self._dear >= DEAR_BEFORE_STRETCH:
                self._dear, self.stretch = 0, min(MOST_STRETCH, self.stretch * 2)
        phase, self.phase = self.phase or 1.0, 0.0
        step = self.interval * self.stretch * phase
        # On the beat, unless that is past already; and a dear reading rests for nine times as long as it took.
        on_beat = self.due + step if self.due < started and self.due + step > now else started + step
        self.due = max(on_beat, started + cost / BUSY_SHARE)

    def refuse(self, started: float, cost: float, seconds: float = REFUSED_SECONDS) -> None:
        """The server refused; it is asked again after `seconds`, or when it is wanted."""
        self.refused = True
        self.due = started + max(seconds, cost / BUSY_SHARE)

    def _within_budget(self, cost: float) -> bool:
        return cost <= BUSY_SHARE * self.interval * self.stretch

    @property
    def deadly(self) -> bool:
        """Connection after connection broke under it: a new one does not begin with it."""
        return self.lost >= LOST_BEFORE_REFUSED

    @property
    def notice(self) -> str:
        """What the person should know of a grown interval; empty when it is as it should be."""
        if self.stretch <= 1.0 or self.interval <= 0:
            return ""
        return (
            f"{self.title}: read every {self.interval * self.stretch:g} s instead of {self.interval:g} s, "
            f"since a reading takes {self.cost:.1f} s"
        )


class Schedule:
    """The duties of a collector."""

    def __init__(self, clock: Clock) -> None:
        self.duties: dict[str, Duty] = {}
        self.paused = False
        self._clock = clock
        self._changed: set[asyncio.Event] = set()

    def add(self, duty: Duty) -> None:
        self.duties[duty.name] = duty

    def begin(self, first: str) -> None:
        """A connection is new: `first` is due at once, then the others one after the other."""
        now = self._clock.monotonic()
        others = [each for each in self.duties.values() if each.name != first and each.interval > 0 and not each.deadly]
        for number, duty in enumerate(others, 1):
            duty.due = now + number * FIRST_STEP
            duty.phase = 0.5 + 0.5 * number / (len(others) + 1) if duty.lane is Lane.SLOW else 0.0
        self.duties[first].due = now
        for duty in self.duties.values():
            duty.refused, duty.stretch = duty.deadly, 1.0
        self.wake()

    def want(self) -> None:
        """Everything that is not turned off is due now."""
        for duty in self.duties.values():
            duty.wanted_now = duty.interval > 0
        self.wake()

    def set_interval(self, name: str, seconds: float) -> None:
        """From now on; when the next reading would come later than that, it comes then."""
        duty = self.duties[name]
        if not duty.refused and duty.due < NEVER:
            duty.due = max(duty.due - duty.interval + seconds, min(duty.due, self._clock.monotonic()))
        duty.interval, duty.stretch = seconds, 1.0
        self.wake()

    def pause(self, paused: bool) -> None:
        self.paused = paused
        self.wake()

    def wake(self) -> None:
        """Let every waiting lane look again."""
        for event in self._changed:
            event.set()

    def next(self, lanes: Collection[Lane]) -> tuple[Duty | None, float]:
        """What is due first in these lanes, and when: a moment of the monotonic clock, past for what is wanted now."""
        best: Duty | None = None
        at = NEVER
        for duty in self.duties.values():
            if duty.lane not in lanes or duty.interval <= 0:
                continue
            due = 0.0 if duty.wanted_now else NEVER if self.paused else duty.due
            if due < at:
                best, at = duty, due
        return best, at

    async def wait(self, lanes: Collection[Lane]) -> Duty | None:
        """The next duty, when it is due; None when something else has changed: the lanes may be others now."""
        duty, at = self.next(lanes)
        left = at - self._clock.monotonic()
        if duty is not None and left <= 0:
            return duty
        changed = asyncio.Event()
        self._changed.add(changed)
        try:
            async with asyncio.timeout(None if left == NEVER else left):
                await changed.wait()
        except TimeoutError:
            return duty
        finally:
            self._changed.discard(changed)
        return None
