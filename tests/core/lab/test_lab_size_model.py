"""The size model against indexes that a server really built, and its parts one by one."""

from __future__ import annotations

import secrets
import statistics
from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from size_cases import BTREES, OTHERS, fill, real_bytes

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.errors import LabError
from optischema_tui.core.lab.distribution import (
    ONE_KEY,
    Kind,
    distinct_among,
    evenly,
    sameness,
    spread,
    together,
    unique,
    with_distinct,
)
from optischema_tui.core.lab.image import ColumnStatistics, Image
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.other_sizes import brin_pages, hash_pages
from optischema_tui.core.lab.pinned import Pinned, pinned
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.lab.sampler import Sampler
from optischema_tui.core.lab.sampling import TargetSampler
from optischema_tui.core.lab.size_model import Entries, Size, btree_size
from optischema_tui.core.lab.widths import SAMPLES, shape, tuples_of
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.target.spec import TargetSpec

ROWS = 20_000


@pytest.fixture(scope="module")
def sizes_db(server: Cluster) -> Iterator[str]:
    name = f"sizes_{secrets.token_hex(4)}"
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name}".encode())
    fill(server.dsn(name), ROWS)
    yield server.dsn(name)
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(scope="module")
def sizes_image(sizes_db: str) -> Image:
    with psycopg.connect(sizes_db, autocommit=True) as session:
        return read_image(session)


def ratios(
    dsn: str, image: Image, binaries: Binaries, specs: list[IndexSpec], sampler: Sampler | None = None
) -> dict[str, float]:
    with Lab.build(image, binaries, sampler=sampler) as lab:
        made = lab.add_many(specs)
    found = {}
    with psycopg.connect(dsn, autocommit=True) as session:
        for spec, whatif in zip(specs, made, strict=True):
            assert not isinstance(whatif, LabError), whatif
            found[spec.sql("x")] = whatif.size_bytes / real_bytes(session, spec)
    return found


def test_btrees_have_their_real_size(sizes_db: str, sizes_image: Image, binaries: Binaries) -> None:
    """Over more than 60 varied indexes, of which those on expressions have no statistics."""
    found = ratios(sizes_db, sizes_image, binaries, [spec for spec in BTREES if not any(spec.computed)])
    assert len(found) > 60
    assert statistics.median(found.values()) == pytest.approx(1.0, abs=0.01)
    assert not {name: ratio for name, ratio in found.items() if not 0.75 <= ratio <= 1.3}
    assert sum(0.9 <= ratio <= 1.1 for ratio in found.values()) >= 0.85 * len(found)


def test_other_indexes_have_about_their_real_size(sizes_db: str, sizes_image: Image, binaries: Binaries) -> None:
    guessed = [spec for spec in BTREES if any(spec.computed)]
    found = ratios(sizes_db, sizes_image, binaries, [*OTHERS, *guessed])
    assert not {name: ratio for name, ratio in found.items() if not 0.5 <= ratio <= 2}


INT = shape(4, "i", "integer", None)
INTS = tuples_of([INT], telling=1)


@pytest.mark.parametrize(
    ("rows", "distinct", "pages"),
    [
        (0, 1, 2),
        (300, 300, 2),
        (367, 367, 4),
        (1_000_000, 1_000_000, 2745),
        (1_000_000, 3, 849),
    ],
)
def test_pages_of_integers(rows: int, distinct: int, pages: int) -> None:
    """366 entries a leaf, or 9 tuples of 132 addresses; 284 downlinks a page, and the metapage."""
    tuples = tuples_of([INT], telling=1 if distinct == rows else None)
    assert btree_size([Entries(rows, evenly(distinct, rows), tuples, counted=True)], dedup=True).pages == pages


def test_what_cannot_be_merged_and_other_fillfactors(fresh_db: str) -> None:
    entries = [Entries(100_000, evenly(10, 100_000), INTS, counted=True)]
    assert btree_size(entries, dedup=False) == Size(276, 1)
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE t AS SELECT i % 10 AS few, i FROM generate_series(1, 100000) i")
        for fill in (50, 70, 100):
            session.execute(f"CREATE INDEX f{fill} ON t (i) WITH (fillfactor = {fill})".encode())
            row = session.execute("SELECT pg_relation_size(%s::regclass) / 8192", (f"f{fill}",)).fetchone()
            lone = [Entries(100_000, unique(100_000), INTS)]
            assert row == (pytest.approx(btree_size(lone, dedup=True, fill=fill).pages, rel=0.01),)


def test_nulls_weigh_less() -> None:
    row = ColumnStatistics(1, 1, "note", False, 0.5, 38, -0.5)
    half = tuples_of([shape(-1, "i", "text", row)])
    full = tuples_of([shape(-1, "i", "text", replace(row, null_frac=0.0))])
    assert (half.size, full.size) == (32.0, 48.0)


