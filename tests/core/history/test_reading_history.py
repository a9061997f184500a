"""Readings of the other families: kept, thinned out, never stored twice."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

from history_simulation import BEGIN, TARGET

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.limits import Limits
from optischema_tui.core.history.store import History
from optischema_tui.core.models import Reading

HOUR, DAY = 3600.0, 86400.0


def reading(at: float, family: str = "tables", scans: int = 0) -> Reading:
    columns = ("schema", "name", "scans", "ratio", "toast", "blocked_by", "valid")
    rows = (("public", "orders", scans, 0.5, None, (4, 5), True), ("public", "x\x1b[31m", 2, 1e-9, None, (), False))
    return Reading(family, at, at - BEGIN, at + 3, columns, rows, "epoch", 7, ("toast",))


def test_a_reading_comes_back_as_it_was(history: History) -> None:
    one, problem = reading(BEGIN), Reading("slots", BEGIN, 1.0, BEGIN, problem="Slots need pg_monitor")
    history.save_reading(TARGET, one)
    history.save_reading(TARGET, problem)
    assert history.reading_at(TARGET, "tables", BEGIN) == one
    assert history.reading_at(TARGET, "slots", BEGIN + 9) == problem
    assert history.reading_at(TARGET, "tables", BEGIN - 1) is None
    assert history.reading_at(TARGET, "io", BEGIN) is None
    assert history.reading_at("other", "tables", BEGIN) is None


def test_readings_of_a_time(history: History) -> None:
    taken = [reading(BEGIN + 60 * number, scans=number) for number in range(10)]
    for each in taken:
        history.save_reading(TARGET, each)
    assert history.readings(TARGET, "tables", BEGIN, BEGIN + 240) == tuple(taken[1:5])
    assert history.reading_at(TARGET, "tables", BEGIN + 100) == taken[1]
    assert history.reading_before(TARGET, "tables", taken[4].taken_at) == taken[3]
    assert history.reading_before(TARGET, "tables", BEGIN) is None


def test_what_stays_the_same_is_stored_once(history: History) -> None:
    for number in range(20):
        history.save_reading(TARGET, reading(BEGIN + 60 * number, "settings"))
    assert history._fetch("SELECT count(*) FROM reading") == [(1,)]
    assert history.reading_at(TARGET, "settings", BEGIN + 5000) == reading(BEGIN + 19 * 60, "settings")
    assert history.reading_at(TARGET, "settings", BEGIN + 90) == reading(BEGIN, "settings")
    changed = reading(BEGIN + 1200, "settings", scans=5)
    history.save_reading(TARGET, changed)
    history.save_reading(TARGET, replace(changed, taken_at=BEGIN + 1260, epoch="later"))
    assert history._fetch("SELECT count(*) FROM reading") == [(3,)]
    assert history.reading_at(TARGET, "settings", BEGIN + 1199) == reading(BEGIN + 19 * 60, "settings")


def test_old_readings_are_thinned_out(tmp_path: Path, clock: FixedClock) -> None:
    clock.at = BEGIN
    history = History.open(tmp_path / "h.db", clock, Limits(readings=(2 * HOUR, 2 * DAY, 10 * DAY)))
    saved = []
    for number in range(15 * 24 * 4):
        clock.advance(900)
        saved.append(reading(clock.at, scans=number))
        history.save_reading(TARGET, saved[-1])
        if number % 16 == 0:
            history.save_reading(TARGET, reading(clock.at, "io", number))
    kept = history.readings(TARGET, "tables", BEGIN, clock.at)
    others = history.readings(TARGET, "io", BEGIN, clock.at)
    history.close()
    assert set(kept) <= set(saved)
    ages = [clock.at - each.taken_at for each in kept]
    assert sum(age <= 2 * HOUR for age in ages) in (8, 9)
    assert 44 <= sum(2 * HOUR < age <= 2 * DAY for age in ages) <= 49
    assert 7 <= sum(age > 2 * DAY for age in ages) <= 9
    assert max(ages) <= 11 * DAY
    hours = [each.taken_at for each in kept if 3 * HOUR < clock.at - each.taken_at < 40 * HOUR]
    assert all(at % 3600 == 0 for at in hours), "the last of each hour"
    assert len(others) > 10


def test_readings_keep_to_their_share_of_the_file(tmp_path: Path, clock: FixedClock) -> None:
    clock.at = BEGIN
    history = History.open(tmp_path / "h.db", clock, Limits(bytes=400_000))
    for number in range(400):
        clock.advance(60)
        columns = tuple(f"c{column}" for column in range(300))
        rows = (tuple(hash((number, column)) for column in range(300)),)
        history.save_reading(TARGET, Reading("tables", clock.at, 1.0, clock.at, columns, rows))
        if number == 0:
            history.save_reading(TARGET, reading(clock.at, "settings"))
    size = history._fetch("SELECT sum(length(body)) FROM reading")[0][0]
    assert size < 0.25 * 400_000 + 16 * 4000
    assert history.reading_at(TARGET, "settings", clock.at) is not None, "never the newest of its family"
    assert history.reading_at(TARGET, "tables", clock.at) is not None
    history.close()


def test_no_secret_of_a_setting_and_no_literal_of_a_lock_is_on_the_disk(history: History) -> None:
    rows = (("primary_conninfo", "host=h password=c4n4ry user=u"), ("work_mem", "4MB"))
    history.save_reading(TARGET, Reading("settings", BEGIN, 1.0, BEGIN, ("name", "setting"), rows))
    locks = ((7, "UPDATE t SET a = 'c4n4ry'"), (8, None))
    history.save_reading(TARGET, Reading("locks", BEGIN, 1.0, BEGIN, ("pid", "query"), locks))
    for (body,) in history._fetch("SELECT body FROM reading"):
        assert b"c4n4ry" not in zlib.decompress(body)
    found = history.reading_at(TARGET, "locks", BEGIN)
    assert found is not None
    assert found.rows == ((7, "update t set a = ?"), (8, None))
