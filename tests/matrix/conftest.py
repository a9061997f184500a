"""One server of each supported version, one at a time; a version that is not on this machine is skipped and named."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest
from servers.scenarios import connect
from servers.versions import SETTINGS, VERSIONS, NoServer, binaries_of

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster

MONITOR, NOBODY = "matrix_monitor", "matrix_nobody"


@pytest.fixture(scope="module", params=VERSIONS)
def major(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture(scope="module")
def its_binaries(major: int) -> Binaries:
    try:
        return binaries_of(major)
    except NoServer as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def version(its_binaries: Binaries) -> Iterator[Cluster]:
    """A server of that version, with a role that is a member of pg_monitor and one that is of nothing."""
    with start_cluster(its_binaries, prefix="optischema-mx-", settings=SETTINGS, initdb_args=["--no-sync"]) as cluster:
        with connect(cluster.dsn()) as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
            admin.execute(f"CREATE ROLE {MONITOR} LOGIN IN ROLE pg_monitor")
            admin.execute(f"CREATE ROLE {NOBODY} LOGIN")
        yield cluster


@pytest.fixture
def database(version: Cluster) -> Iterator[str]:
    """The conninfo of a new database, without pg_stat_statements."""
    name = f"t_{secrets.token_hex(6)}"
    with connect(version.dsn()) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    yield version.dsn(name)
    with connect(version.dsn()) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
