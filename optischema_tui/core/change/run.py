"""One application of one change: preflight, intent, attempts, and what the catalog says at the end."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.catalog import CREATE, DROP, Outcome, see_index
from optischema_tui.core.change.execute import End, Ended, Tell, run_ddl
from optischema_tui.core.change.faults import reach
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.change.preflight import Say, refusal, run_checks
from optischema_tui.core.change.session import act_as_owner
from optischema_tui.core.change.settle import STATE_OF, marked, settle
from optischema_tui.core.change.states import EDGES, UNDOABLE
from optischema_tui.core.change.verify import finish_applied, record_applied
from optischema_tui.core.clock import Clock
from optischema_tui.core.errors import ChangeRefused, OptischemaError
from optischema_tui.core.models import Change, ChangeState, Check, Level
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    import psycopg

    from optischema_tui.core.audit.journal import Journal

Pause = Callable[[float], bool]
"""Waits that many seconds; True when the person cancelled meanwhile. `threading.Event.wait` is one."""

_IN_FORCE = UNDOABLE | {ChangeState.EXECUTING, ChangeState.INTENT}


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
        """Send the statement, at most `Limits.attempts` times, until it ended in another way than by a lock."""
        if self.ledger.change.kind == DROP and see_index(self.connection, self.ledger.change) is None:
            return Ended(End.DONE)
        attempt = 0
        while True:
            attempt += 1
            reach("before_execute")
            ended = run_ddl(
                self.connection, self.spec, self.ledger.change, marked(self.ledger, self.ledger.change.forward_sql),
                lock_ms=self.limits.build_lock_ms, limits=self.limits, on_progress=self.on_progress, cancel=self.cancel,
            )  # fmt: skip
            reach("after_execute")
            if not self._again(ended, attempt, pause):
                return ended

    def _preflight(self) -> None:
        """Raises ChangeRefused, with the change back in `approved`, when a line blocks or the checks cannot be done."""
        import psycopg

        ledger = self.ledger
        ledger.move(ChangeState.PREFLIGHT, "Preflight begun")
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
            )
        except (psycopg.Error, OptischemaError):
            ledger.move(ChangeState.APPROVED, "The preflight could not be finished; nothing was sent")
            raise
        error = refusal(checks)
        if error is None and self.cancel.is_set():
            error = ChangeRefused("The change was cancelled before it began", todo="Nothing was sent to the server")
        if error is not None:
            ledger.move(ChangeState.APPROVED, error.sentence, body={"checks": _as_json(checks)})
            raise error
        reach("after_preflight")
        self.checks = checks

    def _announce(self) -> None:
        """The intent is on the disk before the first word of the SQL leaves."""
        ledger, change = self.ledger, self.ledger.change
        seen = see_index(self.connection, change)
        announced: dict[str, Any] = {
            "backend_pid": ledger.database["backend_pid"],
            "backend_start": ledger.database["backend_start"],
            "intent_at": ledger.clock.wall(),
        }
        if change.kind == DROP and seen is not None:
            announced["definition"] = seen.definition
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
            **announced,
        )
        reach("after_intent")
        ledger.move(ChangeState.EXECUTING, "The statement is sent")

    def _again(self, ended: Ended, attempt: int, pause: Pause) -> bool:
        """Whether another attempt is due, after the wait for it, with nothing left of the last one."""
        if ended.end is not End.AGAIN or attempt >= self.limits.attempts or self.cancel.is_set():
            return False
        found, _ = settle(self.connection, self.spec, self.ledger, self.limits, self.on_progress)
        if found is not Outcome.NOT_DONE:
            return False
        seconds = self.limits.retry_seconds * (1 + random.random() / 2)
        self.ledger.note("retry", f"{ended.why}. Attempt {attempt + 1} in {seconds:.0f} s", sqlstate=ended.sqlstate)
        return not pause(seconds) and not self.cancel.is_set()

    def _settle(self, ended: Ended) -> Ended:
        found, reason = settle(
            self.connection, self.spec, self.ledger, self.limits, self.on_progress, just_built=ended.end is End.DONE
        )
        if found is Outcome.DONE:
            record_applied(self.connection, self.ledger, reason)
            finish_applied(self.connection, self.ledger)
            return Ended(End.DONE)
        told = f"{ended.why}. {reason}" if ended.why else reason
        self.ledger.move(STATE_OF[found], told, body={"sqlstate": ended.sqlstate}, error=told)
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
) -> tuple[Check, ...]:
    others = journal.changes(fingerprint=change.target.fingerprint, states=_IN_FORCE)
    since = change.rolls_back or change.id
    later = tuple(
        other
        for other in others
        if (other.schema, other.table) == (change.schema, change.table) and since < other.id != change.id
        if other.kind == CREATE
    )
    return run_checks(
        connection, change, spec, now=clock.wall(), limits=limits, holder=holder, later=later, on_check=on_check
    )


def _as_json(checks: tuple[Check, ...]) -> list[dict[str, str]]:
    """Passed lines by name only: the journal keeps what mattered."""
    return [
        {"name": check.name, "level": str(check.level), "reason": "" if check.level is Level.PASS else check.reason}
        for check in checks
    ]
