"""What moved between two windows, statement by statement, and what of it is more than noise. No I/O.

The load of a statement (execution seconds per second) is its calls a second times its mean time. A change of it is
split into what the calls did and what the mean did, each at the average of the other factor on both sides (Shapley's
value of two factors; Shorrocks 2013), so that the two add up to the change exactly.

A statement is new or gone when the other side has none of its calls, though at this side's rate it would have five.

When a factor has moved (`RULE` says it in words): the mean, when `compare_statement` calls it better or worse; the
calls, when they changed by more than 10 % and by more than 3 standard deviations of a Poisson count. Where both
windows have intervals enough, both must also hold against the variation between intervals: the windows are cut
into up to 12 pieces, the pieces at the same place in both windows are paired, and a paired t test of the logarithms
must give p < 0.01. Paired, since the usual windows are the same hours of two days: what the hour of the day does is
on both sides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from optischema_tui.core.baseline.compare import ERRORS, FLOOR, MIN_CALLS, Compared, Verdict, compare_statement
from optischema_tui.core.baseline.student import two_sided
from optischema_tui.core.models import StatementKey, WindowStats
from optischema_tui.core.models.analytics import Move, Mover, Side

PIECES = 12
LEAST_PIECES = 4
"""Pairs that a test needs."""
CALLS_FLOOR = 0.10
SIGNIFICANT = 0.01
RULE = (
    f"new or gone: no call, though {MIN_CALLS} were to be expected; slower or faster: the mean moved by more than"
    f" {ERRORS:g} standard errors and {FLOOR:.0%}; more or fewer calls: by more than {CALLS_FLOOR:.0%} and {ERRORS:g}"
    " standard deviations of a count; where there are intervals enough, also"
    f" p < {SIGNIFICANT:g} in a paired t test of up to {PIECES} pieces of both windows"
)


@dataclass(frozen=True, slots=True)
class Piece:
    """One of the equal pieces of a window, of one statement."""

    observed: float
    """Seconds."""
    calls: float
    exec_time: float
    """ms"""


def ranked(before: Mapping[int, float], after: Mapping[int, float]) -> list[tuple[int, float]]:
    """(name, change) of everything that has a load on either side, the largest change first."""
    changes = {name: after.get(name, 0.0) - before.get(name, 0.0) for name in (*after, *before)}
    return sorted(changes.items(), key=lambda one: (-abs(one[1]), one[0]))


def mover_of(before: Side, after: Side, old: WindowStats | None, new: WindowStats | None) -> Mover:
    """One statement; at least one side must be given. It has `moves` by its own calls alone."""
    row = compare_statement(old, new, before.exec_time, after.exec_time)
    old_rate, new_rate = _per_second(old, before), _per_second(new, after)
    old_mean = old.mean_exec_time if old and old.calls else None
    new_mean = new.mean_exec_time if new and new.calls else None
    # A side without calls has no mean: nothing of the change comes from it.
    was = old_mean if old_mean is not None else new_mean or 0.0
    now = new_mean if new_mean is not None else old_mean or 0.0
    by_calls = (new_rate - old_rate) * (was + now) / 2 / 1000
    by_mean = (now - was) * (old_rate + new_rate) / 2 / 1000
    mover = Mover(
        row.key, row.text, old, new, old_rate * was / 1000, new_rate * now / 1000, row.share_before, row.share_after,
        by_calls, by_mean, noise=row.noise,
    )  # fmt: skip
    return replace(mover, moves=_moves(mover, row, before, after))


def hold_against(mover: Mover, before: Sequence[Piece], after: Sequence[Piece]) -> Mover:
    """The mover without what the variation between the pieces of both windows explains; as it is where there are too
    few of them. `before` and `after` have a piece for each place, also for one without calls."""
    if not mover.moves or mover.moves[0] in (Move.NEW, Move.GONE):
        return mover
    pairs = [(old, new) for old, new in zip(before, after, strict=False) if old.observed > 0 and new.observed > 0]
    called = [(old, new) for old, new in pairs if old.calls > 0 and new.calls > 0]
    means = [math.log(_mean(new) / _mean(old)) for old, new in called if _mean(old) > 0 and _mean(new) > 0]
    # Half a call more on each side: a piece without calls has a logarithm too (Anscombe 1948).
    rates = [math.log((new.calls + 0.5) / new.observed * old.observed / (old.calls + 0.5)) for old, new in pairs]
    kept, tested = list(mover.moves), False
    for steps, kinds in ((means, (Move.SLOWER, Move.FASTER)), (rates, (Move.MORE_CALLS, Move.FEWER_CALLS))):
        if len(steps) < LEAST_PIECES:
            continue
        tested = True
        if chance_of(steps) >= SIGNIFICANT:
            kept = [move for move in kept if move not in kinds]
    return replace(mover, moves=tuple(kept), tested=tested)


def chance_of(steps: Sequence[float]) -> float:
    """P that steps whose true mean is 0 have one so far from it, by Student's t."""
    number = len(steps)
    mean = sum(steps) / number
    variance = sum((step - mean) ** 2 for step in steps) / (number - 1)
    if variance <= 1e-18:
        return 1.0 if abs(mean) < 1e-9 else 0.0
    return two_sided(mean / math.sqrt(variance / number), number - 1)


