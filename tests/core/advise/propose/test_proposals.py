"""Which indexes are proposed for which statement, and which are not, on plans of a real server."""

from __future__ import annotations

import pytest

NEW = "(status)::text = 'new'::text"

PROPOSED = [
    # equality, range, order
    ("SELECT * FROM orders WHERE customer_id = 5 AND region = 'r1'", "orders (customer_id, region)"),
    ("SELECT * FROM orders WHERE customer_id = 5 AND region = 'r1'", "orders (region, customer_id)"),
    ("SELECT * FROM orders WHERE customer_id = 5 AND created_at > '2024-01-05'", "orders (customer_id, created_at)"),
    ("SELECT * FROM orders WHERE region = 'r1' ORDER BY created_at DESC LIMIT 5", "orders (region, created_at)"),
    ("SELECT * FROM orders ORDER BY total DESC, id LIMIT 5", "orders (total DESC, id)"),
    ("SELECT * FROM orders ORDER BY total DESC NULLS LAST LIMIT 5", "orders (total DESC NULLS LAST)"),
    ("SELECT * FROM orders ORDER BY total, id NULLS FIRST LIMIT 5", "orders (total, id NULLS FIRST)"),
    ("SELECT region, total, count(pad) FROM orders GROUP BY region, total", "orders (region, total)"),
    ("SELECT DISTINCT ON (region) region, placed, pad FROM orders ORDER BY region, placed DESC",
     "orders (region, placed DESC)"),
    ("SELECT max(created_at) FROM orders WHERE region = 'r1'", "orders (region, created_at)"),
    ("SELECT min(total) FROM orders", "orders (total)"),
    ("SELECT * FROM orders WHERE (created_at, id) < ('2024-01-05', 5) ORDER BY created_at DESC, id DESC LIMIT 5",
     "orders (created_at, id)"),
    ("SELECT * FROM orders WHERE region IN ('r1', 'r2') AND total = 5 ORDER BY placed LIMIT 5",
     "orders (total, placed, region)"),
    ("SELECT * FROM orders WHERE total > 400 AND created_at > '2024-01-08'", "orders (total, created_at)"),
    ("SELECT * FROM orders WHERE customer_id = 7 OR total = 3", "orders (total)"),
    ("SELECT o.pad, i.pad FROM orders o JOIN item i ON i.order_id = o.id WHERE o.total = 3", "item (order_id)"),
    ("SELECT pad FROM item WHERE order_id IN (SELECT id FROM orders WHERE total = 3)", "item (order_id)"),
    # what an order already given by an index hides
    ("SELECT * FROM orders WHERE region = 'r1' ORDER BY id LIMIT 5", "orders (region, id)"),
    # partial
    ("SELECT * FROM job WHERE NOT processed ORDER BY run_at LIMIT 5", "job (run_at) WHERE NOT processed"),
    ("SELECT * FROM customer WHERE deleted_at IS NOT NULL AND name = 'n5'",
     "customer (name) WHERE deleted_at IS NOT NULL"),
    ("SELECT * FROM job WHERE state = 'new' ORDER BY run_at LIMIT 5", "job (run_at) WHERE state = 'new'::text"),
    ("SELECT * FROM job WHERE state = 'new' AND NOT processed",
     "job (id) WHERE (NOT processed) AND (state = 'new'::text)"),
    ("SELECT * FROM orders WHERE status = 'new' AND customer_id = 3", f"orders (customer_id) WHERE {NEW}"),
    ("SELECT queue, count(*) FROM job WHERE attempts <> ALL ('{0,1}') GROUP BY queue",
     "job (queue) INCLUDE (attempts)"),
    # expressions
    ("SELECT * FROM job WHERE payload ->> 'k' = '5'", "job ((payload ->> 'k'::text))"),
    ("SELECT * FROM orders WHERE placed::date = '2024-01-05' AND region = 'r1'", "orders (region, ((placed)::date))"),
    ("SELECT * FROM orders WHERE (created_at AT TIME ZONE 'UTC')::date = '2024-01-05'",
     "orders ((((created_at AT TIME ZONE 'UTC'::text))::date))"),
    ("SELECT * FROM customer ORDER BY upper(name) LIMIT 5", "customer ((upper(name)))"),
    # covering
    ("SELECT id, total FROM orders WHERE region = 'r1'", "orders (region) INCLUDE (id, total)"),
    ("SELECT sum(price) FROM item WHERE product_id = 5", "item (product_id) INCLUDE (price)"),
    ("SELECT o.pad, i.price FROM orders o JOIN item i ON i.order_id = o.id WHERE o.total = 3",
     "item (order_id) INCLUDE (price)"),
    ("SELECT sum(price) FROM item", "item (price)"),
    # other kinds
    ("SELECT * FROM job WHERE payload @> '{\"k\": 5}'", "job gin (payload jsonb_path_ops)"),
    ("SELECT * FROM job WHERE payload ? 'k'", "job gin (payload)"),
    ("SELECT * FROM job WHERE tags && ARRAY['t1']", "job gin (tags)"),
    ("SELECT * FROM job WHERE words @@ to_tsquery('simple', 'w5')", "job gin (words)"),
    ("SELECT * FROM customer WHERE biography = 'x'", "customer hash (biography)"),
    ("SELECT * FROM customer WHERE name LIKE 'n12%'", "customer (name text_pattern_ops)"),
    ("SELECT * FROM customer WHERE email LIKE 'U12%'", "customer (email)"),
    # partitions, inheritance, names
    ("SELECT * FROM event WHERE device = 5 AND at > '2024-01-20' ORDER BY at LIMIT 5", "event (device, at)"),
    ("SELECT * FROM event WHERE device = 5 AND at > '2024-02-20'", "event (device, at)"),
    ("SELECT * FROM machine WHERE id = 5", "lorry (id)"),
    ('SELECT pad FROM "Odd ""t" o WHERE o."user" = 5 AND o."x.y" = 3', '"Odd ""t" ("user", "x.y")'),
    ("SELECT pad FROM \"Odd \"\"t\" WHERE lower(\"tab\t;--\") = 'b5'", '"Odd ""t" ((lower("tab\t;--")))'),
]  # fmt: skip

