"""One moment of the past opened: its statements beside what they usually are, its waits, who held up whom."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from optischema_tui.core.history.charts import find_tick
from optischema_tui.core.history.movers import observed_in
from optischema_tui.core.history.readings import read_at
from optischema_tui.core.history.sessions import CountKey, read_counts, read_samples
from optischema_tui.core.history.stored_ticks import read_tick
from optischema_tui.core.history.windows import read_window
from optischema_tui.core.models import ActivitySample, Session, StoredTick
from optischema_tui.core.models.analytics import BlockedLine, BlockingMoment, Spike, SpikeStatement, SpikeWait
from optischema_tui.core.workload.filter import MARKER
from optischema_tui.core.workload.waits import CPU, Blocked, blocking_tree, top_waits

HOUR = 3600.0
LEAST_SAMPLED = 60.0
"""Seconds whose samples of sessions are looked at, at least."""
LOCKS_REACH = 600.0
"""Seconds around the moment in which a reading of the locks still tells of it."""
Waits = Mapping[tuple[str, str], float]
"""(class, event) -> average active sessions."""


def read_spike(connection: sqlite3.Connection, fingerprint: str, at: float, most: int) -> Spike | None:
    """The finest interval around `at`, or the last one before it; None before the first one."""
    later = find_tick(connection, fingerprint, at, later=True)
    inside = later is not None and later[2].seconds is not None and later[2].begin <= at
    tick = read_tick(connection, fingerprint, later[2].at if later and inside else at)
    if tick is None:
        return None
    since = tick.at - tick.seconds
    before = max(HOUR, 6 * tick.seconds)
    statements, usual = _statements(connection, fingerprint, tick, before)
    sampled_since = min(since, tick.at - LEAST_SAMPLED)
    samples = read_samples(connection, fingerprint, sampled_since, tick.at)
    waits, notes = _waits(connection, fingerprint, samples, sampled_since, tick.at, before)
    blocking_at, lines, blocked, told = _blocking(connection, fingerprint, samples, since, tick.at)
    if tick.tier_seconds >= 600:
        notes.append(f"Each figure is of {tick.seconds / 60:.0f} minutes: finer ones are kept for a shorter time.")
    if usual is None:
        notes.append("Nothing is kept of the time before it: what is usual is not known.")
    load = tick.point.db_time if tick.point else None
    return Spike(
        since, tick.at, load, usual, statements[:most], waits[:most], lines, blocking_at, blocked, (*notes, *told)
    )


def _statements(
    connection: sqlite3.Connection, fingerprint: str, tick: StoredTick, before: float
) -> tuple[tuple[SpikeStatement, ...], float | None]:
    """Those of the interval, the largest rise first, and the usual load of all."""
    since = tick.at - tick.seconds
    observed = observed_in(connection, fingerprint, since - before, since)[0]
    usual: dict[int, float] = {}
    for stats in read_window(connection, fingerprint, since - before, since) if observed else ():
        if stats.key.toplevel and MARKER not in stats.text:
            usual[stats.key.queryid] = usual.get(stats.key.queryid, 0.0) + stats.exec_time / 1000 / observed
    found: dict[int, SpikeStatement] = {}
    for text, delta in sorted(tick.rows, key=lambda row: row[0].key):
        if not delta.key.toplevel or MARKER in text.text:
            continue
        other = found.get(delta.key.queryid)
        load = delta.exec_time / 1000 / delta.seconds if delta.seconds else 0.0
        found[delta.key.queryid] = SpikeStatement(
            other.key if other else delta.key,
            other.text if other and other.text else text.text,
            text.role if other is None or other.role == text.role else "several",
            text.database if other is None or other.database == text.database else "several",
            delta.calls + (other.calls if other else 0),
            delta.exec_time + (other.exec_time if other else 0.0),
            load + (other.load if other else 0.0),
            usual.get(delta.key.queryid, 0.0) if observed else None,
        )
    ordered = sorted(found.values(), key=lambda one: (-(one.load - (one.usual or 0.0)), one.key))
    return tuple(ordered), sum(usual.values()) if observed else None


def _waits(
    connection: sqlite3.Connection,
    fingerprint: str,
    samples: Sequence[ActivitySample],
    since: float,
    until: float,
    before: float,
) -> tuple[tuple[SpikeWait, ...], list[str]]:
    notes: list[str] = []
    now: Waits = {}
    if samples:
        now = {(one.wait_type, one.wait_event): one.average for one in top_waits(samples)}
    else:
        number, counts = read_counts(connection, fingerprint, since - LEAST_SAMPLED, until, 1)
        now = _averages(number, counts)
        notes.append(
            "Sessions one by one are kept for two hours; the waits are counts of the minutes around it."
            if number
            else "No sessions are stored of this moment."
        )
    number, counts = read_counts(connection, fingerprint, since - before, since, 6)
    usual = _averages(number, counts)
    found = [
        SpikeWait(*wait, average, usual.get(wait, 0.0) if number else None)
        for wait, average in sorted(now.items(), key=lambda one: (-one[1], one[0]))
    ]
    return tuple(found), notes


def _averages(samples: int, counts: Counter[CountKey]) -> Waits:
    """As `top_waits`, of what is counted by minute and longer."""
    found: dict[tuple[str, str], float] = {}
    for key, sessions in counts.items():
        if key.state == "active" and key.wait_type != "Activity":
            wait = (key.wait_type, key.wait_event) if key.wait_type else (CPU, CPU)
            found[wait] = found.get(wait, 0.0) + sessions / samples
    return found


def _blocking(
    connection: sqlite3.Connection, fingerprint: str, samples: Sequence[ActivitySample], since: float, until: float
) -> tuple[float | None, tuple[BlockedLine, ...], tuple[BlockingMoment, ...], tuple[str, ...]]:
    """(moment of the tree, its lines, every moment with a waiting session, what is to be said)."""
    moments: list[BlockingMoment] = []
    worst: tuple[int, ActivitySample, tuple[Blocked, ...]] | None = None
    for sample in samples:
        tree = blocking_tree(sample)
        if not tree:
            continue
        waiting = sum(1 for session in sample.sessions if session.blocked_by)
        moments.append(BlockingMoment(sample.taken_at, waiting, tuple(line.pid for line in tree if not line.depth)))
        if worst is None or waiting > worst[0]:
            worst = waiting, sample, tree
    if worst is not None:
        return worst[1].taken_at, _lines(worst[2], worst[1].sessions), tuple(moments), ()
    if samples:
        return None, (), (), ()
    reading = read_at(connection, fingerprint, "locks", until + LOCKS_REACH)
    if reading is None or reading.problem or reading.taken_at < since - LOCKS_REACH:
        return None, (), (), ()
    lines = _lines(blocking_tree(reading), ())
    told = ("The blocking tree is of the reading of the locks nearest to it.",) if lines else ()
    return reading.taken_at if lines else None, lines, (), told


def _lines(tree: Iterable[Blocked], sessions: Iterable[Session]) -> tuple[BlockedLine, ...]:
    known = {session.pid: session for session in sessions}
    return tuple(BlockedLine(line.pid, line.depth, line.blocked_by, line.behind, known.get(line.pid)) for line in tree)
