"""The advisor in the lab: schema and statistics only, and yet the advice of a server with real indexes."""

from __future__ import annotations

import psycopg

from optischema_tui.core.advise.advisor import advise
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import Risk
from optischema_tui.core.workload.workload_file import parse

WORKLOAD = """
-- calls: 100 mean_ms: 20
SELECT * FROM order_items WHERE order_id = $1;
-- calls: 50 mean_ms: 20
SELECT id, total FROM orders WHERE customer_id = $1 AND region = $2 ORDER BY created_at DESC LIMIT 10;
-- calls: 10 mean_ms: 20
SELECT * FROM customers WHERE lower(email) = $1;
-- calls: 20 mean_ms: 30
SELECT count(*) FROM orders WHERE created_at >= '2024-02-10' AND created_at < '2024-02-10 06:00';
-- calls: 900 mean_ms: 0.1
SELECT * FROM orders WHERE id = $1;
"""


def test_the_lab_gives_the_advice_of_real_indexes(built, facts_now, shop, binaries):
    facts = facts_now()
    real = advise(parse(WORKLOAD), facts, built, target="t")
    with psycopg.connect(shop, autocommit=True) as session:
        image = read_image(session)
    with Lab.build(image, binaries) as lab:
        shadow = advise(parse(WORKLOAD), image.facts(), lab, target="t")

    assert len(real.recommendations) == 4
    assert [rec.forward_sql for rec in shadow.recommendations] == [rec.forward_sql for rec in real.recommendations]
    assert all(rec.evidence.planner.startswith("lab, PostgreSQL") for rec in shadow.recommendations)
    assert shadow.planner_calls < 100


def test_a_partitioned_table_gets_a_recipe_and_its_partitions_no_index_of_their_own(fresh_db, binaries):
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(
            "CREATE TABLE log (at int, kind int) PARTITION BY RANGE (at);"
            "CREATE TABLE log_1 PARTITION OF log FOR VALUES FROM (0) TO (50000);"
            "CREATE TABLE log_2 PARTITION OF log FOR VALUES FROM (50000) TO (100001);"
            "INSERT INTO log SELECT n, n FROM generate_series(1, 100000) n; ANALYZE log"
        )
        image = read_image(session)
        work = parse("-- calls: 100 mean_ms: 9\nSELECT * FROM log WHERE kind = $1")
        with Lab.build(image, binaries) as lab:
            (rec,) = advise(work, image.facts(), lab, target="t").recommendations

        assert (rec.spec.table, rec.spec.columns, rec.risk) == ("log", ("kind",), Risk.MEDIUM)
        for step in rec.forward_sql.split(";\n"):
            session.execute(step)
        made = "SELECT bool_and(indisvalid), count(*) FROM pg_index WHERE indrelid::regclass::text ~ '^log'"
        assert session.execute(made).fetchone() == (True, 3)
        session.execute(rec.inverse_sql)
        assert session.execute(made).fetchone() == (None, 0)
