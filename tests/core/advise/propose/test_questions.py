"""Which questions a proposal serves, and what depends on the values, the existing indexes and the foreign keys."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from optischema_tui.core.advise.propose import drafts
from optischema_tui.core.advise.propose.foreign import gaps
from optischema_tui.core.lab.reader import read_image


def test_an_index_serves_those_that_look_for_its_first_key_or_find_all_in_it(market):
    found = market.new(
        "SELECT * FROM orders WHERE customer_id = 5 AND region = 'r1'",
        "SELECT pad FROM orders WHERE customer_id = 7",
        "SELECT pad FROM orders WHERE region = 'r1'",
        "SELECT sum(customer_id) FROM orders",
        "SELECT pad FROM item WHERE order_id = 5",
    )

    assert found["orders (customer_id, region)"].serves == {0, 1, 3}
    assert found["orders (region, customer_id)"].serves == {0, 2, 3}
    assert found["orders (customer_id)"].serves == {0, 1, 3}
    assert found["item (order_id)"].serves == {4}


def test_a_partial_index_serves_those_that_ask_for_its_rows(market):
    found = market.new(
        "SELECT pad FROM orders WHERE status = 'new' AND customer_id = 5",
        "SELECT pad FROM orders WHERE status = 'sent' AND customer_id = 5",
        "SELECT pad FROM orders WHERE customer_id = 5",
        "SELECT pad FROM orders WHERE status IN ('new') AND total = 5",
    )

    assert found["orders (customer_id) WHERE (status)::text = 'new'::text"].serves == {0, 3}
    assert not any("'sent'" in each for each in found)


def test_a_condition_that_every_call_has_may_keep_more_than_a_drawn_value(market):
    drawn = "SELECT * FROM job WHERE state = 'done' AND queue = 'q1' AND run_at > '2024-01-05'"
    wanted = "job (queue, run_at) WHERE state = 'done'::text"

    always = market.new(drawn, generic="SELECT * FROM job WHERE state = 'done' AND queue = $1 AND run_at > $2")
    parameter = market.new(drawn, generic="SELECT * FROM job WHERE state = $1 AND queue = $2 AND run_at > $3")
    unknown = market.new(drawn)

    assert wanted in always
    assert any("asks for no others" in reason for reason in always[wanted].reasons)
    assert wanted not in parameter
    assert wanted not in unknown


def test_what_all_but_the_end_state_leaves_holds_each_state_before_it(market):
    found = market.new(
        "SELECT queue, count(*) FROM job WHERE phase <> 'over' GROUP BY queue",
        "SELECT * FROM job WHERE phase = 'waiting' AND run_at < '2024-01-05' ORDER BY run_at LIMIT 5",
        "SELECT * FROM job WHERE phase = 'over' ORDER BY run_at LIMIT 5",
    )

    assert found["job (queue) WHERE phase <> 'over'::text"].serves == {0, 1}
    assert found["job (phase, run_at) WHERE phase <> 'over'::text"].serves == {0, 1}
    assert found["job (run_at) WHERE phase = 'waiting'::text"].serves == {1}


def test_a_rare_drawn_value_comes_with_its_caveat(market):
    found = market.new(
        "SELECT * FROM job WHERE state = 'new' ORDER BY run_at LIMIT 5",
        generic="SELECT * FROM job WHERE state = $1 ORDER BY run_at LIMIT 5",
    )

    reasons = found["job (run_at) WHERE state = 'new'::text"].reasons
    assert any("0.50% of the table" in reason and "generic plan cannot use it" in reason for reason in reasons)


def test_with_parameters_alone_nothing_hangs_on_a_value(market):
    found = market.new("SELECT * FROM job WHERE state = $1 AND NOT processed AND run_at > $2")

    assert "job (state, run_at) WHERE NOT processed" in found
    assert not any("$" in each for each in found)


def test_existing_indexes_are_candidates_to_drop(market):
    proposal = market.propose("SELECT pad FROM orders WHERE customer_id = 5", "SELECT 1 FROM item WHERE id = 5")

    existing = {each.existing.name: each for each in proposal.candidates if each.existing}
    assert set(existing) == {"orders_status", "item_product"}
    assert existing["orders_status"].serves == {0}
    assert existing["item_product"].serves == {1}


def test_widening_an_index_takes_its_place(market):
    found = market.new("SELECT sum(price) FROM item WHERE product_id = 5 AND order_id > 7")

    wider = found["item (product_id, order_id)"]
    assert wider.replaces == ("item_product",)
    assert any("item_product" in reason for reason in found["item (product_id) INCLUDE (order_id, price)"].reasons)


def test_two_covering_indexes_become_one(market):
    found = market.new(
        "SELECT id FROM orders WHERE region = 'r1'",
        "SELECT total FROM orders WHERE region = 'r1'",
        "SELECT placed FROM orders WHERE region = 'r1' ORDER BY created_at LIMIT 3",
    )

    assert found["orders (region) INCLUDE (id, total)"].serves == {0, 1, 2}
    assert "orders (region, created_at) INCLUDE (id, placed)" in found


def test_an_index_of_a_partitioned_table_is_built_part_by_part(market):
    found = market.new("SELECT * FROM event WHERE device = 5")

    assert any("partition by partition" in reason for reason in found["event (device)"].reasons)
    assert found["event (device)"].serves == {0}


def test_what_an_index_of_a_part_holds_is_known(market):
    market.session.execute("CREATE INDEX event_kind ON event (kind) WHERE device = 5; ANALYZE event")
    market.facts = read_image(market.session).facts()

    (use,) = market.uses("SELECT * FROM event WHERE device = 5 AND kind = 3")

    assert {term.text for term in use.terms} == {"kind = 3", "device = 5"}
    assert "event (kind)" not in market.new("SELECT * FROM event WHERE device = 5 AND kind = 3")


def test_foreign_keys_without_an_index_by_the_parents_load(market):
    proposal = market.propose("DELETE FROM customer WHERE id = 5", "SELECT 1 FROM job WHERE id = 3")

    notes = [each for each in proposal.refused if "foreign key" in each.reason]
    new = {each.spec.columns: each for each in proposal.candidates if each.spec.table == "orders"}
    assert new["customer_id",].serves == {0}
    assert [(each.table, each.spec.columns) for each in notes] == [
        ("item", ("order_id",)),
        ("orders", ("customer_id",)),
    ]
    assert "120 updates" in notes[0].reason
    for gap in gaps(market.facts):
        assert market.plan(gap.check_sql()).node_type in ("LockRows", "Seq Scan")
    assert {(gap.table.name, gap.load > 0) for gap in gaps(market.facts)} == {("item", True), ("orders", False)}


def test_an_index_on_part_of_the_rows_serves_a_foreign_key_only_where_the_rest_is_null(market):
    market.session.execute("CREATE INDEX ON item (order_id) WHERE order_id IS NOT NULL")
    market.session.execute("CREATE INDEX ON orders (customer_id) WHERE total > 5")

    found = gaps(read_image(market.session).facts())

    assert [gap.table.name for gap in found] == ["orders"]


def test_trigrams_where_the_extension_is(market):
    sql = "SELECT * FROM customer WHERE name ILIKE '%n12%'"
    assert market.new(sql) == {}

    market.facts = replace(market.facts, extensions=(("pg_trgm", "public"),))
    assert set(market.new(sql)) == {"customer gin (name gin_trgm_ops)"}
    market.facts = replace(market.facts, extensions=(("pg_trgm", "more ops"),))
    assert set(market.new(sql)) == {'customer gin (name "more ops".gin_trgm_ops)'}
    assert market.new("SELECT * FROM customer WHERE name ILIKE '%n1%'") == {}


def test_block_ranges_for_a_huge_table_in_order(market):
    sql = "SELECT * FROM orders WHERE created_at > '2024-01-05'"
    assert not any("brin" in each for each in market.new(sql))

    orders = replace(market.facts.tables["public", "orders"], size_bytes=2 << 30)
    market.facts = replace(market.facts, tables=market.facts.tables | {("public", "orders"): orders})
    assert "orders brin (created_at)" in market.new(sql)
    assert not any("brin (customer_id)" in each for each in market.new("SELECT * FROM orders WHERE customer_id > 5"))


def test_no_covering_index_where_vacuum_has_not_been(market):
    sql = "SELECT id, total FROM orders WHERE region = 'r1'"
    assert any("INCLUDE" in each for each in market.new(sql))
    orders = replace(market.facts.tables["public", "orders"], all_visible=0.1)
    market.facts = replace(market.facts, tables=market.facts.tables | {("public", "orders"): orders})

    assert not any("INCLUDE" in each for each in market.new(sql))


def test_the_number_of_candidates_stays_bounded(market):
    columns = ["customer_id", "region", "total", "status", "created_at", "placed"]
    wheres = " AND ".join(f"{name} IN (SELECT max({name}) FROM orders)" for name in columns)
    own = "total = 1 AND region = 'r1' AND placed > '2024-01-02'"
    sql = f"SELECT * FROM orders WHERE {own} AND {wheres} ORDER BY id, pad"

    assert len(market.propose(sql).candidates) <= drafts.MAX_PER_USE * 7 + 1


def test_hostile_values_stay_values(market):
    sql = "SELECT * FROM orders WHERE status = 'new'' OR 1=1); DROP TABLE orders; --' AND customer_id = 5"
    market.session.execute("UPDATE orders SET status = 'n'') --' WHERE id % 150 = 0; ANALYZE orders")
    market.facts = read_image(market.session).facts()
    odd = market.new("SELECT * FROM orders WHERE status = 'n'') --' AND customer_id = 5")

    assert not any("DROP" in each for each in market.new(sql))
    wanted = "orders (customer_id) WHERE (status)::text = 'n'') --'::text"
    assert wanted in odd
    market.session.execute(odd[wanted].spec.sql("whatif", concurrently=False).encode())
    assert "whatif" in market.plan("SELECT * FROM orders WHERE status = 'n'') --' AND customer_id = 5").indexes()


def test_a_volatile_function_of_the_schema_is_refused_by_the_server(market):
    market.session.execute("CREATE FUNCTION odd(text) RETURNS text LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN $1; END'")
    found = market.new("SELECT * FROM orders WHERE odd(region) = 'x'")

    (spec,) = [each.spec for each in found.values()]
    with pytest.raises(psycopg.errors.InvalidObjectDefinition):
        market.session.execute(spec.sql("whatif", concurrently=False).encode())


def test_a_unique_index_of_any_kind_finds_the_one_row(market):
    sql = "SELECT * FROM customer WHERE lower(name) = 'n5' AND country = 'de' AND deleted_at IS NULL"
    assert market.new(sql)

    market.session.execute("CREATE UNIQUE INDEX one ON customer (lower(name)) WHERE deleted_at IS NULL")
    market.facts = read_image(market.session).facts()

    assert market.new(sql) == {}
    assert market.new(sql.replace("deleted_at IS NULL", "id > 5"))


def test_what_a_function_is_called_with_is_needed_too(market):
    (use,) = market.uses("SELECT o.id FROM orders o, unnest(string_to_array(o.pad, ',')) w WHERE o.region = 'r1'")

    assert use.needed() == {"id", "pad", "region"}
