"""Adaptive sampling of a large pg_stat_statements, with the bounds made small."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from itertools import pairwise

import psycopg
import pytest

from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.collect import strata
from optischema_tui.core.collect.samples import Samples
from optischema_tui.core.collect.strata import Part, Strata
from optischema_tui.core.collect.tick import Notices, Ticks, find_server_query
from optischema_tui.core.config import Config
from optischema_tui.core.models import Activity, Snapshot, StatementKey, StatementSample
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.probe import probe
from optischema_tui.core.target.resolver import resolve


class Looking:
    """Looks at a server with a small limit for sampling."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.ticks = Ticks(SYSTEM)

    async def open(self) -> None:
        self.observer = await Observer.connect(resolve(self.dsn, Config()))
        self.identity, self.capabilities = await probe(self.observer)
        self.query = await find_server_query(self.observer, self.capabilities.server_version_num)

    async def look(self) -> Snapshot:
        notices = Notices()
        found = await self.ticks.look(
            self.observer, self.identity, self.capabilities, notices, server_query=self.query, activity=Activity()
        )
        assert notices.sentences == []
        return found

    def here(self, snapshot: Snapshot) -> dict[StatementKey, StatementSample]:
        return {each.key: each for each in snapshot.statements if each.key.dbid == self.identity.database_oid}


def statement(number: int) -> str:
    """Statements with different ids: that many columns."""
    return f"SELECT {', '.join(['1'] * (number + 1))}"


@pytest.fixture(params=["fresh_db", "fresh_old_db"])
async def looking(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Looking]:
    dsn = request.getfixturevalue(request.param)
    # The servers are shared with other tests, whose statements may be in the view.
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("SELECT pg_stat_statements_reset()")
    monkeypatch.setattr(strata, "SAMPLE_ABOVE", 60)
    monkeypatch.setattr(strata, "STRATUM_ROWS", 40)
    monkeypatch.setattr(strata, "HEAD_BY_TOTAL", 5)
    monkeypatch.setattr(strata, "HEAD_BY_RECENT", 5)
    found = Looking(dsn)
    await found.open()
    yield found
    await found.observer.close()


async def test_every_row_stays_known_and_is_read_in_its_turn(looking: Looking) -> None:
    with psycopg.connect(looking.dsn, autocommit=True, prepare_threshold=None) as session:
        for number in range(120):
            session.execute(statement(number).encode())
        first = await looking.look()
        assert not first.read_before
        assert first.totals is not None
        assert first.totals.statements == len(first.statements) + first.unreadable
        for number in range(120):
            session.execute(statement(number).encode())
        seconds = [await looking.look()]
        assert len(seconds[0].read_before) > 20
        old = looking.here(first)
        for key, at in seconds[0].read_before.items():
            assert at == first.server_clock
            if key in old:
                assert looking.here(seconds[0])[key] is old[key]
        while len(seconds) < 16:  # a rotation: at most four strata of forty for some hundred statements
            seconds.append(await looking.look())
        last = looking.here(seconds[-1])
        assert sum(each.calls == 2 for each in last.values()) >= 120
        assert min(seconds[-1].read_before.values()) > first.server_clock
        for before, after in pairwise(seconds):
            for key, at in after.read_before.items():
                expected = before.read_before.get(key, before.server_clock)
                assert at == expected
                same = {each.key: each for each in before.statements}[key]
                assert {each.key: each for each in after.statements}[key] is same


async def test_totals_are_of_all_rows(looking: Looking) -> None:
    with psycopg.connect(looking.dsn, autocommit=True, prepare_threshold=None) as session:
        for number in range(120):
            session.execute(statement(number).encode())
        await looking.look()
        before = await looking.look()
        assert before.read_before
        assert before.totals is not None
        for number in range(120):
            session.execute(statement(number).encode())
        after = await looking.look()
        assert after.totals is not None
        assert after.read_before
        # Others use the server as well, but this database is ours alone: 120 statements, and what we ask.
        assert 120 <= after.totals.here_calls - before.totals.here_calls <= 130
        assert after.totals.here_exec_time > before.totals.here_exec_time
        assert after.totals.total_exec_time >= after.totals.here_exec_time


