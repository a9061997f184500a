"""A pretended server with pg_stat_statements, and a collector that reads it whole or stratum by stratum.

The server knows the truth: what each statement has really done, whatever became of its row.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from optischema_tui.core.models import (
    Activity,
    DatabaseCounters,
    Epoch,
    Snapshot,
    StatementKey,
    StatementSample,
    TargetIdentity,
    Totals,
)

FIGURES = ("calls", "exec_time", "rows", "shared_blks_hit", "temp_blks", "wal_bytes")
"""Of a delta, in the order of `Work`."""
Work = tuple[float, ...]
NOTHING: Work = (0,) * len(FIGURES)


def plus(one: Work, other: Work) -> Work:
    return tuple(a + b for a, b in zip(one, other, strict=True))


def minus(one: Work, other: Work) -> Work:
    return tuple(a - b for a, b in zip(one, other, strict=True))


def at_most(one: Work, other: Work) -> bool:
    return all(a <= b for a, b in zip(one, other, strict=True))


@dataclass
class Row:
    counters: Work = NOTHING
    since: float = 0.0
    """When it entered the view, by the server's clock."""


@dataclass
class Server:
    """`version` as in 13..18. Times are quarters of a millisecond, so that sums of floats are exact."""

    chance: random.Random
    version: int
    keys: list[StatementKey] = field(default_factory=list)
    done: dict[StatementKey, Work] = field(default_factory=dict)
    """The truth, ever."""
    rows: dict[StatementKey, Row] = field(default_factory=dict)
    done_at_entry: dict[StatementKey, Work] = field(default_factory=dict)
    """The truth of the moment when the present row entered."""
    clock: float = 1e6
    time: float = 0.0
    """True seconds."""
    our_clock: float = 1e9
    """What the observer's wall clock is ahead of the true seconds."""
    dealloc: int = 0
    stats_reset: float = 5e5
    started: float = 4e5
    crashed: float = 3e5
    timeline: int = 1
    extension: str = "1.8"
    epoch_number: int = 0
    """Of the truth: grows whenever counters of before must not be compared with those of after."""
    evicted: set[StatementKey] = field(default_factory=set)
    """Rows that were evicted since the collector last looked for them."""
    reset_alone: set[StatementKey] = field(default_factory=set)
    transactions: int = 0

    def __post_init__(self) -> None:
        for number in range(self.chance.randrange(3, 16)):
            key = StatementKey(10, self.chance.choice((5, 5, 6)), number, self.chance.random() < 0.85)
            self.keys.append(key)
            self.done[key] = self.done_at_entry[key] = NOTHING
        for _ in range(self.chance.randrange(30)):
            self.run()

    def pass_time(self, seconds: float) -> None:
        self.time += seconds
        self.clock += seconds

    def run(self) -> None:
        chance = self.chance
        self.pass_time(chance.uniform(0.001, 0.5))
        key = self.keys[min(chance.randrange(len(self.keys)), chance.randrange(len(self.keys)))]
        calls = chance.choice((1, 1, 1, 2, 40))
        work = (calls, calls * chance.randrange(1, 4000) / 4, chance.randrange(9), chance.randrange(99),
                chance.choice((0, 0, 7)), chance.choice((0, 300)))  # fmt: skip
        if key not in self.rows:
            self.rows[key] = Row(since=self.clock)
            self.done_at_entry[key] = self.done[key]
        self.done[key] = plus(self.done[key], work)
        self.rows[key].counters = plus(self.rows[key].counters, work)
        self.transactions += 1

    def evict(self) -> None:
        """Some rows leave; the next run of such a statement brings it back with counters of its own."""
        self.dealloc += 1
        for key in self.chance.sample(sorted(self.rows), min(len(self.rows), self.chance.randrange(1, 5))):
            del self.rows[key]
            self.evicted.add(key)

    def reset_one(self) -> None:
        if self.rows:
            key = self.chance.choice(sorted(self.rows))
            del self.rows[key]
            self.reset_alone.add(key)

    def reset(self) -> None:
        """Of all rows. Version 13 does not tell: there it is as if each row were reset alone."""
        if self.version < 14:
            self.reset_alone |= self.rows.keys()
        else:
            self.epoch_number += 1
        self.rows.clear()
        self.stats_reset = self.clock

    def crash(self) -> None:
        """The postmaster goes on; statements and statistics are lost."""
        self.rows.clear()
        self.stats_reset = self.crashed = self.clock
        self.epoch_number += 1
        self.transactions = 0

    def restart(self) -> None:
        """Clean: the counters live on."""
        self.pass_time(3.0)
        self.started = self.clock
        self.epoch_number += 1

    def fail_over(self) -> None:
        """A standby with counters of its own, larger or smaller, takes over; its clock is another one."""
        self.timeline += 1
        self.epoch_number += 1
        self.clock += self.chance.uniform(-5.0, 5.0)
        self.started -= self.chance.choice((0.0, 1000.0))
        self.dealloc = self.chance.randrange(9)
        for key in self.keys:
            if self.chance.random() < 0.7:
                self.rows[key] = Row(tuple(self.chance.randrange(4000) for _ in FIGURES), self.clock - 100.0)
                self.done_at_entry[key] = self.done[key]

    def upgrade(self) -> None:
        self.extension += "1"
        self.epoch_number += 1

    def step_clock(self) -> None:
        self.clock += self.chance.choice((-86400.0, -600.0, -0.5, 0.5, 3600.0, 86400.0))

    def set_our_clock(self) -> None:
        self.our_clock += self.chance.choice((-86400.0, -3600.0, 3600.0))

    def epoch(self) -> Epoch:
        return Epoch(
            "sys", self.started, self.stats_reset if self.version >= 14 else None, self.version * 10000,
            self.extension, self.timeline, self.crashed,
        )  # fmt: skip

    def sample(self, key: StatementKey) -> StatementSample:
        row = self.rows[key]
        calls, time, rows, hit, temp, wal = row.counters
        return StatementSample(
            key, int(calls), int(rows), float(time), shared_blks_hit=int(hit), temp_blks_read=int(temp),
            wal_bytes=int(wal), stats_since=row.since if self.version >= 17 else 0.0,
        )  # fmt: skip

    def totals(self) -> Totals:
        top = [(key, row.counters) for key, row in self.rows.items() if key.toplevel]
        here = [counters for key, counters in top if key.dbid == 5]
        return Totals(
            len(self.rows),
            int(sum(counters[0] for _, counters in top)),
            float(sum(counters[1] for _, counters in top)),
            int(sum(counters[0] for counters in here)),
            float(sum(counters[1] for counters in here)),
        )


