"""The lab plans with the settings and the search path of the role that runs the statements."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.lab.check import compare
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.lab.role_settings import parse_path
from optischema_tui.core.workload.statement import WorkloadStatement, main_role


@dataclass(frozen=True, slots=True)
class Place:
    dsn: str
    app: str
    watcher: str

    def as_role(self, role: str, options: str = "") -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.dsn, user=role, autocommit=True, options=options)


@pytest.fixture
def place(fresh_db: str) -> Iterator[Place]:
    app, watcher = f'App "{secrets.token_hex(4)}', f"watcher_{secrets.token_hex(4)}"
    quoted = '"' + app.replace('"', '""') + '"'
    with psycopg.connect(fresh_db, autocommit=True) as session:
        name = session.info.dbname
        for sql in (
            f"CREATE ROLE {quoted} LOGIN",
            f"CREATE ROLE {watcher} LOGIN",
            f"ALTER DATABASE {name} SET random_page_cost = 1.5",
            f"ALTER DATABASE {name} SET work_mem = '8MB'",
            f"ALTER ROLE {quoted} SET work_mem = '64MB'",
            f"ALTER ROLE {quoted} SET enable_hashjoin = off",
            f"ALTER ROLE {quoted} IN DATABASE {name} SET enable_hashjoin = on",
            f"ALTER ROLE {quoted} IN DATABASE {name} SET enable_nestloop = off",
            f'ALTER ROLE {quoted} SET search_path = "$user", "no such", "Own; ""s", public',
            f"ALTER ROLE {watcher} SET random_page_cost = 9",
            f"ALTER ROLE {watcher} SET cpu_tuple_cost = 0.5",
            'CREATE SCHEMA "Own; ""s"',
            f'GRANT USAGE ON SCHEMA "Own; ""s" TO {quoted}',
            'CREATE TABLE "Own; ""s".t AS SELECT i AS a, i % 100 AS b FROM generate_series(1, 20000) i',
            'CREATE INDEX ON "Own; ""s".t (a)',
            f'GRANT SELECT ON "Own; ""s".t TO {quoted}',
            f"GRANT SELECT ON pg_catalog.pg_statistic, pg_catalog.pg_statistic_ext_data TO {watcher}",
            "ANALYZE",
        ):
            session.execute(sql.encode())
    yield Place(fresh_db, app, watcher)
    with psycopg.connect(fresh_db, autocommit=True) as session:
        for role in (quoted, watcher):
            session.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


STATEMENTS = [
    WorkloadStatement(sql)
    for sql in (
        "SELECT * FROM t ORDER BY b",
        "SELECT * FROM t JOIN t u ON u.a = t.a WHERE t.b = 3",
        "SELECT * FROM t WHERE a BETWEEN 5 AND 500",
    )
]


def test_another_role_plans_as_the_application_does(place: Place, binaries: Binaries) -> None:
    with place.as_role(place.watcher) as watcher, place.as_role(place.app) as app:
        plain = read_image(watcher)
        image = read_image(watcher, role=place.app)
        settings = dict(image.server.settings)
        assert dict(plain.server.settings)["random_page_cost"] == "9"
        assert (settings["random_page_cost"], settings["work_mem"]) == ("1.5", "64MB")
        assert (settings["enable_hashjoin"], settings["enable_nestloop"]) == ("on", "off")
        assert image.server.search_path == ('Own; "s', "public")
        # The watcher's own value hides the server's, and it may not read the configuration files.
        assert settings["cpu_tuple_cost"] == "0.01"
        assert [note for note in image.not_read if "cpu_tuple_cost" in note]
        with Lab.build(image, binaries) as lab:
            compared = compare(app, lab, STATEMENTS)
    assert [(c.error, c.same_shape, c.cost_error <= 0.001) for c in compared] == [("", True, True)] * len(STATEMENTS)


def test_the_servers_own_value_is_read_where_that_is_allowed(place: Place) -> None:
    with psycopg.connect(place.dsn, autocommit=True, options="-c cpu_tuple_cost=0.7") as session:
        image = read_image(session, role=place.app)
        assert dict(image.server.settings)["cpu_tuple_cost"] == "0.01"
        assert image.not_read == ()


def test_the_reading_sessions_path_follows_the_roles(place: Place) -> None:
    with psycopg.connect(place.dsn, autocommit=True, options="-c search_path=information_schema,public") as session:
        image = read_image(session, role=place.app)
    assert image.server.search_path == ('Own; "s', "public", "information_schema")


def test_a_role_that_is_gone_is_told(place: Place) -> None:
    with place.as_role(place.watcher) as watcher:
        image = read_image(watcher, role="gone")
        assert dict(image.server.settings)["random_page_cost"] == "9"
        assert any("there is no such role" in note for note in image.not_read)


def test_tablespaces_with_costs_of_their_own(own_server: Cluster) -> None:
    with psycopg.connect(own_server.dsn(), autocommit=True) as session:
        for sql in (
            "SET allow_in_place_tablespaces = on",
            "CREATE TABLESPACE fast LOCATION '' WITH (random_page_cost = 1.1)",
            "CREATE TABLE t (a int) TABLESPACE fast",
            "CREATE TABLESPACE home LOCATION '' WITH (seq_page_cost = 0.5)",
            "CREATE DATABASE homely TABLESPACE home",
        ):
            session.execute(sql.encode())
        assert [note for note in read_image(session).not_read if "tablespace fast" in note] == [
            "tablespace fast: its random_page_cost = 1.1 of 1 tables and indexes"
        ]
    with psycopg.connect(own_server.dsn("homely"), autocommit=True) as session:
        image = read_image(session)
        assert dict(image.server.settings)["seq_page_cost"] == "0.5"
        assert image.not_read == ()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('"$user", public', ("$user", "public")),
        ("Public", ("public",)),
        ('"A ""b", c , "d,e"', ('A "b', "c", "d,e")),
        ("", ()),
        ('""', ()),
    ],
)
def test_search_paths_as_they_are_written(text: str, names: tuple[str, ...]) -> None:
    assert parse_path(text) == names


def test_the_main_role_is_the_one_that_takes_most_time() -> None:
    statements = [
        WorkloadStatement("a", 10, 1.0, role="x"),
        WorkloadStatement("b", 1, 8.0, role="y"),
        WorkloadStatement("c", 1, 8.0, role="y"),
        WorkloadStatement("d", 100, 100.0),
    ]
    assert main_role(statements) == "y"
    assert main_role([]) == ""
