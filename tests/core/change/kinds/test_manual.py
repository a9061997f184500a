"""Settings that somebody else keeps: printed for a person, and looked for afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from optischema_tui.core.change.kinds import manual
from optischema_tui.core.change.kinds.kind import Outcome
from optischema_tui.core.change.states import EDGES, advance, next_states
from optischema_tui.core.change.withdraw import withdraw
from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.errors import ChangeFailed, ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check
from tests.conftest import SETTINGS, until
from tests.core.change.kinds.of_settings import Bench, bench_on, reason

PATRONI = "-c cluster_name='pay {roll}' -c max_connections=60 -c wal_level=replica -c max_wal_senders=5"


class AsPatroniDoes(Binaries):
    """Starts the server with settings on its command line."""

    script: ClassVar[Path]

    @property
    def postgres(self) -> Path:
        return self.script


@pytest.fixture(scope="module")
def kept_server(binaries: Binaries, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server that is started as Patroni starts it."""
    script = tmp_path_factory.mktemp("bin") / "postgres"
    script.write_text(f'#!/bin/sh\nexec "{binaries.postgres}" "$@" {PATRONI}\n')
    script.chmod(0o755)
    for folder in script.parents:
        if folder.name.startswith("pytest-"):
            folder.chmod(0o755)
    script.parent.chmod(0o755)
    AsPatroniDoes.script = script
    started = AsPatroniDoes(binaries.bindir, binaries.version_num, binaries.version)
    with start_cluster(started, prefix="optischema-kept-", settings=SETTINGS, initdb_args=["--no-sync"]) as cluster:
        yield cluster


