"""What a person approved, and the journal's entries of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from optischema_tui.core.models.identity import TargetIdentity


class ChangeState(StrEnum):
    PROPOSED = "proposed"
    APPROVED = "approved"
    PREFLIGHT = "preflight"
    INTENT = "intent"
    EXECUTING = "executing"
    APPLIED = "applied"
    FAILED_CLEAN = "failed_clean"
    LEFTOVER = "leftover"
    UNKNOWN = "unknown"
    VERIFYING = "verifying"
    KEPT = "kept"
    ROLLED_BACK = "rolled_back"
    NEEDS_ATTENTION = "needs_attention"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Change:
    """One approved action and where it stands. The audit journal is its only store."""

    id: str
    """UUIDv7."""
    recommendation_id: str
    """Empty for a rollback."""
    target: TargetIdentity
    dsn: str
    """Conninfo without a secret: how to reach the target again."""
    kind: str
    """The name of a module in core/change/kinds."""
    title: str
    forward_sql: str
    """Its statements in order, with `;` and a line end between two."""
    inverse_sql: str
    """The same for the way back; empty when there is none."""
    sql_hash: str
    """digest(forward_sql) at approval; what runs must match it."""
    state: ChangeState
    schema: str
    """Empty, as `table` and `index_name`, where the change is not about such a thing."""
    table: str
    index_name: str
    approved_by: str = ""
    approved_at: float = 0.0
    updated_at: float = 0.0
    rolls_back: str = ""
    """Id of the change that this one undoes."""
    detail: dict[str, Any] = field(default_factory=dict)
    """JSON values only: steps and undo_steps (where there are several statements), subject, action, before (what the
    inverse restores), backend_pid, backend_start, definition, statements (queryids and texts), verdict, figures,
    error."""

    @property
    def steps(self) -> tuple[str, ...]:
        """The statements of `forward_sql`, one by one."""
        return tuple(self.detail.get("steps", ())) or (self.forward_sql,)

    @property
    def undo_steps(self) -> tuple[str, ...]:
        """The statements of `inverse_sql`, one by one; empty when there is no way back."""
        return tuple(self.detail.get("undo_steps", ())) or ((self.inverse_sql,) if self.inverse_sql else ())

    @property
    def wants_typing(self) -> bool:
        """It only runs after its subject was typed: nothing undoes it, or a server may not start with it."""
        return not self.rolls_back and (not self.inverse_sql or bool(self.detail.get("needs_restart")))

    @property
    def by_hand(self) -> bool:
        """A person carries it out elsewhere: nothing is sent, and it is only looked whether it is in force."""
        return bool(self.detail.get("by_hand"))

    @property
    def waits_for(self) -> str:
        """What a person has still to do before it counts: "waits for .."; empty when nothing is waited for."""
        if self.state is ChangeState.APPLIED and self.detail.get("waits_restart"):
            return "waits for the server's restart"
        if self.state is ChangeState.APPROVED and self.by_hand:
            return "waits to be done by hand"
        return ""

    @property
    def subject(self) -> str:
        """What is changed, as the SQL names it: an index, a table, a setting."""
        told = str(self.detail.get("subject", ""))
        return told or ".".join(filter(None, (self.schema, self.index_name or self.table)))


class Level(StrEnum):
    PASS = "pass"
    WARN = "warn"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a preflight."""

    name: str
    level: Level
    reason: str
    query: str = ""
    """The SQL that found it, empty for a local check."""


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """pg_stat_progress_create_index, once a second. `done` and `total` in the unit of the phase; total 0 = unknown."""

    phase: str
    done: int = 0
    total: int = 0
    blocker_pid: int = 0
    seconds: float = 0.0
    step: int = 0
    """Of the change's statements, the first being 0."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    seq: int
    at: float
    event: str
    """e.g. change.approved, change.intent, change.applied, recommendation.dismissed, audit.exported"""
    change_id: str
    body: dict[str, Any]
    """who, what, result, evidence: canonical JSON values, no secrets."""
    prev: str
    hash: str
