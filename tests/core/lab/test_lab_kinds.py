"""What-if indexes of every kind against real ones on a server of the same version: same plan, cost within 2 %."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from real_index import real_index

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.target.explain import explain_generic

QUIET = "WITH (autovacuum_enabled = false)"
"""Autovacuum's ANALYZE holds a snapshot: VACUUM would leave pages that are not all visible."""
SCHEMA = [
    "CREATE EXTENSION pg_trgm",
    f"""CREATE TABLE visit (id bigint PRIMARY KEY, path text, code varchar(20), at timestamptz, tags text[], doc jsonb,
        words tsvector, span int4range, uid uuid, state text, amount int) {QUIET}""",
    """INSERT INTO visit SELECT i, '/p/' || md5((i % 9000)::text), 'c' || lpad((i * 37 % 8000)::text, 6, '0'),
        timestamptz '2024-01-01Z' + i * interval '1 minute',
        ARRAY['t' || i % 400, 'u' || i % 90], jsonb_build_object('k', i % 700, 'v', i % 3),
        to_tsvector('simple', 'w' || i % 500 || ' x' || i % 30), int4range(i % 5000, i % 5000 + 3 + i % 7),
        md5(i::text)::uuid, (ARRAY['open', 'done', 'done', 'done', NULL])[1 + i % 5], i % 1000
        FROM generate_series(1, 60000) i""",
    "CREATE TABLE log (at date, kind int, who int, note text) PARTITION BY RANGE (at)",
    f"CREATE TABLE log_a PARTITION OF log FOR VALUES FROM ('2024-01-01') TO ('2024-02-01') {QUIET}",
    "CREATE TABLE log_b PARTITION OF log DEFAULT PARTITION BY LIST (kind)",
    f"CREATE TABLE log_b1 PARTITION OF log_b FOR VALUES IN (1, 2, 3, 4, 5, 6, 7) {QUIET}",
    f"CREATE TABLE log_b2 PARTITION OF log_b DEFAULT {QUIET}",
    """INSERT INTO log SELECT date '2024-01-01' + i / 1000, i % 13, i * 7919 % 3000, 'n' || i % 2500
        FROM generate_series(1, 60000) i""",
    "CREATE STATISTICS visit_lower ON lower(path) FROM visit",
    "VACUUM ANALYZE",
]


def visit(*columns: str, method: str = "btree", **more: object) -> IndexSpec:
    return IndexSpec("public", "visit", columns, method=method, **more)  # type: ignore[arg-type]


def log(*columns: str, **more: object) -> IndexSpec:
    return IndexSpec("public", "log", columns, **more)  # type: ignore[arg-type]


