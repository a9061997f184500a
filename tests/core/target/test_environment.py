from __future__ import annotations

import psycopg
import pytest

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.config import Config
from optischema_tui.core.jobs.doctor import examine
from optischema_tui.core.target.capabilities import Level
from optischema_tui.core.target.environment import Environment, recognise
from optischema_tui.core.target.resolver import resolve

VERSION = "PostgreSQL 17.2 on x86_64-pc-linux-gnu, compiled by gcc, 64-bit"


def seen(
    *roles: str,
    extensions: tuple[str, ...] = (),
    aurora: bool = False,
    version: str = VERSION,
    version_num: int = 170002,
    in_recovery: bool = False,
    pooled: bool = False,
) -> Environment:
    return recognise(
        version=version,
        version_num=version_num,
        roles=roles,
        extensions=extensions,
        aurora=aurora,
        in_recovery=in_recovery,
        pooled=pooled,
    )


def test_a_server_of_ones_own_is_nothing_special() -> None:
    assert seen() == Environment(None, ())


@pytest.mark.parametrize(
    ("roles", "name", "place"),
    [
        (("rds_superuser",), "Amazon RDS", "DB parameter group"),
        (("cloudsqlsuperuser",), "Google Cloud SQL", "database flags"),
        (("alloydbsuperuser", "cloudsqlsuperuser"), "AlloyDB", "database flags"),
        (("azure_pg_admin",), "Azure Database for PostgreSQL", "server parameters"),
        (("supabase_admin",), "Supabase", "dashboard"),
        (("neon_superuser",), "Neon", "console"),
        (("crunchy_superuser",), "Crunchy Bridge", "configuration parameters"),
        (("avnadmin",), "Aiven", "advanced configuration"),
        (("doadmin",), "DigitalOcean", "configuration API"),
    ],
)
def test_a_managed_service_is_known_by_its_roles(roles: tuple[str, ...], name: str, place: str) -> None:
    found = seen(*roles)
    assert found.provider is not None
    assert found.provider.name == name
    assert place in found.provider.settings_place
    assert len(found.sentences) == 1
    assert "not by ALTER SYSTEM" in found.sentences[0]
    assert not found.sentences[0].endswith(".")


def test_aurora_is_more_than_rds() -> None:
    found = seen("rds_superuser", aurora=True)
    assert found.provider is not None
    assert found.provider.name == "Amazon Aurora"
    assert "each node's own" in found.sentences[0]


def test_extensions_and_forks_that_change_what_figures_mean() -> None:
    assert "each worker" in " ".join(seen(extensions=("citus",)).sentences).lower()
    assert "hypertable" in " ".join(seen(extensions=("timescaledb",)).sentences)
    fork = seen(version="PostgreSQL 11.2-YB-2.18.0.0-b0 on x86_64")
    assert "YugabyteDB is not PostgreSQL itself" in fork.sentences[0]


@pytest.mark.parametrize(("version_num", "tested"), [(120022, False), (130000, True), (180006, True), (190000, False)])
def test_a_version_that_was_not_tested_is_told(version_num: int, tested: bool) -> None:
    told = seen(version_num=version_num).sentences
    assert len(told) == (0 if tested else 1)
    assert all(f"PostgreSQL {version_num // 10000} was not tested" in sentence for sentence in told)


def test_what_matters_most_stands_first() -> None:
    found = seen("rds_superuser", extensions=("citus",), in_recovery=True, pooled=True)
    assert ["pooler" in found.sentences[0], "standby" in found.sentences[1]] == [True, True]
    assert len(found.sentences) == 4


def test_on_a_managed_service_remedies_name_its_own_place(own_server: Cluster) -> None:
    """As far as a server of ours can look like one."""
    with psycopg.connect(own_server.dsn(), autocommit=True) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements; CREATE ROLE rds_superuser; CREATE ROLE master LOGIN")
    _, found = examine(resolve(own_server.dsn(user="master"), Config()))
    assert found.provider == "Amazon RDS"
    assert found.environment[0].startswith("Amazon RDS")
    planning = found.part("planning_time")
    assert planning.level is Level.LIMITED
    assert planning.remedy == "-- in the DB parameter group: pg_stat_statements.track_planning = on"
    assert not found.part("parameters").available
    assert "DB parameter group" in found.part("parameters").reason
    assert not any("ALTER SYSTEM SET" in part.remedy for part in found.parts)
