"""A market with skew, correlation, partitions, odd names and odd types, and proposals for statements on it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import psycopg
import pytest

from optischema_tui.core.advise.propose.candidate import Candidate, Occurrence, Proposal
from optischema_tui.core.advise.propose.proposal import propose
from optischema_tui.core.advise.reading.uses import Use, uses
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import CatalogFacts
from optischema_tui.core.workload.plan import PlanNode, parse_plan

MARKET = r"""
CREATE TABLE customer (id bigint PRIMARY KEY, email varchar(80), country varchar(2), name text COLLATE "C.utf8",
  note text, deleted_at timestamptz, biography text);
CREATE TABLE job (id bigint PRIMARY KEY, state text NOT NULL, run_at timestamptz NOT NULL, queue text,
  payload jsonb, processed bool NOT NULL, tags text[], attempts int, place point, words tsvector, phase text);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customer, status varchar(10),
  created_at timestamptz NOT NULL, placed timestamp NOT NULL, total numeric, region text, pad text);
CREATE TABLE item (id bigint PRIMARY KEY, order_id bigint REFERENCES orders, product_id int, price numeric, pad text);
CREATE INDEX item_product ON item (product_id);
CREATE INDEX orders_status ON orders (status);
CREATE INDEX customer_lower ON customer (lower(email));
CREATE TABLE event (id bigint, at timestamptz NOT NULL, kind int, device int) PARTITION BY RANGE (at);
CREATE TABLE event_1 PARTITION OF event FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE event_2 PARTITION OF event FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
CREATE TABLE "Odd ""t" (id bigint PRIMARY KEY, "sel""ect" text, "user" int, "x.y" int, "tab	;--" text, pad text);
CREATE TABLE tiny (a int, b int);
CREATE TABLE new_table (a int, b int);
CREATE TABLE machine (id bigint, v text);
CREATE TABLE lorry (load int) INHERITS (machine);
INSERT INTO customer SELECT n, 'U' || n || '@x.org', (ARRAY['de','fr','us'])[1 + n % 3], 'n' || n, repeat('x', 50),
  CASE WHEN n % 100 = 0 THEN now() END, repeat(md5(n::text), 24) FROM generate_series(1, 6000) n;
INSERT INTO job SELECT n, CASE WHEN n % 200 = 0 THEN 'new' WHEN n % 2 = 0 THEN 'done' ELSE 'failed' END,
  timestamptz '2024-01-01 00:00Z' + n * interval '1 min', 'q' || n % 5, jsonb_build_object('k', n), n % 300 <> 0,
  ARRAY['t' || n % 50], n % 3, point(n, n), to_tsvector('simple', 'w' || n),
  CASE WHEN n % 40 = 0 THEN 'waiting' WHEN n % 41 = 0 THEN 'running' ELSE 'over' END FROM generate_series(1, 8000) n;
INSERT INTO orders SELECT n, 1 + (n * 7919) % 6000, (ARRAY['paid','sent','done'])[1 + n % 3],
  timestamptz '2024-01-01 00:00Z' + n * interval '1 min', timestamp '2024-01-01' + n * interval '1 min', n % 500,
  'r' || n % 10, repeat('p', 60) FROM generate_series(1, 12000) n;
UPDATE orders SET status = 'new' WHERE id % 100 = 0;
INSERT INTO item SELECT n, 1 + (n * 7907) % 12000, n % 2000, n % 100, repeat('p', 40) FROM generate_series(1, 20000) n;
INSERT INTO event SELECT n, timestamptz '2024-01-01 00:00Z' + n * interval '1 min', n % 7, n % 100
  FROM generate_series(1, 60000) n;
INSERT INTO "Odd ""t" SELECT n, 'a' || n, n % 100, n % 7, 'b' || n, repeat('p', 80) FROM generate_series(1, 5000) n;
INSERT INTO tiny VALUES (1, 2);
INSERT INTO machine SELECT n, 'v' || n FROM generate_series(1, 5000) n;
INSERT INTO lorry SELECT n, 'v' || n, n FROM generate_series(1, 5000) n;
"""


class Market:
    """One session on the market; what a test creates is rolled back."""

    def __init__(self, session: psycopg.Connection, facts: CatalogFacts) -> None:
        self.session = session
        self.facts = facts

    def plan(self, sql: str) -> PlanNode:
        how = "GENERIC_PLAN, VERBOSE, FORMAT JSON" if "$1" in sql else "VERBOSE, FORMAT JSON"
        document = self.session.execute(f"EXPLAIN ({how}) {sql}".encode()).fetchone()[0]
        return parse_plan(json.loads(document) if isinstance(document, str) else document)

    def uses(self, sql: str) -> tuple[Use, ...]:
        return uses(self.plan(sql), self.facts)

    def propose(self, *statements: str, generic: str = "", **options) -> Proposal:
        known = self.uses(generic) if generic else None
        occurrences = [Occurrence(number, self.uses(sql), known) for number, sql in enumerate(statements)]
        return propose(occurrences, self.facts, **options)

    def new(self, *statements: str, **options) -> dict[str, Candidate]:
        """Candidates that are to be created, by their definition from the table's name on."""
        found = self.propose(*statements, **options).candidates
        return {definition(each): each for each in found if each.existing is None}


def definition(candidate: Candidate) -> str:
    """`orders (customer_id) WHERE ..`: quotes around plain names and USING btree left out."""
    text = candidate.spec.sql("i", concurrently=False).removeprefix('CREATE INDEX "i" ON "public".')
    text = text.replace("USING btree ", "").replace("USING ", "")
    names = [candidate.spec.table, *candidate.spec.columns, *candidate.spec.include]
    for name in names:
        if name.isidentifier() and name.islower() and name != "user":
            text = text.replace(f'"{name}"', name)
    return text


def _vacuumed(session: psycopg.Connection) -> bool:
    """Whether every page is all-visible now: an autovacuum's ANALYZE elsewhere in the database may hold that up."""
    session.execute("VACUUM ANALYZE")
    rows = session.execute("SELECT FROM pg_class WHERE oid > 16384 AND relkind = 'r' AND relallvisible < relpages")
    return rows.fetchone() is None


@pytest.fixture(scope="session")
def market_dsn(server) -> Iterator[tuple[str, CatalogFacts]]:
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute("DROP DATABASE IF EXISTS market WITH (FORCE)")
        session.execute("CREATE DATABASE market")
    dsn = server.dsn("market")
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute("ALTER DATABASE market SET max_parallel_workers_per_gather = 0")
        session.execute(MARKET)
        if not any(_vacuumed(session) for _ in range(100)):
            pytest.fail("no VACUUM saw every row")
        session.execute("CREATE TABLE never (a int) WITH (autovacuum_enabled = false)")
        session.execute("INSERT INTO never SELECT generate_series(1, 20000)")
        session.execute("SELECT pg_stat_force_next_flush()")
        facts = read_image(session).facts()
    yield dsn, facts
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute("DROP DATABASE market WITH (FORCE)")


@pytest.fixture
def market(market_dsn) -> Iterator[Market]:
    dsn, facts = market_dsn
    with psycopg.connect(dsn) as session:
        yield Market(session, facts)
        session.rollback()
