"""The headless collector when a part of it breaks: nothing is lost without a word."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.core.collect.events import Lost
from optischema_tui.core.config import Config
from optischema_tui.core.errors import OptischemaError, StorageError, UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs import watch
from optischema_tui.core.jobs.daemon import Daemon
from optischema_tui.core.jobs.watch import Watch
from optischema_tui.core.models import Picture
from optischema_tui.core.target.resolver import resolve
from optischema_tui.core.target.spec import TargetSpec

SECONDS = 30.0


class Heard:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.pictures: list[str] = []
        self.mistakes: list[str] = []
        self.roles: list[str] = []
        self.troubles: list[str] = []

    def picture(self, spec: TargetSpec, picture: Picture) -> None:
        self.pictures.append(spec.key)

    def lost(self, spec: TargetSpec, lost: Lost) -> None:
        self.troubles.append(lost.error.sentence)

    def unstored(self, spec: TargetSpec, problem: StorageError) -> None:
        self.troubles.append(problem.sentence)

    def noticed(self, sentence: str) -> None:
        self.troubles.append(sentence)

    def role(self, spec: TargetSpec, who: str) -> None:
        self.roles.append(who)

    def mistake(self, spec: TargetSpec, error: OptischemaError) -> None:
        self.mistakes.append(error.what)


def daemon_of(path: Path, history: History, heard: Heard, *dsns: str) -> Daemon:
    return Daemon([resolve(dsn, Config()) for dsn in dsns], history, path, heard, interval=1.0)


def test_a_mistake_of_ours_in_one_watch_ends_all_with_its_reason(
    fresh_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Watch.run

    async def broken(self: Watch) -> Any:
        if "elsewhere" in self.spec.dsn:
            raise TypeError("ours")
        return await whole(self)

    monkeypatch.setattr(Watch, "run", broken)
    heard = Heard()
    with closing(History.open(tmp_path / "history.db")) as history:
        daemon = daemon_of(tmp_path, history, heard, fresh_db, "host=/nowhere dbname=elsewhere")
        with pytest.raises(TypeError, match="ours"):
            daemon.run(SECONDS)


def test_a_target_that_cannot_be_watched_leaves_the_others(
    fresh_db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Watch.run

    async def refused(self: Watch) -> Any:
        if "elsewhere" in self.spec.dsn:
            raise UsageError("That target is wrong")
        return await whole(self)

    class Enough(Heard):
        def picture(self, spec: TargetSpec, picture: Picture) -> None:
            super().picture(spec, picture)
            if len(self.pictures) == 2:
                raise BrokenPipeError

    monkeypatch.setattr(Watch, "run", refused)
    heard = Enough()
    with closing(History.open(tmp_path / "history.db")) as history:
        daemon = daemon_of(tmp_path, history, heard, fresh_db, "host=/nowhere dbname=elsewhere")
        with pytest.raises(BrokenPipeError):  # what the listener raises ends the daemon
            daemon.run(SECONDS)
    assert heard.mistakes == ["That target is wrong"]
    assert len(heard.pictures) >= 2


async def test_who_loses_the_race_for_the_lock_looks_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until_async: Callable[..., Any]
) -> None:
    """Another program had the lock at the first look and was gone at the second: it must not be collected unlocked."""
    real, turns = watch.Leader.acquire, threading.Semaphore(2)

    def late(*words: Any) -> watch.Leader | None:
        return None if turns.acquire(blocking=False) else real(*words)

    monkeypatch.setattr(watch.Leader, "acquire", staticmethod(late))
    held: list[object] = []
    spec = resolve("host=/nowhere dbname=shop", Config())
    with closing(History.open(tmp_path / "history.db")) as history:
        watching = Watch(
            spec,
            history,
            tmp_path,
            interval=1.0,
            on_event=lambda event: None,
            on_role=lambda who: held.append(watch.holder(tmp_path, spec.key)),
        )
        running = watch.asyncio.create_task(watching.run())
        try:
            await until_async(lambda: held, 20, "it collects")
        finally:
            running.cancel()
            await watch.asyncio.gather(running, return_exceptions=True)
    assert held[0] is not None, "nobody else may collect while this one does"
    assert not turns.acquire(blocking=False)


@pytest.mark.usefixtures("state_dir")
def test_a_history_that_goes_away_is_told_once_and_collecting_goes_on(
    fresh_db: str, tmp_path: Path, until: Callable[..., Any]
) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("SELECT 1")

    class Break(Heard):
        def picture(self, spec: TargetSpec, picture: Picture) -> None:
            super().picture(spec, picture)
            if len(self.pictures) == 2:
                history.close()  # as an unreadable disk is: nothing can be stored from now on
            if len(self.pictures) == 5:
                raise BrokenPipeError

    heard = Break()
    with closing(History.open(tmp_path / "history.db")) as history:
        daemon = daemon_of(tmp_path, history, heard, fresh_db)
        with pytest.raises(BrokenPipeError):
            daemon.run(SECONDS)
    assert len([told for told in heard.troubles if "closed" in told]) == 1
