"""Values drawn for parameters, judged by the planner of a real server over data with skew."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optischema_tui.core.advise.values.draw import draw
from optischema_tui.core.advise.values.fit import returned
from optischema_tui.core.advise.values.literal import filled, parameters, quoted
from optischema_tui.core.errors import PlanFailed
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.workload.lexer import significant
from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.core.workload.statement import WorkloadStatement

DRAWN = """
SELECT * FROM orders WHERE id = $1
SELECT * FROM orders WHERE status = $1 AND tenant_id = $2 ORDER BY created_at DESC LIMIT 20
SELECT * FROM orders o WHERE o.status IN ($1, $2)
SELECT * FROM orders WHERE status IN ($1 /*, ... */) AND tenant_id = $2
SELECT * FROM orders WHERE id = ANY ($1)
SELECT * FROM orders WHERE id = ANY ($1::bigint[]) AND kind = ANY ($2::kind[])
SELECT * FROM orders WHERE status NOT IN ($1, $2)
SELECT * FROM orders WHERE status <> $1
SELECT * FROM orders WHERE status <> ALL ($1)
SELECT * FROM orders WHERE $1 = status AND $2 < created_at
SELECT * FROM orders WHERE created_at BETWEEN $1 AND $2
SELECT * FROM orders WHERE created_at >= $1::date AND created_at < $2::date + interval '1 day'
SELECT * FROM orders WHERE created_at >= date $1 AND created_at < date $2
SELECT * FROM orders WHERE created_at > now() - $1::interval
SELECT * FROM orders WHERE created_at > now() - interval $1
SELECT * FROM orders WHERE created_at::date = $1
SELECT * FROM orders WHERE day = $1 OR day = $2
SELECT * FROM orders WHERE day BETWEEN $1 AND $2 AND total > $3
SELECT * FROM orders WHERE (created_at, id) < ($1, $2) ORDER BY created_at DESC, id DESC LIMIT 10
SELECT * FROM orders WHERE ($1::text IS NULL OR status = $1) AND region = $2
SELECT * FROM orders WHERE active = $1 AND kind = $2
SELECT * FROM orders WHERE ref = $1
SELECT * FROM orders WHERE note = $1
SELECT * FROM orders WHERE region LIKE $1
SELECT * FROM items WHERE sku LIKE $1 || '%'
SELECT * FROM items WHERE sku ILIKE $1
SELECT * FROM users WHERE lower(email) = $1
SELECT * FROM users WHERE lower(email) = lower($1)
SELECT * FROM users WHERE "odd ""name" = $1 AND name = $2
SELECT * FROM orders WHERE prefs->>'lang' = $1
SELECT * FROM orders WHERE (prefs->>'n')::int > $1
SELECT * FROM orders WHERE prefs @> $1::jsonb AND status = $2
SELECT count(*), status FROM orders WHERE tenant_id = $1 GROUP BY status HAVING count(*) > $2
SELECT o.* FROM orders o JOIN items i ON i.order_id = o.id WHERE i.product = $1 AND o.status = $2
SELECT * FROM orders o LEFT JOIN users u ON u.id = o.tenant_id AND u.name = $1 WHERE o.id = $2
SELECT * FROM orders WHERE tenant_id IN (SELECT id FROM users WHERE name = $1)
SELECT * FROM orders o WHERE EXISTS (SELECT FROM items i WHERE i.order_id = o.id AND i.quantity = $1 AND sku = $2)
SELECT * FROM users u WHERE (SELECT count(*) FROM orders o WHERE o.tenant_id = u.id AND o.status = $1) > $2
WITH recent AS MATERIALIZED (SELECT * FROM orders WHERE created_at > $1) SELECT * FROM recent WHERE status = $2
WITH RECURSIVE t AS (SELECT * FROM orders WHERE id = $1 UNION ALL SELECT o.* FROM orders o JOIN t ON o.id = t.parent_id)
 SELECT * FROM t
SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY tenant_id ORDER BY id) AS n FROM orders WHERE status = $1) q
 WHERE n = $2
