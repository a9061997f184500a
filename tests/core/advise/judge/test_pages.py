"""Where the pages are, told by measured times."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optischema_tui.core.advise.judge.pages import Sample, page_cost, page_factor
from optischema_tui.core.advise.judge.price import honest
from optischema_tui.core.models import CatalogFacts, TableFacts
from optischema_tui.core.workload.plan import PlanNode

TABLE = TableFacts("public", "t", 1, 300_000, 4_870 * 8192, (), ())
FACTS = CatalogFacts({("public", "t"): TABLE})


def scan(kind: str, cost: float, rows: float, **more) -> PlanNode:
    return PlanNode(kind, 0.0, cost, rows, 80, relation="t", schema="public", alias="t", **more)


SEQ = scan("Seq Scan", 8_620, 60)
BITMAP = replace(scan("Bitmap Heap Scan", 225, 60), children=(PlanNode("Bitmap Index Scan", 0, 5, 60, 0),))
LOOK_UP = scan("Index Scan", 8.4, 1, index_name="i")
PLANS = (
    SEQ,
    replace(SEQ, total_cost=9_400),
    replace(SEQ, total_cost=10_100),
    BITMAP,
    LOOK_UP,
    scan("Index Scan", 40, 9),
)


def samples(page: float, row: float = 10.0) -> list[Sample]:
    """Times of a server where a planner unit takes `row` us of work, or `page` us where it is for pages."""
    found = []
    for plan in PLANS:
        pages = page_cost(plan, FACTS)
        found.append(Sample(plan, ((plan.total_cost - pages) * row + pages * page) / 1000))
    return found


def test_pages_are_split_from_the_work_on_rows():
    assert page_cost(SEQ, FACTS) == 4_870
    assert 0.9 * BITMAP.total_cost < page_cost(BITMAP, FACTS) < BITMAP.total_cost
    assert page_cost(LOOK_UP, FACTS) <= 0.98 * LOOK_UP.total_cost
    assert page_cost(PlanNode("Function Scan", 0, 10, 1000, 8), FACTS) == 0
    assert page_cost(scan("Index Scan", 1000, 1000, conditions=(("Filter", "(a = 1)"),)), FACTS) == 0


def test_pages_below_a_limit_and_in_a_loop():
    limit = PlanNode("Limit", 0, 84, 1, 8, children=(replace(LOOK_UP, total_cost=8_400, rows=1_000),))
    assert page_cost(limit, FACTS) == pytest.approx(0.01 * page_cost(limit.children[0], FACTS), rel=0.01)
    outer = PlanNode("Values Scan", 0, 1, 50, 8, parent_relationship="Outer")
    inner = replace(LOOK_UP, parent_relationship="Inner")
    loop = PlanNode("Nested Loop", 0, 900, 50, 8, children=(outer, inner))
    assert page_cost(loop, FACTS) == pytest.approx(50 * page_cost(inner, FACTS), rel=0.03)


@pytest.mark.parametrize(
    ("page", "factor"), [(10.0, 1.0), (40.0, 1.0), (2.5, 0.25), (1.0, 0.1), (0.5, 0.05), (0.1, 0.05)]
)
def test_times_tell_the_price_of_a_page(page, factor):
    assert page_factor(samples(page), FACTS) == factor


def test_without_measured_statements_of_both_kinds_the_planner_is_believed():
    assert page_factor([], FACTS) == 1.0
    assert page_factor(samples(0.5)[:5], FACTS) == 1.0
    assert page_factor([Sample(LOOK_UP, ms / 1000) for ms in range(5, 20)], FACTS) == 1.0
    assert page_factor([Sample(SEQ, 0.0)] * 9, FACTS) == 1.0


def test_a_price_with_cheap_pages_favours_look_ups():
    price, plain = honest(FACTS, 0.05), honest(FACTS)
    assert price(SEQ) > 0.4 * plain(SEQ)
    assert price(BITMAP) < 0.15 * plain(BITMAP)
    assert plain(BITMAP) == BITMAP.total_cost