@dataclass
class Collector:
    """Reads all rows at the beginning of an epoch; then, with `strata`, the heaviest few and one stratum in turn."""

    server: Server
    strata: int = 1
    with_totals: bool = True
    known: dict[StatementKey, StatementSample] = field(default_factory=dict)
    read_at: dict[StatementKey, float] = field(default_factory=dict)
    turn: int = 0
    epoch: Epoch | None = None
    looked_for: frozenset[StatementKey] = frozenset()
    """Statements whose presence or absence the last tick has seen."""

    def tick(self) -> Snapshot:
        server, chance = self.server, self.server.chance
        epoch = server.epoch()
        looked = set(server.keys)
        if self.strata > 1 and epoch == self.epoch:
            self.turn = (self.turn + 1) % self.strata
            heavy = sorted(server.rows, key=lambda key: -server.rows[key].counters[1])[: chance.randrange(3)]
            looked = {key for key in server.keys if key.queryid % self.strata == self.turn} | set(heavy)
        else:
            self.known.clear()
        self.epoch, self.looked_for = epoch, frozenset(looked)
        for key in sorted(looked):
            fresh = server.sample(key) if key in server.rows else None
            if fresh is None:
                self.known.pop(key, None)
            elif self.known.get(key) != fresh:
                self.known[key] = fresh
            self.read_at[key] = server.clock
        unread = {key: self.read_at[key] for key in self.known if key not in looked}
        return Snapshot(
            TargetIdentity("sys", 5, "shop", server.version * 10000), epoch, server.our_clock + server.time,
            50.0 + server.time, server.clock, tuple(self.known.values()),
            DatabaseCounters(xact_commit=server.transactions), Activity(),
            dealloc=server.dealloc if server.version >= 14 else 0, read_before=unread,
            totals=server.totals() if self.with_totals else None,
        )  # fmt: skip
