"""Conditions as terms: keys, constants, partners, and what an index must hold; on plans made by hand."""

from __future__ import annotations

import pytest

from optischema_tui.core.advise.propose.view import View
from optischema_tui.core.advise.reading.conditions import Kind
from optischema_tui.core.advise.reading.uses import Key, SortedKey, uses
from optischema_tui.core.models import CatalogFacts, ColumnFacts, IndexFacts, TableFacts
from optischema_tui.core.workload.plan import PlanNode


def table(name: str, *columns: tuple[str, str], **more) -> TableFacts:
    return TableFacts(
        "public", name, 1, 1e5, 10_000_000, tuple(ColumnFacts(each, kind, True) for each, kind in columns),
        more.pop("indexes", ()), **more,
    )  # fmt: skip


INDEX = IndexFacts(
    "public", "t_open", "t", "btree", ("a", "at"), (), (False, True), "(NOT done)", False, False, True, False, 1, "",
    nulls_first=(False, True),
)  # fmt: skip
T = table(
    "t", ("id", "bigint"), ("a", "integer"), ("at", "timestamp with time zone"), ("s", "character varying(9)"),
    ("done", "boolean"), ("d", "jsonb"), ("ts", "timestamp(3) without time zone"), indexes=(INDEX,),
)  # fmt: skip
U = table("u", ("id", "bigint"), ("t_id", "bigint"), ("b", "integer"))
PARENT = table("p", ("id", "bigint"), ("at", "date"), partitioned=True)
PARTS = [table(f"p_{n}", ("id", "bigint"), ("at", "date"), partition_of="p") for n in (1, 2)]
FACTS = CatalogFacts({("public", each.name): each for each in (T, U, PARENT, *PARTS)})


def scan(relation: str = "t", condition: str = "", **more) -> PlanNode:
    alias = more.pop("alias", relation)
    conditions = (("Filter", condition),) if condition else ()
    return PlanNode(
        more.pop("node_type", "Seq Scan"), 0, 1, 1, 8, relation, "public", alias, conditions=conditions, **more
    )


def over(node_type: str, *children: PlanNode, **more) -> PlanNode:
    return PlanNode(node_type, 0, 2, 1, 8, children=children, **more)


def terms(condition: str):
    (use,) = uses(scan(condition=condition, alias="x"), FACTS)
    return use.terms


@pytest.mark.parametrize(
    ("condition", "text", "key", "kind", "constant"),
    [
        ("(x.a = 5)", "a = 5", Key("a"), Kind.EQUAL, True),
        ("(x.a = $1)", "a = $1", Key("a"), Kind.EQUAL, False),
        ("(NOT x.done)", "NOT done", Key("done"), Kind.EQUAL, True),
        ("(x.at IS NOT NULL)", "at IS NOT NULL", Key("at"), Kind.NONE, True),
        ("((x.s)::text = 'x.a'::text)", "(s)::text = 'x.a'::text", Key("s"), Kind.EQUAL, True),
        ("(lower((x.s)::text) = 'q')", "lower((s)::text) = 'q'", Key("(lower((s)::text))", True), Kind.EQUAL, True),
        ("((x.d ->> 'k'::text) = $2)", "(d ->> 'k'::text) = $2", Key("(d ->> 'k'::text)", True), Kind.EQUAL, False),
        ("((x.ts)::date = '2024-01-01')", "(ts)::date = '2024-01-01'", Key("((ts)::date)", True), Kind.EQUAL, True),
        ("((x.at)::date = '2024-01-01'::date)", "(at)::date = '2024-01-01'::date", None, Kind.EQUAL, False),
        ("(x.at > now())", "at > now()", Key("at"), Kind.RANGE, False),
        ("(x.a = (InitPlan 1).col1)", "a = (InitPlan 1).col1", Key("a"), Kind.EQUAL, False),
        ("(ROW(x.at, x.id) < ROW('1'::date, 5))", "ROW(at, id) < ROW('1'::date, 5)", Key("at"), Kind.RANGE, False),
        ("(count(*) > 5)", None, None, None, None),
        ("(ANY (x.a = (hashed SubPlan 1).col1))", "ANY (a = (hashed SubPlan 1).col1)", None, Kind.NONE, False),
        ("(NOT (x.a = ANY ($1)))", "NOT (a = ANY ($1))", None, Kind.NONE, False),
        ("(sum(x.a) > 5)", "sum(a) > 5", None, Kind.RANGE, False),
    ],
)  # fmt: skip
def test_one_condition(condition, text, key, kind, constant):
    found = terms(condition)

    if text is None:
        assert found == []
    else:
        assert [(each.text, each.key, each.kind, each.constant) for each in found] == [(text, key, kind, constant)]


def test_a_join_gives_either_table_its_side():
    plan = over("Hash Join", scan(alias="x"), scan("u"), conditions=(("Hash Cond", "(u.t_id = lower(x.s)::bigint)"),))

    x, u = uses(plan, FACTS)

    assert [(each.key, each.partner) for each in u.terms] == [(Key("t_id"), "x")]
    assert [(each.key.computed, each.partner) for each in x.terms] == [(True, "u")]


def test_an_or_is_also_one_condition():
    found = terms("((x.a = 1) OR (x.s = 'q'::text))")

    assert [(each.text, each.in_or) for each in found] == [
        ("a = 1", True), ("s = 'q'::text", True), ("(a = 1) OR (s = 'q'::text)", False),
    ]  # fmt: skip