NOT_PROPOSED = [
    ("SELECT * FROM orders WHERE id = 5 AND region = 'r1'", "orders", "the unique index orders_pkey"),
    ("SELECT * FROM item WHERE product_id = 5", "item (product_id)", "covered by item_product"),
    ("SELECT * FROM customer WHERE lower(email) = 'u5@x.org'", "customer", "covered by customer_lower"),
    ("SELECT * FROM orders WHERE created_at::date = '2024-01-05'", "orders", "depends on the session's TimeZone"),
    ("SELECT * FROM customer WHERE to_char(deleted_at, 'YYYY') = '2024'", "customer", "settings of the session"),
    ("SELECT * FROM customer WHERE name LIKE '%12%'", "customer", "wildcard needs a trigram index"),
    ("SELECT * FROM job WHERE place <@ box '((0,0),(1,1))'", "job", "no kind of index that is proposed here serves <@"),
    ("SELECT * FROM tiny WHERE a = 1", "tiny", "it is small"),
    ("SELECT * FROM never WHERE a = 1", "never", "never analyzed"),
    ("SELECT * FROM job WHERE processed", "job", ""),
    ("SELECT * FROM job WHERE NOT processed", "job (processed)", "only 2 different values"),
    ("SELECT * FROM customer WHERE deleted_at IS NULL", "customer", ""),
    ("SELECT * FROM customer WHERE biography = 'x'", "customer (biography)", "too wide for a B-tree key"),
    ("SELECT * FROM orders WHERE total <> 5", "orders", ""),
    ("SELECT * FROM orders WHERE status <> 'new'", "orders", ""),
    ("SELECT * FROM job WHERE attempts IN (0, 1)", "job", ""),
    ("SELECT * FROM orders WHERE total = total", "orders", ""),
    ("SELECT * FROM orders", "orders", ""),
    ("SELECT region, sum(total) s FROM orders GROUP BY region ORDER BY s", "orders ((", ""),
    ("SELECT region FROM orders GROUP BY region HAVING count(*) > 5", "orders ((", ""),
    ("SELECT * FROM job WHERE 't1' = ANY (tags)", "job", ""),
    ("SELECT * FROM job WHERE run_at > now() AND random() < 0.5", "job ((", ""),
    ("SELECT * FROM orders WHERE region = 'r1' ORDER BY placed LIMIT 5", "orders (placed) WHERE region", ""),
    ("SELECT * FROM orders WHERE customer_id = 5 ORDER BY placed LIMIT 5", "orders (placed) WHERE customer_id", ""),
    ("SELECT * FROM orders WHERE region = 'r1'", "orders (region) INCLUDE", ""),
    ("SELECT id, total FROM orders WHERE region = 'r1' FOR UPDATE", "orders (region) INCLUDE", ""),
    ("DELETE FROM orders WHERE region = 'r1'", "orders (region) INCLUDE", ""),
    ("SELECT id, total FROM orders WHERE customer_id = 5", "orders (customer_id) INCLUDE", ""),
    ("SELECT * FROM event WHERE kind = 3", "event (kind) INCLUDE", ""),
    ("INSERT INTO orders VALUES (0, 1, 'new', now(), now(), 1, 'r', 'p')", "orders", ""),
    ("SELECT * FROM event WHERE device = 5", "event_", ""),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "wanted"), PROPOSED)
