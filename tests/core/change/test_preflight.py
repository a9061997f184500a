"""What the preflight lets through, warns of, and blocks, on real servers."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from optischema_tui.core.change import preflight as lines
from optischema_tui.core.change.protocol import apply_change, approve, preflight, roll_back
from optischema_tui.core.change.session import lock_key
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.cluster.cluster import start_cluster
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check, IndexSpec, Level

Bench = Any
"""See conftest."""


def found(checks: tuple[Check, ...], name: str) -> Check:
    return next(check for check in checks if check.name == name)


def look(bench: Bench, change: Change, **options: Any) -> tuple[Check, ...]:
    return preflight(bench.journal, options.pop("spec", bench.spec), change.id, limits=bench.quick, **options)


def test_all_lines_pass_on_a_quiet_server(bench: Bench) -> None:
    change = bench.approved()
    told: list[Check] = []
    checks = look(bench, change, on_check=told.append)
    assert tuple(told) == checks
    assert [check for check in checks if check.level is not Level.PASS] == []
    assert {"target", "primary", "direct session", "privilege to do and undo", "lock can be had"} <= {
        check.name for check in checks
    }
    assert all(check.reason for check in checks)
    assert (
        "pg_locks" in found(checks, "sessions it would wait for").query
        or found(checks, "sessions it would wait for").query
    )
    assert bench.journal.change(change.id).state is ChangeState.APPROVED
    assert bench.index_state() == "absent"


def test_a_read_only_profile_refuses_and_says_how_to_allow(bench: Bench) -> None:
    change = bench.approved()
    assert found(look(bench, change, spec=bench.read_only_spec()), "changes allowed").level is Level.BLOCK
    with pytest.raises(ChangeRefused, match=r"READ ONLY.*--allow-changes"):
        apply_change(bench.journal, bench.read_only_spec(), change.id)
    assert bench.events(change.id)[-1] == "change.refused"


def test_an_old_approval_blocks_until_it_is_given_again(bench: Bench) -> None:
    clock = FixedClock(at=1_900_000_000.0)
    change = approve(bench.journal, bench.recommendation(), bench.identity, bench.dsn, clock=clock)
    clock.advance(24 * 3600 - 1)
    assert found(look(bench, change, clock=clock), "approval").level is Level.PASS
    clock.advance(2)
    with pytest.raises(ChangeRefused, match="approve it again"):
        apply_change(bench.journal, bench.spec, change.id, clock=clock, limits=bench.quick)
    assert bench.index_state() == "absent"
    again = approve(bench.journal, bench.recommendation(), bench.identity, bench.dsn, clock=clock)
    assert again.id == change.id
    assert found(look(bench, again, clock=clock), "approval").level is Level.PASS


def test_sql_that_is_not_the_approved_one_never_runs(bench: Bench) -> None:
    change = bench.approved()
    other = replace(change, forward_sql=change.forward_sql.replace("order_id", "note"))
    bench.journal.save(other, "change.approved", {})
    with pytest.raises(ChangeRefused, match="hash differs"):
        apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
    assert bench.index_state() == "absent"


def test_a_recommendation_whose_sql_differs_from_its_description_is_refused(bench: Bench) -> None:
    wrong = replace(bench.recommendation(), forward_sql="CREATE INDEX CONCURRENTLY x ON items (note)")
    with pytest.raises(ChangeRefused, match="not what its description says"):
        approve(bench.journal, wrong, bench.identity, bench.dsn)


def test_another_database_blocks(bench: Bench, server: Any) -> None:
    change = bench.approved()
    elsewhere = replace(
        bench.spec, params=tuple((key, "postgres" if key == "dbname" else value) for key, value in bench.spec.params)
    )
    assert found(look(bench, change, spec=elsewhere), "target").level is Level.BLOCK
    with pytest.raises(ChangeRefused, match="not the database"):
        apply_change(bench.journal, elsewhere, change.id, limits=bench.quick)


def test_privilege_both_to_do_and_to_undo(bench: Bench) -> None:
    bench.sql("DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'os_applier') THEN"
              " CREATE ROLE os_applier LOGIN; CREATE ROLE os_owner; END IF; END $$")  # fmt: skip
    change = bench.approved()
    line = "privilege to do and undo"
    as_applier = bench.spec_as("os_applier")
    assert 'GRANT "postgres" TO "os_applier"' in found(look(bench, change, spec=as_applier), line).reason
    with pytest.raises(ChangeRefused, match="cannot both make and undo"):
        apply_change(bench.journal, as_applier, change.id, limits=bench.quick)

    bench.sql("ALTER TABLE items OWNER TO os_owner")
    bench.sql("GRANT os_owner TO os_applier")
    check = found(look(bench, change, spec=as_applier), line)
    assert check.level is Level.BLOCK
    assert "CREATE ON SCHEMA" in check.reason
    assert 'GRANT "os_owner"' not in check.reason

    bench.sql("GRANT CREATE ON SCHEMA public TO os_owner")
    checks = look(bench, change, spec=as_applier)
    assert found(checks, line).level is Level.PASS
    assert "pg_read_all_stats" in found(checks, "sessions it would wait for").reason
    applied = apply_change(bench.journal, as_applier, change.id, limits=bench.quick)
    assert applied.detail["plans"][0]["uses"]
    assert roll_back(bench.journal, as_applier, change.id, limits=bench.quick).state is ChangeState.ROLLED_BACK


def test_a_role_that_may_become_the_owner_does_so_for_the_change_only(bench: Bench) -> None:
    bench.sql(
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'os_noinherit') THEN"
        " CREATE ROLE os_noinherit LOGIN NOINHERIT; CREATE ROLE os_table_owner; END IF; END $$"
    )
    bench.sql("GRANT CREATE ON SCHEMA public TO os_table_owner")
    bench.sql("GRANT os_table_owner TO os_noinherit WITH INHERIT FALSE, SET TRUE")
    bench.sql("GRANT pg_read_all_stats TO os_noinherit WITH INHERIT TRUE")
    bench.sql("ALTER TABLE items OWNER TO os_table_owner")
    change = bench.approved()
    role = bench.spec_as("os_noinherit")
    checks = look(bench, change, spec=role)
    assert [check for check in checks if check.level is not Level.PASS] == []
    applied = apply_change(bench.journal, role, change.id, limits=bench.quick)
    assert applied.state is ChangeState.VERIFYING
    told = next(entry.body["database"] for entry in bench.journal.entries() if entry.event == "change.intent")
    assert (told["session_user"], told["current_user"]) == ("os_noinherit", "os_table_owner")
    assert roll_back(bench.journal, role, change.id, limits=bench.quick).state is ChangeState.ROLLED_BACK


@pytest.mark.parametrize(
    ("existing", "wanted", "level"),
    [
        ("(order_id)", IndexSpec("public", "items", ("order_id",)), Level.BLOCK),
        ("(order_id, note)", IndexSpec("public", "items", ("order_id",)), Level.BLOCK),
        ("(order_id DESC)", IndexSpec("public", "items", ("order_id",)), Level.BLOCK),
        ("(order_id) INCLUDE (note)", IndexSpec("public", "items", ("order_id",), (), ("note",)), Level.BLOCK),
        ("(order_id) WHERE note = 'a'", IndexSpec("public", "items", ("order_id",), (), (), "note = 'a'"), Level.BLOCK),
        ("(note, order_id)", IndexSpec("public", "items", ("order_id",)), Level.PASS),
        ("(order_id)", IndexSpec("public", "items", ("order_id", "note")), Level.PASS),
        ("(order_id DESC, note)", IndexSpec("public", "items", ("order_id", "note")), Level.PASS),
        ("(order_id) WHERE note = 'a'", IndexSpec("public", "items", ("order_id",)), Level.PASS),
        ("(order_id)", IndexSpec("public", "items", ("order_id",), (), (), "note = 'a'"), Level.PASS),
        ("(note text_pattern_ops)", IndexSpec("public", "items", ("note",)), Level.PASS),
        ('(note COLLATE "C")', IndexSpec("public", "items", ("note",)), Level.PASS),
        ("USING hash (order_id)", IndexSpec("public", "items", ("order_id",)), Level.PASS),
    ],
    ids=str,
)
def test_an_equal_or_covering_index_blocks(bench: Bench, existing: str, wanted: IndexSpec, level: Level) -> None:
    bench.sql(f"CREATE INDEX there ON items {existing}")
    bench.index = wanted
    assert found(look(bench, bench.approved()), "equal or covering index").level is level


def test_names(bench: Bench) -> None:
    change = bench.approved()
    bench.sql(f"CREATE VIEW {bench.name} AS SELECT 1 AS one")
    assert "Something else" in found(look(bench, change), "index name").reason
    bench.sql(f"DROP VIEW {bench.name}")
    bench.sql(f"CREATE INDEX {bench.name} ON items (note)")
    assert found(look(bench, change), "index name").level is Level.BLOCK
    bench.name = "n" * 64
    with pytest.raises(ChangeRefused):
        bench.approved()


def test_an_invalid_leftover_blocks_and_names_its_removal(bench: Bench) -> None:
    change = bench.approved()
    bench.sql("UPDATE items SET order_id = 1")
    with pytest.raises(psycopg.errors.UniqueViolation):
        bench.sql(f"CREATE UNIQUE INDEX CONCURRENTLY {bench.name} ON items (order_id)")
    assert bench.index_state() == "invalid"
    check = found(look(bench, change), "index name")
    assert check.level is Level.BLOCK
    assert change.inverse_sql in check.reason
    with pytest.raises(ChangeRefused, match="INVALID"):
        apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
    bench.sql(f"ALTER INDEX {bench.name} RENAME TO other")
    assert found(look(bench, change), "invalid leftovers").level is Level.WARN


def test_kinds_of_relation(bench: Bench) -> None:
    bench.sql("CREATE TABLE parted (order_id int) PARTITION BY RANGE (order_id)")
    bench.sql("CREATE VIEW shown AS SELECT * FROM items")
    bench.sql("CREATE MATERIALIZED VIEW kept AS SELECT * FROM items")
    expected = (("parted", "not partitioned"), ("shown", "table"), ("missing", "table"), ("kept", ""))
    for table, line in expected:
        bench.index, bench.name = IndexSpec("public", table, ("order_id",)), f"{table}_os"
        lines = look(bench, bench.approved())
        assert [check.name for check in lines if check.level is Level.BLOCK] == [line] * bool(line)
    change = bench.journal.changes()[0]
    assert apply_change(bench.journal, bench.spec, change.id, limits=bench.quick).state is ChangeState.NEEDS_ATTENTION
    assert bench.index_state() == "valid"


def test_a_locked_table_blocks_and_names_the_holder(bench: Bench) -> None:
    change = bench.approved()
    with psycopg.connect(bench.dsn, application_name="nightly") as session:
        session.execute("LOCK TABLE items IN SHARE MODE")
        check = found(look(bench, change), "lock can be had")
        assert check.level is Level.BLOCK
        assert "LOCK TABLE" in check.query
        assert f"process {session.info.backend_pid} (nightly" in check.reason
        with pytest.raises(ChangeRefused, match="lock can be had"):
            apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
    assert found(look(bench, change), "lock can be had").level is Level.PASS
    assert bench.index_state() == "absent"


def test_an_autovacuum_is_no_obstacle(own_bench: Bench, until: Any) -> None:
    bench = own_bench
    bench.sql("ALTER SYSTEM SET autovacuum = on")
    bench.sql("ALTER SYSTEM SET autovacuum_naptime = '1s'")
    bench.sql("SELECT pg_reload_conf()")
    change = bench.approved()
    bench.sql(
        "ALTER TABLE items SET (autovacuum_enabled = on, autovacuum_vacuum_threshold = 1,"
        " autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1)"
    )
    bench.sql("UPDATE items SET note = 'y'")
    until(lambda: bench.sql("SELECT 1 FROM pg_stat_progress_vacuum WHERE relid = 'items'::regclass"), 60, "autovacuum")
    check = found(look(bench, change), "lock can be had")
    assert check.level is Level.WARN
    assert "gives way" in check.reason
    limits = replace(bench.quick, build_lock_ms=20_000)
    assert apply_change(bench.journal, bench.spec, change.id, limits=limits).state is ChangeState.VERIFYING


def test_old_snapshots_and_writers_are_named(bench: Bench, until: Any) -> None:
    change = bench.approved()
    line = "sessions it would wait for"
    with psycopg.connect(bench.dsn, application_name="reporting") as report:
        report.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        report.execute("SELECT 1")
        check = until(lambda: (c := found(look(bench, change), line)).level is Level.WARN and c, 15, "the warning")
        assert f"process {report.info.backend_pid} (reporting" in check.reason
    with psycopg.connect(bench.dsn, application_name="idle reader") as reader:
        reader.execute("SELECT * FROM items LIMIT 1")
        until(
            lambda: bench.sql(
                "SELECT 1 FROM pg_stat_activity WHERE application_name = 'idle reader'"
                " AND xact_start < clock_timestamp() - interval '2.2 seconds'"
            ),
            15,
            "the age of the reader",
        )
        assert found(look(bench, change), line).level is Level.PASS


def test_a_builder_on_the_table_blocks(bench: Bench, until: Any) -> None:
    change = bench.approved()
    with psycopg.connect(bench.dsn) as blocker:
        blocker.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        blocker.execute("SELECT 1")
        other = threading.Thread(target=lambda: bench.sql("CREATE INDEX CONCURRENTLY other ON items (note)"))
        other.start()
        try:
            until(lambda: bench.sql("SELECT 1 FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for old%'"))
            checks = look(bench, change)
            assert found(checks, "no other build on the table").level is Level.BLOCK
            assert found(checks, "lock can be had").level is Level.BLOCK
        finally:
            blocker.rollback()
            other.join(20)


def test_another_change_on_the_table_refuses_and_names_its_holder(bench: Bench) -> None:
    change = bench.approved()
    with psycopg.connect(bench.dsn, application_name="optischema/other") as holder:
        holder.execute("SELECT pg_advisory_lock(1330860097, hashtext(%s))", (lock_key(change),))
        with pytest.raises(ChangeRefused, match="optischema/other"):
            apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
        assert found(look(bench, change), "nobody else changes it").level is Level.BLOCK
    assert bench.journal.change(change.id).state is ChangeState.APPROVED


def test_a_standby_a_pooler_and_a_banned_version_block() -> None:
    class Session:
        info = type("Info", (), {"backend_pid": 7})

    session: Any = Session()
    row = {"in_recovery": False, "read_only": False, "backend_pid": 7, "version_num": 180006, "version": "18.6"}
    assert lines.primary(row).level is Level.PASS
    assert lines.primary({**row, "in_recovery": True}).level is Level.BLOCK
    assert lines.primary({**row, "read_only": True}).level is Level.BLOCK
    assert lines.direct(session, row).level is Level.PASS
    assert lines.direct(session, {**row, "backend_pid": 8}).level is Level.BLOCK
    assert lines.version({**row, "version_num": 140003, "version": "14.3"}).level is Level.BLOCK
    assert lines.version({**row, "version_num": 140004, "version": "14.4"}).level is Level.PASS


@pytest.mark.parametrize(
    ("bind", "reason"),
    [
        ("ALTER TABLE items ADD CONSTRAINT {name} UNIQUE USING INDEX {name}", "constraint"),
        ("ALTER TABLE items REPLICA IDENTITY USING INDEX {name}", "replica identity"),
        ("ALTER TABLE items CLUSTER ON {name}", "clustered"),
    ],
    ids=["constraint", "replica identity", "clustered"],
)
def test_a_rollback_does_not_take_what_came_to_depend_on_the_index(bench: Bench, bind: str, reason: str) -> None:
    change = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    if "UNIQUE" in bind or "REPLICA" in bind:
        bench.sql(f"DROP INDEX {bench.name}")
        bench.sql(f"CREATE UNIQUE INDEX {bench.name} ON items (order_id, id)")
        definition = bench.sql("SELECT pg_get_indexdef(%s::regclass)", bench.name)[0][0]
        bench.journal.save(replace(change, detail={**change.detail, "definition": definition}), "test.moved", {})
    bench.sql(bind.format(name=bench.name))
    with pytest.raises(ChangeRefused, match=reason):
        roll_back(bench.journal, bench.spec, change.id, limits=bench.quick)
    assert bench.index_state() == "valid"


def test_a_rollback_does_not_take_an_index_that_was_renamed(bench: Bench) -> None:
    change = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    bench.sql(f"ALTER INDEX {bench.name} RENAME TO adopted")
    with pytest.raises(ChangeRefused, match="renamed to adopted"):
        roll_back(bench.journal, bench.spec, change.id, limits=bench.quick)
    assert bench.index_state("adopted") == "valid"


def test_a_rollback_does_not_take_an_index_that_was_built_anew(bench: Bench) -> None:
    change = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    bench.sql(f"DROP INDEX {bench.name}")
    bench.sql(f"CREATE INDEX {bench.name} ON items (order_id, note)")
    with pytest.raises(ChangeRefused, match="its definition is now"):
        roll_back(bench.journal, bench.spec, change.id, limits=bench.quick)
    assert bench.index_state() == "valid"


def test_a_later_change_on_the_table_is_warned_of(bench: Bench) -> None:
    first = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    bench.index, bench.name = IndexSpec("public", "items", ("note", "id")), "items_note"
    apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    told: list[Check] = []
    roll_back(bench.journal, bench.spec, first.id, on_check=told.append, limits=bench.quick)
    assert "items_note" in found(tuple(told), "later changes").reason


def test_a_prepared_transaction_on_the_table_blocks(binaries: Any, bench_on: Any) -> None:
    settings = {"max_prepared_transactions": "4", "fsync": "off"}
    with start_cluster(binaries, prefix="optischema-2pc-", settings=settings, initdb_args=["--no-sync"]) as cluster:
        bench = bench_on(cluster.dsn())
        change = bench.approved()
        line = "prepared transactions"
        assert found(look(bench, change), line).level is Level.PASS
        with psycopg.connect(bench.dsn, autocommit=True) as session:
            for statement in ("BEGIN", "SELECT pg_current_xact_id()", "PREPARE TRANSACTION 'elsewhere'"):
                session.execute(statement)
            assert found(look(bench, change), line).level is Level.WARN
            for statement in ("BEGIN", "UPDATE items SET note = 'z' WHERE id = 1", "PREPARE TRANSACTION 'here'"):
                session.execute(statement)
        check = found(look(bench, change), line)
        assert check.level is Level.BLOCK
        assert "here" in check.reason
        assert "elsewhere" not in check.reason
