"""The script of each tier, run on a real server of each version, makes a role that doctor passes for that tier."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.config import Config
from optischema_tui.core.errors import UsageError
from optischema_tui.core.jobs.doctor import examine, script
from optischema_tui.core.target.capabilities import Group, Level
from optischema_tui.core.target.resolver import resolve
from optischema_tui.core.target.roles_script import Ground, ScriptFacts, Tier, role_script, tier_named
from tests.conftest import SETTINGS
from tests.servers.versions import NoServer, binaries_of

DATABASE = 'Sales "2026"; --'
LINES = "closed 'one'\nSELECT 1/0; --"
"""A name of a schema. It would fail where it ended a comment."""
OWNER = "App Owner"
GROUPS = {
    Tier.MONITOR: {Group.OBSERVE},
    Tier.LAB: {Group.OBSERVE, Group.ADVISE},
    Tier.APPLY: {Group.OBSERVE, Group.ADVISE, Group.CHANGE},
}
BY_VERSION = {13: {"io", "wal", "query_ids", "parameters"}, 14: {"io", "parameters"}, 15: {"io"}}
"""What no grant gives on that version."""


def binaries(major: int) -> Binaries:
    try:
        return binaries_of(major)
    except NoServer as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="module", params=[18, *(pytest.param(n, marks=pytest.mark.deep) for n in (13, 14, 15, 16, 17))])
def shop(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A server whose database, schemas and owner have names in need of quotes."""
    settings = {**SETTINGS, "track_wal_io_timing": "on"} if request.param >= 14 else SETTINGS
    with start_cluster(
        binaries(request.param), prefix="optischema-roles-", settings=settings, initdb_args=["--no-sync"]
    ) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
            admin.execute(f'CREATE ROLE "{OWNER}"')
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        with psycopg.connect(cluster.dsn(DATABASE), autocommit=True) as admin:
            admin.execute(
                f"""
                CREATE SCHEMA "our Stats"; CREATE EXTENSION pg_stat_statements SCHEMA "our Stats";
                CREATE SCHEMA app AUTHORIZATION "{OWNER}"; CREATE SCHEMA "{LINES}";
                GRANT USAGE ON SCHEMA "{LINES}" TO "{OWNER}";
                CREATE TABLE app.orders (id int, city text); ALTER TABLE app.orders OWNER TO "{OWNER}";
                CREATE TABLE "{LINES}".bills (id int); ALTER TABLE "{LINES}".bills OWNER TO "{OWNER}";
                """
            )
        yield cluster


def run(cluster: Cluster, text: str) -> None:
    with psycopg.connect(cluster.dsn(DATABASE), autocommit=True) as admin:
        admin.execute(text.encode())


def test_the_role_of_each_tier_passes_doctor(shop: Cluster) -> None:
    spec = resolve(shop.dsn(DATABASE), Config())
    missing_by_version = BY_VERSION.get(shop.binaries.version_num // 10000, set())
    for tier, role in (
        (Tier.MONITOR, "optischema_mon"),
        (Tier.LAB, "optischema_mon"),
        (Tier.APPLY, "optischema_apply"),
    ):
        text = script(spec, tier)
        run(shop, text)
        _, found = examine(resolve(shop.dsn(DATABASE, user=role), Config()))
        assert found.role == role
        assert not found.superuser
        lacking = {part.name: part.reason for part in found.parts if part.group in GROUPS[tier]} | {
            part.name: part.reason for part in found.parts if part.group is Group.CONNECTION
        }
        assert {name for name, reason in lacking.items() if reason} == missing_by_version & lacking.keys(), tier
        if tier is Tier.MONITOR:  # and no more than its tier
            assert {found.part(name).level for name in ("plans", "create_index", "signal")} == {Level.MISSING}
            run(shop, 'DROP OWNED BY optischema_mon; DROP ROLE "optischema_mon"')


def test_the_role_that_applies_has_the_owners_rights_only_as_the_owner(shop: Cluster) -> None:
    role = "another_applier"
    facts = ScriptFacts(
        shop.binaries.version_num, DATABASE, "our Stats", (Ground("app", OWNER, superuser=False, may_create=True),)
    )
    text = role_script(facts, Tier.APPLY, role=role).replace("optischema_owners", "owners_of_another")
    run(shop, text)
    with psycopg.connect(shop.dsn(DATABASE, user=role), autocommit=True) as session:
        session.execute("SET default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("CREATE INDEX ON app.orders (city)")
        session.execute(f'SET ROLE "{OWNER}"; CREATE INDEX made ON app.orders (city); DROP INDEX app.made')


def test_the_narrower_way_to_plans_is_enough_too(shop: Cluster) -> None:
    role = "narrow_lab"
    grounds = (Ground("app", OWNER, superuser=False, may_create=True),)
    text = role_script(ScriptFacts(shop.binaries.version_num, DATABASE, "our Stats", grounds), Tier.LAB, role=role)
    lines = [line for line in text.splitlines() if "pg_read_all_data" not in line]
    run(shop, "\n".join(line.removeprefix("-- ") if '"app"' in line else line for line in lines))
    with psycopg.connect(shop.dsn(DATABASE, user=role), autocommit=True) as session:
        assert session.execute("EXPLAIN SELECT * FROM app.orders").fetchone()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute("SELECT rolpassword FROM pg_authid")
    with psycopg.connect(shop.dsn(DATABASE), autocommit=True) as admin:
        admin.execute(f'SET ROLE "{OWNER}"; CREATE TABLE app.later ()')
    with psycopg.connect(shop.dsn(DATABASE, user=role), autocommit=True) as session:
        assert session.execute("EXPLAIN SELECT * FROM app.later").fetchone()


def test_a_superusers_tables_are_not_opened_by_giving_its_role_away() -> None:
    grounds = (
        Ground("a", "boss", superuser=True, may_create=True),
        Ground("b", "clerk", superuser=False, may_create=False),
    )
    text = role_script(ScriptFacts(170000, "shop", "public", grounds), Tier.APPLY)
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    assert not [line for line in lines if "boss" in line]
    assert "it is a superuser" in text
    assert 'GRANT "clerk" TO "optischema_apply" WITH INHERIT FALSE, SET TRUE;' in lines
    assert 'GRANT CREATE ON SCHEMA "b" TO "clerk";' in lines


def test_a_managed_service_is_not_told_what_only_a_superuser_may() -> None:
    text = role_script(ScriptFacts(160000, "shop", "public", (), "Amazon RDS"), Tier.APPLY)
    ours = [line for line in text.splitlines() if line and not line.startswith("--")]
    assert not [line for line in ours if "pg_file_settings" in line or "pg_statistic" in line or "PARAMETER" in line]
    assert "refused on Amazon RDS" in text
    assert any("pg_monitor" in line for line in ours)


def test_tiers_have_names() -> None:
    assert tier_named("lab") is Tier.LAB
    with pytest.raises(UsageError, match="monitor, lab, apply"):
        tier_named("all")
