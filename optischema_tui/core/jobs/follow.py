"""Watch a server through the history that another program collects, as if it were collected here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.collect.events import Attached, CollectEvent, Gathered, Lost, Observed, Sampled
from optischema_tui.core.config import FAMILIES
from optischema_tui.core.errors import StorageError
from optischema_tui.core.history.store import History
from optischema_tui.core.models import StatementKey, TargetIdentity
from optischema_tui.core.target.spec import TargetSpec

LOOK_SECONDS = 1.0
READINGS_SECONDS = 5.0


class Follower:
    """Reads what is new in history each second, and tells it as a collector would. It neither writes nor connects.

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
        self._tick_at = 0.0
        self._sample_at = 0.0
        self._reading_at: dict[str, float] = {}
        self._readings_due = 0.0
        self._texts: set[StatementKey] = set()
        self._told = ""

    async def run(self) -> NoReturn:
        """Follow until cancelled."""
        while True:
            if not self._paused:
                await self._look()
            await asyncio.sleep(LOOK_SECONDS)

    def pause(self, paused: bool) -> None:
        self._paused = paused

    async def _look(self) -> None:
        try:
            events = await asyncio.to_thread(self._news)
        except StorageError as error:
            if error.sentence != self._told:
                self._told = error.sentence
                self._on_event(Lost(error, LOOK_SECONDS))
            return
        self._told = ""
        for event in events:
            self._on_event(event)

    def _news(self) -> list[CollectEvent]:
        """What came since the last look. Raises StorageError."""
        events: list[CollectEvent] = []
        if self._identity is None:
            self._identity = self._history.identity_of(self.spec.key)
            if self._identity is None:
                return events
            events.append(Attached(self._identity, self._who))
        fingerprint = self._identity.fingerprint
        events += self._ticks(fingerprint)
        sample = self._history.sample_at(fingerprint, self._clock.wall())
        if sample is not None and sample.taken_at > self._sample_at:
            self._sample_at = sample.taken_at
            events.append(Sampled(sample))
        if self._clock.monotonic() >= self._readings_due:
            self._readings_due = self._clock.monotonic() + READINGS_SECONDS
            events += self._readings(fingerprint)
        return events

    def _ticks(self, fingerprint: str) -> list[CollectEvent]:
        span = self._history.span(fingerprint)
        if span is None or span[1] <= self._tick_at:
            return []
        snapshot = self._history.last_snapshot(fingerprint)
        if snapshot is None or snapshot.taken_at <= self._tick_at:
            return []
        self._tick_at = snapshot.taken_at
        fresh = [sample.key for sample in snapshot.statements if sample.key not in self._texts]
        texts = self._history.texts(fingerprint, fresh)
        self._texts.update(texts)
        return [Observed(snapshot, tuple(texts.values()))]

    def _readings(self, fingerprint: str) -> list[CollectEvent]:
        events: list[CollectEvent] = []
        for name in FAMILIES:
            reading = self._history.reading_at(fingerprint, name, self._clock.wall())
            if reading is not None and reading.taken_at > self._reading_at.get(name, 0.0):
                self._reading_at[name] = reading.taken_at
                events.append(Gathered(reading))
        return events
