"""One look at a server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from optischema_tui.core.clock import Clock
from optischema_tui.core.collect.statements import PACKAGE, Counters, Samples, read_counters
from optischema_tui.core.errors import OptischemaError, ServerLost
from optischema_tui.core.models import Activity, DatabaseCounters, Epoch, Snapshot, TargetIdentity, quote
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.sql import load

T = TypeVar("T")


class Notices:
    """Parts of a tick that failed, as sentences. A lost connection is never one of them: it ends the tick."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    async def or_else(self, what: str, read: Callable[[], Awaitable[T]], otherwise: T) -> T:
        try:
            return await read()
        except ServerLost:
            raise
        except OptischemaError as error:
            self.sentences.append(f"{what}: {error.sentence}")
            return otherwise


async def take_snapshot(
    observer: Observer,
    identity: TargetIdentity,
    capabilities: Capabilities,
    clock: Clock,
    notices: Notices,
    samples: Samples,
) -> Snapshot:
    """Everything but the texts; `samples` is kept from one tick to the next. The counters of statements are all or
    nothing: a tick that cannot read them although the extension is there raises, since a gap would look like statements
    that came anew.

    Raises ServerLost, or the TargetError or MissingPart of the server's refusal.
    """

    async def one(name: str) -> Any:
        return (await observer.fetch(load(PACKAGE, name, capabilities.server_version_num)))[0]

    server = await one("server")
    counters, dealloc, stats_reset = Counters((), 0), 0, None
    part = capabilities.part("statements")
    if part.available:
        if "pg_stat_statements_info" in capabilities.statement_columns:
            query = load(PACKAGE, "statements_info").replace("{schema}", quote(capabilities.extension_schema))
            dealloc, stats_reset = (await observer.fetch(query))[0]
        counters = await read_counters(observer, capabilities, samples)
    else:
        notices.sentences.append(f"{part.reason}. To enable it: {' '.join(part.remedy.splitlines())}")
    database = await notices.or_else("Database counters", lambda: one("database"), None)
    activity = await notices.or_else("Sessions", lambda: one("activity"), None)
    return Snapshot(
        target=identity,
        epoch=Epoch(
            identity.system_identifier,
            server["postmaster_start"],
            stats_reset,
            identity.server_version_num,
            capabilities.extension_version if part.available else "",
        ),
        taken_at=clock.wall(),
        monotonic=clock.monotonic(),
        server_clock=server["server_clock"],
        statements=counters.samples,
        database=DatabaseCounters(**dict(database)) if database else DatabaseCounters(),
        activity=Activity(**dict(activity), max_connections=server["max_connections"]) if activity else Activity(),
        dealloc=dealloc,
        unreadable=counters.unreadable,
    )
