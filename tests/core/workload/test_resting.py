"""What is reused of the tick before changes no figure."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from optischema_tui.core.models import (
    Activity,
    DatabaseCounters,
    Epoch,
    Snapshot,
    StatementKey,
    StatementSample,
    StatementText,
    TargetIdentity,
    changed_samples,
)
from optischema_tui.core.workload.delta import deltas
from optischema_tui.core.workload.picture import build_picture
from optischema_tui.core.workload.resting import Resting

TEXTS = ("SELECT a FROM t WHERE b = $1", "SELECT /* optischema-tui */ 1", "COMMIT", "SELECT 1 FROM pg_class", "")


class Server:
    """Statements that run, come, are evicted and reset by chance; a sample that stays is the same object."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.number = 0
        self.dealloc = 0
        self.epoch = Epoch("sys", 100.0, 1000.0, 180000, "1.12")
        self.statements: list[StatementSample] = []
        self.texts: dict[StatementKey, StatementText] = {}

    def tick(self) -> Snapshot:
        chance = self.chance
        self.number += 1
        event = chance.random()
        if event < 0.03:
            self.epoch = replace(self.epoch, stats_reset=1000.0 + self.number)
            self.statements = []
        elif event < 0.15 and self.statements:
            self.dealloc += 1
            del self.statements[chance.randrange(len(self.statements))]
        for _ in range(chance.randrange(4)):
            key = StatementKey(10, chance.choice((5, 5, 5, 6)), chance.getrandbits(40), chance.random() < 0.9)
            self.statements.insert(chance.randrange(len(self.statements) + 1), StatementSample(key))
        for place, sample in enumerate(self.statements):
            if sample.calls == 0 or chance.random() < 0.1:
                time = sample.total_exec_time + chance.choice((0.0, 1.0, 2.5))
                self.statements[place] = replace(
                    sample, calls=sample.calls + 1, total_exec_time=time, shared_blks_hit=sample.shared_blks_hit + 3
                )
        return Snapshot(
            TargetIdentity("sys", 5, "shop", 180000), self.epoch, 1e9 + self.number, 50.0 + self.number,
            2e9 + self.number, tuple(self.statements), DatabaseCounters(), Activity(), dealloc=self.dealloc,
        )  # fmt: skip

    def new_texts(self) -> list[StatementText]:
        """Of some statements, now and then of one whose text was known."""
        keys = [sample.key for sample in self.statements if self.chance.random() < 0.1]
        return [StatementText(key, self.chance.choice(TEXTS), role="app") for key in keys]


def copied(snapshot: Snapshot) -> Snapshot:
    """With samples that are equal and other objects."""
    return replace(snapshot, statements=tuple(replace(sample) for sample in snapshot.statements))


@pytest.mark.parametrize("seed", range(30))
def test_deltas_and_pictures_are_those_without_reuse(seed: int) -> None:
    server, resting = Server(random.Random(seed)), Resting()
    shown, reused = frozenset[str](), 0
    previous, last_rows = None, frozenset[int]()
    kept = []
    for _ in range(40):
        current = server.tick()
        texts = {text.key: text for text in server.new_texts()}
        server.texts.update(texts)
        resting.forget(texts)
        if server.chance.random() < 0.1:
            shown = frozenset(server.chance.sample(("ours", "maintenance", "other database", "nested"), 2))
        interval = deltas(previous, current) if previous else None
        if previous is not None:
            assert interval == deltas(copied(previous), copied(current))
        picture = build_picture(previous, current, server.texts, (), shown, interval=interval, resting=resting)
        assert picture == build_picture(previous, current, server.texts, (), shown, interval=interval)
        reused += sum(id(row) in last_rows for row in picture.rows)
        last_rows, previous = frozenset(map(id, picture.rows)), current
        kept.append(picture)  # so that no id is used twice
    assert reused > 50


def test_changed_samples_go_by_identity_wherever_they_stand() -> None:
    a, b, c, d = (StatementSample(StatementKey(1, 2, number)) for number in range(4))
    twin = replace(b)
    assert changed_samples((a, b, c), (a, b, c)) == ([], [])
    for before, after, old, new in (
        ((a, b, c), (a, twin, c), [b], [twin]),
        ((a, b, c), (d, a, b, c), [], [d]),
        ((a, b, c), (b, c), [a], []),
        ((a, b, c), (c, a, d), [b], [d]),
        ((), (a,), [], [a]),
        ((a,), (), [a], []),
    ):
        found = changed_samples(before, after)
        assert [list(map(id, part)) for part in found] == [list(map(id, old)), list(map(id, new))]
