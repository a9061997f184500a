"""Shares, prices, names and recipes: pure pieces of the evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from optischema_tui.core.advise.judge.matching import matching_share
from optischema_tui.core.advise.judge.price import honest, stops_early
from optischema_tui.core.advise.judge.recipe import forward_and_inverse
from optischema_tui.core.advise.judge.rivals import keys_of
from optischema_tui.core.advise.naming import canonical, index_name
from optischema_tui.core.models import CatalogFacts, ColumnFacts, IndexSpec, TableFacts, recommendation_id
from optischema_tui.core.workload.plan import PlanNode

STATUS = ColumnFacts(
    "status", "text", False, null_frac=0.1, n_distinct=4,
    most_common_vals=("done", "new"), most_common_freqs=(0.8, 0.02),
)  # fmt: skip
OPEN = ColumnFacts("open", "boolean", True, n_distinct=2, most_common_vals=("f", "t"), most_common_freqs=(0.95, 0.05))
GONE = ColumnFacts("gone", "timestamp", False, null_frac=0.97, n_distinct=-0.03)
TABLE = TableFacts("public", "t", 1, 1e6, 10**8, (STATUS, OPEN, GONE), ())
FACTS = CatalogFacts({("public", "t"): TABLE})


@pytest.mark.parametrize(
    ("predicate", "share"),
    [
        ("", 1.0),
        ("status = 'new'::text", 0.02),
        ("(status)::text = ANY ('{new,done}'::text[])", 0.82),
        ("status <> 'done'", 0.1),
        ("status IS NULL", 0.1),
        ("gone IS NOT NULL", 0.03),
        ("open", 0.05),
        ("NOT open", 0.95),
        ("status = 'rare'", 0.04),
        ("status = 'new' AND open", 0.001),
    ],
)
def test_the_share_of_rows_that_a_condition_keeps(predicate, share):
    assert matching_share(predicate, TABLE) == pytest.approx(share)


def limit(taken: float, matching: float, whole: float, *, filtered: bool = True) -> PlanNode:
    """LIMIT over an ordered walk that costs `whole` and finds `matching` rows."""
    conditions = (("Filter", "(status = 'new'::text)"),) if filtered else ()
    walk = PlanNode(
        "Index Scan", 0.4, whole, matching, 8, "t", "public", "t", "by_time", conditions=conditions,
        parent_relationship="Outer",
    )  # fmt: skip
    hope = 0.4 + (whole - 0.4) * taken / matching
    return PlanNode("Limit", 0.4, hope, taken, 8, children=(walk,))


def test_an_early_stop_is_priced_between_hope_and_the_end_of_the_walk():
    price = honest(FACTS)
    plan = limit(10, 1_000, 50_000)
    assert plan.total_cost < 505
    assert 10 * plan.total_cost > price(plan) > 5 * plan.total_cost
    assert stops_early(plan, "by_time")
    assert not stops_early(plan, "another")


def test_no_early_stop_no_correction():
    price = honest(FACTS)
    for plan in (
        limit(10, 1_000, 50_000, filtered=False),
        limit(1_000, 1_000, 50_000),
        replace(limit(10, 1_000, 50_000), node_type="Materialize"),
        replace(
            limit(10, 1_000, 50_000),
            children=(PlanNode("Sort", 1, 2, 3, 4, children=limit(10, 1_000, 50_000).children),),
        ),
    ):
        assert price(plan) == pytest.approx(plan.total_cost)


def test_the_price_is_monotone_and_spares_what_nearly_always_matches():
    price = honest(FACTS)
    prices = [price(limit(10, matching, 50_000)) for matching in (100, 1_000, 10_000, 100_000, 900_000)]
    assert prices == sorted(prices, reverse=True)
    assert prices[-1] < 1.2 * limit(10, 900_000, 50_000).total_cost
    walks = [price(limit(10, 1_000, whole)) for whole in (1_000, 5_000, 50_000, 500_000)]
    assert walks == sorted(walks)
    assert all(price(limit(taken, 1_000, 50_000)) >= limit(taken, 1_000, 50_000).total_cost for taken in (1, 10, 999))


def test_a_limit_on_the_inner_side_counts_for_each_of_its_runs():
    price, inner = honest(FACTS), replace(limit(1, 1_000, 50_000), parent_relationship="Inner")
    outer = PlanNode("Seq Scan", 0, 10, 40, 8, parent_relationship="Outer")
    loop = PlanNode("Nested Loop", 0, 10 + 40 * inner.total_cost, 40, 8, children=(outer, inner))
    once = price(inner) - inner.total_cost
    assert price(loop) - loop.total_cost == pytest.approx(40 * once)


def test_a_plain_index_keeps_its_name_and_its_id():
    one = IndexSpec("public", "orders", ("customer_id", "region"))
    assert index_name(one) == "orders_customer_id_region_os" + index_name(one)[-4:]
    assert canonical(one) == canonical(replace(one, descending=(False, False), computed=(False, False), nulls=("", "")))
    # Ids are kept in histories: this one may never change.
    assert recommendation_id("t", "create_index", canonical(one)) == "44bec7374eb5"


def test_expressions_are_named_by_their_words():
    lower = IndexSpec("public", "people", ("(lower((email)::text))", "id"), computed=(True, False))
    assert index_name(lower).startswith("people_lower_email_id_os")
    key = IndexSpec("public", "t", ("((payload ->> 'k'::text))",), computed=(True,))
    assert index_name(key).startswith("t_payload_k_os")
    hostile = IndexSpec("public", "t", ("((p ->> '\"; DROP --'::text))",), computed=(True,))
    assert len(index_name(hostile).encode()) <= 63


def test_different_kinds_on_one_column_have_different_names_and_titles():
    base = IndexSpec("public", "t", ("status",))
    others: tuple[dict[str, Any], ...] = (
        {"method": "hash"}, {"opclasses": ("text_pattern_ops",)}, {"include": ("id",)}, {"predicate": "open"},
        {"descending": (True,)}, {"nulls": ("FIRST",)},
    )  # fmt: skip
    kinds = (base, *(replace(base, **each) for each in others))
    assert len({index_name(each) for each in kinds}) == len(kinds)
    assert len({keys_of(each) for each in kinds}) == len(kinds)
    assert keys_of(replace(base, include=("id",), predicate="open")) == "(status) INCLUDE (id) WHERE open"


def test_a_partitioned_table_gets_a_recipe():
    parent = replace(TABLE, name='odd "p" ON', partitioned=True)
    middle = replace(TABLE, name="p_2", partitioned=True, partition_of=parent.name)
    leaves = [replace(TABLE, name=name, partition_of=of) for name, of in (("p_1", parent.name), ("p_2a", "p_2"))]
    facts = CatalogFacts({(each.schema, each.name): each for each in (parent, middle, *leaves)})
    spec = IndexSpec("public", parent.name, ("status",))
    forward, inverse = forward_and_inverse(spec, "top ON", facts)
    steps = forward.split(";\n")
    assert steps[0] == 'CREATE INDEX "top ON" ON ONLY "public"."odd ""p"" ON" USING btree ("status")'
    assert [step.split('"')[0].strip() for step in steps] == [
        "CREATE INDEX", "CREATE INDEX CONCURRENTLY", "ALTER INDEX", "CREATE INDEX", "CREATE INDEX CONCURRENTLY",
        "ALTER INDEX", "ALTER INDEX",
    ]  # fmt: skip
    assert inverse == 'DROP INDEX "public"."top ON"'
