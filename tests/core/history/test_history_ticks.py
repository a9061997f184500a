"""Ticks: what is stored of them, what windows say, two programs on one file, forgetting, speed."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import StorageError
from optischema_tui.core.history.limits import Limits
from optischema_tui.core.history.store import History
from optischema_tui.core.models import (
    LoadPoint,
    Snapshot,
    StatementDelta,
    StatementKey,
    StatementSample,
    StatementText,
    Totals,
)

SAMPLES = 5000


def fingerprint(feed) -> str:
    return feed.snapshot().target.fingerprint


def test_a_window_sums_the_intervals_inside_it(history: History, feed, clock: FixedClock) -> None:
    start = clock.at
    feed.tick({1: [1.0], 2: [5.0]}, first=True)
    feed.tick({1: [10.0, 20.0], 2: [400.0]})
    feed.tick({1: [30.0]})
    stats = {found.key.queryid: found for found in history.window(fingerprint(feed), start, clock.at)}
    assert (stats[1].calls, stats[1].exec_time, stats[1].mean_exec_time) == (3, 60.0, 20.0)
    assert (stats[1].rows, stats[1].shared_blks, stats[1].temp_blks) == (4, 200, 6)
    assert stats[1].text == "SELECT 1"
    assert (stats[2].calls, stats[2].exec_time) == (1, 400.0)
    assert [found.key.queryid for found in history.window(fingerprint(feed), start, clock.at)] == [2, 1]
    assert history.window("other", start, clock.at) == ()


def test_an_interval_that_sticks_out_of_a_window_is_not_counted(history: History, feed, clock: FixedClock) -> None:
    feed.tick({1: [1.0]}, first=True)
    begin = clock.at
    feed.tick({1: [10.0]})
    feed.tick({1: [20.0]})
    feed.tick({1: [30.0]})
    middle = history.window(fingerprint(feed), begin + 1, clock.at - 1)
    assert [(stats.calls, stats.exec_time) for stats in middle] == [(1, 20.0)]


def test_the_spread_of_a_window_is_that_of_its_calls(history: History, feed, clock: FixedClock) -> None:
    chance = random.Random(7)
    feed.tick({1: [chance.uniform(0, 1000) for _ in range(300)]}, first=True)
    begin, seen = clock.at, []
    for mean in (10, 12, 50):
        times = [chance.gauss(mean, 3) for _ in range(40)]
        seen += times
        feed.tick({1: times})
    (stats,) = history.window(fingerprint(feed), begin, clock.at)
    assert stats.stddev_exec_time == pytest.approx(statistics.pstdev(seen), rel=1e-6)


def test_the_spread_goes_on_after_a_restart_of_the_program(tmp_path: Path, history: History, feed, clock) -> None:
    feed.tick({1: [100.0, 300.0]}, first=True)
    begin = clock.at
    history.close()
    feed.history = History.open(tmp_path / "state" / "history.db", clock)
    assert feed.history.last_snapshot(fingerprint(feed)) == replace(feed.snapshot(), taken_at=begin)
    feed.tick({1: [10.0, 12.0, 14.0]})
    (stats,) = feed.history.window(fingerprint(feed), begin, clock.at)
    feed.history.close()
    assert stats.stddev_exec_time == pytest.approx(statistics.pstdev([10, 12, 14]))


def test_a_snapshot_comes_back_whole(history: History, feed) -> None:
    huge = StatementSample(StatementKey(4_294_967_295, 5, -(1 << 63), False), calls=3, wal_bytes=1 << 70, rows=-1)
    sample = StatementSample(StatementKey(1, 2, 3), *range(1, 6), 0.1, 1e-300)
    snapshot = replace(feed.snapshot(), statements=(huge, sample), notices=("no \x00 \ud800 text",), dealloc=9)
    history.save_tick(snapshot, (), None, None)
    found = history.last_snapshot(snapshot.target.fingerprint)
    assert found is not None
    assert found.statements[1] == sample
    assert found.statements[0].key == huge.key
    assert found.statements[0].wal_bytes == pytest.approx(1 << 70)
    assert replace(found, statements=()) == replace(snapshot, statements=())


def many(feed, samples: Sequence[StatementSample]) -> Snapshot:
    return replace(feed.snapshot(), statements=tuple(samples))


def written(history: History) -> tuple[int, int, int]:
    """Bytes of the snapshot written whole, entries of the log of its changes, bytes of the newest of them."""
    return history._fetch(
        "SELECT length(s.body), max(l.number), length(l.body) FROM snapshot s JOIN snapshot_log l USING (fingerprint)"
    )[0]


def test_only_what_changed_of_a_snapshot_is_written_again(tmp_path: Path, history: History, feed, clock) -> None:
    samples = [StatementSample(StatementKey(10, 5, number), calls=1, rows=number) for number in range(400)]
    chance = random.Random(5)
    whole = 0
    for number in range(320):
        clock.advance(1)
        for place in chance.sample(range(len(samples)), 3):
            samples[place] = replace(samples[place], calls=samples[place].calls + 1)
        if number % 7 == 3:
            del samples[chance.randrange(len(samples))]
            samples.insert(chance.randrange(len(samples)), StatementSample(StatementKey(10, 6, number), calls=2))
        snapshot = many(feed, samples)
        assert history.save_tick(snapshot, (), None, None)
        size, entries, change = written(history)
        assert change < size / 4
        whole += entries == 0
        if number % 10:
            continue
        killed_now = History.open(tmp_path / "state" / "history.db", clock)
        found = killed_now.last_snapshot(fingerprint(feed))
        killed_now.close()
        assert found is not None
        assert sorted(found.statements, key=lambda sample: sample.key) == sorted(samples, key=lambda sample: sample.key)
        assert replace(found, statements=()) == replace(snapshot, statements=())
    assert 2 <= whole <= 4, "written whole again only when all of it has changed once"


def test_when_each_row_of_the_tail_was_read_is_kept(history: History, feed, clock: FixedClock) -> None:
    keys = [StatementKey(10, 5, number) for number in range(100)]
    samples = {key: StatementSample(key, calls=1) for key in keys}
    read_at = dict.fromkeys(keys, clock.at)
    for tick in range(30):
        clock.advance(30)
        head, stratum = keys[:10], keys[10 + tick % 9 :: 9]
        for key in (*head, *stratum):
            read_at[key] = clock.at
        samples[keys[0]] = replace(samples[keys[0]], calls=2 + tick)
        samples[stratum[0]] = replace(samples[stratum[0]], calls=2 + tick)
        before = {key: at for key, at in read_at.items() if at < clock.at}
        totals = Totals(100, 500 + tick, 7.5)
        snapshot = replace(many(feed, list(samples.values())), read_before=before, totals=totals)
        assert history.save_tick(snapshot, (), None, None)
        found = history.last_snapshot(fingerprint(feed))
        assert found is not None
        assert found.totals == totals
        assert {sample.key: sample for sample in found.statements} == samples
        for key in keys:
            stored = found.read_before.get(key, clock.at)
            assert min(before.values()) <= stored <= read_at[key], "never later than it was read"
        assert found.read_before.get(stratum[0]) is None
    assert written(history)[1] > 1
    clock.advance(30)
    assert history.save_tick(many(feed, list(samples.values())), (), None, None)
    found = history.last_snapshot(fingerprint(feed))
    assert found is not None
    assert found.read_before == {}, "every row was read in the newest"


def test_a_change_is_never_applied_to_the_snapshot_of_another_program(tmp_path: Path, history: History, feed, clock):
    second = History.open(tmp_path / "state" / "history.db", clock)
    ours = [StatementSample(StatementKey(10, 5, number), calls=1) for number in range(50)]
    theirs = [StatementSample(StatementKey(10, 5, number), calls=7) for number in range(90)]
    for calls in range(2, 6):
        for writer, samples in ((history, ours), (second, theirs), (second, theirs), (history, ours)):
            clock.advance(1)
            samples[calls] = replace(samples[calls], calls=calls * 10)
            assert writer.save_tick(many(feed, samples), (), None, None)
            for reader in (history, second):
                found = reader.last_snapshot(fingerprint(feed))
                assert found is not None
                assert set(found.statements) == set(samples)
    second.close()


def test_an_undone_tick_leaves_the_snapshot_as_it_was(history: History, feed, clock: FixedClock) -> None:
    samples = [StatementSample(StatementKey(10, 5, number), calls=1) for number in range(50)]
    before = many(feed, samples)
    history.save_tick(before, (), None, None)
    huge = StatementDelta(StatementKey(10, 5, 1), 1.0, 1 << 70, 1, 1.0, 0.0, 0, 0, 0, 0.0, 0)
    for number in range(20):  # enough of them to have it written whole
        samples[number] = replace(samples[number], calls=2)
        with pytest.raises(StorageError):
            history.save_tick(many(feed, samples), (), [huge], None)
        assert history.last_snapshot(fingerprint(feed)) == before
    after = many(feed, samples)
    assert history.save_tick(after, (), None, None)
    found = history.last_snapshot(fingerprint(feed))
    assert found is not None
    assert set(found.statements) == set(after.statements)


def test_series_and_points_are_in_order(history: History, feed, clock: FixedClock) -> None:
    feed.tick({1: [1.0]}, first=True)
    begin = clock.at
    feed.tick({1: [10.0, 20.0]})
    feed.tick({2: [30.0]})
    feed.tick({1: [40.0]})
    at = [begin + 30, begin + 60, begin + 90]
    key = StatementKey(10, 5, 1)
    assert history.statement_points(fingerprint(feed), key, begin) == ((at[0], 2, 15.0), (at[2], 1, 40.0))
    assert history.statement_points(fingerprint(feed), StatementKey(10, 5, 77), begin) == ()
    assert history.series(fingerprint(feed), begin)[0] == LoadPoint(at[0], 0.001, 15.0, 1.0, 2, False)
    assert [point.at for point in history.series(fingerprint(feed), at[0])] == at[1:]


def test_texts_are_kept_without_secrets(history: History, feed) -> None:
    plain = "SELECT * FROM users WHERE password = lower($1) /* it's */"
    texts = [
        StatementText(StatementKey(1, 5, 1), plain, True, "app", "shop"),
        StatementText(StatementKey(1, 5, 2), "ALTER ROLE a PASSWORD 'c4n4ry'"),
        StatementText(StatementKey(1, 5, 3), "/* x */ CREATE USER MAPPING FOR a SERVER s OPTIONS (password 'c4n4ry')"),
        StatementText(StatementKey(1, 5, 4), "SELECT '\x00\x1b[31m\ud800[/x]'"),
        StatementText(StatementKey(1, 5, 5), "/**/" * 200_000 + "x" * 1_000_000),
    ]
    history.save_tick(feed.snapshot(), texts, None, None)
    found = history.texts(fingerprint(feed), [text.key for text in texts] + [StatementKey(1, 5, 6)])
    assert found[texts[0].key] == texts[0]
    assert found[texts[1].key].text == "ALTER ROLE a PASSWORD '********'"
    assert "c4n4ry" not in found[texts[2].key].text
    assert found[texts[3].key].text == "SELECT '\x00\x1b[31m?[/x]'"
    assert len(found) == 5


def test_two_programs_do_not_count_an_interval_twice(tmp_path: Path, history: History, feed, clock) -> None:
    second = History.open(tmp_path / "state" / "history.db", clock)
    feed.tick({1: [1.0]}, first=True)
    begin = clock.at
    assert feed.tick({1: [10.0]})
    feed.history = second
    clock.advance(-15)
    assert not feed.tick({1: [10.0]}), "this interval lies half inside one that is stored"
    feed.history = history
    clock.advance(-15)
    assert feed.tick({1: [10.0]})
    feed.history = second
    assert feed.tick({1: [10.0]}), "the first program has ended: the second takes over"
    (stats,) = second.window(fingerprint(feed), begin, clock.at)
    second.close()
    assert stats.calls == 3


def test_two_programs_with_different_targets_share_a_file(tmp_path: Path, history: History, feed, clock) -> None:
    second = History.open(tmp_path / "state" / "history.db", clock)
    feed.tick({1: [1.0]})
    snapshot = feed.snapshot()
    other = replace(snapshot, target=replace(snapshot.target, system_identifier="9"))
    delta = StatementDelta(StatementKey(10, 5, 1), 30.0, 8, 1, 80.0, 0.0, 1, 1, 0, 0.0, 0)
    assert second.save_tick(other, (), [delta], None)
    assert [stats.calls for stats in history.window(other.target.fingerprint, 0, clock.at)] == [8]
    assert [stats.calls for stats in second.window(snapshot.target.fingerprint, 0, clock.at)] == [1]
    second.close()


def test_the_file_stays_under_its_cap(tmp_path: Path, feed, clock: FixedClock) -> None:
    feed.history = History.open(tmp_path / "h.db", clock, Limits(bytes=300_000))
    busy = {number: [1.0] for number in range(200)}
    for _ in range(60):
        feed.tick(busy)
    feed.history.close()
    assert (tmp_path / "h.db").stat().st_size < 400_000


def test_five_thousand_statements_are_stored(history: History, clock: FixedClock, feed) -> None:
    chance = random.Random(3)
    keys = [StatementKey(10, 5, chance.getrandbits(62)) for _ in range(SAMPLES)]
    for number in range(1, 8):
        clock.advance(30)
        samples = [
            StatementSample(key, 7 * number, 9, 7.5 * number, 1.1, 0.5, 9.0, chance.random(), shared_blks_hit=number)
            for key in keys
        ]
        deltas = [StatementDelta(key, 30.0, 7, 9, 7.5, 0.0, 1, 0, 0, 0.0, 100) for key in keys]
        history.save_tick(many(feed, samples), (), deltas, None)
    window = history.window(fingerprint(feed), 0, clock.at)
    assert {stats.key: stats.calls for stats in window} == dict.fromkeys(keys, 49)
    found = history.last_snapshot(fingerprint(feed))
    assert found is not None
    assert found.statements == tuple(samples)
