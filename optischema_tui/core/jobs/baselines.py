"""Named baselines of a target."""

from __future__ import annotations

from contextlib import closing

from optischema_tui.core.baseline.baseline import create, take
from optischema_tui.core.baseline.compare import Comparison, compare
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.history.store import History
from optischema_tui.core.models import Baseline
from optischema_tui.core.paths import Paths


def create_baseline(paths: Paths, fingerprint: str, name: str, minutes: float, *, clock: Clock = SYSTEM) -> Baseline:
    """Keep the last `minutes` of history under a name. Raises UsageError when there is none."""
    now = clock.wall()
    with closing(History.open(paths.history_db)) as history:
        return create(history, fingerprint, name, now - minutes * 60, now, clock=clock)


def list_baselines(paths: Paths, fingerprint: str | None = None) -> tuple[Baseline, ...]:
    with closing(History.open(paths.history_db)) as history:
        return tuple(history.baselines(fingerprint))


def compare_baselines(
    paths: Paths, fingerprint: str, first: str, second: str | None, minutes: float, *, clock: Clock = SYSTEM
) -> Comparison:
    """`first` against `second`, or against the last `minutes` when `second` is None."""
    now = clock.wall()
    with closing(History.open(paths.history_db)) as history:
        before = history.baseline(first, fingerprint)
        if second is not None:
            after = history.baseline(second, fingerprint)
        else:
            after = take(history, fingerprint, "now", now - minutes * 60, now, clock)
        return compare(before, after)
