"""Builds the lab's server from an image: cluster, schema, statistics, sizes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.errors import LabError
from optischema_tui.core.lab.ddl import Statement, foreign_statements, literal, schema_statements
from optischema_tui.core.lab.extended import load_extended
from optischema_tui.core.lab.image import BLOCK_SIZE, Image, Index
from optischema_tui.core.lab.load import Failure, run
from optischema_tui.core.lab.locale import LabLocale, choose
from optischema_tui.core.lab.size_model import Fields, fields_width
from optischema_tui.core.lab.sparse import btree_height, extend, pages_of, patch_btree
from optischema_tui.core.lab.statistics import column_statements, relation_statements
from optischema_tui.core.lab.whatif import ADMIN_SCHEMA
from optischema_tui.core.models import quote
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    from psycopg import Connection

Progress = Callable[[str, float], None]

DATABASE = "lab"
OWNER = "lab_owner"
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
    "max_locks_per_transaction": "1024",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}
_SINCE = {
    "enable_presorted_aggregate": 160000,
    "enable_group_by_reordering": 170000,
    "enable_self_join_elimination": 180000,
    "enable_distinct_reordering": 180000,
}
"""Planner abilities with a switch, and the version that brought them: off for an older target."""
_SETTING = re.compile(r"[A-Za-z_]+\Z")


@dataclass
class Parts:
    """A built lab: its server, its sessions, and what could not be modelled."""

    cluster: Cluster
    admin: Connection[Any]
    builder: Connection[Any]
    planner: Connection[Any]
    paths: dict[tuple[str, str], str]
    not_modelled: tuple[str, ...]


@dataclass
class _Work:
    image: Image
    cluster: Cluster
    locale: LabLocale
    progress: Progress
    notes: list[str] = field(default_factory=list)
    paths: dict[tuple[str, str], str] = field(default_factory=dict)

    def failed(self, failures: list[Failure]) -> None:
        self.notes += [str(failure) for failure in failures]


def build(image: Image, binaries: Binaries, progress: Progress) -> Parts:
    """Start a private server and make it look like the image. Raises LabError; nothing is left behind then."""
    import psycopg

    progress("starting the lab's server", 0.0)
    locale = choose(image.server)
    cluster = start_cluster(
        binaries,
        prefix="optischema-lab-",
        settings=_SERVER,
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
    try:
        return _fill(_Work(image, cluster, locale, progress))
    except (psycopg.Error, OSError) as error:
        cluster.stop()
        raise LabError("The lab could not be built", one_line(str(error), 300)) from error
    except BaseException:
        cluster.stop()
        raise


def _fill(work: _Work) -> Parts:
    work.progress("creating the lab's database", 0.35)
    _create_database(work)
    admin = _connect(work.cluster, work.cluster.superuser, "search_path=pg_catalog")
    available = _load_foreign(work, admin)
    with _builder(work.cluster) as builder:
        work.progress("loading the schema", 0.45)
        work.failed(run(builder, schema_statements(work.image, available)))
        present = _present(admin)
        work.progress("loading the statistics", 0.65)
        work.failed(run(builder, column_statements(work.image, present)))
        work.failed(load_extended(admin, builder, work.image, scratch=SCRATCH))
        work.progress("giving tables and indexes their size", 0.9)
        work.failed(run(builder, relation_statements(work.image, present)))
    _extend_files(work, admin)
    planner = _connect(
        work.cluster, OWNER, f"default_transaction_read_only=on statement_timeout={PLAN_SECONDS}s jit=off"
    )
    notes = [*work.image.not_read, *_locale_notes(work), *work.notes]
    work.progress("the lab is ready", 1.0)
    return Parts(
        work.cluster, admin, _builder(work.cluster), planner, work.paths, tuple(dict.fromkeys(map(one_line, notes)))
    )


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


def _builder(cluster: Cluster) -> Connection[Any]:
    """A session for DDL as the owner, with the formats in which the catalog was read."""
    return _connect(
        cluster,
        OWNER,
        f"search_path=pg_catalog check_function_bodies=off TimeZone=UTC IntervalStyle=postgres DateStyle=ISO,MDY"
        f" standard_conforming_strings=on statement_timeout={DDL_SECONDS}s client_min_messages=error",
    )


def _create_database(work: _Work) -> None:
    server = work.image.server
    path = ", ".join(map(quote, server.search_path)) or "''"
    settings = {name: value for name, value in server.settings if _SETTING.match(name)}
    settings |= {name: "off" for name, since in _SINCE.items() if server.version_num < since}
    settings["jit"] = "off"
    statements = [
        Statement(f"setting {name}", f"ALTER DATABASE {DATABASE} SET {name} = {literal(value)}")
        for name, value in settings.items()
    ]
    with _connect(work.cluster, work.cluster.superuser, "search_path=pg_catalog", "postgres") as session:
        session.execute(f"CREATE ROLE {OWNER} LOGIN".encode())
        session.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}".encode())
        work.failed(run(session, statements))
        session.execute(f"ALTER DATABASE {DATABASE} SET search_path = {path}".encode())


def _load_foreign(work: _Work, admin: Connection[Any]) -> set[str]:
    """What only a superuser may make; before any statement of the target's own. Returns the extensions that exist."""
    admin.execute(f"CREATE SCHEMA {ADMIN_SCHEMA}; CREATE EXTENSION pg_buffercache SCHEMA {ADMIN_SCHEMA}".encode())
    admin.execute(f"CREATE SCHEMA {SCRATCH} AUTHORIZATION {OWNER}".encode())
    known = {name for (name,) in admin.execute(b"SELECT name::text FROM pg_catalog.pg_available_extensions")}
    admin.execute(b"SET allow_system_table_mods = on")
    work.failed(run(admin, foreign_statements(work.image, known, OWNER)))
    admin.execute(b"RESET allow_system_table_mods")
    there = {name for (name,) in admin.execute(b"SELECT extname::text FROM pg_catalog.pg_extension")}
    work.notes += [
        f"extension {extension.name}: not on this machine; its types stand as text, its functions are missing"
        for extension in work.image.extensions
        if extension.name not in known
    ]
    return there


