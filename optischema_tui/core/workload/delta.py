"""What statements did between two snapshots: never across an epoch, never more than the truth."""

from __future__ import annotations

from dataclasses import dataclass, field
from operator import attrgetter

from optischema_tui.core.models import (
    DatabaseCounters,
    Epoch,
    LoadPoint,
    Snapshot,
    StatementDelta,
    StatementKey,
    StatementSample,
    changed_samples,
)

_COUNTERS = attrgetter(
    "calls", "total_exec_time", "rows", "plans", "total_plan_time",
    "shared_blks_hit", "shared_blks_read", "shared_blks_dirtied", "shared_blks_written",
    "local_blks_hit", "local_blks_read", "local_blks_dirtied", "local_blks_written",
    "temp_blks_read", "temp_blks_written", "blk_read_time", "blk_write_time", "wal_records", "wal_fpi", "wal_bytes",
)  # fmt: skip
"""The cumulative ones. Mean, minimum, maximum and deviation are not counters: they have no delta."""

_DATABASE = attrgetter("xact_commit", "xact_rollback", "blks_read", "blks_hit", "temp_files", "temp_bytes", "deadlocks")


CLOCK_SLACK_SECONDS, CLOCK_SLACK_SHARE = 2.0, 0.05
"""How far two clocks may be apart over one interval."""


@dataclass(frozen=True, slots=True)
class Deltas:
    """One interval. When `broken` is set there is no interval: `seconds` is 0 and the rest empty."""

    seconds: float
    statements: dict[StatementKey, StatementDelta] = field(default_factory=dict)
    """Only statements that were called or planned; one that is absent did nothing."""
    broken: str = ""
    """Why the two snapshots cannot be compared, a clause fit to follow a colon; empty when they can."""
    lower_bound: bool = False
    """True when rows were evicted in between: the truth may be more."""
    database: DatabaseCounters = field(default_factory=DatabaseCounters)


def deltas(previous: Snapshot, current: Snapshot) -> Deltas:
    """What happened between two snapshots of one target.

    A statement that is new counts from 0. An eviction in between (dealloc grew, or on version 13, which does not tell,
    rows vanished) makes everything a lower bound; only then may a statement come back with smaller counters, and
    what it has now is all its own. Any other decreasing counter breaks the interval.
    """
    broken = _break(previous, current)
    seconds = interval_seconds(previous, current)
    if not broken and seconds <= 0:
        broken = "the clock did not move forward"
    gone, fresh = changed_samples(previous.statements, current.statements)
    before = {sample.key: sample for sample in gone}
    evicted = _evicted(previous, current, before.keys() <= {sample.key for sample in fresh})
    moved: dict[StatementKey, StatementDelta] = {}
    for sample in () if broken else fresh:
        old = before.get(sample.key)
        if old is not None and old.calls == sample.calls and old.total_exec_time == sample.total_exec_time:
            if old.plans == sample.plans:
                continue
        elif old is None and sample.calls == 0 and sample.plans == 0:
            continue
        if old is not None and _decreased(_COUNTERS(old), _COUNTERS(sample)):
            if not evicted:
                broken = "the counters of a statement were reset"
                break
            old = None
        moved[sample.key] = _delta(old, sample, seconds, evicted)
    if broken:
        return Deltas(0.0, broken=broken)
    return Deltas(seconds, moved, lower_bound=evicted, database=_database_delta(previous.database, current.database))


def interval_seconds(previous: Snapshot, current: Snapshot) -> float:
    """Seconds between two snapshots: by our monotonic clock, or by the server's where that one cannot be right.

    A snapshot from history may be of another run of the program, or of another boot: then the monotonic difference
    agrees neither with the local wall clock nor with the server's. One of these two stepping is no reason for doubt.
    """
    ticks = current.monotonic - previous.monotonic
    server = current.server_clock - previous.server_clock
    wall = current.taken_at - previous.taken_at
    slack = max(CLOCK_SLACK_SECONDS, CLOCK_SLACK_SHARE * ticks)
    if previous.monotonic > 0 and ticks > 0 and min(abs(ticks - server), abs(ticks - wall)) <= slack:
        return ticks
    return server


def point_of(current: Snapshot, interval: Deltas, *, breaks: bool = False) -> LoadPoint | None:
    """The point of the charts for one interval; None when the interval is broken.

    It counts every statement of the connected database, hidden ones too, and nothing of other databases.
    Pass `breaks` when an epoch ended since the point before.
    """
    if interval.broken:
        return None
    here = [delta for delta in interval.statements.values() if delta.key.dbid == current.target.database_oid]
    time = sum(delta.exec_time for delta in here if delta.key.toplevel)
    calls = sum(delta.calls for delta in here if delta.key.toplevel)
    transactions = interval.database.xact_commit + interval.database.xact_rollback
    return LoadPoint(
        at=current.taken_at,
        db_time=time / 1000.0 / interval.seconds,
        mean_latency=time / calls if calls else 0.0,
        tps=transactions / interval.seconds,
        calls=calls,
        breaks=breaks,
    )


def _break(previous: Snapshot, current: Snapshot) -> str:
    if previous.target.fingerprint != current.target.fingerprint:
        return "another database answered"
    if previous.epoch != current.epoch:
        return _epoch_change(previous.epoch, current.epoch)
    if current.unreadable < previous.unreadable:
        return "statements became readable that were not before"
    if _decreased(_DATABASE(previous.database), _DATABASE(current.database)):
        return "the statistics of the database were reset"
    return ""


def _epoch_change(old: Epoch, new: Epoch) -> str:
    if old.system_identifier != new.system_identifier:
        return "another server answered"
    if old.server_version_num != new.server_version_num or old.extension_version != new.extension_version:
        return "the server or pg_stat_statements was upgraded"
    if old.postmaster_start != new.postmaster_start:
        return "the server was restarted"
    return "pg_stat_statements was reset"


def _evicted(previous: Snapshot, current: Snapshot, all_still_there: bool) -> bool:
    if current.dealloc != previous.dealloc:
        return True
    if current.epoch.stats_reset is not None:
        return False
    return not all_still_there


def _decreased(before: tuple[float, ...], after: tuple[float, ...]) -> bool:
    return any(new < old for old, new in zip(before, after, strict=True))


_ZERO = StatementSample(StatementKey(0, 0, 0))


def _delta(old: StatementSample | None, new: StatementSample, seconds: float, lower_bound: bool) -> StatementDelta:
    was = old or _ZERO
    return StatementDelta(
        key=new.key,
        seconds=seconds,
        calls=new.calls - was.calls,
        rows=new.rows - was.rows,
        exec_time=new.total_exec_time - was.total_exec_time,
        plan_time=new.total_plan_time - was.total_plan_time,
        shared_blks_hit=new.shared_blks_hit - was.shared_blks_hit,
        shared_blks_read=new.shared_blks_read - was.shared_blks_read,
        temp_blks=new.temp_blks_read + new.temp_blks_written - was.temp_blks_read - was.temp_blks_written,
        blk_io_time=new.blk_read_time + new.blk_write_time - was.blk_read_time - was.blk_write_time,
        wal_bytes=new.wal_bytes - was.wal_bytes,
        lower_bound=lower_bound,
    )


def _database_delta(old: DatabaseCounters, new: DatabaseCounters) -> DatabaseCounters:
    return DatabaseCounters(*(now - then for then, now in zip(_DATABASE(old), _DATABASE(new), strict=True)))
