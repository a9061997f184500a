"""One application of one change: preflight, intent, attempts, and what the catalog says at the end."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from optischema_tui.core.audit.story import PLANS_BEFORE
from optischema_tui.core.change.execute import End, Ended, Tell, run_ddl
from optischema_tui.core.change.faults import reach
from optischema_tui.core.change.kinds.kind import Outcome
from optischema_tui.core.change.kinds.registry import kind_of
from optischema_tui.core.change.later import later_changes, touched
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.change.patience import Patience, patience_for
from optischema_tui.core.change.preflight import Say, refusal, run_checks
from optischema_tui.core.change.session import act_as_owner
from optischema_tui.core.change.settle import STATE_OF, marked, settle
from optischema_tui.core.change.states import EDGES, came_from
from optischema_tui.core.change.verify import (
    finish_applied,
    mark_part_undone,
    plans_before,
    record_applied,
)
from optischema_tui.core.clock import Clock
from optischema_tui.core.errors import ChangeRefused, OptischemaError
from optischema_tui.core.models import BuildProgress, Change, ChangeState, Check, Level
from optischema_tui.core.policy.examine import stopped
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    import psycopg

    from optischema_tui.core.audit.journal import Journal

Pause = Callable[[float], bool]
"""Waits that many seconds; True when the person cancelled meanwhile. `threading.Event.wait` is one."""


@dataclass
class Run:
    """One application of one change on one session that holds the change's lock."""

    connection: psycopg.Connection[Any]
    spec: TargetSpec
    ledger: Ledger
    limits: Limits
    on_check: Say
    on_progress: Tell
    cancel: threading.Event
    typed: str = ""
    """See `preflight.way_back`."""
    checks: tuple[Check, ...] = field(default=(), init=False)

    def go(self, pause: Pause) -> Ended:
        """From preflight to the last state this session can reach."""
        import psycopg

        self._preflight()
        self._announce()
        try:
            ended = self._execute(pause)
            if ended.end is not End.LOST:
                return self._settle(ended)
        except psycopg.Error as error:
            if not self.connection.closed:
                raise
            ended = Ended(End.LOST, error.sqlstate or "", "The connection to the server was lost")
        if ChangeState.UNKNOWN in EDGES[self.ledger.change.state]:
            self.ledger.move(ChangeState.UNKNOWN, ended.why, body={"sqlstate": ended.sqlstate}, error=ended.why)
        return ended

    def _execute(self, pause: Pause) -> Ended:
        """Send what the server does not show as done yet, statement by statement; ends with the first that fails."""
        change = self.ledger.change
        todo = kind_of(change.kind).remaining(self.connection, change)
        self.ledger.move(ChangeState.EXECUTING, _told(change, todo), step=len(change.steps) - len(todo))
        for number, sql in enumerate(todo):
            if number:
                if self.cancel.is_set():
                    return Ended(End.CANCELLED, "", "You cancelled it")
                step = len(change.steps) - len(todo) + number
                self.ledger.move(ChangeState.EXECUTING, _told(change, todo[number:]), step=step)
            ended = self._send(sql, pause)
            if ended.end is not End.DONE:
                return ended
        return Ended(End.DONE)

    def _send(self, sql: str, pause: Pause) -> Ended:
        """One statement, tried again as long as a lock stands in its way and there is patience for it."""
        patience, attempt = patience_for(sql, self.limits), 0
        while True:
            attempt += 1
            if why := self._stopped():
                return Ended(End.CANCELLED, "", why)
            reach("before_execute")
            ended = run_ddl(
                self.connection, self.spec, self.ledger.change, marked(self.ledger, sql),
                lock_ms=patience.lock_ms, limits=self.limits, on_progress=self._tell, cancel=self.cancel,
            )  # fmt: skip
            reach("after_execute")
            if not self._again(ended, attempt, patience, pause):
                return ended

    def _stopped(self) -> str:
        """A kill switch that was pulled since the preflight; it is looked at before each statement."""
        change = self.ledger.change
        return stopped(self.spec.policy, change, self.ledger.journal.changes(fingerprint=change.target.fingerprint))

    def _tell(self, progress: BuildProgress) -> None:
        self.on_progress(replace(progress, step=int(self.ledger.change.detail.get("step", 0))))

    def _preflight(self) -> None:
        """Raises ChangeRefused, with the change back in `approved`, when a line blocks or the checks cannot be done."""
        import psycopg

        ledger = self.ledger
        ledger.move(ChangeState.PREFLIGHT, "Preflight begun", came_from=str(ledger.change.state))
        try:
            ledger.database = act_as_owner(self.connection, ledger.change)
            checks = check_change(
                self.connection,
                ledger.journal,
                ledger.change,
                self.spec,
                ledger.clock,
                self.limits,
                None,
                self.on_check,
                self.typed,
            )
        except (psycopg.Error, OptischemaError):
            ledger.move(came_from(ledger.change), "The preflight could not be finished; nothing was sent")
            raise
        error = refusal(checks)
        if error is None and self.cancel.is_set():
            error = ChangeRefused("The change was cancelled before it began", todo="Nothing was sent to the server")
        if error is not None:
            ledger.note("cancelled" if self.cancel.is_set() else "denied", error.sentence)
            ledger.move(
                came_from(ledger.change), error.sentence,
                body={"checks": _as_json(checks)}, evidence={"preflight": _whole(checks)},
            )  # fmt: skip
            raise error
        reach("after_preflight")
        self.checks = checks

    def _announce(self) -> None:
        """The intent is on the disk before the first word of the SQL leaves."""
        ledger, change = self.ledger, self.ledger.change
        announced: dict[str, Any] = {
            "backend_pid": ledger.database["backend_pid"],
            "backend_start": ledger.database["backend_start"],
            "intent_at": ledger.clock.wall(),
            "touches": touched(self.connection, change),
            **kind_of(change.kind).pre_image(self.connection, change),
        }
        plans = plans_before(self.connection, change)
        reach("before_intent")
        ledger.move(
            ChangeState.INTENT,
            "What will be done is recorded",
            body={
                **announced,
                "sql": change.forward_sql,
                "inverse_sql": change.inverse_sql,
                "expected": change.detail.get("spec"),
                "checks": _as_json(self.checks),
                "budget_ms": self.limits.budget_ms,
                "lock_ms": self.limits.build_lock_ms,
            },
            evidence={"preflight": _whole(self.checks), **({PLANS_BEFORE: plans} if plans else {})},
            **announced,
        )
        reach("after_intent")

    def _again(self, ended: Ended, attempt: int, patience: Patience, pause: Pause) -> bool:
        """Whether another attempt is due, after the wait for it, with nothing broken left of the last one."""
        if ended.end is not End.AGAIN or attempt >= patience.attempts or self.cancel.is_set():
            return False
        found, _ = settle(self.connection, self.spec, self.ledger, self.limits, self.on_progress)
        if found not in (Outcome.NOT_DONE, Outcome.PART):
            return False
        seconds = patience.retry_seconds * (1 + random.random() / 2)
        self.ledger.note("retry", f"{ended.why}. Attempt {attempt + 1} in {seconds:.1f} s", sqlstate=ended.sqlstate)
        return not pause(seconds) and not self.cancel.is_set()

    def _settle(self, ended: Ended) -> Ended:
        found, reason = settle(
            self.connection, self.spec, self.ledger, self.limits, self.on_progress, just_ran=ended.end is End.DONE
        )
        if found is Outcome.DONE:
            record_applied(self.connection, self.ledger, reason)
            finish_applied(self.connection, self.ledger)
            return Ended(End.DONE)
        told = f"{ended.why}. {reason}" if ended.why else reason
        if ended.end is End.CANCELLED:
            self.ledger.note("cancelled", ended.why)
        error = "" if found is Outcome.NOT_YET else told
        self.ledger.move(STATE_OF[found], told, body={"sqlstate": ended.sqlstate}, error=error)
        if found is Outcome.PART:
            mark_part_undone(self.ledger)
        return ended


