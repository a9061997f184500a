"""Trials other than new indexes: without existing ones, with other settings, with other statistics."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from real_index import real_index

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.errors import LabError, PlanFailed
from optischema_tui.core.lab.image import ColumnStatistics, Image
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.target.explain import explain_generic

SETUP = [
    "CREATE TABLE sale (id int PRIMARY KEY, shop int, sort text, email text, at date, amount int)",
    """INSERT INTO sale SELECT i, (sqrt(i * 7919 % 40000))::int, 's' || i % 3000, 'U' || i % 9000 || '@X.org',
        date '2024-01-01' + i / 200, i % 10 FROM generate_series(1, 40000) i""",
    "ALTER TABLE sale ALTER COLUMN shop SET STATISTICS 200",
    "CREATE INDEX sale_shop ON sale (shop)",
    "CREATE INDEX sale_at ON sale (at)",
    "CREATE TABLE untouched (id int) WITH (autovacuum_enabled = off)",
    "CREATE TABLE parts (k int, v int) PARTITION BY LIST (k)",
    "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1)",
    "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN (2)",
    "INSERT INTO parts SELECT 1 + i % 2, i % 3000 FROM generate_series(1, 20000) i",
    "CREATE INDEX parts_v ON parts (v)",
    "CREATE INDEX sale_upper ON sale (upper(email)) WHERE amount = 3",
    "CREATE STATISTICS sale_sort ON (sort || 'x') FROM sale",
    "VACUUM ANALYZE sale, parts",
]
BY_SHOP = "SELECT * FROM sale WHERE shop = 77"
BY_DAY = "SELECT * FROM sale WHERE at BETWEEN '2024-02-01' AND '2024-02-03'"
BY_MAIL = "SELECT * FROM sale WHERE lower(email) = 'u77@x.org'"
MAIL = IndexSpec("public", "sale", ("lower(email)",), computed=(True,))


class Analyzed:
    """A sampler that lets the server itself find the statistics, and counts what it is asked."""

    def __init__(self, session: psycopg.Connection[Any]) -> None:
        self.session = session
        self.asked: list[str] = []

    def expressions(self, schema: str, table: str, texts: Sequence[str]) -> Mapping[str, ColumnStatistics]:
        self.asked += texts
        with self.session.transaction(force_rollback=True):
            keys = ", ".join(f"({text})" for text in texts)
            self.session.execute(f'CREATE INDEX sampled ON "{schema}"."{table}" ({keys})'.encode())
            self.session.execute(f'ANALYZE "{schema}"."{table}"'.encode())
            image = read_image(self.session)
        rows = {row.number: row for row in image.statistics if image.relations[row.relation].name == "sampled"}
        return {text: rows[number] for number, text in enumerate(texts, 1)}

    def column(self, schema: str, table: str, column: str, target: int) -> ColumnStatistics | None:
        self.asked.append(column)
        with self.session.transaction(force_rollback=True):
            self.session.execute(
                f'ALTER TABLE "{schema}"."{table}" ALTER "{column}" SET STATISTICS {target};'
                f' ANALYZE "{schema}"."{table}"'.encode()
            )
            image = read_image(self.session)
        return next(r for r in image.statistics if image.relations[r.relation].name == table and r.column == column)


@pytest.fixture(scope="module")
def sale_db(server: Cluster) -> Iterator[str]:
    name = f"sale_{secrets.token_hex(4)}"
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute(f"CREATE DATABASE {name}".encode())
    with psycopg.connect(server.dsn(name), autocommit=True) as session:
        for statement in SETUP:
            session.execute(statement.encode())
    yield server.dsn(name)
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def sale(sale_db: str) -> Iterator[psycopg.Connection[Any]]:
    """A session on the target whose changes are undone."""
    with psycopg.connect(sale_db, autocommit=True) as session, session.transaction(force_rollback=True):
        yield session


@pytest.fixture(scope="module")
def sampler(sale_db: str) -> Iterator[Analyzed]:
    with psycopg.connect(sale_db, autocommit=True) as session:
        yield Analyzed(session)


@pytest.fixture(scope="module")
def image(sale_db: str) -> Image:
    with psycopg.connect(sale_db, autocommit=True) as session:
        return read_image(session)


@pytest.fixture(scope="module")
def lab(image: Image, binaries: Binaries) -> Iterator[Lab]:
    with Lab.build(image, binaries) as lab:
        yield lab


@pytest.fixture(scope="module")
def sampling_lab(image: Image, binaries: Binaries, sampler: Analyzed) -> Iterator[Lab]:
    with Lab.build(image, binaries, sampler=sampler) as lab:
        yield lab


def test_an_existing_index_is_left_out_and_comes_back(sale: psycopg.Connection[Any], lab: Lab) -> None:
    before = lab.plan(BY_SHOP)
    assert before.indexes() == {"sale_shop"}
    without = lab.plan(BY_SHOP, without=[("public", "sale_shop")])
    unknowing = lab.plan("SELECT * FROM sale WHERE id = 7", without=[("public", "sale_pkey")])
    parts = lab.plan("SELECT * FROM parts WHERE v = 7", without=[("public", "parts_v")])
    wider = lab.add(IndexSpec("public", "sale", ("shop", "at")))
    replaced = lab.plan(BY_SHOP, [wider], without=[("public", "sale_shop")])
    with pytest.raises(LabError, match="no index"):
        lab.plan(BY_SHOP, without=[("public", "nowhere")])
    with pytest.raises(PlanFailed):
        lab.plan("INSERT INTO sale (id) VALUES (1) ON CONFLICT (id) DO NOTHING", without=[("public", "sale_pkey")])
    assert lab.plan(BY_SHOP) == before
    assert lab.plan("SELECT * FROM parts WHERE v = 7").indexes() == {"parts_1_v_idx", "parts_2_v_idx"}
    assert all(name.startswith("optischema_whatif_") for name in _switched_off(lab))
    assert replaced.indexes() == {wider.name}
    assert without.node_type == unknowing.node_type == "Seq Scan"
    assert not parts.indexes()
    sale.execute("DROP INDEX sale_shop")
    assert explain_generic(sale, BY_SHOP).total_cost == pytest.approx(without.total_cost, rel=1e-4)


def _switched_off(lab: Lab) -> set[str]:
    with psycopg.connect(lab._parts.cluster.dsn("lab")) as session:
        rows = session.execute(
            "SELECT relname::text FROM pg_class c JOIN pg_index i ON i.indexrelid = c.oid WHERE NOT indisvalid"
        )
        return {name for (name,) in rows}


def test_settings(sale: psycopg.Connection[Any], lab: Lab) -> None:
    before = lab.plan(BY_DAY)
    with lab.with_settings({"enable_bitmapscan": "off", "random_page_cost": "1.1"}):
        cheap = lab.plan(BY_DAY)
        with lab.with_settings({"random_page_cost": "90"}):
            dear = lab.plan(BY_DAY)
        assert lab.plan(BY_DAY) == cheap
    assert lab.plan(BY_DAY) == before
    with pytest.raises(ZeroDivisionError), lab.with_settings({"enable_seqscan": "off"}):
        raise ZeroDivisionError
    assert lab.plan(BY_DAY) == before
    sale.execute("SET LOCAL enable_bitmapscan = off")
    sale.execute("SET LOCAL random_page_cost = 1.1")
    assert explain_generic(sale, BY_DAY).total_cost == pytest.approx(cheap.total_cost, rel=1e-3)
    assert dear.total_cost > cheap.total_cost


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"fsync": "off"}, "no planner setting"),
        ({"log_statement": "all"}, "no planner setting"),
        ({"no_such": "1"}, "no setting"),
        ({"work_mem": "a lot"}, "invalid value"),
        ({"random_page_cost": "-4"}, "outside the valid range"),
        ({"default_statistics_target": "1000"}, "ANALYZE"),
        ({"jit_above_cost": "0"}, "depend"),
        ({"enable_indexscan": "off", "nowhere": "1"}, "no setting"),
    ],
)
def test_what_is_no_planner_setting_is_refused(lab: Lab, settings: dict[str, str], said: str) -> None:
    before = lab.plan(BY_DAY)
    with pytest.raises(LabError, match=said), lab.with_settings(settings):
        pytest.fail("the block is not entered")
    assert lab.plan(BY_DAY) == before


def test_a_lower_statistics_target(sale: psycopg.Connection[Any], lab: Lab) -> None:
    counts = "SELECT * FROM sale WHERE shop = 150"
    ranges = "SELECT * FROM sale WHERE shop < 40"
    parts = "SELECT * FROM parts WHERE v < 100"
    before = (lab.plan(counts), lab.plan(ranges), lab.plan(parts))
    with lab.with_statistics_target("public", "sale", "shop", 5):
        coarse = (lab.plan(counts).rows, lab.plan(ranges).rows)
    with lab.with_statistics_target("public", "parts", "v", 4):
        assert lab.plan(parts).rows == pytest.approx(before[2].rows, rel=0.5)
    assert (lab.plan(counts), lab.plan(ranges), lab.plan(parts)) == before
    sale.execute("ALTER TABLE sale ALTER COLUMN shop SET STATISTICS 5")
    sale.execute("ANALYZE sale")
    real = (explain_generic(sale, counts).rows, explain_generic(sale, ranges).rows)
    assert before[0].rows != coarse[0]
    assert coarse == pytest.approx(real, rel=0.25)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("public", "sale", "sort", 4000), "not known"),
        (("public", "sale", "nowhere", 10), "no column"),
        (("public", "nowhere", "sort", 10), "no table"),
        (("public", "untouched", "id", 10), "never analyzed"),
        (("public", "sale", "sort", 0), "between 1 and 10,000"),
    ],
)
def test_a_statistics_target_that_cannot_be_tried_is_told(
    lab: Lab, arguments: tuple[str, str, str, int], said: str
) -> None:
    with pytest.raises(LabError, match=said), lab.with_statistics_target(*arguments):
        pytest.fail("the block is not entered")


def test_a_higher_statistics_target_takes_a_sample(sale: psycopg.Connection[Any], lab: Lab, sampling_lab: Lab) -> None:
    sql = "SELECT * FROM sale WHERE sort = 's77'"
    with lab.with_statistics_target("public", "sale", "amount", 500):
        pass  # its ten values are all known
    before = sampling_lab.plan(sql)
    with sampling_lab.with_statistics_target("public", "sale", "sort", 4000):
        fine = sampling_lab.plan(sql)
    assert sampling_lab.plan(sql) == before
    sale.execute("ALTER TABLE sale ALTER COLUMN sort SET STATISTICS 4000")
    sale.execute("ANALYZE sale")
    assert explain_generic(sale, sql).rows == fine.rows


def test_an_expression_is_sampled_once_or_a_guess(
    sale: psycopg.Connection[Any], lab: Lab, sampling_lab: Lab, sampler: Analyzed
) -> None:
    guessed = lab.add(MAIL)
    assert "No statistics of lower(email)" in guessed.guess
    assert lab.add(IndexSpec("public", "sale", ("email",))).guess == ""
    assert lab.plan(BY_MAIL, [guessed]).indexes() == {guessed.name}
    known = sampling_lab.add(MAIL)
    other = sampling_lab.add(IndexSpec("public", "sale", ("shop", "lower(email)"), computed=(False, True)))
    plan = sampling_lab.plan(BY_MAIL, [known])
    assert (known.guess, other.guess) == ("", "")
    assert sampler.asked.count("lower(email)") == 1
    with real_index(sale, MAIL, analyze=True) as size:
        real = explain_generic(sale, BY_MAIL)
    assert plan.rows == real.rows
    assert plan.total_cost == pytest.approx(real.total_cost, rel=0.02)
    assert 0.8 <= known.size_bytes / size <= 1.3


def test_statistics_of_an_expression_that_the_target_has_are_taken(lab: Lab) -> None:
    assert lab.add(IndexSpec("public", "sale", ("upper(email)",), computed=(True,))).guess == ""
    assert lab.add(IndexSpec("public", "sale", ("(sort || 'x')",), computed=(True,))).guess == ""
    assert lab.add(IndexSpec("public", "sale", ("(sort || 'y')",), computed=(True,))).guess


def test_two_labs_at_once(lab: Lab, sampling_lab: Lab) -> None:
    before = sampling_lab.plan(BY_MAIL)
    wide = IndexSpec("public", "sale", ("sort", "email"), include=("amount",))
    sql = "SELECT amount FROM sale WHERE sort = 's7'"
    plans: dict[str, list[float]] = {"one": [], "other": []}

    def work(name: str, lab: Lab) -> None:
        whatif = lab.add(wide)
        for _ in range(20):
            plans[name] += [lab.plan(sql, [whatif]).total_cost, lab.plan(sql).total_cost]

    threads = [threading.Thread(target=work, args=pair) for pair in (("one", lab), ("other", sampling_lab))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert plans["one"] == plans["other"] == plans["one"][:2] * 20
    assert plans["one"][0] < plans["one"][1]
    assert sampling_lab.plan(BY_MAIL) == before
    with pytest.raises(LabError, match="another"):
        lab.plan(sql, [replace(lab.add(wide), size_bytes=1)])


def test_every_explain_is_counted(lab: Lab) -> None:
    begun = lab.calls
    lab.add_many([IndexSpec("public", "sale", columns) for columns in (("at",), ("amount", "at"), ("at", "amount"))])
    assert lab.calls == begun  # sizes by the statistics
    partial = IndexSpec("public", "sale", ("at",), predicate="amount = 7")
    lab.add_many([partial, replace(partial, columns=("shop",))])
    assert lab.calls == begun + 1  # the rows of the predicate, once
    lab.plan(BY_DAY)
    with pytest.raises(PlanFailed):
        lab.plan("SELECT * FROM nowhere")
    assert lab.calls == begun + 2
