"""`trends`: load and latency with percent bands, and waits, from history."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from optischema_tui.core.clock import local_hour, local_stamp, local_time
from optischema_tui.core.jobs.analytics import load_trend
from optischema_tui.core.models import TargetIdentity, WaitPoint
from optischema_tui.core.models.analytics import Trend, TrendPoint
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.twins.context import Context
from optischema_tui.twins.table import table
from optischema_tui.twins.window import WIDTH, bars, identity_of, moment, printed, queryid_of, short, told

BAR = 8
"""Columns of the bar of a stretch's mean."""
WAITS = 1
"""Wait classes named beside a stretch."""


def run(context: Context, arguments: Namespace) -> int:
    identity = identity_of(context, arguments.target)
    found = load_trend(
        context.paths, identity.fingerprint, since=moment(context, arguments, "since"),
        until=moment(context, arguments, "until"), queryid=queryid_of(arguments), points=arguments.points,
        clock=context.clock,
    )  # fmt: skip
    value = trend_json(identity, found)
    title = f"{value['target']}: load and latency over time"
    return printed(context, arguments, title, value, value["points"], lambda: trend_text(identity, found, bars()[-1]))


def trend_json(identity: TargetIdentity, found: Trend) -> dict[str, Any]:
    return {
        "target": clean(identity.label or identity.database),
        "fingerprint": identity.fingerprint,
        "queryid": None if found.queryid is None else str(found.queryid),
        "query": clean(found.text) or None,
        "since": found.since,
        "until": found.until,
        "bands": found.bands,
        "points": [
            {
                "at": point.at, "seconds": point.seconds, "observed": point.observed, "calls": point.calls,
                "exec_time_ms": point.exec_time, "load": point.load, "calls_per_second": point.calls_per_second,
                "mean_ms": point.mean, "p50_ms": point.p50, "p95_ms": point.p95, "deviation_ms": point.deviation,
                "intervals": point.intervals, "breaks": point.breaks,
            }
            for point in found.points
        ],
        "waits": [
            {
                "at": point.at, "seconds": point.seconds, "samples": point.samples, "breaks": point.breaks,
                "by_class": [{"class": clean(name), "average": average} for name, average in point.by_class],
            }
            for point in found.waits
        ],
        "notes": list(found.notes),
    }  # fmt: skip


def trend_text(identity: TargetIdentity, found: Trend, mark: str) -> str:
    what = f"statement {found.queryid}" if found.queryid is not None else "all statements"
    lines = [
        f"{one_line(identity.label or identity.database, 40)}, {what}",
        f"{local_stamp(found.since)} to {local_stamp(found.until)}, a line for each {_length(found.points[0].seconds)}",
    ]
    if found.text:
        lines.append(one_line(found.text, WIDTH))
    highest = max((point.mean or 0.0 for point in found.points), default=0.0) or 1.0
    by_hand = found.points[-1].at - found.points[0].at > 86_400
    lines += ["", table(
        ("until", "load", "calls/s", "mean", "p50", "p95", "dev", "mean ms", "waits"),
        [_row(point, highest, mark, _waits_of(point, found.waits), by_hand) for point in found.points],
        right=(1, 2, 3, 4, 5, 6),
    )]  # fmt: skip
    bands = f"{found.bands[:1].upper()}{found.bands[1:]}."
    return "\n".join([*lines, "", *told(("Load: ms of execution per second; times in ms.", bands, *found.notes))])


def _row(point: TrendPoint, highest: float, mark: str, waits: str, with_day: bool) -> tuple[str, ...]:
    until = f"{local_hour(point.at)[0][5:]} {local_time(point.at)[:5]}" if with_day else local_time(point.at)[:5]
    if not point.observed:
        return (until, "", "", "", "", "", "", "not observed", "")
    load = None if point.load is None else 1000 * point.load
    bar = mark * max(1, round(BAR * point.mean / highest)) if point.mean else ""
    return (
        until, short(load), short(point.calls_per_second), short(point.mean), short(point.p50),
        short(point.p95), short(point.deviation), bar + (" reset" if point.breaks else ""), waits,
    )  # fmt: skip


def _waits_of(point: TrendPoint, waits: tuple[WaitPoint, ...]) -> str:
    """The heaviest wait classes of the stretch, with their average active sessions."""
    sums: dict[str, float] = {}
    samples = 0
    for one in waits:
        if point.at - point.seconds < one.at - one.seconds / 2 <= point.at:
            samples += one.samples
            for name, average in one.by_class:
                sums[name] = sums.get(name, 0.0) + average * one.samples
    heaviest = sorted(sums.items(), key=lambda one: (-one[1], one[0]))[:WAITS]
    return " ".join(f"{name[:6]} {short(total / samples)}" for name, total in heaviest if samples)


def _length(seconds: float) -> str:
    if seconds >= 86_400:
        return f"{seconds / 86_400:g} days" if seconds > 86_400 else "day"
    if seconds >= 3600:
        return f"{seconds / 3600:g} hours" if seconds > 3600 else "hour"
    return f"{seconds / 60:g} minutes" if seconds > 60 else "minute"