SELECT id FROM orders WHERE status = $1 UNION ALL SELECT id FROM items WHERE product = $2
SELECT DISTINCT tenant_id FROM orders WHERE created_at >= $1
SELECT * FROM open_orders WHERE state = $1 AND email = $2
SELECT * FROM events WHERE at >= $1 AND at < $2 AND kind = $3
SELECT * FROM events e JOIN users u ON u.id = e.user_id WHERE e.user_id = $1
UPDATE orders SET note = $1, total = total + $2 WHERE id = $3
UPDATE orders o SET note = u.name FROM users u WHERE u.id = o.tenant_id AND u.name = $1 RETURNING o.id
DELETE FROM orders WHERE created_at < $1
DELETE FROM items USING orders o WHERE o.id = items.order_id AND o.status = $1
INSERT INTO items SELECT id, $1, $2 FROM orders WHERE status = $3
MERGE INTO items t USING orders o ON o.id = t.order_id AND o.status = $1 WHEN MATCHED THEN UPDATE SET sku = $2
SELECT * FROM orders WHERE status = $1 AND tags @> $2
SELECT *, $1 AS mark FROM orders WHERE status = $2
SELECT * FROM orders WHERE status=$1 AND region IN('r1',$2)
SELECT * FROM orders WHERE created_at > $1 AND status = $2 FOR UPDATE SKIP LOCKED
"""
GENERIC = """
INSERT INTO items VALUES ($1, $2, $3, $4, $5)
SELECT * FROM blank WHERE id = $1 AND name = $2
SELECT * FROM orders WHERE extract(year FROM created_at) = $1
SELECT * FROM orders WHERE tags && $1
SELECT * FROM orders WHERE $1 @> prefs
SELECT * FROM orders WHERE status = coalesce($1, status)
SELECT * FROM orders WHERE id > ANY ($1) AND region LIKE ANY ($2)
SELECT $1::int + $2
"""


def lines(text: str) -> list[str]:
    return text.strip().replace("\n ", " ").split("\n")


@pytest.mark.parametrize("sql", lines(DRAWN))
def test_a_statement_is_drawn(skewed, sql):
    calls = []

    def plan(text: str) -> PlanNode:
        calls.append(text)
        return skewed.plan(text)

    drawn = skewed.draw(sql, plan=plan)
    assert sum(each.weight for each in drawn) == pytest.approx(1.0)
    assert all(each.weight > 0 and each.values and "average" not in each.values for each in drawn)
    assert 1 <= len({each.sql for each in drawn}) == len(drawn) <= 4
    assert len(calls) <= 4
    for each in drawn:
        assert each.plan == skewed.plan(each.sql)
        assert parameters(each.sql) == set(range(1, len(parameters(each.sql)) + 1)) < parameters(sql)
    assert skewed.draw(sql) == drawn

    measured = skewed.draw(sql, rows=40, plan=plan)
    assert sum(each.weight for each in measured) == pytest.approx(1.0)
    assert len(calls) <= 4 + 9


@pytest.mark.parametrize("sql", lines(GENERIC))
def test_a_statement_without_known_values_stays_as_it_is(skewed, sql):
    (drawn,) = skewed.draw(sql, plan=None)
    assert (drawn.sql, drawn.weight, drawn.plan) == (sql, 1.0, skewed.plan(sql))
    assert drawn.values.startswith("for average values: ")


def test_literals_are_left_alone(skewed):
    sql = "SELECT * FROM orders WHERE status = 'new' -- $1"
    (drawn,) = skewed.draw(sql, plan=None)
    assert (drawn.sql, drawn.weight, drawn.values) == (sql, 1.0, "")


def test_skew_shows_as_different_plans(skewed):
    drawn = skewed.draw("SELECT * FROM orders WHERE status = $1")
    nodes = {each.values.split("'")[1]: each.plan.node_type for each in drawn}
    assert nodes["done"] == "Seq Scan"
    assert nodes["new"] == "Index Scan"
    assert drawn[0].values == "status = 'done' (90 % of rows)"
    assert len({each.plan.rows for each in drawn}) == 4

    tenants = skewed.draw("SELECT * FROM orders WHERE tenant_id = $1")
    rows = [each.plan.rows for each in tenants]
    assert max(rows) > 30 * min(rows)
    assert any("% of rows" not in each.values for each in tenants), "a value that no list of common ones holds"


def test_without_an_index_skew_is_not_lost(skewed):
    """A scan costs the same whatever it finds; an index that is to be judged would not."""
    drawn = skewed.draw("SELECT * FROM orders WHERE active = $1")
    assert {each.plan.node_type for each in drawn} == {"Seq Scan"}
    assert [each.values for each in drawn] == ["active = 't' (99 % of rows)", "active = 'f' (1 % of rows)"]


def test_what_plans_alike_is_one(skewed):
    """The key finds the one row; what the second condition is compared with makes no difference."""
    (drawn,) = skewed.draw("SELECT * FROM orders WHERE id = $1 AND status = $2")
    assert drawn.weight == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("SELECT * FROM orders WHERE created_at > $1", 6),
        ("SELECT * FROM orders WHERE created_at > $1", 3000),
        ("SELECT * FROM orders WHERE created_at < $1 ORDER BY total", 200),
        ("SELECT * FROM orders WHERE created_at >= $1 AND created_at < $2", 144),
        ("SELECT * FROM orders WHERE created_at BETWEEN $1 AND $2 AND status = $3", 40),
        ("SELECT * FROM orders WHERE day >= $1 AND day < $2", 430),
        ("SELECT * FROM orders WHERE total BETWEEN $1 AND $2", 60),
        ("SELECT * FROM events WHERE at > $1", 90),
        ("SELECT * FROM orders WHERE id = ANY ($1)", 57),
        ("SELECT i.* FROM orders o JOIN items i ON i.order_id = o.id WHERE o.created_at > $1", 25),
        ("DELETE FROM orders WHERE created_at < $1", 700),
        ("UPDATE orders SET note = $1 WHERE id > $2", 90),
    ],
)
def test_the_measured_rows_tell_how_wide_a_range_is(skewed, sql, rows):
    calls = []

    def plan(text: str) -> PlanNode:
        calls.append(text)
        return skewed.plan(text)

    drawn = skewed.draw(sql, rows=rows, plan=plan)
    planned = sum(each.weight * returned(each.plan) for each in drawn)
    assert rows / 3 <= planned <= rows * 3
    assert len(calls) <= 8


@pytest.mark.parametrize(("rows", "expected"), [(150, {"new"}), (2100, {"new", "sent"}), (27000, {"done"})])
def test_the_measured_rows_tell_which_values_are_asked_for(skewed, rows, expected):
    drawn = skewed.draw("SELECT * FROM orders WHERE status = $1", rows=rows)
    weights = {each.values.split("'")[1]: each.weight for each in drawn}
    assert expected <= weights.keys()
    assert sum(each.weight * each.plan.rows for each in drawn) == pytest.approx(rows, rel=0.51)


def test_rows_under_an_aggregate_or_a_limit_tell_nothing(skewed):
    for sql in (
        "SELECT count(*) FROM orders WHERE status = $1",
        "SELECT * FROM orders WHERE status = $1 LIMIT 5",
        "SELECT DISTINCT tenant_id FROM orders WHERE status = $1",
    ):
        assert skewed.draw(sql, rows=1) == skewed.draw(sql)


def test_no_combination_without_rows_when_calls_return_some(skewed):
    sql = "SELECT * FROM orders WHERE tenant_id = $1 AND status = $2 AND region = $3"
    assert min(each.plan.rows for each in skewed.draw(sql)) == 1
    assert min(each.plan.rows for each in skewed.draw(sql, rows=60)) > 1


def test_common_does_not_always_meet_common(skewed):
    """Two columns of one kind are not taken to agree: the ranks of their values differ in some draw."""
    drawn = skewed.draw("SELECT * FROM orders WHERE status = $1 AND parent_id = $2 AND tenant_id = $3")
    assert len(drawn) == 4
    assert {"new", "done"} <= {each.values.split("status = '")[1].split("'")[0] for each in drawn}


def quoted_row(row: tuple[str, ...]) -> dict[int, str]:
    return {number: quoted(value) for number, value in enumerate(row, 1)}


@pytest.mark.parametrize(
    ("sql", "passed", "index"),
    [
        ("SELECT * FROM shadow WHERE status = $1", "SELECT 'new'", "(status)"),
        ("SELECT * FROM shadow WHERE tenant_id = $1", "SELECT tenant_id FROM shadow WHERE id % 500 = 0", "(tenant_id)"),
        ("SELECT * FROM shadow WHERE tenant_id = $1", "SELECT n * 20 FROM generate_series(1, 49) n", "(tenant_id)"),
        ("SELECT * FROM shadow WHERE created_at > $1", "SELECT timestamptz '2026-07-28 07:00Z'", "(created_at)"),
        ("SELECT * FROM shadow WHERE created_at > $1", "SELECT timestamptz '2026-06-01 00:00Z'", "(created_at)"),
        (
            "SELECT * FROM shadow WHERE created_at >= $1 AND created_at < $2",
            "SELECT at, at + interval '60 days' FROM (SELECT timestamptz '2026-01-01Z' + n * interval '12 days' FROM"
            " generate_series(1, 10) n) AS t (at)",
            "(created_at)",
        ),
        (
            "SELECT * FROM shadow WHERE region = $1 AND tenant_id = $2",
            "SELECT 'r3', tenant_id FROM shadow WHERE id % 500 = 0",
            "(tenant_id)",
        ),
    ],
)
def test_what_an_index_would_do_is_nearly_what_it_does_for_the_values_passed(skewed, sql, passed, index):
    """The draws do not know the values passed, only the rows that come back."""
    session = skewed.session
    with session.transaction(force_rollback=True):
        session.execute("CREATE TABLE shadow AS SELECT * FROM orders")
        session.execute("ANALYZE shadow")
        facts = read_image(session).facts()
        texts = [filled(sql, quoted_row(tuple(map(str, row)))) for row in session.execute(passed.encode()).fetchall()]
        counts = [session.execute(f"SELECT count(*) FROM ({text}) AS q".encode()).fetchone()[0] for text in texts]
        rows = sum(counts) / len(counts)
        generic = skewed.plan(sql)
        drawn = draw(WorkloadStatement(sql, rows_per_call=rows), generic, facts, skewed.plan)
        before = sum(skewed.plan(text).total_cost for text in texts)
        session.execute(f"CREATE INDEX ON shadow {index}".encode())
        true = sum(skewed.plan(text).total_cost for text in texts) / before
        told = sum(each.weight * skewed.plan(each.sql).total_cost for each in drawn)
        told /= sum(each.weight * each.plan.total_cost for each in drawn)
    assert true / 2 <= told <= true * 2


def test_a_partial_index_is_provable_with_a_drawn_value_only(skewed):
    sql = "SELECT * FROM orders WHERE status = $1 AND total > 99"
    with skewed.session.transaction(force_rollback=True):
        skewed.session.execute("CREATE INDEX fresh ON orders (total) WHERE status = 'new'")
        assert "fresh" not in skewed.plan(sql).indexes()
        using = [each.values for each in skewed.draw(sql) if "fresh" in each.plan.indexes()]
    assert len(using) == 1
    assert using[0].startswith("status = 'new'")


def test_a_pattern_is_taken_for_a_prefix(skewed):
    sql = "SELECT * FROM items WHERE sku LIKE $1"
    with skewed.session.transaction(force_rollback=True):
        skewed.session.execute("CREATE INDEX begins ON items (sku text_pattern_ops)")
        assert "begins" not in skewed.plan(sql).indexes()
        for rows in (6, 60, 600):
            (drawn,) = skewed.draw(sql, rows=rows)
            assert "begins" in drawn.plan.indexes()
            assert drawn.values.startswith("sku LIKE 'SKU-00")
            prefix = drawn.sql.split("'")[1].removesuffix("%")
            found = skewed.session.execute(f"SELECT count(*) FROM items WHERE sku LIKE '{prefix}%'".encode()).fetchone()
            assert rows / 10.1 <= found[0] <= rows * 10.1, "a letter more or less"


def test_a_value_that_the_statement_keeps_out_is_not_drawn(skewed):
    drawn = skewed.draw("SELECT * FROM orders WHERE status = $1 AND status <> 'done'")
    assert drawn
    assert not [each for each in drawn if "status = 'done'" in each.values]


def test_documents_are_asked_for_members_that_they_hold(skewed):
    sql = "SELECT * FROM orders WHERE prefs @> $1"
    rows = {each.values.split(" (")[0]: each.plan.rows for each in skewed.draw(sql)}
    common, rare = rows["""prefs @> '{"lang": "de"}'"""], min(rows.values())
    assert common > 20_000 > 20 * rare
    (few,) = skewed.draw(sql, rows=300)
    assert few.values.startswith("""prefs @> '{"n": """)


