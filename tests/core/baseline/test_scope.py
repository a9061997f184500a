"""Which statements a change can have had an effect on, found by their texts."""

from __future__ import annotations

import pytest

from optischema_tui.core.baseline.scope import Scope, choose, mentions_table, writes_table
from optischema_tui.core.models import StatementKey, WindowStats

ITEMS = Scope(schema="public", table="items")


@pytest.mark.parametrize(
    ("text", "reads", "writes"),
    [
        ("SELECT * FROM items WHERE id = $1", True, False),
        ("select * from PUBLIC.Items", True, False),
        ('SELECT * FROM "items"', True, False),
        ('SELECT * FROM "Items"', False, False),
        ("SELECT * FROM other.items", False, False),
        ("SELECT items_old FROM t", False, False),
        ("SELECT 'items'", False, False),
        ("INSERT INTO items VALUES ($1)", True, True),
        ("UPDATE ONLY public.items SET a = $1", True, True),
        ("DELETE FROM items WHERE id = $1", True, True),
        ("MERGE INTO items USING t ON true WHEN MATCHED THEN DELETE", True, True),
        ("COPY items FROM STDIN", True, True),
        ("WITH x AS (DELETE FROM items RETURNING id) SELECT count(*) FROM x", True, True),
        ("INSERT INTO other.items VALUES ($1)", False, False),
        ("INSERT INTO log SELECT * FROM items", True, False),
        ("SELECT * FROM items FOR UPDATE", True, False),
    ],
)
def test_by_text(text: str, reads: bool, writes: bool) -> None:
    assert (mentions_table(text, ITEMS), writes_table(text, ITEMS)) == (reads, writes)


def stats(queryid: int, text: str, time: float) -> WindowStats:
    return WindowStats(StatementKey(10, 5, queryid), text, 10, time, 0, 0, 0)


WINDOW = (
    stats(1, "SELECT * FROM items", 500.0),
    stats(2, "UPDATE items SET a = $1", 300.0),
    stats(3, "SELECT * FROM other", 200.0),
    stats(4, "SELECT count(*) FROM items", 0.5),
    stats(5, "INSERT INTO items VALUES ($1)", 0.1),
)


def test_what_a_scope_takes() -> None:
    named = choose(Scope((1, 9), "public", "items"), WINDOW)
    assert (named.queryids, named.writes) == ((1, 9, 2, 5), {2, 5})
    table = choose(Scope((), "public", "items", whole_table=True), WINDOW)
    assert (table.queryids, table.writes) == ((1, 2, 5), {2, 5}), "what takes no time is no evidence"
    target = choose(Scope(whole_target=True), WINDOW)
    assert (target.queryids, target.writes) == ((1, 2, 3), frozenset())
    assert Scope().empty
    assert Scope(schema="public", table="items").empty


def test_the_programs_own_statements_are_no_evidence() -> None:
    window = [stats(1, "SELECT * FROM items", 50.0), stats(2, "SELECT /* optischema-tui */ * FROM items", 50.0)]
    for scope in (Scope(whole_target=True), Scope(schema="public", table="items", whole_table=True)):
        assert choose(scope, window).queryids == (1,)
