"""Named baselines of a target."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.baseline.baseline import create, take
from optischema_tui.core.baseline.compare import Compared, Comparison, Verdict, compare
from optischema_tui.core.baseline.plans import OTHER
from optischema_tui.core.baseline.scope import choose
from optischema_tui.core.baseline.verdict import Finding, judge_statement
from optischema_tui.core.change.ids import short
from optischema_tui.core.change.judge import scope_of
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import StorageError, UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.kept_plans import take_plans
from optischema_tui.core.models import Baseline, Change, WindowStats
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.spec import TargetSpec

AUTOMATIC_HOURS = 24.0
AUTOMATIC_STATEMENTS = 500
"""Of the baseline that is made before every change, the heaviest."""
TESTED = 40
TESTABLE_SECONDS = 1800.0
"""Windows at least so long have intervals enough for a test."""
_FINDINGS = {Finding.BETTER: Verdict.BETTER, Finding.SAME: Verdict.SAME, Finding.WORSE: Verdict.WORSE}


def create_baseline(
    paths: Paths,
    fingerprint: str,
    name: str,
    minutes: float = 60.0,
    *,
    since: float | None = None,
    until: float | None = None,
    spec: TargetSpec | None = None,
    clock: Clock = SYSTEM,
) -> Baseline:
    """Keep a window of history under a name: from `since` to `until` (seconds since 1970, the latter now by default),
    else the `minutes` that end at `until`. With `spec`, the plans too that its heaviest statements have now, whenever
    the window was; where the server cannot be asked, the baseline's `no_plans` says why. Raises UsageError when there
    is no history of then."""
    end = until if until is not None else clock.wall()
    begin = since if since is not None else end - minutes * 60
    if begin >= end:
        raise UsageError("The window ends before it begins", todo="Give a --since that is earlier than --until")
    with closing(History.open(paths.history_db)) as history:
        return create(history, fingerprint, name, begin, end, clock=clock, with_plans=_planner(spec, clock))


def _planner(
    spec: TargetSpec | None, clock: Clock, first: Callable[[Sequence[WindowStats]], Iterable[int]] = lambda window: ()
) -> Callable[[Baseline], Baseline]:
    def with_plans(made: Baseline) -> Baseline:
        plans, why = take_plans(spec, made.statements, first(made.statements), clock=clock)
        return replace(made, plans=plans, no_plans=why)

    return with_plans


def before_change(
    paths: Paths, change: Change, spec: TargetSpec | None = None, *, clock: Clock = SYSTEM
) -> Baseline | None:
    """Keep the last 24 hours as `before <short id>`; in place of an earlier one of the same change. With `spec`, the
    plans too of the statements that the change can have an effect on, and of the heaviest others. None when history
    has nothing of then or cannot be written: a change does not wait for that."""
    now = clock.wall()
    begin = now - AUTOMATIC_HOURS * 3600
    planner = _planner(spec, clock, lambda window: choose(scope_of(change), window).queryids)

    def with_plans(made: Baseline) -> Baseline:
        return replace(planner(made), change_id=change.id)

    try:
        with closing(History.open(paths.history_db)) as history:
            return create(
                history, change.target.fingerprint, f"before {short(change.id)}", begin, now, clock,
                replace=True, most=AUTOMATIC_STATEMENTS, with_plans=with_plans,
            )  # fmt: skip
    except (UsageError, StorageError):
        return None


def list_baselines(paths: Paths, fingerprint: str | None = None) -> tuple[Baseline, ...]:
    with closing(History.open(paths.history_db)) as history:
        return tuple(history.baselines(fingerprint))


def show_baseline(paths: Paths, fingerprint: str, name: str) -> Baseline:
    """Raises UsageError when there is none of this name."""
    with closing(History.open(paths.history_db)) as history:
        return history.baseline(name, fingerprint)


def delete_baseline(paths: Paths, fingerprint: str, name: str) -> None:
    """Raises UsageError when there is none of this name."""
    with closing(History.open(paths.history_db)) as history:
        history.delete_baseline(name, fingerprint)


def compare_baselines(
    paths: Paths,
    fingerprint: str,
    first: str,
    second: str | None,
    minutes: float = 60.0,
    *,
    since: float | None = None,
    until: float | None = None,
    spec: TargetSpec | None = None,
    clock: Clock = SYSTEM,
) -> Comparison:
    """`first` against `second`; against now when `second` is None: what was since `since`, else in the last `minutes`,
    and with `spec` the plans of now. `until` puts another moment in now's place.

    Where history still has the intervals of both windows, and they are long enough, the heaviest statements get the
    verdict of the test that changes are judged by. Raises UsageError when there is no such baseline.
    """
    now = until if until is not None else clock.wall()
    with closing(History.open(paths.history_db)) as history:
        before = history.baseline(first, fingerprint)
        if second is not None:
            after = history.baseline(second, fingerprint)
        else:
            after = take(history, fingerprint, "now", since if since is not None else now - minutes * 60, now, clock)
            kept = [each.queryid for each in before.plans]
            if until is None:
                after = _planner(spec, clock, lambda window: kept)(after)
            else:
                after = replace(after, no_plans="Nobody knows how it was planned then")
        compared = compare(before, after)
        rows = _tested(history, fingerprint, compared.rows, before, after)
    return replace(compared, rows=_with_plans(rows, _changes_between(paths, fingerprint, before, after)))


def _tested(
    history: History, fingerprint: str, rows: Sequence[Compared], before: Baseline, after: Baseline
) -> tuple[Compared, ...]:
    lengths = before.until - before.since, after.until - after.since
    if min(lengths) < TESTABLE_SECONDS or after.since < before.until:
        return tuple(rows)
    both = [row.key.queryid for row in rows[:TESTED] if row.before and row.after]
    tier = 60 if max(lengths) < 12 * 3600 else 600
    olds = history.intervals(fingerprint, both, before.since, before.until, tier)
    news = history.intervals(fingerprint, both, after.since, after.until, tier)
    breaks = history.breaks(fingerprint, before.since, after.until)
    found = []
    for place, row in enumerate(rows):
        sides = olds.get(row.key.queryid, []), news.get(row.key.queryid, [])
        if place < TESTED and all(sides):
            test = judge_statement(*sides, before.until, after.since, breaks=breaks, statements=len(both))
            if test.decided:
                row = replace(row, verdict=_FINDINGS[test.finding])
            elif row.verdict in (Verdict.BETTER, Verdict.WORSE):
                row = replace(row, verdict=Verdict.TOO_FEW)
        found.append(row)
    return tuple(found)


def _changes_between(paths: Paths, fingerprint: str, before: Baseline, after: Baseline) -> list[Change]:
    if not paths.audit_db.exists():
        return []
    with closing(Journal.of(paths)) as journal:
        changes = journal.changes(fingerprint=fingerprint)
    return [
        change for change in changes if before.since < float(change.detail.get("applied_at") or 0.0) <= after.until
    ]  # fmt: skip


def _with_plans(rows: Sequence[Compared], changes: Sequence[Change]) -> tuple[Compared, ...]:
    """Where no two plans were kept, what the journal knows: which statements read the index of a change after it. Of a
    plan that became another without a change of this program: that it did."""
    words: dict[int, str] = {}
    for change in changes:
        for plan in change.detail.get("plans", ()):
            if plan.get("uses"):
                words[int(plan["queryid"])] = f"before without {change.subject}, after with it"
    alone = "" if changes else "; no change of this program lies between"

    def told(row: Compared) -> str:
        return row.plan + alone if row.plan.startswith(OTHER) else row.plan or words.get(row.key.queryid, "")

    return tuple(replace(row, plan=told(row)) for row in rows)
