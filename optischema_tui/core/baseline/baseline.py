"""Named baselines, and before/after of one change, out of the history."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from optischema_tui.core.baseline.compare import Compared, compare_statement, merge
from optischema_tui.core.clock import SYSTEM, Clock, local_stamp
from optischema_tui.core.errors import UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.models import Baseline, StatementKey, WindowStats
from optischema_tui.core.safe_text import one_line

NAME_LIMIT = 60
SPAN = 24 * 3600.0


def create(
    history: History,
    fingerprint: str,
    name: str,
    since: float,
    until: float,
    clock: Clock = SYSTEM,
    *,
    replace: bool = False,
) -> Baseline:
    """Store what history holds between `since` and `until` (seconds since 1970) under `name`.

    Raises UsageError for an empty or unfit name, a name in use unless `replace`, and a window without history.
    """
    name = name.strip()
    if not name or name != one_line(name, NAME_LIMIT):
        raise UsageError(
            "This is no name for a baseline", todo=f"Give 1 to {NAME_LIMIT} printable characters on one line"
        )
    if not replace and any(known.name == name for known in history.baselines(fingerprint)):
        raise UsageError(
            f"There is a baseline {name} of this target already", todo="Choose another name, or ask to replace it"
        )
    made = take(history, fingerprint, name, since, until, clock)
    history.save_baseline(made)
    return made


def take(history: History, fingerprint: str, name: str, since: float, until: float, clock: Clock = SYSTEM) -> Baseline:
    """The same without storing it: the present side of a comparison. Raises UsageError for an empty window."""
    statements = history.window(fingerprint, since, until)
    if not statements:
        raise UsageError(
            f"History holds no interval of this target between {local_stamp(since)} and {local_stamp(until)}",
            "A baseline is made of what was observed",
            "Observe the target first: open it, or run `optischema-tui collect TARGET`",
        )
    return Baseline(name, fingerprint, clock.wall(), since, until, statements)


def before_after(
    history: History,
    fingerprint: str,
    keys: Collection[StatementKey | int],
    split_from: float,
    split_to: float,
    *,
    span: float = SPAN,
    until: float | None = None,
) -> tuple[Compared, ...]:
    """Each statement of `keys` before and after a change, in that order; all users' calls of a queryid together.

    Before: intervals that ended by `split_from` (the change began) and are at most `span` seconds older. After:
    intervals that began at or after `split_to` (it was in place), up to `span` seconds later and not past
    `until`, when the change was undone. A statement seen on
    neither side is left out; one without calls after the change is `gone`: wait for the next interval.
    """
    olds = _by_queryid(history.window(fingerprint, split_from - span, split_from))
    news = _by_queryid(history.window(fingerprint, split_to, min(split_to + span, until or math.inf)))
    time_before, time_after = (
        sum(part.exec_time for parts in side.values() for part in parts) for side in (olds, news)
    )
    compared = []
    for queryid in dict.fromkeys(key if isinstance(key, int) else key.queryid for key in keys):
        before, after = merge(olds.get(queryid, ())), merge(news.get(queryid, ()))
        if before or after:
            compared.append(compare_statement(before, after, time_before, time_after))
    return tuple(compared)


def figures(row: Compared) -> dict[str, Any]:
    """A compared statement as JSON values, for a change's detail and the audit."""
    return {
        "queryid": row.key.queryid,
        "text": row.text,
        "calls_before": row.before.calls if row.before else 0,
        "calls_after": row.after.calls if row.after else 0,
        "mean_ms_before": row.before.mean_exec_time if row.before else None,
        "mean_ms_after": row.after.mean_exec_time if row.after else None,
        "ratio": row.ratio,
        "change": row.change,
        "noise": row.noise,
        "verdict": row.verdict.value,
    }


def _by_queryid(window: tuple[WindowStats, ...]) -> dict[int, list[WindowStats]]:
    grouped: dict[int, list[WindowStats]] = {}
    for stats in window:
        grouped.setdefault(stats.key.queryid, []).append(stats)
    return grouped
