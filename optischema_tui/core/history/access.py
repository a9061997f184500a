"""What every part of the history stands on: the file, the clock, the limits."""

from __future__ import annotations

import sqlite3
from typing import Any

from optischema_tui.core.clock import Clock
from optischema_tui.core.history.database import Database
from optischema_tui.core.history.limits import Limits


class Access:
    """Base of the parts of `History`."""

    def __init__(self, database: Database, clock: Clock, limits: Limits) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits

    def _fetch(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return self._database.read(lambda connection: connection.execute(sql, values).fetchall())

    def _execute(self, sql: str, values: tuple[Any, ...]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(sql, values)

        self._database.write(work)
