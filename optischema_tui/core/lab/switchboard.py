"""Shows the planner some indexes and hides others, for all sessions of the lab at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from optischema_tui.core.errors import LabError
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    from psycopg import Connection

_SWITCH = b"""
UPDATE pg_catalog.pg_index SET indisvalid = (indexrelid = ANY($1::oid[]))
WHERE indexrelid = ANY($1::oid[]) OR indexrelid = ANY($2::oid[])
"""
_NAME = b"optischema_switch"


class Switchboard:
    """What-if indexes are off and the target's own are on, until a plan wants it otherwise.

    An index that is off is one that is not valid: the planner skips it, at about 0.15 microseconds each. Only
    differences are written, so that plans of one set after another cost no more than the plans.
    """

    def __init__(self, admin: Connection[Any]) -> None:
        self._admin = admin
        self._on: frozenset[int] = frozenset()
        self._hidden: frozenset[int] = frozenset()
        self._prepared = False

    def show(self, on: frozenset[int], hidden: frozenset[int] = frozenset()) -> None:
        """Let plans use the what-if indexes `on` and not the target's indexes `hidden` (OIDs). Raises LabError."""
        if on == self._on and hidden == self._hidden:
            return
        self._switch((on - self._on) | (self._hidden - hidden), (self._on - on) | (hidden - self._hidden))
        self._on, self._hidden = on, hidden

    def _switch(self, on: Iterable[int], off: Iterable[int]) -> None:
        """By libpq itself: the statement is a tenth of a millisecond's work, and the driver's ways as much again."""
        from psycopg import Error, pq

        try:
            connection = self._admin.pgconn
            if not self._prepared:
                _expect(connection.prepare(_NAME, _SWITCH), pq.ExecStatus.COMMAND_OK)
                self._prepared = True
            arguments = [_array(on), _array(off)]
            _expect(connection.exec_prepared(_NAME, arguments), pq.ExecStatus.COMMAND_OK)
        except Error as error:
            raise LabError("The lab's server was lost", one_line(str(error), 300)) from error


def _array(oids: Iterable[int]) -> bytes:
    return b"{" + ",".join(map(str, sorted(oids))).encode() + b"}"


def _expect(result: Any, status: int) -> None:
    from psycopg.errors import error_from_result

    if result.status != status:
        raise error_from_result(result, "utf-8")
