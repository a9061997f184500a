"""When texts are fetched, and of which encoding they are."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.collect import texts
from optischema_tui.core.collect.statements import read_counters
from optischema_tui.core.collect.texts import Texts, read_texts
from optischema_tui.core.config import Config
from optischema_tui.core.models import StatementKey, StatementSample, StatementText
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.probe import probe
from optischema_tui.core.target.resolver import resolve


class Reader:
    def __init__(self, observer: Observer, capabilities: Capabilities, dbid: int) -> None:
        self.observer, self.capabilities, self.dbid = observer, capabilities, dbid
        self.clock = FixedClock()
        self.texts = Texts(self.clock)

    async def samples(self) -> list[StatementSample]:
        found = await read_counters(self.observer, self.capabilities)
        return [each for each in found.samples if each.key.dbid == self.dbid]

    async def next(self, *, at_once: bool = False, all_time: float = 1e9) -> list[str]:
        found, notice = await self.texts.next(self.observer, self.capabilities, all_time, at_once=at_once)
        assert notice == ""
        return [each.text for each in found]


async def reader(dsn: str) -> Reader:
    observer = await Observer.connect(resolve(dsn, Config()))
    identity, capabilities = await probe(observer)
    return Reader(observer, capabilities, identity.database_oid)


@pytest.fixture
async def reading(fresh_db: str) -> AsyncIterator[Reader]:
    found = await reader(fresh_db)
    yield found
    await found.observer.close()


async def test_each_text_comes_once_and_one_that_is_gone_is_not_asked_for_again(
    reading: Reader, fresh_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "TEXT_BATCH", 4)
    with psycopg.connect(fresh_db, autocommit=True) as session:
        for number in range(6):
            session.execute(f"SELECT 'once', {', '.join(['1'] * (number + 1))}".encode())
    await reading.texts.want([StatementSample(StatementKey(10, reading.dbid, 12345), total_exec_time=1e12)])
    samples = [each for each in await reading.samples() if each.calls == 1]
    await reading.texts.want(samples)
    portions = []
    while portions[-1:] != [[]]:
        portions.append(await reading.next(at_once=True))
    assert sum(map(len, portions)) == len(samples)
    assert len(set().union(*portions)) == len(samples)
    assert max(map(len, portions)) <= 4


async def test_texts_without_weight_wait_longer(reading: Reader, fresh_db: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("SELECT 'first'")
        samples = await reading.samples()
        await reading.texts.want(samples[:1])
        assert len(await reading.next()) == 1  # the first time at once
        reading.texts._cost = 0.03
        await reading.texts.want(samples[1:2])
        assert await reading.next() == []
        reading.clock.advance(0.03 / texts.SHARE_HEAVY + 1)
        assert await reading.next() == []  # it has no share of the time that would make it urgent
        assert len(await reading.next(all_time=samples[1].total_exec_time)) == 1
        reading.texts._cost = 0.03
        await reading.texts.want(samples[2:3])
        reading.clock.advance(0.03 / texts.SHARE_LIGHT + 1)
        assert len(await reading.next()) == 1


async def test_texts_of_other_databases_are_read_by_their_encoding(own_server: Cluster) -> None:
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        for name, encoding in (("latin", "LATIN1"), ("raw", "SQL_ASCII")):
            admin.execute(f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C'")
    databases = ("postgres", "latin", "raw")
    for name in databases:
        with psycopg.connect(own_server.dsn(name), autocommit=True, client_encoding="UTF8") as session:
            session.execute("CREATE EXTENSION pg_stat_statements")
            if name != "raw":
                session.execute(f'SELECT 1 AS "größe in {name}"'.encode())
    for inside in databases:
        found = await reader(own_server.dsn(inside))
        counters = await read_counters(found.observer, found.capabilities)
        all_texts: tuple[StatementText, ...] = await read_texts(
            found.observer, found.capabilities, [each.key for each in counters.samples]
        )
        expected = {'SELECT $1 AS "größe in postgres"', 'SELECT $1 AS "größe in latin"'}
        assert expected <= {each.text for each in all_texts}, inside
        await found.observer.close()
