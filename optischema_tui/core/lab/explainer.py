"""Plans statements on the lab's server. Nothing is ever executed: only single statements that EXPLAIN plans pass."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from optischema_tui.core.errors import LabError, PlanFailed
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.explain import check_plannable
from optischema_tui.core.target.planable import highest_parameter, planable, with_type

if TYPE_CHECKING:
    import psycopg

_UNTYPED = "42P18"
_MOST_UNTYPED = 12
_KNOWN_TEXTS = 4096


class Explainer:
    """One planning session. `connection` belongs to a role that owns the lab's database and is no superuser."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self.calls = 0
        """EXPLAINs sent so far."""
        self._ready: dict[str, bytes] = {}
        """Statement as given -> the EXPLAIN that the server has accepted as a single statement."""

    def explain(self, sql: str) -> Any:
        """The decoded EXPLAIN (FORMAT JSON, VERBOSE) document. Raises PlanFailed; LabError when the session is lost."""
        import psycopg

        try:
            command = self._ready.get(sql) or self._prepare(sql)
            self.calls += 1
            return json.loads(self._answer(command))
        except psycopg.Error as error:
            if self.connection.closed:
                raise LabError("The lab's planning session was lost", one_line(str(error), 300)) from error
            raise _failed(error) from None

    def _answer(self, command: bytes) -> bytes:
        """The one value that `command` returns. By libpq itself: the driver takes longer than a small plan."""
        from psycopg import errors, pq

        result = self.connection.pgconn.exec_(command)
        if result.status != pq.ExecStatus.TUPLES_OK:
            raise errors.error_from_result(result, "utf-8")
        return result.get_value(0, 0) or b"null"

    def _prepare(self, sql: str) -> bytes:
        """Let the server itself say that the text is one statement: EXPLAIN goes by the simple protocol, which
        GENERIC_PLAN needs and which would run several."""
        import psycopg

        text = planable(check_plannable(sql), self.connection.info.server_version)
        for _ in range(_MOST_UNTYPED):
            try:
                self._parse_alone(text)
                break
            except psycopg.Error as error:
                untyped = (
                    re.search(r"\$(\d+)", error.diag.message_primary or "") if error.sqlstate == _UNTYPED else None
                )
                retyped = with_type(text, int(untyped.group(1))) if untyped else text
                if retyped == text:
                    raise
                text = retyped
        how = "GENERIC_PLAN, VERBOSE, FORMAT JSON" if highest_parameter(text) else "VERBOSE, FORMAT JSON"
        command = f"EXPLAIN ({how}) {text}".encode("utf-8", "replace")
        if len(self._ready) >= _KNOWN_TEXTS:
            self._ready.clear()
        self._ready[sql] = command
        return command

    def _parse_alone(self, text: str) -> None:
        import psycopg
        from psycopg import pq

        result = self.connection.pgconn.prepare(b"", text.encode("utf-8", "replace"))
        if result.status != pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(result, "utf-8")


def _failed(error: psycopg.Error) -> PlanFailed:
    return PlanFailed("The lab cannot plan the statement", one_line(error.diag.message_primary or str(error), 300))
