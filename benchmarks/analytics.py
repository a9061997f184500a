"""A year of history: the time of every heatmap, trend, comparison of windows, and spike.

make bench-analytics, or: python benchmarks/analytics.py [--days 365] [--statements 1000] [--keep FILE]

Every statement is called in every hour, busier by day than by night. Of the last fourteen days a tick each ten minutes
is saved through History's own methods, of the last 36 hours one each minute. What is older is written as the hours that
History would have left of it, in its own tables: saving a year tick by tick would take days. The last statement is
looked for too: its figures are spread over all pages of the file.
"""

from __future__ import annotations

import argparse
import math
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.store import History
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
    StatementSample,
    StatementText,
    TargetIdentity,
)

IDENTITY = TargetIdentity("7301", 5, "shop", 180000, "bench")
TARGET = IDENTITY.fingerprint
EPOCH = Epoch("7301", 1000.0, 2000.0, 180000, "1.12")
END = 1_790_000_000.0 // 3600 * 3600
HOUR, DAY = 3600.0, 86400.0
GOAL = 0.200
WAITS = (("", ""), ("IO", "DataFileRead"), ("Lock", "transactionid"), ("LWLock", "WALWrite"))


class Server:
    def __init__(self, number: int) -> None:
        self.chance = random.Random(11)
        self.keys = [StatementKey(10, 5, self.chance.getrandbits(62) - (1 << 61)) for _ in range(number)]
        self.weights = [self.chance.paretovariate(1.2) for _ in self.keys]
        self.samples = [StatementSample(key) for key in self.keys]

    def texts(self) -> list[StatementText]:
        return [
            StatementText(key, f"SELECT c{n}, {'a.b, ' * 60} x FROM t{n} WHERE id = $1", False, "app", "shop")
            for n, key in enumerate(self.keys)
        ]

    def calls(self, at: float, seconds: float) -> list[tuple[int, float]]:
        """(calls, ms) of each statement; a third of them is busier on every other day."""
        odd = int(at // DAY) % 2
        day = 1.2 - math.cos(2 * math.pi * (at % DAY) / DAY)
        chance = self.chance.random
        return [
            (calls, calls * weight * (0.5 + chance()))
            for place, weight in enumerate(self.weights)
            for busy in (1.8 if odd and place % 3 == 0 else 1.0,)
            for calls in (max(1, int(weight * busy * day * seconds / 30 * (0.5 + chance()))),)
        ]

    def tick(self, at: float, seconds: float) -> tuple[Snapshot, list[StatementDelta], LoadPoint]:
        ran = self.calls(at, seconds)
        deltas = []
        for place, (calls, time_) in enumerate(ran):
            old = self.samples[place]
            self.samples[place] = StatementSample(old.key, old.calls + calls, 0, old.total_exec_time + time_)
            deltas.append(StatementDelta(old.key, seconds, calls, calls, time_, 0.0, 40 * calls, calls, 0, 0.0, 0))
        return self.snapshot(at), deltas, load(at, seconds, ran)

    def snapshot(self, at: float) -> Snapshot:
        return Snapshot(IDENTITY, EPOCH, at, at, at, tuple(self.samples), DatabaseCounters(), Activity())


def load(at: float, seconds: float, ran: list[tuple[int, float]]) -> LoadPoint:
    calls, took = sum(calls for calls, _ in ran), sum(time_ for _, time_ in ran)
    return LoadPoint(at, took / 1000 / seconds, took / calls, 12.5, calls)


def fill_hours(history: History, server: Server, since: float, until: float) -> None:
    """The hours that are left of a long time, as the roll-up leaves them."""
    ids = dict(history._fetch("SELECT queryid, id FROM statement"))
    rows = [ids[key.queryid] for key in server.keys]
    order = sorted(range(len(rows)), key=lambda place: rows[place])
    keys = [(n, "active", *wait, server.keys[n % 10].queryid) for n, wait in enumerate(WAITS * 10, start=1)]

    def work(connection: sqlite3.Connection) -> None:
        connection.executemany("INSERT OR IGNORE INTO activity_key VALUES (?, ?, ?, ?, ?, 'shop', 'app', 20000)", keys)
        at = since
        while at < until:
            at += HOUR
            ran = server.calls(at, HOUR)
            point = load(at, HOUR, ran)
            tick = connection.execute(
                "INSERT INTO tick (fingerprint, writer, at, server_clock, seconds, db_time, mean_latency, tps, calls,"
                " breaks, tier, observed) VALUES (?, 'b', ?, ?, ?, ?, ?, 1.0, ?, 0, 3600, ?)",
                (TARGET, at, at, HOUR, point.db_time, point.mean_latency, point.calls, HOUR),
            ).lastrowid
            connection.executemany(
                "INSERT INTO delta VALUES (?, ?, ?, ?, ?, 0.0, ?, ?, 0, 0.0, 0, 0, 1.0, NULL)",
                [(tick, rows[p], ran[p][0], ran[p][0], ran[p][1], 40 * ran[p][0], ran[p][0]) for p in order],
            )
            sampled = connection.execute(
                "INSERT INTO activity (fingerprint, tier, at, seconds, samples, breaks, classes)"
                ' VALUES (?, 3600, ?, ?, 3600, 0, \'{"CPU": 9000, "IO": 4000, "Lock": 100}\')',
                (TARGET, at, HOUR),
            ).lastrowid
            connection.executemany(
                "INSERT INTO activity_count SELECT ?, id, 300 FROM activity_key WHERE id = ?",
                [(sampled, key[0]) for key in keys],
            )

    history._database.write(work)


def fill(history: History, clock: FixedClock, server: Server, days: float) -> None:
    began = time.perf_counter()
    clock.at = END - days * DAY
    history.save_tick(server.snapshot(clock.at), server.texts(), None, None)
    fine, finest = max(clock.at, END - 14 * DAY), END - 36 * HOUR
    fill_hours(history, server, clock.at, fine)
    print(f"{(fine - clock.at) / HOUR:.0f} hours in {time.perf_counter() - began:.0f} s", flush=True)
    clock.at = fine
    history.save_tick(server.snapshot(clock.at), (), None, None)
    while clock.at < END - 1:
        seconds = 600.0 if clock.at < finest else 60.0
        clock.advance(seconds)
        taken, deltas, point = server.tick(clock.at, seconds)
        history.save_tick(taken, (), deltas, point)
    sessions = tuple(
        Session(pid, "client backend", "shop", "app", "web", "", "active", *WAITS[pid % 4], server.keys[pid].queryid,
                "", 1.0, 1.0, (1,) if pid % 4 == 2 else ())
        for pid in range(1, 30)
    )  # fmt: skip
    for minute in range(120):
        at = END - 7200 + 60 * minute
        history.save_activity(TARGET, [ActivitySample(at + n, at, at + n, sessions) for n in range(1, 61)])
    print(f"filled in {time.perf_counter() - began:.0f} s", flush=True)


def measure(name: str, question: Callable[[], object]) -> bool:
    took = []
    for _ in range(5):
        begin, cpu = time.perf_counter(), time.process_time()
        question()
        took.append((time.perf_counter() - begin, time.process_time() - cpu))
    usual = statistics.median(seconds for seconds, _ in took)
    own = statistics.median(cpu for _, cpu in took)
    print(
        f"{name:<44} first {1000 * took[0][0]:7.1f} ms   median {1000 * usual:7.1f} ms   own CPU {1000 * own:7.1f} ms"
        f"   {'' if usual <= GOAL else 'OVER'}",
        flush=True,
    )
    return usual <= GOAL


def ask(history: History, server: Server, days: float) -> None:
    light = server.keys[-1].queryid
    views: list[tuple[str, Callable[[], object]]] = []
    for length in (14, 60):
        since = END - min(days, length) * DAY
        for what in ("time", "latency", "blocks"):
            views.append(
                (f"heatmap, {length} days, {what}", lambda s=since, w=what: history.heatmap(TARGET, s, END, None, w))
            )
        views.append(
            (
                f"heatmap of one statement, {length} days",
                lambda s=since: history.heatmap(TARGET, s, END, light, "blocks"),
            )
        )
    for name, length in (("4 hours", 1 / 6), ("a day", 1.0), ("a week", 7.0), ("a month", 30.0), ("a year", days)):
        since = END - length * DAY
        for points in (24, 120):
            views.append((f"trend, {name}, {points}", lambda s=since, p=points: history.trend(TARGET, s, END, None, p)))
            views.append(
                (
                    f"trend of one statement, {name}, {points}",
                    lambda s=since, p=points: history.trend(TARGET, s, END, light, p),
                )
            )
    for name, length in (
        ("an hour", HOUR),
        ("20 hours", 20 * HOUR),
        ("a day", DAY),
        ("3 days", 3 * DAY),
        ("a week", 7 * DAY),
    ):
        back = math.ceil(length / DAY) * DAY
        windows = (END - length - back, END - back), (END - length, END)
        views.append((f"movers, {name} against {name}", lambda w=windows: history.movers(TARGET, *w)))
    month = (END - 60 * DAY, END - 30 * DAY), (END - 30 * DAY, END)
    views.append(("movers, 30 days against 30 days", lambda: history.movers(TARGET, *month)))
    old = (END - 201.1 * DAY, END - 200.1 * DAY), (END - 200.1 * DAY, END - 199.1 * DAY)
    views.append(("movers, a day against a day, long ago", lambda: history.movers(TARGET, *old)))
    for name, at in (("half an hour ago", END - 1800), ("yesterday", END - 30 * HOUR), ("long ago", END - 200 * DAY)):
        views.append((f"spike, {name}", lambda a=at: history.spike(TARGET, a)))
    good = sum(measure(*view) for view in views)
    print(f"{good} of {len(views)} views within {1000 * GOAL:.0f} ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=float, default=365.0)
    parser.add_argument("--statements", type=int, default=1000)
    parser.add_argument("--keep", type=Path, help="leave the file here, and use it when it is there already")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = options.keep or Path(directory) / "history.db"
        server = Server(options.statements)
        if not path.exists():
            clock = FixedClock(END)
            history = History.open(path, clock)
            fill(history, clock, server, options.days)
            history.close()
        history = History.open(path, FixedClock(END))
        print(f"{options.days:g} days of {options.statements} statements: {path.stat().st_size / 1e6:.0f} MB")
        ask(history, server, options.days)
        history.close()


main()