def test_proposed(market, sql, wanted):
    found = market.new(sql)

    assert wanted in found
    assert found[wanted].serves == {0}
    assert found[wanted].reasons


@pytest.mark.parametrize(("sql", "unwanted", "reason"), NOT_PROPOSED)
def test_not_proposed(market, sql, unwanted, reason):
    proposal = market.propose(sql)

    assert [each for each in market.new(sql) if each.startswith(unwanted)] == []
    assert not reason or any(reason in refusal.reason for refusal in proposal.refused)


def test_a_server_takes_every_proposal(market):
    proposal = market.propose(*(sql for sql, _ in PROPOSED), *(sql for sql, _, _ in NOT_PROPOSED))
    created = [each for each in proposal.candidates if each.existing is None]

    assert 60 < len(created) < 300
    for each in created:
        with market.session.transaction(force_rollback=True):
            market.session.execute(each.spec.sql("whatif", concurrently=False).encode())


@pytest.mark.parametrize(("sql", "wanted"), [
    ("SELECT * FROM job WHERE state = 'new' ORDER BY run_at LIMIT 5", "job (run_at) WHERE state = 'new'::text"),
    ("SELECT * FROM orders WHERE status = 'new' AND customer_id = 3", f"orders (customer_id) WHERE {NEW}"),
    ("SELECT * FROM job WHERE payload ->> 'k' = '5'", "job ((payload ->> 'k'::text))"),
    ("SELECT * FROM orders WHERE placed::date = '2024-01-05' AND region = 'r1'", "orders (region, ((placed)::date))"),
    ("SELECT * FROM customer WHERE name LIKE 'n12%'", "customer (name text_pattern_ops)"),
    ("SELECT id, total FROM orders WHERE region = 'r1'", "orders (region) INCLUDE (id, total)"),
    ("SELECT * FROM job WHERE payload @> '{\"k\": 5}'", "job gin (payload jsonb_path_ops)"),
    ("SELECT * FROM customer WHERE biography = 'x'", "customer hash (biography)"),
    ("SELECT * FROM orders ORDER BY total DESC NULLS LAST LIMIT 5", "orders (total DESC NULLS LAST)"),
    ('SELECT pad FROM "Odd ""t" WHERE "user" = 5 AND "x.y" = 3', '"Odd ""t" ("user", "x.y")'),
])  # fmt: skip
def test_the_planner_reads_it_once_it_is_built(market, sql, wanted):
    spec = market.new(sql)[wanted].spec
    market.session.execute(spec.sql("whatif", concurrently=False).encode())
    market.session.execute(f'ANALYZE "{spec.table.replace(chr(34), chr(34) * 2)}"'.encode())

    plan = market.plan(sql)

    assert "whatif" in plan.indexes()
    assert not spec.include or any(node.node_type == "Index Only Scan" for node in plan.walk())


def test_the_same_statements_in_any_order_give_the_same(market):
    statements = [sql for sql, _ in PROPOSED]

    forward = market.propose(*statements)
    backward = market.propose(*reversed(statements))

    assert [each.spec for each in forward.candidates] == [each.spec for each in backward.candidates]
    assert market.propose(*statements) == forward
    last = len(statements) - 1
    mirrored = [frozenset(last - number for number in each.serves) for each in backward.candidates]
    assert [each.serves for each in forward.candidates] == mirrored


def test_only_plain_keys_within_a_width(market):
    statements = [sql for sql, _ in PROPOSED]

    for width in (1, 2, 3):
        made = market.propose(*statements, max_width=width, plain_only=True).candidates
        new = [each.spec for each in made if each.existing is None]
        assert all(spec.plain and not spec.include and len(spec.columns) <= width for spec in new)
    covering = market.new("SELECT sum(price) FROM item WHERE order_id = 5", max_width=2, plain_only=True)
    assert "item (order_id, price)" in covering
