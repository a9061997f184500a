"""When a window of the week is open: over midnight, over the week's end, and where the clocks change."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from optischema_tui.core.errors import UsageError
from optischema_tui.core.policy.window import (
    closing,
    day_start,
    local_words,
    next_opening,
    open_now,
    parse_window,
    zone_named,
)

BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str, zone: ZoneInfo = BERLIN, fold: int = 0) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold).timestamp()


def is_open(window: str, when: float, zone: ZoneInfo = BERLIN) -> bool:
    return open_now([parse_window(window)], when, zone) is not None


@pytest.mark.parametrize(
    ("window", "opened", "closed"),
    [
        ("Mon-Fri 22:00-05:00", ["2026-11-23 22:00", "2026-11-28 04:59"], ["2026-11-23 21:59", "2026-11-28 05:00"]),
        ("Mon-Fri 22:00-05:00", ["2026-11-24 00:00"], ["2026-11-23 04:00", "2026-11-28 22:30", "2026-11-29 01:00"]),
        ("Sat,Sun", ["2026-11-28 00:00", "2026-11-29 23:59"], ["2026-11-27 23:59", "2026-11-30 00:00"]),
        ("Sun 23:00-01:00", ["2026-11-29 23:30", "2026-11-30 00:30"], ["2026-11-29 00:30", "2026-11-30 01:00"]),
        ("fri-mon 01:00-02:00", ["2026-11-27 01:30", "2026-11-30 01:30"], ["2026-11-25 01:30", "2026-11-26 01:30"]),
        ("00:00-24:00", ["2026-11-25 00:00", "2026-11-25 23:59"], []),
        ("daily 9:00-17:30", ["2026-11-25 17:29"], ["2026-11-25 17:30", "2026-11-25 08:59"]),
    ],
)
def test_a_window_opens_and_closes_on_the_minute(window: str, opened: list[str], closed: list[str]) -> None:
    assert all(is_open(window, at(when)) for when in opened)
    assert not any(is_open(window, at(when)) for when in closed)


@pytest.mark.parametrize(
    "text",
    ["", "  ", "Mon", "mon - wed", "Mon-Wed,Sat 1:00-2:00"],
)
def test_days_alone_are_whole_days_and_nothing_is_no_window(text: str) -> None:
    if text.strip():
        assert parse_window(text).end <= 24 * 60
    else:
        with pytest.raises(UsageError):
            parse_window(text)


@pytest.mark.parametrize(
    "text",
    ["Mo 1:00-2:00", "Mon 25:00-26:00", "Mon 1:00-1:00", "Mon 24:00-1:00", "Mon 1:60-2:00", "Mon 1-2", 
     "Mon 1:00-2:00 x", "Mon- 1:00-2:00", "Mon,,Tue", "1:00-24:01", "\x1b[31m"],
)  # fmt: skip
def test_what_is_no_window_is_told_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match="22:00-05:00") as told:
        parse_window(text)
    assert "\x1b" not in told.value.sentence


def test_a_skipped_hour_is_not_there_and_a_repeated_one_counts_twice() -> None:
    # 2026-03-29 02:00 -> 03:00 and 2026-10-25 03:00 -> 02:00 in Berlin
    assert not any(is_open("Sun 02:00-03:00", at("2026-03-29 00:00") + 60 * minute) for minute in range(24 * 60))
    minutes = [is_open("Sun 02:00-03:00", at("2026-10-25 00:00") + 60 * minute) for minute in range(25 * 60)]
    assert sum(minutes) == 120
    assert is_open("Sat 22:00-05:00", at("2026-03-29 04:59"))
    assert not is_open("Sat 22:00-05:00", at("2026-03-29 05:00"))
    assert is_open("Sat 22:00-05:00", at("2026-10-25 04:59"))
    assert not is_open("Sat 22:00-05:00", at("2026-10-25 05:00"))


def test_the_zone_decides_and_not_the_machine() -> None:
    when = datetime(2026, 11, 23, 21, 30, tzinfo=UTC).timestamp()
    assert is_open("Mon 22:00-23:00", when)
    assert not is_open("Mon 22:00-23:00", when, ZoneInfo("UTC"))
    assert local_words(when, BERLIN) == "Mon 2026-11-23 22:30 CET"


def test_the_next_edges_are_those_that_stepping_by_minutes_finds() -> None:
    draw = random.Random(5)
    days = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    for _ in range(40):
        spans = [
            parse_window(f"{draw.choice(days)}-{draw.choice(days)} {a // 60}:{a % 60:02}-{b // 60}:{b % 60:02}")
            for a, b in (sorted(draw.sample(range(0, 1440, 15), 2)) for _ in range(draw.randint(1, 2)))
        ]
        day = draw.choice(["2026-03-27 00:00", "2026-10-23 00:00", "2026-12-30 00:00"])
        now = at(day) + 60 * draw.randrange(3 * 1440)
        seen = open_now(spans, now, BERLIN) is not None
        steps = (now + 60 * step for step in range(1, 8 * 1440))
        change = next((step for step in steps if (open_now(spans, step, BERLIN) is not None) is not seen), None)
        found = (closing if seen else next_opening)(spans, now, BERLIN)
        if change is not None and found is not None:
            in_skipped_hour = abs(found - change) <= 3600 and day.startswith("2026-03")
            assert found == change or in_skipped_hour, (spans, now, found, change)


def test_a_day_begins_at_the_midnight_that_the_clock_shows() -> None:
    assert day_start(at("2026-10-25 23:00"), BERLIN) == at("2026-10-25 00:00")
    assert day_start(at("2026-11-23 00:00"), BERLIN) == at("2026-11-23 00:00")
    # Midnight itself is skipped in Santiago on 2026-09-06
    santiago = ZoneInfo("America/Santiago")
    start = day_start(at("2026-09-06 12:00", santiago), santiago)
    assert timedelta(hours=10) <= timedelta(seconds=at("2026-09-06 12:00", santiago) - start) <= timedelta(hours=12)


def test_an_unknown_zone_is_told() -> None:
    assert zone_named("") is None
    for name in ("Mars/Olympus", "../etc/passwd", "/etc/localtime", "\0"):
        with pytest.raises(UsageError, match="time zone"):
            zone_named(name)
