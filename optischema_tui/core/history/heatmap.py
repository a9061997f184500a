"""Load by hour of the day and day, as the clocks on the wall show them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

from optischema_tui.core.history.stretches import (
    QUARTER,
    Part,
    coverage_notes,
    known_by,
    laid_out,
    observed_parts,
    statement_parts,
    target_parts,
    text_of,
)
from optischema_tui.core.models.analytics import MEASURES, HeatCell, Heatmap

HOUR = 3600
TEN_MINUTES = 600
HourOf = Callable[[float], tuple[str, int]]
"""Seconds since 1970 -> (day as 2026-11-20, hour 0-23) on the wall."""


def read_heatmap(
    connection: sqlite3.Connection,
    fingerprint: str,
    since: float,
    until: float,
    queryid: int | None,
    measure: str,
    hour_of: HourOf,
) -> Heatmap:
    """Of one statement (all its users together) or of the whole target. Raises ValueError for an unknown measure."""
    if measure not in MEASURES:
        raise ValueError(f"no measure {measure}: {', '.join(MEASURES)}")
    tier = HOUR if _whole_hours(since, hour_of) and _whole_hours(until, hour_of) else TEN_MINUTES
    text = ""
    if queryid is None:
        ticks = target_parts(connection, fingerprint, since, until, tier, blocks=measure == "blocks")
        counted: Iterable[Part] = ticks
    else:
        known = known_by(connection, fingerprint, queryid)
        ticks = observed_parts(connection, fingerprint, known, since, until, tier)
        counted, text = statement_parts(connection, known, since, until, tier), text_of(connection, known)
    cells = lay_over_hours(hours_between(since, until, hour_of), ticks, counted, hour_of)
    length = until - max(since, min((part.at - part.seconds for part in ticks), default=until))
    notes = coverage_notes(ticks, length, queryid is not None)
    if tier < HOUR and any(part.seconds > HOUR / 2 for part in ticks):
        notes += (
            "Hours here begin at other minutes than those of UTC, which is what is kept of older days: each stands in"
            " the hour that its middle is in.",
        )
    return Heatmap(measure, since, until, cells, queryid, text, notes)


def _whole_hours(at: float, hour_of: HourOf) -> bool:
    """Whether hours begin there when they do in UTC, which is what the hours that are kept are cut by."""
    whole = at // HOUR * HOUR
    return hour_of(whole) != hour_of(whole - 1)


def whole_hours(since: float, until: float, now: float, hour_of: HourOf) -> tuple[float, float]:
    """The window widened to whole hours on the wall, never past `now`."""
    begin = since // QUARTER * QUARTER
    while hour_of(begin - 1) == hour_of(since):
        begin -= QUARTER
    end = -(-until // QUARTER) * QUARTER
    while hour_of(end) == hour_of(until - 1):
        end += QUARTER
    return begin, max(begin, min(end, now))


def midnight(now: float, days: int, hour_of: HourOf) -> float:
    """When the day on the wall began that is `days` - 1 before that of `now`: a window of so many days, today's too."""
    at = now
    for _ in range(days):
        at = _begin_of_day(at - 1, hour_of)
    return at


def _begin_of_day(at: float, hour_of: HourOf) -> float:
    day, begin = hour_of(at)[0], at // QUARTER * QUARTER
    while hour_of(begin - 1)[0] == day:
        begin -= QUARTER
    return begin


def hours_between(since: float, until: float, hour_of: HourOf) -> dict[tuple[str, int], float]:
    """Every hour on the wall from `since` to `until`, in order, with its seconds inside. One that the clocks skip is
    not among them; one that they repeat is there once, with the seconds of both."""
    hours: dict[tuple[str, int], float] = {}
    at = since
    while at < until:
        end = min((at // QUARTER + 1) * QUARTER, until)
        hour = hour_of(at)
        hours[hour] = hours.get(hour, 0.0) + end - at
        at = end
    return hours


def lay_over_hours(
    hours: dict[tuple[str, int], float], ticks: Iterable[Part], counted: Iterable[Part], hour_of: HourOf
) -> tuple[HeatCell, ...]:
    """`ticks` say what was observed, `counted` what ran; they may be the same intervals."""
    sums = {hour: [0.0, 0.0, 0.0, 0.0] for hour in hours}
    for tick in ticks:
        for moment, part in laid_out(tick, HOUR):
            if (cell := sums.get(hour_of(moment))) is not None:
                cell[0] += part.observed
    for one in counted:
        for moment, part in laid_out(one, HOUR):
            if (cell := sums.get(hour_of(moment))) is not None:
                cell[1] += part.calls
                cell[2] += part.exec_time
                cell[3] += part.blocks
    return tuple(HeatCell(*hour, length, *sums[hour]) for hour, length in hours.items())
