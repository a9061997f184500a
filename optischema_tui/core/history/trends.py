"""Latency and load as lines with bands, and what sessions waited for beside them."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence

from optischema_tui.core.history.sessions import read_waits
from optischema_tui.core.history.stretches import (
    Part,
    coverage_notes,
    known_by,
    laid_out,
    observed_parts,
    statement_parts,
    target_parts,
    text_of,
)
from optischema_tui.core.history.tiers import CHARTED, chart_tier, listed
from optischema_tui.core.models import WaitPoint
from optischema_tui.core.models.analytics import Trend, TrendPoint
from optischema_tui.core.workload.waits import CPU

HOUR, DAY = 3600.0, 86400.0
STEPS = (60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 6 * HOUR, 12 * HOUR,
         DAY, 2 * DAY, 3 * DAY, 7 * DAY)  # fmt: skip
"""Lengths of a stretch, seconds."""
A_STRETCH = 12
"""Stored intervals that a stretch is to have, so that percentiles of them say something."""
KINDS_OF_WAIT = 40
"""Combinations of state, wait, role and database of one statement that are followed, the latest seen."""
BANDS_OF_MEANS = (
    "p50 and p95 are of the means of stored intervals, weighted by calls, since the server keeps no percentile of calls"
)
WITH_DEVIATION = f"{BANDS_OF_MEANS}; the deviation is of single calls, by its own sums of squares"


def read_trend(
    connection: sqlite3.Connection, fingerprint: str, since: float, until: float, queryid: int | None, points: int
) -> Trend:
    """Of one statement (all its users together) or of the whole target, in at most `points` stretches."""
    tier = chart_tier(until - since, points * A_STRETCH)
    text = ""
    if queryid is None:
        ticks = counted = target_parts(connection, fingerprint, since, until, tier)
    else:
        known = known_by(connection, fingerprint, queryid)
        ticks = observed_parts(connection, fingerprint, known, since, until, tier)
        counted, text = statement_parts(connection, known, since, until, tier), text_of(connection, known)
    step = step_of(until - since, points, ticks)
    line = stretches(since, until, step, ticks, counted)
    if queryid is None:
        waits = read_waits(connection, fingerprint, since, until, points)
    else:
        waits = statement_waits(connection, fingerprint, queryid, since, until, step)
    length = until - max(since, min((part.at - part.seconds for part in ticks), default=until))
    return Trend(
        since,
        until,
        line,
        tuple(waits),
        queryid,
        text,
        WITH_DEVIATION if any(point.deviation is not None for point in line) else BANDS_OF_MEANS,
        coverage_notes(ticks, length, queryid is not None),
    )


def step_of(length: float, points: int, ticks: Sequence[Part]) -> float:
    """Seconds of a stretch: so many that there are at most `points`, and that the coarsest intervals fit."""
    widths = sorted(part.seconds for part in ticks)
    usual = widths[int(0.9 * (len(widths) - 1))] if widths else 0.0
    least = max(length / points, 0.8 * usual)
    return next((step for step in STEPS if step >= least), STEPS[-1] * math.ceil(least / STEPS[-1]))


def stretches(
    since: float, until: float, step: float, ticks: Iterable[Part], counted: Iterable[Part]
) -> tuple[TrendPoint, ...]:
    """`ticks` say what was observed, `counted` what ran; they may be the same. Counted back from `until`."""
    number = max(1, math.ceil((until - since) / step - 1e-9))
    seen: list[list[Part]] = [[] for _ in range(number)]
    ran: list[list[Part]] = [[] for _ in range(number)]
    for intervals, places in ((ticks, seen), (counted, ran)):
        for interval in intervals:
            for moment, part in laid_out(interval, step):
                place = number - 1 - int((until - moment) // step)
                if 0 <= place < number and moment < until:
                    places[place].append(part)
    return tuple(_point(until - (number - 1 - place) * step, step, seen[place], ran[place]) for place in range(number))


def _point(at: float, seconds: float, seen: Sequence[Part], ran: Sequence[Part]) -> TrendPoint:
    called = [part for part in ran if part.calls > 0]
    calls, time = sum(part.calls for part in called), sum(part.exec_time for part in called)
    return TrendPoint(
        at,
        seconds,
        sum(part.observed for part in seen),
        calls,
        time,
        len(called),
        weighted_percentile(called, 0.5),
        weighted_percentile(called, 0.95),
        deviation_of(called),
        any(part.breaks for part in seen),
    )


def weighted_percentile(parts: Sequence[Part], share: float) -> float | None:
    """The least mean (ms) such that `share` of the calls were in intervals with at most this mean; None without one."""
    ordered = sorted((part.exec_time / part.calls, part.calls) for part in parts)
    wanted, passed = share * sum(calls for _, calls in ordered), 0.0
    for mean, calls in ordered:
        passed += calls
        if passed >= wanted * (1 - 1e-12):
            return mean
    return None


def deviation_of(parts: Sequence[Part]) -> float | None:
    """Standard deviation (ms) of all calls from their common mean: that inside each interval and that between the
    intervals' means. None where one interval's own is not known."""
    calls, time = sum(part.calls for part in parts), sum(part.exec_time for part in parts)
    if calls < 2 or any(part.squares is None for part in parts):
        return None
    inside = sum(part.squares or 0.0 for part in parts)
    between = sum(part.exec_time**2 / part.calls for part in parts) - time**2 / calls
    return math.sqrt(max(0.0, inside + between) / calls)


def statement_waits(
    connection: sqlite3.Connection, fingerprint: str, queryid: int, since: float, until: float, step: float
) -> list[WaitPoint]:
    """What active sessions in one statement waited for, by class, in stretches of `step`; those without a sample are
    left out. Samples not yet summed up by minute (the last one or two) are not in it."""
    keys = dict(
        connection.execute(
            "SELECT id, wait_type FROM activity_key WHERE queryid = ? AND state = 'active' AND wait_type <> 'Activity'"
            " ORDER BY seen_day DESC, id DESC LIMIT ?",
            (queryid, KINDS_OF_WAIT),
        ).fetchall()
    )
    summed = f"t.fingerprint = :fingerprint AND t.at > :since AND t.at <= :until AND {CHARTED} AND t.tier > 0"
    tier = max(60, chart_tier(step, 1))
    values = {"fingerprint": fingerprint, "since": since, "until": until, "tier": tier}
    number = max(1, math.ceil((until - since) / step - 1e-9))
    samples, broken, places = [0] * number, [False] * number, {}
    for row, at, seconds, count, breaks in connection.execute(
        f"SELECT t.id, t.at, t.seconds, t.samples, t.breaks FROM activity t WHERE {summed}", values
    ):
        place = min(number - 1, max(0, number - 1 - int((until - at + min(seconds, step) / 2) // step)))
        places[row] = place
        samples[place] += count
        broken[place] |= bool(breaks)
    classes: list[Counter[str]] = [Counter() for _ in range(number)]
    for row, key, sessions in connection.execute(
        "SELECT c.activity_id, c.key_id, c.sessions FROM activity t CROSS JOIN activity_count c"
        f" ON c.activity_id = t.id AND c.key_id IN ({listed(sorted(keys))}) WHERE {summed}",
        values,
    ):
        classes[places[row]][keys[key] or CPU] += sessions
    return [
        WaitPoint(until - (number - 1 - place) * step, step, count, _averages(classes[place], count), broken[place])
        for place, count in enumerate(samples)
        if count
    ]


def _averages(counted: Counter[str], samples: int) -> tuple[tuple[str, float], ...]:
    return tuple(
        (name, sessions / samples) for name, sessions in sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    )
