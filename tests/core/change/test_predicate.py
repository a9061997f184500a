"""Conditions as people write them against conditions as PostgreSQL prints them."""

from __future__ import annotations

from typing import Any

import pytest

from optischema_tui.core.change.predicate import same_predicate

WRITTEN = (
    "note = 'open' AND order_id IS NOT NULL",
    "order_id IN (1, 2, 3)",
    "note IN ('a', 'B c') AND order_id > 5",
    "note = 'a' OR order_id <> 7",
    "(note = 'a' OR note = 'b') AND order_id != 7",
    "note NOT IN ('a', 'b')",
    "order_id BETWEEN 3 AND 9",
    "NOT (order_id = 3 AND note IS NULL)",
    "note LIKE 'ab%'",
    "id > 5",
    "\"order_id\" = 3 AND NOTE = 'it''s'",
)


@pytest.mark.parametrize("written", WRITTEN)
def test_what_the_server_prints_is_the_same(bench: Any, written: str) -> None:
    bench.sql(f"CREATE INDEX partial ON items (id) WHERE {written}")
    printed = bench.sql("SELECT pg_get_expr(indpred, indrelid) FROM pg_index WHERE indpred IS NOT NULL")[0][0]
    assert same_predicate(printed, written), printed


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a = 1", ""),
        ("a = 1", "a = 2"),
        ("a = 'x'", "a = 'X'"),
        ("(a = 1 OR b = 2) AND c = 3", "a = 1 OR (b = 2 AND c = 3)"),
        ("NOT (a = 1 AND b = 2)", "NOT a = 1 AND b = 2"),
        ("a IN (1, 2)", "a IN (1, 3)"),
        ("a IN (1, 2)", "a NOT IN (1, 2)"),
        ("a IS NULL", "a IS NOT NULL"),
        ("a = '", "a = 1"),
    ],
)
def test_different_conditions_differ(one: str, other: str) -> None:
    assert not same_predicate(one, other)
