"""Which indexes were used, by the stored readings of the family `indexes`: differences of counters, never the counters.

Inside one epoch a difference misses no scan, however far apart the two readings are. Across a break it does: what the
old epoch counted after its last reading is lost, so that this time is not covered.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from optischema_tui.core.findings.indexes.facts import DAY, ServerUse, Watched
from optischema_tui.core.models import Reading

_SLACK = 60.0
"""Seconds that a server's start may lie before the reading that another run of it gave last."""


@dataclass(slots=True)
class _Sum:
    first_seen: float
    scans: int = 0
    last_used: float | None = None
    tuples_read: int = 0
    tuples_fetched: int = 0
    blocks: int = 0

    def used(self, scans: int, at: float) -> None:
        if scans > 0:
            self.scans += scans
            self.last_used = max(at, self.last_used or 0.0)


@dataclass(slots=True)
class _Chain:
    """The readings of one server, epoch by epoch."""

    epochs: list[list[Reading]] = field(default_factory=list)

    @property
    def last(self) -> Reading:
        return self.epochs[-1][-1]


def observed(readings: Iterable[Reading], now: float, watch_days: float) -> tuple[Watched, ...]:
    """Each server that gave these readings of one database, the best watched first. `now`: seconds since 1970."""
    groups: dict[str, list[Reading]] = defaultdict(list)
    for reading in sorted(readings, key=lambda each: each.taken_at):
        if not reading.problem:
            group = groups[reading.epoch]
            if not group or reading.taken_at > group[-1].taken_at:
                group.append(reading)
    chains: list[_Chain] = []
    for group in sorted(groups.values(), key=lambda each: (each[0].taken_at, each[0].epoch)):
        chain = next((each for each in chains if _goes_on(each.last, group[0])), None)
        if chain is None:
            chains.append(chain := _Chain())
        chain.epochs.append(group)
    found = [_watched(chain, now, watch_days) for chain in chains]
    return tuple(sorted(found, key=lambda each: (-each.coverage, each.since)))


def _goes_on(last: Reading, first: Reading) -> bool:
    """Whether `first` begins another epoch of the server that gave `last`: something of it must have begun since. A
    server that was already running then is another one."""
    if first.taken_at <= last.taken_at:
        return False
    before, after = _marks(last.epoch), _marks(first.epoch)
    moved = [new for old, new in zip(before, after, strict=False) if new != old]
    # A restart moves the start. Without one the start is the same, and it is the server's as no other's.
    return before[0] == after[0] or after[0] >= last.server_clock - _SLACK if moved else False


def _marks(epoch: str) -> tuple[float, float, float]:
    """(start, crash, reset) in seconds since 1970, of an epoch written system/timeline/start/crash/reset."""
    parts = [_number(part) for part in epoch.split("/")[2:5]]
    start, crash, reset = (*parts, 0.0, 0.0, 0.0)[:3]
    return start, crash, reset


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


class _Row(NamedTuple):
    """What one reading says of one index."""

    scans: int
    last: float | None
    read: int
    fetched: int
    blocks: int


_Rows = Mapping[int, _Row]


def _rows(reading: Reading) -> dict[int, _Row]:
    place = {name: number for number, name in enumerate(reading.columns)}
    wanted = (
        "indexrelid",
        "idx_scan",
        "last_idx_scan",
        "idx_tup_read",
        "idx_tup_fetch",
        "idx_blks_read",
        "idx_blks_hit",
    )
    oid, scans, last, read, fetched, missed, hit = (place[name] for name in wanted)
    return {
        row[oid]: _Row(
            row[scans] or 0, row[last], row[read] or 0, row[fetched] or 0, (row[missed] or 0) + (row[hit] or 0)
        )
        for row in reading.rows
    }


def _watched(chain: _Chain, now: float, watch_days: float) -> Watched:
    begin = now - watch_days * DAY
    covered = 0.0
    sums: dict[int, _Sum] = {}
    previous: Reading | None = None
    rows: _Rows = {}
    for readings in chain.epochs:
        before, rows = rows, _rows(readings[0])
        _enter(sums, previous, readings[0], before, rows, begin)
        for earlier, later in pairwise(readings):
            covered += max(0.0, min(later.taken_at, now) - max(earlier.taken_at, begin))
            before, rows = rows, _rows(later)
            _step(sums, before, rows, later.taken_at, whole=not earlier.left_out)
        previous = readings[-1]
    last = chain.last
    return Watched(
        since=chain.epochs[0][0].taken_at,
        until=last.taken_at,
        coverage=min(1.0, covered / (watch_days * DAY)),
        started=_marks(last.epoch)[0],
        breaks=len(chain.epochs) - 1,
        uses={oid: _use(one) for oid, one in sums.items()},
        counted={oid: row.scans for oid, row in rows.items()},
    )


def _use(one: _Sum) -> ServerUse:
    return ServerUse(one.scans, one.last_used, one.first_seen, one.tuples_read, one.tuples_fetched, one.blocks)


def _enter(
    sums: dict[int, _Sum], previous: Reading | None, first: Reading, before: _Rows, rows: _Rows, begin: float
) -> None:
    """The first reading of an epoch: what it counts may be of the epoch alone, or go on from the one before."""
    _, crash, reset = _marks(first.epoch)
    emptied = max(crash, reset) >= begin if previous is None else _emptied(previous, first, before, rows)
    for oid, row in rows.items():
        one = sums.setdefault(oid, _Sum(first.taken_at))
        if emptied or oid not in before:
            # Of one that is new, or that was not read before, the count is a use only where it began to count lately.
            one.used(row.scans if emptied or previous is not None else 0, first.taken_at)
        else:
            one.used(row.scans - before[oid].scans, first.taken_at)
        _told(one, row)


def _emptied(previous: Reading, first: Reading, before: _Rows, rows: _Rows) -> bool:
    """Whether the counters began anew between the two: a crash and a reset empty them, a clean restart does not."""
    if _marks(previous.epoch)[1:] != _marks(first.epoch)[1:]:
        return True
    return any(row.scans < before[oid].scans for oid, row in rows.items() if oid in before)


def _step(sums: dict[int, _Sum], before: _Rows, rows: _Rows, at: float, *, whole: bool) -> None:
    """Two readings of one epoch. `whole`: the earlier one had all indexes."""
    for oid, row in rows.items():
        known = before.get(oid)
        one = sums.setdefault(oid, _Sum(at))
        if known is None:
            one.used(row.scans if whole else 0, at)
        else:
            one.used(row.scans - known.scans, at)
            one.tuples_read += max(0, row.read - known.read)
            one.tuples_fetched += max(0, row.fetched - known.fetched)
            one.blocks += max(0, row.blocks - known.blocks)
        _told(one, row)


def _told(one: _Sum, row: _Row) -> None:
    """PostgreSQL 16 and later say when the last scan was."""
    if row.last:
        one.last_used = max(row.last, one.last_used or 0.0)
