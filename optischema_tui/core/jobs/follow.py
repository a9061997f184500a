"""Watch a server through the history that another program collects, as if it were collected here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.collect.events import Attached, CollectEvent, Gathered, Lost, Observed, Sampled
from optischema_tui.core.errors import ServerLost, StorageError, TargetError
from optischema_tui.core.family_names import FAMILIES
from optischema_tui.core.history.store import History
from optischema_tui.core.models import OBSERVED, StatementKey, TargetIdentity
from optischema_tui.core.safe_text import redact
from optischema_tui.core.target.spec import TargetSpec

LOOK_SECONDS = 1.0
READINGS_SECONDS = 5.0
UNKNOWN_PACE = 100.0
"""Taken for the other program's interval until two of its ticks were seen."""
PATIENCE_SECONDS = 10.0
"""Without a word of the target in history, a fresh one too, until that is told."""


class Follower:
    """Reads what is new in history each second, and tells it as a collector would. It neither writes nor connects.

    New is what has another time than what was told last, not a later one: clocks are set back, and a damaged history
    gives place to an older backup.

    All methods belong to the event loop that `run` runs on; history is read in a thread.
    """

    def __init__(
        self,
        spec: TargetSpec,
        history: History,
        who: str,
        *,
        on_event: Callable[[CollectEvent], None],
        clock: Clock = SYSTEM,
    ) -> None:
        """`who` names the program that collects."""
        self.spec = spec
        self._history = history
        self._who = who
        self._on_event = on_event
        self._clock = clock
        self._paused = False
        self._identity: TargetIdentity | None = None
        self._end = self._tick_at = self._sample_at = 0.0
        self._reading_at: dict[str, float] = {}
        self._readings_due = 0.0
        self._texts: set[StatementKey] = set()
        self._trouble: TargetError | None = None
        """Why the other program sees nothing of the server now."""
        self._known_at = clock.monotonic()
        """When history knew the target last; at first, when we began to ask."""
        self._fresh_at = clock.monotonic()
        """When a new tick was found last."""
        self._pace = UNKNOWN_PACE
        """Seconds between the last two ticks."""
        self._told = ""

    async def run(self) -> NoReturn:
        """Follow until cancelled."""
        while True:
            if not self._paused:
                await self._look()
            await asyncio.sleep(LOOK_SECONDS)

    def pause(self, paused: bool) -> None:
        self._paused = paused
        self._fresh_at = self._clock.monotonic()

    async def _look(self) -> None:
        trouble: StorageError | TargetError | None
        try:
            events = await asyncio.to_thread(self._news)
            trouble = self._trouble
        except StorageError as error:
            events, trouble = [], error
        if trouble is not None:
            for event in events:
                self._on_event(event)
            if trouble.sentence != self._told:
                self._told = trouble.sentence
                self._on_event(Lost(trouble, LOOK_SECONDS))
            return
        if self._told and self._identity is not None and not isinstance(next(iter(events), None), Attached):
            events.insert(0, Attached(self._identity, self._who))
        self._told = ""
        for event in events:
            self._on_event(event)

    def _news(self) -> list[CollectEvent]:
        """What came since the last look. Raises StorageError."""
        events: list[CollectEvent] = []
        slow = self._identity is None or self._clock.monotonic() >= self._readings_due
        if slow:
            self._readings_due = self._clock.monotonic() + READINGS_SECONDS
            events += self._target()
        if self._identity is None:
            return events
        fingerprint = self._identity.fingerprint
        events += self._ticks(fingerprint)
        sample = self._history.sample_at(fingerprint, self._clock.wall())
        if sample is not None and sample.taken_at != self._sample_at:
            self._sample_at = sample.taken_at
            events.append(Sampled(sample))
        if slow:
            events += self._readings(fingerprint)
        return events

    def _target(self) -> list[CollectEvent]:
        """Which server the other program has reached; it may be another one after a failover."""
        identity = self._history.identity_of(self.spec.key)
        self._trouble = self._why_nothing(identity)
        if identity is None or identity == self._identity:
            return []
        self._identity = identity
        self._end = self._tick_at = self._sample_at = 0.0
        self._reading_at, self._texts = {}, set()
        return [Attached(identity, self._who)]

    def _why_nothing(self, identity: TargetIdentity | None) -> TargetError | None:
        """What keeps the other program from seeing the server, as it noted itself. Raises StorageError."""
        if identity is None:
            if self._clock.monotonic() - self._known_at < PATIENCE_SECONDS:
                return None
            todo = "See what it says, or end it: this program then tries by itself"
            return TargetError(f"{self._who} collects this target and has not reached the server yet", todo=todo)
        self._known_at = self._clock.monotonic()
        here = redact(self.spec.dsn)
        mine = next((each for each in self._history.recent_targets() if each.dsn == here), None)
        if mine is not None and mine.state not in ("", OBSERVED) and mine.state_at > self._tick_at:
            return ServerLost(mine.state, f"So {self._who} says, which collects this target and tries again")
        if self._clock.monotonic() - self._fresh_at > 3 * self._pace + PATIENCE_SECONDS:
            return ServerLost(
                f"{self._who} collects this target and stores nothing new",
                "It is paused, or cannot write the history",
                "See what it says, or end it: this program then collects by itself",
            )
        return None

    def _ticks(self, fingerprint: str) -> list[CollectEvent]:
        span = self._history.span(fingerprint)
        if span is None or (span[1] == self._end and span[1] <= self._clock.wall()):
            return []
        self._end = span[1]
        snapshot = self._history.last_snapshot(fingerprint)
        if snapshot is None or snapshot.taken_at == self._tick_at:
            return []
        if self._tick_at:
            self._pace = max(1.0, snapshot.taken_at - self._tick_at)
        self._fresh_at = self._clock.monotonic()
        self._tick_at = snapshot.taken_at
        here = {sample.key for sample in snapshot.statements}
        texts = self._history.texts(fingerprint, here - self._texts)
        self._texts = (self._texts & here) | texts.keys()
        return [Observed(snapshot, tuple(texts.values()))]

    def _readings(self, fingerprint: str) -> list[CollectEvent]:
        events: list[CollectEvent] = []
        for name in FAMILIES:
            reading = self._history.reading_at(fingerprint, name, self._clock.wall())
            if reading is not None and reading.taken_at != self._reading_at.get(name):
                self._reading_at[name] = reading.taken_at
                events.append(Gathered(reading))
        return events
