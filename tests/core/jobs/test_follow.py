"""Following what another program stores: whatever becomes of the clock, the file and the server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.collect.events import Attached, CollectEvent, Connected, Gathered, Lost, Observed, Sampled
from optischema_tui.core.config import Config
from optischema_tui.core.errors import ServerLost
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.follow import PATIENCE_SECONDS, READINGS_SECONDS, Follower
from optischema_tui.core.jobs.recorder import SAMPLES_A_SAVE, Recorder
from optischema_tui.core.models import (
    Activity,
    ActivitySample,
    DatabaseCounters,
    Epoch,
    Reading,
    Snapshot,
    StatementKey,
    StatementSample,
    StatementText,
    TargetIdentity,
)
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.target.resolver import resolve

HERE = TargetIdentity("sys", 5, "shop", 180000)
ELSEWHERE = TargetIdentity("other", 5, "shop", 180000)
CAPABILITIES = Capabilities(180000, "18.0", "app", False, False, False, "public", "1.12", frozenset(), False, ())
SPEC = resolve("host=/nowhere dbname=shop", Config())


class Pair:
    """A program that collects from a pretended server, and one that follows it, each with its own connection."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = FixedClock()
        self.theirs, self.ours = History.open(path, self.clock), History.open(path, self.clock)
        self.recorder = Recorder(SPEC, self.theirs, self.clock)
        self.told: list[CollectEvent] = []
        self.follower = Follower(SPEC, self.ours, "collect (pid 1)", on_event=self.told.append, clock=self.clock)
        self.calls = 0

    def reach(self, identity: TargetIdentity) -> None:
        self.identity = identity
        self.recorder.connected(Connected(identity, CAPABILITIES))

    def tick(self, seconds: float = 30.0, queryid: int = 1) -> None:
        """A tick, ten samples and a reading, as of `seconds` later (of the wall clock; the other never goes back)."""
        self.clock.at += seconds
        self.clock.ticks += 30.0
        self.calls += 1
        key = StatementKey(10, 5, queryid)
        epoch = Epoch(self.identity.system_identifier, 1.0, 2.0, 180000, "1.12")
        at, monotonic = self.clock.at, self.clock.ticks
        sample = StatementSample(key, calls=self.calls, total_exec_time=2.0 * self.calls)
        snapshot = Snapshot(self.identity, epoch, at, monotonic, at, (sample,), DatabaseCounters(), Activity())
        self.recorder.observed(Observed(snapshot, (StatementText(key, f"SELECT {queryid}"),)))
        for tenth in range(SAMPLES_A_SAVE, 0, -1):
            moment = at - tenth / 10
            self.recorder.sampled(Sampled(ActivitySample(moment, monotonic, moment, (), 1, 0, 2)))
        self.recorder.gathered(Gathered(Reading("wal", at, monotonic, at, ("wal_records",), ((self.calls,),), "one")))

    async def look(self) -> list[CollectEvent]:
        """What the follower tells at its next look."""
        self.told.clear()
        self.clock.ticks += READINGS_SECONDS
        await self.follower._look()
        return list(self.told)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path / "history.db")
    with closing(made.theirs), closing(made.ours):
        yield made


async def test_each_thing_is_told_once(pair: Pair) -> None:
    assert await pair.look() == []
    pair.reach(HERE)
    pair.tick()
    pair.tick()
    assert [type(event) for event in await pair.look()] == [Attached, Observed, Sampled, Gathered]
    assert await pair.look() == []
    pair.tick()
    kinds = await pair.look()
    assert [type(event) for event in kinds] == [Observed, Sampled, Gathered]
    assert kinds[0].texts == (), "the text was told before"


@pytest.mark.parametrize("step", [-600.0, -86_400.0, 86_400.0])
async def test_a_clock_that_is_set_hides_nothing(pair: Pair, step: float) -> None:
    pair.reach(HERE)
    pair.tick()
    pair.tick()
    await pair.look()
    pair.tick(step)
    pair.tick()
    told = await pair.look()
    assert {type(event) for event in told} == {Observed, Sampled, Gathered}
    (observed,) = (event for event in told if isinstance(event, Observed))
    assert observed.snapshot.statements[0].calls == pair.calls