KINDS = {
    "several": (
        visit("state", "amount", "at"),
        "SELECT * FROM visit WHERE state = 'open' AND amount = 5 AND at > '2024-01-20'",
    ),
    "descending": (
        visit("amount", "at", descending=(False, True)),
        "SELECT * FROM visit WHERE amount = $1 ORDER BY at DESC LIMIT 5",
    ),
    "nulls": (
        visit("state", "id", nulls=("FIRST", "")),
        "SELECT * FROM visit ORDER BY state NULLS FIRST, id LIMIT 10",
    ),
    "nulls descending": (
        visit("state", descending=(True,), nulls=("LAST",)),
        "SELECT state, id FROM visit ORDER BY state DESC NULLS LAST LIMIT 10",
    ),
    "include": (visit("code", include=("amount",)), "SELECT code, amount FROM visit WHERE code = 'c000777'"),
    "partial": (visit("at", predicate="state IS NULL"), "SELECT * FROM visit WHERE state IS NULL ORDER BY at LIMIT 9"),
    "partial and in": (
        visit("amount", predicate="state IN ('open', 'gone')"),
        "SELECT * FROM visit WHERE state = 'open' AND amount BETWEEN 3 AND 7",
    ),
    "hash of an expression": (
        visit("(lower(path))", method="hash", computed=(True,)),
        "SELECT * FROM visit WHERE lower(path) = '/p/abc'",
    ),
    "text_pattern_ops": (
        visit("path", opclasses=("text_pattern_ops",)),
        "SELECT * FROM visit WHERE path LIKE '/p/abc%'",
    ),
    "varchar_pattern_ops": (
        visit("code", opclasses=("varchar_pattern_ops",)),
        "SELECT * FROM visit WHERE code LIKE 'c0007%'",
    ),
    "brin": (
        visit("at", method="brin"),
        "SELECT count(*) FROM visit WHERE at BETWEEN '2024-01-05' AND '2024-01-06'",
    ),
    "hash": (visit("uid", method="hash"), "SELECT * FROM visit WHERE uid = 'c4ca4238-a0b9-2382-0dcc-509a6f75849b'"),
    "gin array": (visit("tags", method="gin"), "SELECT * FROM visit WHERE tags @> ARRAY['t7']"),
    "gin tsvector": (visit("words", method="gin"), "SELECT * FROM visit WHERE words @@ 'w17 & x7'::tsquery"),
    "gin jsonb": (visit("doc", method="gin"), "SELECT * FROM visit WHERE doc @> '{\"k\": 3}'"),
    "gin paths": (
        visit("doc", method="gin", opclasses=("jsonb_path_ops",)),
        "SELECT * FROM visit WHERE doc @> '{\"k\": 3}'",
    ),
    "gin trigrams": (
        visit("path", method="gin", opclasses=("gin_trgm_ops",)),
        "SELECT * FROM visit WHERE path LIKE '%abcd1%'",
    ),
    "gist": (visit("span", method="gist"), "SELECT * FROM visit WHERE span && int4range(5, 9)"),
    "partitions": (log("who"), "SELECT * FROM log WHERE who = 17"),
    "partitions, covering": (log("who", include=("kind",)), "SELECT who, kind FROM log WHERE who = $1"),
    "partitions, partial": (log("who", predicate="kind = 3"), "SELECT * FROM log WHERE who = 17 AND kind = 3"),
    "partitions, brin": (log("at", method="brin"), "SELECT count(*) FROM log WHERE at = '2024-01-05'"),
}


@pytest.fixture(scope="module")
def kinds_db(server: Cluster) -> Iterator[str]:
    name = f"kinds_{secrets.token_hex(4)}"
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name}".encode())
    with psycopg.connect(server.dsn(name), autocommit=True) as session:
        for statement in SCHEMA:
            session.execute(statement.encode())
    yield server.dsn(name)
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="module")
def kinds_lab(kinds_db: str, binaries: Binaries) -> Iterator[Lab]:
    with psycopg.connect(kinds_db, autocommit=True) as session:
        image = read_image(session)
    with Lab.build(image, binaries) as lab:
        yield lab


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_planned_as_the_real_index(kinds_db: str, kinds_lab: Lab, kind: str) -> None:
    spec, sql = KINDS[kind]
    before = kinds_lab.plan(sql)
    whatif = kinds_lab.add(spec)
    lab = kinds_lab.plan(sql, [whatif])
    with psycopg.connect(kinds_db, autocommit=True) as session, real_index(session, spec) as size:
        real = explain_generic(session, sql)
    assert whatif.guess == ""
    assert whatif.name in lab.indexes()
    assert [node.node_type for node in lab.walk()] == [node.node_type for node in real.walk()]
    assert lab.total_cost == pytest.approx(real.total_cost, rel=0.02)
    assert 0.6 <= whatif.size_bytes / size <= 1.6, (whatif.size_bytes, size)
    assert kinds_lab.plan(sql) == before


def test_all_kinds_at_once_are_the_same_as_one_by_one(kinds_lab: Lab, kinds_db: str, binaries: Binaries) -> None:
    specs = [spec for spec, _ in KINDS.values()]
    with psycopg.connect(kinds_db, autocommit=True) as session:
        image = read_image(session)
    broken = visit("nowhere")
    with Lab.build(image, binaries) as other:
        together = other.add_many([*specs[:4], broken, *specs[4:], specs[0]])
        plans = [
            other.plan(sql, [whatif]).total_cost  # type: ignore[list-item]
            for (_, sql), whatif in zip(KINDS.values(), [*together[:4], *together[5:-1]], strict=True)
        ]
    assert "nowhere" in str(together[4])
    assert together[-1] is together[0]
    singles = [kinds_lab.add(spec) for spec in specs]
    sizes = [whatif.size_bytes for whatif in (*together[:4], *together[5:-1])]  # type: ignore[union-attr]
    assert sizes == [whatif.size_bytes for whatif in singles]
    costs = [kinds_lab.plan(sql, [whatif]).total_cost for (_, sql), whatif in zip(KINDS.values(), singles, strict=True)]
    assert plans == costs
