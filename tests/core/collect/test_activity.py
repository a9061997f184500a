from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest

from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.collect import activity
from optischema_tui.core.collect.activity import Moment, sample_activity
from optischema_tui.core.config import Config
from optischema_tui.core.models import Session
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.resolver import resolve

Until = Callable[..., Any]


class Sampler:
    def __init__(self, observer: Observer, version_num: int) -> None:
        self.observer, self.version_num = observer, version_num

    async def moment(self) -> Moment:
        return await sample_activity(self.observer, self.version_num, [self.observer.pid], SYSTEM, 60)

    async def session(self, pid: int) -> Session | None:
        return next((each for each in (await self.moment()).sample.sessions if each.pid == pid), None)


async def sampler(dsn: str) -> Sampler:
    observer = await Observer.connect(resolve(dsn, Config()))
    version = (await observer.fetch("SELECT current_setting('server_version_num')::int4"))[0][0]
    return Sampler(observer, version)


@pytest.fixture(params=["fresh_db", "fresh_old_db"])
async def sampled(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, Sampler]]:
    dsn = request.getfixturevalue(request.param)
    found = await sampler(dsn)
    yield dsn, found
    await found.observer.close()


async def test_who_waits_for_whom(sampled: tuple[str, Sampler], until_async: Until) -> None:
    dsn, seen = sampled
    with (
        psycopg.connect(dsn, application_name="holder") as holder,
        psycopg.connect(dsn, autocommit=True, application_name="waiter") as waiter,
    ):
        holder.execute("CREATE TABLE held (a int)")
        holder.commit()
        holder.execute("LOCK TABLE held")
        waiter.pgconn.send_query(b"SELECT count(*) FROM held /* hello */")

        async def waits() -> Session | None:
            found = await seen.session(waiter.info.backend_pid)
            return found if found is not None and found.wait_type == "Lock" else None

        blocked = await until_async(waits)
        assert blocked.blocked_by == (holder.info.backend_pid,)
        assert blocked.query == "SELECT count(*) FROM held /* hello */"
        assert (blocked.state, blocked.backend_type, blocked.application) == ("active", "client backend", "waiter")
        assert blocked.database == dsn.rpartition("dbname=")[2]
        assert blocked.role == "postgres"
        assert blocked.queryid is None  # it waits while it is parsed, before it has one
        assert 0 <= blocked.query_seconds < 60
        moment = await seen.moment()
        first, *others = moment.sample.sessions
        assert first.pid == blocked.pid  # the blocked come first
        sleeper = next(each for each in others if each.pid == holder.info.backend_pid)
        assert (sleeper.state, sleeper.blocked_by) == ("idle in transaction", ())
        assert sleeper.xact_seconds is not None
        assert moment.counts.waiting >= 1
        assert moment.counts.idle_in_transaction >= 1
        assert seen.observer.pid not in [each.pid for each in moment.sample.sessions]
        holder.rollback()
        while waiter.pgconn.get_result() is not None:
            pass


async def test_idle_ones_are_counted_and_a_crowd_is_cut(
    sampled: tuple[str, Sampler], monkeypatch: pytest.MonkeyPatch, until_async: Until
) -> None:
    dsn, seen = sampled
    sessions = [psycopg.connect(dsn, autocommit=True) for _ in range(6)]
    try:
        before = (await seen.moment()).sample
        assert before.idle >= 6
        assert before.total >= 6
        assert not {each.pid for each in before.sessions} & {each.info.backend_pid for each in sessions}
        for each in sessions[:4]:
            each.pgconn.send_query(b"SELECT pg_sleep(30)")
        monkeypatch.setattr(activity, "MOST_LISTED", 2)

        async def four() -> Moment | None:
            found = await seen.moment()
            asleep = [each for each in found.sample.sessions if each.wait_event == "PgSleep"]
            return found if found.counts.active >= 4 and len(asleep) == 2 else None

        moment = await until_async(four)
        assert len(moment.sample.sessions) == 2
        assert all(each.queryid for each in moment.sample.sessions)
        assert moment.sample.left_out >= 2
        assert moment.counts.active >= 4
        assert moment.sample.idle == before.idle - 4
    finally:
        for each in sessions:
            each.cancel_safe(timeout=5)
            each.close()


async def test_what_this_role_may_not_see_is_counted(fresh_db: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("CREATE ROLE plain_of_activity LOGIN")
        try:
            seen = await sampler(fresh_db.replace("user=postgres", "user=plain_of_activity"))
            sample = (await seen.moment()).sample
            assert sample.hidden >= 1
            assert sample.total >= sample.hidden
            assert admin.info.backend_pid not in [each.pid for each in sample.sessions]
            await seen.observer.close()
        finally:
            admin.execute("DROP ROLE plain_of_activity")


async def test_texts_of_other_encodings(own_server: Cluster, until_async: Until) -> None:
    """Each session's text is read by the encoding of its own database, whatever database we are in."""
    texts = {
        "postgres": ("UTF8", "SELECT '€', pg_sleep(60)"),
        "latin": ("LATIN1", "SELECT 'é', pg_sleep(60)"),
        "raw": ("SQL_ASCII", "SELECT 'ü', pg_sleep(60)"),
        "japan": ("EUC_JP", "SELECT '日本', pg_sleep(60)"),
    }
    codecs = {"LATIN1": "latin-1", "EUC_JP": "euc_jp"}
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        for name in ("latin", "raw", "japan"):
            admin.execute(f"CREATE DATABASE {name} ENCODING '{texts[name][0]}' TEMPLATE template0 LOCALE 'C'")
    sessions = []
    for name, (encoding, text) in texts.items():
        sessions.append(psycopg.connect(own_server.dsn(name), autocommit=True, client_encoding=encoding))
        sessions[-1].pgconn.send_query(text.encode(codecs.get(encoding, "utf-8")))
    sessions.append(psycopg.connect(own_server.dsn("raw"), autocommit=True, client_encoding="SQL_ASCII"))
    sessions[-1].pgconn.send_query(b"SELECT 'caf\xe9', pg_sleep(60)")
    pids = [each.info.backend_pid for each in sessions]
    try:
        for inside in texts:
            seen = await sampler(own_server.dsn(inside))

            async def all_of_them(seen: Sampler = seen) -> list[str] | None:
                found = {each.pid: each.query for each in (await seen.moment()).sample.sessions}
                return [found[pid] for pid in pids] if set(pids) <= found.keys() else None

            expected = [*(text for _, text in texts.values()), "SELECT 'caf\ufffd', pg_sleep(60)"]
            assert await until_async(all_of_them) == expected, inside
            await seen.observer.close()
    finally:
        for session in sessions:
            session.cancel_safe(timeout=5)
            session.close()
