from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator

import psycopg
import pytest

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.collect import texts
from optischema_tui.core.collect.samples import Samples
from optischema_tui.core.collect.statements import read_counters
from optischema_tui.core.collect.texts import read_texts
from optischema_tui.core.config import Config
from optischema_tui.core.errors import TargetError
from optischema_tui.core.models import StatementKey, StatementSample, StatementText
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.probe import probe
from optischema_tui.core.target.resolver import resolve


class Seen:
    """An observed database."""

    def __init__(self, observer: Observer, capabilities: Capabilities, dbid: int) -> None:
        self.observer, self.capabilities, self.dbid = observer, capabilities, dbid

    async def counters(self) -> list[StatementSample]:
        found = await read_counters(self.observer, self.capabilities)
        return [sample for sample in found.samples if sample.key.dbid == self.dbid]

    async def texts(self) -> list[StatementText]:
        wanted = [sample.key for sample in await self.counters()]
        return list(await read_texts(self.observer, self.capabilities, wanted))

    async def with_text(self, part: str) -> tuple[StatementSample, StatementText]:
        text = next(text for text in await self.texts() if part in text.text)
        return next(sample for sample in await self.counters() if sample.key == text.key), text


async def observed(dsn: str) -> Seen:
    observer = await Observer.connect(resolve(dsn, Config()))
    identity, capabilities = await probe(observer)
    return Seen(observer, capabilities, identity.database_oid)


@pytest.fixture
async def seen(fresh_db: str) -> AsyncIterator[Seen]:
    found = await observed(fresh_db)
    yield found
    await found.observer.close()


@pytest.mark.parametrize("database", ["fresh_db", "fresh_old_db"])
async def test_counters_and_texts_on_both_versions(request: pytest.FixtureRequest, database: str) -> None:
    dsn = request.getfixturevalue(database)
    found = await observed(dsn)
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute("CREATE TABLE t AS SELECT n FROM generate_series(1, 20000) n")
        for _ in range(3):
            session.execute("SELECT count(*), 'marked' FROM t")
    sample, text = await found.with_text("FROM t")
    assert sample.calls == 3
    assert sample.rows == 3
    assert sample.shared_blks_hit + sample.shared_blks_read > 200
    assert 0 < sample.min_exec_time <= sample.mean_exec_time <= sample.max_exec_time <= sample.total_exec_time
    assert sample.key.toplevel is True
    assert text.text == "SELECT count(*), $1 FROM t"
    assert (text.role, text.truncated) == ("postgres", False)
    assert text.database == dsn.rpartition("dbname=")[2]
    created = [sample for sample in await found.counters() if sample.wal_bytes > 0]
    assert created
    assert max(sample.wal_records for sample in created) > 1000
    await found.observer.close()


@pytest.mark.parametrize("database", ["fresh_db", "fresh_old_db"])
async def test_our_own_statements_carry_the_mark(request: pytest.FixtureRequest, database: str) -> None:
    found = await observed(request.getfixturevalue(database))
    await found.texts()
    own = [text.text for text in await found.texts() if "pg_stat_statements" in text.text]
    assert any(re.search(r"pg_stat_statements\(\$\d+\)", text) for text in own)
    assert [text for text in own if "/* optischema-tui */" not in text and not text.startswith("CREATE")] == []
    await found.observer.close()


async def test_hostile_text_comes_as_it_is(seen: Seen, fresh_db: str) -> None:
    hostile = "SELECT 1 AS \"a\x1b[31m[/x]\u202e\x07\" -- \x1b]0;title\x07 'é' \U0001f418"
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(hostile)
    _, text = await seen.with_text("[/x]")
    assert "\x1b[31m[/x]\u202e\x07" in text.text


async def test_a_text_of_two_megabytes_is_cut_and_said_so(seen: Seen, fresh_db: str) -> None:
    columns = ", ".join(f"n AS c{number:06}_é" for number in range(1600))
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE big AS SELECT 1 AS n")
        session.execute(f"SELECT {columns} FROM big /* {'ü' * 1_000_000} */ WHERE n = 1")
    _, text = await seen.with_text("c000001_é")
    assert text.truncated
    assert len(text.text) == texts.TEXT_CHARACTERS


