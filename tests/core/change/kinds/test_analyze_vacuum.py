"""ANALYZE and VACUUM of one table: written anew, counted by the server, carried on with after a kill, never undone."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from typing import Any

import psycopg
import pytest

from optischema_tui.core.change.catalog import ask
from optischema_tui.core.change.execute import progress
from optischema_tui.core.change.ids import application_name
from optischema_tui.core.change.protocol import preflight
from optischema_tui.core.change.reconcile import RUNNING, reconcile
from optischema_tui.core.change.written import propose_written
from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import start_cluster
from optischema_tui.core.errors import ChangeFailed, ChangeRefused
from optischema_tui.core.models import BuildProgress, ChangeState, Level, quote
from tests.core.change.kinds.of_tables import Bench, applied, approved, confirmed, line, role, start_confirmed, undone
from tests.core.change.test_killed import killed, settle_all

WEIRD = 'Wéird "x"\n); DROP TABLE items; --'


def last(bench: Bench, what: str, table: str = "items") -> Any:
    return bench.sql(f"SELECT last_{what} FROM pg_stat_all_tables WHERE relid = %s::regclass", table)[0][0]


@pytest.mark.parametrize(
    ("sql", "step"),
    [
        ("analyze items", 'ANALYZE "public"."items"'),
        ("ANALYSE VERBOSE public.Items (note, ID);", 'ANALYZE "public"."items" ("note", "id")'),
        ("ANALYZE (VERBOSE, VERBOSE off) items", 'ANALYZE "public"."items"'),
        ("VACUUM items", 'VACUUM (TRUNCATE false) "public"."items"'),
        ("VACUUM FREEZE VERBOSE ANALYZE items", 'VACUUM (ANALYZE true, FREEZE true, TRUNCATE false) "public"."items"'),
        (
            "VACUUM (analyze, full off, index_cleanup auto, truncate on, parallel 2) items (note)",
            'VACUUM (ANALYZE true, INDEX_CLEANUP auto, PARALLEL 2, TRUNCATE true) "public"."items" ("note")',
        ),
        (
            "VACUUM (INDEX_CLEANUP off) /* x */ items -- y",
            'VACUUM (INDEX_CLEANUP false, TRUNCATE false) "public"."items"',
        ),
    ],
)
def test_what_is_written_is_understood_and_written_anew(bench: Bench, sql: str, step: str) -> None:
    change = propose_written(bench.journal, bench.spec, sql)
    assert (change.steps, change.undo_steps, change.table) == ((step,), (), "items")
    assert "nothing to undo" in change.detail["cautions"][0]


REFUSED = (
    ("ANALYZE", "Choose the table"),
    ("ANALYZE VERBOSE", "Choose the table"),
    ("VACUUM (FREEZE)", "Choose the table"),
    ("VACUUM ANALYZE items, pg_class", "one table is one change"),
    ("VACUUM FULL items", "ACCESS EXCLUSIVE.*pg_repack and pg_squeeze"),
    ("VACUUM (FULL true, FREEZE) items", "ACCESS EXCLUSIVE.*pg_repack and pg_squeeze"),
    ("VACUUM (SKIP_LOCKED) items", "done nothing"),
    ("ANALYZE (SKIP_LOCKED) items", "done nothing"),
    ("VACUUM (PARALLEL 2; x) items", "one whole statement"),
    ("VACUUM (PARALLEL -1) items", "not understood"),
    ("VACUUM (INDEX_CLEANUP maybe) items", "not understood"),
    ("VACUUM (FREEZE, FREEZE) items", "not understood"),
    ("VACUUM items (note)", "for ANALYZE only"),
    ("ANALYZE items WHERE true", "not understood"),
    ("ANALYZE items (lower(note))", "not understood"),
    ('ANALYZE U&"items"', "not understood"),
    ("ANALYZE nowhere.at_all", "There is no table"),
    ("ANALYZE seen", "is a view"),
)


def test_what_is_refused_says_why(bench: Bench) -> None:
    bench.sql("CREATE VIEW seen AS SELECT 1")
    for sql, why in REFUSED:
        with pytest.raises(ChangeRefused) as refused:
            propose_written(bench.journal, bench.spec, sql)
        assert re.search(why, refused.value.sentence), (sql, refused.value.sentence)
    assert bench.journal.changes() == ()


def test_names_of_any_kind_are_quoted(bench: Bench) -> None:
    bench.sql(f"CREATE TABLE {quote(WEIRD)} ({quote(WEIRD)} int)")
    applied(bench, f"ANALYZE {quote(WEIRD)} ({quote(WEIRD)})")
    applied(bench, f"VACUUM {quote(WEIRD)}")
    assert last(bench, "vacuum", quote(WEIRD)) > last(bench, "analyze", quote(WEIRD))
    assert bench.sql("SELECT count(*) FROM items") == [(20000,)]


def test_they_run_and_there_is_no_way_back(bench: Bench) -> None:
    for sql, seen in (("ANALYZE items", "analyze"), ("VACUUM (ANALYZE) items", "vacuum")):
        before = last(bench, seen)
        change = applied(bench, sql)
        assert change.state is ChangeState.VERIFYING
        assert before is None or last(bench, seen) > before
        with pytest.raises(ChangeRefused, match="There is no way back"):
            undone(bench, change)


def test_an_empty_end_is_given_back_only_when_asked(bench: Bench) -> None:
    bench.sql("DELETE FROM items WHERE id > 100")
    applied(bench, "VACUUM items")
    size = bench.sql("SELECT pg_relation_size('items')")[0][0]
    change = applied(bench, "VACUUM (TRUNCATE) items")
    assert any("ACCESS EXCLUSIVE" in told for told in change.detail["cautions"])
    assert bench.sql("SELECT pg_relation_size('items')")[0][0] < size / 10


def test_each_partition_counts(bench: Bench) -> None:
    bench.sql("CREATE TABLE split (a int) PARTITION BY LIST (a); CREATE TABLE one PARTITION OF split FOR VALUES IN (1)")
    bench.sql(
        "CREATE TABLE two PARTITION OF split DEFAULT; INSERT INTO split SELECT g % 3 FROM generate_series(1, 99) g"
    )
    for sql, what in (("ANALYZE split", "analyze"), ("VACUUM split", "vacuum")):
        assert applied(bench, sql).state is ChangeState.VERIFYING
        assert last(bench, what, "one") is not None
        assert last(bench, what, "two") is not None


def test_on_postgresql_15_they_run_too(fresh_old_db: str, bench_on: Any) -> None:
    bench = bench_on(fresh_old_db)
    for sql in ("ANALYZE items (note)", "VACUUM (ANALYZE, PARALLEL 0, FREEZE) items"):
        assert applied(bench, sql).state is ChangeState.VERIFYING
    with role(bench, "old_maintainer") as spec:
        bench.sql("GRANT USAGE ON SCHEMA public TO old_maintainer")
        with pytest.raises(ChangeRefused, match=r'GRANT "\w+" TO "old_maintainer"'):
            applied(bench, "VACUUM items", spec)


def test_a_missing_right_is_named_and_maintain_is_enough(bench: Bench) -> None:
    with role(bench, "maintainer") as spec:
        for sql in ("ANALYZE items", "VACUUM items"):
            with pytest.raises(ChangeRefused, match=r'GRANT MAINTAIN ON public\.items TO "maintainer"'):
                applied(bench, sql, spec)
        bench.sql("GRANT MAINTAIN ON items TO maintainer")
        for sql in ("ANALYZE items", "VACUUM items"):
            assert applied(bench, sql, spec).state is ChangeState.VERIFYING


def test_what_the_server_skips_is_not_called_done(bench: Bench) -> None:
    """It ends without an error when the right goes between the preflight and the statement."""
    with role(bench, "loser") as spec:
        bench.sql("GRANT MAINTAIN ON items TO loser")
        change = approved(bench, "VACUUM items", spec)

        def tell(check: Any) -> None:
            if check.name == "lock":
                bench.sql("REVOKE MAINTAIN ON items FROM loser")

        with pytest.raises(ChangeFailed, match=r"skipped public\.items"):
            confirmed(bench, change, spec, on_check=tell)
        assert bench.journal.change(change.id).state is ChangeState.FAILED_CLEAN


def test_old_snapshots_and_slots_make_a_warning(bench: Bench) -> None:
    change = approved(bench, "VACUUM items")
    name = "dead rows can go"
    assert line(preflight(bench.journal, bench.spec, change.id), name).level is Level.PASS
    with psycopg.connect(bench.dsn, application_name="the old one") as old:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT 1")
        bench.sql("DO $$ BEGIN FOR i IN 1..10100 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
        told = line(preflight(bench.journal, bench.spec, change.id), name)
        assert told.level is Level.WARN
        assert "the old one" in told.reason
        assert confirmed(bench, change).state is ChangeState.VERIFYING


def test_a_prepared_transaction_is_told_and_one_that_locks_blocks(binaries: Binaries, bench_on: Any) -> None:
    settings = {"fsync": "off", "max_prepared_transactions": "4"}
    with start_cluster(binaries, prefix="optischema-2pc-", settings=settings, initdb_args=["--no-sync"]) as cluster:
        bench = bench_on(cluster.dsn())
        change = approved(bench, "VACUUM items")
        with psycopg.connect(bench.dsn, autocommit=True) as session:
            session.execute("BEGIN")
            session.execute("UPDATE items SET note = 'y' WHERE id = 1")
            session.execute("PREPARE TRANSACTION 'writes'")
            session.execute("DO $$ BEGIN FOR i IN 1..10100 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$")
            checks = preflight(bench.journal, bench.spec, change.id)
            assert line(checks, "prepared transactions").level is Level.PASS
            assert "the prepared transaction writes" in line(checks, "dead rows can go").reason
            session.execute("BEGIN")
            session.execute("LOCK TABLE items IN SHARE UPDATE EXCLUSIVE MODE")
            session.execute("SELECT pg_current_xact_id()")
            session.execute("PREPARE TRANSACTION 'locks'")
            told = line(preflight(bench.journal, bench.spec, change.id), "prepared transactions")
            assert (told.level, told.reason.endswith(": locks")) == (Level.BLOCK, True)
            for name in ("writes", "locks"):
                session.execute(f"ROLLBACK PREPARED '{name}'")


def test_a_wait_that_runs_out_leaves_nothing(bench: Bench) -> None:
    change = approved(bench, "VACUUM items")
    with psycopg.connect(bench.dsn) as other:
        other.execute("LOCK TABLE items IN SHARE MODE")
        assert line(preflight(bench.journal, bench.spec, change.id), "lock").level is Level.WARN
        with pytest.raises(ChangeFailed, match="lock could not be had"):
            confirmed(bench, change, pause=lambda seconds: False)
    assert bench.events(change.id).count("change.retry") == bench.quick.attempts - 1
    assert confirmed(bench, change).state is ChangeState.VERIFYING


SLOW = (
    "CREATE FUNCTION slow(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS"
    " $$ BEGIN PERFORM pg_advisory_xact_lock_shared(77); RETURN $1; END $$;"
    " CREATE INDEX slowly ON items (slow(note)) WHERE id < 3"
)
"""An ANALYZE of the table then waits for whoever holds the lock 77."""


def test_the_second_session_sees_it_at_work_and_cancels_it(bench: Bench) -> None:
    bench.sql(SLOW)
    change = approved(bench, "ANALYZE items")
    seen: list[BuildProgress] = []
    cancel = threading.Event()

    def tell(progress: BuildProgress) -> None:
        seen.append(progress)
        if progress.blocker_pid:
            cancel.set()

    with psycopg.connect(bench.dsn) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(77)")
        with pytest.raises(ChangeFailed, match="You cancelled it"):
            confirmed(bench, change, on_progress=tell, cancel=cancel)
    assert seen[-1].phase == "computing statistics"
    assert bench.journal.change(change.id).state is ChangeState.FAILED_CLEAN


def test_progress_of_a_vacuum_is_in_blocks(bench: Bench, until: Any) -> None:
    bench.sql("DELETE FROM items WHERE id % 2 = 0")
    with psycopg.connect(bench.dsn, autocommit=True) as works, psycopg.connect(bench.dsn, autocommit=True) as eyes:
        works.execute("SET vacuum_cost_delay = 20; SET vacuum_cost_limit = 20")

        def work() -> None:
            with suppress(psycopg.errors.QueryCanceled):
                works.execute("VACUUM items")

        stop = threading.Thread(target=work)
        stop.start()
        found = until(lambda: (now := progress(eyes, works.info.backend_pid)) and now.total and now, 10, "its progress")
        assert (found.phase, found.total) == (
            "scanning heap",
            bench.sql("SELECT pg_relation_size('items') / 8192")[0][0],
        )
        assert ask(eyes, "progress", pid=works.info.backend_pid)[0]["lockers_total"] == 0
        works.cancel_safe()
        stop.join(10)


@pytest.mark.parametrize("sql", ["ANALYZE items", "VACUUM (ANALYZE) items"])
@pytest.mark.parametrize("fault", ["after_intent", "during_build", "after_execute", "after_applied"])
def test_killed_and_the_counters_tell(bench: Bench, sql: str, fault: str) -> None:
    bench.sql(SLOW)
    applied(bench, sql)
    change = approved(bench, sql)
    with psycopg.connect(bench.dsn) as holder:
        if fault == "during_build":
            holder.execute("SELECT pg_advisory_xact_lock(77)")
        killed(start_confirmed(bench, change, fault))
        if fault == "during_build":
            verdict = reconcile(bench.journal, bench.spec, limits=bench.quick)[0]
            assert verdict.finding == RUNNING
            assert verdict.progress is not None
    settle_all(bench)
    done = fault != "after_intent"
    assert bench.journal.change(change.id).state is (ChangeState.VERIFYING if done else ChangeState.FAILED_CLEAN)
    assert bench.events(change.id).count("change.intent") == 1
    if not done:
        again = confirmed(bench, change)
        assert again.state is ChangeState.VERIFYING


def test_a_killed_session_has_not_done_it(bench: Bench) -> None:
    bench.sql(SLOW)
    change = approved(bench, "VACUUM (ANALYZE) items")
    find = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s"

    def tell(progress: BuildProgress) -> None:
        if progress.blocker_pid:
            bench.sql(find, application_name(change.id))

    with psycopg.connect(bench.dsn) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(77)")
        with pytest.raises(ChangeFailed, match="not made"):
            confirmed(bench, change, on_progress=tell, pause=lambda seconds: False)
    assert bench.journal.change(change.id).state is ChangeState.FAILED_CLEAN
