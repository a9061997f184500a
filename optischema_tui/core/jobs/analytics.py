"""Load over time, from history alone: no server is asked."""

from __future__ import annotations

import math
from contextlib import closing
from dataclasses import replace

from optischema_tui.core.clock import SYSTEM, Clock, local_hour, local_stamp
from optischema_tui.core.errors import UsageError
from optischema_tui.core.history.heatmap import midnight
from optischema_tui.core.history.store import History
from optischema_tui.core.models.analytics import Heatmap, Movers, Spike, Trend
from optischema_tui.core.moment import days_before
from optischema_tui.core.paths import Paths

DAY = 86_400.0
MOST_DAYS = 60
TREND_SECONDS = DAY
FEW_DAYS = 3.0
"""A longer window is compared with the same days of the week before it."""


def load_heatmap(
    paths: Paths,
    fingerprint: str,
    *,
    days: int = 14,
    since: float | None = None,
    until: float | None = None,
    queryid: int | None = None,
    measure: str = "time",
    clock: Clock = SYSTEM,
) -> Heatmap:
    """Of the last `days` days on the wall as far as history goes, the last one that of `until` (now by default), or
    from `since`.

    Raises UsageError when history has nothing of then, for an unknown statement, and for more than 60 days."""
    end = until if until is not None else clock.wall()
    begin = since if since is not None else midnight(end, days, local_hour)
    _order(begin, end)
    if end - begin > (MOST_DAYS + 1) * DAY:
        raise UsageError(
            f"A heatmap shows {MOST_DAYS} days at most", "Each day is a column of it", "Give a later --since"
        )
    with closing(History.open(paths.history_db, clock)) as history:
        _known(history, fingerprint, queryid)
        span = history.span(fingerprint)
        if since is None and span and begin < span[0] < end:
            begin = midnight(span[0], 1, local_hour)
        found = history.heatmap(fingerprint, begin, end, queryid, measure)
        if not any(cell.observed for cell in found.cells):
            raise _nothing(history, fingerprint, begin, end)
    return found


def load_trend(
    paths: Paths,
    fingerprint: str,
    *,
    since: float | None = None,
    until: float | None = None,
    queryid: int | None = None,
    points: int = 48,
    clock: Clock = SYSTEM,
) -> Trend:
    """The last day by default. Raises UsageError when history has nothing of then and for an unknown statement."""
    end = until if until is not None else clock.wall()
    begin = since if since is not None else end - TREND_SECONDS
    _order(begin, end)
    with closing(History.open(paths.history_db, clock)) as history:
        _known(history, fingerprint, queryid)
        found = history.trend(fingerprint, begin, end, queryid, points)
        if not any(point.observed for point in found.points):
            raise _nothing(history, fingerprint, begin, end)
    return found


def load_movers(
    paths: Paths,
    fingerprint: str,
    *,
    since: float,
    until: float | None = None,
    before: float | None = None,
    most: int = 40,
    clock: Clock = SYSTEM,
) -> Movers:
    """What changed from an earlier window to the one from `since` to `until` (now by default).

    The earlier one is as long and begins at `before`; without that it is the same hours of an earlier day, and where
    nothing was observed then, the time just before `since`. Raises UsageError when a side was not observed.
    """
    end = until if until is not None else clock.wall()
    _order(since, end)
    with closing(History.open(paths.history_db, clock)) as history:
        windows = [earlier_window(since, end)] if before is None else [(before, before + end - since)]
        if before is None:
            windows.append((2 * since - end, since))
        elif windows[0][1] > since:
            raise UsageError("The earlier window reaches into the later one", todo="Give an earlier --before")
        for window in windows:
            found = history.movers(fingerprint, window, (since, end), most)
            if found.before.observed > 0 and found.after.observed > 0:
                break
        for side in (found.after, found.before):
            if not side.observed:
                raise _nothing(history, fingerprint, side.since, side.until)
    if before is None and window != windows[0]:
        note = "Nothing was observed in the same hours of an earlier day: the earlier window is the time just before."
        found = replace(found, notes=(note, *found.notes))
    return found


def earlier_window(since: float, until: float) -> tuple[float, float]:
    """A window of the same hours on the wall: so many days earlier that the two do not overlap, whole weeks of one
    longer than three days."""
    days = max(1, math.ceil((until - since) / DAY - 1e-9))
    if until - since > FEW_DAYS * DAY:
        days = 7 * math.ceil(days / 7)
    return days_before(since, days), min(since, days_before(until, days))


def load_spike(paths: Paths, fingerprint: str, at: float, *, most: int = 20, clock: Clock = SYSTEM) -> Spike:
    """The moment `at` opened. Raises UsageError when history has nothing of it."""
    with closing(History.open(paths.history_db, clock)) as history:
        found = history.spike(fingerprint, at, most)
        if found is None:
            raise _nothing(history, fingerprint, at, at)
    gap = at - found.until
    if gap > max(60.0, 2 * (found.until - found.since)):
        told = f"Nothing was observed at the moment asked for: this is the last interval before it, {gap / 60:.0f}"
        found = replace(found, notes=(f"{told} minutes earlier.", *found.notes))
    return found


def _order(since: float, until: float) -> None:
    if since >= until:
        raise UsageError("The window ends before it begins", todo="Give a --since that is earlier than --until")


def _known(history: History, fingerprint: str, queryid: int | None) -> None:
    if queryid is not None and not history.knows(fingerprint, queryid):
        raise UsageError(
            f"History knows no statement with the queryid {queryid} on this target",
            todo="Run: optischema-tui top TARGET --json, which names the queryid of each",
        )


def _nothing(history: History, fingerprint: str, since: float, until: float) -> UsageError:
    span = history.span(fingerprint)
    known = f"It has {local_stamp(span[0])} to {local_stamp(span[1])}" if span else "Nothing was stored yet"
    asked = local_stamp(since) if since == until else f"{local_stamp(since)} to {local_stamp(until)}"
    return UsageError(
        f"History holds nothing of {asked}", known, "Choose a time in it, or keep optischema-tui collect running"
    )
