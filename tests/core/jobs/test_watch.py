"""One program collects, others follow and take over; several targets in one process; the past from history."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.core.clock import SYSTEM, FixedClock
from optischema_tui.core.collect.events import Attached, CollectEvent, Gathered, Observed, Sampled
from optischema_tui.core.config import Config
from optischema_tui.core.errors import UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.past import look_back, step
from optischema_tui.core.jobs.watch import Watch
from optischema_tui.core.models import (
    Activity,
    ActivitySample,
    DatabaseCounters,
    Epoch,
    LoadPoint,
    Session,
    Snapshot,
    StatementDelta,
    StatementKey,
    TargetIdentity,
)
from optischema_tui.core.target.resolver import resolve

Until = Callable[..., Any]


@contextmanager
def collecting(state: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """The headless collector, after its first line."""
    command = [sys.executable, "-m", "optischema_tui", "collect", *words, "--interval", "1", "--state-dir", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            assert "statements" in running.stdout.readline()
            yield running
        finally:
            if running.poll() is None:
                running.kill()


class Seen:
    """What a watch told."""

    def __init__(self) -> None:
        self.events: list[CollectEvent] = []
        self.roles: list[str] = []

    def any(self, kind: type) -> Any:
        return next((event for event in reversed(self.events) if isinstance(event, kind)), None)


@pytest.mark.usefixtures("state_dir")
async def test_it_follows_what_another_collects_and_takes_over(
    fresh_db: str, tmp_path: Path, until_async: Until
) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE followed (id int)")
        session.execute("SELECT count(*) FROM followed")
    seen = Seen()
    spec = resolve(fresh_db, Config())
    with collecting(tmp_path, fresh_db) as other, closing(History.open(tmp_path / "history.db")) as history:
        watch = Watch(spec, history, tmp_path, interval=1.0, on_event=seen.events.append, on_role=seen.roles.append)
        running = asyncio.create_task(watch.run())
        try:
            await until_async(lambda: seen.any(Observed), 20, "a tick of the other")
            await until_async(lambda: seen.any(Sampled), 20, "a sample of the other")
            await until_async(lambda: seen.any(Gathered), 20, "a reading of the other")
            assert seen.roles
            assert str(other.pid) in seen.roles[0]
            assert isinstance(seen.events[0], Attached)
            texts = {text.text for event in seen.events if isinstance(event, Observed) for text in event.texts}
            assert "SELECT count(*) FROM followed" in texts
            with psycopg.connect(fresh_db) as session:
                ours = session.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'optischema-tui'"
                    " AND datname = current_database()"
                ).fetchone()
            assert ours is not None
            assert 1 <= ours[0] <= 2, "who follows opens no connection of its own"
            other.send_signal(signal.SIGKILL)
            await until_async(lambda: seen.roles[-1] == "", 20, "it collects itself")
            before = len(seen.events)
            await until_async(
                lambda: any(isinstance(event, Observed) for event in seen.events[before:]), 20, "a tick of its own"
            )
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def test_several_targets_in_one_process_end_cleanly_by_sigterm(
    fresh_db: str, server: Any, tmp_path: Path, until: Until
) -> None:
    other = server.dsn()
    with psycopg.connect(other, autocommit=True) as session:
        session.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    with collecting(tmp_path, fresh_db, other, "--json") as running:
        assert running.stdout is not None
        targets = set()
        while len(targets) < 2:
            targets.add(json.loads(running.stdout.readline())["target"])
        running.terminate()
        _, told = running.communicate(timeout=20)
    assert running.returncode == 0, told
    with closing(History.open(tmp_path / "history.db")) as history:
        reached = history.recent_targets()
        assert len(reached) == 2
        assert {target.state for target in reached} == {"observed"}
        assert all(history.last_snapshot(target.identity.fingerprint) for target in reached)


def test_a_second_collector_of_the_same_target_says_who_has_it(fresh_db: str, tmp_path: Path) -> None:
    with collecting(tmp_path, fresh_db) as first:
        words = [sys.executable, "-m", "optischema_tui", "collect", fresh_db, "--duration", "2", "--state-dir"]
        second = subprocess.run([*words, str(tmp_path)], capture_output=True, text=True, check=False, timeout=60)
        assert second.returncode == 0, second.stderr
        assert f"pid {first.pid}" in second.stderr
        assert second.stdout == ""


def test_the_past_is_what_the_ticks_were(quiet_db: str, tmp_path: Path, until: Until) -> None:
    with psycopg.connect(quiet_db, autocommit=True) as session:
        session.execute("CREATE TABLE visited (id int)")
        spec = replace(resolve(quiet_db, Config()))
        with (
            closing(History.open(tmp_path / "history.db")) as history,
            pytest.raises(UsageError, match="nothing"),
        ):
            look_back(history, _some_identity(), SYSTEM.wall())
        with collecting(tmp_path, quiet_db, "--json") as running:
            assert running.stdout is not None
            for calls in (3, 5, 7):
                for _ in range(calls):
                    session.execute("SELECT count(*) FROM visited")
                line = json.loads(running.stdout.readline())
                while line["seconds"] is None:
                    line = json.loads(running.stdout.readline())
            with closing(History.open(tmp_path / "history.db")) as history:
                until(lambda: _text_is_stored(history, spec.key), 30, "the text of the statement is stored")
            running.terminate()
            running.communicate(timeout=20)
    with closing(History.open(tmp_path / "history.db")) as history:
        identity = history.identity_of(spec.key)
        assert identity is not None
        span = history.span(identity.fingerprint)
        assert span is not None
        at: float = step(history, identity, None, -1)
        assert at == span[1]
        calls_seen = 0
        while True:
            moment = look_back(history, identity, at)
            assert moment.at == at
            assert moment.picture.past
            calls_seen += sum(row.calls for row in moment.picture.rows if "FROM visited" in row.text)
            if at == span[0]:
                break
            at = step(history, identity, at, -1)
        assert 12 <= calls_seen <= 15, "of 15 calls those before the first tick belong to no interval"
        with pytest.raises(UsageError, match="begins"):
            step(history, identity, span[0], -1)
        with pytest.raises(UsageError, match="ends"):
            step(history, identity, span[1], 1)


def _text_is_stored(history: History, spec_key: str) -> bool:
    identity = history.identity_of(spec_key)
    snapshot = history.last_snapshot(identity.fingerprint) if identity else None
    if identity is None or snapshot is None:
        return False
    texts = history.texts(identity.fingerprint, [sample.key for sample in snapshot.statements])
    return any("visited" in text.text and "count" in text.text for text in texts.values())


def _some_identity() -> TargetIdentity:
    return TargetIdentity("nowhere", 1, "none", 180000)


def test_a_moment_without_samples_tells_what_sessions_were_at(tmp_path: Path) -> None:
    clock = FixedClock(1_700_000_000.0)
    identity = _some_identity()
    with closing(History.open(tmp_path / "history.db", clock)) as history:
        for second in range(4 * 3600):
            clock.advance(1)
            if second % 10 == 0:
                session = Session(
                    7, "client backend", "shop", "app", "", "", "active", "IO", "DataFileRead", 5, "", 1.0, 1.0
                )
                sample = ActivitySample(clock.at, clock.ticks, clock.at, (session,), 1, 0, 2)
                history.save_activity(identity.fingerprint, (sample,))
            if second % 600 == 0:
                epoch = Epoch("nowhere", 1.0, 1.0, 180000, "1.12")
                snapshot = Snapshot(
                    identity, epoch, clock.at, clock.ticks, clock.at, (), DatabaseCounters(), Activity()
                )
                point = LoadPoint(clock.at, 1.0, 1.0, 1.0, 1)
                delta = StatementDelta(StatementKey(1, 1, 5), 600.0, 1, 1, 600.0, 0.0, 0, 0, 0, 0.0, 0)
                history.save_tick(snapshot, (), (delta,), point)
        early = look_back(history, identity, clock.at - 3 * 3600)
    assert early.sample is None
    assert "IO:DataFileRead 1" in early.note
    assert early.waits
