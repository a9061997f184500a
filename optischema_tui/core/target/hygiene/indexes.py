"""What the catalog says of each index beyond its shape, and who else may read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optischema_tui.core.target.hygiene.rows import ask

if TYPE_CHECKING:
    import psycopg


@dataclass(frozen=True, slots=True)
class IndexReaders:
    """Which server this is, and its standbys."""

    in_recovery: bool
    started: float
    """pg_postmaster_start_time, seconds since 1970 by the server's clock."""
    standbys: tuple[str, ...]
    """Names of connected standbys, and of physical slots that none uses now, sorted; a name may come twice."""
    others: tuple[str, ...] = ()
    """Names of those who receive the log and answer no query: logical subscribers, archivers, backups."""


def read_index_rows(connection: psycopg.Connection[Any]) -> list[dict[str, Any]]:
    """Up to 5,000 indexes of the connected database, the heaviest first, as `queries/index_details.sql` names them.
    Reads catalogs only. Driver errors pass through."""
    return [
        {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
        for row in ask(connection, "index_details")
    ]


def read_index_readers(connection: psycopg.Connection[Any]) -> IndexReaders:
    """Driver errors pass through. Without pg_monitor the slots and senders of others still have their names."""
    row = ask(connection, "index_readers")[0]
    return IndexReaders(row["in_recovery"], row["started"], tuple(row["standbys"]), tuple(row["others"]))