def test_a_partition_is_read_by_its_parents_statistics(skewed):
    drawn = skewed.draw("SELECT * FROM events WHERE at > $1", rows=60)
    assert drawn[0].values.startswith("at > '2026-02-2")
    assert not [node for node in drawn[0].plan.walk() if node.relation == "events_1"]


def test_hostile_values_stay_inside_their_constants(skewed):
    for sql in (
        'SELECT * FROM users WHERE "odd ""name" = $1 AND id > $2',
        'SELECT * FROM users WHERE "odd ""name" = ANY ($1) AND id > $2',
        'SELECT * FROM users WHERE "odd ""name" IN ($1, $2)',
        'SELECT * FROM users WHERE "odd ""name" LIKE $1',
    ):
        drawn = skewed.draw(sql)
        assert any("O'" in each.sql for each in drawn) or "LIKE" in sql
        kinds = [token.kind for token in significant(sql)]
        for each in drawn:
            assert [token.kind.replace("string", "param") for token in significant(each.sql)] == kinds
            assert "\n" not in each.values
    drawn = skewed.draw('SELECT * FROM users WHERE "odd ""name" = $1')
    (hostile,) = [each for each in drawn if "O'" in each.sql]
    assert len(skewed.session.execute(hostile.sql.encode()).fetchall()) == 300


