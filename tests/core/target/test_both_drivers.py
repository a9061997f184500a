"""asyncpg and libpq reach a target in the same way, or fail in the same way."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.config import Config
from optischema_tui.core.errors import AuthError, OptischemaError, ServerLost, TargetError
from optischema_tui.core.target.driver_arguments import driver_arguments, each_host, libpq_arguments
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.resolver import resolve, with_password
from optischema_tui.core.target.session import open_session
from optischema_tui.core.target.spec import TargetSpec

OLD_BINDIR = "/usr/lib/postgresql/15/bin"
NAME = "db.internal.example"
PASSWORD = "correct-horse"
HBA = """\
local all all trust
hostssl all certified 127.0.0.1/32 cert
hostssl all encrypted 127.0.0.1/32 scram-sha-256
hostnossl all encrypted 127.0.0.1/32 reject
host all in_clear 127.0.0.1/32 password
host all by_md5 127.0.0.1/32 md5
host all trusted 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True)
class Site:
    """A server that has TLS, and the files around it."""

    cluster: Cluster
    files: Path

    def spec(self, words: str) -> TargetSpec:
        """`words` with {files} and {port} filled in; {there} is 127.0.0.1 with the port. The password is right."""
        port = self.cluster.port
        there = f"host=127.0.0.1 port={port}"
        tunnel = f"hostaddr=127.0.0.1 port={port}"
        filled = words.format(files=self.files, port=port, there=there, tunnel=tunnel, name=NAME)
        if "user=" not in filled:
            filled += " user=tester"
        return with_password(resolve(f"dbname=postgres {filled}", Config()), PASSWORD)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """PostgreSQL 15 of the system: the wheel's servers are built without TLS."""
    if not Path(OLD_BINDIR).is_dir():
        pytest.skip(f"no PostgreSQL 15 in {OLD_BINDIR}: apt-get install postgresql-15")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    binaries = find_binaries(150000, OLD_BINDIR)
    files = tmp_path_factory.mktemp("tls")
    certificates(files)
    with start_cluster(
        binaries, prefix="optischema-tls-", settings={"fsync": "off"}, initdb_args=["--no-sync"], listen_tcp=True
    ) as cluster:
        for name in ("server.crt", "server.key", "ca.crt"):
            copy = cluster.data_dir / name
            shutil.copyfile(files / name, copy)
            copy.chmod(0o600)
            shutil.chown(copy, cluster.data_dir.stat().st_uid, cluster.data_dir.stat().st_gid)
        (cluster.data_dir / "pg_hba.conf").write_text(HBA)
        with psycopg.connect(cluster.dsn(), autocommit=True) as admin:
            for role in ("tester", "encrypted", "in_clear", "trusted", "certified"):
                admin.execute(f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD '{PASSWORD}'")
            admin.execute("SET password_encryption = md5")
            admin.execute(f"CREATE ROLE by_md5 LOGIN PASSWORD '{PASSWORD}'")
            admin.execute("ALTER SYSTEM SET ssl = on")
            admin.execute("ALTER SYSTEM SET ssl_ca_file = 'ca.crt'")
        cluster.restart()
        yield Site(cluster, files)


def certificates(files: Path) -> None:
    """A CA, a server's certificate for NAME, a client's for `certified`, and its key in three unusable forms."""

    def openssl(*words: str | Path) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60, cwd=files)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=Test CA")
    openssl("req", "-x509", *new_key, "-keyout", "x.key", "-out", "other-ca.crt", "-days", "2", "-subj", "/CN=Other")
    for name, subject, more in (
        ("server", NAME, f"subjectAltName=DNS:{NAME}"), ("client", "certified", "basicConstraints=CA:FALSE"),
    ):  # fmt: skip
        (files / "more.cnf").write_text(more)
        openssl("req", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={subject}")
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
                "-out", f"{name}.crt", "-days", "2", "-extfile", "more.cnf")  # fmt: skip
    (files / "index").write_text("")
    (files / "ca.cnf").write_text(f"[ca]\ndefault_ca=it\n[it]\ndatabase={files}/index\ndefault_md=sha256\n")
    authority = ("-config", "ca.cnf", "-keyfile", "ca.key", "-cert", "ca.crt")
    openssl("ca", *authority, "-revoke", "server.crt")
    openssl("ca", *authority, "-gencrl", "-crldays", "2", "-out", "revoked.crl")
    (files / "client.key").chmod(0o600)
    shutil.copyfile(files / "client.key", files / "open.key")
    (files / "open.key").chmod(0o644)
    openssl("pkey", "-in", "client.key", "-aes256", "-passout", "pass:hunter2", "-out", "locked.key")
    (files / "locked.key").chmod(0o600)


