"""A table worth an index, a recommendation for it, and a journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.change.protocol import approve
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.models import (
    Affected,
    Change,
    Evidence,
    IndexSpec,
    Recommendation,
    Risk,
    TargetIdentity,
    quote,
    recommendation_id,
)
from optischema_tui.core.target.session import identify, open_session
from optischema_tui.core.target.spec import TargetSpec
from tests.conftest import copied, make_template

STATEMENT = "SELECT * FROM items WHERE order_id = $1"
ITEMS = (
    "CREATE TABLE items (id bigint PRIMARY KEY, order_id int NOT NULL, note text) WITH (autovacuum_enabled = off)",
    "INSERT INTO items SELECT g, g / 3, repeat('x', 40) FROM generate_series(1, 20000) g",
    "ANALYZE items",
)
BY_ORDER = IndexSpec("public", "items", ("order_id",))
QUICK = Limits(
    build_lock_ms=300, cleanup_lock_ms=300, probe_lock_ms=100, retry_seconds=1.0, goodbye_seconds=2.0, reconnects=8
)
"""Short waits, and an attempt again after a wait that the test replaces."""


def spec_for(dsn: str, *, allow_changes: bool = True) -> TargetSpec:
    params = tuple(sorted((key, str(value)) for key, value in conninfo_to_dict(dsn).items()))
    return TargetSpec("test", params, allow_changes=allow_changes)


def recommend(identity: TargetIdentity, index: IndexSpec, name: str, kind: str = "create_index") -> Recommendation:
    create, drop = index.sql(name), f"DROP INDEX CONCURRENTLY {quote(index.schema)}.{quote(name)}"
    affected = Affected(42, STATEMENT, 0.8, 100, 12.5, 1000.0, 10.0)
    return Recommendation(
        id=recommendation_id(identity.fingerprint, kind, f"{index}"),
        target=identity.fingerprint,
        kind=kind,
        title=f"Index on {index.table}",
        forward_sql=create if kind == "create_index" else drop,
        inverse_sql=drop if kind == "create_index" else create,
        risk=Risk.LOW,
        risk_reasons=("small",),
        evidence=Evidence((affected,), 1000.0, 10.0, 0.8, 1 << 20, "lab", "high"),
        spec=index,
        index_name=name,
    )


@dataclass
class Bench:
    """One database with the table `items`, and everything a change needs."""

    dsn: str
    spec: TargetSpec
    identity: TargetIdentity
    journal: Journal
    journal_path: Path
    index: IndexSpec = BY_ORDER
    name: str = "items_order_id_os1"
    quick: Limits = QUICK

    def recommendation(self, kind: str = "create_index") -> Recommendation:
        return recommend(self.identity, self.index, self.name, kind)

    def approved(self, kind: str = "create_index") -> Change:
        return approve(self.journal, self.recommendation(kind), self.identity, self.dsn)

    def spec_as(self, user: str) -> TargetSpec:
        return spec_for(f"{self.dsn} user={user}")

    def read_only_spec(self) -> TargetSpec:
        return spec_for(self.dsn, allow_changes=False)

    def sql(self, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Run one statement in a session of its own."""
        with psycopg.connect(self.dsn, autocommit=True) as session:
            cursor = session.execute(text, parameters or None)
            return cursor.fetchall() if cursor.description else []

    def index_state(self, name: str = "") -> str:
        """absent, valid or invalid"""
        rows = self.sql(
            "SELECT i.indisvalid AND i.indisready FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
            " WHERE c.relname = %s",
            name or self.name,
        )
        return "absent" if not rows else "valid" if rows[0][0] else "invalid"

    def events(self, change_id: str) -> list[str]:
        return [entry.event for entry in self.journal.entries() if entry.change_id == change_id]


def make_bench(dsn: str, path: Path, *, filled: bool = False) -> Bench:
    """`filled`: the database is a copy of `items_template`, whose statistics of use are not copied with it."""
    with psycopg.connect(dsn, autocommit=True) as session:
        for statement in ("ANALYZE items",) if filled else ITEMS:
            session.execute(statement.encode())
    spec = spec_for(dsn)
    with open_session(spec) as connection:
        identity = identify(connection)
    return Bench(dsn, spec, identity, Journal.open(path), path)


@pytest.fixture(scope="session")
def items_template(server: Cluster) -> str:
    """The name of a template on `server` with pg_stat_statements and the table of the bench."""
    return make_template(server, "bench", ["CREATE EXTENSION pg_stat_statements", *ITEMS])


@pytest.fixture
def bench_on(tmp_path: Path) -> Iterator[Callable[[str], Bench]]:
    """Makes the bench in the database of a conninfo string."""
    made: list[Bench] = []

    def make(dsn: str) -> Bench:
        made.append(make_bench(dsn, tmp_path / "state" / "audit.db"))
        return made[-1]

    yield make
    for bench in made:
        bench.journal.close()


@pytest.fixture
def bench(server: Cluster, items_template: str, tmp_path: Path) -> Iterator[Bench]:
    """In a database of its own on `server`."""
    for dsn in copied(server, items_template):
        bench = make_bench(dsn, tmp_path / "state" / "audit.db", filled=True)
        yield bench
        bench.journal.close()


@pytest.fixture
def own_bench(own_server: Any, bench_on: Callable[[str], Bench]) -> Bench:
    """On a server that the test may stop."""
    return bench_on(own_server.dsn())
