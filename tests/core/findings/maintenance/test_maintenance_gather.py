"""What the maintenance rules are given by real servers, and what they then find there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from optischema_tui.core.change.kinds.registry import NAMES, kind_of
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.findings.maintenance.bloat import needed_pages
from optischema_tui.core.findings.maintenance.facts import Facts, Table
from optischema_tui.core.findings.maintenance.registry import RULES
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.findings_maintenance import gather_maintenance
from optischema_tui.core.jobs.readings import read_families
from optischema_tui.core.models import Finding
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.hygiene.rows import ask
from optischema_tui.core.target.spec import TargetSpec

FINGERPRINT = "a" * 16


def spec_of(dsn: str, **others: str) -> TargetSpec:
    return TargetSpec("test", tuple(sorted({**conninfo_to_dict(dsn), **others}.items())))  # type: ignore[arg-type]


@pytest.fixture(params=["fresh_db", "fresh_old_db"])
def dsn(request: pytest.FixtureRequest) -> str:
    """Of 18 and of 15."""
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "config.toml", tmp_path / "state")


@pytest.fixture
def session(dsn: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


def found(facts: Facts) -> dict[tuple[str, str], Finding]:
    return {(finding.rule, finding.object): finding for rule in RULES for finding in rule(facts)}


def table(facts: Facts, name: str) -> Table:
    return next(each for each in facts.tables if each.name == name)


def test_a_server_in_order_gives_nothing_of_its_own(dsn: str, paths: Paths, session: psycopg.Connection[object]):
    session.execute("CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text)")
    session.execute("INSERT INTO orders (note) SELECT repeat('x', 60) FROM generate_series(1, 30000)")
    session.execute("VACUUM ANALYZE orders")
    facts = gather_maintenance(paths, spec_of(dsn), FINGERPRINT)
    assert found(facts) == {}
    orders = table(facts, "orders")
    assert (orders.rows, orders.known_columns, orders.columns, orders.has_children) == (30000, 2, 2, False)
    assert orders.last_vacuum
    assert orders.last_analyze
    assert facts.sees_all
    assert not facts.in_recovery
    # A table that was filled once and vacuumed is as large as its rows need.
    needed = needed_pages(orders, facts.block_size)
    assert needed is not None
    assert orders.pages * 0.85 < needed < orders.pages * 1.15
    assert [(each.name, each.last, each.column) for each in facts.sequences] == [("orders_id_seq", 30000, "id")]
    assert any(each.here for each in facts.databases)


def test_what_is_out_of_order_is_found_and_mended_by_changes(
    dsn: str, paths: Paths, session: psycopg.Connection[object]
):
    session.execute('CREATE TABLE "Dead rows" (id int, note text) WITH (autovacuum_enabled = false, fillfactor = 90)')
    session.execute("INSERT INTO \"Dead rows\" SELECT g, repeat('x', 60) FROM generate_series(1, 40000) g")
    session.execute('VACUUM ANALYZE "Dead rows"')
    session.execute('DELETE FROM "Dead rows" WHERE id % 2 = 0')
    session.execute("CREATE TABLE never (id int)")
    session.execute("INSERT INTO never SELECT generate_series(1, 20000)")
    session.execute("CREATE TABLE parts (id int) PARTITION BY RANGE (id)")
    session.execute("CREATE TABLE part1 PARTITION OF parts DEFAULT")
    session.execute("CREATE TABLE narrow (id serial PRIMARY KEY)")
    session.execute("ALTER SEQUENCE narrow_id_seq AS bigint")
    session.execute("CREATE SEQUENCE shared AS bigint")
    session.execute("CREATE TABLE loose (n smallint DEFAULT nextval('shared'))")
    session.execute("SELECT setval('narrow_id_seq', 2000000000), setval('shared', 32000)")
    session.execute("SELECT pg_stat_force_next_flush()" if session.info.server_version >= 150000 else "SELECT 1")
    session.execute("SELECT 1")
    facts = gather_maintenance(paths, spec_of(dsn), FINGERPRINT)
    findings = found(facts)
    assert set(findings) == {
        ("vacuum.dead_rows", '"public"."Dead rows"'),
        ("statistics.missing", '"public"."never"'),
        ("statistics.missing", '"public"."parts"'),
        ("statistics.stale", '"public"."Dead rows"'),
        ("sequence.near_end", '"public"."narrow_id_seq"'),
        ("sequence.near_end", '"public"."shared"'),
    }
    assert findings["vacuum.dead_rows", '"public"."Dead rows"'].impact[0].value == 20000
    assert "147,483,647 are left" in findings["sequence.near_end", '"public"."narrow_id_seq"'].title
    assert "767 are left" in findings["sequence.near_end", '"public"."shared"'].title
    for finding in findings.values():
        if finding.forward_sql:
            drafts = [draft for name in NAMES if (draft := kind_of(name).draft(session, finding.forward_sql))]
            assert drafts
            assert drafts[0].steps


def test_who_holds_back_vacuum_is_seen(dsn: str, paths: Paths, session: psycopg.Connection[object]):
    with psycopg.connect(dsn, application_name="report") as reader:
        reader.execute("SET default_transaction_isolation = 'repeatable read'")
        reader.commit()
        reader.execute("SELECT 1")
        session.execute(
            "DO $$ BEGIN FOR i IN 1..300 LOOP BEGIN PERFORM pg_current_xact_id(); EXCEPTION WHEN others THEN END;"
            " END LOOP; END $$"
        )
        for _ in range(5):
            session.execute("SELECT pg_current_xact_id()")
        holders = gather_maintenance(paths, spec_of(dsn), FINGERPRINT).holders
        (mine,) = [each for each in holders if each.name == "report"]
        assert (mine.what, mine.pid, mine.state) == ("session", reader.info.backend_pid, "idle in transaction")
        assert mine.xids >= 5
        assert mine.seconds is not None
        assert mine.seconds >= 0


def test_a_role_without_rights_finds_less_and_says_nothing_wrong(
    dsn: str, paths: Paths, session: psycopg.Connection[object]
):
    session.execute("CREATE TABLE seen (id serial)")
    session.execute("INSERT INTO seen SELECT generate_series(1, 20000)")
    session.execute("ANALYZE seen")
    role = f"poor_{session.info.backend_pid}"
    session.execute(f"CREATE ROLE {role} LOGIN".encode())
    try:
        facts = gather_maintenance(paths, spec_of(dsn, user=role), FINGERPRINT)
        assert table(facts, "seen").known_columns is None
        assert table(facts, "seen").row_width is None
        assert facts.sequences[0].last is None
        assert not facts.sees_all
        assert found(facts) == {}
    finally:
        session.execute(f"DROP ROLE {role}".encode())


def test_the_past_of_tables_comes_from_stored_readings(dsn: str, paths: Paths, session: psycopg.Connection[object]):
    session.execute("CREATE TABLE grows (id int)")
    clock = FixedClock()
    with closing(History.open(paths.history_db, clock)) as history:
        for _ in range(3):
            session.execute("INSERT INTO grows SELECT generate_series(1, 1000)")
            session.execute("SELECT pg_stat_force_next_flush()")
            session.execute("SELECT 1")
            clock.advance(3600)
            _, ((reading, _),) = read_families(spec_of(dsn), ("tables",), clock=clock)
            history.save_reading(FINGERPRINT, reading)
    facts = gather_maintenance(paths, spec_of(dsn), FINGERPRINT, clock=clock)
    past = facts.past[table(facts, "grows").relid]
    assert [each.inserts for each in past] == [1000, 2000, 3000]
    assert [later.at - earlier.at for earlier, later in itertools.pairwise(past)] == [3600, 3600]
    assert past[0].epoch == past[-1].epoch
    assert all(each.xid_age is not None for each in past)


def test_the_questions_are_quick_and_bounded(dsn: str, session: psycopg.Connection[object]):
    session.execute(
        "DO $$ BEGIN FOR i IN 1..300 LOOP EXECUTE format('CREATE TABLE t%s (id serial PRIMARY KEY, a text)', i);"
        " END LOOP; END $$"
    )
    session.execute("SET statement_timeout = '5s'")
    assert len(ask(session, "maintenance_tables")) == 300
    assert len(ask(session, "sequences")) == 300
    assert len(ask(session, "leading_columns")) == 300


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        (", ".join(f"a{n} boolean, b{n} bigint" for n in range(20)), ", ".join("true, g" for _ in range(20))),
        ("a int, b text, c numeric, d timestamptz", "g, repeat('x', g % 200), g * 1.5, now()"),
        ("a int, b text, c text, d text", "g, NULL, CASE WHEN g % 3 = 0 THEN 'abc' END, NULL"),
        ("a bigint, b text", "g, repeat('y', 2500)"),
        ("a jsonb", "jsonb_build_object('id', g, 'name', repeat('z', g % 50))"),
        ("a bigint, b text", "g, (SELECT string_agg(md5((g * 1000 + n)::text), '') FROM generate_series(1, 100) n)"),
    ],
)
def test_the_estimate_of_bloat_fits_tables_of_many_shapes(fresh_db: str, paths: Paths, columns: str, values: str):
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(f"CREATE TABLE t ({columns})".encode())
        session.execute(f"INSERT INTO t SELECT {values} FROM generate_series(1, 6000) g".encode())
        session.execute("VACUUM ANALYZE t")
        facts = gather_maintenance(paths, spec_of(fresh_db), FINGERPRINT)
        whole, needed = table(facts, "t"), needed_pages(table(facts, "t"), facts.block_size)
        assert needed is not None
        assert 0.8 * whole.pages < needed < 1.35 * whole.pages


def test_the_estimate_sees_what_deleted_rows_leave_empty(fresh_db: str, paths: Paths):
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE t AS SELECT g AS id, repeat('x', 80) AS note FROM generate_series(1, 20000) g")
        session.execute("DELETE FROM t WHERE id % 10 < 7 AND id < 19990")
        session.execute("VACUUM ANALYZE t")
        facts = gather_maintenance(paths, spec_of(fresh_db), FINGERPRINT)
    needed = needed_pages(table(facts, "t"), facts.block_size)
    assert needed is not None
    assert 0.25 < needed / table(facts, "t").pages < 0.37
