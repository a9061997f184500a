"""The advisor against a real planner and really built indexes."""

from __future__ import annotations

import pytest

from optischema_tui.core.advise.advisor import advise
from optischema_tui.core.advise.options import Options
from optischema_tui.core.models import Risk
from optischema_tui.core.workload.statement import WorkloadStatement, text_id


def statement(sql: str, calls: int = 100, mean_ms: float = 20.0) -> WorkloadStatement:
    return WorkloadStatement(sql, calls, mean_ms, text_id(sql))


def columns(advice) -> list[tuple[str, tuple[str, ...]]]:
    return [(rec.spec.table, rec.spec.columns) for rec in advice.recommendations]


@pytest.fixture
def ask(built, facts_now):
    seen = []

    def run(*statements: WorkloadStatement, budget: int | None = None):
        if not seen:
            seen.append(facts_now())  # before the planner builds anything
        return advise(statements, seen[0], built, target="t" * 16, options=Options(budget_bytes=budget))

    return run


@pytest.mark.parametrize("value", ["$1", "4711"])
def test_a_foreign_key_without_index_gets_one(ask, value):
    advice = ask(statement(f"SELECT * FROM order_items WHERE order_id = {value}"))

    assert columns(advice) == [("order_items", ("order_id",))]
    (rec,) = advice.recommendations
    assert rec.forward_sql.startswith('CREATE INDEX CONCURRENTLY "order_items_order_id_os')
    assert rec.inverse_sql == f'DROP INDEX CONCURRENTLY "public"."{rec.index_name}"'
    assert rec.evidence.gain > 50
    assert rec.evidence.share == pytest.approx(1.0)
    assert rec.evidence.confidence.startswith("high")
    (affected,) = rec.evidence.affected
    assert bool(affected.values) is (value == "$1")
    assert (affected.generic_after is not None) is (value == "$1")
    assert any("foreign key" in note for note in rec.evidence.notes)
    assert rec.evidence.size_bytes > 0
    assert advice.cost_after < advice.cost_before / 50
    assert advice.planner_calls <= 8


def test_equality_then_order_by_with_limit_makes_a_composite(ask):
    advice = ask(
        statement(
            "SELECT id, total FROM orders WHERE customer_id = 17 AND region = 'r3' ORDER BY created_at DESC LIMIT 5"
        )
    )

    ((table, keys),) = columns(advice)
    assert table == "orders"
    assert set(keys[:2]) == {"customer_id", "region"}
    assert keys[0] == "customer_id"
    assert keys[2:] == ("created_at",)


def test_equality_then_range(ask):
    advice = ask(
        statement(
            "SELECT sum(total) FROM orders WHERE customer_id = 9 AND created_at BETWEEN '2024-01-02' AND '2024-01-03'"
        )
    )

    assert columns(advice) == [("orders", ("customer_id", "created_at"))]
    assert any("range" in note for note in advice.recommendations[0].evidence.notes)


def test_a_range_alone(ask):
    advice = ask(statement("SELECT * FROM orders WHERE created_at >= '2024-02-10' AND created_at < '2024-02-10 06:00'"))

    assert columns(advice) == [("orders", ("created_at",))]


def test_what_an_index_covers_is_never_proposed(ask, built):
    built.session.execute("CREATE INDEX have ON order_items (order_id, quantity)")

    advice = ask(statement("SELECT * FROM order_items WHERE order_id = 5"))

    assert advice.recommendations == ()
    assert any("covered by have" in line for line in advice.why_not)


def test_a_partial_index_does_not_cover(ask, built):
    built.session.execute("CREATE INDEX have ON order_items (order_id) WHERE quantity = 77")

    assert columns(ask(statement("SELECT * FROM order_items WHERE order_id = 5"))) == [("order_items", ("order_id",))]


def test_an_invalid_index_does_not_cover_and_is_named(ask, built):
    built.session.execute("CREATE INDEX have ON order_items (order_id)")
    built.session.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'have'::regclass")

    advice = ask(statement("SELECT * FROM order_items WHERE order_id = 5"))

    assert columns(advice) == [("order_items", ("order_id",))]
    assert any("invalid index have" in note for note in advice.recommendations[0].evidence.notes)


