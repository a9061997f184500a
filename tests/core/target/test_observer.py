from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Iterator

import asyncpg
import psycopg
import pytest

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.config import Config
from optischema_tui.core.errors import AuthError, MissingPart, OptischemaError, ServerLost, TargetError
from optischema_tui.core.target.dial import driver_error
from optischema_tui.core.target.observer import Observer, is_pooled
from optischema_tui.core.target.resolver import resolve, with_password
from optischema_tui.core.target.spec import TargetSpec


def spec_of(dsn: str, password: str = "") -> TargetSpec:
    spec = resolve(dsn, Config())
    return with_password(spec, password) if password else spec


@pytest.fixture
async def observer(fresh_db: str) -> AsyncIterator[Observer]:
    found = await Observer.connect(spec_of(fresh_db))
    yield found
    await found.close()


@pytest.fixture
def silent_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


async def test_the_connection_is_a_good_guest(observer: Observer) -> None:
    rows = await observer.fetch(
        "SELECT name, setting FROM pg_settings WHERE name = ANY($1::text[])",
        ["application_name", "default_transaction_read_only", "statement_timeout", "lock_timeout",
         "idle_in_transaction_session_timeout", "work_mem"],
    )  # fmt: skip
    assert {row["name"]: row["setting"] for row in rows} == {
        "application_name": "optischema-tui",
        "default_transaction_read_only": "on",
        "statement_timeout": "5000",
        "lock_timeout": "500",
        "idle_in_transaction_session_timeout": "10000",
        "work_mem": "65536",
    }
    with pytest.raises(TargetError, match="read-only"):
        await observer.fetch("CREATE TABLE t (a int)")
    assert not observer.pooled
    cost = observer.take_cost()
    assert cost.queries == 3  # set-up and the two above
    assert cost.seconds > 0
    assert observer.take_cost().queries == 0


async def test_behind_a_pooler_every_query_brings_its_limits_and_leaves_none(observer: Observer) -> None:
    await observer.fetch("SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false)")
    observer.pooled = True
    inside = (
        await observer.fetch("SELECT current_setting('statement_timeout'), current_setting('transaction_read_only')")
    )[0]
    assert tuple(inside) == ("5s", "on")
    observer.pooled = False
    assert (await observer.fetch("SELECT current_setting('statement_timeout')"))[0][0] == "0"


def test_a_pooler_is_known_by_the_process_id() -> None:
    assert is_pooled(-1523, 99)
    assert not is_pooled(99, 99)


async def failure(spec: TargetSpec, timeout: float = 5) -> OptischemaError:
    with pytest.raises(OptischemaError) as caught:
        await Observer.connect(spec, timeout=timeout)
    assert "hunter2" not in caught.value.sentence
    return caught.value


async def test_each_way_of_not_getting_in_has_its_sentence(tcp_server: Cluster, silent_port: int) -> None:
    dsn = tcp_server.tcp_dsn(user="tester")
    wrong = await failure(spec_of(dsn, "hunter2"))
    assert isinstance(wrong, AuthError)
    assert "refused the password of role tester" in wrong.sentence
    none = await failure(spec_of(dsn))
    assert isinstance(none, AuthError)
    assert "wants a password" in none.sentence
    assert "~/.pgpass" in none.sentence
    assert (await failure(spec_of(tcp_server.dsn("no_such_db")))).what.startswith("There is no database no_such_db")
    assert isinstance(await failure(spec_of(tcp_server.dsn(user="no_such_role"))), AuthError)
    assert "does not offer TLS" in (await failure(spec_of(dsn + " sslmode=require", "hunter2"))).sentence
    assert "Nothing listens at 127.0.0.1:1" in (await failure(spec_of("host=127.0.0.1 port=1 user=x"))).sentence
    assert "not known" in (await failure(spec_of("host=no-such-host.invalid user=x"))).sentence
    assert "no server socket" in (await failure(spec_of("host=/nonexistent/dir user=x"))).sentence
    started = time.monotonic()
    mute = await failure(spec_of(f"host=127.0.0.1 port={silent_port} user=x"), timeout=1)
    assert isinstance(mute, ServerLost)
    assert time.monotonic() - started < 3
    missing_ca = await failure(spec_of(dsn + " sslmode=verify-full sslrootcert=/nonexistent/ca.pem", "hunter2"))
    assert isinstance(missing_ca, TargetError)