async def by_asyncpg(spec: TargetSpec) -> tuple[bool, int] | OptischemaError:
    """(whether the connection is encrypted, the server's port), or why there is none."""
    try:
        observer = await Observer.connect(spec)
    except OptischemaError as error:
        return error
    rows = await observer.fetch(SEEN)
    await observer.close()
    return tuple(rows[0])  # type: ignore[return-value]


def by_libpq(spec: TargetSpec) -> tuple[bool, int] | OptischemaError:
    try:
        with open_session(spec) as session:
            row = session.execute(SEEN).fetchone()
    except OptischemaError as error:
        return error
    assert row is not None
    return bool(row[0]), int(row[1])


SEEN = "SELECT ssl, inet_server_port() FROM pg_stat_ssl WHERE pid = pg_backend_pid()"

ENCRYPTED, PLAIN = True, False
WORKS = [
    ("{there}", ENCRYPTED),
    ("{there} sslmode=disable", PLAIN),
    ("{there} sslmode=allow", PLAIN),
    ("{there} sslmode=allow user=encrypted", ENCRYPTED),
    ("{there} sslmode=prefer", ENCRYPTED),
    ("{there} sslmode=require", ENCRYPTED),
    ("{there} sslmode=require sslrootcert={files}/ca.crt", ENCRYPTED),
    ("{there} sslmode=verify-ca sslrootcert={files}/ca.crt", ENCRYPTED),
    ("{tunnel} host={name} sslmode=verify-full sslrootcert={files}/ca.crt", ENCRYPTED),
    ("{tunnel} sslmode=require", ENCRYPTED),
    ("{there} user=certified sslmode=require sslcert={files}/client.crt sslkey={files}/client.key", ENCRYPTED),
    ("{tunnel} host={name} user=certified sslmode=verify-full sslrootcert={files}/ca.crt "
     "sslcert={files}/client.crt sslkey={files}/client.key", ENCRYPTED),
    ("{there} channel_binding=require sslmode=require", ENCRYPTED),
    ("{there} channel_binding=require", ENCRYPTED),
    ("{tunnel} host={name} sslmode=verify-full sslrootcert={files}/ca.crt channel_binding=require "
     "require_auth=scram-sha-256", ENCRYPTED),
    ("{there} channel_binding=disable", ENCRYPTED),
    ("{there} require_auth=scram-sha-256", ENCRYPTED),
    ("{there} require_auth=scram-sha-256 sslmode=disable", PLAIN),
    ("{there} require_auth=!password,!md5", ENCRYPTED),
    ("{there} user=in_clear", ENCRYPTED),
    ("{there} user=in_clear require_auth=password sslmode=disable", PLAIN),
    ("{there} user=by_md5 require_auth=md5,scram-sha-256", ENCRYPTED),
    ("{there} user=trusted require_auth=none", ENCRYPTED),
    ("{there} user=trusted require_auth=!password", ENCRYPTED),
    ("host=127.0.0.1,127.0.0.1 port=1,{port}", ENCRYPTED),
    ("host=nowhere.invalid,127.0.0.1 port={port}", ENCRYPTED),
    ("host=127.0.0.1,127.0.0.1 port=1,{port} target_session_attrs=read-write", ENCRYPTED),
    ("{there} target_session_attrs=primary", ENCRYPTED),
    ("{there} target_session_attrs=prefer-standby", ENCRYPTED),
    ("host=other.example,{name} hostaddr=127.0.0.1,127.0.0.1 port={port} sslmode=verify-full "
     "sslrootcert={files}/ca.crt", ENCRYPTED),
    ("{there} gssencmode=disable krbsrvname=postgres connect_timeout=5", ENCRYPTED),
]  # fmt: skip