def test_a_primary_key_lookup_needs_nothing(ask):
    advice = ask(statement("SELECT * FROM orders WHERE id = 5 AND status = 'new'"))

    assert advice.recommendations == ()
    assert any("orders_pkey" in line for line in advice.why_not)


def test_a_join_on_a_foreign_key(ask):
    advice = ask(
        statement(
            "SELECT o.id, i.product_id FROM orders o JOIN order_items i ON i.order_id = o.id "
            "WHERE o.id BETWEEN 100 AND 110"
        )
    )

    assert columns(advice) == [("order_items", ("order_id",))]


def test_two_indexes_that_one_join_needs(ask):
    advice = ask(
        statement(
            "SELECT c.id, count(*) FROM customers c JOIN orders o ON o.customer_id = c.id "
            "JOIN order_items i ON i.order_id = o.id WHERE c.email = 'user77@example.org' GROUP BY c.id"
        )
    )

    found = dict(columns(advice))
    assert found["order_items"] == ("order_id",)
    assert len(found) > 1


def test_one_wide_index_instead_of_a_narrow_one_besides(ask):
    advice = ask(
        statement("SELECT * FROM orders WHERE customer_id = 3 AND region = 'r1' AND status = 'new'", 1000),
        statement("SELECT count(*) FROM orders WHERE customer_id = 8", 1000),
    )

    assert len(advice.recommendations) == 1
    assert columns(advice)[0][1][0] == "customer_id"
    assert len(advice.recommendations[0].evidence.affected) == 2


def test_the_budget_is_kept(ask):
    work = (
        statement("SELECT * FROM order_items WHERE order_id = 5", 1000),
        statement("SELECT * FROM customers WHERE email = 'user5@example.org'", 100),
    )
    free = ask(*work)
    sizes = {rec.spec.table: rec.evidence.size_bytes for rec in free.recommendations}
    assert set(sizes) == {"order_items", "customers"}

    tight = ask(*work, budget=sizes["customers"] + 8192)

    assert [rec.spec.table for rec in tight.recommendations] == ["customers"]
    assert any("exceeds the budget" in line for line in tight.why_not)


def test_a_small_table_is_left_alone(ask):
    advice = ask(statement("SELECT * FROM countries WHERE code = 'de'"))

    assert advice.recommendations == ()
    assert any(line.startswith("countries: no index is proposed, it is small") for line in advice.why_not)


def test_expressions_and_documents_get_indexes_and_what_none_may_hold_is_named(ask, built):
    advice = ask(
        statement("SELECT * FROM customers WHERE lower(email) = $1"),
        statement("SELECT * FROM orders WHERE payload @> '{\"k\": 5}'"),
        statement("SELECT * FROM orders WHERE created_at::date = '2024-02-02'"),
    )

    made = {rec.spec.table: rec for rec in advice.recommendations}
    assert made["customers"].spec.columns == ("(lower(email))",)
    assert (made["orders"].spec.method, made["orders"].spec.columns) == ("gin", ("payload",))
    assert len(advice.recommendations) == 2
    assert any("the cast of a timestamp with time zone to date depends on the session's TimeZone" in line
               for line in advice.why_not)  # fmt: skip
    for rec in advice.recommendations:
        built.session.execute(rec.forward_sql.replace(" CONCURRENTLY", ""))


def test_varchar_compared_as_text_is_an_ordinary_column(ask):
    advice = ask(statement("SELECT * FROM orders WHERE region = $1 AND customer_id = $2"))

    assert columns(advice) == [("orders", ("customer_id", "region"))]
    assert not any("function-wrapped" in line for line in advice.why_not)


def test_updates_and_deletes_are_served_too(ask):
    advice = ask(statement("DELETE FROM order_items WHERE order_id = $1"))

    assert columns(advice) == [("order_items", ("order_id",))]


