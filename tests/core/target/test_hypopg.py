from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from optischema_tui.core.advise.choose.engine import choose
from optischema_tui.core.advise.choose.question import Question
from optischema_tui.core.advise.planner import WhatIf
from optischema_tui.core.advise.propose.candidate import Candidate
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.errors import LabError, MissingPart, PlanFailed
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.target.hypopg import HypoPlanner

DATABASE = "of_hypopg"


@pytest.fixture(scope="module")
def dsn(old_server: Cluster) -> Iterator[str]:
    """A database of PostgreSQL 15 with HypoPG and one table of 20,000 rows. No test may change it."""
    with psycopg.connect(old_server.dsn(), autocommit=True) as admin:
        if not admin.execute("SELECT FROM pg_available_extensions WHERE name = 'hypopg'").fetchall():
            pytest.skip("no HypoPG for PostgreSQL 15: apt-get install postgresql-15-hypopg")
        admin.execute(f"CREATE DATABASE {DATABASE}")
    found = old_server.dsn(DATABASE)
    with psycopg.connect(found, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION hypopg")
        admin.execute('CREATE TABLE orders (id int, "Customer" int, placed date, note text, state text)')
        admin.execute(
            "INSERT INTO orders SELECT n, n % 997, date '2024-01-01' + n % 300, 'note ' || n,"
            " CASE n % 500 WHEN 0 THEN 'new' ELSE 'done' END FROM generate_series(1, 20000) n"
        )
        admin.execute("CREATE TABLE parts (id int) PARTITION BY RANGE (id)")
        admin.execute("CREATE INDEX orders_note ON orders (note)")
        admin.execute("ANALYZE orders")
    yield found
    with psycopg.connect(old_server.dsn(), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture
def session(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = on")
        yield connection


@pytest.fixture
def planner(session: psycopg.Connection[Any]) -> HypoPlanner:
    return HypoPlanner(session)


def _on(*columns: str, **how: Any) -> IndexSpec:
    return IndexSpec("public", "orders", columns, **how)


KINDS = [
    (_on("id"), "SELECT * FROM orders WHERE id = 5"),
    (_on("Customer", "placed"), "SELECT * FROM orders WHERE \"Customer\" = 5 AND placed = '2024-02-03'"),
    (_on("placed", "id", descending=(True, False)), "SELECT * FROM orders ORDER BY placed DESC, id LIMIT 5"),
    (_on("id", include=("placed",)), "SELECT placed FROM orders WHERE id < 100"),
    (_on("id", predicate="state = 'new'"), "SELECT * FROM orders WHERE state = 'new'"),
    (_on("(lower(note))", computed=(True,)), "SELECT * FROM orders WHERE lower(note) = 'note 7'"),
    (_on("state", opclasses=("text_pattern_ops",)), "SELECT * FROM orders WHERE state ~~ 'new%'"),
    (_on("id", method="brin"), "SELECT * FROM orders WHERE id BETWEEN 3 AND 9"),
    (_on("note", method="hash"), "SELECT * FROM orders WHERE note = 'note 7'"),
]


@pytest.mark.parametrize(("spec", "sql"), KINDS, ids=lambda value: str(value)[:40])
def test_every_kind_is_seen_by_the_planner_under_its_own_name(planner: HypoPlanner, spec: IndexSpec, sql: str):
    made = planner.add(spec)
    assert made.size_bytes > 0
    planner._connection.execute("SET enable_seqscan = off")
    assert made.name in planner.plan(sql, [made]).indexes()
    assert made.name not in planner.plan(sql).indexes()


def test_exactly_the_indexes_named_are_there(planner: HypoPlanner):
    wide, narrow = planner.add(_on("Customer", "placed")), planner.add(_on("Customer"))
    sql = "SELECT * FROM orders WHERE \"Customer\" = 5 AND placed = '2024-02-03'"
    seen = [planner.plan(sql, some).indexes() for some in ([wide], [narrow], [], [narrow, wide], [wide], [wide])]
    both = {wide.name}
    assert seen == [both, {narrow.name}, set(), both, both, both]
    assert planner.calls == 6


def test_an_unchanged_set_is_not_made_again(planner: HypoPlanner, session: psycopg.Connection[Any]):
    made = planner.add(_on("id"))
    oids = []
    for _ in range(2):
        planner.plan("SELECT * FROM orders WHERE id = 5", [made])
        oids.append(session.execute("SELECT indexrelid FROM hypopg_list_indexes").fetchall())
    assert oids[0] == oids[1] != []


def test_sizes_are_hypopgs(planner: HypoPlanner, session: psycopg.Connection[Any]):
    made = planner.add(_on("id"))
    row = session.execute(
        "SELECT hypopg_relation_size(indexrelid) FROM hypopg_create_index('CREATE INDEX ON orders (id)')"
    ).fetchone()
    assert row == (made.size_bytes,)


def test_among_many_what_cannot_be_modelled_is_an_error_of_its_own(planner: HypoPlanner):
    hostile = IndexSpec("public", "orders", ('id") ; DROP TABLE orders; --',))
    specs = [
        _on("id"),
        _on("note", method="gin"),
        _on("missing"),
        _on("Customer"),
        hostile,
        IndexSpec("public", "parts", ("id",)),
        _on("id"),
    ]
    made = planner.add_many(specs)
    assert [isinstance(each, WhatIf) for each in made] == [True, False, False, True, False, False, True]
    assert made[0] is made[6]
    assert "gin" in str(made[1])
    assert "partitioned" in str(made[5])
    with pytest.raises(LabError, match="cannot model"):
        planner.add(_on("missing"))
    assert planner.plan("SELECT * FROM orders WHERE id = 5", [made[0]]).indexes() == {made[0].name}  # type: ignore[list-item, union-attr]


def test_more_than_its_pool_of_numbers_holds(planner: HypoPlanner, session: psycopg.Connection[Any]):
    columns = ("id", "Customer", "placed", "note", "state")
    specs = [
        _on(first, second, predicate=f"id > {number}")
        for first in columns
        for second in columns
        if first != second
        for number in range(135)
    ]
    made = [each for each in planner.add_many(specs) if isinstance(each, WhatIf)]
    assert len(made) == 2700
    planner.plan("SELECT 1", made)
    assert session.execute("SELECT count(*) FROM hypopg_list_indexes").fetchone() == (2700,)


@pytest.mark.parametrize(
    "sql", ["SELECT * FROM orders WHERE id = $1", "SELECT 1; SELECT 2", "VACUUM", "SELECT nothing FROM orders", ""]
)
def test_what_cannot_be_planned_is_refused_and_the_next_goes_well(planner: HypoPlanner, sql: str):
    made = planner.add(_on("id"))
    with pytest.raises(PlanFailed):
        planner.plan(sql, [made])
    assert planner.plan("SELECT * FROM orders WHERE id = 5", [made]).indexes() == {made.name}


def test_hiding_a_real_index_needs_a_newer_hypopg(planner: HypoPlanner):
    sql = "SELECT * FROM orders WHERE note = 'note 7'"
    assert planner.plan(sql).indexes() == {"orders_note"}
    if planner.hides:
        assert planner.plan(sql, without=[("public", "orders_note")]).indexes() == set()
        assert planner.plan(sql).indexes() == {"orders_note"}
    else:
        with pytest.raises(LabError, match="cannot hide"):
            planner.plan(sql, without=[("public", "orders_note")])


def test_without_the_extension_it_says_what_to_do(fresh_old_db: str):
    with psycopg.connect(fresh_old_db, autocommit=True) as connection, pytest.raises(MissingPart, match="lab"):
        HypoPlanner(connection)


def test_closing_leaves_no_hypothetical_index(planner: HypoPlanner, session: psycopg.Connection[Any]):
    planner.plan("SELECT * FROM orders WHERE id = 5", [planner.add(_on("id"))])
    planner.close()
    assert session.execute("SELECT count(*) FROM hypopg_list_indexes").fetchone() == (0,)


def test_a_choice_over_it(planner: HypoPlanner):
    """Three statements, a budget for two indexes: the wide one serves two of them."""
    texts = [
        'SELECT * FROM orders WHERE "Customer" = 5',
        "SELECT * FROM orders WHERE \"Customer\" = 5 AND placed = '2024-02-03'",
        "SELECT * FROM orders WHERE id = 5",
    ]
    questions = [Question(n, n, text, 1.0, 1.0, planner.plan(text)) for n, text in enumerate(texts)]
    candidates = [
        Candidate(_on("Customer"), frozenset({0, 1})),
        Candidate(_on("placed"), frozenset({1})),
        Candidate(_on("Customer", "placed"), frozenset({0, 1})),
        Candidate(_on("placed", "Customer"), frozenset({1})),
        Candidate(_on("id"), frozenset({2})),
        Candidate(_on("id", "note", method="gin"), frozenset({2})),
    ]
    sizes = [made.size_bytes for made in planner.add_many([each.spec for each in candidates[:5]])]  # type: ignore[union-attr]
    found = choose(questions, candidates, planner, budget_bytes=sizes[2] + sizes[4], min_gain=0.0)
    assert set(found.chosen) == {_on("Customer", "placed"), _on("id")}
    assert set(found.costs.unmodelled) == {candidates[5].spec}
    planned = sum(planner.plan(text, [planner.add(spec) for spec in found.chosen]).total_cost for text in texts)
    assert found.after_ms == pytest.approx(planned)
