"""Read some query families of a server once or twice, without a collector."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.collect.activity import sample_activity
from optischema_tui.core.collect.columns import probe_columns
from optischema_tui.core.collect.families import ALL
from optischema_tui.core.collect.family import Source
from optischema_tui.core.errors import OptischemaError, ServerLost
from optischema_tui.core.models import ActivitySample, Reading, TargetIdentity
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.probe import probe
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Pair = tuple[Reading, Reading | None]
"""A reading, and the one before it of the same epoch when there is one."""


def read_families(
    spec: TargetSpec, names: Sequence[str], *, seconds: float = 0.0, clock: Clock = SYSTEM
) -> tuple[TargetIdentity, tuple[Pair, ...]]:
    """The families of these names as they are now; with `seconds` read twice, so that rates are known.

    A family that the server refuses is a reading with `problem`. Raises TargetError, AuthError or ServerLost.
    """

    async def run() -> tuple[TargetIdentity, tuple[Pair, ...]]:
        async with _source(spec, clock) as source:
            first = [await _read(source, name) for name in names]
            if not seconds:
                return source.identity, tuple((reading, None) for reading in first)
            await asyncio.sleep(seconds)
            second = [await _read(source, name) for name in names]
            return source.identity, tuple(
                (now, then if now.epoch == then.epoch and not then.problem else None)
                for now, then in zip(second, first, strict=True)
            )

    return asyncio.run(run())


def watch_activity(
    spec: TargetSpec, *, seconds: float = 0.0, clock: Clock = SYSTEM
) -> tuple[TargetIdentity, tuple[ActivitySample, ...]]:
    """The sessions now, and with `seconds` once a second for so long. Raises TargetError, AuthError or ServerLost."""

    async def run() -> tuple[TargetIdentity, tuple[ActivitySample, ...]]:
        async with _source(spec, clock) as source:
            version, own = source.capabilities.server_version_num, [source.observer.pid]
            samples = [(await sample_activity(source.observer, version, own, clock)).sample]
            for _ in range(int(seconds)):
                await asyncio.sleep(1.0)
                samples.append((await sample_activity(source.observer, version, own, clock)).sample)
            return source.identity, tuple(samples)

    return asyncio.run(run())


@asynccontextmanager
async def _source(spec: TargetSpec, clock: Clock) -> AsyncIterator[Source]:
    observer = await Observer.connect(spec, clock=clock)
    try:
        identity, capabilities = await probe(observer)
        yield Source(observer, identity, capabilities, await probe_columns(observer), clock, "")
    finally:
        await observer.close()


async def _read(source: Source, name: str) -> Reading:
    family = next(family for family in ALL if family.name == name)
    try:
        with source.observer.within(family.timeout):
            return await family.read(source)
    except OptischemaError as error:
        if isinstance(error, ServerLost) or source.observer.closed:
            raise
        return Reading(name, source.clock.wall(), source.clock.monotonic(), 0.0, problem=error.sentence)
