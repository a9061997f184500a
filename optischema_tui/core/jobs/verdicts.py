"""Measure and judge applied changes, watch them, and tell of those that made something worse."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.baseline.effect import Effect, Past, effect, past_of
from optischema_tui.core.change.judge import Alert, alert_of, scope_of, watched
from optischema_tui.core.change.judge import judge as judge_change
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import ChangeRefused
from optischema_tui.core.history.store import History
from optischema_tui.core.models import Change, ChangeState
from optischema_tui.core.paths import Paths
from optischema_tui.core.safe_text import one_line

COMMAND_SECONDS = 10.0
PATIENCE = 0.05
"""A change is looked at again after this share of the time since it was applied: what is new by then matters."""
_PASSED_ON = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "DISPLAY", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")


@dataclass(frozen=True, slots=True)
class Watched:
    judged: tuple[Change, ...] = ()
    """Changes that were moved by their figures, as they are now."""
    alerts: tuple[Alert, ...] = ()


def measured(history: History, change: Change, past: Past | None = None) -> Effect:
    """The effect of an applied change; of one that was rolled back, up to then. Empty before it was applied."""
    begun, applied = change.detail.get("intent_at"), change.detail.get("applied_at")
    if not begun or not applied:
        return Effect()
    until = change.updated_at if change.state is ChangeState.ROLLED_BACK else float("inf")
    return effect(history, change.target.fingerprint, scope_of(change), float(begun), float(applied), until, past)


def measure(paths: Paths, change_id: str) -> Effect:
    """What history says of the change's statements before it began and after it was there."""
    with closing(History.open(paths.history_db)) as history, closing(Journal.of(paths)) as journal:
        return measured(history, journal.change(change_id))


def judge(paths: Paths, fingerprint: str, *, clock: Clock = SYSTEM) -> tuple[Change, ...]:
    """Give every change that is being verified its verdict as soon as enough was measured; gives those judged."""
    return Watch(paths, clock).look(fingerprint).judged


class Watch:
    """Looks after the changes of the last 72 hours; keep one for as long as a target is observed, and call `look` at
    each poll: it does no more work than there is news."""

    def __init__(self, paths: Paths, clock: Clock = SYSTEM) -> None:
        self._paths = paths
        self._clock = clock
        self._due: dict[str, float] = {}
        self._past: dict[str, Past] = {}

    def look(self, fingerprint: str) -> Watched:
        """Judge what is due. An alert comes once: the change is then in `needs_attention`, or a person has kept it.
        Raises StorageError."""
        if not self._paths.audit_db.exists():
            return Watched()
        now = self._clock.wall()
        with closing(Journal.of(self._paths, self._clock)) as journal:
            states = {ChangeState.VERIFYING, ChangeState.KEPT}
            found = [change for change in journal.changes(fingerprint=fingerprint, states=states)
                     if watched(change, now) and now >= self._due.get(change.id, 0.0)]  # fmt: skip
            if not found:
                return Watched()
            with closing(History.open(self._paths.history_db)) as history:
                return self._look_at(found, history, journal, now)

    def _look_at(self, found: Sequence[Change], history: History, journal: Journal, now: float) -> Watched:
        judged: list[Change] = []
        alerts: list[Alert] = []
        for change in found:
            self._due[change.id] = now + PATIENCE * max(0.0, now - float(change.detail.get("applied_at") or now))
            figures = measured(history, change, self._before(history, change))
            try:
                after = judge_change(journal, change, figures, clock=self._clock)
            except ChangeRefused:  # a person, or another program, has moved it on while it was measured
                continue
            if after.state is change.state:
                continue
            judged.append(after)
            if alert := alert_of(change, figures, now):
                alerts.append(alert)
        return Watched(tuple(judged), tuple(alerts))

    def _before(self, history: History, change: Change) -> Past | None:
        if change.id not in self._past and change.detail.get("intent_at"):
            begun, scope = float(change.detail["intent_at"]), scope_of(change)
            self._past[change.id] = past_of(history, change.target.fingerprint, scope, begun)
        return self._past.get(change.id)


def run_command(command: Sequence[str], alert: Alert, target: str) -> str:
    """Run the person's own `[watch] command` for an alert: no shell, no input, 10 seconds, the facts in environment
    variables. Gives a sentence when it failed, else ''. `target` is its label, without a secret."""
    facts = {
        "OPTISCHEMA_CHANGE": alert.change_id,
        "OPTISCHEMA_TARGET": one_line(target, 200),
        "OPTISCHEMA_SENTENCE": one_line(alert.sentence, 500),
        "OPTISCHEMA_SEVERITY": alert.severity,
        "OPTISCHEMA_PROPOSES_ROLLBACK": "yes" if alert.proposes_rollback else "no",
    }
    # Only what a program needs to start: PGPASSWORD and its like stay here.
    kept = {name: value for name in _PASSED_ON if (value := os.environ.get(name)) is not None}
    name = one_line(command[0], 80)
    try:
        done = subprocess.run(
            list(command), env=kept | facts, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=COMMAND_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"The watch command {name} was ended after {COMMAND_SECONDS:.0f} seconds"
    except OSError as error:
        return f"The watch command {name} could not be run: {error.strerror or 'unknown reason'}"
    return f"The watch command {name} ended with status {done.returncode}" if done.returncode else ""