def test_what_cannot_be_planned_is_left_out(skewed):
    sql = "SELECT * FROM orders WHERE status = $1 AND region = $2"

    def fussy(text: str) -> PlanNode:
        if "'new'" in text:
            raise PlanFailed("no")
        return skewed.plan(text)

    def fussier(text: str) -> PlanNode:
        if "region = 'r" in text:
            raise PlanFailed("no")
        return skewed.plan(text)

    def never(text: str) -> PlanNode:
        raise PlanFailed("no")

    assert sum(each.weight for each in skewed.draw(sql, plan=fussy)) == pytest.approx(1.0)
    partly = skewed.draw(sql, plan=fussier)
    assert len(partly) == 4
    assert all(each.sql.endswith("region = $1") and "$2 not known" in each.values for each in partly)
    (whole,) = skewed.draw(sql, plan=never)
    assert (whole.sql, whole.weight) == (sql, 1.0)

    days = skewed.draw("SELECT * FROM orders WHERE day > current_date - $1::int AND status = $2")
    assert {"new", "done"} <= {each.values.split("'")[1] for each in days}
    assert all("$1 not known" in each.values for each in days)


def test_one_text_when_one_is_wanted(skewed):
    (drawn,) = skewed.draw("SELECT * FROM orders WHERE status = $1 AND tenant_id = $2", most=1)
    assert drawn.weight == pytest.approx(1.0)


