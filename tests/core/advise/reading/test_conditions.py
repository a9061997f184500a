"""Plan conditions read as comparisons, and plans read as uses of tables."""

from __future__ import annotations

import pytest

from optischema_tui.core.advise.propose.view import View
from optischema_tui.core.advise.reading.conditions import Kind, comparisons, sort_key
from optischema_tui.core.advise.reading.uses import Key, SortedKey, uses
from optischema_tui.core.models import CatalogFacts, ColumnFacts, TableFacts
from optischema_tui.core.workload.plan import PlanNode

ORDERS = TableFacts(
    "public", "orders", 1, 1e5, 10_000_000,
    (
        ColumnFacts("id", "bigint", True),
        ColumnFacts("customer_id", "bigint", True),
        ColumnFacts("status", "character varying(10)", False),
        ColumnFacts("email", "mail_domain", False),
        ColumnFacts("active", "boolean", False),
        ColumnFacts("at", "timestamp with time zone", False),
        ColumnFacts('odd "name', "text", False),
    ),
    (),
)  # fmt: skip
CUSTOMERS = TableFacts("public", "customers", 2, 1e4, 1_000_000, (ColumnFacts("id", "bigint", True),), ())
FACTS = CatalogFacts({("public", "orders"): ORDERS, ("public", "customers"): CUSTOMERS})


def scan(**more) -> PlanNode:
    fields = {"relation": "orders", "schema": "public", "alias": "orders"} | more
    return PlanNode("Seq Scan", 0, 100, 1, 8, **fields)


def above(*children: PlanNode, node_type: str = "Hash Join", **more) -> PlanNode:
    return PlanNode(node_type, 0, 200, 1, 8, children=children, **more)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("(a = 1)", [Kind.EQUAL]),
        ("((a = 1) AND (b > '2'::text))", [Kind.EQUAL, Kind.RANGE]),
        ("(a = ANY ('{1,2}'::integer[]))", [Kind.ANY]),
        ("(a <> ALL ('{1,2}'::integer[]))", [Kind.NONE]),
        ("(a IS NULL)", [Kind.EQUAL]),
        ("(a IS NOT NULL)", [Kind.NONE]),
        ("(a <> 1)", [Kind.NONE]),
        ("active", [Kind.EQUAL]),
        ("(NOT active)", [Kind.EQUAL]),
        ("((a ~~ 'x%'::text) AND (b = 'AND (c = 1)'::text))", [Kind.OTHER, Kind.EQUAL]),
        ("((a = 1) OR (b = 2))", [Kind.EQUAL, Kind.EQUAL]),
        ("(hashed SubPlan 1)", []),
        ("(ANY (a = (hashed SubPlan 1).col1))", []),
        ("((a + 1) = b)", [Kind.EQUAL]),
        ("", []),
        ("(((", []),
    ],
)
def test_comparisons(text, kinds):
    assert [each.kind for each in comparisons(text)] == kinds


def test_arms_of_an_or_are_marked():
    assert [each.in_or for each in comparisons("((a = 1) AND ((b = 2) OR ((c = 3) AND (d = 4))))")] == [
        False, True, True, True,
    ]  # fmt: skip


def test_sort_keys():
    assert sort_key("o.at DESC").descending
    assert sort_key("o.at DESC NULLS LAST").default_nulls is False
    assert sort_key("o.at NULLS FIRST").default_nulls is False
    assert sort_key("lower(o.email)").column is None
    assert sort_key("(status)::text").column is None
    assert sort_key("") is None


def test_columns_with_and_without_a_qualifier_and_quoted():
    plain = uses(scan(conditions=(("Filter", '((customer_id = $1) AND ("odd ""name" = \'x\'::text))'),)), FACTS)
    verbose = uses(
        scan(alias="o", conditions=(("Filter", '((o.customer_id = $1) AND (o."odd ""name" = \'x\'::text))'),)), FACTS
    )

    assert View(plain[0]).equal == View(verbose[0]).equal == [Key("customer_id"), Key('odd "name')]


def test_casts_that_only_relabel():
    (use,) = uses(
        scan(
            conditions=(
                (
                    "Filter",
                    "(((status)::text = 'x'::text) AND ((email)::text = $1) AND ((at)::date = '2024-01-01'::date))",
                ),
            )
        ),
        FACTS,
    )

    assert View(use).equal == [Key("status"), Key("email")]
    assert any("(at)::date" in sentence for sentence in use.unfit)


def test_both_sides_of_a_join():
    customers = scan(relation="customers", alias="c")
    plan = above(scan(alias="o"), customers, conditions=(("Hash Cond", "(o.customer_id = c.id)"),))

    found = {use.alias: use for use in uses(plan, FACTS)}

    assert View(found["o"]).joins == {"c": [Key("customer_id")]}
    assert View(found["c"]).joins == {"o": [Key("id")]}
    assert View(found["o"]).equal == []


def test_a_value_from_a_subquery_counts_as_a_join():
    (use,) = uses(scan(conditions=(("Filter", "(customer_id = x.id)"),)), FACTS)

    assert View(use).joins == {"": [Key("customer_id")]}


def test_a_column_compared_with_another_of_the_same_row_is_nothing_to_look_up():
    (use,) = uses(scan(conditions=(("Filter", "(customer_id = id)"),)), FACTS)

    assert View(use).leads() == ()


def test_a_wanted_order_ends_at_another_table():
    plan = above(
        scan(alias="o"),
        scan(relation="customers", alias="c"),
        node_type="Sort",
        keys=(("Sort Key", ("o.status", "o.at DESC", "c.id")),),
    )

    assert uses(plan, FACTS)[0].sorts == [(SortedKey(Key("status")), SortedKey(Key("at"), True))]


def test_unknown_tables_are_left_out():
    assert uses(scan(relation="nowhere"), FACTS) == ()
    assert uses(scan(schema="", relation="orders"), FACTS)[0].table is ORDERS


def test_an_operator_of_another_schema_is_read_by_its_name():
    (found,) = comparisons("(o.email OPERATOR(odd.=) 'x'::text)")

    assert (found.kind, found.operator) == (Kind.EQUAL, "=")


def test_a_type_of_another_schema_names_no_column():
    (found,) = comparisons("(a = 'x'::odd.status)")

    assert found.right.references == ()


def test_the_array_side_of_any_is_not_looked_up():
    (use,) = uses(scan(conditions=(("Filter", "('x'::text = ANY (orders.email))"),)), FACTS)

    assert View(use).any_of == []
    assert [term.key for term in use.terms] == [None]
