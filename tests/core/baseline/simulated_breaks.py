"""A made-up server that is reset, crashes and evicts statements, recorded as a real one would be."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace

from optischema_tui.core.baseline.effect import Effect, effect
from optischema_tui.core.baseline.scope import Scope
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.collect.events import Observed
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.recorder import Recorder
from optischema_tui.core.models import (
    Activity,
    DatabaseCounters,
    Epoch,
    Snapshot,
    StatementKey,
    StatementSample,
    StatementText,
    TargetIdentity,
)
from optischema_tui.core.target.spec import TargetSpec

IDENTITY = TargetIdentity("7301", 5, "shop", 160000, "breaks")
HOUR = 3600.0
TICK = 300.0
KEYS = tuple(StatementKey(10, 5, number) for number in (1, 2, 3))
TEXTS = ("SELECT * FROM items WHERE order_id = $1", "UPDATE items SET note = $1", "SELECT now()")


class BreakingServer:
    """Three statements of steady speed; `effect` is what a change in the middle does to the first."""

    def __init__(self, history: History, clock: FixedClock, seed: str, effect: float = 1.0) -> None:
        self.chance = random.Random(seed)
        self.history, self.clock, self.effect = history, clock, effect
        self.recorder = Recorder(TargetSpec("breaks", ()), history, clock)
        self.recorder.attached(IDENTITY)
        self.means = [math.exp(self.chance.uniform(0, 4)) for _ in KEYS]
        self.counters: dict[StatementKey, StatementSample] = {}
        self.epoch = Epoch("7301", clock.at - 1e6, clock.at - 1e5, 160000, "1.10")
        self.dealloc, self.cold, self.cools, self.factor, self.changed = 0, 0.0, 1.0, 1.0, False

    def reset(self) -> None:
        self.counters = {}
        self.epoch = replace(self.epoch, stats_reset=self.clock.at)

    def crash(self) -> None:
        """Counters lost, caches cold: 3 to 10 times slower at first, less so within minutes or an hour."""
        self.counters = {}
        self.epoch = replace(self.epoch, crashed_at=self.clock.at)
        self.cold = self.chance.uniform(2, 9)
        self.cools = self.chance.uniform(300, 3600)

    def evict(self) -> None:
        self.counters.pop(self.chance.choice(KEYS), None)
        self.dealloc += 1

    def tick(self) -> None:
        self.clock.advance(TICK)
        for number, key in enumerate(KEYS):
            speed = self.means[number] * (self.effect if self.changed and number == 0 else 1.0)
            speed *= (1 + self.cold) * math.exp(self.chance.gauss(0, 0.08))
            before = self.counters.get(key, StatementSample(key))
            calls = self.chance.randint(20, 40)
            read = round(calls * (2 + 60 * min(1.0, self.cold / 3)))
            total = before.total_exec_time + calls * speed
            self.counters[key] = replace(
                before,
                calls=before.calls + calls,
                rows=before.rows + calls,
                total_exec_time=total,
                mean_exec_time=total / (before.calls + calls),
                stddev_exec_time=0.3 * total / (before.calls + calls),
                shared_blks_hit=before.shared_blks_hit + 100 * calls - read,
                shared_blks_read=before.shared_blks_read + read,
            )
        self.cold *= math.exp(-TICK / self.cools)
        at = self.clock.at
        snapshot = Snapshot(IDENTITY, self.epoch, at, self.clock.ticks, at, tuple(self.counters.values()),
                            DatabaseCounters(), Activity(), dealloc=self.dealloc)  # fmt: skip
        texts = tuple(StatementText(key, text) for key, text in zip(KEYS, TEXTS, strict=True))
        self.recorder.observed(Observed(snapshot, texts))

    def run(self, hours: float, events: int) -> Iterator[None]:
        """Ticks with so many accidents at random moments; a step after each tick."""
        ticks = int(hours * HOUR / TICK)
        due = {
            self.chance.randrange(ticks): self.chance.choice((self.reset, self.crash, self.evict))
            for _ in range(events)
        }
        for number in range(ticks):
            self.tick()
            if number in due:
                due[number]()
            yield


def story(history: History, clock: FixedClock, seed: str, effect_: float = 1.0) -> Iterator[Effect]:
    """A day before a change, then twelve hours; the effect that is measured after each half hour of these."""
    server = BreakingServer(history, clock, seed, effect_)
    for _ in server.run(24, 3):
        pass
    begun = clock.at
    if server.chance.random() < 0.5:
        server.crash()
    clock.advance(60)
    server.changed = True
    for number, _ in enumerate(server.run(12, 4)):
        if number % 6 == 5:
            scope = Scope((1,), "public", "items")
            yield effect(history, IDENTITY.fingerprint, scope, begun, begun + 60)
