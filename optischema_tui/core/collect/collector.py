"""Watches one server: connect, probe, read what is due; and again after a loss, by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.collect import activity
from optischema_tui.core.collect.events import CollectEvent, Connected, Connecting, Lost
from optischema_tui.core.collect.families import ALL
from optischema_tui.core.collect.family import Family, Lane
from optischema_tui.core.collect.lanes import STATEMENTS, STATEMENTS_TIMEOUT, Link, Memory, retry_delay
from optischema_tui.core.collect.schedule import Duty, Schedule
from optischema_tui.core.collect.texts import Texts
from optischema_tui.core.collect.tick import Ticks
from optischema_tui.core.config import LEAST_INTERVAL
from optischema_tui.core.errors import AuthError, OptischemaError
from optischema_tui.core.models import TargetIdentity
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.probe import probe
from optischema_tui.core.target.spec import TargetSpec

FIRST_RETRY = 1.0
REFUSED_LOGIN, LONGEST_REFUSED_LOGIN = 60.0, 3600.0
"""Seconds before a refused login is tried again: first, and at most. Many servers lock accounts after some failures."""


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
        intervals: Mapping[str, float] | None = None,
        families: Sequence[Family] = ALL,
    ) -> None:
        """`interval` in seconds between two looks at the statements, at least 1 (shorter ones are raised to it).

        `intervals`: of other query families by name, `activity` for the sessions; 0 turns one off. By default as the
        target's profile says.
        """
        self.spec = spec
        self._on_event = on_event
        self._clock = clock
        self._first_retry = first_retry
        self._families = {family.name: family for family in families}
        self._schedule = Schedule(clock)
        self._retry_now = asyncio.Event()
        self._link: Link | None = None
        self._memory = Memory(Ticks(clock), Texts(clock))
        own = dict(spec.intervals) if intervals is None else intervals

        def seconds(name: str, default: float) -> float:
            wanted = own.get(name, default)
            return max(LEAST_INTERVAL, wanted) if wanted > 0 else 0.0

        add = self._schedule.add
        add(Duty(STATEMENTS, "Statements", Lane.SLOW, max(LEAST_INTERVAL, interval), STATEMENTS_TIMEOUT))
        sampled = seconds(activity.NAME, activity.SECONDS)
        add(Duty(activity.NAME, activity.TITLE, Lane.FAST, sampled, activity.TIMEOUT))
        for each in families:
            add(Duty(each.name, each.title, each.lane, seconds(each.name, each.interval), each.timeout))

    @property
    def interval(self) -> float:
        """Seconds between two looks at the statements."""
        return self._schedule.duties[STATEMENTS].interval

    @property
    def paused(self) -> bool:
        return self._schedule.paused

    async def run(self) -> NoReturn:
        """Watch until cancelled. A cancelled collector has closed its connections."""
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
                self._link = Link(
                    observer,
                    identity,
                    capabilities,
                    schedule=self._schedule,
                    families=self._families,
                    memory=self._remember(identity),
                    on_event=self._on_event,
                    clock=self._clock,
                    first_retry=self._first_retry,
                )
                await self._link.run()
            except OptischemaError as error:
                self._link = None
                attempt = max(1, attempt)
                await observer.close()
                await self._lost(error, attempt)
            finally:
                self._link = None
                await observer.close()

    def poll_now(self) -> None:
        """Read everything, or try to connect, at once; also while paused, and what the server refused before."""
        if self._link is not None:
            self._link.renew()
        else:
            self._retry_now.set()
        self._schedule.want()

    def set_interval(self, seconds: float) -> None:
        """Seconds between two looks at the statements from now on, at least 1."""
        self._schedule.set_interval(STATEMENTS, max(LEAST_INTERVAL, seconds))

    def pause(self, paused: bool) -> None:
        """Stop reading (the connections stay), or go on."""
        self._schedule.pause(paused)

    def _remember(self, identity: TargetIdentity) -> Memory:
        """What is known of this target; nothing when another one answers."""
        if self._memory.fingerprint != identity.fingerprint:
            self._memory = Memory(Ticks(self._clock), Texts(self._clock), identity.fingerprint)
        return self._memory

    async def _lost(self, error: OptischemaError, attempt: int) -> None:
        """Tell it, and wait: longer each time, and long where repeated failures lock accounts."""
        if isinstance(error, AuthError):
            delay = retry_delay(REFUSED_LOGIN, attempt, LONGEST_REFUSED_LOGIN)
        else:
            delay = retry_delay(self._first_retry, attempt)
        self._on_event(Lost(error, delay))
        try:
            async with asyncio.timeout(delay):
                await self._retry_now.wait()
        except TimeoutError:
            return
        finally:
            self._retry_now.clear()
