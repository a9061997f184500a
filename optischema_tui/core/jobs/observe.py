"""Observe a server for a number of ticks, without a screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.collect.collector import Collector
from optischema_tui.core.collect.events import CollectEvent, Connected, Lost, Observed
from optischema_tui.core.errors import MissingPart, OptischemaError, StorageError
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
    ticks: int | None,
    interval: float,
    duration: float | None = None,
    keep_trying: bool = False,
    on_picture: Callable[[Picture], None] = lambda picture: None,
    on_lost: Callable[[Lost], None] = lambda lost: None,
    on_unstored: Callable[[StorageError], None] = lambda problem: None,
    show_hidden: frozenset[str] = frozenset(),
    clock: Clock = SYSTEM,
) -> Observation:
    """Run a collector until `ticks` are seen or `duration` seconds are over.

    Raises the collector's failure at once unless `keep_trying`, in which case `on_lost` is told and it goes on; so it
    is with ticks that cannot be stored: `on_unstored` is told once for each new reason.
    """
    seen = Observation()
    recorder = Recorder(spec, history, clock)

    async def run() -> None:
        done = asyncio.Event()
        unstored = ""

        def on_event(event: CollectEvent) -> None:
            nonlocal unstored
            if isinstance(event, Connected):
                seen.capabilities = event.capabilities
                recorder.connected(event)
            elif isinstance(event, Observed):
                seen.ticks += 1
                seen.picture = recorder.observed(event, show_hidden)
                on_picture(seen.picture)
                problem = recorder.storage_problem
                if problem is not None and not keep_trying:
                    seen.failure = problem
                    done.set()
                elif problem is not None and problem.sentence != unstored:
                    on_unstored(problem)
                unstored = problem.sentence if problem is not None else ""
                if ticks is not None and seen.ticks >= ticks:
                    done.set()
            elif isinstance(event, Lost):
                on_lost(event)
                if not keep_trying:
                    seen.failure = event.error
                    done.set()

        collector = Collector(spec, interval=interval, clock=clock, on_event=on_event)
        running = asyncio.create_task(collector.run())
        stopper = asyncio.create_task(done.wait())
        await asyncio.wait({running, stopper}, timeout=duration, return_when=asyncio.FIRST_COMPLETED)
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
    if seen.failure is None and not keep_trying:
        seen.failure = recorder.storage_problem
    if seen.failure is not None:
        raise seen.failure
    return seen
