"""What the screens show of a moment in the past, from history alone."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.clock import local_stamp
from optischema_tui.core.errors import UsageError
from optischema_tui.core.family_names import FAMILIES
from optischema_tui.core.history.store import History
from optischema_tui.core.models import ActivitySample, Picture, Reading, StoredTick, TargetIdentity, WaitPoint
from optischema_tui.core.workload.past import past_picture
from optischema_tui.core.workload.waits import CPU

SERIES_SECONDS = 3600.0
"""Of the charts before the moment."""
SERIES_POINTS = 360
GAP_SECONDS = 60.0
"""The least time without the end of an interval that is worth a word."""
WAITS_TOLD = 4


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of a target's history."""

    at: float
    """End of the interval that the picture shows, seconds since 1970."""
    picture: Picture
    sample: ActivitySample | None
    waits: tuple[WaitPoint, ...]
    readings: dict[str, tuple[Reading, Reading | None]]
    note: str
    """How long before the moment asked for it ended, how coarse it is, what is not held of it; empty when all is."""


def look_back(history: History, target: TargetIdentity, at: float, show_hidden: frozenset[str] = frozenset()) -> Moment:
    """The finest stored interval that ends at `at` or last before it. Raises UsageError when there is none."""
    fingerprint = target.fingerprint
    tick = history.tick_at(fingerprint, at)
    if tick is None:
        span = history.span(fingerprint)
        known = f"It begins at {local_stamp(span[0])}" if span else "Nothing was stored yet"
        raise UsageError(f"History holds nothing of {local_stamp(at)}", known)
    since = tick.at - SERIES_SECONDS
    series = history.series(fingerprint, since, tick.at, SERIES_POINTS)
    sample = history.sample_at(fingerprint, tick.at)
    readings: dict[str, tuple[Reading, Reading | None]] = {}
    for name in FAMILIES:
        reading = history.reading_at(fingerprint, name, tick.at)
        if reading is not None:
            before = history.reading_before(fingerprint, name, reading.taken_at)
            comparable = before is not None and before.epoch == reading.epoch
            readings[name] = (reading, before if comparable else None)
    return Moment(
        at=tick.at,
        picture=past_picture(tick, target, series, show_hidden, activity=sample),
        sample=sample,
        waits=history.waits(fingerprint, since, tick.at, SERIES_POINTS),
        readings=readings,
        note="; ".join(
            part
            for part in (
                _gap(at - tick.at, tick.seconds),
                _coarse(tick),
                _sessions(history, fingerprint, tick) if sample is None else "",
            )
            if part
        ),
    )


def step(history: History, target: TargetIdentity, at: float | None, steps: int) -> float:
    """The end of the stored interval `steps` after `at` (before it when negative); `at` None is the present.

    Raises UsageError at either end of history.
    """
    fingerprint = target.fingerprint
    span = history.span(fingerprint)
    if span is None:
        raise UsageError("History holds nothing of this target yet", "The first interval is stored after two looks")
    if at is None:
        return span[1]
    found = history.neighbour(fingerprint, at, steps)
    if found is None:
        where, end = ("begins", span[0]) if steps < 0 else ("ends", span[1])
        raise UsageError(f"History {where} at {local_stamp(end)}", todo="End leads back to the present")
    return found


def _sessions(history: History, fingerprint: str, tick: StoredTick) -> str:
    """What is left of the sessions of an interval when the samples of each second are forgotten."""
    counts = history.session_counts(fingerprint, tick.at - max(tick.seconds, tick.tier_seconds), tick.at, 1)
    waits: dict[str, float] = {}
    for key, average in counts:
        if key.state == "active":
            name = f"{key.wait_type}:{key.wait_event}" if key.wait_event else key.wait_type or CPU
            waits[name] = waits.get(name, 0.0) + average
    if not waits:
        return "no sessions are stored of this moment"
    heaviest = sorted(waits.items(), key=lambda one: -one[1])[:WAITS_TOLD]
    told = ", ".join(f"{name} {average:.2g}" for name, average in heaviest)
    return f"sessions one by one are kept for two hours; active on average: {told}"


def _gap(before: float, seconds: float) -> str:
    """`before`: seconds from the end of the interval to the moment asked for."""
    if before <= max(GAP_SECONDS, 2 * seconds):
        return ""
    long = f"{before / 60:.0f} minutes" if before < 7200 else f"{before / 3600:.1f} hours"
    return f"no interval ended in the {long} before the moment asked for: this is the last one"


def _coarse(tick: StoredTick) -> str:
    if not tick.tier_seconds:
        return ""
    return f"each figure is of {tick.seconds / 60:.0f} minutes: finer ones are kept for a shorter time"