def test_what_a_partial_index_holds_is_a_condition_of_its_scan():
    (use,) = uses(scan(node_type="Index Scan", index_name="t_open", condition="(t.a = 1)"), FACTS)

    assert [each.text for each in use.terms] == ["a = 1", "NOT done"]


def test_what_a_bitmap_looks_up_is_read_once_and_not_as_anded():
    inner = over(
        "BitmapOr",
        PlanNode("Bitmap Index Scan", 0, 1, 1, 0, index_name="i", conditions=(("Index Cond", "(t.a = 1)"),)),
        PlanNode("Bitmap Index Scan", 0, 1, 1, 0, index_name="j", conditions=(("Index Cond", "(t.id = 2)"),)),
    )
    plan = PlanNode(
        "Bitmap Heap Scan", 0, 1, 1, 8, "t", "public", "t",
        conditions=(("Recheck Cond", "((t.a = 1) OR (t.id = 2))"),), children=(inner,),
    )  # fmt: skip

    (use,) = uses(plan, FACTS)

    assert View(use).equal == []
    assert set(View(use).either) == {Key("a"), Key("id")}


ALL = tuple(f"t.{column.name}" for column in T.columns)


def test_columns_needed_beside_whole_rows_that_cost_nothing():
    whole = over("Aggregate", scan(output=ALL, condition="(t.a = 1)"), output=("sum(t.id)",))
    sorted_ = over("Sort", scan(output=("t.s", "t.at")), output=("t.s", "t.at"), keys=(("Sort Key", ("t.at",)),))
    top = scan(output=ALL)

    assert [use.needed() for use in uses(whole, FACTS)] == [{"a", "id"}]
    assert [use.needed(frozenset(["a = 1"])) for use in uses(whole, FACTS)] == [{"id"}]
    assert [use.needed() for use in uses(sorted_, FACTS)] == [{"s", "at"}]
    assert [use.needed() for use in uses(top, FACTS)] == [{column.name for column in T.columns}]


@pytest.mark.parametrize("output", ["t.ctid", "t.*", "ctid"])
def test_a_row_itself_is_more_than_any_index_holds(output):
    assert uses(scan(output=("t.a", output)), FACTS)[0].needed() is None


def test_without_outputs_nothing_is_known():
    assert uses(scan(condition="(a = 1)"), FACTS)[0].needed() is None


def test_orders_of_every_kind():
    plan = over(
        "Sort", scan(), keys=(("Sort Key", ("t.at DESC NULLS LAST", "lower((t.s)::text)", "t.id DESC")),)
    )  # fmt: skip
    smallest = over("Aggregate", scan(), output=("min(t.a)",))
    walked = over("Limit", scan(node_type="Index Scan", index_name="t_open", direction="Backward"))
    unordered = over("Sort", scan(node_type="Index Scan", index_name="t_open"), keys=(("Sort Key", ("t.s",)),))

    assert uses(plan, FACTS)[0].sorts == [
        (SortedKey(Key("at"), True, "LAST"), SortedKey(Key("(lower((s)::text))", True)), SortedKey(Key("id"), True))
    ]
    assert uses(smallest, FACTS)[0].sorts == [(SortedKey(Key("a")),)]
    assert uses(walked, FACTS)[0].sorts == [(SortedKey(Key("a"), True), SortedKey(Key("at")))]
    assert uses(over("Limit", unordered), FACTS)[0].sorts == [(SortedKey(Key("s")),)]


def test_a_collation_is_the_columns_own_or_part_of_the_key():
    own = TableFacts("public", "c", 1, 1e5, 1, (ColumnFacts("n", "text", True, collation='pg_catalog."C.utf8"'),), ())
    facts = CatalogFacts({("public", "c"): own})
    plan = over("Sort", scan("c"), keys=(("Sort Key", ('c.n COLLATE "C.utf8"', 'c.n COLLATE "de_DE"')),))

    (use,) = uses(plan, facts)

    assert use.sorts == [(SortedKey(Key("n")), SortedKey(Key('("n" COLLATE "de_DE")', True)))]


def test_the_parts_of_a_partitioned_table_are_one():
    append = over(
        "Append", scan("p_1", "(o_1.id = 5)", alias="o_1"), scan("p_2", "(o_2.id = 5)", alias="o_2")
    )  # fmt: skip
    plan = over("Hash Join", append, scan("u"), conditions=(("Hash Cond", "(o.at = u.b)"),))

    use, other = uses(plan, FACTS)

    assert use.table is PARENT
    assert [(each.text, each.key, each.partner) for each in use.terms] == [
        ("at = u.b", Key("at"), "u"),
        ("id = 5", Key("id"), None),
    ]
    assert View(other).joins == {"o": [Key("b")]}


def test_a_condition_above_a_union_counts_for_each_branch():
    append = over(
        "Append", scan("t", output=("t.id", "t.a"), condition="(t.at > 'x'::date)"), scan("u", output=("u.t_id", "u.b"))
    )  # fmt: skip
    plan = over("Hash Join", append, scan("p", alias="p"), conditions=(("Hash Cond", "(t.a = p.id)"),))

    t, u, p = uses(plan, FACTS)

    assert View(t).joins == {"p": [Key("a")]}
    assert View(u).joins == {"p": [Key("b")]}
    assert View(u).ranges == []
    assert View(p).joins == {"t": [Key("id")]}


def test_what_writes_is_marked():
    plan = PlanNode(
        "ModifyTable", 0, 1, 1, 8, "t", "public", "t", operation="Delete", children=(scan(output=("t.ctid",)),)
    )

    (use,) = uses(plan, FACTS)

    assert use.operation == "Delete"
    assert use.needed() is None
