"""`kill -9` at every step of apply and of rollback: at the next start the verdict equals the truth on the server."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.core.change import faults
from optischema_tui.core.change.ids import application_name
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.change.protocol import apply_change, roll_back
from optischema_tui.core.change.reconcile import HELD, RUNNING, reconcile, wait_running
from optischema_tui.core.errors import ChangeFailed, TargetError
from optischema_tui.core.models import BuildProgress, ChangeState
from tests.core.change.killable import Killable, run_change

Bench = Any
"""See conftest."""

QUICK = Limits(build_lock_ms=20_000, cleanup_lock_ms=5_000)
CREATE_POINTS = (
    "before_preflight", "after_preflight", "before_intent", "after_intent", "before_execute", "during_build",
    "after_execute", "after_applied", "before_verify", "after_verify",
)  # fmt: skip
DROP_POINTS = (
    "before_preflight", "after_preflight", "before_intent", "after_intent", "before_execute", "during_build",
    "after_execute", "after_applied", "before_verify", "before_undone", "after_undone", "after_verify",
)  # fmt: skip


def start(bench: Bench, what: str, change_id: str, fault: str) -> Killable:
    where = (bench.dsn, str(bench.journal_path), change_id)
    return Killable(run_change, what, *where, limits=QUICK, longest_pause=0.0, fault=fault)


def killed(process: Killable) -> None:
    errors = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, errors


def settle_all(bench: Bench) -> list[str]:
    """What the next start does: reconcile, and follow what still runs. Gives the findings."""
    findings = []
    for verdict in reconcile(bench.journal, bench.spec, bench.identity.fingerprint, limits=bench.quick):
        findings.append(verdict.finding)
        assert verdict.finding != HELD, verdict.reason
        if verdict.finding == RUNNING:
            followed = wait_running(bench.journal, bench.spec, verdict.change.id, limits=bench.quick, every=0.05)
            findings.append(followed.finding)
    return findings


def truth_holds(bench: Bench, change_id: str) -> ChangeState:
    """The journal's state of the creation says what the server shows; nothing is half done or at work."""
    change = bench.journal.change(change_id)
    there = bench.index_state()
    on_server = {ChangeState.VERIFYING, ChangeState.KEPT}
    absent = {ChangeState.APPROVED, ChangeState.FAILED_CLEAN, ChangeState.ROLLED_BACK}
    assert (there, change.state in on_server, change.state in absent) in (
        ("valid", True, False),
        ("absent", False, True),
    ), (there, change.state)
    assert bench.sql("SELECT 1 FROM pg_index WHERE NOT indisvalid") == []
    assert bench.sql("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'") == []
    assert bench.journal.verify().ok
    state: ChangeState = change.state
    return state


def test_every_fault_point_is_walked() -> None:
    """The points that are left have tests of their own below."""
    assert set(CREATE_POINTS) | set(DROP_POINTS) | {"before_cleanup", "during_cleanup", "after_cleanup"} == set(
        faults.POINTS
    )
    assert len(CREATE_POINTS) + len(DROP_POINTS) + 3 >= 20


@pytest.mark.parametrize("fault", CREATE_POINTS)
def test_killed_while_creating(bench: Bench, fault: str) -> None:
    change = bench.approved()
    with psycopg.connect(bench.dsn) as blocker:
        if fault == "during_build":
            blocker.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            blocker.execute("SELECT 1")
        killed(start(bench, "apply", change.id, fault))
        if fault == "during_build":
            # The server goes on without the program; the next start finds it at work and follows it.
            verdict = reconcile(bench.journal, bench.spec, limits=bench.quick)[0]
            assert verdict.finding == RUNNING
            assert verdict.progress is not None
            assert verdict.change.state is ChangeState.EXECUTING
    settle_all(bench)
    state = truth_holds(bench, change.id)
    begun = faults.POINTS.index(fault) >= faults.POINTS.index("during_build")
    assert (state is ChangeState.VERIFYING) == begun
    assert settle_all(bench) == []
    if not begun:
        again = apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
        assert again.state is ChangeState.VERIFYING


