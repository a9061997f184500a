"""Observe the statements of a server for a number of ticks, without a screen."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.collect import activity
from optischema_tui.core.collect.collector import Collector
from optischema_tui.core.collect.events import CollectEvent, Connected, Lost, Observed
from optischema_tui.core.errors import MissingPart, OptischemaError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.recorder import Recorder
from optischema_tui.core.models import Picture
from optischema_tui.core.target.capabilities import Capabilities, Capability
from optischema_tui.core.target.spec import TargetSpec


class Observation:
    """What an observation has seen so far."""

    def __init__(self) -> None:
        self.ticks = 0
        self.picture: Picture | None = None
        self.capabilities: Capabilities | None = None
        self.failure: OptischemaError | None = None


def missing(part: Capability) -> MissingPart:
    """The failure that a capability's absence is."""
    return MissingPart(part.reason, todo=f"This enables it:\n{part.remedy}" if part.remedy else "")


def observe(
    spec: TargetSpec,
    history: History | None,
    *,
    ticks: int,
    interval: float,
    show_hidden: frozenset[str] = frozenset(),
    clock: Clock = SYSTEM,
) -> Observation:
    """Run a collector until `ticks` are seen.

    Raises its failure at once, and StorageError when what was seen cannot be stored.
    """
    seen = Observation()
    recorder = Recorder(spec, history, clock)

    async def run() -> None:
        done = asyncio.Event()

        def on_event(event: CollectEvent) -> None:
            if isinstance(event, Connected):
                seen.capabilities = event.capabilities
                recorder.connected(event)
            elif isinstance(event, Observed):
                seen.ticks += 1
                seen.picture = recorder.observed(event, show_hidden)
                seen.failure = recorder.storage_problem
            elif isinstance(event, Lost):
                seen.failure = event.error
            if seen.failure is not None or seen.ticks >= ticks:
                done.set()

        collector = Collector(
            spec, interval=interval, intervals={activity.NAME: 0.0}, families=(), clock=clock, on_event=on_event
        )
        running = asyncio.create_task(collector.run())
        stopper = asyncio.create_task(done.wait())
        await asyncio.wait({running, stopper}, return_when=asyncio.FIRST_COMPLETED)
        if running.done() and not running.cancelled() and (error := running.exception()) is not None:
            raise error
        for task in (running, stopper):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    try:
        asyncio.run(run())
    finally:
        recorder.finish()
    seen.failure = seen.failure or recorder.storage_problem
    if seen.failure is not None:
        raise seen.failure
    return seen
