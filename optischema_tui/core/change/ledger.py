"""Moves one change from state to state. Every move is durable, and in the audit chain, before the next step begins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from optischema_tui.core.audit.actor import actor
from optischema_tui.core.change.states import CONTESTED, advance
from optischema_tui.core.clock import Clock
from optischema_tui.core.models import Change, ChangeState

if TYPE_CHECKING:
    from optischema_tui.core.audit.journal import Journal


class Ledger:
    """The journal as one change sees it."""

    def __init__(self, journal: Journal, change: Change, clock: Clock) -> None:
        self.journal = journal
        self.change = change
        self.clock = clock
        self.database: dict[str, Any] = {}
        """Who we are to the server: session_user, current_user, backend_pid, ...; empty before a session."""

    def move(
        self,
        state: ChangeState,
        result: str,
        *,
        body: Mapping[str, Any] | None = None,
        evidence: Mapping[str, Any] | None = None,
        **detail: Any,
    ) -> Change:
        """Put the change into `state`. `result` is one sentence; `body` goes to the audit, `detail` to the change, and
        `evidence` (name -> JSON values) beside the audit, which holds its hash.

        Raises ChangeRefused when the edge is illegal or somebody else has moved the change on before, StorageError when
        it cannot be made durable.
        """
        before = self.change.state
        moved = advance(self.change, state, self.clock.wall(), result=result, **detail)
        told = self._body(result, {"from": str(before), **(body or {})})
        expected = before if before in CONTESTED else None
        self.journal.save(moved, f"change.{state}", told, evidence=evidence, expected=expected)
        self.change = moved
        return moved

    def note(self, event: str, result: str, **body: Any) -> None:
        """An audit entry that moves nothing: a refusal, a retry, a failed cleanup."""
        self.journal.record(f"change.{event}", self._body(result, body), change_id=self.change.id)

    def _body(self, result: str, more: Mapping[str, Any]) -> dict[str, Any]:
        change = self.change
        return {
            "who": actor(),
            "database": self.database,
            "target": change.target.fingerprint,
            "kind": change.kind,
            "subject": change.subject,
            **({"index": f"{change.schema}.{change.index_name}"} if change.index_name else {}),
            **({"table": f"{change.schema}.{change.table}"} if change.table else {}),
            "sql_hash": change.sql_hash,
            "result": result,
            **more,
        }