def test_widths_come_from_the_values_that_analyze_kept() -> None:
    row = ColumnStatistics(
        1, 1, "name", False, 0.0, 6, -1.0, common_values="{ab,abcdefghijklmno}", common_freqs="{0.75,0.25}"
    )
    told = shape(-1, "i", "character varying(30)", row)
    assert sorted(set(told.widths), key=str) == [16, 3]
    assert told.widths.count(3) == SAMPLES * 3 // 4
    money = replace(row, common_values="{0.00,12.50,123456.78}", common_freqs="{0.4,0.3,0.3}", width=6)
    assert set(shape(-1, "i", "numeric(12,2)", money).widths) == {3, 7, 9}
    wide = replace(row, common_values="{" + "lorem ipsum " * 60 + "}", common_freqs="{1}", width=723)
    assert max(w for w in shape(-1, "i", "text", wide).widths if w) < 200
    assert shape(-1, "i", "text[]", row).widths == (6,)


def test_spreads() -> None:
    rows = 10_000.0
    row = ColumnStatistics(1, 1, "a", False, 0.2, 4, 102.0, common_values="{1,2}", common_freqs="{0.3,0.1}")
    told = spread(row, rows)
    assert sum(kind.count * kind.share for kind in told) == pytest.approx(1.0)
    assert distinct_among(told, rows) == pytest.approx(103, rel=0.01)
    without = spread(row, rows, nulls=False)
    assert sum(kind.count * kind.share for kind in without) == pytest.approx(1.0)
    assert distinct_among(without, rows * 0.8) == pytest.approx(102, rel=0.01)
    pairs = together(told, evenly(50, rows))
    assert 2_000 < distinct_among(pairs, rows) < 103 * 50
    assert distinct_among(with_distinct(pairs, rows, 700), rows) == pytest.approx(700, rel=0.01)
    assert distinct_among(together(unique(rows), told), rows) == pytest.approx(rows, rel=0.01)
    assert distinct_among(unique(rows), 100) == pytest.approx(100, rel=0.01)
    assert sameness(ONE_KEY) == 1.0
    assert sameness((Kind(4, 0.25),)) == 0.25
    bounds = ",".join(str(i * i) for i in range(51))
    skewed = ColumnStatistics(1, 1, "a", False, 0.0, 4, 1500.0, histogram=f"{{{bounds}}}")
    assert distinct_among(spread(skewed, rows), rows) == pytest.approx(1500, rel=0.01)
    assert distinct_among(spread(skewed, rows, integers=True), rows) == pytest.approx(2360, rel=0.01)
    sparse = replace(skewed, n_distinct=300.0)
    assert spread(sparse, rows, integers=True) == spread(sparse, rows)
    nothing = ColumnStatistics(1, 1, "a", False, 1.0, 4, 0.0)
    assert spread(nothing, rows) == ONE_KEY
    assert spread(nothing, rows, nulls=False)


@pytest.mark.parametrize(
    ("predicate", "said"),
    [
        ("", Pinned()),
        ("a = 1 AND b IS NULL AND c > 3", Pinned(frozenset("ab"), frozenset("b"), frozenset("ac"))),
        ("((a = 'x'::text) AND active)", Pinned(frozenset(("a", "active")), not_null=frozenset(("a", "active")))),
        ("NOT processed", Pinned(frozenset(("processed",)), not_null=frozenset(("processed",)))),
        ('"A ""b" IS NOT NULL', Pinned(not_null=frozenset(('A "b',)))),
        ("a = 1 OR b IS NULL", Pinned()),
        ("NOT a = 1", Pinned()),
        ("a = b", Pinned(not_null=frozenset("a"))),
        ("lower(a) = 'x'", Pinned()),
        ("(a = 1", Pinned()),
    ],
)
def test_what_a_predicate_pins(predicate: str, said: Pinned) -> None:
    assert pinned(predicate) == said


def test_other_methods() -> None:
    assert brin_pages(1, 8) == 3
    assert brin_pages(131_072 * 8, 8) == pytest.approx(2 + 8192 * 28 / 8144 + 7, abs=3)
    assert hash_pages(100, unique(100)) == 4
    assert hash_pages(200_000, unique(200_000)) == 2 + 768
    assert hash_pages(200_000, ONE_KEY) == pytest.approx(2 + 768 + 491, rel=0.01)


def test_a_group_of_columns_is_sized_by_what_is_known_of_it(
    sizes_db: str, sizes_image: Image, binaries: Binaries
) -> None:
    """Statistics of groups, composite foreign keys and, last, a sample tell what single columns do not."""
    specs = [IndexSpec("public", "entry", columns) for columns in (("part_id", "seller_id"), ("zip", "district"))]
    alone = replace(sizes_image, constraints=(), extended=())
    known = ratios(sizes_db, sizes_image, binaries, specs)
    unknown = ratios(sizes_db, alone, binaries, specs)
    with TargetSampler(TargetSpec("sizes", tuple(conninfo_to_dict(sizes_db).items()))) as sampler:
        sampled = ratios(sizes_db, alone, binaries, specs, sampler)
    for name, ratio in known.items():
        assert ratio == pytest.approx(1.0, abs=0.1)
        assert unknown[name] > 1.3
        assert sampled[name] == pytest.approx(1.0, abs=0.15)