def test_statements_that_cannot_be_planned_are_reported(ask):
    advice = ask(
        statement("SELECT * FROM no_such_table WHERE a = 1"),
        statement("SELECT * FROM order_items WHERE order_id = 5"),
        WorkloadStatement("SELECT cut of", 5, 5.0, 1, "Its text is longer than the part that is kept"),
    )

    assert dict(advice.unplanned)["SELECT cut of"].startswith("Its text")
    assert "no_such_table" in dict(advice.unplanned)["SELECT * FROM no_such_table WHERE a = 1"]
    assert advice.planned == 1
    assert len(advice.recommendations) == 1


def test_a_hot_column_is_a_risk(ask):
    advice = ask(
        statement("SELECT count(*) FROM orders WHERE total = 7"),
        statement("UPDATE orders SET total = total + $1 WHERE id = $2", 10000, 0.1),
    )

    (rec,) = advice.recommendations
    assert rec.spec.columns == ("total",)
    assert rec.risk is Risk.MEDIUM
    assert any("HOT" in reason for reason in rec.risk_reasons)


def test_the_same_input_gives_the_same_advice(ask):
    work = [
        statement("SELECT * FROM order_items WHERE order_id = 5"),
        statement("SELECT * FROM order_items WHERE product_id = 5 AND quantity > 3"),
        statement("SELECT * FROM orders WHERE customer_id = 3 ORDER BY created_at LIMIT 10"),
        statement("SELECT c.email FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.total = 3"),
    ]
    first, second = ask(*work), ask(*reversed(work))

    assert [rec.forward_sql for rec in first.recommendations] == [rec.forward_sql for rec in second.recommendations]
    assert [rec.id for rec in first.recommendations] == [rec.id for rec in second.recommendations]
    assert first.why_not == second.why_not


def test_through_a_view_and_a_subquery(ask, built):
    built.session.execute(
        "CREATE VIEW sales AS SELECT o.id AS number, o.customer_id AS buyer, i.product_id "
        "FROM orders o JOIN order_items i ON i.order_id = o.id"
    )

    advice = ask(
        statement("SELECT * FROM sales WHERE number = $1"),
        statement("WITH late AS (SELECT * FROM orders) SELECT * FROM late l WHERE l.customer_id = $1 AND l.total = $2"),
    )

    assert {table: keys[0] for table, keys in columns(advice)}["order_items"] == "order_id"
    assert any(table == "orders" and {"customer_id", "total"} == set(keys) for table, keys in columns(advice))


def test_names_that_need_quotes(ask, built):
    built.session.execute(
        'CREATE SCHEMA "Odd ""schema"; CREATE TABLE "Odd ""schema"."Käufe [/x]" ("Größe; --" int, "select" text);'
        'INSERT INTO "Odd ""schema"."Käufe [/x]" SELECT n, n::text FROM generate_series(1, 50000) n;'
        'ANALYZE "Odd ""schema"."Käufe [/x]"'
    )

    advice = ask(statement('SELECT * FROM "Odd ""schema"."Käufe [/x]" WHERE "Größe; --" = 5'))

    (rec,) = advice.recommendations
    assert rec.spec.columns == ("Größe; --",)
    built.session.execute(rec.forward_sql.replace(" CONCURRENTLY", ""))
    built.session.execute(rec.inverse_sql.replace(" CONCURRENTLY", ""))


def test_fifty_statements_cost_few_plans(ask):
    work = [
        statement(f"SELECT * FROM orders WHERE {one} = 1 AND {other} = 2 ORDER BY {third} LIMIT {limit}", 10 + limit)
        for limit in range(1, 6)
        for one, other, third in (
            ("customer_id", "total", "created_at"),
            ("total", "id", "status"),
            ("customer_id", "id", "total"),
        )
    ] + [
        statement(f"SELECT * FROM order_items WHERE {column} = {value}", value)
        for column in ("order_id", "product_id", "quantity")
        for value in range(1, 12)
    ]

    advice = ask(*work)

    assert advice.planned + advice.left_out == len(work)
    assert {rec.spec.table for rec in advice.recommendations} == {"orders", "order_items"}
    assert advice.planner_calls < 12 * advice.planned
