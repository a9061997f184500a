"""The rules of sessions over samples that were taken of a real server."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.findings.workload import convoys, idle_transactions
from optischema_tui.core.findings.workload.facts import Facts
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.readings import watch_activity
from optischema_tui.core.target.spec import TargetSpec

WAITERS = 5
COUNTER = "UPDATE counter SET n = n + 1"


def test_a_forgotten_transaction_and_the_queue_behind_it(fresh_db: str, tmp_path: Path, until: Callable[..., object]):
    spec = TargetSpec("test", tuple(sorted(conninfo_to_dict(fresh_db).items())))  # type: ignore[arg-type]
    clock = FixedClock()

    def wait() -> None:
        with psycopg.connect(fresh_db, autocommit=True, application_name="web") as session:
            session.execute(COUNTER.encode())

    with (
        closing(History.open(tmp_path / "history.db", clock)) as history,
        psycopg.connect(fresh_db, autocommit=True) as look,
        psycopg.connect(fresh_db, application_name="forgetful") as head,
    ):
        look.execute("CREATE TABLE counter (n int)")
        look.execute("INSERT INTO counter VALUES (0)")
        head.execute(COUNTER.encode())
        threads = [threading.Thread(target=wait) for _ in range(WAITERS)]
        for thread in threads:
            thread.start()
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'web'"
        until(lambda: look.execute(waiting.encode()).fetchone() == (WAITERS,), what="the queue")
        begin, samples = clock.at, []
        for _ in range(8):
            clock.advance(1.0)
            identity, seen = watch_activity(spec, clock=clock)
            samples += seen
        head.rollback()
        for thread in threads:
            thread.join(30)
        history.save_activity(identity.fingerprint, samples)
        stored = history.activity_between(identity.fingerprint, begin, clock.at)
    facts = Facts(identity.fingerprint, begin, clock.at, samples=stored)
    (convoy,) = convoys.find(facts)
    assert f"Up to {WAITERS} sessions" in convoy.title
    assert convoy.cost >= WAITERS * 3_600_000 * 0.99
    (idle,) = idle_transactions.find(facts)
    assert "application forgetful" in idle.object
    assert idle.reasons[0].code == "blocks_others"
    # The statement that everybody waits in is the one that the forgotten transaction ran last.
    assert convoy.queryids == idle.queryids
