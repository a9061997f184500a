"""What the checks of a preflight share: the facts they look at, and how a line is made."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optischema_tui.core.change.catalog import PACKAGE, IndexSeen, ask
from optischema_tui.core.change.limits import Limits
from optischema_tui.core.change.session import as_login
from optischema_tui.core.models import Change, Check, Level
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.target.sql import load

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True, slots=True)
class Facts:
    """One session, one change, and what the first queries found."""

    connection: psycopg.Connection[Any]
    change: Change
    spec: TargetSpec
    limits: Limits
    server: dict[str, Any]
    """One row of server.sql."""
    table: dict[str, Any]
    """One row of table.sql; empty when there is no such relation."""
    indexes: tuple[IndexSeen, ...]
    later: tuple[Change, ...] = ()
    """Newer changes on the same table that are in force."""

    @property
    def named(self) -> IndexSeen | None:
        """The index that has the change's name."""
        return next((index for index in self.indexes if index.name == self.change.index_name), None)

    def as_login(self) -> AbstractContextManager[None]:
        """See `session.as_login`."""
        return as_login(self.connection, str(self.server["acting_as"]))

    def ask(self, name: str, /, **parameters: Any) -> list[dict[str, Any]]:
        return ask(self.connection, name, **parameters)


def ok(name: str, reason: str, query: str = "") -> Check:
    return _check(name, Level.PASS, reason, query)


def warn(name: str, reason: str, query: str = "") -> Check:
    return _check(name, Level.WARN, reason, query)


def block(name: str, reason: str, query: str = "") -> Check:
    return _check(name, Level.BLOCK, reason, query)


def _check(name: str, level: Level, reason: str, query: str) -> Check:
    """`query` is the name of a file in queries/, or the SQL itself when it has a space."""
    return Check(name, level, reason, load(PACKAGE, query) if query and " " not in query else query)
