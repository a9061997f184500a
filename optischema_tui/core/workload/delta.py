"""What statements did between two snapshots: never across an epoch, never more than the truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter

from optischema_tui.core.models import (
    DatabaseCounters,
    LoadPoint,
    Snapshot,
    StatementDelta,
    StatementKey,
    StatementSample,
    changed_samples,
)
from optischema_tui.core.workload.epoch import end_of_epoch, interval_seconds, start_of_epoch

_COUNTERS = attrgetter(
    "calls", "total_exec_time", "rows", "plans", "total_plan_time",
    "shared_blks_hit", "shared_blks_read", "shared_blks_dirtied", "shared_blks_written",
    "local_blks_hit", "local_blks_read", "local_blks_dirtied", "local_blks_written",
    "temp_blks_read", "temp_blks_written", "blk_read_time", "blk_write_time", "wal_records", "wal_fpi", "wal_bytes",
    "local_blk_io_time", "temp_blk_io_time", "wal_buffers_full", "jit_functions", "jit_time",
    "parallel_workers_to_launch", "parallel_workers_launched",
)  # fmt: skip
"""The cumulative ones. Mean, minimum, maximum and deviation are not counters: they have no delta."""

_DATABASE = attrgetter("xact_commit", "xact_rollback", "blks_read", "blks_hit", "temp_files", "temp_bytes", "deadlocks")


@dataclass(frozen=True, slots=True)
class Deltas:
    """One interval. When `broken` is set there is no interval: `seconds` is 0 and the rest empty."""

    seconds: float
    statements: dict[StatementKey, StatementDelta] = field(default_factory=dict)
    """Only statements that were called or planned; one that is absent did nothing, or was not read."""
    broken: str = ""
    """Why the two snapshots cannot be compared, a clause fit to follow a colon; empty when they can."""
    lower_bound: bool = False
    """True when rows were evicted in between: the truth may be more."""
    database: DatabaseCounters = field(default_factory=DatabaseCounters)
    total_time: float = 0.0
    """ms of all top-level statements of the server."""
    here_time: float = 0.0
    """ms of those of the connected database."""
    here_calls: int = 0


def deltas(previous: Snapshot, current: Snapshot) -> Deltas:
    """What happened between two snapshots of one target.

    A statement that is new counts from 0. Where rows are read less often than each tick (`Snapshot.read_before`) the
    delta of a row goes from its last reading to this one, and its `seconds` say how long that was; a row that was not
    read has none. So over many ticks nothing is lost and nothing counted twice, provided that the first snapshot of an
    epoch has read every row.

    Evictions. From version 17 on each row tells when it began to count (`stats_since`): another time means that it was
    evicted, or reset alone, and came back, and what it has now is all its own; a row with the same time is exact.
    Before, an eviction (dealloc grew, or on version 13, which does not tell, rows vanished) makes everything a lower
    bound, and a statement that came back with a smaller counter is taken as its own. One that came back with every
    counter larger cannot be told from one that stayed: its delta is too small by what it had before, and that this is
    so is known from dealloc only, on 13 not at all. In no case is a delta more than what was really done.
    Any other decreasing counter breaks the interval.
    """
    broken = end_of_epoch(previous, current)
    seconds = interval_seconds(previous, current)
    if not broken and _decreased(_DATABASE(previous.database), _DATABASE(current.database)):
        broken = "the statistics of the database were reset"
    if not broken and seconds <= 0:
        broken = "the clock did not move forward"
    if broken:
        return Deltas(0.0, broken=broken)
    gone, fresh = changed_samples(previous.statements, current.statements)
    before = {sample.key: sample for sample in gone}
    evicted = _evicted(previous, current, before.keys() <= {sample.key for sample in fresh})
    rows = _Rows(previous, current, seconds, evicted)
    for sample in fresh:
        broken = rows.add(before.get(sample.key), sample)
        if broken:
            return Deltas(0.0, broken=broken)
    total, here_time, here_calls = _sums(previous, current, rows)
    return Deltas(
        seconds,
        rows.moved,
        lower_bound=evicted,
        database=_database_delta(previous.database, current.database),
        total_time=total,
        here_time=here_time,
        here_calls=here_calls,
    )


def point_of(current: Snapshot, interval: Deltas, *, breaks: bool = False) -> LoadPoint | None:
    """The point of the charts for one interval; None when the interval is broken.

    It counts every statement of the connected database, hidden ones too, and nothing of other databases.
    Pass `breaks` when an epoch ended since the point before. The first interval of a new epoch is the caller's to leave
    out.
    """
    if interval.broken:
        return None
    transactions = interval.database.xact_commit + interval.database.xact_rollback
    return LoadPoint(
        at=current.taken_at,
        db_time=interval.here_time / 1000.0 / interval.seconds,
        mean_latency=interval.here_time / interval.here_calls if interval.here_calls else 0.0,
        tps=transactions / interval.seconds,
        calls=interval.here_calls,
        breaks=breaks,
    )


class _Rows:
    """The deltas of single rows, one after the other."""

    def __init__(self, previous: Snapshot, current: Snapshot, seconds: float, evicted: bool) -> None:
        self._previous = previous
        self._current = current
        self.seconds = seconds
        self._evicted = evicted
        self._sampled = _partial(previous) or _partial(current)
        self._epoch_start = start_of_epoch(current.epoch)
        self._ever_evicted = current.dealloc > 0 or current.epoch.stats_reset is None
        self.moved: dict[StatementKey, StatementDelta] = {}
        self.in_this: list[StatementDelta] = []
        """Those of them that are surely of this interval alone."""
        self.reset_alone = False
        """A row began anew by itself: differences of sums over all rows are not to be trusted."""

    def add(self, old: StatementSample | None, new: StatementSample) -> str:
        """Why the interval is broken; empty when it is not."""
        if old is None:
            if new.calls == 0 and new.plans == 0:
                return ""
        elif (
            old.calls == new.calls
            and old.total_exec_time == new.total_exec_time
            and old.plans == new.plans
            and old.stats_since == new.stats_since
        ):
            return ""
        began_anew = old is not None and old.stats_since > 0 and 0 < new.stats_since != old.stats_since
        if began_anew:
            self.reset_alone = True
            old = None
        seconds = self._own_seconds(old, new) if self._sampled else self.seconds
        if seconds <= 0:
            return ""
        in_this = not self._sampled or (old is not None and new.key not in self._previous.read_before)
        lower = began_anew or self._evicted or (self._ever_evicted and not in_this)
        if old is not None and old.stats_since > 0 and new.stats_since > 0:
            lower = False
        if old is not None and _decreased(_COUNTERS(old), _COUNTERS(new)):
            if not lower:
                return "the counters of a statement were reset"
            old = None
        delta = self.moved[new.key] = _delta(old, new, seconds, lower)
        if in_this:
            self.in_this.append(delta)
        return ""

    def _own_seconds(self, old: StatementSample | None, new: StatementSample) -> float:
        """Seconds from the last reading of this row to this one; 0 when the last one was of an epoch that has ended.

        A row that is new may have begun at any time since the row that was read longest ago, unless it tells when. The
        same is taken for one that was read in the server's future, by a clock that was set back since.
        """
        began = self._previous.server_clock
        read = self._previous.read_before.get(new.key, began) if old is not None else None
        if read is not None and read < self._epoch_start <= began:
            return 0.0
        if read is None or read > began:
            read = self._read_longest_ago
        if new.stats_since > 0:
            read = max(read, new.stats_since)
        now = self._current.server_clock
        ended = self._current.read_before.get(new.key, now)
        seconds = self.seconds + max(0.0, began - read) - max(0.0, now - ended)
        return seconds if seconds > 0 else self.seconds

    @cached_property
    def _read_longest_ago(self) -> float:
        return min(self._previous.read_before.values(), default=self._previous.server_clock)


def _partial(snapshot: Snapshot) -> bool:
    """Whether it lacks rows of the view, or has some of an earlier reading."""
    whole = len(snapshot.statements) + snapshot.unreadable
    return bool(snapshot.read_before) or (snapshot.totals is not None and snapshot.totals.statements > whole)


def _sums(previous: Snapshot, current: Snapshot, rows: _Rows) -> tuple[float, float, int]:
    """(ms of all top-level statements, ms of those of the connected database, their calls).

    By the sums over the whole view where both snapshots have them and no row left the view or began anew; a row that
    was read a moment after the sums may be ahead of them. Else by the rows that were read: then a tick has the whole
    of what the tail's stratum did since its last turn, so that only the sum of many ticks is right.
    """
    database = current.target.database_oid
    top = [delta for delta in rows.moved.values() if delta.key.toplevel]
    here = [delta for delta in top if delta.key.dbid == database]
    sums = _time_and_calls(top)[0], *_time_and_calls(here)
    then, now = previous.totals, current.totals
    if then is None or now is None or rows.reset_alone or previous.dealloc != current.dealloc:
        return sums
    if current.epoch.stats_reset is None and now.statements < then.statements:
        return sums
    whole = now.total_exec_time - then.total_exec_time
    if whole < 0 or now.calls < then.calls:
        return sums
    in_this = [delta for delta in rows.in_this if delta.key.toplevel]
    total = max(whole, _time_and_calls(in_this)[0])
    if then.here_exec_time is None or now.here_exec_time is None or then.here_calls is None or now.here_calls is None:
        return total, *sums[1:]
    here_in_this = _time_and_calls([delta for delta in in_this if delta.key.dbid == database])
    return (
        total,
        max(now.here_exec_time - then.here_exec_time, here_in_this[0]),
        max(now.here_calls - then.here_calls, here_in_this[1]),
    )


def _time_and_calls(some: Iterable[StatementDelta]) -> tuple[float, int]:
    time, calls = 0.0, 0
    for delta in some:
        time += delta.exec_time
        calls += delta.calls
    return time, calls


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
