"""One look at a server: the clock and the epoch, the statements, the connected database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from optischema_tui.core.clock import Clock
from optischema_tui.core.collect.activity import sample_activity
from optischema_tui.core.collect.samples import Samples
from optischema_tui.core.collect.statements import PACKAGE, Counters, read_counters
from optischema_tui.core.collect.strata import Strata
from optischema_tui.core.errors import OptischemaError, ServerLost
from optischema_tui.core.models import (
    Activity,
    DatabaseCounters,
    Epoch,
    Snapshot,
    StatementSample,
    TargetIdentity,
    Totals,
    quote,
)
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.sql import load

T = TypeVar("T")

_TIMELINES = ("timeline", "timeline_written", "timeline_checkpoint", "unknown")
"""Ways to the timeline, the best first: providers forbid some of them."""
_CRASHES = ("crashed", "unknown")


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


async def find_server_query(observer: Observer, version_num: int) -> str:
    """The query for clock, start, timeline and last crash, of what this server answers. Raises ServerLost."""

    async def first(names: tuple[str, ...]) -> str:
        for name in names[:-1]:
            sql = load(PACKAGE, name, version_num)
            try:
                await observer.fetch(sql)
            except ServerLost:
                raise
            except OptischemaError:
                continue  # 0 then says that it is not known
            return sql
        return load(PACKAGE, names[-1])

    query = load(PACKAGE, "server").replace("{timeline}", await first(_TIMELINES))
    return query.replace("{crashed}", await first(_CRASHES))


class Ticks:
    """Looks at one target again and again, over any number of connections, and keeps what the next look needs."""

    def __init__(self, clock: Clock) -> None:
        self.samples = Samples()
        self.epoch: Epoch | None = None
        """Of the last look."""
        self.max_connections = 0
        self._clock = clock
        self._strata = Strata()
        self._statements = 0
        """Rows at the last look."""
        self._last: tuple[StatementSample, ...] = ()

    async def look(
        self,
        observer: Observer,
        identity: TargetIdentity,
        capabilities: Capabilities,
        notices: Notices,
        *,
        server_query: str,
        activity: Activity | None = None,
    ) -> Snapshot:
        """Everything but the texts. `activity`: the sessions, where they are known; else they are asked for.

        The counters of statements are all or nothing: a look that cannot read them although the extension is there
        raises, since a gap would look like statements that came anew. Raises ServerLost, or the TargetError or
        MissingPart of the server's refusal.
        """
        server = (await observer.fetch(server_query))[0]
        self.max_connections = server["max_connections"]
        part = capabilities.part("statements")
        if not part.available:
            notices.sentences.append(f"{part.reason}. To enable it: {' '.join(part.remedy.splitlines())}")
        dealloc, stats_reset = await _info(observer, capabilities) if part.available else (0, None)
        epoch = Epoch(
            identity.system_identifier,
            server["postmaster_start"],
            stats_reset,
            identity.server_version_num,
            capabilities.extension_version if part.available else "",
            timeline=server["timeline"] or 0,
            crashed_at=server["crashed_at"] or 0.0,
        )
        counters = Counters((), 0, Totals())
        if part.available:
            counters = await self._counters(observer, identity, capabilities, epoch, server["server_clock"])
        self.epoch = epoch
        database = await notices.or_else("Database counters", lambda: _database(observer), DatabaseCounters())
        if activity is None:
            activity = await notices.or_else("Sessions", lambda: self._activity(observer, capabilities), Activity())
        return Snapshot(
            target=identity,
            epoch=epoch,
            taken_at=self._clock.wall(),
            monotonic=self._clock.monotonic(),
            server_clock=server["server_clock"],
            statements=counters.samples,
            database=database,
            activity=activity,
            dealloc=dealloc,
            unreadable=counters.unreadable,
            read_before=counters.read_before,
            totals=counters.totals if part.available else None,
        )

    async def _counters(
        self,
        observer: Observer,
        identity: TargetIdentity,
        capabilities: Capabilities,
        epoch: Epoch,
        server_clock: float,
    ) -> Counters:
        part = None
        if epoch == self.epoch:
            part = self._strata.plan(self._last, self._statements)
        else:
            self._strata.forget()  # what is known is of before: everything is read once more
        counters = await read_counters(
            observer,
            capabilities,
            self.samples,
            part,
            dbid=identity.database_oid,
            server_clock=server_clock,
            anew=epoch != self.epoch,
        )
        if part is not None:
            self._strata.done(self.samples.grown, server_clock)
        self._last, self._statements = counters.samples, counters.totals.statements
        return counters

    async def _activity(self, observer: Observer, capabilities: Capabilities) -> Activity:
        moment = await sample_activity(
            observer, capabilities.server_version_num, (observer.pid,), self._clock, self.max_connections
        )
        return moment.counts


async def _info(observer: Observer, capabilities: Capabilities) -> tuple[int, float | None]:
    """Evictions so far, and when the statements' counters began; (0, None) before version 14."""
    if "pg_stat_statements_info" not in capabilities.statement_columns:
        return 0, None
    query = load(PACKAGE, "statements_info").replace("{schema}", quote(capabilities.extension_schema))
    dealloc, stats_reset = (await observer.fetch(query))[0]
    return dealloc, stats_reset


async def _database(observer: Observer) -> DatabaseCounters:
    rows: list[Any] = await observer.fetch(load(PACKAGE, "database"))
    return DatabaseCounters(**dict(rows[0]))