def joined(parts: Sequence[WindowStats], key: StatementKey) -> WindowStats:
    """One statement that the window knows under several keys, as one of `key`."""
    calls, time = sum(part.calls for part in parts), sum(part.exec_time for part in parts)
    spread = 0.0
    if calls and all(part.stddev_exec_time > 0 or part.calls < 2 for part in parts):
        mean = time / calls
        squares = sum(part.calls * (part.stddev_exec_time**2 + (part.mean_exec_time - mean) ** 2) for part in parts)
        spread = math.sqrt(squares / calls)
    return WindowStats(
        key, next((part.text for part in parts if part.text), ""), calls, time, sum(part.rows for part in parts),
        sum(part.shared_blks for part in parts), sum(part.temp_blks for part in parts), spread,
    )  # fmt: skip


def _moves(mover: Mover, row: Compared, before: Side, after: Side) -> tuple[Move, ...]:
    if row.verdict is Verdict.NEW:
        return (Move.NEW,) if _expected(row.after, after, before) >= MIN_CALLS else ()
    if row.verdict is Verdict.GONE:
        return (Move.GONE,) if _expected(row.before, before, after) >= MIN_CALLS else ()
    found: list[tuple[float, Move]] = []
    if row.verdict in (Verdict.BETTER, Verdict.WORSE):
        found.append((abs(mover.by_mean), Move.FASTER if row.verdict is Verdict.BETTER else Move.SLOWER))
    old, new = row.before, row.after
    if old and new and max(old.calls, new.calls) >= MIN_CALLS:
        old_rate, new_rate = _per_second(old, before), _per_second(new, after)
        error = math.sqrt(old.calls / before.observed**2 + new.calls / after.observed**2)
        if abs(new_rate - old_rate) > max(CALLS_FLOOR * old_rate, ERRORS * error):
            found.append((abs(mover.by_calls), Move.MORE_CALLS if new_rate > old_rate else Move.FEWER_CALLS))
    return tuple(move for _, move in sorted(found, key=lambda one: (-one[0], one[1])))


def _expected(stats: WindowStats | None, side: Side, other: Side) -> float:
    """Calls that the other side would have at this one's rate: of five, all are missing by chance in 0.7 % of cases."""
    return _per_second(stats, side) * other.observed


def _per_second(stats: WindowStats | None, side: Side) -> float:
    return stats.calls / side.observed if stats and side.observed else 0.0


def _mean(piece: Piece) -> float:
    return piece.exec_time / piece.calls
