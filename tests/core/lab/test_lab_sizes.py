"""Sizes that the lab pretends, and what they cost here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.lab.image import Image
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.lab.size_model import Field, fields_width
from optischema_tui.core.lab.sparse import btree_height
from optischema_tui.core.models import IndexSpec

PRETENDED = 3 * 1024**3 + 8192 * 11


@pytest.fixture
def image(shop_session: psycopg.Connection[Any]) -> Image:
    return read_image(shop_session)


@pytest.fixture
def large_lab(image: Image, binaries: Binaries) -> Iterator[Lab]:
    relations = {
        oid: replace(r, size_bytes=PRETENDED) if r.name == "orders" else r for oid, r in image.relations.items()
    }
    with Lab.build(replace(image, relations=relations), binaries) as lab:
        yield lab


def test_a_table_of_many_segments_costs_no_disk(large_lab: Lab, image: Image) -> None:
    data = large_lab._parts.cluster.data_dir
    heap = data / large_lab._parts.paths["public", "orders"]
    sizes = [path.stat().st_size for path in sorted(heap.parent.glob(f"{heap.name}*")) if "_" not in path.name]
    assert sizes == [1024**3, 1024**3, 1024**3, 8192 * 11]
    assert sum(path.stat().st_blocks * 512 for path in data.rglob("*") if path.is_file()) < 150 * 1024**2

    before = large_lab.plan("SELECT * FROM orders WHERE customer_id = 3")
    orders = next(r for r in image.relations.values() if r.name == "orders")
    rows = 120000 / orders.pages * PRETENDED / 8192
    assert large_lab.plan("SELECT * FROM orders").rows == pytest.approx(rows, rel=1e-3)
    whatif = large_lab.add(IndexSpec("public", "orders", ("customer_id",)))
    assert whatif.size_bytes > 100 * 1024**2
    assert heap.stat().st_size == 1024**3
    after = large_lab.plan("SELECT * FROM orders WHERE customer_id = 3", [whatif])
    assert after.indexes() == {whatif.name}
    assert large_lab.plan("SELECT * FROM orders WHERE customer_id = 3") == before


def test_pretended_btrees_are_sound(large_lab: Lab) -> None:
    made = large_lab.add(IndexSpec("public", "orders", ("city", "placed")))
    large_lab.plan("SELECT 1", [made])
    with psycopg.connect(large_lab._parts.cluster.dsn("lab"), autocommit=True) as session:
        session.execute("CREATE EXTENSION amcheck")
        for name in (made.name, "orders_pkey", "item_pkey", "customer_email"):
            session.execute("SELECT bt_index_check(%s::regclass)", (f"public.{name}",))
        session.execute("SET enable_seqscan = off")
        assert session.execute("SELECT * FROM orders WHERE id = 3").fetchall() == []
        assert session.execute("SELECT * FROM item WHERE order_id = 3").fetchall() == []


def test_facts(image: Image) -> None:
    facts = image.facts()
    orders = facts.tables["public", "orders"]
    assert orders.rows == 120000
    assert [key.columns for key in orders.foreign_keys] == [("customer_id",)]
    assert orders.writes >= 120000
    columns = {column.name: column for column in orders.columns}
    assert columns["state"].most_common_vals
    assert set(columns["state"].most_common_vals) <= {"new", "paid", "sent", "gone"}
    assert columns["state"].has_btree
    assert columns["customer_id"].not_null
    assert sum(columns["state"].most_common_freqs) == pytest.approx(1.0, abs=0.01)
    customer = facts.tables["public", "customer"]
    assert [column.name for column in customer.columns][:3] == ["id", "email", "country"]
    indexes = {index.name: index for index in customer.indexes}
    assert indexes["customer_email"].columns == ("(lower(email))",)
    assert indexes["customer_email"].expressions
    assert indexes["customer_note"].predicate == "(note IS NOT NULL)"
    assert indexes["customer_pkey"].primary
    assert indexes["customer_pkey"].constraint
    tricky = next(index for index in orders.indexes if index.name == "where (")
    assert tricky.columns == ("((city || ' WHERE (x'::text))",)
    assert tricky.predicate == "(city <> 'a '' WHERE b)'::text)"
    event = facts.tables["public", "event"]
    assert event.partitioned
    assert event.rows == 90000
    assert event.size_bytes == sum(facts.tables["public", f"event_{part}"].size_bytes for part in ("a", "b", "rest"))
    assert {index.name: index.size_bytes > 0 for index in event.indexes} == {"event_pkey": True, "event_who": True}
    odd = facts.tables["odd \"[/x]'; sché", 'täble "; DROP']
    assert odd.indexes[0].columns == ("a \"b]'", "select")
    assert facts.tables["public", "empty_one"].rows == 0
    assert facts.tables["public", "fresh"].rows == -1
    assert facts.tables["public", "event_a"].partition_of == "event"
    assert facts.tables["public", "dog"].partition_of == "animal"
    assert facts.search_path == ("public",)


def test_a_missing_extension_is_stubbed_and_told(fresh_db: str, binaries: Binaries) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE EXTENSION citext")
        session.execute("CREATE TABLE t (id int PRIMARY KEY, name citext, names citext[])")
        session.execute("INSERT INTO t SELECT i, 'n' || i % 100, ARRAY['x'] FROM generate_series(1, 20000) i")
        session.execute("CREATE INDEX t_name ON t (name)")
        session.execute("ANALYZE t")
        image = read_image(session)
        real = session.execute("EXPLAIN (FORMAT JSON) SELECT * FROM t WHERE name = 'n3'").fetchone()
    away = replace(
        image,
        extensions=tuple(replace(e, name="nowhere") if e.name == "citext" else e for e in image.extensions),
        types=tuple(replace(t, extension="nowhere") if t.extension == "citext" else t for t in image.types),
    )
    with Lab.build(away, binaries) as lab:
        assert any(note.startswith("extension nowhere") for note in lab.not_modelled)
        plan = lab.plan("SELECT * FROM t WHERE name = 'n3'")
    assert real is not None
    assert plan.rows == pytest.approx(real[0][0]["Plan"]["Plan Rows"], rel=0.1)
    assert plan.total_cost == pytest.approx(real[0][0]["Plan"]["Total Cost"], rel=0.1)


def test_progress_is_told_and_grows(image: Image, binaries: Binaries) -> None:
    told: list[tuple[str, float]] = []
    with Lab.build(image, binaries, progress=lambda what, fraction: told.append((what, fraction))) as lab:
        assert lab.name == f"lab, PostgreSQL {binaries.version}"
        assert lab.calls == 0
        lab.plan("SELECT 1")
        assert lab.calls == 1
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("fields", "width"),
    [
        ([Field(4, "i", 4), Field(8, "d", 8)], 16),
        ([Field(-1, "i", 5), Field(4, "i", 4)], 12),
        ([Field(-1, "i", 5), Field(-1, "i", 6)], 11),
        ([], 0),
    ],
)
def test_width_of_a_tuple(fields: list[Field], width: int) -> None:
    assert fields_width(fields) == width


def test_heights() -> None:
    assert btree_height(2, 8) == 0
    assert btree_height(3, 8) == 1
    assert btree_height(276, 8) == 1
    assert btree_height(2745, 8) == 2


def test_heights_that_the_size_leaves_open_are_asked_for(image: Image, binaries: Binaries) -> None:
    """An index filled row by row is lower than a built one of the same size; only the target's planner knows."""
    named = {image.relations[oid].name: index for oid, index in image.indexes.items()}
    assert (named["grown_pkey"].height, named["built_pkey"].height) == (1, 2)
    guessing = replace(image, indexes={oid: replace(index, height=None) for oid, index in image.indexes.items()})
    sql = "SELECT * FROM grown WHERE id = 77"
    with Lab.build(image, binaries) as asked, Lab.build(guessing, binaries) as guessed:
        assert guessed.plan(sql).total_cost - asked.plan(sql).total_cost == pytest.approx(0.125, abs=0.011)
