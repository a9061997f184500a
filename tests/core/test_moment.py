"""What a person types as a moment, and what is refused."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from optischema_tui.core.errors import UsageError
from optischema_tui.core.moment import EXAMPLES, parse_moment

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 22, 15, 46, tzinfo=BERLIN).timestamp()  # a Sunday


def at(text: str, zone: ZoneInfo = BERLIN) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("14:00", "2026-11-22 14:00"),
        ("16:00", "2026-11-21 16:00"),
        (" 9:05 ", "2026-11-22 09:05"),
        ("14:00:30", "2026-11-22 14:00:30"),
        ("today 14:00", "2026-11-22 14:00"),
        ("yesterday 14:00", "2026-11-21 14:00"),
        ("Yesterday", "2026-11-21 00:00"),
        ("monday 9:30", "2026-11-16 09:30"),
        ("sunday 15:00", "2026-11-22 15:00"),
        ("sunday 18:00", "2026-11-15 18:00"),
        ("2026-11-20 14:00", "2026-11-20 14:00"),
        ("2026-11-20T14:00:05", "2026-11-20 14:00:05"),
        ("2026-11-20", "2026-11-20 00:00"),
        ("2026-07-01 12:00", "2026-07-01 12:00"),
    ],
)
def test_a_moment_of_the_calendar(text: str, moment: str) -> None:
    assert parse_moment(text, NOW, BERLIN) == at(moment)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("-2h", 7200),
        ("-3d", 259_200),
        ("-1d12h", 129_600),
        ("90 m ago", 5400),
        ("- 45s", 45),
        ("-1w", 604_800),
        ("now", 0),
    ],
)
def test_a_moment_counted_back(text: str, seconds: float) -> None:
    assert parse_moment(text, NOW, BERLIN) == NOW - seconds


def test_a_zone_of_its_own() -> None:
    utc = datetime(2026, 11, 22, 14, 0, tzinfo=UTC).timestamp()
    assert parse_moment("14:00 UTC", NOW, BERLIN) == utc
    assert parse_moment("2026-11-22T14:00Z", NOW, BERLIN) == utc


def test_clocks_put_forward_and_back() -> None:
    with pytest.raises(UsageError, match="never was"):
        parse_moment("2026-03-29 02:30", NOW, BERLIN)
    first = parse_moment("2026-10-25 02:30", NOW, BERLIN)
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC).timestamp(), "of two, the first"


@pytest.mark.parametrize(
    "text",
    ["", "soon", "25:00", "14:61", "2026-13-01", "2026-02-30 10:00", "yesterday 14", "-2x", "14:00 CEST", "9" * 400],
)
def test_what_cannot_be_read_is_answered_with_examples(text: str) -> None:
    with pytest.raises(UsageError) as told:
        parse_moment(text, NOW, BERLIN)
    assert EXAMPLES in told.value.sentence
    assert len(told.value.sentence) < 300


def test_the_future_is_refused() -> None:
    for text in ("2026-11-22 15:47", "9999-12-31 23:59", "today 23:59"):
        with pytest.raises(UsageError, match="has not been yet"):
            parse_moment(text, NOW, BERLIN)


def test_every_example_can_be_read_and_nothing_else_crashes() -> None:
    for example in EXAMPLES.split(", "):
        assert parse_moment(example, NOW, BERLIN) <= NOW
    letters = random.Random(7)
    for _ in range(3000):
        text = "".join(
            letters.choice("0123456789:-tz hdmsw yesterdaymonUTC\x00\u202e²") for _ in range(letters.randrange(18))
        )
        with suppress(UsageError):
            assert 0 <= parse_moment(text, NOW, BERLIN) <= NOW
