"""Real changes on a real server under a real load, with a clock that jumps a minute for each round of calls.

All figures are measured: the calls run on the server, the program's collector reads their counters, its recorder stores
them, its protocol makes the change and its watch judges it. Only the clock is not the machine's, so that hours of
intervals take seconds.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from optischema_tui.core.baseline.verdict import Finding
from optischema_tui.core.clock import Clock, FixedClock
from optischema_tui.core.collect.collector import Collector
from optischema_tui.core.collect.events import CollectEvent, Connected, Lost, Observed
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs import changes
from optischema_tui.core.jobs.recorder import Recorder
from optischema_tui.core.jobs.verdicts import Watch
from optischema_tui.core.models import Change
from optischema_tui.core.paths import Paths
from optischema_tui.core.policy.rules import Layer, OwnRules, Rules
from optischema_tui.core.policy.settings import allowed
from optischema_tui.core.target.spec import TargetSpec

MINUTE = 60.0
"""What one round of calls counts as."""
SECONDS = 60.0
"""Longest wait for one look at the server."""
CONTROL = "SELECT count(*) FROM generate_series(1, 10000)"
APP = "app"
"""The role that the load logs in as."""
MAKE_APP = f"CREATE ROLE {APP} LOGIN; GRANT pg_read_all_data, pg_write_all_data TO {APP}"
SETTINGS_ALLOWED = ("work_mem", "effective_cache_size")
POLICY = OwnRules((Layer("here", Rules(settings=tuple(allowed(name, True) for name in SETTINGS_ALLOWED))),))


@dataclass(frozen=True)
class Load:
    statement: str
    """`%s` is a number that counts up with each call."""
    calls: int = 12
    """In each round."""


@dataclass
class Timed:
    """ms of each call, as the sender saw it: a measurement beside the server's own."""

    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)
    control_before: list[float] = field(default_factory=list)
    control_after: list[float] = field(default_factory=list)
    """Of CONTROL beside it, in another database, which no change concerns: how fast the machine was."""

    @property
    def machine(self) -> float:
        """Median of the control after / before."""
        return statistics.median(self.control_after) / statistics.median(self.control_before)

    @property
    def ratio(self) -> float:
        """Median after / before, without what the machine did to it."""
        return statistics.median(self.after) / statistics.median(self.before) / self.machine


@dataclass(frozen=True)
class Outcome:
    change: Change
    """As it stands at the end: `verifying` when nothing was said."""
    minutes: float
    """Of the jumping clock, from the change to its verdict."""
    timed: Timed

    def verdict(self, load: Load) -> Finding:
        """Of the load's statement; where it has none of its own, of all statements together."""
        rows = self.change.detail.get("figures", ())
        begin = re.split(r"[%0-9]", load.statement)[0]
        own = next((Finding(row["verdict"]) for row in rows if row["text"].startswith(begin)), Finding.UNKNOWN)
        if own is not Finding.UNKNOWN:
            return own
        sentence = str(self.change.detail.get("verdict", ""))
        if "together are" in sentence:
            return Finding.BETTER if "faster" in sentence else Finding.WORSE
        return Finding.SAME if sentence.startswith("Nothing that it concerns") else Finding.UNKNOWN


def spec_for(dsn: str) -> TargetSpec:
    params = tuple(sorted((key, str(value)) for key, value in conninfo_to_dict(dsn).items()))
    return TargetSpec("bench", params, allow_changes=True, policy=POLICY)


def judged(dsn: str, paths: Paths, load: Load, sql: str, *, before: int, after: int) -> Outcome:
    """Make the change `sql` after `before` rounds of the load, and go on until it has a verdict,
    `after` rounds at most.

    `dsn` is a superuser's, with pg_stat_statements in its database; MAKE_APP was run on its server. Raises
    OptischemaError when the server is lost or the change fails.
    """
    clock = FixedClock(at=Clock().wall())
    with closing(History.open(paths.history_db, clock)) as history:
        return asyncio.run(_Case(dsn, paths, load, clock, history).run(sql, before, after))