def test_parameters_that_the_plan_does_not_show_are_read_from_the_text(skewed):
    """A server before 16 prunes partitions by the NULLs that it is given, and shows no condition then."""
    sql = "SELECT * FROM events e WHERE e.at > $1 AND e.kind IN ($2, $3) AND user_id = ANY ($4::int[]) AND $5 >= at"
    pruned = PlanNode("Append", 0.0, 0.0, 0.0, 0)
    drawn = draw(WorkloadStatement(sql), pruned, skewed.facts, skewed.plan)
    assert drawn
    assert not any(parameters(each.sql) for each in drawn)
    assert all("user_id IN (" in each.values and "at from '2026" in each.values for each in drawn)


def test_results_of_subqueries_are_no_parameters(skewed):
    """Before 17 `$0` and `$1` in a plan may also be what a subquery gave."""
    sql = "SELECT * FROM orders WHERE tenant_id = (SELECT max(id) FROM users WHERE name = $2) AND status = $1"
    plan = PlanNode("Seq Scan", 0.0, 9.0, 1.0, 9, "orders", "public", "orders", conditions=(
        ("Filter", "((orders.tenant_id = $1) AND (orders.status = $1))"),
    ), children=(PlanNode("Aggregate", 0.0, 9.0, 1.0, 4, subplan_name="InitPlan 1 (returns $1)", children=(
        PlanNode("Seq Scan", 0.0, 9.0, 1.0, 4, "users", "public", conditions=(("Filter", "(users.name = $2)"),)),
    )),))  # fmt: skip
    drawn = draw(WorkloadStatement(sql), plan, skewed.facts, skewed.plan)
    assert {"done", "new"} <= {each.sql.split("status = '")[1].rstrip("'") for each in drawn}


def test_it_draws_from_a_plan_without_the_tables_schema(skewed):
    sql = "SELECT * FROM orders WHERE status = $1"

    def bare(node: PlanNode) -> PlanNode:
        return replace(
            node, schema="", conditions=tuple((label, text.replace("orders.", "")) for label, text in node.conditions)
        )

    drawn = draw(WorkloadStatement(sql), bare(skewed.plan(sql)), skewed.facts, skewed.plan)
    assert len(drawn) == 4
