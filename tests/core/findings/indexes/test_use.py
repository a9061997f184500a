"""Uses of indexes out of stored readings: what counts across restarts, crashes and servers."""

from __future__ import annotations

import pytest

from optischema_tui.core.findings.indexes.facts import DAY, ServerUse, Watched
from optischema_tui.core.findings.indexes.use import observed
from optischema_tui.core.models import Reading

NOW = 1_800_000_000.0
START = NOW - 500 * DAY


def reading(
    day: float,
    scans: int | None,
    *,
    start: float = START,
    crash: float = 0.0,
    reset: float = 0.0,
    last: float | None = None,
) -> Reading:
    at = NOW - day * DAY
    rows = () if scans is None else ((1, scans, last, 10 * scans, 5 * scans, scans, scans),)
    names = (
        "indexrelid",
        "idx_scan",
        "last_idx_scan",
        "idx_tup_read",
        "idx_tup_fetch",
        "idx_blks_read",
        "idx_blks_hit",
    )
    return Reading("indexes", at, 0.0, at, names, rows, f"7/1/{start:.6f}/{crash:.6f}/{reset:.6f}")


def one(*readings: Reading) -> tuple[Watched, ServerUse]:
    (server,) = observed(readings, NOW, 35.0)
    return server, server.uses[1]


def test_a_count_that_stands_still_is_no_use() -> None:
    server, use = one(reading(50, 900), reading(0, 900))
    assert (use.scans, use.last_used) == (0, None)
    assert server.coverage == pytest.approx(1.0)


def test_a_difference_is_a_use_and_is_dated_by_its_end() -> None:
    _, use = one(reading(50, 5), reading(20, 8), reading(0, 8))
    assert (use.scans, use.last_used) == (3, NOW - 20 * DAY)
    assert (use.tuples_read, use.tuples_fetched, use.blocks) == (30, 15, 6)


def test_a_crash_empties_the_counter_so_that_what_it_shows_is_new() -> None:
    crash = NOW - 9.5 * DAY
    _, use = one(reading(50, 5), reading(10, 5), reading(9, 5, crash=crash), reading(0, 5, crash=crash))
    assert use.scans == 5


def test_the_time_over_a_break_is_not_covered() -> None:
    crash = NOW - 9.5 * DAY
    server, _ = one(reading(50, 0), reading(16, 0), reading(9, 0, crash=crash), reading(0, 0, crash=crash))
    assert server.coverage == pytest.approx(28 / 35)
    assert server.breaks == 1


def test_a_clean_restart_keeps_the_counter() -> None:
    again = NOW - 9.5 * DAY
    server, use = one(reading(50, 5), reading(10, 5), reading(9, 5, start=again), reading(0, 5, start=again))
    assert use.scans == 0
    assert server.started == again


def test_a_first_reading_counts_as_use_after_a_late_reset() -> None:
    _, use = one(reading(20, 4, reset=NOW - 21 * DAY), reading(0, 4, reset=NOW - 21 * DAY))
    assert use.scans == 4


def test_an_index_that_appears_with_scans_was_used() -> None:
    _, use = one(reading(20, None), reading(10, 2), reading(0, 2))
    assert (use.scans, use.first_seen) == (2, NOW - 10 * DAY)


def test_what_the_server_says_of_the_last_scan_counts() -> None:
    _, use = one(reading(50, 4, last=NOW - 60 * DAY), reading(0, 4, last=NOW - 60 * DAY))
    assert (use.scans, use.last_used) == (0, NOW - 60 * DAY)


def test_two_servers_of_one_database_are_told_apart() -> None:
    other = START - 7 * DAY
    found = observed(
        [reading(50, 0), reading(49, 3, start=other), reading(1, 0), reading(0, 9, start=other)], NOW, 35.0
    )
    assert sorted((one.started, one.uses[1].scans) for one in found) == [(other, 6), (START, 0)]


def test_another_server_that_was_already_running_does_not_go_on_for_the_first() -> None:
    other = START - 7 * DAY
    found = observed(
        [reading(50, 0), reading(30, 0), reading(20, 0, start=other), reading(0, 0, start=other)], NOW, 35.0
    )
    assert len(found) == 2
    assert max(one.coverage for one in found) < 0.95


def test_a_failed_reading_is_passed_over() -> None:
    failed = Reading("indexes", NOW - DAY, 0.0, NOW - DAY, problem="no")
    _, use = one(reading(50, 5), failed, reading(0, 5))
    assert use.scans == 0
