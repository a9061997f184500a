"""kill -9 of a program that observes and changes: nothing it was told is stored is lost, and the next one starts."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.history.store import History

HERE = Path(__file__).parent
START_SECONDS = 3.0
FIRST = 1_700_000_000.0
TICK = 30.0

# The child dies by itself, in the middle of what SQLite does for it, or is killed from outside after some lines.
WRITER = """
import dataclasses, importlib.util, os, signal, sqlite3, sys
from pathlib import Path
left = int(sys.argv[3])
def count():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0
if left:
    connect = sqlite3.connect
    def killing(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_progress_handler(count, 10)
        connection.set_trace_callback(lambda sql: count())
        return connection
    sqlite3.connect = killing

def load(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.store import History
tests = Path(sys.argv[2])
feeds, changes = load("feeds", tests / "conftest.py"), load("changes", tests / "audit" / "conftest.py")
state, ticks = Path(sys.argv[1]), int(sys.argv[4])
clock = FixedClock(at=1_700_000_000.0 + 30.0 * ticks)
history, journal = History.open(state / "history.db", clock), Journal.open(state / "audit.db", clock)
feed = feeds.Feed(history, clock)
while True:
    assert feed.tick({number: [1.0, 2.0] for number in range(1, 30)})
    print("tick", feed.clock.at, 0, flush=True)
    change = dataclasses.replace(changes.make_change(1), updated_at=clock.at)
    entry = journal.save(change, "step", {"at": str(clock.at)})
    print("entry", entry.seq, entry.hash, flush=True)
    journal.maintain()
    history._database.maintain()
"""


def killed(state: Path, chance: random.Random, ticks: int) -> list[tuple[str, str, str]]:
    """What one life of the writer was told is stored; `ticks` are stored before it at most."""
    inside = int(10 ** chance.uniform(1.5, 4.5)) if chance.random() < 0.6 else 0
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(state), str(HERE.parent), str(inside), str(ticks)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    lines: list[bytes] = []
    for _ in range(chance.randint(1, 60) if not inside else 4000):
        line = child.stdout.readline()
        if not line:
            break
        lines.append(line)
    child.kill()
    lines += child.stdout.read().splitlines(keepends=True)
    problem = child.stderr.read().decode()
    assert child.wait(20) == -9, problem
    child.stdout.close()
    child.stderr.close()
    told = [line.decode().split() for line in lines if line.endswith(b"\n")]
    return [(kind, number, text) for kind, number, text in told]


def kill_loop(state: Path, kills: int, seed: int) -> None:
    state.mkdir(mode=0o700)
    chance = random.Random(seed)
    told_ticks: set[float] = set()
    told_entries: dict[int, str] = {}
    slowest, ticks = 0.0, 0
    for _ in range(kills):
        for kind, number, text in killed(state, chance, ticks):
            if kind == "tick":
                told_ticks.add(float(number))
            else:
                told_entries[int(number)] = text
        began = time.monotonic()
        with (
            closing(History.open(state / "history.db")) as history,
            closing(Journal.open(state / "audit.db")) as journal,
        ):
            stored = journal.entries()
            found = history.last_snapshot("b3747afb825c03d4")
            slowest = max(slowest, time.monotonic() - began)
            assert history.notice == journal.notice == ""
            result = journal.verify()
            assert result.ok, result.problem
        assert {entry.seq: entry.hash for entry in stored}.items() >= told_entries.items()
        newest = found.taken_at if found is not None else FIRST
        assert newest >= max(told_ticks, default=FIRST)
        # A tick that was stored, but not told any more, is the newest: the next life goes on after it.
        ticks = round((newest - FIRST) / TICK)
        for name in ("history.db", "audit.db"):
            with closing(sqlite3.connect(state / name)) as raw:
                assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with closing(History.open(state / "history.db")) as history:
        windows = history.window("b3747afb825c03d4", FIRST - 7200.0, FIRST + TICK * ticks + 7200.0)
    assert len(told_entries) > kills
    assert {stats.calls for stats in windows} == {2 * ticks}, "each tick counts, and counts once"
    assert slowest <= START_SECONDS
    print(f"{kills} kills: {len(told_ticks)} ticks and {len(told_entries)} entries told, slowest start {slowest:.2f} s")


def test_kills_lose_nothing_that_was_told(tmp_path: Path) -> None:
    kill_loop(tmp_path / "state", 15, 1)


@pytest.mark.deep
def test_two_hundred_kills_lose_nothing_that_was_told(tmp_path: Path) -> None:
    kill_loop(tmp_path / "state", 200, 2)