def _present(admin: Connection[Any]) -> set[tuple[str, str]]:
    rows = admin.execute(
        b"SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c"
        b" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid >= 16384"
    )
    return {(schema, name) for schema, name in rows}


def _extend_files(work: _Work, admin: Connection[Any]) -> None:
    """Last of all: DDL after this would read the holes. Nothing may be planned before it is done."""
    work.paths |= {
        (schema, name): path
        for schema, name, path in admin.execute(
            b"SELECT n.nspname::text, c.relname::text, pg_catalog.pg_relation_filepath(c.oid)"
            b" FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
            b" WHERE c.oid >= 16384 AND c.relkind IN ('r', 'm', 'i')"
        )
    }
    admin.execute(b"CHECKPOINT")
    admin.execute(f"SELECT {ADMIN_SCHEMA}.pg_buffercache_evict_all()".encode())
    fields = Fields(work.image.relations, work.image.statistics)
    for relation in work.image.relations.values():
        path = work.paths.get((relation.schema, relation.name))
        pages = relation.size_bytes // BLOCK_SIZE
        if path is None or relation.kind not in "rmi" or pages == 0:
            continue
        file = work.cluster.data_dir / path
        if pages <= pages_of(file):
            continue
        extend(file, pages)
        index = work.image.indexes.get(relation.oid)
        if index is not None and index.method == "btree":
            _raise(work.image, index, fields, file, pages)
    admin.execute(b"CHECKPOINT")


def _raise(image: Image, index: Index, fields: Fields, file: Path, pages: int) -> None:
    table = image.relations[index.relation]
    keys = fields.of(table.schema, table.name, index.columns[: index.keys])
    height = index.height if index.height is not None else btree_height(pages, fields_width(keys))
    if height and pages > height + 2:
        patch_btree(file, height)


def _locale_notes(work: _Work) -> list[str]:
    notes = []
    if work.locale.approximate:
        notes.append(
            f"text ranges: the locale {work.image.server.collate} is not on this machine,"
            " row estimates of < and > on text are rough"
        )
    if work.image.collations:
        names = ", ".join(name for _, name in work.image.collations)
        notes.append(f"text ranges in the collations {names}: row estimates of < and > are rough")
    return notes