async def test_texts_come_in_portions_the_wanted_first(
    seen: Seen, fresh_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        for number in range(30):
            session.execute(f"SELECT /* portion {'x' * 40} */ 'a'{' || 1' * number}")
    keys = [text.key for text in await seen.texts() if "portion" in text.text]
    assert len(keys) == 30
    monkeypatch.setattr(texts, "TEXT_BYTES", 1000)
    portion = await read_texts(seen.observer, seen.capabilities, keys)
    assert 3 < len(portion) < 15
    assert {text.key for text in portion} == set(keys[: len(portion)])
    monkeypatch.setattr(texts, "TEXT_BYTES", 1)
    assert [text.key for text in await read_texts(seen.observer, seen.capabilities, keys)] == keys[:1]


async def test_rows_of_others_are_counted_and_not_guessed(fresh_db: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("CREATE ROLE plain_of_statements LOGIN")
        admin.execute("SELECT 'of the superuser'")
    try:
        found = await observed(fresh_db.replace("user=postgres", "user=plain_of_statements"))
        counters = await read_counters(found.observer, found.capabilities)
        assert counters.unreadable > 0
        assert all(sample.key.queryid for sample in counters.samples)
        await found.observer.close()
    finally:
        with psycopg.connect(fresh_db, autocommit=True) as admin:
            admin.execute("DROP ROLE plain_of_statements")


async def test_latin1_in_a_database_without_an_encoding(own_server: Cluster) -> None:
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
        admin.execute("CREATE DATABASE raw ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'")
    with psycopg.connect(own_server.dsn("raw"), autocommit=True, client_encoding="SQL_ASCII") as session:
        session.execute("CREATE EXTENSION pg_stat_statements")
        session.execute(b'SELECT 1 AS "caf\xe9"')
    inside = await observed(own_server.dsn("raw"))
    _, text = await inside.with_text("caf")
    assert text.text == 'SELECT $1 AS "caf\ufffd"'
    await inside.observer.close()
    # From a UTF8 database the server refuses to send any text while that one is there; the counters still come.
    outside = await observed(own_server.dsn())
    assert await outside.counters()
    with pytest.raises(TargetError, match="invalid byte sequence"):
        await outside.texts()
    await outside.observer.close()


async def test_a_row_that_stays_is_the_same_sample(seen: Seen, fresh_db: str) -> None:
    samples = Samples()

    async def read() -> dict[StatementKey, StatementSample]:
        found = await read_counters(seen.observer, seen.capabilities, samples)
        return {sample.key: sample for sample in found.samples if sample.key.dbid == seen.dbid}

    with psycopg.connect(fresh_db, autocommit=True) as session:
        for number in range(40):
            session.execute(f"SELECT {', '.join(['1'] * (number + 1))} AS resting")
        before = await read()
        session.execute("SELECT 1 AS resting")
        session.execute("SELECT 'a' || 'newcomer'")
    after = await read()
    moved = [key for key in before if before[key] is not after[key]]
    again = next(text.key for text in await seen.texts() if text.text == "SELECT $1 AS resting")
    assert again in moved
    assert after[again].calls == before[again].calls + 1
    assert after[again].key is before[again].key
    assert len(before) - len(moved) >= 39
    assert after.keys() > before.keys()
    assert all(before[key] != after[key] for key in moved)


async def test_samples_are_those_of_the_rows_whatever_was_before() -> None:
    def row(queryid: int | None, calls: int) -> tuple[object, ...]:
        return (10, 5, queryid, True, calls)

    samples, chance = Samples(), random.Random(2)
    rows: list[tuple[object, ...]] = []
    for _ in range(200):
        rows = [row(each[2], each[4] + (chance.random() < 0.1)) for each in rows if chance.random() < 0.95]  # type: ignore[operator,arg-type]
        for _ in range(chance.randrange(4)):
            rows.insert(chance.randrange(len(rows) + 1), row(chance.choice((None, chance.getrandbits(40))), 1))
        found = await samples.read(rows)
        assert found == tuple(
            StatementSample(StatementKey(*each[:4]), *each[4:]) for each in rows if each[2] is not None
        )