def check_change(
    connection: psycopg.Connection[Any],
    journal: Journal,
    change: Change,
    spec: TargetSpec,
    clock: Clock,
    limits: Limits,
    holder: dict[str, Any] | None,
    on_check: Say,
    typed: str | None = None,
) -> tuple[Check, ...]:
    changes = journal.changes(fingerprint=change.target.fingerprint)
    later = later_changes(connection, change, changes if change.table else journal.changes())
    return run_checks(
        connection, change, spec, now=clock.wall(), limits=limits, holder=holder, later=later, changes=changes,
        on_check=on_check,
        typed=typed,
    )  # fmt: skip


def _told(change: Change, todo: tuple[str, ...]) -> str:
    if not todo:
        return "Nothing is left to send"
    if len(change.steps) == 1:
        return "The statement is sent"
    return f"Statement {len(change.steps) - len(todo) + 1} of {len(change.steps)} is sent: {todo[0]}"


def _whole(checks: tuple[Check, ...]) -> list[dict[str, str]]:
    """Every line with its reason and its query."""
    return [
        {"name": check.name, "level": str(check.level), "reason": check.reason, "query": check.query}
        for check in checks
    ]


def _as_json(checks: tuple[Check, ...]) -> list[dict[str, str]]:
    """Passed lines by name only: the journal keeps what mattered."""
    return [
        {"name": check.name, "level": str(check.level), "reason": "" if check.level is Level.PASS else check.reason}
        for check in checks
    ]
