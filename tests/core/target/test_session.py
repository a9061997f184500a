from __future__ import annotations

import socket
from collections.abc import Iterator

import psycopg
import pytest

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.config import Config
from optischema_tui.core.errors import AuthError, OptischemaError, ServerLost, TargetError
from optischema_tui.core.target.resolver import resolve, with_password
from optischema_tui.core.target.session import identify, map_error, open_session
from optischema_tui.core.target.spec import TargetSpec


def spec_of(dsn: str, password: str = "") -> TargetSpec:
    spec = resolve(dsn, Config())
    return with_password(spec, password) if password else spec


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_session_has_its_guards(fresh_db: str) -> None:
    with open_session(spec_of(fresh_db), statement_timeout_ms=1234, lock_timeout_ms=77) as session:
        for name, value in {
            "application_name": "optischema-tui",
            "statement_timeout": "1234ms",
            "lock_timeout": "77ms",
            "default_transaction_read_only": "on",
        }.items():
            assert session.execute(f"SHOW {name}").fetchone() == (value,)
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            session.execute("CREATE TABLE t (a int)")
    with open_session(spec_of(fresh_db), read_only=False, application_name="x") as session:
        session.execute("CREATE TABLE t (a int)")
        assert session.execute("SHOW application_name").fetchone() == ("x",)


def test_two_databases_of_a_cluster_have_two_fingerprints(server: Cluster, fresh_db: str) -> None:
    with open_session(spec_of(fresh_db)) as session, open_session(spec_of(server.dsn())) as other:
        mine, postgres = identify(session), identify(other)
        assert mine == identify(session)
        assert mine.system_identifier == postgres.system_identifier
        assert mine.system_identifier.isdecimal()
        assert mine.fingerprint != postgres.fingerprint
        assert mine.server_version_num >= 180000


def test_a_hidden_system_identifier_is_stood_in_for_by_the_address(fresh_db: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        admin.execute("CREATE ROLE plain_of_session LOGIN")
    try:
        with open_session(spec_of(fresh_db.replace("user=postgres", "user=plain_of_session"))) as session:
            assert identify(session).system_identifier.startswith("at ")
    finally:
        with psycopg.connect(fresh_db, autocommit=True) as admin:
            admin.execute("GRANT EXECUTE ON FUNCTION pg_control_system() TO PUBLIC")
            admin.execute("DROP ROLE plain_of_session")


def failure(spec: TargetSpec) -> OptischemaError:
    with pytest.raises(OptischemaError) as caught:
        open_session(spec).close()
    assert "hunter2" not in caught.value.sentence
    return caught.value


def test_each_way_of_not_getting_in_has_its_sentence(tcp_server: Cluster, silent_port: int) -> None:
    dsn = tcp_server.tcp_dsn(user="tester")
    wrong = failure(spec_of(dsn, "hunter2"))
    assert isinstance(wrong, AuthError)
    assert "refused the password of role tester" in wrong.sentence
    assert "typed at the prompt" in wrong.sentence
    none = failure(spec_of(dsn))
    assert isinstance(none, AuthError)
    assert "wants a password" in none.sentence
    absent = failure(spec_of(tcp_server.dsn("no_such_db")))
    assert absent.what.startswith("There is no database no_such_db")
    role = failure(spec_of(tcp_server.dsn(user="no_such_role")))
    assert isinstance(role, AuthError)
    tls = failure(spec_of(dsn + " sslmode=require", "hunter2"))
    assert "does not offer TLS" in tls.sentence
    refused = failure(spec_of("host=127.0.0.1 port=1 user=x"))
    assert "Nothing listens at 127.0.0.1:1" in refused.sentence
    unknown = failure(spec_of("host=no-such-host.invalid user=x"))
    assert "no-such-host.invalid" in unknown.what
    gone = failure(spec_of("host=/nonexistent/dir user=x"))
    assert "There is no server socket" in gone.sentence
    mute = failure(spec_of(f"host=127.0.0.1 port={silent_port} user=x connect_timeout=2"))
    assert isinstance(mute, ServerLost)
    assert "did not answer" in mute.sentence


def test_a_server_without_free_connections_says_so(fresh_db: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("CREATE ROLE one_of_session LOGIN CONNECTION LIMIT 0")
    try:
        full = failure(spec_of(fresh_db.replace("user=postgres", "user=one_of_session")))
        assert "no free connection" in full.sentence
    finally:
        with psycopg.connect(fresh_db, autocommit=True) as admin:
            admin.execute("DROP ROLE one_of_session")


def test_a_backend_that_is_ended_is_a_lost_server(fresh_db: str) -> None:
    spec = spec_of(fresh_db)
    with open_session(spec) as session, psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", (session.info.backend_pid,))
        with pytest.raises(psycopg.Error) as caught:
            session.execute("SELECT 1")
        assert isinstance(map_error(caught.value, spec), ServerLost)


def test_a_refused_query_keeps_the_servers_words_harmless(fresh_db: str) -> None:
    spec = spec_of(fresh_db)
    with open_session(spec) as session:
        with pytest.raises(psycopg.Error) as caught:
            session.execute('SELECT "\x1b[31m[/x]"')
        error = map_error(caught.value, spec)
        assert isinstance(error, TargetError)
        assert "\x1b" not in error.sentence


def test_pgoptions_reaches_no_driver(fresh_db: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=1234kB")
    with open_session(spec_of(fresh_db)) as session:
        assert session.execute("SHOW work_mem").fetchone() != ("1234kB",)
