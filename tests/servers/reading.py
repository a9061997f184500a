"""Reads one query family of a real server, as a collector would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.collect.columns import probe_columns
from optischema_tui.core.collect.families import ALL
from optischema_tui.core.collect.family import Source
from optischema_tui.core.config import Config
from optischema_tui.core.models import Reading
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.probe import probe
from optischema_tui.core.target.resolver import resolve

BY_NAME = {family.name: family for family in ALL}


@asynccontextmanager
async def source_of(dsn: str) -> AsyncIterator[Source]:
    observer = await Observer.connect(resolve(dsn, Config()))
    try:
        identity, capabilities = await probe(observer)
        yield Source(observer, identity, capabilities, await probe_columns(observer), SYSTEM, "epoch")
    finally:
        await observer.close()


async def read(source: Source | str, family: str) -> Reading:
    """One reading, by a source or by a conninfo."""
    if isinstance(source, str):
        async with source_of(source) as connected:
            return await BY_NAME[family].read(connected)
    return await BY_NAME[family].read(source)
