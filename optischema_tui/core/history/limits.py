"""How much history is kept."""

from __future__ import annotations

from dataclasses import dataclass

HOUR, DAY = 3600.0, 86400.0

TIERS = (0, 60, 600, 3600)
"""Seconds of a bucket of each tier; 0 is what was seen, as it was seen."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Kept at most. Each save does a small step towards these, so that none of them is slow.

    Measured with 1,000 statements called in every 30 s (benchmarks/history.py): 58 bytes a row; 7 MB an hour of raw
    ticks, 83 MB a day of minutes, 8.3 MB a day of ten minutes, 1.4 MB a day of hours; 0.36 GB after 30 days, 0.85 GB
    after 400.
    """

    ticks: tuple[float, ...] = (6 * HOUR, 36 * HOUR, 14 * DAY, 400 * DAY)
    """Seconds that each of TIERS is kept, of statements."""
    raw_ticks: int = 6000
    """Raw ticks of all targets together that are kept, for short intervals: then they are kept for less time."""
    statements_a_tick: int = 5000
    """Statements that a tick of ten minutes and more keeps, the heaviest."""
    activity: tuple[float, ...] = (2 * HOUR, 36 * HOUR, 14 * DAY, 400 * DAY)
    """The same of sessions."""
    activity_bytes: int = 64 << 20
    """Of raw samples of sessions."""
    readings: tuple[float, ...] = (1 * DAY, 30 * DAY, 400 * DAY)
    """Seconds that readings of the other families are kept: all of them, the last of an hour, the last of a day."""
    readings_share: float = 0.25
    """Of `bytes`, for readings."""
    statement_days: int = 402
    """Days after which a statement that nobody saw is forgotten: not before its last deltas are."""
    statements: int = 200_000
    bytes: int = 1 << 30
    """The file, without pages that are free."""
    rows_a_save: int = 6000
    """Rows that are summed up or forgotten in one save."""
    statements_a_save: int = 50
    pages_a_save: int = 256
    """Free pages that are given back to the file system in one save."""
    spare_pages: int = 1024
    """Free pages that stay in the file for what comes next."""
