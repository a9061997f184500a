"""One question of this room to a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from optischema_tui.core.target.sql import load

if TYPE_CHECKING:
    import psycopg

PACKAGE = "optischema_tui.core.target.hygiene"


def ask(connection: psycopg.Connection[Any], name: str) -> list[dict[str, Any]]:
    """Each row of `queries/<name>.sql` by column name. Driver errors pass through."""
    cursor = connection.execute(load(PACKAGE, name, connection.info.server_version), prepare=False)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]
