"""A month of history: the size of the file, the time of a save, the time of every chart query.

make bench-history, or: python benchmarks/history.py [--days 30] [--statements 1000] [--interval 30] [--keep FILE]

The file is made through History's own methods with a clock that is moved by hand. The last 36 hours are saved tick by
tick; before that one tick of ten minutes is saved where a collector would have saved twenty, since no finer one is kept
of then: the same rows come out of the same roll-up, at a twentieth of the work. `--every` saves each tick of all days.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.limits import Limits
from optischema_tui.core.history.store import History
from optischema_tui.core.models import (
    Activity,
    ActivitySample,
    DatabaseCounters,
    Epoch,
    LoadPoint,
    Reading,
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
END = 1_790_000_000.0
HOUR, DAY = 3600.0, 86400.0
Took = list[tuple[float, float]]
"""Seconds by the clock, and of our own processor time: the machine may have more to do."""
GOAL_MB, GOAL_SAVE, GOAL_QUERY = 500, 0.020, 0.150


class Server:
    """A made-up server on which every statement is called in every interval."""

    def __init__(self, statements: int) -> None:
        self.chance = random.Random(11)
        self.keys = [StatementKey(10, 5, self.chance.getrandbits(62) - (1 << 61)) for _ in range(statements)]
        self.weights = [self.chance.paretovariate(1.2) for _ in self.keys]
        self.samples = [StatementSample(key) for key in self.keys]

    def run(self, seconds: float) -> list[StatementDelta]:
        deltas, scale, chance = [], seconds / 30, self.chance.random
        for place, (old, weight) in enumerate(zip(self.samples, self.weights, strict=True)):
            calls = max(1, int(weight * scale * (1 + 4 * chance())))
            mean = 0.05 + weight * chance()
            new = StatementSample(
                old.key, old.calls + calls, old.rows + 3 * calls, old.total_exec_time + mean * calls, mean,
                0.01, 9.0 * weight, 0.3 * mean, shared_blks_hit=old.shared_blks_hit + 40 * calls,
                shared_blks_read=old.shared_blks_read + (calls if place % 3 else 0),
                blk_read_time=old.blk_read_time + (0.1 * calls * chance() if place % 3 else 0.0),
                wal_bytes=old.wal_bytes + (300 * calls if place % 4 == 0 else 0),
            )  # fmt: skip
            deltas.append(
                StatementDelta(
                    new.key,
                    seconds,
                    calls,
                    3 * calls,
                    new.total_exec_time - old.total_exec_time,
                    0.0,
                    40 * calls,
                    new.shared_blks_read - old.shared_blks_read,
                    0,
                    new.blk_read_time - old.blk_read_time,
                    new.wal_bytes - old.wal_bytes,
                )
            )
            self.samples[place] = new
        return deltas

    def texts(self) -> list[StatementText]:
        return [
            StatementText(key, f"SELECT c{n}, {'a.b, ' * 60} x FROM t{n} WHERE id = $1", False, "app", "shop")
            for n, key in enumerate(self.keys)
        ]


def sample(chance: random.Random, at: float, keys: list[StatementKey]) -> ActivitySample:
    waits = (("", ""), ("", ""), ("IO", "DataFileRead"), ("Lock", "transactionid"), ("LWLock", "WALWrite"))
    sessions = []
    for pid in range(20):
        kind, event = chance.choice(waits)
        sessions.append(
            Session(
                4000 + pid,
                "client backend",
                "shop",
                "app",
                "web",
                "10.0.0.7",
                "active",
                kind,
                event,
                chance.choice(keys[:50]).queryid,
                "SELECT 1",
                chance.random(),
                chance.random(),
            )
        )
    return ActivitySample(at, at, at, tuple(sessions), 80, 0, 100)


def tables(chance: random.Random, at: float) -> Reading:
    columns = ("schema", "name", *(f"counter{n}" for n in range(18)))
    rows = tuple(("public", f"table_{n}", *(chance.getrandbits(30) for _ in range(18))) for n in range(1000))
    return Reading("tables", at, at, at, columns, rows, "e")


def fill(history: History, clock: FixedClock, server: Server, options: argparse.Namespace) -> Took:
    """Of each save of the last 36 hours."""
    took: Took = []
    texts = server.texts()
    fine_from = END - 36 * HOUR
    history.save_tick(snapshot(clock, server), texts, None, None)
    next_reading, began = fine_from, time.perf_counter()
    while clock.at < END:
        fine = options.every or clock.at >= fine_from
        seconds = options.interval if fine else 600.0
        clock.advance(seconds)
        deltas = server.run(seconds)
        load = sum(delta.exec_time for delta in deltas)
        calls = sum(delta.calls for delta in deltas)
        point = LoadPoint(clock.at, load / 1000 / seconds, load / calls, 12.5, calls)
        now = snapshot(clock, server)
        begin, cpu = time.perf_counter(), time.process_time()
        history.save_tick(now, (), deltas, point)
        if clock.at >= fine_from:
            took.append((time.perf_counter() - begin, time.process_time() - cpu))
        if clock.at >= next_reading:
            next_reading += 300
            history.save_reading(TARGET, tables(server.chance, clock.at))
    print(f"filled in {time.perf_counter() - began:.0f} s")
    return took


def fill_activity(history: History, clock: FixedClock, server: Server, days: float) -> Took:
    took: Took = []
    clock.at = END - days * DAY
    while clock.at < END:
        # Four weeks with a sample each minute, two days with one each ten seconds, two hours at the full rhythm.
        step = 1.0 if clock.at > END - 2 * HOUR else 10.0 if clock.at > END - 2 * DAY else 60.0
        batch = [sample(server.chance, clock.at + step * number, server.keys) for number in range(1, 11)]
        clock.advance(10 * step)
        begin, cpu = time.perf_counter(), time.process_time()
        history.save_activity(TARGET, batch)
        took.append((time.perf_counter() - begin, time.process_time() - cpu))
    return took


def snapshot(clock: FixedClock, server: Server) -> Snapshot:
    return Snapshot(
        IDENTITY, EPOCH, clock.at, clock.ticks, clock.at, tuple(server.samples), DatabaseCounters(), Activity()
    )


def times(name: str, took: Took, goal: float | None = None) -> None:
    told = f"   goal {1000 * goal:.0f} ms" if goal else ""
    for what, seconds in zip(("clock", "own CPU"), zip(*took, strict=True), strict=True):
        ordered = sorted(seconds)
        print(
            f"{name:<44} {what:<8} median {1000 * statistics.median(ordered):6.1f} ms"
            f"   p95 {1000 * ordered[int(len(ordered) * 0.95)]:6.1f} ms   max {1000 * ordered[-1]:6.1f} ms{told}"
        )


def measure(name: str, question: Callable[[], object]) -> None:
    took = []
    for _ in range(7):
        begin = time.perf_counter()
        answer = question()
        took.append(time.perf_counter() - begin)
    size = len(answer) if isinstance(answer, tuple) else 1
    print(
        f"{name:<44} first {1000 * took[0]:6.1f} ms   median {1000 * statistics.median(took):6.1f} ms   {size} values"
    )


def sizes(history: History, path: Path) -> None:
    rows = history._fetch(
        "SELECT t.tier, count(DISTINCT t.id), count(d.tick_id), min(t.at), max(t.at) FROM tick t"
        " LEFT JOIN delta d ON d.tick_id = t.id GROUP BY t.tier"
    )
    total = sum(row[2] for row in rows) or 1
    page, pages, free = (
        history._fetch(f"PRAGMA {name}")[0][0] for name in ("page_size", "page_count", "freelist_count")
    )
    blobs = history._fetch(
        "SELECT (SELECT coalesce(sum(length(body)), 0) FROM reading),"
        " (SELECT coalesce(sum(length(body)), 0) FROM activity), (SELECT count(*) FROM activity_count)"
    )[0]
    used = (pages - free) * page - blobs[0] - blobs[1]
    for tier, ticks, deltas, first, last in rows:
        print(
            f"tier {tier:>4} s: {ticks:>6} ticks, {deltas:>9,} rows, about {used * deltas / total / 1e6:6.1f} MB,"
            f" {(last - first) / HOUR:7.1f} h"
        )
    print(f"readings {blobs[0] / 1e6:.1f} MB, samples of sessions {blobs[1] / 1e6:.1f} MB, {blobs[2]:,} session counts")
    print(f"file {path.stat().st_size / 1e6:.1f} MB, free pages {free * page / 1e6:.1f} MB   goal {GOAL_MB} MB")


def ask(history: History, server: Server, days: float) -> None:
    since, key = END - days * DAY, server.keys[7]
    print(f"Queries over {days:g} days, goal {1000 * GOAL_QUERY:.0f} ms:")
    measure("series, 600 points", lambda: history.series(TARGET, since, END, 600))
    measure("one statement, 600 points", lambda: history.statement_points(TARGET, key, since, END, 600))
    for measured in ("time", "calls", "latency"):
        measure(f"heatmap, {measured}", lambda m=measured: history.heatmap(TARGET, since, END, None, m).cells)
    measure("heatmap of one statement", lambda: history.heatmap(TARGET, since, END, key.queryid, "latency").cells)
    measure("waits, 600 points", lambda: history.waits(TARGET, since, END, 600))
    measure("session counts", lambda: history.session_counts(TARGET, since, END))
    print("Others:")
    measure("series, 4 hours, 2000 points", lambda: history.series(TARGET, END - 4 * HOUR, END, 2000))
    measure("one statement, 7 days, 2000 points", lambda: history.statement_points(TARGET, key, END - 7 * DAY, END))
    measure("waits, 1 hour", lambda: history.waits(TARGET, END - HOUR, END))
    measure("window of 24 hours", lambda: history.window(TARGET, END - 25.3 * HOUR, END - 1.3 * HOUR))
    measure("window of all days", lambda: history.window(TARGET, since, END))
    measure("tick_at, a day ago", lambda: history.tick_at(TARGET, END - DAY))
    measure("neighbour", lambda: history.neighbour(TARGET, END - DAY, -1))
    measure("sample_at", lambda: history.sample_at(TARGET, END - HOUR))
    measure("reading_at", lambda: history.reading_at(TARGET, "tables", END - HOUR))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--statements", type=int, default=1000)
    parser.add_argument("--interval", type=float, default=30.0)
    parser.add_argument("--every", action="store_true")
    parser.add_argument("--keep", type=Path, help="leave the file here")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        path = options.keep or Path(directory) / "history.db"
        clock = FixedClock(END - options.days * DAY)
        history, server = History.open(path, clock, Limits()), Server(options.statements)
        took = fill(history, clock, server, options)
        activity = fill_activity(history, clock, server, options.days)
        times(f"save_tick, {options.statements} statements", took, GOAL_SAVE)
        times("save_activity, 10 samples of 20 sessions", activity)
        history.close()
        history = History.open(path, FixedClock(END))
        sizes(history, path)
        ask(history, server, options.days)
        history.close()


main()
