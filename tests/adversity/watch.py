"""A running collector with what it has told, and what must hold of that whatever happens."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import fields
from itertools import pairwise
from typing import TypeVar

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.collect.collector import Collector
from optischema_tui.core.collect.events import CollectEvent, Lost, Observed
from optischema_tui.core.models import Snapshot
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.delta import deltas
from tests.conftest import until_async

E = TypeVar("E")


class Watch:
    """`async with Watch(spec) as watch`."""

    def __init__(
        self, spec: TargetSpec, *, interval: float = 1.0, first_retry: float = 0.05, clock: Clock = SYSTEM
    ) -> None:
        self.events: list[CollectEvent] = []
        self.collector = Collector(
            spec, interval=interval, on_event=self.events.append, first_retry=first_retry, clock=clock
        )
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Watch:
        self._task = asyncio.create_task(self.collector.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def ticks(self, count: int = 2) -> None:
        """Have `count` more snapshots taken, without waiting for their time."""
        for _ in range(count):
            seen = len(self.snapshots)
            self.collector.poll_now()
            await until_async(lambda seen=seen: len(self.snapshots) > seen, what="another snapshot")  # type: ignore[misc]

    def of(self, kind: type[E]) -> list[E]:
        assert self._task is not None
        assert not self._task.done(), self._task
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def snapshots(self) -> list[Snapshot]:
        return [seen.snapshot for seen in self.of(Observed)]

    @property
    def losses(self) -> list[Lost]:
        return self.of(Lost)


def assert_honest(snapshots: list[Snapshot]) -> None:
    """No rate is negative, none crosses an epoch, and no interval is longer than the server's clock says."""
    assert len(snapshots) >= 2
    for previous, current in pairwise(snapshots):
        found = deltas(previous, current)
        if previous.epoch != current.epoch:
            assert found.broken
            assert not found.statements
        for delta in found.statements.values():
            numbers = [
                getattr(delta, field.name) for field in fields(delta) if field.name not in ("key", "lower_bound")
            ]
            assert min(numbers) >= 0, delta
        assert min(getattr(found.database, field.name) for field in fields(found.database)) >= 0
        assert -1 < found.seconds <= max(0.0, current.server_clock - previous.server_clock) + 1.0
