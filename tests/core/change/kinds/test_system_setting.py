"""ALTER SYSTEM on real servers: done, undone exactly, killed, raced for, refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.core.change.kinds import system_setting
from optischema_tui.core.change.kinds.kind import Outcome
from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check
from tests.conftest import SETTINGS, until
from tests.core.change.kinds.of_settings import Bench, bench_on, level, reason

APPLY_POINTS = (
    "before_preflight", "after_preflight", "before_intent", "after_intent", "before_execute", "after_execute",
    "after_applied", "before_verify", "after_verify",
)  # fmt: skip
UNDO_POINTS = ("after_intent", "after_execute", "after_applied", "before_undone", "after_undone")


def marked(points: tuple[str, ...], *ordinary: str) -> list[Any]:
    """All the points, those that are not `ordinary` for the long suite."""
    deep = pytest.mark.deep
    return [pytest.param(point, marks=() if point in ordinary else deep) for point in points]


@pytest.fixture(scope="module")
def tuned_server(binaries: Binaries) -> Iterator[Cluster]:
    """Shared by this file: a server whose settings may be changed."""
    with start_cluster(binaries, prefix="optischema-set-", settings=SETTINGS, initdb_args=["--no-sync"]) as cluster:
        yield cluster


@pytest.fixture
def bench(tuned_server: Cluster, tmp_path: Path) -> Iterator[Bench]:
    with bench_on(tuned_server.dsn(), tmp_path) as bench:
        yield bench
        bench.sql("ALTER SYSTEM RESET ALL")
        reloaded(bench)


def reloaded(bench: Bench) -> None:
    """Have the server read its files, and wait until new sessions begin with them."""
    before = bench.sql("SELECT pg_conf_load_time()")[0][0]
    bench.sql("SELECT pg_reload_conf()")
    until(lambda: bench.sql("SELECT pg_conf_load_time() > %s", before)[0][0], 10, "the reload")


def test_it_is_set_put_in_force_and_taken_back_to_absent(bench: Bench) -> None:
    checks: list[Check] = []
    change = bench.apply("alter system set WORK_MEM to '12 MB';", checks)
    assert change.steps == ("ALTER SYSTEM SET \"work_mem\" = '12 MB'", "SELECT pg_reload_conf()")
    assert change.undo_steps == ('ALTER SYSTEM RESET "work_mem"', "SELECT pg_reload_conf()")
    assert change.state is ChangeState.VERIFYING
    assert "work_mem = 12288kB" in change.detail["result"]
    assert {str(check.level) for check in checks} == {"pass", "warn"}
    assert "cannot be seen over SQL" in reason(checks, "memory")
    assert bench.auto_file() == {"work_mem": "12 MB"}
    assert bench.sql("SHOW work_mem") == [("12MB",)]
    assert bench.undo(change).state is ChangeState.ROLLED_BACK
    assert bench.auto_file() == {}
    assert bench.sql("SHOW work_mem") == [("4MB",)]
    assert bench.journal.verify().ok


@pytest.mark.parametrize(
    ("written", "sql"),
    [
        ("'8 MB'", "ALTER SYSTEM SET work_mem = '96MB'"),
        ("8192", "ALTER SYSTEM RESET work_mem"),
        ("'8MB'", "ALTER SYSTEM SET work_mem = DEFAULT"),
    ],
)
def test_what_was_there_comes_back_with_the_same_text(bench: Bench, written: str, sql: str) -> None:
    bench.sql(f"ALTER SYSTEM SET work_mem = {written}")
    reloaded(bench)
    before = bench.auto_file()
    change = bench.apply(sql)
    assert change.state is ChangeState.VERIFYING
    assert bench.auto_file() != before
    bench.undo(change)
    assert bench.auto_file() == before
    assert bench.sql("SHOW work_mem") == [("8MB",)]


VALUES = (
    ("ALTER SYSTEM SET DateStyle = ISO, DMY", "ISO, DMY"),
    ("ALTER SYSTEM SET \"DateStyle\" = 'ISO, DMY'", "ISO, DMY"),
    ("ALTER SYSTEM SET random_page_cost = 1.10", "1.1"),
    ("ALTER SYSTEM SET enable_seqscan = of", "off"),
    ("ALTER SYSTEM SET wal_compression = on", "pglz"),
    ("ALTER SYSTEM SET track_functions = 'ALL'", "all"),
    ("ALTER SYSTEM SET log_min_duration_statement = '1.5s'", "1500ms"),
    ("ALTER SYSTEM SET autovacuum_vacuum_cost_delay = '1500us'", "1500us"),
    ("ALTER SYSTEM SET pg_stat_statements.track = all", "all"),
    ("ALTER SYSTEM SET log_line_prefix = '%m it''s \\ [%p] '", "%m it's \\ [%p] "),
)


def test_values_of_every_type_count_and_are_seen_to(bench: Bench) -> None:
    for sql, shown in VALUES:
        change = bench.apply(sql)
        assert change.state is ChangeState.VERIFYING, (sql, change.detail["result"])
        name = change.detail["setting"]
        assert bench.sql("SELECT current_setting(%s)", name) == [(shown,)]
        assert [each.lower() for each in bench.auto_file()] == [name.lower()]
        assert bench.undo(change).state is ChangeState.ROLLED_BACK
        assert bench.auto_file() == {}


REFUSED = (
    "ALTER SYSTEM SET fsync = off",
    "ALTER SYSTEM SET archive_command = 'rm -rf /'",
    "ALTER SYSTEM SET primary_conninfo = 'password=hunter2'",
    "ALTER SYSTEM RESET ALL",
    "ALTER SYSTEM SET work_mem = 64MB",
    "ALTER SYSTEM SET work_mem = '64k'",
    "ALTER SYSTEM SET work_mem = '1kB'",
    "ALTER SYSTEM SET work_mem = '0x4000'",
    "ALTER SYSTEM SET work_mem = 020000",
    "ALTER SYSTEM SET work_mem = '3TB'",
    "ALTER SYSTEM SET work_mem = '10s'",
    "ALTER SYSTEM SET work_mem = '4MB', '8MB'",
    "ALTER SYSTEM SET random_page_cost = 'NaN'",
    "ALTER SYSTEM SET jit = maybe",
    "ALTER SYSTEM SET jit = o",
    "ALTER SYSTEM SET wal_compression = 'zip'",
    "ALTER SYSTEM SET server_version = '19'",
    "ALTER SYSTEM SET no_such_thing = 1",
    "ALTER SYSTEM SET my.own = 1",
    "ALTER SYSTEM SET application_name = 'a\nb'",
    "ALTER SYSTEM SET work_mem FROM CURRENT",
    "ALTER SYSTEM SET work_mem = $1",
    "ALTER SYSTEM SET work_mem",
    "ALTER SYSTEM work_mem = '8MB'",
    "ALTER SYSTEM RESET work_mem",
)


def test_what_will_not_do_is_refused_before_it_is_proposed(bench: Bench) -> None:
    for sql in REFUSED:
        with pytest.raises(ChangeRefused) as refused:
            bench.proposed(sql)
        assert refused.value.sentence, sql
    assert bench.journal.changes() == ()
    assert "hunter2" not in bench.path.read_bytes().decode("latin-1")


@pytest.mark.parametrize("fault", marked(APPLY_POINTS, "after_intent", "after_execute", "after_applied"))
def test_killed_at_any_point_the_next_start_knows(bench: Bench, fault: str) -> None:
    change = bench.approved("ALTER SYSTEM SET random_page_cost = 1.7")
    bench.killed("apply", change, fault)
    bench.settle()
    state, written = bench.now(change).state, bench.auto_file()
    truth = {
        "after_execute": (ChangeState.LEFTOVER, {"random_page_cost": "1.7"}),
        "after_applied": (ChangeState.VERIFYING, {"random_page_cost": "1.7"}),
        "before_verify": (ChangeState.VERIFYING, {"random_page_cost": "1.7"}),
        "after_verify": (ChangeState.VERIFYING, {"random_page_cost": "1.7"}),
    }
    not_begun = ChangeState.APPROVED if APPLY_POINTS.index(fault) < 3 else ChangeState.FAILED_CLEAN
    assert (state, written) == truth.get(fault, (not_begun, {}))
    if state is not ChangeState.VERIFYING:
        again = bench.apply(bench.now(change))
        assert again.state is ChangeState.VERIFYING
        assert again.detail["steps"][-1] == system_setting.RELOAD
    assert bench.sql("SHOW random_page_cost") == [("1.7",)]
    bench.undo(bench.now(change))
    assert bench.auto_file() == {}


def test_between_the_file_and_the_reload_it_can_be_taken_back_too(bench: Bench) -> None:
    change = bench.approved("ALTER SYSTEM SET random_page_cost = 1.7")
    bench.killed("apply", change, "after_execute")
    assert bench.settle() == [Outcome.PART]
    assert bench.sql("SHOW random_page_cost") == [("4",)]
    assert bench.undo(bench.now(change)).state is ChangeState.ROLLED_BACK
    assert bench.auto_file() == {}


@pytest.mark.deep
def test_a_server_that_is_started_again_has_read_its_files(own_server: Cluster, tmp_path: Path) -> None:
    with bench_on(own_server.dsn(), tmp_path) as bench:
        tuned = bench.approved("ALTER SYSTEM SET random_page_cost = 1.7")
        bench.killed("apply", tuned, "after_execute")
        own_server.crash()
        own_server.resume()
        assert bench.settle() == [Outcome.DONE]
        assert bench.now(tuned).state is ChangeState.VERIFYING
        assert bench.auto_file() == {"random_page_cost": "1.7"}


def test_after_the_restart_it_is_measured_and_so_it_is_undone(own_server: Cluster, tmp_path: Path) -> None:
    with bench_on(own_server.dsn(), tmp_path) as bench:
        change = bench.apply("ALTER SYSTEM SET max_connections = 70", typed="max_connections")
        assert (change.state, change.waits_for) == (ChangeState.APPLIED, "waits for the server's restart")
        own_server.restart()
        assert bench.sql("SHOW max_connections") == [("70",)]
        assert bench.settle() == [Outcome.DONE]
        measured = bench.now(change)
        assert measured.state is ChangeState.VERIFYING
        assert "was restarted" in measured.detail["result"]
        started = bench.sql("SELECT extract(epoch FROM pg_postmaster_start_time())::float8")[0][0]
        assert measured.detail["applied_at"] == pytest.approx(started, abs=0.5)
        assert measured.detail["applied_at"] > measured.detail["intent_at"]
        assert bench.settle() == []
        assert bench.undo(measured).state is ChangeState.ROLLED_BACK
        undo = bench.journal.change(bench.now(change).detail["undone_by"])
        assert undo.waits_for == "waits for the server's restart"
        own_server.restart()
        assert bench.settle() == [Outcome.DONE]
        assert bench.now(undo).state is ChangeState.KEPT
        assert bench.auto_file() == {}
        assert bench.journal.verify().ok


def test_a_server_that_was_restarted_without_it(own_server: Cluster, tmp_path: Path) -> None:
    with bench_on(own_server.dsn(), tmp_path) as bench:
        change = bench.apply("ALTER SYSTEM SET max_connections = 70", typed="max_connections")
        bench.sql("ALTER SYSTEM RESET max_connections")
        own_server.restart()
        bench.settle()
        now = bench.now(change)
        assert (now.state, now.waits_for) == (ChangeState.NEEDS_ATTENTION, "")
        assert "The server was restarted without it" in now.detail["result"]


def test_somebody_takes_it_out_before_the_restart(bench: Bench) -> None:
    change = bench.apply("ALTER SYSTEM SET max_connections = 80", typed="max_connections")
    bench.sql("ALTER SYSTEM RESET max_connections")
    reloaded(bench)
    bench.settle()
    assert bench.now(change).state is ChangeState.NEEDS_ATTENTION
    assert "is not there any more" in bench.now(change).detail["result"]


@pytest.mark.parametrize("fault", marked(UNDO_POINTS, "after_execute"))
def test_killed_while_undoing(bench: Bench, fault: str) -> None:
    change = bench.apply("ALTER SYSTEM SET random_page_cost = 1.7")
    bench.killed("rollback", change, fault)
    bench.settle()
    if bench.now(change).state is not ChangeState.ROLLED_BACK:
        assert fault in ("after_intent", "after_execute")
        bench.undo(bench.now(change))
    assert bench.now(change).state is ChangeState.ROLLED_BACK
    assert bench.auto_file() == {}
    assert bench.sql("SHOW random_page_cost") == [("4",)]
    assert bench.settle() == []


def test_whoever_changed_it_meanwhile_wins(bench: Bench) -> None:
    change = bench.approved("ALTER SYSTEM SET work_mem = '12MB'")
    bench.sql("ALTER SYSTEM SET work_mem = '5MB'")
    with pytest.raises(ChangeRefused) as refused:
        bench.apply(change)
    assert "has work_mem = 5MB" in refused.value.why
    assert bench.auto_file() == {"work_mem": "5MB"}
    # The undo of an applied one is held back by a later hand as well.
    other = bench.apply("ALTER SYSTEM SET work_mem = '12MB'")
    bench.sql("ALTER SYSTEM SET work_mem = '7MB'")
    with pytest.raises(ChangeRefused, match="preflight"):
        bench.undo(other)
    assert bench.auto_file() == {"work_mem": "7MB"}


def test_an_undo_that_somebody_has_done_by_hand_sets_the_journal_right(bench: Bench) -> None:
    change = bench.apply("ALTER SYSTEM SET work_mem = '12MB'")
    bench.sql("ALTER SYSTEM RESET work_mem")
    assert bench.undo(change).state is ChangeState.ROLLED_BACK
    assert bench.sql("SHOW work_mem") == [("4MB",)]


def race(bench: Bench, folder: Path, times: int) -> None:
    """Two operators, each with a journal and an approved change of one setting, at one moment: exactly one wins."""
    with bench_on(bench.dsn, folder) as second:
        for number in range(times):
            other = f"{10 + number}MB" if number % 3 == 0 else f"{1000 + number}MB"
            pairs = (
                (bench, bench.approved(f"ALTER SYSTEM SET work_mem = '{10 + number}MB'")),
                (second, second.approved(f"ALTER SYSTEM SET work_mem = '{other}'")),
            )
            barrier, ends = threading.Barrier(2), dict[str, str]()
            threads = [threading.Thread(target=operate, args=(*pair, barrier, ends)) for pair in pairs]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            won = [(side, change) for side, change in pairs if ends[change.id] == "verifying"]
            assert len(won) == 1, ends
            assert sum(end.startswith("refused") for end in ends.values()) == 1, ends
            side, change = won[0]
            assert bench.auto_file() == {"work_mem": change.detail["wanted"]}
            side.undo(change)
            assert bench.auto_file() == {}


def operate(side: Bench, change: Change, barrier: threading.Barrier, ends: dict[str, str]) -> None:
    barrier.wait()
    try:
        ends[change.id] = str(side.apply(change).state)
    except ChangeRefused as refused:
        ends[change.id] = f"refused: {refused.what} {refused.why}"
    except Exception as error:  # it would be lost with the thread
        ends[change.id] = repr(error)


def test_of_two_operators_one_wins(bench: Bench, tmp_path: Path) -> None:
    race(bench, tmp_path / "second", 5)


@pytest.mark.deep
def test_of_two_operators_one_wins_two_hundred_times(bench: Bench, tmp_path: Path) -> None:
    race(bench, tmp_path / "second", 200)


def test_a_value_that_others_override_needs_attention(bench: Bench) -> None:
    bench.sql("ALTER DATABASE postgres SET work_mem = '6MB'")
    checks: list[Check] = []
    try:
        change = bench.apply("ALTER SYSTEM SET work_mem = '12MB'", checks)
        assert change.state is ChangeState.NEEDS_ATTENTION
        assert "database postgres wins" in change.detail["result"]
        assert level(checks, "overrides") == "warn"
        assert "database postgres (6MB)" in reason(checks, "overrides")
        assert bench.undo(change).state is ChangeState.ROLLED_BACK
    finally:
        bench.sql("ALTER DATABASE postgres RESET ALL")


def test_a_restart_is_waited_for_and_never_made(bench: Bench) -> None:
    checks: list[Check] = []
    started = bench.sql("SELECT pg_postmaster_start_time()")
    approved = bench.approved("ALTER SYSTEM SET max_connections = 80")
    with pytest.raises(ChangeRefused) as refused:
        bench.apply(approved)
    assert "type max_connections" in refused.value.why
    change = bench.apply(approved, checks, typed="max_connections")
    assert (change.state, change.waits_for) == (ChangeState.APPLIED, "waits for the server's restart")
    assert change.detail["needs_restart"] is True
    assert change.detail["applied_at"] == 0.0, "nothing is measured of it yet"
    assert "until it is restarted" in change.detail["result"]
    entries = len(bench.journal.entries())
    assert bench.settle() == [Outcome.DONE]
    assert bench.now(change).waits_for, "the server still runs without it"
    assert len(bench.journal.entries()) == entries
    assert any("does not start" in caution for caution in change.detail["cautions"])
    assert "stays 60" in reason(checks, "restart")
    assert "raise it on every standby first" in reason(checks, "standbys")
    assert bench.sql("SELECT setting, pending_restart FROM pg_settings WHERE name = 'max_connections'") == [
        ("60", True)
    ]
    assert bench.sql("SELECT pg_postmaster_start_time()") == started
    assert bench.undo(change).state is ChangeState.ROLLED_BACK
    assert bench.sql("SELECT pending_restart FROM pg_settings WHERE name = 'max_connections'") == [(False,)]
    undo = bench.journal.change(bench.now(change).detail["undone_by"])
    assert undo.state is ChangeState.KEPT, "no restart is needed for that"
    assert bench.auto_file() == {}
    assert bench.settle() == []


def test_a_setting_of_this_programs_own_session_is_seen_through(bench: Bench) -> None:
    """The session that looks has set statement_timeout and lock_timeout for itself."""
    for sql in ("ALTER SYSTEM SET statement_timeout = '70s'", "ALTER SYSTEM SET lock_timeout = '9s'"):
        change = bench.apply(sql)
        assert change.state is ChangeState.VERIFYING, change.detail["result"]
        assert bench.undo(change).state is ChangeState.ROLLED_BACK
        undo = bench.journal.change(bench.now(change).detail["undone_by"])
        assert undo.state is ChangeState.KEPT, undo.detail["result"]


def test_a_setting_that_is_fixed_when_a_session_begins(bench: Bench) -> None:
    change = bench.apply("ALTER SYSTEM SET log_disconnections = on")
    assert change.state is ChangeState.VERIFYING, change.detail["result"]
    assert any("keep what they have" in caution for caution in change.detail["cautions"])


def test_a_broken_file_is_named(bench: Bench, tuned_server: Cluster) -> None:
    change = bench.approved("ALTER SYSTEM SET work_mem = '12MB'")
    conf = tuned_server.data_dir / "postgresql.conf"
    sound = conf.read_text()
    try:
        conf.write_text(f"{sound}\nno_such_setting = 1\n")
        with pytest.raises(ChangeRefused) as refused:
            bench.apply(change)
        assert "no_such_setting" in refused.value.why
        conf.write_text(f"{sound}\nseq_page_cost = 'much'\n")
        checks: list[Check] = []
        assert bench.apply(change, checks).state is ChangeState.VERIFYING
        assert "seq_page_cost" in reason(checks, "configuration files")
    finally:
        conf.write_text(sound)


def test_every_missing_privilege_is_named_as_its_grant(bench: Bench) -> None:
    bench.user = role = bench.role()
    with pytest.raises(ChangeRefused) as refused:
        bench.proposed("ALTER SYSTEM SET work_mem = '12MB'")
    grants = refused.value.todo.removeprefix("Run as a superuser: ").split("; ")
    assert len(grants) == 2
    for grant in grants:
        bench.sql(grant)
    change = bench.approved("ALTER SYSTEM SET work_mem = '12MB'")
    with pytest.raises(ChangeRefused) as refused:
        bench.apply(change)
    more = refused.value.why.partition("it needs: ")[2].split("; ")
    assert more == [
        f'GRANT ALTER SYSTEM ON PARAMETER work_mem TO "{role}"',
        f'GRANT EXECUTE ON FUNCTION pg_catalog.pg_reload_conf() TO "{role}"',
    ]
    for grant in more:
        bench.sql(grant)
    done = bench.apply(change)
    assert done.state is ChangeState.VERIFYING
    assert bench.undo(done).state is ChangeState.ROLLED_BACK
    bench.sql(f"DROP OWNED BY {role}")
    bench.sql(f"DROP ROLE {role}")


def test_a_role_with_one_connection_sees_the_result_in_its_own_session(bench: Bench) -> None:
    bench.user = role = bench.role("LOGIN CONNECTION LIMIT 1")
    for grant in (
        "SELECT ON pg_catalog.pg_file_settings",
        "EXECUTE ON FUNCTION pg_catalog.pg_show_all_file_settings()",
        "EXECUTE ON FUNCTION pg_catalog.pg_reload_conf()",
        "ALTER SYSTEM ON PARAMETER work_mem",
    ):
        bench.sql(f"GRANT {grant} TO {role}")
    done = bench.apply("ALTER SYSTEM SET work_mem = '12MB'")
    assert done.state is ChangeState.VERIFYING, done.detail["result"]
    assert bench.undo(done).state is ChangeState.ROLLED_BACK
    bench.sql(f"DROP OWNED BY {role}")
    bench.sql(f"DROP ROLE {role}")


def test_on_an_old_server(old_server: Cluster, tmp_path: Path) -> None:
    with bench_on(old_server.dsn(), tmp_path) as bench:
        change = bench.apply("ALTER SYSTEM SET log_autovacuum_min_duration = '3min'")
        try:
            assert change.state is ChangeState.VERIFYING
        finally:
            bench.undo(change)
        assert bench.auto_file() == {}


def test_the_lock_is_of_the_whole_server(bench: Bench) -> None:
    """Whoever changes it from another database is kept out as well."""
    change = bench.approved("ALTER SYSTEM SET work_mem = '12MB'")
    bench.sql("CREATE DATABASE elsewhere")
    elsewhere = bench.dsn.replace("dbname=postgres", "dbname=elsewhere")
    assert elsewhere != bench.dsn
    try:
        with psycopg.connect(bench.dsn, autocommit=True) as other:
            other.execute("BEGIN")
            other.execute("SELECT pg_advisory_lock(1330860097, hashtext(%s))", (system_setting.lock_key(change),))
            with bench_on(elsewhere, bench.path.parent.parent / "two") as second:
                mine = second.approved("ALTER SYSTEM SET work_mem = '13MB'")
                with pytest.raises(ChangeRefused, match="at work"):
                    second.apply(mine)
    finally:
        bench.sql("DROP DATABASE elsewhere WITH (FORCE)")
    assert bench.auto_file() == {}
