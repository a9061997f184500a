"""The lab's server: its settings, where it comes from, and the sessions that work on it."""

from __future__ import annotations

from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster, create_cluster
from optischema_tui.core.cluster.memory import memory_base
from optischema_tui.core.errors import LabError
from optischema_tui.core.lab.cache import LabCache, cache_key
from optischema_tui.core.lab.contents import DATABASE, OWNER
from optischema_tui.core.lab.locale import LabLocale, known_locales
from optischema_tui.core.lab.whatif import ADMIN_SCHEMA

if TYPE_CHECKING:
    from psycopg import Connection

SCRATCH = "optischema_scratch"
"""Schema for passing tables of the loader; the owner may create in it."""
PLAN_SECONDS = 10
DDL_SECONDS = 30

_SERVER = {
    "autovacuum": "off",  # VACUUM would truncate the files; and CREATE INDEX keeps restored sizes only without it
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_worker_processes": "0",
    "autovacuum_worker_slots": "1",
    "shared_buffers": "16MB",
    "max_connections": "10",
    "io_method": "sync",
    "dynamic_shared_memory_type": "mmap",
    "checkpoint_timeout": "1d",
    "wal_recycle": "off",  # old segments would be kept, and copied into the cache
    "min_wal_size": "2MB",
    "wal_init_zero": "off",
    "max_locks_per_transaction": "1024",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}
_PREFIX = "optischema-lab-"


def make_place(binaries: Binaries, locale: LabLocale, cache: LabCache | None, size: int) -> Cluster:
    """A running server with the lab's empty database: from the cache's template, or else leaving one there.

    `size` is about how many bytes it will take with its contents. Raises LabError, OSError and the driver's errors.
    """
    name = "template-" + cache_key(*origin(binaries, locale), program_digest())
    cluster = _from_template(binaries, cache, name, size) if cache is not None else None
    if cluster is not None:
        return cluster
    cluster = _create(binaries, locale, size)
    try:
        cluster.resume()
        _prepare(cluster)
        if cache is not None:
            cluster.halt()
            before = cache.problem
            if not cache.keep(name, cluster.data_dir, {}):
                cache.problem = before  # what hinders the lab's own keeping will be said then
            cluster.resume()
    except BaseException:
        cluster.stop()
        raise
    return cluster


def _from_template(binaries: Binaries, cache: LabCache, name: str, size: int) -> Cluster | None:
    with cache.entry(name) as found:
        if found is None:
            return None
        cluster = empty_place(binaries, size)
        try:
            if cache.take(name, found[0], cluster.data_dir, cluster.owner):
                cluster.resume()
                return cluster
        except LabError as error:
            cache.drop(name, error.what)
        except BaseException:
            cluster.stop()
            raise
        cluster.stop()
        return None


def _prepare(cluster: Cluster) -> None:
    """One database, its owner and two schemas of our own. Other databases go: they would be two thirds of a copy."""
    with connect_admin(cluster, "template1") as session:
        session.execute(f"CREATE ROLE {OWNER} LOGIN".encode())
        session.execute(f"ALTER DATABASE postgres RENAME TO {DATABASE}".encode())
        session.execute(f"ALTER DATABASE {DATABASE} OWNER TO {OWNER}".encode())
    with connect_admin(cluster) as session:
        session.execute(b"UPDATE pg_catalog.pg_database SET datistemplate = false")
        session.execute(b"DROP DATABASE template0")
        session.execute(b"DROP DATABASE template1")
        session.execute(f"CREATE SCHEMA {ADMIN_SCHEMA}; CREATE EXTENSION pg_buffercache SCHEMA {ADMIN_SCHEMA}".encode())
        session.execute(f"CREATE SCHEMA {SCRATCH} AUTHORIZATION {OWNER}".encode())


def empty_place(binaries: Binaries, size: int) -> Cluster:
    """A place for a server whose data, of about `size` bytes, comes from elsewhere. Raises LabError."""
    return create_cluster(binaries, prefix=_PREFIX, settings=_SERVER, initdb=False, base=memory_base(size))


def origin(binaries: Binaries, locale: LabLocale) -> tuple[str, ...]:
    """What decides how the data directory of a new server looks."""
    changed = str(binaries.postgres.stat().st_mtime_ns)
    return ("1", str(binaries.bindir), binaries.version, changed, locale.collate, locale.ctype, *known_locales())


@once
def program_digest() -> str:
    """Changes with the code that builds labs: what another version kept is not used."""
    room = Path(__file__).parent
    return cache_key(*(path.read_text("utf-8") for path in sorted(room.glob("*.py"))))


def _create(binaries: Binaries, locale: LabLocale, size: int) -> Cluster:
    return create_cluster(
        binaries,
        prefix=_PREFIX,
        settings=_SERVER,
        base=memory_base(size),
        initdb_args=[
            "--encoding=UTF8",
            "--locale-provider=libc",
            "--locale=C",
            f"--lc-collate={locale.collate}",
            f"--lc-ctype={locale.ctype}",
            "--no-data-checksums",
            "--no-sync",
            "--wal-segsize=1",
        ],
    )


def connect_admin(cluster: Cluster, database: str = DATABASE) -> Connection[Any]:
    """The superuser's session: for catalogs only, never for text of the target's."""
    return _connect(cluster, cluster.superuser, "search_path=pg_catalog", database)


def connect_builder(cluster: Cluster) -> Connection[Any]:
    """A session for DDL as the owner, with the formats in which the catalog was read."""
    return _connect(
        cluster,
        OWNER,
        f"search_path=pg_catalog check_function_bodies=off TimeZone=UTC IntervalStyle=postgres DateStyle=ISO,MDY"
        f" standard_conforming_strings=on statement_timeout={DDL_SECONDS}s client_min_messages=error",
    )


def connect_planner(cluster: Cluster) -> Connection[Any]:
    """The session in which statements are planned."""
    return _connect(cluster, OWNER, f"default_transaction_read_only=on statement_timeout={PLAN_SECONDS}s jit=off")


def _connect(cluster: Cluster, user: str, options: str, database: str = DATABASE) -> Connection[Any]:
    import psycopg

    return psycopg.connect(
        cluster.dsn(database, user),
        autocommit=True,
        prepare_threshold=None,
        application_name="optischema-lab",
        client_encoding="UTF8",
        options=" ".join(f"-c {option}" for option in options.split()),
    )