async def test_another_server_behind_the_same_name_is_followed(pair: Pair) -> None:
    pair.reach(HERE)
    pair.tick()
    pair.tick()
    await pair.look()
    pair.reach(ELSEWHERE)
    pair.tick()
    pair.tick()
    told = await pair.look()
    assert told[0] == Attached(ELSEWHERE, "collect (pid 1)")
    (observed,) = (event for event in told if isinstance(event, Observed))
    assert observed.snapshot.target == ELSEWHERE
    assert observed.texts, "a key means another statement on another server"


@pytest.mark.parametrize("backup", [False, True])
async def test_a_file_that_another_takes_the_place_of(pair: Pair, backup: bool, tmp_path: Path) -> None:
    pair.reach(HERE)
    pair.tick()
    pair.tick()
    pair.theirs.close()
    old = pair.path.read_bytes()
    pair.theirs = pair.recorder.history = History.open(pair.path, pair.clock)
    for _ in range(3):
        pair.tick()
    await pair.look()
    for name in ("history.db", "history.db-wal", "history.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    if backup:
        pair.path.write_bytes(old)
        pair.path.chmod(0o600)
    for _ in range(2):
        pair.tick()
    assert Observed in {type(event) for event in await pair.look()}
    with closing(History.open(pair.path, pair.clock)) as fresh:
        assert fresh.identity_of(SPEC.key) == HERE, "whoever opens the file now finds the target in it"
        assert [target.state for target in fresh.recent_targets()] == ["observed"]


async def test_a_store_that_cannot_be_read_is_told_once_and_so_is_its_return(pair: Pair, tmp_path: Path) -> None:
    pair.reach(HERE)
    pair.tick()
    pair.tick()
    await pair.look()
    pair.ours.close()
    assert [type(event) for event in await pair.look()] == [Lost]
    assert await pair.look() == []
    pair.follower._history = pair.ours = History.open(pair.path, pair.clock)
    assert isinstance((await pair.look())[0], Attached), "the link is well again before there is a tick"


async def test_texts_of_statements_that_are_gone_are_forgotten(pair: Pair) -> None:
    pair.reach(HERE)
    for queryid in range(1, 6):
        pair.tick(queryid=queryid)
        await pair.look()
    assert pair.follower._texts == {StatementKey(10, 5, 5)}


async def test_what_keeps_the_other_program_from_the_server_is_told_and_so_is_its_end(pair: Pair) -> None:
    pair.reach(HERE)
    pair.tick()
    pair.tick()
    await pair.look()
    pair.clock.at += 5
    pair.recorder.lost(Lost(ServerLost("There is no server socket", "The file is gone"), 1.0))
    (lost,) = await pair.look()
    assert isinstance(lost, Lost)
    assert lost.error.what == "There is no server socket"
    assert "collect (pid 1)" in lost.error.why
    assert await pair.look() == [], "told once"
    pair.reach(HERE)
    pair.tick()
    assert [type(event) for event in (await pair.look())[:2]] == [Attached, Observed]


async def test_an_older_trouble_than_the_last_tick_is_over(pair: Pair) -> None:
    pair.reach(HERE)
    pair.tick(5)
    pair.recorder._next_picture = pair.clock.ticks + 1e6  # the state is noted with pictures
    pair.recorder.lost(Lost(ServerLost("One look timed out"), 1.0))
    pair.tick(5)
    await pair.look()
    assert Lost not in {type(event) for event in await pair.look()}


async def test_a_program_that_never_reaches_the_server_is_named(pair: Pair) -> None:
    assert await pair.look() == []
    pair.clock.ticks += PATIENCE_SECONDS
    (lost,) = await pair.look()
    assert isinstance(lost, Lost)
    assert "collect (pid 1) collects this target and has not reached the server" in lost.error.what


async def test_a_program_that_stores_nothing_new_is_named(pair: Pair) -> None:
    """It is paused, or its disk is full: figures that stand still are not the present."""
    pair.reach(HERE)
    for _ in range(3):
        pair.tick()
        await pair.look()
    pair.clock.ticks += 3 * 30.0
    assert Lost not in {type(event) for event in await pair.look()}
    pair.clock.ticks += PATIENCE_SECONDS
    (lost,) = await pair.look()
    assert isinstance(lost, Lost)
    assert "stores nothing new" in lost.error.what
    pair.follower.pause(True)
    pair.clock.ticks += 600
    pair.follower.pause(False)
    assert Lost not in {type(event) for event in await pair.look()}, "who looked away cannot say so"
    pair.tick()
    assert Observed in {type(event) for event in await pair.look()}
