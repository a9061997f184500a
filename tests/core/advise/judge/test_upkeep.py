"""What writers pay for an index: rows by table, entries by kind, HOT updates lost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optischema_tui.core.advise.judge.upkeep import entry_us, hot_loss, upkeep_ms
from optischema_tui.core.advise.judge.writes import RowUpdate, TableWrites, Target, targets, write_load
from optischema_tui.core.models import CatalogFacts, ColumnFacts, IndexFacts, IndexSpec, TableFacts
from optischema_tui.core.workload.statement import WorkloadStatement

COLUMNS = tuple(
    ColumnFacts(name, kind, True, n_distinct=distinct, correlation=correlation)
    for name, kind, distinct, correlation in (
        ("id", "bigint", -1, 1.0),
        ("number", "integer", -0.5, 0.0),
        ("word", "text", -0.9, 0.0),
        ("few", "integer", 4, 0.3),
        ("at", "timestamp", -0.8, 0.99),
        ("body", "jsonb", 0, 0.0),
    )
)


def have(name: str, *columns: str, **more) -> IndexFacts:
    fields = {
        "schema": "public", "name": name, "table": "t", "method": "btree", "columns": columns, "include": (),
        "descending": (), "predicate": "", "unique": False, "primary": False, "valid": True, "constraint": False,
        "size_bytes": 1, "definition": "",
    }  # fmt: skip
    return IndexFacts(**(fields | more))


TABLE = TableFacts("public", "t", 1, 1e6, 10**8, COLUMNS, (have("t_pkey", "id", unique=True, primary=True),))


def spec(*columns: str, **more) -> IndexSpec:
    return IndexSpec("public", "t", columns, **more)


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("INSERT INTO t VALUES (1)", [Target("insert", "", "t")]),
        ('insert into only_s."T x" (a) select 1 on conflict do update set a = 1', [Target("insert", "only_s", "T x")]),
        (
            'UPDATE ONLY public.t AS x SET a = f(b, c), "B" = 2 WHERE d = 1',
            [Target("update", "public", "t", frozenset("aB"))],
        ),
        ("UPDATE t SET (a, b) = (SELECT c, d FROM u WHERE e = 1) FROM v", [Target("update", "", "t", frozenset("ab"))]),
        ("DELETE FROM t USING u WHERE t.a = u.a", [Target("delete", "", "t")]),
        ("SELECT * FROM t FOR UPDATE", []),
        ("SELECT * FROM t FOR NO KEY UPDATE OF t", []),
        ("COPY t FROM STDIN", [Target("insert", "", "t")]),
        (
            "WITH gone AS (DELETE FROM a RETURNING *), set_ AS (UPDATE b SET c = 1 RETURNING d) INSERT INTO e SELECT 1",
            [Target("delete", "", "a"), Target("update", "", "b", frozenset("c")), Target("insert", "", "e")],
        ),
        ("SELECT 'insert into t' -- update t set a = 1", []),
        ("update", []),
        ("DELETE FROM", []),
    ],
)  # fmt: skip
def test_the_target_of_a_write_is_read_from_its_text(sql, found):
    assert list(targets(sql)) == found


def test_rows_are_calls_times_rows_per_call():
    other = replace(TABLE, name="u", oid=2, indexes=())
    facts = CatalogFacts({("public", "t"): TABLE, ("public", "u"): other})
    load = write_load(
        [
            WorkloadStatement("INSERT INTO t VALUES ($1)", 100, rows_per_call=5.0),
            WorkloadStatement("UPDATE t SET few = $1 WHERE id = $2", 10),
            WorkloadStatement("UPDATE t SET few = 3", 2, rows_per_call=0.0),
            WorkloadStatement("DELETE FROM nowhere", 10),
            WorkloadStatement("SELECT 1 FROM u", 10),
        ],
        facts,
    )
    assert load == {("public", "t"): TableWrites(500.0, (RowUpdate(frozenset(("few",)), 10.0),))}


def test_a_table_that_no_statement_writes_is_taken_from_its_counters_scaled():
    seen = replace(TABLE, rows=0.0, inserts=1000, name="seen")
    blind = replace(TABLE, rows=5000.0, inserts=9000, updates=800, deletes=40, name="blind")
    facts = CatalogFacts({("public", "seen"): seen, ("public", "blind"): blind})
    tenth = WorkloadStatement("INSERT INTO seen VALUES (1)", 100)
    assert write_load([tenth], facts)["public", "blind"] == TableWrites(
        400.0, (RowUpdate(frozenset(), 80.0),), 4.0, measured=False
    )
    assert write_load([], facts) == {}, "a workload without a write does not tell what its time is to the counters'"


def test_a_partition_written_counts_for_its_parent():
    parent = replace(TABLE, partitioned=True)
    leaf = replace(TABLE, name="t_1", oid=2, partition_of="t")
    facts = CatalogFacts({("public", "t"): parent, ("public", "t_1"): leaf})
    load = write_load([WorkloadStatement("INSERT INTO t_1 VALUES (1)", 7)], facts)
    assert load["public", "t"].inserts == load["public", "t_1"].inserts == 7.0


def test_entries_cost_by_kind():
    costs = [
        entry_us(each, TABLE)
        for each in (
            spec("at", method="brin"), spec("at"), spec("number"), spec("number", "at"), spec("body", method="gin"),
            spec("word"), spec("(upper(word))", "id", computed=(True, False)),
        )
    ]  # fmt: skip
    assert costs == sorted(costs)
    assert len(set(costs)) == len(costs)
    assert entry_us(spec("few"), TABLE) == entry_us(spec("at"), TABLE)
    assert entry_us(spec("number", include=("word",)), TABLE) > entry_us(spec("number"), TABLE)


def test_nothing_written_costs_nothing_and_inserts_cost_by_the_row():
    assert upkeep_ms(spec("word"), TABLE, None) == 0.0
    assert upkeep_ms(spec("word"), TABLE, TableWrites()) == 0.0
    once = upkeep_ms(spec("word"), TABLE, TableWrites(inserts=1e6))
    assert upkeep_ms(spec("word"), TABLE, TableWrites(inserts=2e6)) == pytest.approx(2 * once)
    assert 2_000 < once < 12_000


def test_hot_updates_stay_free_until_an_index_holds_their_column():
    table = replace(TABLE, updates=100, hot_updates=100, indexes=(*TABLE.indexes, have("w", "word")))
    writes = TableWrites(updates=(RowUpdate(frozenset(("few",)), 1e6),))
    assert upkeep_ms(spec("number"), table, writes) == 0.0
    lost = upkeep_ms(spec("few"), table, writes)
    assert lost > upkeep_ms(spec("few"), table, TableWrites(inserts=1e6)) + 5_000, "the other indexes' entries too"
    assert upkeep_ms(spec("number", predicate="few = 1"), table, writes, matching=0.01) > lost
    assert upkeep_ms(spec("(few + 1)", computed=(True,)), table, writes) > 5_000
    assert upkeep_ms(spec("few", method="brin"), table, writes) == 0.0
    assert hot_loss(spec("few"), table, writes) == (frozenset(("few",)), 1e6)
    assert hot_loss(spec("number"), table, writes)[0] == frozenset()

    held = replace(table, indexes=(*table.indexes, have("f", "few")))
    assert hot_loss(spec("few", "number"), held, writes)[0] == frozenset()
    assert upkeep_ms(spec("number"), held, writes) > 0.0, "no update is HOT any more"


def test_dropping_the_only_index_on_an_updated_column_gives_hot_back():
    hot = have("f", "few")
    table = replace(TABLE, updates=100, hot_updates=0, indexes=(*TABLE.indexes, hot, have("w", "word")))
    writes = TableWrites(updates=(RowUpdate(frozenset(("few",)), 1e6),))
    alone = upkeep_ms(hot, replace(table, indexes=(hot,)), writes)
    assert upkeep_ms(hot, table, writes) > 2 * alone > 0.0, "the entries of the other two, too"


def test_a_partial_index_pays_for_updates_of_the_rows_it_holds():
    writes = TableWrites(updates=(RowUpdate(frozenset(("number",)), 1e6),))
    table = replace(TABLE, updates=10, hot_updates=0, indexes=(have("n", "number"),))
    whole = upkeep_ms(spec("word"), table, writes)
    small = upkeep_ms(spec("word", predicate="few = 1"), table, writes, matching=0.01)
    assert small < 0.1 * whole
