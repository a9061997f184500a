"""The choice of a set of indexes for the whole workload: greedy, cheap in planner calls, always the same answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from optischema_tui.core.advise.propose.candidates import MAX_WIDTH
from optischema_tui.core.advise.work import Pricer, Specs, Work
from optischema_tui.core.models import IndexSpec

MIN_GAIN = 0.005
"""An index must save at least this share of the workload's measured time."""
CLOSE_GAIN = 0.97
"""A shorter index is taken when it keeps this much of the best one's gain ..."""
CLOSE_COST = 2.0
"""... and leaves the statements that it serves at most this many times as costly as the best one would."""
POOL_ROUNDS = 6
"""Per statement: plan with all candidates, put the used ones aside, plan again."""
MAX_TOGETHER = 3
"""Indexes that one plan uses together are also tried as one step, since each alone may gain nothing."""


@dataclass(slots=True)
class Pool:
    """The candidates that some plan has used, alone and together."""

    singles: dict[IndexSpec, None] = field(default_factory=dict)
    together: dict[Specs, None] = field(default_factory=dict)

    def moves(self) -> tuple[Specs, ...]:
        return (*(frozenset((spec,)) for spec in self.singles), *self.together)


@dataclass(frozen=True, slots=True)
class Choice:
    chosen: tuple[IndexSpec, ...]
    """In the order of their choice."""
    over_budget: frozenset[IndexSpec]
    """Good ones that did not fit."""


def build_pool(
    pricer: Pricer,
    works: Sequence[Work],
    candidates: Sequence[IndexSpec],
    progress: Callable[[str, float], None],
) -> Pool:
    """Keep the candidates that the planner itself would use, in up to POOL_ROUNDS plans a statement."""
    pool = Pool()
    for done, work in enumerate(works):
        progress(f"trying indexes for statement {done + 1} of {len(works)}", done / max(1, len(works)))
        left = frozenset(spec for spec in candidates if work.wants(spec))
        for _ in range(POOL_ROUNDS):
            used = pricer.used(work, left) if left else frozenset()
            if not used or pricer.cost(work, left) >= work.cost:
                break
            for spec in ordered(used):
                pool.singles.setdefault(spec)
            if 1 < len(used) <= MAX_TOGETHER:
                pool.together.setdefault(used)
            left -= used
    return pool


def choose(pricer: Pricer, pool: Pool, budget_bytes: int | None) -> Choice:
    """Take the best step until none saves MIN_GAIN of the load; then drop what the others made needless.

    Without a budget the best step saves most; under one it saves most per byte.
    """
    chosen: list[IndexSpec] = []
    over: set[IndexSpec] = set()
    moves = pool.moves()
    for _ in range(len(moves)):
        have = frozenset(chosen)
        steps = _steps(pricer, moves, have, budget_bytes, over)
        if not steps:
            break
        step = _shorter(pricer, have, _best(pricer, steps, per_byte=budget_bytes is not None), steps)
        needless = _wider_equals(pricer, have, step, steps)
        moves = tuple(move for move in moves if move not in needless)
        chosen = _without_needless(pricer, [*chosen, *ordered(step[1])])
    chosen = _merge_pairs(pricer, chosen, tuple(pool.singles), budget_bytes)
    chosen = [_prefix(pricer, frozenset(chosen) - {spec}, spec) for spec in chosen]
    return Choice(tuple(chosen), frozenset(over) - frozenset(chosen))


Step = tuple[float, Specs]
"""(share of the measured time that it saves, indexes that it adds)"""


def _steps(
    pricer: Pricer, moves: Sequence[Specs], have: Specs, budget_bytes: int | None, over: set[IndexSpec]
) -> list[Step]:
    """The moves that save MIN_GAIN and fit; what does not fit goes to `over`."""
    steps: list[Step] = []
    for move in moves:
        new = move - have
        gain = pricer.gain(have | new) - pricer.gain(have) if new else 0.0
        if gain < MIN_GAIN:
            continue
        if budget_bytes is not None and pricer.size(have | new) > budget_bytes:
            over.update(new)
        else:
            steps.append((gain, new))
    return steps


def ordered(specs: Iterable[IndexSpec]) -> list[IndexSpec]:
    """Always the same order: table, then fewer columns, then names."""
    return sorted(specs, key=lambda spec: (spec.schema, spec.table, len(spec.columns), spec.columns, spec.descending))


def _best(pricer: Pricer, steps: list[Step], per_byte: bool) -> Step:
    def rank(step: Step) -> tuple[float, int, int, str]:
        gain, specs = step
        worth = gain / max(1, pricer.size(specs)) if per_byte else gain
        return -round(worth, 12), pricer.size(specs), sum(len(spec.columns) for spec in specs), repr(ordered(specs))

    return min(steps, key=rank)


