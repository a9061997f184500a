"""Watch a target: collect it, or follow the program that collects it already, and take over when that one ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.collect.collector import Collector
from optischema_tui.core.collect.events import CollectEvent
from optischema_tui.core.history.leader import Leader, holder
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.follow import Follower
from optischema_tui.core.target.spec import TargetSpec

TAKE_OVER_SECONDS = 2.0
"""Between two looks whether the program that collects is gone."""
LOST_RACE_SECONDS = 0.05


class Watch:
    """One target's events, wherever they come from. All methods belong to the event loop that `run` runs on."""

    def __init__(
        self,
        spec: TargetSpec,
        history: History | None,
        state_dir: Path,
        *,
        interval: float,
        on_event: Callable[[CollectEvent], None],
        on_role: Callable[[str], None],
        clock: Clock = SYSTEM,
    ) -> None:
        """`on_role` is told who collects, before the first event of each: "" when we do, else the other program.

        Without a history nothing can be followed or stored: then we collect for ourselves alone.
        """
        self.spec = spec
        self._history = history
        self._state_dir = state_dir
        self._interval = interval
        self._on_event = on_event
        self._on_role = on_role
        self._clock = clock
        self._paused = False
        self._collector: Collector | None = None
        self._collecting: asyncio.Task[NoReturn] | None = None
        self._follower: Follower | None = None

    async def run(self) -> NoReturn:
        """Watch until cancelled; then the lock is free for another program."""
        while True:
            if self._history is None:
                await self._collect()
            elif (leader := Leader.acquire(self._state_dir, self.spec.key, self._clock)) is not None:
                try:
                    await self._collect()
                finally:
                    leader.release()
            elif (other := holder(self._state_dir, self.spec.key)) is not None:
                await self._follow(self._history, f"{other.command or 'another program'} (pid {other.pid})")
            else:  # it ended between the two looks
                await asyncio.sleep(LOST_RACE_SECONDS)

    def use(self, spec: TargetSpec) -> None:
        """Go on with another password of the same target, at once."""
        self.spec = spec
        if self._collecting is not None:
            self._collecting.cancel()

    def poll_now(self) -> None:
        """Look at once; what another program collects comes at its own rhythm."""
        if self._collector is not None:
            self._collector.poll_now()

    def set_interval(self, seconds: float) -> None:
        self._interval = seconds
        if self._collector is not None:
            self._collector.set_interval(seconds)

    def pause(self, paused: bool) -> None:
        self._paused = paused
        if self._collector is not None:
            self._collector.pause(paused)
        if self._follower is not None:
            self._follower.pause(paused)

    async def _collect(self) -> None:
        """Until cancelled, or until `use` names another password."""
        self._on_role("")
        self._collector = Collector(
            self.spec,
            interval=self._interval,
            intervals=dict(self.spec.intervals),
            on_event=self._on_event,
            clock=self._clock,
        )
        try:
            self._collector.pause(self._paused)
            collecting = self._collecting = asyncio.create_task(self._collector.run())
            try:
                await asyncio.wait({collecting})
            finally:
                collecting.cancel()
                await asyncio.gather(collecting, return_exceptions=True)
            if not collecting.cancelled():
                await collecting  # raises
        finally:
            self._collector = None

    async def _follow(self, history: History, who: str) -> None:
        """Follow until nobody holds the lock any more."""
        self._on_role(who)
        self._follower = Follower(self.spec, history, who, on_event=self._on_event, clock=self._clock)
        self._follower.pause(self._paused)
        following = asyncio.create_task(self._follower.run())
        try:
            while holder(self._state_dir, self.spec.key) is not None and not following.done():
                await asyncio.wait({following}, timeout=TAKE_OVER_SECONDS)
        finally:
            self._follower = None
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following