@pytest.fixture
def bench(kept_server: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(manual, "LOOK_SECONDS", 0.2)
    with bench_on(kept_server.dsn(), tmp_path) as bench:
        yield bench
        by_hand(bench, "ALTER SYSTEM RESET ALL", "4MB")


def by_hand(bench: Bench, sql: str, shown: str) -> None:
    """What the person does elsewhere, until new sessions have it."""
    bench.sql(sql)
    bench.sql("SELECT pg_reload_conf()")
    until(lambda: bench.sql("SHOW work_mem") == [(shown,)], 10, "the reload")


def written(bench: Bench) -> Change:
    return bench.approved("ALTER SYSTEM SET work_mem = '12MB'")


def test_patroni_gets_its_own_command_and_nothing_is_sent(bench: Bench) -> None:
    change = written(bench)
    assert change.kind == "manual"
    assert "-- patronictl edit-config 'pay {roll}' -p work_mem=12MB" in change.steps
    assert "-- patronictl edit-config 'pay {roll}' -p work_mem=4096kB" in change.undo_steps
    assert all(step.startswith("-- ") and "\n" not in step for step in (*change.steps, *change.undo_steps))
    with pytest.raises(ChangeFailed, match="not in force yet") as failed:
        bench.apply(change)
    assert "4096kB, not 12MB" in failed.value.why
    assert bench.auto_file() == {}
    # It has not failed: the same key looks again.
    looked = bench.now(change)
    assert (looked.state, looked.detail["error"]) == (ChangeState.APPROVED, "")
    assert looked.waits_for == "waits to be done by hand"
    with pytest.raises(ChangeFailed, match="not in force yet"):
        bench.apply(looked)
    assert bench.settle() == [Outcome.NOT_YET]
    assert bench.now(change).state is ChangeState.APPROVED
    assert withdraw(bench.journal, bench.now(change), "not now").state is ChangeState.WITHDRAWN
    assert bench.settle() == []


def test_when_a_person_has_done_it_it_is_found_and_so_is_the_way_back(bench: Bench) -> None:
    change = written(bench)
    by_hand(bench, "ALTER SYSTEM SET work_mem = '12MB'", "12MB")
    done = bench.apply(change)
    assert done.state is ChangeState.VERIFYING
    with pytest.raises(ChangeFailed):
        bench.undo(done)
    assert bench.now(change).state is ChangeState.VERIFYING
    by_hand(bench, "ALTER SYSTEM RESET work_mem", "4MB")
    assert bench.undo(done).state is ChangeState.ROLLED_BACK
    events = [entry.body["kind"] for entry in bench.journal.entries() if entry.event == "change.applied"]
    assert events == ["manual", "manual"]


def test_it_is_found_without_being_asked_and_so_is_its_undo(bench: Bench) -> None:
    change = written(bench)
    entries = len(bench.journal.entries())
    assert bench.settle() == [Outcome.NOT_YET]
    assert len(bench.journal.entries()) == entries, "a look that finds nothing leaves no trace"
    by_hand(bench, "ALTER SYSTEM SET work_mem = '12MB'", "12MB")
    assert bench.settle() == [Outcome.DONE]
    found = bench.now(change)
    assert found.state is ChangeState.VERIFYING
    # What ran between the approval and the look is compared with nothing.
    assert found.detail["intent_at"] == found.approved_at
    assert found.detail["applied_at"] > found.approved_at
    assert bench.settle() == []
    with pytest.raises(ChangeFailed, match="not in force yet"):
        bench.undo(found)
    by_hand(bench, "ALTER SYSTEM RESET work_mem", "4MB")
    assert bench.settle() == [Outcome.DONE]
    assert bench.now(found).state is ChangeState.ROLLED_BACK
    assert bench.settle() == []
    assert bench.journal.verify().ok


def test_only_what_a_person_does_may_be_found_applied(bench: Bench) -> None:
    change = written(bench)
    assert ChangeState.APPLIED in next_states(change)
    by_us = replace(change, kind="system_setting", detail={**change.detail, "by_hand": False})
    assert next_states(by_us) == EDGES[ChangeState.APPROVED]
    with pytest.raises(ChangeRefused, match="cannot go from approved to applied"):
        advance(by_us, ChangeState.APPLIED, 1.0)


def test_what_is_in_force_already_is_no_change(bench: Bench) -> None:
    with pytest.raises(ChangeRefused, match="nothing to change: work_mem is 4096kB already"):
        bench.proposed("ALTER SYSTEM SET work_mem = '4MB'")


def test_back_to_a_default_that_only_the_keeper_knows(bench: Bench) -> None:
    by_hand(bench, "ALTER SYSTEM SET work_mem = '12MB'", "12MB")
    change = bench.approved("ALTER SYSTEM RESET work_mem")
    assert "-- patronictl edit-config 'pay {roll}' -p work_mem=null" in change.steps
    with pytest.raises(ChangeFailed):
        bench.apply(change)
    assert bench.settle() == [], "it is not told unasked"
    by_hand(bench, "ALTER SYSTEM SET work_mem = '6MB'", "6MB")
    assert bench.apply(bench.now(change)).state is ChangeState.VERIFYING


def test_a_restart_belongs_to_the_steps(bench: Bench) -> None:
    change = bench.approved("ALTER SYSTEM SET shared_buffers = '128MB'")
    assert any("Restart" in step for step in change.steps)
    checks: list[Check] = []
    with pytest.raises(ChangeFailed):
        bench.apply(change, checks)
    assert "restarted" in reason(checks, "restart")


def test_the_checks_of_a_value_stand_before_it(bench: Bench) -> None:
    for sql in ("ALTER SYSTEM SET work_mem = 'lots'", "ALTER SYSTEM SET fsync = off"):
        with pytest.raises(ChangeRefused):
            bench.proposed(sql)


def test_a_managed_service_is_known_by_its_roles_unless_one_is_a_superuser(server: Cluster, tmp_path: Path) -> None:
    with bench_on(server.dsn(), tmp_path) as bench:
        bench.user = f"m_{secrets.token_hex(4)}"
        bench.sql(f"CREATE ROLE {bench.user} LOGIN")
        bench.sql("CREATE ROLE rds_superuser")
        try:
            change = bench.proposed("ALTER SYSTEM SET work_mem = '12MB'")
            assert change.kind == "manual"
            assert change.steps[0] == "-- Set work_mem to 12MB in the DB parameter group"
            bench.user, user = "", bench.user
            assert bench.proposed("ALTER SYSTEM SET work_mem = '12MB'").kind == "system_setting"
            bench.sql(f"DROP ROLE {user}")
        finally:
            bench.sql("DROP ROLE rds_superuser")


def test_a_server_that_refuses_alter_system(own_server: Cluster, tmp_path: Path) -> None:
    with bench_on(own_server.dsn(), tmp_path) as bench:
        change = bench.approved("ALTER SYSTEM SET work_mem = '12MB'")
        assert change.kind == "system_setting"
        conf = own_server.data_dir / "postgresql.conf"
        conf.write_text(f"{conf.read_text()}\nallow_alter_system = off\n")
        bench.sql("SELECT pg_reload_conf()")
        until(lambda: bench.sql("SHOW allow_alter_system") == [("off",)], 10, "the reload")
        with pytest.raises(ChangeRefused) as refused:
            bench.apply(change)
        assert "allow_alter_system" in refused.value.why
        assert bench.proposed("ALTER SYSTEM SET work_mem = '12MB'").kind == "manual"
