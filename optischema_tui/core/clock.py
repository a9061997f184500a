"""The only module that reads the time, so that tests can set it."""

from __future__ import annotations

import time
from dataclasses import dataclass


class Clock:
    """The machine's clocks. Pass one in; a test passes a `FixedClock`."""

    def wall(self) -> float:
        """Seconds since 1970, UTC. For display and storage, never for an interval."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds of a clock that never goes back. For intervals and deadlines."""
        return time.monotonic()


@dataclass
class FixedClock(Clock):
    """A clock that stands still until `advance` moves both hands."""

    at: float = 1_700_000_000.0
    ticks: float = 1000.0

    def wall(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.ticks

    def advance(self, seconds: float) -> None:
        self.at += seconds
        self.ticks += seconds


SYSTEM = Clock()


def iso(at: float) -> str:
    """`2026-11-22T14:03:05Z` for seconds since 1970."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def local_time(at: float) -> str:
    """`14:03:05` in the machine's own zone."""
    return time.strftime("%H:%M:%S", time.localtime(at))


def local_stamp(at: float) -> str:
    """`2026-11-22 14:03 CET` in the machine's own zone, with the zone named."""
    return time.strftime("%Y-%m-%d %H:%M %Z", time.localtime(at))


def local_hour(at: float) -> tuple[str, int]:
    """(`2026-11-22`, 14) in the machine's own zone. Of an hour that the clocks repeat, both are the same."""
    moment = time.localtime(at)
    return f"{moment.tm_year:04}-{moment.tm_mon:02}-{moment.tm_mday:02}", moment.tm_hour
