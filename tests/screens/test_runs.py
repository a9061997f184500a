"""Changes that run beside the screens: one at a time, whoever begins them, and each told for what it was."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from optischema_tui import messages as m
from optischema_tui.core.change.reconcile import HELD, Verdict
from optischema_tui.core.clock import SYSTEM, Clock, FixedClock
from optischema_tui.core.config import Config
from optischema_tui.core.errors import ChangeFailed, OptischemaError, StorageError
from optischema_tui.core.jobs import changes
from optischema_tui.core.models import ChangeState
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.resolver import resolve
from optischema_tui.runs import Runs
from tests.screens.sample_data import change


class Desk:
    """`Runs` with threads of its own, and what it told."""

    def __init__(self, path: Path, clock: Clock = SYSTEM) -> None:
        self.told: list[m.Fact] = []
        self.threads: list[threading.Thread] = []
        self.reload: Callable[[], None] = lambda: None
        spec = resolve(f"host={path} dbname=nowhere", Config())
        paths = Paths(path / "config.toml", path / "state")
        self.runs = Runs(spec, paths, clock, self.told.append, self.job, lambda: self.reload())

    def job(self, work: Callable[[], None], failed: Callable[[OptischemaError], m.Fact] | None) -> None:
        def run() -> None:
            try:
                work()
            except OptischemaError as error:
                self.told.append(failed(error) if failed is not None else m.Told(error.sentence, "error"))

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def rest(self) -> None:
        for thread in self.threads:  # grows while they run
            thread.join(20)
            assert not thread.is_alive()

    @property
    def sentences(self) -> list[str]:
        return [fact.sentence for fact in self.told if isinstance(fact, m.Told)]

    def kinds(self) -> list[type]:
        return [type(fact) for fact in self.told]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_link_that_comes_and_goes_asks_once_what_became_of_changes(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answer = threading.Semaphore(0), threading.Event()

    def slow(*_: Any, **__: Any) -> tuple[()]:
        asked.release()
        assert answer.wait(20)
        return ()

    monkeypatch.setattr(changes, "reconcile", slow)
    for _ in range(3):
        desk.job(desk.runs.reconcile, None)
    assert asked.acquire(timeout=20)
    answer.set()
    desk.rest()
    assert not asked.acquire(blocking=False)


def test_after_a_lost_server_it_is_asked_again_and_where_nothing_was_decided_after_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FixedClock()
    desk, asked, one = Desk(tmp_path, clock), [], change(ChangeState.UNKNOWN)
    verdicts: list[tuple[Any, ...]] = [(Verdict(one, one.state, HELD, "another is at work"),), (), ()]

    def answer(*_: Any, **__: Any) -> tuple[Any, ...]:
        asked.append(clock.monotonic())
        return verdicts.pop(0)

    monkeypatch.setattr(changes, "reconcile", answer)
    desk.runs.reconcile()
    desk.runs.reconcile()
    assert (len(asked), desk.runs.undecided) == (1, False)
    clock.advance(61)
    assert desk.runs.undecided
    desk.runs.reconcile()
    assert (len(asked), desk.runs.undecided) == (2, False)
    clock.advance(1000)
    desk.runs.reconcile()
    assert len(asked) == 2, "nothing is held any more"
    desk.runs.lost()
    desk.runs.reconcile()
    assert len(asked) == 3


def test_one_change_at_a_time_and_the_next_after_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    go, began = threading.Event(), threading.Semaphore(0)

    def build(*_: Any, cancel: threading.Event, **__: Any) -> str:
        began.release()
        assert go.wait(20)
        return "cancelled" if cancel.is_set() else "done"

    monkeypatch.setattr(changes, "carry_out", build)
    desk.runs.start(("one",), False, (), lambda: None)
    assert began.acquire(timeout=20)
    desk.runs.start(("two",), False, (), lambda: None)
    assert desk.kinds() == [m.RunStarted, m.Told]
    desk.runs.cancel()
    assert "only watched" in desk.sentences[-1], "changes are off for this target"
    go.set()
    desk.rest()
    assert desk.kinds()[-1] is m.RunDone
    desk.runs.start(("two",), False, (), lambda: None)
    desk.rest()
    assert desk.kinds()[-2:] == [m.RunStarted, m.RunDone]


def test_a_ledger_that_cannot_be_read_is_no_failure_of_the_change(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise StorageError("The journal cannot be read")

    desk.reload = broken
    monkeypatch.setattr(changes, "carry_out", lambda *_, **__: "done")
    desk.runs.start(("one",), False, (), lambda: None)
    desk.rest()
    assert m.RunFailed not in desk.kinds()
    assert {m.RunDone, m.Told} <= set(desk.kinds())


def test_after_a_failure_it_is_found_out_what_is_left(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise ChangeFailed("The build failed")

    looked = []
    monkeypatch.setattr(changes, "carry_out", fails)
    monkeypatch.setattr(changes, "reconcile", lambda *_, **__: looked.append(1) or ())
    desk.runs.start(("one",), False, (), desk.runs.reconcile)
    desk.rest()
    assert m.RunFailed in desk.kinds()
    assert looked == [1]