@pytest.mark.parametrize(("words", "encrypted"), WORKS)
async def test_both_connect(site: Site, words: str, encrypted: bool) -> None:
    spec = site.spec(words)
    assert await by_asyncpg(spec) == (encrypted, site.cluster.port)
    assert by_libpq(spec) == (encrypted, site.cluster.port)


NOT = [
    ("{there} sslmode=verify-full sslrootcert={files}/ca.crt", TargetError, "was not accepted"),  # its name is another
    ("{tunnel} host=other.example sslmode=verify-full sslrootcert={files}/ca.crt", TargetError, "was not accepted"),
    ("{there} sslmode=verify-ca sslrootcert={files}/other-ca.crt", TargetError, "was not accepted"),
    ("{there} sslmode=require sslrootcert={files}/other-ca.crt", TargetError, "was not accepted"),
    ("{tunnel} host={name} sslmode=verify-full sslrootcert=system", TargetError, "was not accepted"),
    ("{there} sslmode=verify-ca sslrootcert={files}/none.crt", TargetError, "sslrootcert"),
    ("{there} sslmode=verify-ca", TargetError, "needs the CA"),
    ("{tunnel} host={name} sslmode=verify-full", TargetError, "needs the CA"),
    ("{there} sslmode=require sslcert={files}/client.crt", TargetError, "no sslkey"),
    ("{there} sslmode=require sslcert={files}/none.crt sslkey={files}/client.key", TargetError, "sslcert"),
    ("{there} sslmode=require sslcert={files}/client.crt sslkey={files}/none.key", TargetError, "sslkey"),
    ("{there} sslmode=require sslcert={files}/client.crt sslkey={files}/open.key", TargetError, "open to others"),
    ("{there} sslmode=require sslcert={files}/client.crt sslkey={files}/locked.key", TargetError, "passphrase"),
    ("{there} user=certified sslmode=require", AuthError, "certified"),
    ("{there} user=encrypted sslmode=disable", AuthError, "encrypted"),
    ("{there} channel_binding=require sslmode=disable", AuthError, "broken off"),
    ("{there} user=in_clear channel_binding=require", AuthError, "broken off"),
    ("{there} user=by_md5 channel_binding=require", AuthError, "broken off"),
    ("{there} user=trusted channel_binding=require", AuthError, "broken off"),
    ("{there} user=in_clear require_auth=scram-sha-256", AuthError, "broken off"),
    ("{there} user=in_clear require_auth=scram-sha-256 sslmode=disable", AuthError, "broken off"),
    ("{there} user=in_clear require_auth=!password", AuthError, "broken off"),
    ("{there} user=by_md5 require_auth=scram-sha-256", AuthError, "broken off"),
    ("{there} user=trusted require_auth=scram-sha-256", AuthError, "broken off"),
    ("{there} user=trusted require_auth=!none", AuthError, "broken off"),
    ("{there} require_auth=none", AuthError, "broken off"),
    ("{there} user=certified require_auth=scram-sha-256 sslmode=require "
     "sslcert={files}/client.crt sslkey={files}/client.key", AuthError, "broken off"),
    ("{there} target_session_attrs=standby", TargetError, "target_session_attrs=standby"),
    ("{there} target_session_attrs=read-only", TargetError, "target_session_attrs=read-only"),
    ("host=127.0.0.1,127.0.0.1 port=1,2", TargetError, "Nothing listens at 127.0.0.1:2"),
    ("host=nowhere.invalid", TargetError, "nowhere.invalid is not known"),
    ("{there} user=nobody", AuthError, "nobody"),
    ("{there} dbname=nothing", TargetError, "There is no database nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "kind", "told"), NOT)
async def test_both_fail_in_the_same_way(site: Site, words: str, kind: type[OptischemaError], told: str) -> None:
    spec = site.spec(words)
    seen = await by_asyncpg(spec)
    also = by_libpq(spec)
    assert isinstance(seen, OptischemaError), seen
    assert isinstance(also, OptischemaError), also
    assert (type(seen), type(also)) == (kind, kind), (seen.sentence, also.sentence)
    assert told in seen.sentence
    assert told in also.sentence
    assert PASSWORD not in seen.sentence + also.sentence


@pytest.mark.parametrize("words", ["", "channel_binding=require", "require_auth=scram-sha-256 sslmode=disable"])
async def test_a_wrong_password_is_told_alike(site: Site, words: str) -> None:
    spec = with_password(site.spec("{there} " + words), "wrong-horse")
    seen, also = await by_asyncpg(spec), by_libpq(spec)
    assert isinstance(seen, AuthError)
    assert isinstance(also, AuthError)
    assert seen.what == also.what
    assert "refused the password" in seen.what


@pytest.mark.parametrize("password", ["pässwörd", "Ⅸ soft\u00adhyphen", "\u0627 mixed a", " spaces ", "q'uo\\te"])
async def test_channel_binding_with_every_kind_of_password(site: Site, password: str) -> None:
    with psycopg.connect(site.cluster.dsn(), autocommit=True) as admin:
        made = admin.pgconn.encrypt_password(password.encode(), b"encrypted", b"scram-sha-256").decode()
        admin.execute(f"ALTER ROLE encrypted PASSWORD '{made}'")
    spec = with_password(site.spec("{there} user=encrypted channel_binding=require"), password)
    try:
        assert await by_asyncpg(spec) == (ENCRYPTED, site.cluster.port)
        assert by_libpq(spec) == (ENCRYPTED, site.cluster.port)
    finally:
        with psycopg.connect(site.cluster.dsn(), autocommit=True) as admin:
            admin.execute(f"ALTER ROLE encrypted PASSWORD '{PASSWORD}'")


async def test_the_systems_cas_are_the_same_for_both(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(site.files / "ca.crt"))
    spec = site.spec("{tunnel} host={name} sslmode=verify-full sslrootcert=system")
    assert await by_asyncpg(spec) == (ENCRYPTED, site.cluster.port)
    assert by_libpq(spec) == (ENCRYPTED, site.cluster.port)


async def test_what_is_required_holds_on_a_socket_too(site: Site) -> None:
    """A Unix socket has no TLS, whatever the mode."""
    there = f"host={site.cluster.socket_dir} port={site.cluster.port}"
    assert await by_asyncpg(site.spec(f"{there} sslmode=require")) == (PLAIN, None)
    refused = site.spec(f"{there} require_auth=scram-sha-256")
    seen, also = await by_asyncpg(refused), by_libpq(refused)
    assert isinstance(seen, AuthError)
    assert isinstance(also, AuthError)
    assert "broken off" in seen.what
    assert seen.what == also.what


@pytest.mark.parametrize("words", ["sslmode=require", "sslmode=verify-ca sslrootcert={ca}", "channel_binding=require"])
async def test_a_server_without_tls(tcp_server: Cluster, site: Site, words: str) -> None:
    dsn = f"{tcp_server.tcp_dsn(user='tester')} {words.format(ca=site.files / 'ca.crt')}"
    spec = with_password(resolve(dsn, Config()), PASSWORD)
    seen, also = await by_asyncpg(spec), by_libpq(spec)
    assert isinstance(seen, TargetError)
    assert isinstance(also, TargetError)
    assert seen.sentence == also.sentence
    assert "does not offer TLS" in seen.what


async def test_each_host_has_its_own_time(tcp_server: Cluster) -> None:
    """A host that swallows packets does not keep the next one from being asked."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dsn = tcp_server.tcp_dsn(user="tester").replace("host=127.0.0.1", "host=127.0.0.1,127.0.0.1")
        dsn = dsn.replace(f"port={tcp_server.port}", f"port={silent.getsockname()[1]},{tcp_server.port}")
        spec = with_password(resolve(f"{dsn} connect_timeout=2", Config()), PASSWORD)
        assert await by_asyncpg(spec) == (PLAIN, tcp_server.port)
        assert by_libpq(spec) == (PLAIN, tcp_server.port)


@pytest.mark.parametrize("words", ["channel_binding=require", "require_auth=scram-sha-256 sslmode=disable"])
async def test_a_guarded_connection_is_like_any_other(site: Site, words: str) -> None:
    """The guard leaves no trace: large answers, a deadline that cuts, and one that the server keeps."""
    observer = await Observer.connect(site.spec("{there} " + words))
    rows = await observer.fetch("SELECT i, repeat('x', 1000) AS wide FROM generate_series(1, 5000) i")
    assert (len(rows), len(rows[-1]["wide"])) == (5000, 1000)
    with pytest.raises(TargetError, match="division"):
        await observer.fetch("SELECT 1 / 0")
    assert (await observer.fetch("SELECT 1"))[0][0] == 1
    with pytest.raises(ServerLost, match=r"did not answer within 0\.2 s"):
        await observer.fetch("SELECT pg_sleep(30)", timeout=0.2)
    assert observer.closed
    await observer.close()


async def test_files_in_their_usual_place(site: Site) -> None:
    """~/.postgresql is read by both, also where we make asyncpg's TLS ourselves (a name beside an address)."""
    folder = Path(os.environ["HOME"], ".postgresql")
    folder.mkdir()
    for mine, theirs in (("ca.crt", "root.crt"), ("client.crt", "postgresql.crt"), ("client.key", "postgresql.key")):
        shutil.copyfile(site.files / mine, folder / theirs)
        (folder / theirs).chmod(0o600)
    for words in ("{there} sslmode=verify-ca", "{tunnel} host={name} sslmode=verify-full"):
        spec = site.spec(f"{words} user=certified")
        assert await by_asyncpg(spec) == (ENCRYPTED, site.cluster.port)
        assert by_libpq(spec) == (ENCRYPTED, site.cluster.port)


async def test_a_certificate_that_was_taken_back(site: Site) -> None:
    folder = Path(os.environ["HOME"], ".postgresql")
    folder.mkdir()
    shutil.copyfile(site.files / "revoked.crl", folder / "root.crl")
    for words in ("{there} sslmode=verify-ca", "{tunnel} host={name} sslmode=verify-full"):
        spec = site.spec(f"{words} sslrootcert={{files}}/ca.crt")
        seen, also = await by_asyncpg(spec), by_libpq(spec)
        assert isinstance(seen, TargetError)
        assert isinstance(also, TargetError)
        assert "revoked" in seen.sentence
        assert seen.what == also.what


def test_the_attempts_of_a_target() -> None:
    spec = TargetSpec("x", (("host", "a,b"), ("port", "1,2"), ("target_session_attrs", "prefer-standby")))
    told = [(one.get("host"), one.get("port"), one.get("target_session_attrs")) for one in each_host(spec)]
    assert told == [("a", "1", "standby"), ("b", "2", "standby"), ("a", "1", ""), ("b", "2", "")]
    tunnel = TargetSpec("x", (("host", "a"), ("hostaddr", "10.0.0.1"), ("sslmode", "require")), password="p")
    (only,) = each_host(tunnel)
    assert driver_arguments(only)["host"] == "10.0.0.1"
    assert driver_arguments(only)["dsn"] == "postgresql://?sslmode=require"
    assert libpq_arguments(only)["hostaddr"] == "10.0.0.1"
    assert libpq_arguments(replace(only, password="")).get("password") is None
