"""What-if indexes against the real ones."""

from __future__ import annotations

import psycopg
import pytest
from real_index import real_index

from optischema_tui.core.errors import LabError
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.target.explain import explain_generic

ODD = ("odd \"[/x]'; sché", 'täble "; DROP')
DEPENDENT = IndexSpec("public", "event", ("kind", "who"))
"""Here one column follows from the other, which no statistic tells; the size is calculated as if it did not."""
PAIRS = [
    (IndexSpec("public", "orders", ("customer_id",)), "SELECT * FROM orders WHERE customer_id = 17"),
    (IndexSpec("public", "orders", ("customer_id",)), "SELECT * FROM orders WHERE customer_id = $1"),
    (
        IndexSpec("public", "orders", ("customer_id", "placed"), (False, True)),
        "SELECT * FROM orders WHERE customer_id = $1 ORDER BY placed DESC LIMIT 10",
    ),
    (IndexSpec("public", "orders", ("state",)), "SELECT * FROM orders WHERE state = 'new'"),
    (
        IndexSpec("public", "orders", ("placed",), predicate="state = 'new'"),
        "SELECT * FROM orders WHERE state = 'new' AND placed > '2025-01-01' ORDER BY placed LIMIT 20",
    ),
    (IndexSpec("public", "orders", ("city", "zip")), "SELECT * FROM orders WHERE city = 'city7' AND zip = 'z7'"),
    (
        IndexSpec("public", "orders", ("total",), include=("id",)),
        "SELECT id, total FROM orders WHERE total BETWEEN 10 AND 12",
    ),
    (IndexSpec("public", "item", ("sku",)), "SELECT * FROM item WHERE sku = 'sku77'"),
    (IndexSpec("public", "customer", ("born", "country")), "SELECT * FROM customer WHERE born = '1960-01-01'"),
    (DEPENDENT, "SELECT * FROM event WHERE kind = 3 AND who = 3"),
    (IndexSpec(*ODD, ("ünï 'code",)), f"SELECT * FROM \"{ODD[0].replace(chr(34), chr(34) * 2)}\".\"täble \"\"; DROP\""
     " WHERE \"ünï 'code\" = 'x'"),
]  # fmt: skip


@pytest.mark.parametrize(("spec", "sql"), PAIRS)
def test_a_whatif_is_as_the_real_index(shop_copy: str, shop_lab: Lab, spec: IndexSpec, sql: str) -> None:
    before = shop_lab.plan(sql)
    whatif = shop_lab.add(spec)
    lab = shop_lab.plan(sql, [whatif])
    with psycopg.connect(shop_copy, autocommit=True) as session, real_index(session, spec) as size:
        real = explain_generic(session, sql)
    assert whatif.name in lab.indexes()
    assert lab.total_cost < before.total_cost
    assert lab.total_cost == pytest.approx(real.total_cost, rel=0.02)
    assert [node.node_type for node in lab.walk()] == [node.node_type for node in real.walk()]
    most = 2.0 if spec == DEPENDENT else 1.3
    assert 0.8 <= whatif.size_bytes / size <= most, (whatif.size_bytes, size)
    assert shop_lab.plan(sql) == before


def test_subsets(shop_lab: Lab) -> None:
    customer = shop_lab.add(IndexSpec("public", "orders", ("customer_id",)))
    city = shop_lab.add(IndexSpec("public", "orders", ("city",)))
    by_customer = "SELECT * FROM orders WHERE customer_id = 17"
    by_city = "SELECT * FROM orders WHERE city = 'city7'"
    plans = {
        (a, b): (shop_lab.plan(by_customer, on).indexes(), shop_lab.plan(by_city, on).indexes())
        for (a, b) in ((False, False), (True, False), (False, True), (True, True))
        for on in ([*([customer] if a else []), *([city] if b else [])],)
    }
    c, t = frozenset({customer.name}), frozenset({city.name})
    none: frozenset[str] = frozenset()
    assert plans == {
        (False, False): (none, none),
        (True, False): (c, none),
        (False, True): (none, t),
        (True, True): (c, t),
    }


def test_the_same_spec_is_the_same_whatif(shop_lab: Lab) -> None:
    spec = IndexSpec("public", "customer", ("country",))
    assert shop_lab.add(spec) is shop_lab.add(spec)


@pytest.mark.parametrize(
    "spec",
    [
        IndexSpec("public", "no_such", ("id",)),
        IndexSpec("public", "orders", ("no_such",)),
        IndexSpec("public", "orders", ("id",), predicate="no_such > 3"),
    ],
)
def test_what_cannot_be_made_is_refused_and_leaves_the_lab_well(shop_lab: Lab, spec: IndexSpec) -> None:
    sql = "SELECT count(*) FROM orders"
    before = shop_lab.plan(sql)
    with pytest.raises(LabError):
        shop_lab.add(spec)
    assert shop_lab.plan(sql) == before
    assert before.total_cost > 1000
