"""The columns that sessions are shown in."""

from __future__ import annotations

from optischema_tui.core.models import Session
from optischema_tui.widgets import figures
from optischema_tui.widgets.live_table import Cell, Column

IDLE_IN = "idle in transaction"
_SHORT = {"active": "active", IDLE_IN: "idle tx", "idle in transaction (aborted)": "idle tx!",
          "fastpath function call": "fastpath", "disabled": "disabled"}  # fmt: skip
_AMONG = {"Lock": "bad", "LWLock": "warn", "IO": "wait-io", "BufferPin": "warn", "IPC": "warn"}
LONG_SECONDS = 60.0
"""An open transaction older than this stands out."""


def session_columns() -> list[Column[Session]]:
    """The wait tells what an active session is at; that an idle one waits for its client is not a wait."""
    return [
        Column("pid", "PID", 7, lambda each, width: str(each.pid), lambda each: each.pid, True, largest_first=False),
        Column("state", "STATE", 8, _state, lambda each: each.state, largest_first=False),
        Column("wait", "WAIT", 18, _wait, wait_of, largest_first=False),
        Column("by", "BY", 7, lambda each, width: (", ".join(map(str, each.blocked_by)), "bad"),
               lambda each: len(each.blocked_by), True, 90),
        Column("age", "AGE", 8, lambda each, width: figures.seconds(each.query_seconds), _age, True),
        Column("xact", "TX AGE", 8, _transaction, lambda each: _known(each.xact_seconds), True, 70),
        Column("role", "ROLE", 10, lambda each, width: each.role or (each.backend_type, "dim"),
               lambda each: each.role, False, 60, False),
        Column("db", "DATABASE", 10, lambda each, width: (each.database, "dim"), lambda each: each.database, False, 100,
               False),
        Column("app", "APPLICATION", 14, lambda each, width: (each.application, "dim"), lambda each: each.application,
               False, 118, False),
        Column("client", "CLIENT", 14, lambda each, width: (each.client, "dim"), lambda each: each.client, False, 150,
               False),
        Column("query", "QUERY", 0, lambda each, width: each.query or (f"({each.backend_type})", "dim"),
               lambda each: each.query[:200].lower(), largest_first=False),
    ]  # fmt: skip


def _known(value: float | None) -> float:
    return -1.0 if value is None else value


def _age(each: Session) -> float:
    return _known(each.query_seconds)


def _state(each: Session, width: int) -> Cell:
    if not each.state:
        return "", "dim"
    role = "strong" if each.state == "active" else "warn" if each.state.startswith(IDLE_IN) else ""
    return _SHORT.get(each.state, each.state), role


def wait_of(each: Session) -> str:
    """`Lock:relation`, `CPU`, or nothing for a session that is not active."""
    if each.state != "active":
        return ""
    return f"{each.wait_type}:{each.wait_event}" if each.wait_type else "CPU"


def _wait(each: Session, width: int) -> Cell:
    return wait_of(each), _AMONG.get(each.wait_type, "") if each.state == "active" else "dim"


def _transaction(each: Session, width: int) -> Cell:
    old = each.xact_seconds is not None and each.xact_seconds > LONG_SECONDS
    return figures.seconds(each.xact_seconds) if each.xact_seconds is not None else "", "warn" if old else ""


def matches(each: Session, needle: str) -> bool:
    """Every word of `needle` stands in one of the session's texts or is its process id."""
    hay = " ".join((str(each.pid), each.role, each.database, each.application, each.client, each.state, wait_of(each),
                    each.backend_type, each.query)).lower()  # fmt: skip
    return all(word in hay for word in needle.lower().split())
