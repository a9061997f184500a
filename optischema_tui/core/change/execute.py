"""Runs one DDL statement on the change's session while a second session watches it, and can cancel it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.catalog import ask
from optischema_tui.core.change.faults import reach
from optischema_tui.core.change.ids import application_name
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.change.session import STATEMENT_MS, set_timeouts
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.models import BuildProgress, Change
from optischema_tui.core.safe_text import one_line, redact
from optischema_tui.core.target.session import open_session
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    import psycopg

Tell = Callable[[BuildProgress], None]

_STEP = 0.1
"""Seconds between two looks at the cancel flag."""
_QUICK_STEPS = 20
"""For so many steps the server is asked at each; then once in `_SLOW_STEPS`."""
_SLOW_STEPS = 10
_AGAIN_AFTER_CANCEL = 20
"""Steps until a cancel that has not ended the statement is sent again."""


class End(StrEnum):
    DONE = "done"
    AGAIN = "again"
    """A wait for a lock ran out, or a deadlock was broken: another attempt may succeed."""
    CANCELLED = "cancelled"
    FAILED = "failed"
    LOST = "lost"
    """The session broke: nobody knows how it ended until the server is asked."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a statement ended; `why` is one sentence, empty when done."""

    end: End
    sqlstate: str = ""
    why: str = ""


_AGAIN = {
    "55P03": "A lock could not be had in time",
    "40P01": "The server broke a deadlock by ending this statement",
}
_EXPLAINED = {
    "22023": "The server does not take this value",
    "23505": "The rows are not unique",
    "42501": "The role may not do this; the lines of the preflight name what it needs",
    "53100": "The server's disk is full",
    "53200": "The server is out of memory",
    "53300": "The server has no connection left",
    "42P07": "The name is taken",
    "42P01": "The table is gone",
    "42703": "A column is gone",
}


def run_ddl(
    connection: psycopg.Connection[Any],
    spec: TargetSpec,
    change: Change,
    sql: str,
    *,
    lock_ms: int,
    limits: Limits,
    on_progress: Tell,
    cancel: threading.Event,
    fault: str = "during_build",
) -> Ended:
    """Run `sql` to its end. Never raises for what the server says; KeyboardInterrupt becomes a cancel.

    `on_progress` is called in another thread and must not raise.
    """
    import psycopg

    pid = connection.info.backend_pid
    finished = threading.Event()
    watcher = threading.Thread(
        target=_watch, args=(spec, change, pid, connection, finished, cancel, on_progress, fault), daemon=True
    )
    try:
        set_timeouts(connection, limits.budget_ms, lock_ms)
        watcher.start()
        connection.execute(sql.encode())
        ended = Ended(End.DONE)
    except KeyboardInterrupt:
        cancel.set()
        ended = Ended(End.CANCELLED, "57014", "You cancelled it")
    except psycopg.Error as error:
        ended = _classify(error, connection, cancel)
    finally:
        finished.set()
        if watcher.is_alive():
            watcher.join()
    if ended.end is not End.LOST:
        try:
            set_timeouts(connection, STATEMENT_MS, limits.probe_lock_ms)
        except psycopg.Error as error:
            return _classify(error, connection, cancel)
    return ended


def _classify(error: psycopg.Error, connection: psycopg.Connection[Any], cancel: threading.Event) -> Ended:
    state = error.sqlstate or ""
    said = one_line(redact(error.diag.message_primary or str(error)), 300)
    if state == "22023" and error.diag.message_detail:
        said += f" ({one_line(redact(error.diag.message_detail), 200).rstrip('.')})"
    if connection.closed or not state or state.startswith("08") or state in ("57P01", "57P02", "57P03"):
        return Ended(End.LOST, state, f"The connection to the server was lost: {said}")
    if state in _AGAIN:
        return Ended(End.AGAIN, state, f"{_AGAIN[state]}: {said}")
    if state == "57014":
        who = (
            "You cancelled it"
            if cancel.is_set()
            else f"The server ended it (its time ran out, or somebody cancelled it): {said}"
        )
        return Ended(End.CANCELLED, state, who)
    return Ended(End.FAILED, state, f"{_EXPLAINED[state]}: {said}" if state in _EXPLAINED else said)


# --- the second session ---


def _watch(
    spec: TargetSpec,
    change: Change,
    pid: int,
    connection: psycopg.Connection[Any],
    finished: threading.Event,
    cancel: threading.Event,
    tell: Tell,
    fault: str,
) -> None:
    """Until `finished`: tell the progress, and cancel when asked. Without a second session there is no progress."""
    import psycopg

    eyes: psycopg.Connection[Any] | None = None
    step, cancelled_at = 0, -_AGAIN_AFTER_CANCEL
    with suppress(OptischemaError):
        eyes = open_session(spec, statement_timeout_ms=5000)
    try:
        while not finished.wait(_STEP if step else 0.0):
            try:
                if cancel.is_set() and step - cancelled_at >= _AGAIN_AFTER_CANCEL:
                    _cancel(eyes, connection, change, pid)
                    cancelled_at = step
                if eyes is not None and (step < _QUICK_STEPS or step % _SLOW_STEPS == 0):
                    seen = progress(eyes, pid)
                    if seen is not None:
                        tell(seen)
                        reach(fault)
            except psycopg.Error:
                # The build itself will say what became of the server; without this session only its progress is unseen.
                if eyes is not None and eyes.closed:
                    eyes = None
            step += 1
    finally:
        if eyes is not None:
            eyes.close()


def _cancel(
    eyes: psycopg.Connection[Any] | None, connection: psycopg.Connection[Any], change: Change, pid: int
) -> None:
    if eyes is not None:
        ask(eyes, "cancel", pid=pid, application=application_name(change.id))
    else:
        connection.cancel_safe(timeout=5.0)


def progress(eyes: psycopg.Connection[Any], pid: int) -> BuildProgress | None:
    """What the process `pid` does now; None when it runs no statement. Driver errors pass through."""
    rows = ask(eyes, "progress", pid=pid)
    if not rows or rows[0]["state"] not in ("active", ""):
        return None
    row = rows[0]
    done, total = next(
        (
            (int(row[f"{unit}_done"]), int(row[f"{unit}_total"]))
            for unit in _units(row["phase"])
            if row[f"{unit}_total"] > 0
        ),
        (0, 0),
    )
    blocker = int(row["blocker_pid"])
    phase = row["phase"] or (f"waiting for process {blocker}" if blocker else "working")
    return BuildProgress(phase, done, total, blocker, float(row["seconds"]))


def _units(phase: str) -> tuple[str, ...]:
    """Which counters speak of this phase; the others may still hold the figures of an earlier one."""
    if phase.startswith("waiting"):
        return ("lockers",)
    if "tuples" in phase:
        return ("tuples",)
    return ("blocks", "tuples")