def _shorter(pricer: Pricer, have: Specs, best: Step, steps: list[Step]) -> Step:
    """A shorter index on the same table that does nearly as much, else the best step itself."""
    for other in sorted(steps, key=lambda step: (-round(step[0], 12), repr(ordered(step[1])))):
        if _stands_in(pricer, have, other, best):
            return _shorter(pricer, have, other, steps)
    return best


def _wider_equals(pricer: Pricer, have: Specs, step: Step, steps: list[Step]) -> frozenset[Specs]:
    """The wider indexes that `step` stands in for: taking one of them later would only replace it."""
    return frozenset(other[1] for other in steps if _stands_in(pricer, have, step, other))


def _stands_in(pricer: Pricer, have: Specs, short: Step, long: Step) -> bool:
    """Whether `short` is one shorter index on the table of the one index of `long`, and does nearly as much."""
    if len(short[1]) != 1 or len(long[1]) != 1:
        return False
    (narrow,), (wide,) = short[1], long[1]
    if (narrow.schema, narrow.table) != (wide.schema, wide.table) or len(narrow.columns) >= len(wide.columns):
        return False
    return short[0] >= CLOSE_GAIN * long[0] and _left(pricer, have, narrow, wide) <= CLOSE_COST


def _left(pricer: Pricer, have: Specs, narrow: IndexSpec, wide: IndexSpec) -> float:
    """How many times as costly the statements of `wide` are with `narrow` instead."""
    works = pricer.wanting(wide)
    after_wide = sum(work.share * pricer.cost(work, have | {wide}) / work.cost for work in works)
    after_narrow = sum(work.share * pricer.cost(work, have | {narrow}) / work.cost for work in works)
    return after_narrow / after_wide if after_wide > 0 else 1.0


def _merge_pairs(
    pricer: Pricer, chosen: list[IndexSpec], singles: Sequence[IndexSpec], budget_bytes: int | None
) -> list[IndexSpec]:
    """Put one index in the place of two on the same table wherever the load loses less than MIN_GAIN by it."""
    for first, second in combinations(ordered(chosen), 2):
        if (first.schema, first.table) != (second.schema, second.table):
            continue
        rest = frozenset(chosen) - {first, second}
        floor = pricer.gain(frozenset(chosen)) - MIN_GAIN
        options: list[tuple[float, str, IndexSpec]] = []
        for spec in (*_joined(pricer, first, second), *singles):
            same_table = (spec.schema, spec.table) == (first.schema, first.table)
            if not same_table or spec in chosen:
                continue
            gain = pricer.gain(rest | {spec})
            if gain >= floor and (budget_bytes is None or pricer.size(rest | {spec}) <= budget_bytes):
                options.append((-round(gain, 12), repr(spec), spec))
        if options:
            merged = [each for each in chosen if each in rest]
            return _merge_pairs(pricer, [*merged, min(options)[2]], singles, budget_bytes)
    return chosen


def _prefix(pricer: Pricer, rest: Specs, spec: IndexSpec) -> IndexSpec:
    """The shortest beginning of `spec` that does nearly as much beside the others, else `spec`."""
    full = pricer.gain(rest | {spec})
    for width in range(1, len(spec.columns)):
        short = IndexSpec(spec.schema, spec.table, spec.columns[:width], spec.descending[:width])
        if not any(short.descending):
            short = IndexSpec(spec.schema, spec.table, spec.columns[:width])
        if short in rest or not pricer.can_add(short):
            continue
        if full - pricer.gain(rest | {short}) < MIN_GAIN and _left(pricer, rest, short, spec) <= CLOSE_COST:
            return short
    return spec


def _joined(pricer: Pricer, first: IndexSpec, second: IndexSpec) -> list[IndexSpec]:
    """The columns of one, then what the other has besides, both ways round; only where both read ascending."""
    found: list[IndexSpec] = []
    if any(first.descending) or any(second.descending):
        return found
    for front, back in ((first, second), (second, first)):
        columns = (*front.columns, *(column for column in back.columns if column not in front.columns))
        spec = IndexSpec(front.schema, front.table, columns)
        if MAX_WIDTH >= len(columns) > len(front.columns) and pricer.can_add(spec):
            found.append(spec)
    return found


def _without_needless(pricer: Pricer, chosen: list[IndexSpec]) -> list[IndexSpec]:
    """`chosen` less those whose loss would cost under MIN_GAIN, the smallest loss first."""
    while len(chosen) > 1:
        have = frozenset(chosen)
        losses = [(pricer.gain(have) - pricer.gain(have - {spec}), spec) for spec in ordered(chosen)]
        loss, spec = min(losses, key=lambda each: (round(each[0], 12), -len(each[1].columns)))
        if loss >= MIN_GAIN:
            break
        chosen = [each for each in chosen if each != spec]
    return chosen
