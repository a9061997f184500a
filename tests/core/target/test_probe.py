from __future__ import annotations

import secrets
from collections.abc import Iterator

import psycopg
import pytest

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import start_cluster
from optischema_tui.core.config import Config
from optischema_tui.core.models import TargetIdentity
from optischema_tui.core.target.capabilities import Capabilities, Group, Level
from optischema_tui.core.target.features import TITLES
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.probe import probe
from optischema_tui.core.target.resolver import resolve
from optischema_tui.core.target.session import identify, open_session


async def probed(dsn: str) -> tuple[TargetIdentity, Capabilities]:
    observer = await Observer.connect(resolve(dsn, Config()))
    try:
        return await probe(observer)
    finally:
        await observer.close()


@pytest.fixture
def plain_role(fresh_db: str) -> Iterator[str]:
    """A role without any privilege, its name in need of quotes."""
    name = f"plain {secrets.token_hex(3)}"
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute(f'CREATE ROLE "{name}" LOGIN')
        admin.execute("CREATE SCHEMA app; CREATE TABLE app.orders (id int)")
    yield name
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute(f'DROP OWNED BY "{name}"; DROP ROLE "{name}"')


@pytest.fixture(autouse=True)
def roomy_statements(fresh_db: str) -> None:
    """What other tests have run on this server may have pushed statements out, which is told."""
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("SELECT pg_stat_statements_reset()")


async def test_a_superuser_lacks_nothing(fresh_db: str) -> None:
    identity, found = await probed(fresh_db)
    assert [part.name for part in found.parts if not part.available] == []
    # Defaults of a server that is well otherwise.
    assert {part.name for part in found.parts if part.level is Level.LIMITED} == {"planning_time", "wal_timing"}
    assert {part.name for part in found.parts} == {*TITLES, "session", "encryption", "credentials"}
    assert all(part.title for part in found.parts)
    groups = [part.group for part in found.parts]
    assert groups == sorted(groups, key=list(Group).index)
    assert found.superuser
    assert found.environment == ()
    assert found.provider == ""
    assert not found.pooled
    assert not found.in_recovery
    assert found.extension_schema == "public"
    assert {"queryid", "toplevel", "shared_blk_read_time", "pg_stat_statements_info"} <= found.statement_columns
    assert found.server_version_num >= 180000
    with open_session(resolve(fresh_db, Config())) as session:
        assert identify(session).fingerprint == identity.fingerprint


async def test_version_15_is_read_by_its_own_columns(fresh_old_db: str) -> None:
    identity, found = await probed(fresh_old_db)
    assert identity.server_version_num // 10000 == 15
    assert [part.name for part in found.parts if not part.available] == ["io"]
    assert "16" in found.part("io").reason
    assert "blk_read_time" in found.statement_columns
    assert "shared_blk_read_time" not in found.statement_columns


async def test_a_plain_role_is_told_each_grant_and_each_grant_helps(fresh_db: str, plain_role: str) -> None:
    dsn = fresh_db.replace("user=postgres", f"user='{plain_role}'")
    _, found = await probed(dsn)
    assert {part.name for part in found.parts if not part.available} == {
        "texts", "activity", "config_files", "plans", "statistics", "extended_statistics", "changes", "create_index",
        "drop_index", "maintain", "signal", "parameters",
    }  # fmt: skip
    for part in found.parts:
        assert (part.level is Level.OK) == (not part.reason)
        assert (part.level is Level.OK) == (not part.remedy)
    assert f'"{plain_role}"' in found.part("texts").remedy
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        for line in dict.fromkeys(line for part in found.parts for line in part.remedy.splitlines()):
            if not line.startswith(("ALTER SYSTEM", "SELECT")):  # the server is not this test's alone
                admin.execute(line)
    _, found = await probed(dsn)
    assert {part.name for part in found.parts if part.level is not Level.OK} == {"planning_time", "wal_timing"}


async def test_an_extension_that_is_not_created_here(fresh_db: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute("DROP EXTENSION pg_stat_statements")
    _, found = await probed(fresh_db)
    part = found.part("statements")
    assert not part.available
    assert "not created in database" in part.reason
    assert part.remedy == "CREATE EXTENSION pg_stat_statements;"
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute(part.remedy)
    assert (await probed(fresh_db))[1].part("statements").available


async def test_an_extension_in_a_schema_of_its_own_that_is_closed(fresh_db: str, plain_role: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        admin.execute('CREATE SCHEMA "my Stats"; ALTER EXTENSION pg_stat_statements SET SCHEMA "my Stats"')
    dsn = fresh_db.replace("user=postgres", f"user='{plain_role}'")
    _, found = await probed(dsn)
    assert found.extension_schema == "my Stats"
    assert not found.part("statements").available
    with psycopg.connect(fresh_db, autocommit=True) as admin:
        for line in found.part("statements").remedy.splitlines():
            admin.execute(line)
    assert (await probed(dsn))[1].part("statements").available


async def test_a_library_that_is_not_loaded(binaries: Binaries) -> None:
    with start_cluster(
        binaries, prefix="optischema-bare-", settings={"fsync": "off"}, initdb_args=["--no-sync"]
    ) as bare:
        part = (await probed(bare.dsn()))[1].part("statements")
        assert "neither loaded nor created" in part.reason
        assert len(part.remedy.splitlines()) == 2
        assert "shared_preload_libraries" in part.remedy
        with psycopg.connect(bare.dsn(), autocommit=True) as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
        part = (await probed(bare.dsn()))[1].part("statements")
        assert "not loaded at server start" in part.reason
        with psycopg.connect(bare.dsn(), autocommit=True) as admin:
            admin.execute(part.remedy.split(" -- ")[0])
        bare.restart()
        assert (await probed(bare.dsn()))[1].part("statements").available
