"""A picture of an interval that is over, from what history keeps of it."""

from __future__ import annotations

from collections.abc import Sequence

from optischema_tui.core.models import (
    ActivitySample,
    Hidden,
    Kpis,
    LoadPoint,
    Picture,
    QueryRow,
    StatementDelta,
    StatementText,
    StoredTick,
    TargetIdentity,
)
from optischema_tui.core.workload.filter import OURS, REASONS
from optischema_tui.core.workload.picture import hidden_reason
from optischema_tui.core.workload.query_row import ratio
from optischema_tui.core.workload.score import score
from optischema_tui.core.workload.waits import is_active


def past_picture(
    tick: StoredTick,
    target: TargetIdentity,
    series: Sequence[LoadPoint],
    show_hidden: frozenset[str] = frozenset(),
    *,
    activity: ActivitySample | None = None,
) -> Picture:
    """What the screens draw when they stand at the end of `tick`; rows heaviest first, `Picture.past` is set.

    Every figure is of the stored interval, those too that are of the lifetime in a live picture (calls, total and mean
    time, per call): history keeps what was done, not the counters. What it does not keep is None: extremes, deviation,
    JIT, I/O time as a share, the sample, how many rows were not readable (0). Only statements that were called in the
    interval are there. `Kpis.hit_ratio` is of the blocks of the connected database's statements (live: of everything in
    that database). Sessions come from `activity`, a sample of that moment, when there is one.
    """
    loads = [_load(delta, tick.seconds) for _, delta in tick.rows]
    total = sum(load for load, (_, delta) in zip(loads, tick.rows, strict=True) if delta.key.toplevel)
    rows: list[tuple[float, QueryRow]] = []
    hidden: dict[str, tuple[int, float]] = {}
    ours = 0.0
    for load, (text, delta) in zip(loads, tick.rows, strict=True):
        key = delta.key
        reason = hidden_reason(key, text.text, target.database_oid, role=text.role, database=text.database)
        share = min(1.0, load / total) if total else 0.0
        ours += load if reason == OURS else 0.0
        if reason and reason not in show_hidden:
            count, sum_so_far = hidden.get(reason, (0, 0.0))
            hidden[reason] = (count + 1, sum_so_far + (share if key.toplevel else 0.0))
        else:
            rows.append((load, _row(text, delta, tick.seconds, share)))
    rows.sort(key=lambda one: (-one[0], one[1].key))
    return Picture(
        target=target,
        taken_at=tick.at,
        seconds=tick.seconds if tick.seconds > 0 else None,
        kpis=_kpis(tick, target, activity),
        rows=tuple(row for _, row in rows),
        series=tuple(series),
        hidden=tuple(Hidden(reason, *hidden[reason]) for reason in REASONS if reason in hidden),
        cost_share=ours / 1000.0 if ours else None,
        statements=len(tick.rows),
        past=True,
    )


def _load(delta: StatementDelta, seconds: float) -> float:
    """ms per second. A row that was read less often than each tick is of a longer time than the tick."""
    longest = max(delta.seconds, seconds)
    return delta.exec_time / longest if longest > 0 else 0.0


def _row(text: StatementText, delta: StatementDelta, seconds: float, share: float) -> QueryRow:
    calls = delta.calls
    per_call = calls or 1
    longest = max(delta.seconds, seconds)
    mean = delta.mean_exec_time
    hit_ratio = ratio(delta.shared_blks_hit, delta.shared_blks_read)
    return QueryRow(
        key=delta.key,
        text=text.text,
        role=text.role,
        database=text.database,
        calls=calls,
        total_exec_time=delta.exec_time,
        mean_exec_time=mean,
        min_exec_time=None,
        max_exec_time=None,
        stddev_exec_time=None,
        rows_per_call=delta.rows / per_call,
        hit_ratio=hit_ratio,
        temp_blks_per_call=delta.temp_blks / per_call,
        wal_bytes_per_call=delta.wal_bytes / per_call,
        share=share,
        score=score(mean if calls else None, calls / longest if longest > 0 else None, hit_ratio),
        interval_calls=calls,
        interval_time=delta.exec_time,
        interval_mean=mean if calls else None,
        lower_bound=delta.lower_bound,
        truncated=text.truncated,
        interval_seconds=delta.seconds if delta.seconds > seconds else None,
        interval_rows_per_call=delta.rows / calls if calls else None,
        interval_hit_ratio=hit_ratio,
        interval_temp_per_call=delta.temp_blks / calls if calls else None,
    )


def _kpis(tick: StoredTick, target: TargetIdentity, activity: ActivitySample | None) -> Kpis:
    here = [delta for _, delta in tick.rows if delta.key.dbid == target.database_oid and delta.key.toplevel]
    point = tick.point
    clients = [] if activity is None else [one for one in activity.sessions if one.backend_type == "client backend"]
    return Kpis(
        active=None if activity is None else sum(map(is_active, clients)),
        connections=None if activity is None else activity.total,
        hit_ratio=ratio(sum(delta.shared_blks_hit for delta in here), sum(delta.shared_blks_read for delta in here)),
        tps=point.tps if point else None,
        db_time=point.db_time if point else None,
        mean_latency=point.mean_latency if point and point.calls else None,
    )
