"""One row of the tables: what a statement did in the interval beside what it did in its life."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.models import QueryRow, StatementDelta, StatementSample, StatementText
from optischema_tui.core.workload.delta import Deltas
from optischema_tui.core.workload.score import score


@dataclass(frozen=True, slots=True)
class Frame:
    """What all rows of one picture have in common."""

    interval: Deltas | None
    """None for the first snapshot of an epoch."""
    total: float
    """ms of all top-level statements of the server: of the interval, without one of the lifetime."""
    lifetime: float | None
    """Seconds that the counters have run; None when the server does not say."""

    def load(self, sample: StatementSample) -> float:
        """ms per second of the row's own interval; without an interval ms of its lifetime."""
        if self.interval is None:
            return sample.total_exec_time
        delta = self.interval.statements.get(sample.key)
        return delta.exec_time / delta.seconds if delta else 0.0

    def share(self, load: float) -> float:
        """0-1 of the time of all statements."""
        if not self.total:
            return 0.0
        return min(1.0, load * (self.interval.seconds if self.interval else 1.0) / self.total)


def query_row(sample: StatementSample, text: StatementText | None, frame: Frame, *, stale: bool = False) -> QueryRow:
    """The row of one statement. Pass `stale` for one that the tick did not read.

    Of a statement that did nothing in the interval the row must not depend on the frame's total, lifetime or length of
    the interval: see `Resting`.
    """
    interval = frame.interval
    delta = interval.statements.get(sample.key) if interval else None
    known = interval is not None and (delta is not None or not stale)
    called = delta if delta is not None and delta.calls else None
    calls = sample.calls
    per_call = calls or 1
    lifetime_ratio = ratio(sample.shared_blks_hit, sample.shared_blks_read)
    recent_ratio = ratio(called.shared_blks_hit, called.shared_blks_read) if called else None
    return QueryRow(
        key=sample.key,
        text=text.text if text else "",
        role=text.role if text else "",
        database=text.database if text else "",
        calls=calls,
        total_exec_time=sample.total_exec_time,
        mean_exec_time=sample.mean_exec_time,
        min_exec_time=sample.min_exec_time,
        max_exec_time=sample.max_exec_time,
        stddev_exec_time=sample.stddev_exec_time,
        rows_per_call=sample.rows / per_call,
        hit_ratio=lifetime_ratio,
        temp_blks_per_call=(sample.temp_blks_read + sample.temp_blks_written) / per_call,
        wal_bytes_per_call=sample.wal_bytes / per_call,
        share=frame.share(frame.load(sample)),
        score=score(
            called.mean_exec_time if called else sample.mean_exec_time if calls else None,
            _rate(sample, delta, frame, known),
            recent_ratio if called else lifetime_ratio,
        ),
        interval_calls=(delta.calls if delta else 0) if known else None,
        interval_time=(delta.exec_time if delta else 0.0) if known else None,
        interval_mean=called.mean_exec_time if called else None,
        lower_bound=delta.lower_bound if delta else False,
        sample=sample,
        truncated=text.truncated if text else False,
        interval_seconds=delta.seconds if delta and interval and delta.seconds != interval.seconds else None,
        stale=stale,
        interval_rows_per_call=called.rows / called.calls if called else None,
        interval_hit_ratio=recent_ratio,
        interval_temp_per_call=called.temp_blks / called.calls if called else None,
        variation=sample.stddev_exec_time / sample.mean_exec_time if calls > 1 and sample.mean_exec_time > 0 else None,
        plans=sample.plans,
        jit_share=_part(sample.jit_time, sample),
        io_share=_part(_io_time(sample), sample),
    )


def ratio(hit: int, read: int) -> float | None:
    """0-1; None when there was neither."""
    return hit / (hit + read) if hit + read else None


def _rate(sample: StatementSample, delta: StatementDelta | None, frame: Frame, known: bool) -> float | None:
    """Calls per second: of the interval where it is known, else of the lifetime."""
    if known:
        return delta.calls / delta.seconds if delta else 0.0
    return sample.calls / frame.lifetime if frame.lifetime else None


def _io_time(sample: StatementSample) -> float:
    return sample.blk_read_time + sample.blk_write_time + sample.local_blk_io_time + sample.temp_blk_io_time


def _part(time: float, sample: StatementSample) -> float | None:
    return time / sample.total_exec_time if time > 0 and sample.total_exec_time > 0 else None