class _Case:
    def __init__(self, dsn: str, paths: Paths, load: Load, clock: FixedClock, history: History) -> None:
        self.spec = spec_for(dsn)
        self._app = make_conninfo(dsn, user=APP)
        self._paths, self._load, self._clock = paths, load, clock
        self._recorder = Recorder(self.spec, history, clock)
        # The next look is never due by itself: it is asked for after each round.
        self._collector = Collector(
            self.spec, interval=1e9, intervals={"activity": 0.0}, families=(), clock=clock, on_event=self._on_event
        )
        self._seen = asyncio.Event()
        self._failure: Exception | None = None
        self._fingerprint = ""
        self._number = 0

    async def run(self, sql: str, before: int, after: int) -> Outcome:
        collecting = asyncio.create_task(self._collector.run())
        try:
            await self._next_look()
            timed = Timed()
            for _ in range(before):
                await self._round(timed.before, timed.control_before)
            # The change stands in the middle of an interval, which so belongs to neither side.
            self._clock.advance(1.0)
            change = await asyncio.to_thread(self._change, sql)
            return await self._watched(change, timed, after)
        finally:
            collecting.cancel()
            with suppress(asyncio.CancelledError):
                await collecting
            self._recorder.finish()

    async def _watched(self, change: Change, timed: Timed, after: int) -> Outcome:
        watch = Watch(self._paths, self._clock)
        applied = self._clock.wall()
        self._clock.advance(1.0)
        await self._look()
        for _ in range(after):
            await self._round(timed.after, timed.control_after)
            moved = await asyncio.to_thread(watch.look, self._fingerprint)
            if moved.judged:
                return Outcome(moved.judged[0], (self._clock.wall() - applied) / MINUTE, timed)
        return Outcome(changes.find(self._paths, change.id), (self._clock.wall() - applied) / MINUTE, timed)

    def _change(self, sql: str) -> Change:
        proposed = changes.propose(self._paths, self.spec, sql, clock=self._clock)
        changes.approve(self._paths, proposed.id, rules_of=lambda dsn: POLICY, clock=self._clock)
        return changes.carry_out(self._paths, proposed.id, self.spec, clock=self._clock, typed=proposed.subject)

    async def _round(self, times: list[float], control: list[float]) -> None:
        await asyncio.to_thread(self._calls, times, control)
        self._clock.advance(MINUTE)
        await self._look()

    def _calls(self, times: list[float], control: list[float]) -> None:
        """A session of its own for each round: settings of a role or a database hold from the next login on."""
        with (
            psycopg.connect(self._app, autocommit=True) as session,
            psycopg.connect(self._app, dbname="postgres", autocommit=True) as other,
        ):
            for number in range(self._load.calls):
                self._number += 1
                times.append(_timed(session, self._load.statement.replace("%s", str(self._number))))
                if number % 2:
                    control.append(_timed(other, CONTROL))

    async def _look(self) -> None:
        self._seen.clear()
        self._collector.poll_now()
        await self._next_look()

    async def _next_look(self) -> None:
        async with asyncio.timeout(SECONDS):
            await self._seen.wait()
        if self._failure is not None:
            raise self._failure

    def _on_event(self, event: CollectEvent) -> None:
        if isinstance(event, Connected):
            self._fingerprint = event.identity.fingerprint
            self._recorder.connected(event)
        elif isinstance(event, Observed):
            self._recorder.observed(event)
            self._failure = self._recorder.storage_problem
            self._seen.set()
        elif isinstance(event, Lost):
            self._failure = event.error
            self._seen.set()


def _timed(session: psycopg.Connection[tuple[object, ...]], statement: str) -> float:
    """ms until the answer was here."""
    begun = time.perf_counter()
    session.execute(statement.encode())
    return (time.perf_counter() - begun) * 1000
