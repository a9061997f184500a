"""The choice of a set of indexes for the whole workload.

Plans with everything present show which indexes matter; a binary program over all plans seen picks the best set
within the budget; that set is planned, its neighbourhood explored, and the program solved again until nothing new
turns up; then small changes are tried one by one. The planner is asked only what earlier plans do not tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from optischema_tui.core.advise.choose import explore, finish, local
from optischema_tui.core.advise.choose.costs import Costs
from optischema_tui.core.advise.choose.question import Price, Question, total_cost
from optischema_tui.core.advise.choose.search import Search
from optischema_tui.core.advise.choose.selection import Selection
from optischema_tui.core.advise.planner import Planner
from optischema_tui.core.advise.propose.candidate import Candidate
from optischema_tui.core.models import IndexSpec

ROUNDS = 12
"""Programs solved at most, each followed by a look around its answer."""
SETTLED = 1e-4
"""Of the measured time: rounds that bring less are not followed by another."""
TOLERANCE = 0.01
"""Of the measured time, shared by all questions: what is smaller is not looked into."""
TIE, INCLUDE_TIE = 0.2, 1.0
"""Of `min_gain`: what may be lost in all for shorter indexes, and for indexes without their included columns where
nobody has said how many bytes are there to be used: these columns must then save as much as an index must."""
_LEAST_ALLOWANCE = 100
"""Planner calls for small changes, and for challenges, however quick the rest was."""
_MOST_CHALLENGES = 300

Progress = Callable[[str, float], None]


class _Enough(Exception):
    """The search ends here with the best so far; the text says why."""


class _Limits:
    """When to end, and how far the search has come."""

    def __init__(
        self,
        planner: Planner,
        max_calls: int | None,
        seconds: float | None,
        now: Callable[[], float],
        stop: Callable[[], bool],
        progress: Progress,
    ) -> None:
        self.planner = planner
        self.first_call = planner.calls
        self.max_calls = max_calls
        self.now = now
        self.deadline = None if seconds is None else now() + seconds
        self.stop = stop
        self._progress = progress
        self._reached = 0.0
        self.words = ""
        """Added to what is told, once something is known."""

    def reason(self) -> str:
        """Why to end; empty to go on."""
        if self.stop():
            return "stopped"
        if self.deadline is not None and self.now() > self.deadline:
            return "time"
        return "calls" if self.max_calls is not None and self.calls >= self.max_calls else ""

    def check(self) -> None:
        if reason := self.reason():
            raise _Enough(reason)

    @property
    def calls(self) -> int:
        return self.planner.calls - self.first_call

    def stage(self, what: str, start: float, end: float) -> Callable[[int, int], None]:
        """A teller of one stage that takes progress from `start` to `end`."""

        def tell(done: int, of: int) -> None:
            self._reached = max(self._reached, start + (end - start) * min(1.0, done / max(1, of)))
            self._progress(what.format(done=min(done + 1, of), of=of) + self.words, self._reached)

        return tell


def choose(
    questions: Sequence[Question],
    candidates: Sequence[Candidate],
    planner: Planner,
    *,
    price: Price = total_cost,
    upkeep_ms: Mapping[IndexSpec, float] | None = None,
    budget_bytes: int | None = None,
    min_gain: float = 0.005,
    max_calls: int | None = None,
    seconds: float | None = None,
    now: Callable[[], float] = lambda: 0.0,
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = lambda what, fraction: None,
) -> Selection:
    """The indexes to add (within `budget_bytes`, None for any number) and the existing candidates to drop.

    Minimises the sum over questions of ms_per_cost x price of the plan, and of `upkeep_ms` of what is chosen and of
    what exists and stays. Each new index must save `min_gain` (0-1) of the measured time. Always the same answer,
    unless `seconds` by `now` or `stop` end the search: then the best so far. `progress(what, 0-1)` only grows.
    What the planner cannot model is in `costs.unmodelled`, questions that it refused in `costs.failed`. Other errors
    of the planner (LabError when it is lost) pass through.
    """
    costs = Costs(questions, planner, price=price, upkeep_ms=upkeep_ms)
    limits = _Limits(planner, max_calls, seconds, now, stop, progress)
    costs.guard = limits.check
    stopped = ""
    try:
        costs.admit(candidates, limits.stage("modelling indexes: {done} of {of}", 0.0, 0.1))
    except _Enough as enough:
        stopped = str(enough)
    tolerance = TOLERANCE / max(1, len(questions))
    search = Search(costs, budget_bytes, min_gain, tolerance, lambda: limits.reason() in ("stopped", "time"))
    try:
        limits.check()
        _run(search, limits, min_gain)
    except _Enough as enough:
        stopped = str(enough)
        _take_known(search)
    costs.guard = lambda: None
    return _selection(search, limits, stopped)


def _run(search: Search, limits: _Limits, min_gain: float) -> None:
    explore.pools(search, limits.stage("trying indexes for statement {done} of {of}", 0.1, 0.35))
    explore.parts(search, limits.stage("taking plans apart: statement {done} of {of}", 0.35, 0.5))
    floor = search.floor()
    tried: set[int] = set()
    for number in range(ROUNDS):
        mask = search.solve(search.budget)
        if mask is None:
            limits.check()
            break
        before = search.best_value
        search.consider(mask)
        limits.words = _gap_words(search, floor)
        if mask in tried or (number > 1 and before - search.best_value < SETTLED * search.total):
            break
        tried.add(mask)
        start, end = (0.9 - 0.4 / (step + 1) for step in (number, number + 1))
        explore.around(search, mask, limits.stage("comparing sets: statement {done} of {of}", start, end))
    _improve(search, limits, floor)
    allowance = min(limits.calls // 8, _MOST_CHALLENGES)
    local.challenge(
        search, max(_LEAST_ALLOWANCE, allowance), limits.stage("planning the sets that could be better", 0.95, 0.97)
    )
    finish.prune(search, min_gain * search.total)
    least = min_gain * search.total
    finish.shorten(search, TIE * least, (INCLUDE_TIE if search.budget is None else TIE) * least)
    if search.budget is None:
        finish.order(search, least)
    finish.prune(search, min_gain * search.total)


def _improve(search: Search, limits: _Limits, floor: float) -> None:
    """Small changes: first those that look good, then those that could be good at all."""
    first = limits.calls
    allowance = max(_LEAST_ALLOWANCE, first // 4)
    tell = limits.stage("changing one index at a time: {done} of {of}", 0.9, 0.95)
    caution = [0.0, 0.5]
    while caution and (left := allowance - (limits.calls - first)) > 0:
        if local.improve(search, left, caution[-1], tell):
            limits.words = _gap_words(search, floor)
            caution = [0.0, 0.5]
        else:
            caution.pop()


def _gap_words(search: Search, floor: float) -> str:
    best = search.costs.ceiling(search.best)
    gap = 1.0 - floor / best if best > 0 else 0.0
    return f"; at most {max(0.0, gap):.0%} more can be saved"


def _take_known(search: Search) -> None:
    """The best set by the plans known, when a search ends before it has planned one."""
    mask = search.solve(search.budget, gap=1e-2, most_nodes=1, at_once=True)
    if mask is not None and search.fits(mask):
        value = search.costs.ceiling(mask) + search.charges(mask) - search.costs.upkeep_of(mask)
        if value < search.best_value:
            search.best, search.best_value = mask, value


def _selection(search: Search, limits: _Limits, stopped: str) -> Selection:
    costs = search.costs
    tell = limits.stage("drawing the curve of gain against bytes", 0.97, 1.0)
    tell(0, 2)
    best = search.best
    unbounded = search.solve(None, gap=1e-3, most_nodes=100, at_once=not stopped) if not stopped else None
    points = finish.curve(search, best if unbounded is None else unbounded)
    tell(1, 2)
    after = costs.ceiling(best)
    bound = search.floor() if stopped else search.bound(costs.upkeep)[0]
    calls = limits.calls
    tell(2, 2)
    return Selection(
        chosen=tuple(costs.candidates[bit].spec for bit in finish.by_worth(search)),
        dropped=costs.specs(costs.existing & ~best),
        before_ms=costs.ceiling(costs.existing),
        after_ms=after,
        bound_ms=min(bound, after),
        size_bytes=costs.size_of(best),
        curve=points,
        planner_calls=calls,
        stopped=stopped,
        over_budget=() if unbounded is None else costs.specs(unbounded & ~best & ~costs.existing),
        costs=costs,
    )