@pytest.mark.parametrize("fault", DROP_POINTS)
def test_killed_while_rolling_back(bench: Bench, fault: str) -> None:
    change = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    with psycopg.connect(bench.dsn) as blocker:
        if fault == "during_build":
            blocker.execute("SELECT * FROM items LIMIT 1")
        killed(start(bench, "rollback", change.id, fault))
    settle_all(bench)
    state = truth_holds(bench, change.id)
    begun = faults.POINTS.index(fault) >= faults.POINTS.index("during_build")
    assert (state is ChangeState.ROLLED_BACK) == begun
    assert settle_all(bench) == []
    if not begun:
        undone = roll_back(bench.journal, bench.spec, change.id, limits=bench.quick)
        assert undone.state is ChangeState.ROLLED_BACK


@pytest.mark.parametrize("fault", ["before_cleanup", "during_cleanup", "after_cleanup"])
def test_killed_while_cleaning_up(bench: Bench, fault: str, until: Any) -> None:
    """The build is cancelled by another person; the program dies while it removes what is left."""
    change = bench.approved()
    with psycopg.connect(bench.dsn) as blocker:
        blocker.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # A snapshot that has read the table holds up the build, and the removal after it too.
        blocker.execute("SELECT * FROM items LIMIT 1" if fault == "during_cleanup" else "SELECT 1")
        process = start(bench, "apply", change.id, fault)
        find = (
            "SELECT a.pid FROM pg_stat_activity a JOIN pg_stat_progress_create_index p ON p.pid = a.pid"
            " WHERE application_name = %s AND phase LIKE 'waiting for old%%'"
        )
        pid = until(lambda: bench.sql(find, application_name(change.id)), 30, "the build's wait")[0][0]
        bench.sql("SELECT pg_cancel_backend(%s)", pid)
        killed(process)
    settle_all(bench)
    assert truth_holds(bench, change.id) is ChangeState.FAILED_CLEAN
    assert settle_all(bench) == []


def test_the_verdict_is_held_while_another_change_works_on_the_table(bench: Bench) -> None:
    change = bench.approved()
    killed(start(bench, "apply", change.id, "after_intent"))
    with psycopg.connect(bench.dsn, application_name="optischema/another") as other:
        from optischema_tui.core.change.session import lock_key

        other.execute("SELECT pg_advisory_lock(1330860097, hashtext(%s))", (lock_key(change),))
        verdict = reconcile(bench.journal, bench.spec, limits=bench.quick)[0]
        assert (verdict.finding, verdict.change.state) == (HELD, ChangeState.INTENT)
    assert settle_all(bench) == ["not done"]


def test_reconcile_leaves_a_foreign_index_alone(bench: Bench) -> None:
    change = bench.approved()
    killed(start(bench, "apply", change.id, "after_intent"))
    bench.sql(f"CREATE INDEX {bench.name} ON items (note)")
    assert settle_all(bench) == ["conflict"]
    assert bench.journal.change(change.id).state is ChangeState.NEEDS_ATTENTION
    assert bench.index_state() == "valid"


def test_reconcile_sends_no_ddl_to_a_read_only_target(bench: Bench, until: Any) -> None:
    change = bench.approved()
    with psycopg.connect(bench.dsn) as blocker:
        blocker.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        blocker.execute("SELECT 1")
        killed(start(bench, "apply", change.id, "during_build"))
        pid = until(
            lambda: bench.sql(
                "SELECT pid FROM pg_stat_activity WHERE application_name = %s", application_name(change.id)
            )
        )[0][0]
        bench.sql("SELECT pg_terminate_backend(%s, 10000)", pid)
    verdict = reconcile(bench.journal, bench.read_only_spec(), limits=bench.quick)[0]
    assert (verdict.finding, verdict.change.state) == ("half done", ChangeState.LEFTOVER)
    assert bench.index_state() == "invalid"
    assert settle_all(bench) == ["not done"]
    assert truth_holds(bench, change.id) is ChangeState.FAILED_CLEAN