async def test_a_heavy_newcomer_is_seen_at_once_and_a_light_one_within_a_rotation(looking: Looking) -> None:
    with psycopg.connect(looking.dsn, autocommit=True, prepare_threshold=None) as session:
        for number in range(120):
            session.execute(statement(number).encode())
        await looking.look()
        known = looking.here(await looking.look())
        session.execute("SELECT 1, pg_sleep(0.3)")
        for number in range(200, 220):
            session.execute(statement(number).encode())
        found = looking.here(await looking.look())
        new = [each for key, each in found.items() if key not in known]
        assert max(each.total_exec_time for each in new) >= 300
        for _ in range(16):
            found = looking.here(await looking.look())
        assert len(found.keys() - known.keys()) >= 21


async def test_a_reset_ends_the_sampling_at_once(looking: Looking) -> None:
    with psycopg.connect(looking.dsn, autocommit=True, prepare_threshold=None) as session:
        for number in range(120):
            session.execute(statement(number).encode())
        await looking.look()
        assert (await looking.look()).read_before
        session.execute("SELECT pg_stat_statements_reset()")
        after = await looking.look()
        assert not after.read_before
        assert len(looking.here(after)) < 20


async def test_one_statement_that_was_thrown_away_goes_when_its_stratum_is_read(looking: Looking) -> None:
    with psycopg.connect(looking.dsn, autocommit=True, prepare_threshold=None) as session:
        for number in range(120):
            session.execute(statement(number).encode())
        await looking.look()
        found = looking.here(await looking.look())
        victim = min(found.values(), key=lambda each: each.total_exec_time).key
        session.execute(
            "SELECT pg_stat_statements_reset(%s::oid, %s::oid, %s)", (victim.userid, victim.dbid, victim.queryid)
        )
        ticks = 0
        while victim in looking.here(await looking.look()):
            ticks += 1
            assert ticks < 16


def row(queryid: int, calls: int) -> tuple[object, ...]:
    return (10, 5, queryid, True, calls)


async def test_partial_readings_against_a_model() -> None:
    """Random servers: what Samples says is what the server had when each row was read."""
    chance = random.Random(3)
    for _ in range(30):
        server = {chance.getrandbits(30): chance.randrange(1, 9) for _ in range(60)}
        samples, clock = Samples(), 1000.0
        await samples.read([row(*each) for each in server.items()], clock)
        told = {queryid: (calls, clock) for queryid, calls in server.items()}
        for turn in range(40):
            clock += 1.0
            for queryid in list(server):
                if chance.random() < 0.3:
                    server[queryid] += 1
                if chance.random() < 0.02:
                    del server[queryid]
            server.update({chance.getrandbits(30): 1 for _ in range(chance.randrange(3))})
            part = Part(4, turn % 4, 0.0, ())
            head = set(chance.sample(sorted(server), min(5, len(server))))
            read = {each for each in server if each & 3 == part.stratum or each in head}
            found = await samples.read_part([row(each, server[each]) for each in read], part, clock)
            told = {each: told[each] for each in told if each in server or each & 3 != part.stratum}
            told.update({each: (server[each], clock) for each in read})
            assert {each.key.queryid: each.calls for each in found} == {
                each: calls for each, (calls, _) in told.items()
            }
            assert len(found) == len(told)
            assert {key.queryid: at for key, at in samples.read_before.items()} == {
                each: at for each, (_, at) in told.items() if each not in read
            }
        rows = [row(*each) for each in server.items()]
        assert {each.key.queryid: each.calls for each in await samples.read(rows, clock)} == server
        assert not samples.read_before


def test_the_plan_follows_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Strata()
    samples = [StatementSample(StatementKey(1, 1, n), total_exec_time=float(n)) for n in range(25_000)]
    assert plan.plan(samples, 20_000) is None
    part = plan.plan(samples, 25_000)
    assert part is not None
    assert (part.strata, part.stratum, part.least_time) == (4, 0, 24_000.0)
    plan.done([(samples[5], 3.0, 0.0), (samples[6], 0.0, 0.0)], 30.0)
    again = plan.plan(samples, 18_000)  # a little less is no reason to change
    assert again is not None
    assert (again.stratum, again.queryids) == (1, (5,))
    large = plan.plan(samples, 100_000)
    assert large is not None
    assert large.strata == 16
    assert plan.plan(samples, 15_999) is None
