"""Settings that make figures mislead, and privileges in both directions, on a real server."""

from __future__ import annotations

import psycopg
import pytest

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.config import Config
from optischema_tui.core.jobs.doctor import examine
from optischema_tui.core.target.capabilities import Capabilities, Level
from optischema_tui.core.target.resolver import resolve

FIGURES = ("counting", "io_timing", "wal_timing", "planning_time", "statement_memory", "query_ids")


def examined(dsn: str) -> Capabilities:
    return examine(resolve(dsn, Config()))[1]


def test_every_setting_that_makes_figures_mislead_is_named_and_its_remedy_helps(own_server: Cluster) -> None:
    off = ("track_counts", "track_io_timing", "track_wal_io_timing", "compute_query_id")
    off += ("pg_stat_statements.track_planning", "pg_stat_statements.save")
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
        for name in off:
            admin.execute(f"ALTER SYSTEM SET {name} = off".encode())
        admin.execute("ALTER SYSTEM SET pg_stat_statements.track = 'none'")
        admin.execute("SELECT pg_reload_conf()")
    own_server.restart()
    found = examined(own_server.dsn())
    for name in FIGURES:
        assert found.part(name).level is not Level.OK, name
        assert "off" in found.part(name).reason
    assert "does not mean fast" in found.part("io_timing").reason
    assert "no statement is counted" in found.part("statements").reason
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        for part in found.parts:
            for line in part.remedy.splitlines():
                admin.execute(line.encode())
    own_server.restart()
    found = examined(own_server.dsn())
    assert [part for part in found.parts if part.reason] == []


def test_forgotten_statements_are_counted_and_room_is_advised(own_server: Cluster) -> None:
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
        admin.execute("ALTER SYSTEM SET pg_stat_statements.max = 100")
    own_server.restart()
    assert examined(own_server.dsn()).part("statement_room").level is Level.OK
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        for number in range(150):
            admin.execute(f"SELECT {', '.join(['1'] * (number + 1))}".encode())
    part = examined(own_server.dsn()).part("statement_room")
    assert part.level is Level.LIMITED
    assert "pg_stat_statements.max = 100 is too small" in part.reason
    assert "lower bounds" in part.reason
    assert part.remedy == "ALTER SYSTEM SET pg_stat_statements.max = 5000; -- then restart"


@pytest.fixture
def owner(fresh_db: str) -> str:
    """The conninfo of a role that owns a table in a schema in which it may not create."""
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        name = str(admin.info.dbname) + "_owner"
        admin.execute(f"CREATE ROLE {name} LOGIN; CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO {name}".encode())
        admin.execute(f"CREATE TABLE app.t (id int); ALTER TABLE app.t OWNER TO {name}".encode())
    return fresh_db.replace("user=postgres", f"user={name}")


def test_an_owner_that_could_drop_and_not_create_again_is_told(fresh_db: str, owner: str) -> None:
    found = examined(owner)
    assert found.part("create_index").level is Level.MISSING
    assert found.part("drop_index").level is Level.LIMITED
    assert "not created again" in found.part("drop_index").reason
    grant = found.part("drop_index").remedy
    assert grant == found.part("create_index").remedy
    assert grant.startswith('GRANT CREATE ON SCHEMA "app" TO ')
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute(grant.encode())
    found = examined(owner)
    assert {found.part(name).level for name in ("create_index", "drop_index", "maintain")} == {Level.OK}


def test_a_superuser_as_owner_is_not_given_away_without_a_word(fresh_db: str, owner: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("CREATE TABLE app.boss (id int)")
    remedy = examined(owner).part("create_index").remedy
    assert 'GRANT "postgres" TO' in remedy
    assert "makes it a superuser" in remedy


def test_a_role_with_one_connection_is_told(fresh_db: str, owner: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(owner)["user"]
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute(f"ALTER ROLE {name} CONNECTION LIMIT 1".encode())
    part = examined(owner).part("connections")
    assert part.level is Level.LIMITED
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute(part.remedy.encode())
    assert examined(owner).part("connections").level is Level.OK
