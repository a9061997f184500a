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
from optischema_tui.core.workload.filter import NESTED, OTHER_DATABASE, OURS, PROVIDER, REASONS, classify, of_provider
from optischema_tui.core.workload.query_row import Frame, query_row, ratio
from optischema_tui.core.workload.resting import Drawn, Resting


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
    so rows, hidden ones and `rest_share` together make 1; a statement nested in a function counts in its caller only.
    Where a tick reads a part of the rows, a share is of the row's own rate, and those of rows not read now are of then:
    the sum is then about 1. `resting` is what was kept of the picture before, and keeps of this one: with it a picture
    costs as much as has moved, and rows that were not read keep the figures of their last reading. Its owner tells it
    of new texts.
    """
    if interval is None and previous is not None:
        interval = deltas(previous, current)
    notices = current.notices
    if interval is not None and interval.broken:
        notices = (*notices, f"Interval figures start anew: {interval.broken}.")
        interval = None
    total = interval.total_time if interval else _lifetime_time(current)
    frame = Frame(interval, total, _lifetime_seconds(current))
    basis = current.target.database_oid if interval else None
    resting = resting or Resting()
    drawn, fresh = resting.still(current.statements, basis, show_hidden, current.read_before.keys())
    for sample in fresh:
        drawn.append(_draw(sample, texts.get(sample.key), current, frame, show_hidden))
    drawn.sort(key=attrgetter("place"))  # quick, since what rested is in order already
    resting.keep(basis, drawn, bool(current.read_before))
    hidden, ours = _filtered(drawn, interval)
    rows = tuple([each.row for each in drawn if each.row is not None])
    sums = tuple(
        Hidden(reason, hidden[reason].count, hidden[reason].time / total if total else 0.0)
        for reason in REASONS
        if reason in hidden
    )
    return Picture(
        target=current.target,
        taken_at=current.taken_at,
        seconds=interval.seconds if interval else None,
        kpis=_kpis(current, interval),
        rows=rows,
        series=tuple(series),
        hidden=sums,
        unreadable=current.unreadable,
        cost_share=_cost_share(current, interval, ours),
        notices=notices,
        statements=_all_statements(current),
        sampled=_sampled(current, interval),
        rest_share=_rest(rows, sums) if total else 0.0,
    )


def hidden_reason(key: StatementKey, text: str, database_oid: int, *, role: str = "", database: str = "") -> str:
    """The filter reason of one statement, empty when it is to be seen. `text`, `role` and `database` may be empty (not
    fetched yet)."""
    if of_provider(role, database):
        return PROVIDER
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


def _draw(
    sample: StatementSample,
    text: StatementText | None,
    current: Snapshot,
    frame: Frame,
    show_hidden: frozenset[str],
) -> Drawn:
    interval = frame.interval
    key = sample.key
    if text is None:
        reason = hidden_reason(key, "", current.target.database_oid)
    else:
        reason = hidden_reason(key, text.text, current.target.database_oid, role=text.role, database=text.database)
    stale = key in current.read_before
    load = frame.load(sample)
    row = query_row(sample, text, frame, stale=stale) if not reason or reason in show_hidden else None
    return Drawn(
        sample, reason, row, interval is not None and key not in interval.statements, _place(row, load), load, stale
    )


def _place(row: QueryRow | None, load: float) -> tuple[float, ...]:
    if row is None:
        return _LAST
    key = row.key
    return (-load, -row.total_exec_time, key.userid, key.dbid, key.queryid, key.toplevel)


def _filtered(drawn: Sequence[Drawn], interval: Deltas | None) -> tuple[dict[str, _Sum], _Sum]:
    """(hidden statements by reason, our own ones whether hidden or not)."""
    hidden: dict[str, _Sum] = {}
    ours = _Sum()
    seconds = interval.seconds if interval else 1.0
    for each in drawn:
        if each.reason:
            time = each.load * seconds
            if each.reason == OURS:
                ours.add(time)
            if each.row is None:
                hidden.setdefault(each.reason, _Sum()).add(time if each.sample.key.toplevel else 0.0)
    return hidden, ours


_ROUNDING = 1e-4
"""Share: sums of large counters are no more exact than that."""


def _rest(rows: Sequence[QueryRow], hidden: Sequence[Hidden]) -> float:
    rest = 1.0 - sum([row.share for row in rows if row.key.toplevel]) - sum([one.share for one in hidden])
    return rest if rest > _ROUNDING else 0.0


def _lifetime_time(current: Snapshot) -> float:
    """ms of all top-level statements since the last reset."""
    known = sum([sample.total_exec_time for sample in current.statements if sample.key.toplevel])
    return max(known, current.totals.total_exec_time) if current.totals else known


def _lifetime_seconds(current: Snapshot) -> float | None:
    """How long the counters have run; None when the server does not say."""
    reset = current.epoch.stats_reset
    return current.server_clock - reset if reset is not None and current.server_clock > reset else None


def _all_statements(current: Snapshot) -> int:
    return current.totals.statements if current.totals else len(current.statements) + current.unreadable


def _sampled(current: Snapshot, interval: Deltas | None) -> str:
    if not current.read_before:
        return ""
    unread = len(current.read_before)
    read, whole = len(current.statements) - unread, max(_all_statements(current), len(current.statements))
    age = max(0.0, current.server_clock - min(current.read_before.values()))
    old = f"{age:.0f} s" if age < 90 else f"{age / 60:.0f} min"
    exact = current.totals is not None and not (interval and interval.lower_bound)
    sums = "totals are exact" if exact else "totals are of those"
    return f"{read:,} of {whole:,} statements read in this tick; {sums}, each row within {old}"


def _kpis(current: Snapshot, interval: Deltas | None) -> Kpis:
    activity = current.activity
    point = point_of(current, interval) if interval else None
    return Kpis(
        active=activity.active,
        connections=activity.total,
        max_connections=activity.max_connections or None,
        hit_ratio=ratio(interval.database.blks_hit, interval.database.blks_read) if interval else None,
        tps=point.tps if point else None,
        db_time=point.db_time if point else None,
        mean_latency=point.mean_latency if point and point.calls else None,
    )


def _cost_share(current: Snapshot, interval: Deltas | None, ours: _Sum) -> float | None:
    """From the server's own count of our statements; where it shows none, from the time we waited for answers."""
    if interval is None:
        return None
    return (ours.time / 1000.0 if ours.count else current.cost.seconds) / interval.seconds
