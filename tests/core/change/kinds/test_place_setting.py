"""ALTER DATABASE and ALTER ROLE .. SET on real servers: exact both ways, killed, refused, raced for."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from optischema_tui.core.change.kinds import role_setting
from optischema_tui.core.change.kinds.words import literal
from optischema_tui.core.change.setting_texts import same_text, stored_text, value_sql
from optischema_tui.core.change.settings_seen import Force, running
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import ChangeState, Check, quote
from tests.core.change.kinds.of_settings import Bench, bench_on, level, reason


@pytest.fixture
def bench(fresh_db: str, tmp_path: Path) -> Iterator[Bench]:
    with bench_on(fresh_db, tmp_path) as bench:
        yield bench


@pytest.fixture
def database(bench: Bench) -> str:
    return str(conninfo_to_dict(bench.dsn)["dbname"])


@pytest.fixture
def role(bench: Bench) -> Iterator[str]:
    name = bench.role()
    yield name
    bench.sql(f"DROP OWNED BY {name}")
    bench.sql(f"DROP ROLE {name}")


def test_what_overrides_the_server_is_the_nearest_one(bench: Bench, database: str) -> None:
    bench.sql("ALTER ROLE postgres SET maintenance_work_mem = '70MB'")
    bench.sql(f"ALTER DATABASE {database} SET maintenance_work_mem = '71MB'")
    try:
        with psycopg.connect(bench.dsn, autocommit=True) as session:
            found = running(session, "maintenance_work_mem")
            assert session.execute("SHOW maintenance_work_mem").fetchone() == ("70MB",)
        assert (found.force, "setting of role postgres wins" in found.why) == (Force.OVERRIDDEN, True)
    finally:
        bench.sql("ALTER ROLE postgres RESET maintenance_work_mem")


def test_each_place_is_set_and_taken_back_byte_for_byte(bench: Bench, database: str, role: str) -> None:
    start = bench.places()
    for head in (f"DATABASE {database}", f"ROLE {role}", f"USER {role}", f"ROLE {role} IN DATABASE {database}",
                 f"ROLE ALL IN DATABASE {database}"):  # fmt: skip
        fresh = bench.apply(f"ALTER {head} SET work_mem = '12 MB'")
        assert fresh.state is ChangeState.VERIFYING
        assert fresh.undo_steps == (fresh.steps[0].partition(" SET ")[0] + ' RESET "work_mem"',)
        before = bench.places()
        assert "work_mem=12 MB" in str(before)
        change = bench.apply(f"ALTER {head} {'SET work_mem TO 20000' if 'IN' in head else 'RESET work_mem'}")
        assert bench.places() != before
        assert bench.undo(change).state is ChangeState.ROLLED_BACK
        assert bench.places() == before
        bench.undo(fresh)
        assert bench.places() == start
    assert bench.journal.verify().ok


def test_new_sessions_get_it_and_the_person_is_told(bench: Bench, role: str) -> None:
    with psycopg.connect(f"{bench.dsn} user={role}", autocommit=True) as connected:
        change = bench.apply(f"ALTER ROLE {role} SET enable_seqscan = off")
        assert connected.execute("SHOW enable_seqscan").fetchone() == ("on",)
    with psycopg.connect(f"{bench.dsn} user={role}") as later:
        assert later.execute("SHOW enable_seqscan").fetchone() == ("off",)
    assert "pooler" in change.detail["cautions"][0]
    assert "pooler" in change.detail["result"]


HOSTILE = ('a"b;--\nnew line', "Ünï 'x' \\", "\u202eback\u202c")
OLD_TEXT = "it's \\ a\nname"


def test_hostile_names_and_texts_come_back_as_they_were(bench: Bench) -> None:
    for word in HOSTILE:
        name = f"{word}{secrets.token_hex(3)}"
        bench.sql(f"CREATE ROLE {quote(name)}")
        try:
            there_and_back(bench, f"ROLE {quote(name)}")
        finally:
            bench.sql(f"DROP ROLE {quote(name)}")
    bench.sql(f"CREATE DATABASE {quote(name)}")
    try:
        there_and_back(bench, f"DATABASE {quote(name)}")
    finally:
        bench.sql(f"DROP DATABASE {quote(name)}")


def there_and_back(bench: Bench, head: str) -> None:
    bench.sql(f"ALTER {head} SET application_name = {literal(OLD_TEXT)}")
    before = bench.places()
    assert f"application_name={OLD_TEXT}" in [entry for row in before for entry in row[2]]
    change = bench.apply(f"ALTER {head} SET application_name = 'x''y\\z'")
    assert "application_name=x'y\\z" in [entry for row in bench.places() for entry in row[2]]
    assert "\n" not in change.title
    bench.undo(change)
    assert bench.places() == before


def test_a_role_called_all_is_not_all_roles(bench: Bench) -> None:
    bench.sql('CREATE ROLE "all"')
    try:
        change = bench.apply("ALTER ROLE \"all\" SET work_mem = '8MB'")
        assert change.detail["role"] == "all"
        assert bench.sql(
            "SELECT setrole::regrole::text FROM pg_db_role_setting WHERE 'work_mem=8MB' = ANY (setconfig)"
        ) == [('"all"',)]
    finally:
        bench.sql('DROP ROLE "all"')


def test_lists_of_names_are_stored_and_put_back_exactly(bench: Bench, database: str) -> None:
    """What the server stores of a list of names, sent again as we write it, is stored as the same bytes."""
    for values in (("a", "B c", "d,e"), ("a, b",), ('"$user"', "public"), ("$user", 'q"q'), ("",), ("x'y", "é\\")):
        for name in ("search_path", "temp_tablespaces"):
            sent = stored_text(name, values)
            bench.sql(f"ALTER DATABASE {database} SET {name} = {value_sql(name, sent)}")
            stored = bench.sql(
                "SELECT substr(c, strpos(c, '=') + 1) FROM pg_db_role_setting, unnest(setconfig) c"
                " WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = %s) AND c LIKE %s",
                database,
                f"{name}=%",
            )[0][0]
            assert same_text(name, stored, sent), (values, stored, sent)
            before = bench.places()
            bench.sql(f"ALTER DATABASE {database} SET {name} = {value_sql(name, stored)}")
            assert bench.places() == before


def test_what_will_not_do_is_refused(bench: Bench, database: str, role: str) -> None:
    bench.sql(f"ALTER DATABASE {database} SET app.token = 'hunter2'")
    for sql in (
        f"ALTER DATABASE {database} SET shared_buffers = '1GB'",
        f"ALTER DATABASE {database} SET max_wal_size = '1GB'",
        f"ALTER DATABASE {database} SET search_path = evil",
        f"ALTER DATABASE {database} SET app.token = 'hunter3'",
        f"ALTER DATABASE {database} SET TABLESPACE pg_default",
        f"ALTER DATABASE {database} RESET ALL",
        f"ALTER DATABASE {database} OWNER TO {role}",
        "ALTER DATABASE no_such_database SET work_mem = '8MB'",
        "ALTER ROLE no_such_role SET work_mem = '8MB'",
        f"ALTER ROLE {role} SET work_mem = 'lots'",
        f"ALTER ROLE {role} SET work_mem FROM CURRENT",
        f"ALTER ROLE {role} SET log_connections = on",
        "ALTER ROLE CURRENT_USER SET work_mem = '8MB'",
        f"ALTER ROLE {role} RESET work_mem",
        f"ALTER ROLE {role} PASSWORD 'hunter2'",
        "ALTER ROLE \"\" SET work_mem = '8MB'",
    ):
        with pytest.raises(ChangeRefused):
            bench.proposed(sql)
    assert bench.journal.changes() == ()
    assert "hunter" not in bench.path.read_bytes().decode("latin-1")


def test_who_is_nearer_to_a_session_is_named(bench: Bench, database: str, role: str) -> None:
    bench.sql(f"ALTER ROLE {role} SET work_mem = '5MB'")
    bench.sql(f"ALTER ROLE {role} IN DATABASE {database} SET work_mem = '6MB'")
    bench.sql(f"ALTER ROLE {role} IN DATABASE postgres SET work_mem = '7MB'")
    checks: list[Check] = []
    bench.apply(f"ALTER DATABASE {database} SET work_mem = '12MB'", checks)
    assert level(checks, "overrides") == "warn"
    said = reason(checks, "overrides")
    assert f"role {role} (5MB)" in said
    assert f"role {role} in database {database} (6MB)" in said
    assert "7MB" not in said


def test_whoever_comes_second_is_refused(bench: Bench, database: str) -> None:
    first = bench.approved(f"ALTER DATABASE {database} SET work_mem = '12MB'")
    same = bench.approved(f"ALTER DATABASE {database} SET work_mem = '12MB'")
    other = bench.approved(f"ALTER DATABASE {database} SET work_mem = '13MB'")
    assert bench.apply(first).state is ChangeState.VERIFYING
    for late, why in ((same, "Somebody was first"), (other, "Somebody has changed it since")):
        with pytest.raises(ChangeRefused) as refused:
            bench.apply(late)
        assert why in refused.value.why
        assert bench.now(late).state is ChangeState.APPROVED


@pytest.mark.parametrize(
    "fault", ["after_intent", "after_execute", pytest.param("after_applied", marks=pytest.mark.deep)]
)
def test_killed_the_next_start_knows(bench: Bench, database: str, fault: str) -> None:
    start = bench.places()
    change = bench.approved(f"ALTER DATABASE {database} SET work_mem = '12MB'")
    bench.killed("apply", change, fault)
    bench.settle()
    state = bench.now(change).state
    assert state is (ChangeState.FAILED_CLEAN if fault == "after_intent" else ChangeState.VERIFYING)
    assert (bench.places() == start) == (fault == "after_intent")
    if fault == "after_intent":
        bench.apply(bench.now(change))
    bench.killed("rollback", bench.now(change), fault)
    bench.settle()
    assert (bench.places() == start) == (fault != "after_intent")
    assert (bench.now(change).state is ChangeState.ROLLED_BACK) == (fault != "after_intent")


def test_every_missing_privilege_is_named_as_its_grant(bench: Bench, database: str, role: str) -> None:
    other = bench.role()
    bench.user = role
    try:
        sql = f"ALTER DATABASE {database} SET track_io_timing = off"
        assert "superuser" in _needs(bench, sql)[0]
        bench.sql(f"ALTER DATABASE {database} OWNER TO {other}")
        grants = _needs(bench, sql)
        assert grants == [f'GRANT "{other}" TO "{role}"', f'GRANT SET ON PARAMETER track_io_timing TO "{role}"']
        for grant in grants:
            bench.sql(grant)
        done = bench.apply(sql)
        assert bench.undo(done).state is ChangeState.ROLLED_BACK
        bench.sql(f"REVOKE {other} FROM {role}")
        needed = _needs(bench, f"ALTER ROLE {other} SET work_mem = '8MB'")
        assert needed == [f'ALTER ROLE "{role}" CREATEROLE', f'GRANT "{other}" TO "{role}" WITH ADMIN OPTION']
        for grant in needed:
            bench.sql(grant)
        done = bench.apply(f"ALTER ROLE {other} SET work_mem = '8MB'")
        assert bench.undo(done).state is ChangeState.ROLLED_BACK
        assert bench.apply(f"ALTER ROLE {role} SET work_mem = '8MB'").state is ChangeState.VERIFYING
        assert "superuser" in _needs(bench, "ALTER ROLE ALL SET work_mem = '8MB'")[0]
        assert "superuser" in _needs(bench, "ALTER ROLE postgres SET work_mem = '8MB'")[0]
    finally:
        bench.sql(f"ALTER DATABASE {database} OWNER TO postgres")
        bench.sql(f"DROP ROLE {other}")


def _needs(bench: Bench, sql: str) -> list[str]:
    with pytest.raises(ChangeRefused) as refused:
        bench.apply(sql)
    found: list[str] = refused.value.why.partition("it needs: ")[2].split("; ")
    return found


def test_a_role_that_is_dropped_meanwhile(bench: Bench) -> None:
    name = bench.role()
    change = bench.approved(f"ALTER ROLE {name} SET work_mem = '8MB'")
    bench.sql(f"DROP ROLE {name}")
    with pytest.raises(ChangeRefused):
        bench.apply(change)


def test_the_keys_of_two_places_differ(bench: Bench, database: str, role: str) -> None:
    texts = (f"ROLE {role}", f"ROLE {role} IN DATABASE {database}", f"DATABASE {database}")
    drafts = [bench.proposed(f"ALTER {head} SET work_mem = '8MB'") for head in texts]
    assert len({role_setting.lock_key(change) for change in drafts}) == 3
    again = bench.proposed(f"ALTER ROLE ALL IN DATABASE {database} SET work_mem = '9MB'")
    assert role_setting.lock_key(again) == role_setting.lock_key(drafts[2])


def test_on_an_old_server(old_server: Cluster, fresh_old_db: str, tmp_path: Path) -> None:
    with bench_on(fresh_old_db, tmp_path) as bench:
        name = str(conninfo_to_dict(fresh_old_db)["dbname"])
        start = bench.places()
        change = bench.apply(f"ALTER DATABASE {name} SET jit = off")
        assert change.state is ChangeState.VERIFYING
        bench.undo(change)
        assert bench.places() == start
        role = bench.user = bench.role("LOGIN CREATEROLE")
        assert bench.apply(f"ALTER ROLE {role} SET jit = off").state is ChangeState.VERIFYING
        bench.user = ""
        bench.sql(f"DROP ROLE {role}")
