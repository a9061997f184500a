"""The loop that watches one server: connect, probe, look, wait; and again after a loss, by itself."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.collect.events import CollectEvent, Connected, Connecting, Lost, Observed
from optischema_tui.core.collect.statements import Samples, new_keys, read_texts
from optischema_tui.core.collect.tick import Notices, take_snapshot
from optischema_tui.core.config import LEAST_INTERVAL
from optischema_tui.core.errors import AuthError, OptischemaError, ServerLost
from optischema_tui.core.models import (
    Snapshot,
    StatementKey,
    StatementSample,
    StatementText,
    TargetIdentity,
    changed_samples,
)
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.probe import probe
from optischema_tui.core.target.spec import TargetSpec

FIRST_RETRY = 1.0
LONGEST_RETRY = 30.0
BUSY_SHARE = 0.10
"""The largest share of an interval that a tick may take before the interval grows."""
TEXTS_REMEMBERED = 100_000


class Collector:
    """Watches one server and tells `on_event`. All methods belong to the event loop that `run` runs on."""

    def __init__(
        self,
        spec: TargetSpec,
        *,
        interval: float,
        on_event: Callable[[CollectEvent], None],
        clock: Clock = SYSTEM,
        first_retry: float = FIRST_RETRY,
    ) -> None:
        """`interval` in seconds, at least 1 (shorter ones are raised to it)."""
        self.spec = spec
        self.interval = max(LEAST_INTERVAL, interval)
        self.paused = False
        self._on_event = on_event
        self._clock = clock
        self._first_retry = first_retry
        self._wake = asyncio.Event()
        self._wanted_now = False
        self._samples = Samples()
        self._texts_known: set[StatementKey] = set()
        self._all_known: tuple[StatementSample, ...] = ()
        """Statements of which no text is wanted any more."""
        self._texts_of = ""
        self._text_pause = 0

    async def run(self) -> NoReturn:
        """Watch until cancelled. A cancelled collector has closed its connection."""
        attempt = 0
        while True:
            attempt += 1
            self._on_event(Connecting(attempt))
            try:
                observer = await Observer.connect(self.spec, clock=self._clock)
            except OptischemaError as error:
                await self._lost(error, attempt)
                continue
            try:
                identity, capabilities = await probe(observer)
                attempt = 0
                self._on_event(Connected(identity, capabilities))
                await self._watch(observer, identity, capabilities)
            except OptischemaError as error:
                attempt = max(1, attempt)
                await observer.close()
                await self._lost(error, attempt)
            finally:
                await observer.close()

    def poll_now(self) -> None:
        """Look, or try to connect, at once; also while paused."""
        self._wanted_now = True
        self._wake.set()

    def set_interval(self, seconds: float) -> None:
        """Seconds between two looks from now on, at least 1."""
        self.interval = max(LEAST_INTERVAL, seconds)
        self._wake.set()

    def pause(self, paused: bool) -> None:
        """Stop looking (the connection stays), or go on."""
        self.paused = paused
        self._wake.set()

    async def _watch(self, observer: Observer, identity: TargetIdentity, capabilities: Capabilities) -> NoReturn:
        """Tick until the connection is lost (raises)."""
        while True:
            started = self._clock.monotonic()
            try:
                if not capabilities.part("statements").available:
                    identity, capabilities = await self._probe_again(observer, identity, capabilities)
                self._on_event(await self._tick(observer, identity, capabilities))
            except OptischemaError as error:
                if isinstance(error, ServerLost) or observer.closed:
                    raise
                # The connection is well, the server refused: told, and asked again at the next tick.
                self._on_event(Lost(error, self.interval))
            cost = self._clock.monotonic() - started
            await self._wait_until(started, cost)

    async def _probe_again(
        self, observer: Observer, identity: TargetIdentity, capabilities: Capabilities
    ) -> tuple[TargetIdentity, Capabilities]:
        """The capabilities as they are now: what was missing may have been created meanwhile."""
        identity, found = await probe(observer)
        if found != capabilities:
            self._on_event(Connected(identity, found))
        return identity, found

    async def _tick(self, observer: Observer, identity: TargetIdentity, capabilities: Capabilities) -> Observed:
        notices = Notices()
        snapshot = await take_snapshot(observer, identity, capabilities, self._clock, notices, self._samples)
        texts = await self._new_texts(observer, capabilities, snapshot, notices)
        return Observed(replace(snapshot, cost=observer.take_cost(), notices=tuple(notices.sentences)), texts)

    async def _new_texts(
        self, observer: Observer, capabilities: Capabilities, snapshot: Snapshot, notices: Notices
    ) -> tuple[StatementText, ...]:
        fingerprint = snapshot.target.fingerprint
        if fingerprint != self._texts_of or len(self._texts_known) > TEXTS_REMEMBERED:
            self._texts_known.clear()
            self._all_known = ()
            self._texts_of = fingerprint
        _, unsure = changed_samples(self._all_known, snapshot.statements)
        wanted = new_keys(unsure, self._texts_known)
        if not wanted:
            self._all_known = snapshot.statements
            return ()
        if self._text_pause:
            self._text_pause -= 1
            notices.sentences.append(f"The texts of {len(wanted)} statements are not known yet")
            return ()
        before = len(notices.sentences)
        nothing: tuple[StatementText, ...] = ()
        texts = await notices.or_else("Texts", lambda: read_texts(observer, capabilities, wanted), nothing)
        if len(notices.sentences) > before:
            self._text_pause = 9  # reading texts is dear: after a failure it waits for ten ticks
        self._texts_known.update(text.key for text in texts)
        return texts

    async def _lost(self, error: OptischemaError, attempt: int) -> None:
        longest = min(LONGEST_RETRY, self._first_retry * 2.0 ** min(attempt - 1, 10))
        if isinstance(error, AuthError):
            longest = LONGEST_RETRY  # repeated failures lock accounts
        delay = longest * random.uniform(0.75, 1.0)
        self._on_event(Lost(error, delay))
        end = self._clock.monotonic() + delay
        await self._sleep(lambda: end)

    async def _wait_until(self, started: float, cost: float) -> None:
        """Wait for the next tick: an interval after `started`, or longer when the tick was dear."""

        def due() -> float:
            if self.paused:
                return float("inf")
            return started + max(self.interval, cost / BUSY_SHARE)

        await self._sleep(due)

    async def _sleep(self, due: Callable[[], float]) -> None:
        """Sleep until `due()`, which is asked again when a setting changes, or until `poll_now`."""
        end = due()
        while not self._wanted_now:
            self._wake.clear()
            left = end - self._clock.monotonic()
            if left <= 0:
                return
            try:
                async with asyncio.timeout(None if left == float("inf") else left):
                    await self._wake.wait()
            except TimeoutError:
                return
            end = due()
        self._wanted_now = False
        self._wake.clear()
