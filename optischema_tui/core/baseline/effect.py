"""Did a change help? Its own statements before it began and after it was in place, out of the history."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.baseline.baseline import before_after
from optischema_tui.core.baseline.compare import Compared
from optischema_tui.core.history.store import History
from optischema_tui.core.models import Change, ChangeState


@dataclass(frozen=True, slots=True)
class Effect:
    """What was measured; `rows` in the order of the change's evidence, empty when history has nothing."""

    rows: tuple[Compared, ...]

    @property
    def sentences(self) -> tuple[str, ...]:
        """One for each statement, without its text: mean before, mean after, ratio, verdict."""
        return tuple(_sentence(row) for row in self.rows)


def effect(history: History, change: Change) -> Effect:
    """The effect of an applied change; of one that was rolled back, up to then."""
    begun, applied = change.detail.get("intent_at"), change.detail.get("applied_at")
    queryids = [int(one["queryid"]) for one in change.detail.get("statements", ()) if one.get("queryid")]
    if not begun or not applied or not queryids:
        return Effect(())
    until = change.updated_at if change.state is ChangeState.ROLLED_BACK else None
    return Effect(before_after(history, change.target.fingerprint, queryids, begun, applied, until=until))


def _sentence(row: Compared) -> str:
    before = f"{row.before.mean_exec_time:.2f} ms over {row.before.calls} calls" if row.before else "not seen before"
    if row.after is None or not row.after.calls:
        return f"before {before}; after: no call measured yet"
    after = f"{row.after.mean_exec_time:.2f} ms over {row.after.calls} calls"
    if row.before is None:
        return f"before: not in history; after {after}"
    times = ""
    if row.ratio is not None:
        times = f", {row.ratio:.1f}x faster" if row.ratio >= 1 else f", {1 / row.ratio:.1f}x slower"
    return f"before {before}; after {after}{times}: {row.verdict}"