async def test_a_right_password_gets_in(tcp_server: Cluster) -> None:
    observer = await Observer.connect(spec_of(tcp_server.tcp_dsn(user="tester"), "correct-horse"))
    assert (await observer.fetch("SELECT current_user::text"))[0][0] == "tester"
    await observer.close()


async def test_the_servers_own_limit_ends_a_query_and_keeps_the_connection(observer: Observer) -> None:
    await observer.fetch("SELECT set_config('statement_timeout', '50ms', false)")
    with pytest.raises(TargetError, match="cancelled"):
        await observer.fetch("SELECT pg_sleep(30)")
    assert (await observer.fetch("SELECT 1"))[0][0] == 1


async def test_the_deadline_cuts_a_connection_that_is_silent(observer: Observer) -> None:
    started = time.monotonic()
    with pytest.raises(ServerLost, match="did not answer"):
        await observer.fetch("SELECT pg_sleep(4)", timeout=0.3)
    assert time.monotonic() - started < 2
    assert observer.closed
    with pytest.raises(ServerLost):
        await observer.fetch("SELECT 1")


async def test_a_cancelled_query_closes_the_connection_at_once(observer: Observer) -> None:
    task = asyncio.create_task(observer.fetch("SELECT pg_sleep(4)"))
    await asyncio.sleep(0)
    started = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert observer.closed
    assert time.monotonic() - started < 2


async def test_an_ended_backend_is_a_lost_server(observer: Observer, fresh_db: str) -> None:
    pid = (await observer.fetch("SELECT pg_backend_pid()"))[0][0]
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    with pytest.raises(ServerLost):
        await observer.fetch("SELECT 1")


async def test_what_is_asked_again_is_parsed_once(observer: Observer) -> None:
    sql = "SELECT $1::int4 + 1 AS next"
    for number in range(4):
        assert (await observer.fetch(sql, number))[0]["next"] == number + 1
    kept = await observer.fetch("SELECT statement, generic_plans + custom_plans AS runs FROM pg_prepared_statements")
    assert [(row["statement"], row["runs"]) for row in kept] == [(sql, 3)]


async def test_a_view_that_was_replaced_is_read_by_its_new_columns(observer: Observer, fresh_db: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("CREATE VIEW changing AS SELECT 1 AS a")
        sql = "SELECT * FROM changing"
        for _ in range(3):
            assert tuple((await observer.fetch(sql))[0]) == (1,)
        admin.execute("DROP VIEW changing")
        admin.execute("CREATE VIEW changing AS SELECT 'x'::text AS a, 2 AS b")
        for _ in range(3):
            assert tuple((await observer.fetch(sql))[0]) == ("x", 2)
        assert not observer.closed


async def test_no_query_of_a_block_outlives_the_block(observer: Observer) -> None:
    started = time.monotonic()
    with observer.within(1.0):
        await observer.fetch("SELECT pg_sleep(0.1)")
        with pytest.raises(ServerLost, match="did not answer"):
            await observer.fetch("SELECT pg_sleep(4)", timeout=30)
    assert time.monotonic() - started < 2.0
    assert observer.closed


async def test_refusals_have_their_kinds(observer: Observer) -> None:
    with pytest.raises(MissingPart, match="absent"):
        await observer.fetch("SELECT * FROM no_such_table")
    assert not observer.closed


async def test_bytes_that_are_no_utf8_arrive_with_a_mark(server: Cluster) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as admin:
        admin.execute(
            "CREATE DATABASE ascii_of_observer ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
        )
    try:
        observer = await Observer.connect(spec_of(server.dsn("ascii_of_observer")))
        row = (await observer.fetch(r"SELECT (E'caf\xe9 \\x')::text AS word, (E'\xff')::text AS other"))[0]
        assert tuple(row) == ("caf\ufffd \\x", "\ufffd")
        await observer.close()
    finally:
        with psycopg.connect(server.dsn(), autocommit=True) as admin:
            admin.execute("DROP DATABASE ascii_of_observer WITH (FORCE)")


def test_a_closed_connection_is_told_in_the_words_of_people(fresh_db: str) -> None:
    for said in ("cannot call PreparedStatement.fetch(): the underlying connection is closed", "connection is closed"):
        error = driver_error(asyncpg.InterfaceError(said), spec_of(fresh_db))
        assert isinstance(error, ServerLost)
        assert error.why == "Its other end closed it"