def test_reconcile_sends_no_ddl_while_a_kill_switch_is_pulled(bench: Bench, until: Any) -> None:
    change = bench.approved()
    with psycopg.connect(bench.dsn) as blocker:
        blocker.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        blocker.execute("SELECT 1")
        killed(start(bench, "apply", change.id, "during_build"))
        find = "SELECT pid FROM pg_stat_activity WHERE application_name = %s"
        pid = until(lambda: bench.sql(find, application_name(change.id)))[0][0]
        bench.sql("SELECT pg_terminate_backend(%s, 10000)", pid)
    switch = Path(os.environ["XDG_CONFIG_HOME"]) / "optischema-tui" / "STOP"
    switch.parent.mkdir(parents=True, exist_ok=True)
    switch.touch()
    verdict = reconcile(bench.journal, bench.spec, limits=bench.quick)[0]
    assert (verdict.finding, verdict.change.state) == ("half done", ChangeState.LEFTOVER)
    assert str(switch) in verdict.reason
    assert bench.index_state() == "invalid"
    switch.unlink()
    assert settle_all(bench) == ["not done"]
    assert truth_holds(bench, change.id) is ChangeState.FAILED_CLEAN


def test_a_server_that_checks_its_clients_goes_on_too(own_bench: Bench, until: Any) -> None:
    """With the server's own client_connection_check_interval the build would end with the program."""
    bench = own_bench
    bench.sql("ALTER SYSTEM SET client_connection_check_interval = '100ms'")
    bench.sql("SELECT pg_reload_conf()")
    until(lambda: bench.sql("SHOW client_connection_check_interval") == [("100ms",)], 10, "the setting")
    change = bench.approved()
    with psycopg.connect(bench.dsn) as blocker:
        blocker.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        blocker.execute("SELECT 1")
        killed(start(bench, "apply", change.id, "during_build"))
        began = bench.sql("SELECT clock_timestamp()")[0][0]
        until(lambda: bench.sql("SELECT clock_timestamp() > %s + interval '0.5 s'", began)[0][0], 10, "five checks")
        assert reconcile(bench.journal, bench.spec, limits=bench.quick)[0].finding == RUNNING
    settle_all(bench)
    assert truth_holds(bench, change.id) is ChangeState.VERIFYING


def test_an_adopted_build_can_be_cancelled(bench: Bench) -> None:
    change = bench.approved()
    with psycopg.connect(bench.dsn) as blocker:
        blocker.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        blocker.execute("SELECT 1")
        killed(start(bench, "apply", change.id, "during_build"))
        cancel = threading.Event()
        seen: list[BuildProgress] = []

        def tell(progress: BuildProgress) -> None:
            seen.append(progress)
            cancel.set()

        verdict = wait_running(
            bench.journal, bench.spec, change.id, on_progress=tell, cancel=cancel, limits=bench.quick, every=0.1
        )
        assert seen
        assert verdict.change.state is ChangeState.FAILED_CLEAN
    assert truth_holds(bench, change.id) is ChangeState.FAILED_CLEAN


@pytest.mark.parametrize("how", ["fast", "crash", "backend"])
def test_the_server_goes_away_during_the_build(own_bench: Bench, own_server: Any, how: str) -> None:
    """The session is lost; the server, back again, shows what became of it; nothing is sent twice."""
    bench = own_bench
    change = bench.approved()
    struck = threading.Event()
    blocker = psycopg.connect(bench.dsn)
    blocker.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    blocker.execute("SELECT 1")

    def strike() -> None:
        struck.wait(30)
        if how == "fast":
            own_server.restart()
        elif how == "crash":
            own_server.crash()
            own_server.resume()
        else:
            bench.sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = %s",
                application_name(change.id),
            )

    striker = threading.Thread(target=strike)
    striker.start()

    def tell(progress: BuildProgress) -> None:
        if progress.blocker_pid:
            struck.set()

    wait = threading.Event().wait
    with pytest.raises(ChangeFailed, match="not made"):
        apply_change(
            bench.journal, bench.spec, change.id, on_progress=tell, limits=bench.quick.__class__(),
            pause=lambda seconds: wait(min(seconds, 1.0)),
        )  # fmt: skip
    striker.join(60)
    blocker.close()
    assert bench.events(change.id).count("change.unknown") == 1
    assert truth_holds(bench, change.id) is ChangeState.FAILED_CLEAN
    assert bench.events(change.id).count("change.intent") == 1


def test_a_server_that_stays_away_leaves_it_unknown_and_nothing_is_guessed(own_bench: Bench, own_server: Any) -> None:
    bench = own_bench
    change = bench.approved()
    killed(start(bench, "apply", change.id, "after_intent"))
    own_server.stop()
    with pytest.raises(TargetError):
        reconcile(bench.journal, bench.spec, limits=bench.quick)
    assert bench.journal.change(change.id).state is ChangeState.INTENT
