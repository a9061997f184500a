"""Thousands of made-up histories of a server: what the deltas say is measured against what was really done."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass, field, replace

import pytest

from optischema_tui.core.models import QueryRow, Snapshot, StatementDelta, StatementKey
from optischema_tui.core.workload.delta import Deltas, deltas, point_of
from optischema_tui.core.workload.picture import build_picture
from optischema_tui.core.workload.resting import Resting
from tests.core.workload.simulator import FIGURES, NOTHING, Collector, Server, Work, at_most, minus, plus

TICKS = 14
EVENTS = {
    "evict": 0.10, "reset_one": 0.05, "reset": 0.03, "crash": 0.03, "restart": 0.03, "fail_over": 0.03,
    "upgrade": 0.02, "step_clock": 0.05, "set_our_clock": 0.05,
}  # fmt: skip


def figures(delta: StatementDelta) -> Work:
    return tuple(getattr(delta, name) for name in FIGURES)


@dataclass
class Judge:
    """Follows one history and compares each interval with the truth."""

    server: Server
    collector: Collector
    base: dict[StatementKey, Work] = field(default_factory=dict)
    """The truth of the moment when each statement was last looked for."""
    looked_at: dict[StatementKey, float] = field(default_factory=dict)
    """That moment, in true seconds."""
    entry: dict[StatementKey, Work | None] = field(default_factory=dict)
    """`done_at_entry` of the row that was there then; None: there was none."""
    told: dict[StatementKey, Work] = field(default_factory=dict)
    """Sums of deltas since the epoch began."""
    begun: dict[StatementKey, Work] = field(default_factory=dict)
    """The truth of its beginning."""
    epoch_number: int = -1
    stepped: bool = False
    lossy: bool = False
    """Since the epoch began something happened that may hide work: an eviction, a reset of a row, a broken interval."""
    seen: Counter[str] = field(default_factory=Counter)
    """How often what was met, so that a test can tell that it has met everything."""
    done_before: dict[StatementKey, Work] = field(default_factory=dict)
    """The truth of the tick before."""

    def see(self, interval: Deltas | None, current: Snapshot) -> None:
        if interval is not None and not interval.broken:
            self._judge(interval, current)
        elif interval is not None:
            self.seen.update((interval.broken,))
            assert interval.statements == {}
            assert interval.seconds == 0
            self.lossy = True
        self._remember(interval)

    def _judge(self, interval: Deltas, current: Snapshot) -> None:
        server = self.server
        told = self.collector.strata == 1 or bool(current.read_before)
        self.seen.update(("intervals",), deltas=len(interval.statements))
        assert interval.seconds > 0
        assert server.epoch_number == self.epoch_number, "an interval across an epoch"
        for key, delta in interval.statements.items():
            assert key in self.collector.looked_for
            found = figures(delta)
            assert at_most(NOTHING, found), "negative"
            truth = minus(server.done[key], self.base[key])
            assert at_most(found, truth), "more than was done"
            assert delta.seconds > 0
            if server.version >= 17:
                own = max(self.base[key], server.done_at_entry[key])
                assert found == minus(server.done[key], own), "since 17 each row tells when it began"
            self.seen.update(longer=delta.seconds > interval.seconds, lower=delta.lower_bound)
            if server.version >= 14 and key in server.evicted and told:
                assert delta.lower_bound, "an eviction that is not said"
            if not self.stepped and self.entry[key] == server.done_at_entry[key]:
                elapsed = server.time - self.looked_at[key]
                assert delta.seconds == pytest.approx(elapsed), "not its own interval"
            self.told[key] = plus(self.told.get(key, NOTHING), found)
        self._judge_sums(interval, current)

    def _judge_sums(self, interval: Deltas, current: Snapshot) -> None:
        server = self.server
        assert min(interval.total_time, interval.here_time, interval.here_calls) >= 0
        point = point_of(current, interval)
        assert point is not None
        assert all(math.isfinite(value) and value >= 0 for value in (point.db_time, point.mean_latency, point.tps))
        whole = current.totals is not None or self.collector.strata == 1
        if whole and not self.lossy and not server.evicted and not server.reset_alone:
            work = {key: minus(server.done[key], self.done_before[key]) for key in server.keys if key.toplevel}
            assert interval.total_time == pytest.approx(sum(one[1] for one in work.values()))
            assert interval.here_time == pytest.approx(sum(one[1] for key, one in work.items() if key.dbid == 5))
            assert interval.here_calls == sum(one[0] for key, one in work.items() if key.dbid == 5)

    def _remember(self, interval: Deltas | None) -> None:
        server = self.server
        if server.epoch_number != self.epoch_number or interval is None:
            self.epoch_number = server.epoch_number
            self.base, self.told, self.entry = dict(server.done), {}, {}
            self.begun, self.lossy = dict(server.done), False
            server.evicted.clear()
            server.reset_alone.clear()
        if server.evicted or server.reset_alone or self.stepped:
            self.lossy = True
        for key in self.collector.looked_for:
            self.base[key], self.looked_at[key] = server.done[key], server.time
            self.entry[key] = server.done_at_entry[key] if key in server.rows else None
            server.evicted.discard(key)
            server.reset_alone.discard(key)
            if not self.lossy:
                self.seen.update(("exact",))
                told = self.told.get(key, NOTHING)
                assert told == minus(server.done[key], self.begun[key]), "something was lost, or counted twice"
        self.done_before = dict(server.done)


@dataclass
class Gallery:
    """The pictures of one history: what is reused of the one before must change no figure."""

    whole: bool
    """Each tick reads every row."""
    resting: Resting = field(default_factory=Resting)
    rows: dict[StatementKey, QueryRow] = field(default_factory=dict)
    """As drawn when they were last read, since the collector reads by strata in this epoch."""

    def hang(self, previous: Snapshot | None, current: Snapshot, interval: Deltas | None) -> None:
        picture = build_picture(previous, current, {}, (), interval=interval, resting=self.resting)
        alone = build_picture(previous, current, {}, (), interval=interval)
        assert len(picture.rows) + sum(one.statements for one in picture.hidden) == len(current.statements)
        assert bool(picture.sampled) == bool(current.read_before)
        known = interval is not None and not interval.broken and bool(current.read_before)
        if not known:
            self.rows.clear()
        new = {row.key: row for row in alone.rows}
        for row in picture.rows:
            assert row.stale == (row.key in current.read_before)
            if not row.stale:
                assert row == new[row.key]
            elif row.key in self.rows:
                assert row == replace(self.rows[row.key], stale=True)
            if known and not row.stale:
                self.rows[row.key] = row
        if self.whole and any(row.share for row in picture.rows):
            shares = [row.share for row in picture.rows if row.key.toplevel]
            assert sum(shares) + sum(one.share for one in picture.hidden) == pytest.approx(1.0)
            assert picture.rest_share == 0.0


def live(seed: int, *, pictures: bool = False) -> Judge:
    """One history; every third is without any event, so that the sums must be exact."""
    chance = random.Random(seed)
    server = Server(chance, chance.choice((13, 14, 15, 16, 17, 18)))
    collector = Collector(server, chance.choice((1, 1, 2, 4)), with_totals=chance.random() < 0.7)
    judge, gallery = Judge(server, collector), Gallery(collector.strata == 1)
    previous: Snapshot | None = None
    for _ in range(TICKS):
        for _ in range(chance.choice((0, 1, 5, 12))):
            server.run()
            if seed % 3:
                for name, odds in EVENTS.items():
                    if chance.random() < odds / 6:
                        judge.stepped |= name in ("step_clock", "fail_over")
                        getattr(server, name)()
        server.pass_time(chance.uniform(0.5, 30.0))
        current = collector.tick()
        interval = deltas(previous, current) if previous is not None else None
        judge.see(interval, current)
        if pictures:
            gallery.hang(previous, current, interval)
        previous = current
    return judge


def test_some_histories() -> None:
    seen: Counter[str] = Counter()
    for seed in range(400):
        seen += live(seed, pictures=True).seen
    for what in ("intervals", "deltas", "longer", "lower", "exact"):
        assert seen[what] > 300, what
    for why in (
        "crashed",
        "restarted",
        "took over",
        "upgraded",
        "pg_stat_statements was reset",
        "statement were reset",
    ):
        assert sum(count for reason, count in seen.items() if why in reason) > 5, why


@pytest.mark.deep
@pytest.mark.parametrize("start", range(0, 10_000, 500))
def test_ten_thousand_histories(start: int) -> None:
    for seed in range(start, start + 500):
        live(seed)
