"""A shop with skew in it: few new orders, tenants by Zipf's law, a time column in the order of insertion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
import pytest

from optischema_tui.core.advise.values.draw import Drawn, draw
from optischema_tui.core.lab.explainer import Explainer
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import CatalogFacts
from optischema_tui.core.workload.plan import PlanNode, parse_plan
from optischema_tui.core.workload.statement import WorkloadStatement

ROWS = 30_000
"""As many as ANALYZE reads: the statistics are exact and always the same."""
SKEWED = """
CREATE TYPE kind AS ENUM ('web', 'shop', 'phone');
CREATE TABLE orders (id bigint PRIMARY KEY, tenant_id int NOT NULL, status text NOT NULL, kind kind, active boolean,
  created_at timestamptz NOT NULL, day date, total numeric, ref uuid, region varchar(10), note text, prefs jsonb,
  tags text[], parent_id bigint);
INSERT INTO orders SELECT n, floor(1000 ^ (n::bigint * 7919 % 30000 / 30000.0)),
  CASE WHEN n % 200 = 7 THEN 'new' WHEN n % 40 = 8 THEN 'paid' WHEN n % 14 = 3 THEN 'sent' ELSE 'done' END,
  (ARRAY['web','web','web','shop','phone'])[1 + n % 5]::kind, n % 100 <> 0,
  timestamptz '2026-01-01 00:00Z' + n * interval '10 minutes', date '2026-01-01' + n / 144, n % 700 / 7.0,
  md5((n % 15000)::text)::uuid, 'r' || n % 12, CASE WHEN n % 3 = 0 THEN 'note ' || n END,
  jsonb_build_object('lang', CASE WHEN n % 7 = 3 THEN 'fr' ELSE 'de' END, 'n', n % 100), ARRAY['t' || n % 9], n % 400
  FROM generate_series(1, 30000) n;
CREATE TABLE items (id bigint PRIMARY KEY, order_id bigint NOT NULL, product int, quantity int, sku text);
INSERT INTO items SELECT n, 1 + n % 30000, (n::bigint * 7919 % 3000) ^ 0.9, n % 7,
  'SKU-' || lpad((n % 5000)::text, 6, '0') FROM generate_series(1, 30000) n;
CREATE TABLE users (id int PRIMARY KEY, email text, name varchar(40), "odd ""name" text);
INSERT INTO users SELECT n, 'User' || n || '@Example.org', 'name' || n % 800, CASE WHEN n % 10 = 0
  THEN E'O''Brien\\\\ $1 -- "' || chr(10) || ''');DROP TABLE users;--' ELSE 'plain' END FROM generate_series(1, 3000) n;
CREATE TABLE events (at timestamptz NOT NULL, kind text, user_id int) PARTITION BY RANGE (at);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM ('2026-01-01 00:00Z') TO ('2026-02-01 00:00Z');
CREATE TABLE events_2 PARTITION OF events FOR VALUES FROM ('2026-02-01 00:00Z') TO ('2026-03-01 00:00Z');
INSERT INTO events SELECT timestamptz '2026-01-01 00:00Z' + n * interval '9 minutes', 'k' || n % 3, n % 300
  FROM generate_series(1, 9000) n;
CREATE TABLE blank (id int, name text);
CREATE VIEW open_orders AS SELECT o.id AS number, o.status AS state, u.email FROM orders o JOIN users u
  ON u.id = o.tenant_id WHERE o.status <> 'done';
CREATE INDEX ON orders (status);
CREATE INDEX ON orders (tenant_id);
CREATE INDEX ON orders (created_at);
CREATE INDEX ON items (order_id);
"""


@dataclass(frozen=True)
class Skewed:
    """A planner on the shop, and what is known of it."""

    explainer: Explainer
    facts: CatalogFacts

    @property
    def session(self) -> psycopg.Connection:
        return self.explainer.connection

    def plan(self, sql: str) -> PlanNode:
        return parse_plan(self.explainer.explain(sql))

    def draw(
        self, sql: str, rows: float | None = None, most: int = 4, plan: Callable | None = None
    ) -> tuple[Drawn, ...]:
        statement = WorkloadStatement(sql, rows_per_call=rows)
        return draw(statement, self.plan(sql), self.facts, plan or self.plan, most=most)


@pytest.fixture(scope="module")
def skewed(server) -> Iterator[Skewed]:
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute("DROP DATABASE IF EXISTS advise_values WITH (FORCE)")
        session.execute("CREATE DATABASE advise_values")
    with psycopg.connect(server.dsn("advise_values"), autocommit=True) as session:
        session.execute("SET max_parallel_workers_per_gather = 0")
        session.execute("SET timezone = 'UTC'")
        session.execute(SKEWED)
        session.execute("ANALYZE")
        yield Skewed(Explainer(session), read_image(session).facts())
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute("DROP DATABASE advise_values WITH (FORCE)")
