"""Reading only the statements that changed gives what reading all of them would."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from itertools import combinations

import psycopg
import pytest

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.collect.samples import Samples
from optischema_tui.core.collect.statements import Counters, read_counters
from optischema_tui.core.config import Config
from optischema_tui.core.models import StatementKey, StatementSample
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.probe import probe
from optischema_tui.core.target.resolver import resolve

COLUMNS = "abcdefgh"
QUERIES = [f"SELECT {', '.join(chosen)} FROM wide" for size in (1, 2, 3) for chosen in combinations(COLUMNS, size)]


class Watched:
    def __init__(self, observer: Observer, capabilities: Capabilities, dbid: int) -> None:
        self.observer, self.capabilities, self.dbid = observer, capabilities, dbid
        self.samples = Samples()

    async def read(self, *, anew: bool = False) -> Counters:
        return await read_counters(self.observer, self.capabilities, self.samples, dbid=self.dbid, anew=anew)

    def here(self, counters: Counters) -> dict[StatementKey, StatementSample]:
        return {sample.key: sample for sample in counters.samples if sample.key.dbid == self.dbid}

    async def by_all(self) -> dict[StatementKey, StatementSample]:
        """As a program sees them that has just begun."""
        return self.here(await read_counters(self.observer, self.capabilities, Samples()))


@pytest.fixture
async def watched(own_server: Cluster) -> AsyncIterator[tuple[Watched, psycopg.Connection[tuple[object, ...]]]]:
    """Nobody else uses this server, so that nothing moves but by the test's own calls."""
    dsn = own_server.dsn()
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute("CREATE EXTENSION pg_stat_statements")
        session.execute(f"CREATE TABLE wide ({', '.join(f'{name} int' for name in COLUMNS)})")
        for query in QUERIES:
            session.execute(query.encode())
        observer = await Observer.connect(resolve(dsn, Config()))
        identity, capabilities = await probe(observer)
        found = Watched(observer, capabilities, identity.database_oid)
        await found.read(anew=True)
        await found.read()
        yield found, session
        await observer.close()


def _moved(one: dict[StatementKey, StatementSample], other: dict[StatementKey, StatementSample]) -> set[StatementKey]:
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


async def test_it_is_what_reading_all_gives(watched: tuple[Watched, psycopg.Connection[tuple[object, ...]]]) -> None:
    found, session = watched
    chance = random.Random(7)
    fresh = 0
    for number in range(12):
        for query in chance.sample(QUERIES, 9):
            session.execute(query.encode())
        if number % 3 == 0:
            session.execute(f"SELECT {', '.join(['a'] * (number + 2))}, h FROM wide".encode())
        if number % 4 == 3:  # one statement's counters are thrown away, and it may come back
            session.execute(
                "SELECT pg_stat_statements_reset(userid, dbid, queryid) FROM pg_stat_statements"
                f" WHERE query = '{chance.choice(QUERIES)}'"
            )
        seen = await found.read()
        fresh += sum(sample.key.dbid == found.dbid for sample in found.samples.fresh)
        truth = await found.by_all()
        ours = _moved(found.here(seen), truth)
        # what differs are the statements of the two readings themselves, which count one another
        texts = session.execute("SELECT queryid, query FROM pg_stat_statements").fetchall()
        marked = {queryid for queryid, query in texts if "optischema-tui" in str(query)}
        assert {key.queryid for key in ours} <= marked
        assert seen.totals.statements >= len(seen.samples)
    assert fresh >= 4, "each new statement is fresh once, so that its text is asked for"


async def test_what_rests_is_not_sent(watched: tuple[Watched, psycopg.Connection[tuple[object, ...]]]) -> None:
    found, session = watched
    session.execute(QUERIES[0].encode())
    await found.read()
    before = {sample.key: sample for sample in (await found.read()).samples}
    session.execute(QUERIES[1].encode())
    rows: list[int] = []
    fetch = found.observer.fetch

    async def counted(sql: str, *arguments: object, **more: float) -> list[object]:
        answer = await fetch(sql, *arguments, **more)
        rows.append(len(answer))
        return answer

    found.observer.fetch = counted  # type: ignore[method-assign]
    after = await found.read()
    assert len(rows) == 1
    assert rows[0] < 10 < len(after.samples)
    same = [sample for sample in after.samples if before.get(sample.key) is sample]
    assert len(same) >= len(after.samples) - rows[0]


async def test_a_gone_statement_makes_it_read_all_at_once(
    watched: tuple[Watched, psycopg.Connection[tuple[object, ...]]],
) -> None:
    found, session = watched
    gone = session.execute("SELECT queryid FROM pg_stat_statements WHERE query = %s", (QUERIES[5],)).fetchone()
    assert gone is not None
    await found.read()
    session.execute("SELECT pg_stat_statements_reset(0, 0, %s)", gone)
    session.execute("SELECT a AS newcomer, b, c, d, e FROM wide")
    seen = await found.read()
    assert gone[0] not in {sample.key.queryid for sample in seen.samples}
    newcomer = session.execute("SELECT queryid FROM pg_stat_statements WHERE query LIKE '%AS newcomer%'").fetchone()
    assert newcomer is not None
    assert newcomer[0] in {sample.key.queryid for sample in found.samples.fresh}


async def test_totals_are_the_same_however_they_were_read(own_server: Cluster) -> None:
    """Also for a role that may not see most statements: their time is the server's all the same."""
    with psycopg.connect(own_server.dsn(), autocommit=True) as session:
        session.execute("CREATE EXTENSION pg_stat_statements")
        session.execute("CREATE ROLE onlooker LOGIN")
        session.execute("CREATE TABLE wide (a int)")
        for _ in range(50):
            session.execute("SELECT count(*) FROM wide")
        observer = await Observer.connect(resolve(own_server.dsn(user="onlooker"), Config()))
        identity, capabilities = await probe(observer)
        found = Watched(observer, capabilities, identity.database_oid)
        await found.read(anew=True)
        whole = await found.read(anew=True)
        changed = await found.read()
        truth = session.execute("SELECT count(*), sum(calls) FROM pg_stat_statements").fetchone()
        await observer.close()
    assert truth is not None
    assert whole.unreadable > 0
    assert changed.unreadable >= whole.unreadable
    assert 50 < whole.totals.calls <= changed.totals.calls <= truth[1]
    assert changed.totals.calls - whole.totals.calls < 20
    assert whole.totals.here_exec_time is not None
    assert changed.totals.here_exec_time is not None
    assert 0 <= changed.totals.here_exec_time - whole.totals.here_exec_time < 50
    assert whole.totals.statements <= changed.totals.statements <= truth[0]
