"""Values past the histogram: the target's planner looks them up, so the reader does, where it may."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from optischema_tui.core.advise.judge.doubts import doubts
from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.lab.arrays import parse_array
from optischema_tui.core.lab.check import compare
from optischema_tui.core.lab.image import Image
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.workload.statement import WorkloadStatement

SCHEMA = """
CREATE TYPE step AS ENUM ('a', 'b', 'c', 'd', 'e');
CREATE TABLE "Log; x" (
    id bigint PRIMARY KEY, "at; z" timestamptz, code uuid, word text, plain int, step step, wide text, partly int);
CREATE INDEX ON "Log; x" ("at; z" DESC NULLS LAST, id);
CREATE INDEX ON "Log; x" (code);
CREATE INDEX ON "Log; x" (word text_pattern_ops);
CREATE INDEX ON "Log; x" (wide);
CREATE INDEX ON "Log; x" (partly) WHERE id < 100;
CREATE INDEX ON "Log; x" (step, id);
INSERT INTO "Log; x"
SELECT i, timestamptz '2024-01-01Z' + i * interval '1 min', md5(i::text)::uuid, 'w' || i, i, 'b', 'n' || i, i
FROM generate_series(1, 60000) i;
ANALYZE;
INSERT INTO "Log; x" SELECT i, timestamptz '2024-01-01Z' + i * interval '1 min', md5(i::text)::uuid, 'w' || i, i, 'e',
    CASE WHEN i = 120000 THEN repeat('z', 2000) ELSE 'n' || i END, i
