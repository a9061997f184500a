"""Runs many statements of which some may fail: in batches, cut in half on error, retried while that helps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optischema_tui.core.lab.ddl import Statement
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    from psycopg import Connection

BATCH = 100
REASON_WIDTH = 160


@dataclass(frozen=True, slots=True)
class Failure:
    """A statement that the lab's server refused, and its reason on one line."""

    statement: Statement
    reason: str

    def __str__(self) -> str:
        return f"{one_line(self.statement.what)}: {self.reason}"


def run(
    connection: Connection[Any], statements: Sequence[Statement], done: Callable[[float], None] = lambda share: None
) -> list[Failure]:
    """Run `statements` on an autocommit connection, again as long as a round makes progress: things need each other.

    `done(share 0-1)` is called as it goes. Returns what failed to the end. A lost connection raises the driver's
    OperationalError.
    """
    failed = run_once(connection, statements, done)
    while failed:
        again = run_once(connection, [failure.statement for failure in failed])
        if len(again) == len(failed):
            return again
        failed = again
    return failed


def run_once(
    connection: Connection[Any], statements: Sequence[Statement], done: Callable[[float], None] = lambda share: None
) -> list[Failure]:
    """One round of `run`."""
    failures: list[Failure] = []
    for start in range(0, len(statements), BATCH):
        failures += _bisect(connection, statements[start : start + BATCH])
        done(min(1.0, (start + BATCH) / len(statements)))
    return failures


def _bisect(connection: Connection[Any], statements: Sequence[Statement]) -> list[Failure]:
    from psycopg import Error

    try:
        # Without parameters the driver sends one simple query: one implicit transaction for the whole batch.
        connection.execute(";\n".join(statement.sql for statement in statements).encode())
    except Error as error:
        if connection.closed:
            raise
        if len(statements) == 1:
            reason = error.diag.message_primary or str(error)
            return [Failure(statements[0], one_line(reason, REASON_WIDTH))]
        half = len(statements) // 2
        return _bisect(connection, statements[:half]) + _bisect(connection, statements[half:])
    return []
