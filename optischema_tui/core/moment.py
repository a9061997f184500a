"""Moments as people write them: `14:00`, `yesterday 14:00`, `2026-11-20 14:00`, `-2h`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from optischema_tui.core.errors import UsageError

EXAMPLES = "14:00, yesterday 14:00, monday 9:30, 2026-11-20 14:00, -2h, -1d12h"

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGO = re.compile(r"(?:\d{1,9}\s*[smhdw]\s*)+")
_PART = re.compile(r"(\d+)\s*([smhdw])")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_JOINED = re.compile(r"^(\d{4}-\d{1,2}-\d{1,2})t")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def parse_moment(text: str, now: float, zone: tzinfo | None = None) -> float:
    """Seconds since 1970 of the moment that `text` names, never later than `now`.

    `-2h` counts back from `now` (units s m h d w, also together). A time without a day is the last one that has been;
    a weekday is the last such day that has been; a day without a time is its midnight. They are read in `zone`, None:
    the machine's own; `UTC` or `Z` at the end says otherwise. A time that two clock readings share (clocks put back)
    is the first. Raises UsageError with examples for anything else, also for the future and for a time that the clocks
    skipped.
    """
    words = _JOINED.sub(r"\1 ", text.strip().lower())
    if words == "now":
        return now
    ago = words[1:].strip() if words.startswith(("-", "−")) else words.removesuffix(" ago")
    if _AGO.fullmatch(ago):
        seconds = sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(ago))
        return max(0.0, now - seconds)
    for mark in (" utc", "z"):
        if words.endswith(mark):
            words, zone = words.removesuffix(mark).strip(), UTC
    at = _calendar(words, text, now, zone)
    if at > now:
        raise UsageError(f"{text.strip()!r} has not been yet", "History holds the past only", f"Try {EXAMPLES}")
    return at


def days_before(at: float, days: int, zone: tzinfo | None = None) -> float:
    """The moment `days` days before `at` at which the clocks of `zone` (None: the machine's) showed the same."""
    then = datetime.fromtimestamp(at, zone) - timedelta(days=days)
    return max(0.0, then.replace(fold=0).timestamp())


def weekday(day: str) -> str:
    """`Fri` for `2026-11-20`."""
    return _DAYS[date.fromisoformat(day).weekday()][:3].capitalize()


def _calendar(words: str, text: str, now: float, zone: tzinfo | None) -> float:
    """The moment of a day, a time of day, or both."""
    if not words:
        raise _unclear(text)
    head, _, tail = words.partition(" ")
    if _TIME.fullmatch(words):
        head, tail = "", words
    today = datetime.fromtimestamp(now, zone).date()
    clock = _time(tail.strip(), text)
    if not head:
        at = _seconds(today, clock, zone, text)
        return at if at <= now else _seconds(today - timedelta(days=1), clock, zone, text)
    if head in _DAYS:
        back = (today.weekday() - _DAYS.index(head)) % 7
        at = _seconds(today - timedelta(days=back), clock, zone, text)
        return at if at <= now else _seconds(today - timedelta(days=back + 7), clock, zone, text)
    return _seconds(_day(head, today, text), clock, zone, text)


def _day(word: str, today: date, text: str) -> date:
    if word == "today":
        return today
    if word == "yesterday":
        return today - timedelta(days=1)
    found = _DATE.fullmatch(word)
    if found is None:
        raise _unclear(text)
    try:
        return date(*map(int, found.groups()))
    except ValueError as error:
        raise UsageError(f"There is no day {word}", str(error), f"Try {EXAMPLES}") from error


def _time(word: str, text: str) -> time:
    """Midnight for an empty word."""
    if not word:
        return time()
    found = _TIME.fullmatch(word)
    if found is None:
        raise _unclear(text)
    hour, minute, second = (int(part or 0) for part in found.groups())
    if hour > 23 or minute > 59 or second > 59:
        raise UsageError(f"There is no time {word}", "A day has the times 00:00 to 23:59", f"Try {EXAMPLES}")
    return time(hour, minute, second)


def _seconds(day: date, clock: time, zone: tzinfo | None, text: str) -> float:
    wanted = datetime.combine(day, clock, zone)
    try:
        at = wanted.timestamp()
        shown = datetime.fromtimestamp(at, zone)
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(f"{text.strip()!r} is out of range", str(error), f"Try {EXAMPLES}") from error
    if shown.replace(fold=0) != wanted:
        raise UsageError(
            f"{text.strip()!r} never was",
            f"The clocks went from before it to {shown:%H:%M} that day",
            f"Try {EXAMPLES}",
        )
    return max(0.0, at)


def _unclear(text: str) -> UsageError:
    shown = text.strip()
    shown = shown if len(shown) <= 40 else shown[:39] + "…"
    return UsageError(f"{shown!r} is no moment that can be read", todo=f"Try {EXAMPLES}")
