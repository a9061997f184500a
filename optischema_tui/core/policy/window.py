"""Windows of the week in which changes may begin: 'Mon-Fri 22:00-05:00'.

What the clock on the wall shows decides. So a window keeps its hours when the clocks change: an hour that they skip is
not there, and one that they repeat counts both times.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from optischema_tui.core.errors import UsageError
from optischema_tui.core.safe_text import one_line

EXAMPLES = "'Mon-Fri 22:00-05:00', 'Sat,Sun' (the whole days) or '01:00-04:30' (every day)"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = 24 * 60
_TIMES = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class Window:
    """Some days of the week and a span of minutes after their midnight; past 1440 it reaches into the next day."""

    text: str
    """As it was written."""
    days: frozenset[int]
    """0 = Monday; the days on which it opens."""
    start: int
    end: int
    """Exclusive; at most 1440 minutes after `start`."""

    def holds(self, day: int, minute: int) -> bool:
        """Whether it is open on weekday `day`, `minute` minutes after midnight as the clock shows it."""
        if day in self.days and self.start <= minute < self.end:
            return True
        return (day - 1) % 7 in self.days and minute + _DAY < self.end


def parse_window(text: str) -> Window:
    """'Mon-Fri 22:00-05:00' -> Window. Raises UsageError with examples."""
    words = text.strip().lower()
    match = _TIMES.search(words)
    head = words[: match.start()] if match else words
    if (match and words[match.end() :].strip()) or not words:
        raise _unclear(text)
    days = _days(head.strip(), text)
    if match is None:
        return Window(text.strip(), days, 0, _DAY)
    start = _minutes(match[1], match[2], text)
    end = _minutes(match[3], match[4], text)
    if start in (_DAY, end):
        raise _unclear(text)
    return Window(text.strip(), days, start, end if end > start else end + _DAY)


def zone_named(name: str) -> tzinfo | None:
    """The time zone of that name; None, the machine's own, for an empty one. Raises UsageError."""
    if not name:
        return None
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise UsageError(
            f"{one_line(name, 40)!r} is not a time zone that this machine knows", "", "Write it like Europe/Berlin"
        ) from error


def open_now(windows: Sequence[Window], now: float, zone: tzinfo | None) -> Window | None:
    """The window that is open at `now`, seconds since 1970; None when all are closed."""
    shown = datetime.fromtimestamp(now, zone)
    minute = shown.hour * 60 + shown.minute
    return next((each for each in windows if each.holds(shown.weekday(), minute)), None)


def next_opening(windows: Sequence[Window], now: float, zone: tzinfo | None) -> float | None:
    """When a window opens next, seconds since 1970; None when none does within eight days."""
    return _next(windows, now, zone, opening=True)


def closing(windows: Sequence[Window], now: float, zone: tzinfo | None) -> float | None:
    """When all windows are closed next, seconds since 1970; None when that is not within eight days."""
    return _next(windows, now, zone, opening=False)


def local_words(at: float, zone: tzinfo | None) -> str:
    """`Mon 2026-11-23 22:00 CET`"""
    shown = datetime.fromtimestamp(at, zone)
    shown = shown if zone else shown.astimezone()
    return f"{DAYS[shown.weekday()].title()} {shown:%Y-%m-%d %H:%M %Z}"


def day_start(now: float, zone: tzinfo | None) -> float:
    """The moment of the last midnight that the clock showed, seconds since 1970."""
    today = datetime.fromtimestamp(now, zone).date()
    return min(each for each in _moments(today, 0, zone) if each <= now)


def _next(windows: Sequence[Window], now: float, zone: tzinfo | None, *, opening: bool) -> float | None:
    """The first edge after `now` behind which it is as asked. Around a change of clocks both readings are tried."""
    today = datetime.fromtimestamp(now, zone).date()
    edges = sorted(
        moment
        for ahead in range(-1, 9)
        for window in windows
        for moment in _moments(today + timedelta(days=ahead), window.start if opening else window.end, zone)
        if moment > now
    )
    return next((each for each in edges if (open_now(windows, each, zone) is not None) is opening), None)


def _moments(day: date, minute: int, zone: tzinfo | None) -> tuple[float, float]:
    shown = datetime(day.year, day.month, day.day, tzinfo=zone) + timedelta(minutes=minute)
    return shown.timestamp(), shown.replace(fold=1).timestamp()


def _days(words: str, text: str) -> frozenset[int]:
    if words in ("", "daily"):
        return frozenset(range(7))
    found: set[int] = set()
    for part in words.split(","):
        first, dash, last = (each.strip() for each in part.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            raise _unclear(text)
        begin = DAYS.index(first)
        found.update((begin + step) % 7 for step in range((DAYS.index(last or first) - begin) % 7 + 1))
    return frozenset(found)


def _minutes(hour: str, minute: str, text: str) -> int:
    total = int(hour) * 60 + int(minute)
    if int(minute) > 59 or total > _DAY:
        raise _unclear(text)
    return total


def _unclear(text: str) -> UsageError:
    return UsageError(f"{one_line(text, 60)!r} is not a window of the week", "", f"Write it like {EXAMPLES}")
