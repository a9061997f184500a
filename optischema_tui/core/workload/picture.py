"""Two snapshots, texts and a series made into what the first screens draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from optischema_tui.core.models import (
    Hidden,
    Kpis,
    LoadPoint,
    Picture,
    QueryRow,
    Snapshot,
    StatementKey,
    StatementSample,
    StatementText,
)
from optischema_tui.core.workload.delta import Deltas, deltas, point_of
from optischema_tui.core.workload.filter import NESTED, OTHER_DATABASE, OURS, REASONS, classify
from optischema_tui.core.workload.resting import Drawn, Resting
from optischema_tui.core.workload.score import score


def build_picture(
    previous: Snapshot | None,
    current: Snapshot,
    texts: Mapping[StatementKey, StatementText],
    series: Sequence[LoadPoint],
    show_hidden: frozenset[str] = frozenset(),
    *,
    interval: Deltas | None = None,
    resting: Resting | None = None,
) -> Picture:
    """Everything the dashboard and the top-queries screen draw; rows heaviest first.

    `show_hidden` names the filter reasons (see `filter.REASONS`) that are switched off. `interval` saves computing
    `deltas(previous, current)` again when the caller has it. Shares are of all top-level statements of the server,
    so rows and hidden ones together make 1; a statement nested in a function counts in its caller only. `resting` is
    what was kept of the picture before, and keeps of this one: with it a picture costs as much as has moved. Its owner
    tells it of new texts.
    """
    if interval is None and previous is not None:
        interval = deltas(previous, current)
    notices = current.notices
    if interval is not None and interval.broken:
        notices = (*notices, f"Interval figures start anew: {interval.broken}.")
        interval = None
    total = _total_time(current, interval)
    lifetime = _lifetime_seconds(current)
    basis = (show_hidden, current.target.database_oid, interval.lower_bound) if interval else None
    resting = resting or Resting()
    drawn, fresh = resting.still(current.statements, basis)
    for sample in fresh:
        text = texts.get(sample.key)
        reason = hidden_reason(sample.key, text.text if text else "", current.target.database_oid)
        seen = not reason or reason in show_hidden
        row = _row(sample, text, interval, total, lifetime) if seen else None
        rests = interval is not None and sample.key not in interval.statements
        drawn.append(Drawn(sample, reason, row, rests, _place(row)))
    drawn.sort(key=attrgetter("place"))  # quick, since what rested is in order already
    resting.keep(basis, drawn)
    hidden, ours = _filtered(drawn, interval)
    return Picture(
        target=current.target,
        taken_at=current.taken_at,
        seconds=interval.seconds if interval else None,
        kpis=_kpis(current, interval),
        rows=tuple([each.row for each in drawn if each.row is not None]),
        series=tuple(series),
        hidden=tuple(
            Hidden(reason, hidden[reason].count, hidden[reason].time / total if total else 0.0)
            for reason in REASONS
            if reason in hidden
        ),
        unreadable=current.unreadable,
        cost_share=_cost_share(current, interval, ours),
        notices=notices,
    )


def hidden_reason(key: StatementKey, text: str, database_oid: int) -> str:
    """The filter reason of one statement, empty when it is to be seen. `text` may be empty (not fetched yet)."""
    if key.dbid != database_oid:
        return OTHER_DATABASE
    return classify(text) or ("" if key.toplevel else NESTED)


@dataclass(slots=True)
class _Sum:
    count: int = 0
    time: float = 0.0

    def add(self, time: float) -> None:
        self.count += 1
        self.time += time


_LAST = (1.0,)


def _place(row: QueryRow | None) -> tuple[float, ...]:
    if row is None:
        return _LAST
    key = row.key
    return (
        -(row.interval_time or 0.0), -row.total_exec_time, key.userid, key.dbid, key.queryid, key.toplevel,
    )  # fmt: skip


def _filtered(drawn: Sequence[Drawn], interval: Deltas | None) -> tuple[dict[str, _Sum], _Sum]:
    """(hidden statements by reason, our own ones whether hidden or not)."""
    hidden: dict[str, _Sum] = {}
    ours = _Sum()
    for each in drawn:
        if each.reason:
            time = 0.0 if each.rests else _time(each.sample, interval)
            if each.reason == OURS:
                ours.add(time)
            if each.row is None:
                hidden.setdefault(each.reason, _Sum()).add(time if each.sample.key.toplevel else 0.0)
    return hidden, ours


def _time(sample: StatementSample, interval: Deltas | None) -> float:
    """Milliseconds in the interval; without one since the last reset."""
    if interval is None:
        return sample.total_exec_time
    delta = interval.statements.get(sample.key)
    return delta.exec_time if delta else 0.0


def _total_time(current: Snapshot, interval: Deltas | None) -> float:
    if interval:
        return sum(delta.exec_time for delta in interval.statements.values() if delta.key.toplevel)
    return sum(sample.total_exec_time for sample in current.statements if sample.key.toplevel)


def _lifetime_seconds(current: Snapshot) -> float | None:
    """How long the counters have run; None when the server does not say."""
    reset = current.epoch.stats_reset
    return current.server_clock - reset if reset is not None and current.server_clock > reset else None


def _row(
    sample: StatementSample,
    text: StatementText | None,
    interval: Deltas | None,
    total: float,
    lifetime: float | None,
) -> QueryRow:
    """Of a statement that did nothing in `interval` the row must not depend on `total`, `lifetime` or the interval's
    length: see `Resting`."""
    delta = interval.statements.get(sample.key) if interval else None
    calls = sample.calls
    ratio = _ratio(sample.shared_blks_hit, sample.shared_blks_read)
    mean: float | None = sample.mean_exec_time if calls else None
    recent_ratio = ratio
    if delta is not None and delta.calls:
        mean = delta.exec_time / delta.calls
        recent_ratio = _ratio(delta.shared_blks_hit, delta.shared_blks_read)
    if interval:
        rate: float | None = delta.calls / interval.seconds if delta else 0.0
    else:
        rate = calls / lifetime if lifetime else None
    per_call = calls or 1
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
        hit_ratio=ratio,
        temp_blks_per_call=(sample.temp_blks_read + sample.temp_blks_written) / per_call,
        wal_bytes_per_call=sample.wal_bytes / per_call,
        share=_time(sample, interval) / total if total else 0.0,
        score=score(mean, rate, recent_ratio),
        interval_calls=(delta.calls if delta else 0) if interval else None,
        interval_time=(delta.exec_time if delta else 0.0) if interval else None,
        interval_mean=mean if delta is not None and delta.calls else None,
        lower_bound=interval.lower_bound if interval else False,
        sample=sample,
        truncated=text.truncated if text else False,
    )


def _kpis(current: Snapshot, interval: Deltas | None) -> Kpis:
    activity = current.activity
    point = point_of(current, interval) if interval else None
    return Kpis(
        active=activity.active,
        connections=activity.total,
        max_connections=activity.max_connections or None,
        hit_ratio=_ratio(interval.database.blks_hit, interval.database.blks_read) if interval else None,
        tps=point.tps if point else None,
        db_time=point.db_time if point else None,
        mean_latency=point.mean_latency if point and point.calls else None,
    )


def _cost_share(current: Snapshot, interval: Deltas | None, ours: _Sum) -> float | None:
    """From the server's own count of our statements; where it shows none, from the time we waited for answers."""
    if interval is None:
        return None
    return (ours.time / 1000.0 if ours.count else current.cost.seconds) / interval.seconds


def _ratio(hit: int, read: int) -> float | None:
    return hit / (hit + read) if hit + read else None