FROM generate_series(60001, 120000) i
"""
STATEMENTS = [
    WorkloadStatement(sql)
    for sql in (
        'SELECT * FROM "Log; x" WHERE id > 110000',
        'SELECT * FROM "Log; x" WHERE id > 61000',
        """SELECT * FROM "Log; x" WHERE "at; z" > '2024-03-20'""",
        """SELECT * FROM "Log; x" WHERE "at; z" BETWEEN '2024-02-20' AND '2024-02-21' AND plain > 3""",
        """SELECT * FROM "Log; x" WHERE code < '00010000-0000-0000-0000-000000000000'""",
    )
]


def bounds(image: Image, column: str) -> tuple[str, str]:
    row = next(row for row in image.statistics if row.column == column and row.histogram)
    values = parse_array(row.histogram or "")
    return values[0], values[-1]


@pytest.fixture(scope="module")
def log(server: Cluster) -> Iterator[str]:
    """Conninfo of a database with a table that has doubled since ANALYZE."""
    name = f"log_{secrets.token_hex(4)}"
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name}".encode())
    with psycopg.connect(server.dsn(name), autocommit=True) as session:
        session.execute("SET timezone = 'UTC'")
        for sql in SCHEMA.strip().split(";\n"):
            session.execute(sql.encode())
        session.execute("SELECT pg_stat_force_next_flush()")
    yield server.dsn(name)
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def guest(dsn: str, *grants: str) -> psycopg.Connection[Any]:
    role = f"guest_{secrets.token_hex(4)}"
    with psycopg.connect(dsn, autocommit=True) as owner:
        owner.execute(f"CREATE ROLE {role} LOGIN".encode())
        for grant in grants:
            owner.execute(f"GRANT {grant} TO {role}".encode())
    return psycopg.connect(dsn, user=role, autocommit=True)


STATISTICS = "SELECT ON pg_catalog.pg_statistic, pg_catalog.pg_statistic_ext_data"


def test_rows_after_analyze_are_estimated_as_on_the_target(log: str, binaries: Binaries) -> None:
    with psycopg.connect(log, autocommit=True) as session:
        session.execute("SET statement_timeout = '9s'")
        image = read_image(session)
        assert session.execute("SHOW statement_timeout").fetchone() == ("9s",)
        with Lab.build(image, binaries) as lab:
            compared = compare(session, lab, STATEMENTS)
    assert bounds(image, "id") == ("1", "120000")
    assert bounds(image, "at; z")[1] == "2024-03-24 08:00:00+00"
    assert image.unknown_ends == frozenset({key for key in image.unknown_ends if key[1] == 7})
    for one in compared:
        assert one.error == ""
        assert one.target_plan is not None
        assert one.lab_plan is not None
        here, there = one.lab_plan, one.target_plan
        assert (here.rows, here.total_cost) == (there.rows, there.total_cost), one.sql
    planned = next(one.lab_plan for one in compared if "110000" in one.sql)
    assert planned is not None
    assert planned.rows > 100


def test_only_index_probes_read_rows(log: str) -> None:
    with psycopg.connect(log, autocommit=True) as session:
        before = bounds(read_image(session), "word"), bounds(read_image(session), "partly")
        session.execute("SELECT pg_stat_force_next_flush()")
        image = read_image(session)
        read = session.execute("SELECT seq_tup_read FROM pg_stat_user_tables WHERE relname = 'Log; x'")
        assert read.fetchone() == (0,)
        assert (bounds(image, "word"), bounds(image, "partly")) == before
        assert before[0][1] != "w99999"
        assert int(before[1][1]) <= 60000


def test_without_select_the_ends_are_named_as_guesses(log: str) -> None:
    with guest(log, STATISTICS) as session:
        image = read_image(session)
    assert bounds(image, "id")[1] != "120000"
    unknown = [note for note in image.not_read if note.startswith("ends of public.Log; x")]
    assert len(unknown) == 1
    assert "(id, at; z, code, wide)" in unknown[0]
    assert "100% changed since ANALYZE" in unknown[0]
    table = image.facts().tables["public", "Log; x"]
    assert {column.name for column in table.columns if column.unknown_ends} == {"id", "at; z", "code", "wide"}


def test_select_on_the_table_is_enough_and_row_security_is_respected(log: str) -> None:
    with guest(log, STATISTICS, 'SELECT ON "Log; x"') as session:
        assert bounds(read_image(session), "id")[1] == "120000"
        with psycopg.connect(log, autocommit=True) as owner:
            owner.execute('ALTER TABLE "Log; x" ENABLE ROW LEVEL SECURITY')
        image = read_image(session)
        with psycopg.connect(log, autocommit=True) as owner:
            owner.execute('ALTER TABLE "Log; x" DISABLE ROW LEVEL SECURITY')
        assert bounds(image, "id")[1] != "120000"
        assert any(note.startswith("ends of public.Log; x") for note in image.not_read)


def test_who_wants_no_row_read_has_none_read(log: str) -> None:
    with psycopg.connect(log, autocommit=True) as session:
        image = read_image(session, rows=False)
    assert bounds(image, "id")[1] != "120000"
    assert any("were not read (no row may be)" in note for note in image.not_read)


def test_in_a_transaction_nothing_is_read(log: str) -> None:
    with psycopg.connect(log) as session:
        image = read_image(session)
        assert bounds(image, "id")[1] != "120000"
        assert image.unknown_ends


def test_plans_that_rest_on_unknown_ends_are_told(log: str, binaries: Binaries) -> None:
    with guest(log, STATISTICS, "USAGE ON SCHEMA public") as session:
        image = read_image(session)
    facts = image.facts()
    with Lab.build(image, binaries) as lab:
        (guess,) = doubts(lab.plan('SELECT * FROM "Log; x" WHERE "at; z" > now() AND plain = 3'), facts)
        assert guess.startswith("The newest values of public.Log; x.at; z are not known here")
        assert doubts(lab.plan('SELECT * FROM "Log; x" WHERE id BETWEEN 1 AND 20000'), facts)
        assert doubts(lab.plan('SELECT * FROM "Log; x" WHERE id = 3'), facts) == ()
        assert doubts(lab.plan('SELECT * FROM "Log; x" WHERE plain > 3'), facts) == ()
    with psycopg.connect(log, autocommit=True) as owner:
        known = read_image(owner)
        with Lab.build(known, binaries) as lab:
            plan = lab.plan('SELECT * FROM "Log; x" WHERE id > 3 AND "at; z" > now()')
    assert doubts(plan, known.facts()) == ()
