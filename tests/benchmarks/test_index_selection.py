"""The benchmark of index advisors: what its figures rest on, as far as no server is needed for it."""

from __future__ import annotations

import pytest

from benchmarks.index_selection.columns import mentioned
from benchmarks.index_selection.fleet.draws import FleetDraw
from benchmarks.index_selection.fleet.reads import READS as FLEET_READS
from benchmarks.index_selection.fleet.writes import WRITES as FLEET_WRITES
from benchmarks.index_selection.shop.draws import ShopDraw
from benchmarks.index_selection.shop.reads import READS as SHOP_READS
from benchmarks.index_selection.shop.writes import WRITES as SHOP_WRITES
from benchmarks.index_selection.templates import SETS, literals
from benchmarks.index_selection.truth import compare
from benchmarks.index_selection.workload import Statement, Workload, as_file
from optischema_tui.core.workload.workload_file import parse

SIDES = pytest.mark.parametrize(
    ("reads", "writes", "make"),
    [(SHOP_READS, SHOP_WRITES, ShopDraw), (FLEET_READS, FLEET_WRITES, FleetDraw)],
    ids=["shop", "fleet"],
)


@SIDES
def test_a_workload_has_enough_statements_and_writes(reads, writes, make):
    names = [each.name for each in (*reads, *writes)]
    assert len(set(names)) == len(names) >= 50
    assert len(writes) >= 12


@SIDES
def test_values_are_the_same_each_time_and_others_for_the_judge(reads, writes, make):
    every = (*reads, *writes)
    seen = [literals(each, make, "seen") for each in every]
    unseen = [literals(each, make, "unseen") for each in every]
    assert seen == [literals(each, make, "seen") for each in every]
    shared = sum(len(set(some) & set(others)) for some, others in zip(seen, unseen, strict=True))
    assert shared < 0.1 * SETS * len(every)


@SIDES
def test_every_field_of_a_template_is_filled(reads, writes, make):
    for each in (*reads, *writes):
        for text in literals(each, make, "seen"):
            assert "{" not in text.replace('{"', ""), text


def test_the_workload_file_is_read_back_with_its_weights():
    statements = (
        Statement("a", "SELECT $1", 10, ("SELECT 1", "SELECT ';'"), 2.5),
        Statement("b", "SELECT b", 3, ("SELECT b",), 0.5),
    )
    read = parse(as_file(Workload("shop", statements)))
    assert [(each.sql, each.calls, each.mean_ms) for each in read] == [
        ("SELECT 1", 5, 2.5),
        ("SELECT ';'", 5, 2.5),
        ("SELECT b", 3, 0.5),
    ]


def test_columns_are_those_of_tables_that_are_named_outside_of_strings():
    columns = (("orders", "id"), ("orders", "state"), ("job", "id"), ("job", "state"))
    assert mentioned("SELECT id FROM orders WHERE note = 'state of the job'", columns) == {("orders", "id")}


def test_a_promise_that_was_kept_has_the_factor_one():
    truth = compare(
        {"kept": 0.1, "broken": 0.1, "tiny": 0.1},
        dict.fromkeys(("kept", "broken"), 50.0) | {"tiny": 0.1},
        {
            "kept": 5.0,
            "broken": 50.0,
            "tiny": 0.1,
        },
    )
    assert truth.factors == pytest.approx({"kept": 1.0, "broken": 10.0})
