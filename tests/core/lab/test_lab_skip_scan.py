"""Before 18 a B-tree is no help to conditions that leave out its first column; the lab's planner thinks it is."""

from __future__ import annotations

import psycopg
import pytest

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.lab.check import compare
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.workload.statement import WorkloadStatement

SCHEMA = """
CREATE TABLE t AS SELECT i AS id, i % 5 AS few, i % 5000 AS many, i % 70 AS several, md5(i::text) AS text
FROM generate_series(1, 50000) i;
CREATE INDEX t_few_many ON t (few, many);
CREATE INDEX t_lower ON t (lower(text), id);
CREATE TABLE u AS SELECT i AS id, i % 5000 AS many FROM generate_series(1, 20000) i;
VACUUM ANALYZE
"""
STATEMENTS = [
    WorkloadStatement(sql)
    for sql in (
        "SELECT * FROM t WHERE many = 7",
        "SELECT many FROM t WHERE many = 7",
        "SELECT * FROM t WHERE few = 2 AND many = 7",
        "SELECT * FROM t JOIN u ON u.many = t.many WHERE u.id = 5",
        "SELECT * FROM t WHERE lower(text) = 'x'",
        "UPDATE t SET several = 3 WHERE many = 7",
        "SELECT * FROM t x WHERE x.many = 7 LIMIT 3",
    )
]


def test_an_older_target_reads_the_whole_index_or_the_table(fresh_old_db: str, binaries: Binaries) -> None:
    with psycopg.connect(fresh_old_db, autocommit=True) as session:
        for sql in SCHEMA.strip().split(";\n"):
            session.execute(sql.encode())
        with Lab.build(read_image(session), binaries) as lab:
            compared = compare(session, lab, STATEMENTS)
            skipping = lab.add(IndexSpec("public", "t", ("several", "many")))
            plain = lab.plan("SELECT * FROM t WHERE many = 7", without=[("public", "t_few_many")])
            with_it = lab.plan("SELECT * FROM t WHERE many = 7", [skipping], without=[("public", "t_few_many")])
            session.execute("DROP INDEX t_few_many; CREATE INDEX t_some_many ON t (several, many)")
            real = session.execute("EXPLAIN (FORMAT JSON) SELECT * FROM t WHERE many = 7").fetchone()
    assert [(c.sql, c.error) for c in compared if c.error or c.cost_error > 0.05] == []
    assert all(c.lab_plan.indexes() == c.target_plan.indexes() for c in compared if c.lab_plan and c.target_plan)
    assert plain.node_type == "Seq Scan"
    assert real is not None
    assert with_it.total_cost == pytest.approx(real[0][0]["Plan"]["Total Cost"], rel=0.05)


def test_a_target_that_can_skip_does(fresh_db: str, binaries: Binaries) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        for sql in SCHEMA.strip().split(";\n"):
            session.execute(sql.encode())
        with Lab.build(read_image(session), binaries) as lab:
            compared = compare(session, lab, STATEMENTS)
    assert [(c.sql, c.error) for c in compared if c.error or not c.same_shape or c.cost_error > 0.001] == []
