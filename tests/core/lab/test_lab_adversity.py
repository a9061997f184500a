"""Odd encodings and a server that dies."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

import psycopg
import pytest

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.errors import LabError
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import IndexSpec


@pytest.fixture
def database_in(server: Cluster) -> Iterator[Callable[[str], str]]:
    """`database_in(encoding)`: conninfo of a new database in that encoding, read as UTF-8."""
    names: list[str] = []

    def make(encoding: str) -> str:
        names.append(f"enc_{secrets.token_hex(4)}")
        with psycopg.connect(server.dsn(), autocommit=True) as session:
            session.execute(f"CREATE DATABASE {names[-1]} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'".encode())
        return f"{server.dsn(names[-1])} client_encoding=UTF8"

    yield make
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        for name in names:
            session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_latin1(database_in: Callable[[str], str], binaries: Binaries) -> None:
    with psycopg.connect(database_in("LATIN1"), autocommit=True) as session:
        session.execute('CREATE TABLE "größe" (id int PRIMARY KEY, "é" text)')
        session.execute("INSERT INTO \"größe\" SELECT i, 'ü' || i % 7 FROM generate_series(1, 5000) i")
        session.execute("ANALYZE")
        row = session.execute("EXPLAIN (FORMAT JSON) SELECT * FROM \"größe\" WHERE é = 'ü3'").fetchone()
        assert row is not None
        with Lab.build(read_image(session), binaries) as lab:
            plan = lab.plan("SELECT * FROM \"größe\" WHERE é = 'ü3'")
    assert (plan.rows, plan.total_cost) == (row[0][0]["Plan"]["Plan Rows"], row[0][0]["Plan"]["Total Cost"])


def test_bytes_that_are_no_text(database_in: Callable[[str], str]) -> None:
    dsn = database_in("SQL_ASCII")
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute("CREATE TABLE t (x text)")
        session.execute("SET client_encoding = SQL_ASCII")
        session.execute(b"INSERT INTO t SELECT '\xff\xfe' FROM generate_series(1, 100)")
        session.execute("ANALYZE t")
    with psycopg.connect(dsn, autocommit=True) as session, pytest.raises(LabError, match="encoding"):
        read_image(session)


def test_a_dead_server_is_told_and_cleared_away(fresh_db: str, binaries: Binaries) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE t (id int)")
        image = read_image(session)
    with Lab.build(image, binaries) as lab:
        known = lab.add(IndexSpec("public", "t", ("id",)))
        place = lab._parts.cluster.socket_dir
        lab._parts.cluster.crash()
        for call in (
            lambda: lab.plan("SELECT 1"),
            lambda: lab.plan("SELECT 1", [known]),
            lambda: lab.add(IndexSpec("public", "t", ("id",), (True,))),
        ):
            with pytest.raises(LabError):
                call()
    assert not place.exists()


def test_a_database_without_anything(fresh_db: str, binaries: Binaries) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("DROP EXTENSION pg_stat_statements")
        session.execute("DROP SCHEMA public")
        image = read_image(session)
    assert image.facts().tables == {}
    with Lab.build(image, binaries) as lab:
        assert lab.plan("SELECT 1").total_cost == pytest.approx(0.01)
