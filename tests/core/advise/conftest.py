"""A planner with really built indexes, to judge the advisor by, and facts read from the same server."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence

import psycopg
import pytest

from optischema_tui.core.advise.planner import IndexName, WhatIf
from optischema_tui.core.errors import LabError, PlanFailed
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import CatalogFacts, IndexSpec, quote
from optischema_tui.core.workload.plan import PlanNode, parse_plan

SHOP = """
CREATE TABLE customers (id bigint PRIMARY KEY, email text, country varchar(2), note text);
CREATE TABLE products (id bigint PRIMARY KEY, name text, category_id int);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, status text,
  created_at timestamptz NOT NULL, total numeric, region varchar(10), payload jsonb);
CREATE TABLE order_items (id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders,
  product_id bigint REFERENCES products, quantity int);
CREATE TABLE countries (code text, name text);
INSERT INTO customers SELECT n, 'user' || n || '@example.org', (ARRAY['de','fr','us','at'])[1 + n % 4], repeat('x', 40)
  FROM generate_series(1, 10000) n;
INSERT INTO products SELECT n, 'product ' || n, n % 50 FROM generate_series(1, 2000) n;
INSERT INTO orders SELECT n, 1 + (n::bigint * 7919) % 200, (ARRAY['new','paid','sent','done'])[1 + n % 4],
  timestamptz '2024-01-01 00:00Z' + (n::bigint * 104729 % 60000) * interval '1 minute', n % 500, 'r' || n % 10,
  jsonb_build_object('k', n) FROM generate_series(1, 60000) n;
INSERT INTO order_items SELECT n, 1 + (n::bigint * 7907) % 60000, 1 + n % 2000, n % 5 FROM generate_series(1, 150000) n;
INSERT INTO countries VALUES ('de', 'Germany'), ('fr', 'France');
"""


class BuiltPlanner:
    """Plans on a server where every added index is really built; a subset is chosen by marking the others invalid."""

    name = "test server"

    def __init__(self, session: psycopg.Connection) -> None:
        self.session = session
        self.calls = 0
        self._made: dict[IndexSpec, WhatIf] = {}

    def add(self, spec: IndexSpec) -> WhatIf:
        if spec not in self._made:
            name = f"whatif_{len(self._made)}"
            self.session.execute(spec.sql(name, concurrently=False))
            row = self.session.execute(
                "SELECT pg_relation_size(%s::regclass)", (f"{quote(spec.schema)}.{name}",)
            ).fetchone()
            self._made[spec] = WhatIf(spec, name, row[0])
        return self._made[spec]

    def add_many(self, specs: Sequence[IndexSpec]) -> list[WhatIf | LabError]:
        made: list[WhatIf | LabError] = []
        for spec in specs:
            try:
                with self.session.transaction():
                    made.append(self.add(spec))
            except psycopg.Error as error:
                made.append(LabError("It cannot be built", error.diag.message_primary or ""))
        return made

    def plan(self, sql: str, indexes: Collection[WhatIf] = (), *, without: Collection[IndexName] = ()) -> PlanNode:
        self.calls += 1
        on = [index.name for index in indexes]
        how = "GENERIC_PLAN, VERBOSE, FORMAT JSON" if "$1" in sql else "VERBOSE, FORMAT JSON"
        try:
            with self.session.transaction(force_rollback=True):
                self.session.execute(
                    "UPDATE pg_index SET indisvalid = (c.relname = ANY(%s)) FROM pg_class c "
                    "WHERE c.oid = indexrelid AND c.relname LIKE 'whatif%%'",
                    (on,),
                )
                for schema, name in without:
                    self.session.execute(
                        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = %s::regclass",
                        (f"{quote(schema)}.{quote(name)}",),
                    )
                row = self.session.execute(f"EXPLAIN ({how}) {sql}".encode()).fetchone()
        except psycopg.Error as error:
            raise PlanFailed("The statement cannot be planned", error.diag.message_primary or "") from error
        document = row[0]
        return parse_plan(json.loads(document) if isinstance(document, str) else document)


@pytest.fixture(scope="module")
def shop(server) -> Iterator[str]:
    """The conninfo of a database with a small shop, analyzed; read-only by agreement."""
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute("DROP DATABASE IF EXISTS advise_shop WITH (FORCE)")
        session.execute("CREATE DATABASE advise_shop")
    dsn = server.dsn("advise_shop")
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute("ALTER DATABASE advise_shop SET max_parallel_workers_per_gather = 0")
        session.execute(SHOP)
        session.execute("VACUUM ANALYZE")
    yield dsn
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute("DROP DATABASE advise_shop WITH (FORCE)")


@pytest.fixture
def built(shop: str) -> Iterator[BuiltPlanner]:
    """A planner on the shop; everything it or the test creates is rolled back."""
    with psycopg.connect(shop) as session:
        planner = BuiltPlanner(session)
        yield planner
        session.rollback()


@pytest.fixture
def facts_now(built: BuiltPlanner):
    """`facts_now()`: the catalog facts as the planner's own transaction sees them."""

    def read() -> CatalogFacts:
        return read_image(built.session).facts()

    return read
