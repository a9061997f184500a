"""A live link to one server: two lanes, each a connection and a task that reads what is due, one after the other."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NoReturn

from optischema_tui.core.clock import Clock
from optischema_tui.core.collect import activity
from optischema_tui.core.collect.activity import Moment, sample_activity
from optischema_tui.core.collect.columns import probe_columns
from optischema_tui.core.collect.events import CollectEvent, Connected, Gathered, Lost, Observed, Sampled
from optischema_tui.core.collect.family import Family, Lane, Source
from optischema_tui.core.collect.schedule import REFUSED_SECONDS, Duty, Schedule
from optischema_tui.core.collect.statements import PACKAGE
from optischema_tui.core.collect.texts import Texts
from optischema_tui.core.collect.tick import Notices, Ticks, find_server_query
from optischema_tui.core.errors import MissingPart, NoFreeConnection, OptischemaError, ServerLost
from optischema_tui.core.models import Activity, Epoch, ObserverCost, Reading, StatementText, TargetIdentity
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.probe import probe
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.target.sql import load

STATEMENTS = "statements"
STATEMENTS_TIMEOUT = 60.0
"""Of a whole tick; each of its queries has its own, shorter one."""
ACTIVITY_FRESH = 5.0
"""Seconds for which a sample of the sessions still tells a tick how many there are."""
LONGEST_RETRY = 30.0


@dataclass
class Memory:
    """What is kept of one target over any number of links."""

    ticks: Ticks
    texts: Texts
    fingerprint: str = ""


class Link:
    """One connected server, until the connection of its slow lane is lost."""

    def __init__(
        self,
        observer: Observer,
        identity: TargetIdentity,
        capabilities: Capabilities,
        *,
        schedule: Schedule,
        families: Mapping[str, Family],
        memory: Memory,
        on_event: Callable[[CollectEvent], None],
        clock: Clock,
        first_retry: float,
    ) -> None:
        self.identity = identity
        self.capabilities = capabilities
        self._slow = observer
        self._fast: Observer | None = None
        self._schedule = schedule
        self._families = families
        self._memory = memory
        self._on_event = on_event
        self._clock = clock
        self._first_retry = first_retry
        self._columns: Mapping[str, frozenset[str]] = {}
        self._server_query = ""
        self._moment: Moment | None = None
        self._notices: dict[str, str] = {}
        """Standing ones, by what they are about."""
        self._one_connection = observer.pooled
        self._ticked = asyncio.Event()
        self._second = asyncio.Lock()
        """Held by whoever has the second connection."""
        self._lend = False
        """The fast lane shall give it up for a moment."""
        self._reprobe = False

    async def run(self) -> NoReturn:
        """Read what is due until the connection is lost (raises ServerLost) or this is cancelled."""
        self._server_query = await find_server_query(self._slow, self.capabilities.server_version_num)
        await self._probe_columns()
        self._schedule.begin(STATEMENTS)
        tasks = [asyncio.create_task(self._slow_lane()), asyncio.create_task(self._fast_lane())]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                if task.done():
                    await task  # raises: a lane never ends by itself
            raise AssertionError("a lane ended")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def renew(self) -> None:
        """Ask again, before the next reading, what this role may see: somebody may have granted it."""
        self._reprobe = True

    # --- the two lanes ---

    async def _slow_lane(self) -> NoReturn:
        while True:
            lanes = (Lane.SLOW, Lane.FAST) if self._one_connection else (Lane.SLOW,)
            duty = await self._schedule.wait(lanes)
            if duty is not None:
                await self._do(duty, self._slow)

    async def _fast_lane(self) -> NoReturn:
        """Its connection is opened after the first tick, which must not wait for it, and again when it breaks."""
        with suppress(TimeoutError):
            async with asyncio.timeout(2.0):
                await self._ticked.wait()
        attempt = 0
        while True:
            if self._one_connection and self._slow.pooled:
                self._notices["lanes"] = (
                    "A connection pooler stands between: everything is read over one connection, one after the other"
                )
                await asyncio.Event().wait()
            attempt += 1
            try:
                async with self._second:
                    self._fast = await Observer.connect(self._slow.spec, clock=self._clock)
                    try:
                        self._one_connection = False
                        self._notices.pop("lanes", None)
                        while not self._lend:
                            duty = await self._schedule.wait((Lane.FAST,))
                            if duty is not None:
                                await self._do(duty, self._fast)
                                attempt = 0
                    finally:
                        await self._fast.close()
            except NoFreeConnection as error:
                self._share(error)
                await asyncio.sleep(REFUSED_SECONDS)
            except OptischemaError as error:
                self._notices["lanes"] = f"The sessions cannot be read now. {error.sentence}"
                await asyncio.sleep(retry_delay(self._first_retry, max(1, attempt)))

    def _share(self, error: OptischemaError) -> None:
        self._one_connection = True
        self._notices["lanes"] = (
            f"The server gives no second connection, so that everything is read over one. {error.sentence}"
        )
        self._schedule.wake()

    # --- one reading ---

    async def _do(self, duty: Duty, observer: Observer) -> None:
        """Carry out one duty. Raises ServerLost; what the server refuses is told, and the connection goes on."""
        duty.wanted_now = False
        started = self._clock.monotonic()
        queries = observer.sent
        refusal: OptischemaError | None = None
        try:
            with observer.within(duty.timeout):
                problem = await self._read(duty, observer)
        except OptischemaError as error:
            if isinstance(error, ServerLost) or observer.closed:
                self._blame(duty, error, started)
                raise
            refusal, problem = error, error.sentence
            self._refused(duty, error)
        now = self._clock.monotonic()
        cost = max(0.0, now - started - observer.round_trip * (observer.sent - queries))
        if problem and duty.name != STATEMENTS and (refusal is None or isinstance(refusal, MissingPart)):
            duty.refuse(started, cost)
        elif refusal is not None and duty.name != STATEMENTS:
            again = duty.refused_once
            duty.done(started, now, cost)
            if again:
                duty.refuse(started, cost)
            duty.refused_once = True
        else:
            duty.done(started, now, cost)
            duty.refused_once = False

    async def _read(self, duty: Duty, observer: Observer) -> str:
        """Read and tell. Returns why there was nothing to read; raises what `Observer.fetch` raises."""
        if duty.name == STATEMENTS:
            try:
                self._on_event(await self._tick(observer))
            finally:
                self._ticked.set()
            return ""
        if duty.name == activity.NAME:
            own = [each.pid for each in (self._slow, self._fast) if each is not None]
            self._moment = await sample_activity(
                observer,
                self.capabilities.server_version_num,
                own,
                self._clock,
                self._memory.ticks.max_connections,
            )
            self._on_event(Sampled(self._moment.sample))
            return ""
        source = Source(
            observer, self.identity, self.capabilities, self._columns, self._clock, epoch_name(self._memory.ticks.epoch)
        )
        reading = await self._families[duty.name].read(source)
        self._on_event(Gathered(reading))
        return reading.problem

    def _blame(self, duty: Duty, error: OptischemaError, started: float) -> None:
        """A connection broke under this reading. When that is the rule, it must not take the others with it."""
        duty.lost += 1
        if duty.deadly and duty.name != STATEMENTS:
            duty.refuse(started, 0.0)
            self._refused(duty, error)

    def _refused(self, duty: Duty, error: OptischemaError) -> None:
        if duty.name == STATEMENTS:
            self._on_event(Lost(error, duty.interval))  # asked again at the next tick
            return
        reading = Reading(duty.name, self._clock.wall(), self._clock.monotonic(), 0.0, problem=error.sentence)
        self._on_event(Gathered(reading))

    async def _tick(self, observer: Observer) -> Observed:
        wanted, self._reprobe = self._reprobe, False
        if wanted or not self.capabilities.part(STATEMENTS).available:
            await self._probe_again(observer, columns=wanted)
        ticks, texts = self._memory.ticks, self._memory.texts
        notices = Notices()
        snapshot = await ticks.look(
            observer,
            self.identity,
            self.capabilities,
            notices,
            server_query=self._server_query,
            activity=self._recent_activity(),
        )
        await texts.want(ticks.samples.fresh)
        all_time = snapshot.totals.total_exec_time if snapshot.totals is not None else 0.0
        found, notice = await texts.next(observer, self.capabilities, all_time, at_once=wanted)
        if texts.untranslatable and texts.attempted:
            found, notice = await self._texts_elsewhere(notice, all_time)
        standing = [*self._notices.values(), *(duty.notice for duty in self._schedule.duties.values())]
        sentences = [*notices.sentences, *([notice] if notice else []), *filter(None, standing)]
        return Observed(replace(snapshot, cost=self._cost(), notices=tuple(sentences)), found)

    async def _texts_elsewhere(self, notice: str, all_time: float) -> tuple[tuple[StatementText, ...], str]:
        """The texts by way of a database whose encoding takes them all; the fast lane lends its connection for it."""
        if self._one_connection:
            return (), notice
        names = [row[0] for row in await self._slow.fetch(load(PACKAGE, "takes_any_text"))]
        self._lend = True
        self._schedule.wake()
        async with self._second:
            self._lend = False
            for name in names:
                try:
                    guest = await Observer.connect(in_database(self._slow.spec, name), clock=self._clock)
                    try:
                        _, capabilities = await probe(guest)
                        if capabilities.part(STATEMENTS).available:
                            return await self._memory.texts.next(guest, capabilities, all_time, at_once=True)
                    finally:
                        await guest.close()
                except OptischemaError:
                    continue  # the notice of the first attempt stands
        return (), f"{notice} A database of encoding SQL_ASCII or UTF8 with pg_stat_statements in it could give them"

    def _recent_activity(self) -> Activity | None:
        moment = self._moment
        if moment is None or self._clock.monotonic() - moment.sample.monotonic > ACTIVITY_FRESH:
            return None
        return replace(moment.counts, max_connections=self._memory.ticks.max_connections)

    def _cost(self) -> ObserverCost:
        """Of both connections since the last tick."""
        costs = [each.take_cost() for each in (self._slow, self._fast) if each is not None]
        return ObserverCost(sum(cost.queries for cost in costs), sum(cost.seconds for cost in costs))

    # --- what the server is ---

    async def _probe_again(self, observer: Observer, *, columns: bool) -> None:
        """The capabilities as they are now: what was missing may have been created or granted meanwhile."""
        identity, found = await probe(observer)
        if columns:
            await self._probe_columns()
        changed = found != self.capabilities
        self.identity, self.capabilities = identity, found
        if changed:
            for duty in self._schedule.duties.values():
                if duty.refused:
                    duty.due = self._clock.monotonic()
            self._on_event(Connected(identity, found))

    async def _probe_columns(self) -> None:
        self._notices.pop("columns", None)
        try:
            self._columns = await probe_columns(self._slow)
        except OptischemaError as error:
            if isinstance(error, ServerLost):
                raise
            self._notices["columns"] = f"The columns of the catalog's views cannot be read. {error.sentence}"


def in_database(spec: TargetSpec, name: str) -> TargetSpec:
    """The same server, another database."""
    return replace(spec, params=tuple(sorted({**dict(spec.params), "dbname": name}.items())))


def epoch_name(epoch: Epoch | None) -> str:
    """The epoch of a server's own counters, those of pg_stat_statements not among them."""
    if epoch is None:
        return ""
    return f"{epoch.system_identifier}/{epoch.timeline}/{epoch.postmaster_start:.6f}/{epoch.crashed_at:.6f}"


def retry_delay(first: float, attempt: int, longest: float = LONGEST_RETRY) -> float:
    """Seconds until attempt number `attempt` + 1: doubling, with jitter, so that many watchers do not come at once."""
    return min(longest, first * 2.0 ** min(attempt - 1, 10)) * random.uniform(0.75, 1.0)
