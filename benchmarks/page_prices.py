"""How well planned cost predicts time, with pages at the planner's prices and below.

.venv/bin/python benchmarks/page_prices.py [rows]

A table that fits in memory, 14 statements, 12 sets of indexes. For each statement whose plan reads the index: the price
with it / without it against the time with it / without it (the lowest of five runs).
"""

from __future__ import annotations

import sys
from math import exp, log

import psycopg

from optischema_tui.core.advise.judge.pages import FACTORS, Sample, page_factor
from optischema_tui.core.advise.judge.price import honest
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.cluster.cluster import start_cluster
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.workload.plan import PlanNode, parse_plan

SETTINGS = {"fsync": "off", "shared_buffers": "512MB", "jit": "off", "max_parallel_workers_per_gather": "0"}
SCHEMA = """
CREATE TABLE d (id int PRIMARY KEY, name text);
INSERT INTO d SELECT n, 'name ' || n FROM generate_series(1, 1000) n;
CREATE TABLE e (id int PRIMARY KEY, a int, b int, c text, d int, v int, at timestamp, note text);
INSERT INTO e SELECT n, (hashint4(n) & 65535) % 5000, (hashint4(n + 7) & 65535) % 200,
  'c' || (hashint4(n + 1) & 65535) % 3000, 1 + (hashint4(n + 3) & 65535) % 1000, n,
  timestamp '2024-01-01' + n * interval '1 min', repeat('x', 60)
  FROM generate_series(1, {rows}) n;
"""
STATEMENTS = (
    "SELECT * FROM e WHERE a = 17",
    "SELECT * FROM e WHERE b = 17",
    "SELECT b FROM e WHERE b = 17 AND a BETWEEN 1 AND 400",
    "SELECT * FROM e WHERE a = 17 AND b = 5 ORDER BY at DESC LIMIT 5",
    "SELECT count(*) FROM e WHERE at BETWEEN '2024-02-01' AND '2024-02-01 05:00'",
    "SELECT sum(v) FROM e WHERE b = 3",
    "SELECT e.id, d.name FROM e JOIN d ON d.id = e.d WHERE e.a = 55",
    "SELECT * FROM e WHERE a IN (1, 2, 3)",
    "SELECT max(at) FROM e WHERE a = 9",
    "SELECT * FROM e WHERE c = 'c77'",
    "SELECT d, count(*) FROM e WHERE b = 9 GROUP BY d",
    "SELECT * FROM e WHERE id = 77",
    "SELECT * FROM d WHERE id = 5",
    "SELECT e.* FROM e JOIN d ON d.id = e.d WHERE d.name = 'name 5'",
)
INDEXES = (
    "", "(a)", "(b)", "(a, b, at)", "(a) INCLUDE (b, id, v)", "(at)", "(b) INCLUDE (v)", "(c)", "(d)", "(a, at)",
    "(b, a)", "(b) INCLUDE (d)",
)  # fmt: skip


def measured(session: psycopg.Connection, sql: str) -> float:
    """Milliseconds, the lowest of five."""
    return min(
        session.execute(f"EXPLAIN (ANALYZE, TIMING off, FORMAT JSON) {sql}").fetchone()[0][0]["Execution Time"]
        for _ in range(5)
    )


def main(rows: int) -> None:
    with (
        start_cluster(find_binaries(), prefix="optischema-pages-", settings=SETTINGS) as cluster,
        psycopg.connect(cluster.dsn(), autocommit=True) as session,
    ):
        session.execute(SCHEMA.replace("{rows}", str(rows)))
        session.execute("VACUUM ANALYZE")
        facts = read_image(session).facts()
        seen: list[tuple[str, str, PlanNode, float]] = []
        for index in INDEXES:
            session.execute("DROP INDEX IF EXISTS under_test")
            if index:
                session.execute(f"CREATE INDEX under_test ON e {index}")
            for sql in STATEMENTS:
                plan = parse_plan(session.execute(f"EXPLAIN (VERBOSE, FORMAT JSON) {sql}").fetchone()[0])
                if not index or "under_test" in plan.indexes():
                    seen.append((index, sql, plan, measured(session, sql)))
    base = {sql: (plan, ms) for index, sql, plan, ms in seen if not index}
    found = page_factor((Sample(plan, ms) for plan, ms in base.values()), facts)
    print(f"{len(seen) - len(base)} plans with an index; told by the {len(base)} statements without: pages at {found}")
    for factor in FACTORS:
        price = honest(facts, factor)
        errors = [
            abs(log(price(plan) / price(base[sql][0]) * base[sql][1] / ms)) for index, sql, plan, ms in seen if index
        ]
        print(f"pages at {factor:<5} predicted ratio off by a typical factor of {exp(sum(errors) / len(errors)):.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
