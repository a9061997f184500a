"""What a report of a span is made of, from history and the journal alone: no server is asked."""

from __future__ import annotations

from contextlib import closing

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.export.sections import Pair, SpanFacts
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.analytics import DAY, MOST_DAYS, load_trend
from optischema_tui.core.models import Change, Reading, TargetIdentity
from optischema_tui.core.paths import Paths

POINTS = 150
"""Of each line."""
RELATION_FAMILIES = ("tables", "indexes", "sizes")
FIRST_SEARCH = 3600.0
"""Seconds in which the first reading of an epoch is looked for; then four times as many, and so on."""


def gather_report(
    paths: Paths,
    target: TargetIdentity,
    *,
    since: float,
    until: float | None = None,
    limit: int = 20,
    made_with: str = "",
    clock: Clock = SYSTEM,
) -> SpanFacts:
    """Everything held of the span from `since` to `until` (now by default).

    Raises UsageError when history has nothing of it, StorageError when it cannot be read.
    """
    now = clock.wall()
    end = now if until is None else until
    fingerprint = target.fingerprint
    trend = load_trend(paths, fingerprint, since=since, until=end, points=POINTS, clock=clock)
    with closing(History.open(paths.history_db, clock)) as history:
        statements = history.window(fingerprint, since, end)
        breaks = history.breaks(fingerprint, since, end)
        heatmap = None
        if DAY < end - since <= MOST_DAYS * DAY:
            heatmap = history.heatmap(fingerprint, since, end, None, "time")
        readings = {}
        for family in RELATION_FAMILIES:
            pair = _pair(history, fingerprint, family, (since, end), breaks)
            if pair is not None:
                readings[family] = pair
        texts = history.texts(fingerprint, [one.key for one in statements[: 4 * limit]])
    changes = _changes(paths, fingerprint, since, end)
    return SpanFacts(
        target, since, end, now, made_with, trend, statements, texts, breaks, heatmap, changes, readings, limit
    )


def _pair(
    history: History, fingerprint: str, family: str, span: tuple[float, float], breaks: tuple[float, ...]
) -> Pair | None:
    """The last reading of the span and the first of its epoch; None without one in the span."""
    since, until = span
    last = history.reading_at(fingerprint, family, until)
    if last is None or last.taken_at < since:
        return None
    begin, step = max((since, *breaks)) - 1.0, FIRST_SEARCH
    while begin < last.taken_at:
        found = history.readings(fingerprint, family, begin, min(begin + step, last.taken_at))
        first = next((one for one in found if _comparable(one, last)), None)
        if first is not None:
            return last, first
        begin, step = begin + step, 4 * step
    return last, None


def _comparable(first: Reading, last: Reading) -> bool:
    return first.epoch == last.epoch and not first.problem and first.server_clock < last.server_clock


def _changes(paths: Paths, fingerprint: str, since: float, until: float) -> tuple[Change, ...]:
    """Those of which something happened in the span, the earliest first."""
    if not paths.audit_db.exists():
        return ()
    with closing(Journal.of(paths)) as journal:
        found = [one for one in journal.changes(fingerprint=fingerprint) if _within(one, since, until)]
    return tuple(sorted(found, key=lambda one: (one.approved_at or one.updated_at, one.id)))


def _within(change: Change, since: float, until: float) -> bool:
    moments = (change.approved_at, change.updated_at, change.detail.get("intent_at"), change.detail.get("applied_at"))
    return any(isinstance(at, int | float) and since <= at <= until for at in moments)
