"""The target's own indexes in the lab, by name, so that a plan can do without them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from optischema_tui.core.advise.planner import IndexName
from optischema_tui.core.errors import LabError
from optischema_tui.core.safe_text import one_line

if TYPE_CHECKING:
    from psycopg import Connection

_FIND = b"""
SELECT tree.oid
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
CROSS JOIN LATERAL (SELECT c.oid UNION SELECT relid::oid FROM pg_catalog.pg_partition_tree(c.oid::regclass)) AS tree
WHERE n.nspname = %s AND c.relname = %s AND c.oid >= 16384
"""


class RealIndexes:
    """Looks indexes up once; the lab's own schema does not change."""

    def __init__(self, admin: Connection[Any]) -> None:
        self._admin = admin
        self._known: dict[IndexName, frozenset[int]] = {}

    def oids(self, names: Collection[IndexName]) -> frozenset[int]:
        """OIDs of the indexes named, with those of their partitions. Raises LabError for one that is not there."""
        return frozenset().union(*(self._one(name) for name in names))

    def _one(self, name: IndexName) -> frozenset[int]:
        import psycopg

        if name not in self._known:
            try:
                found = frozenset(oid for (oid,) in self._admin.execute(_FIND, name))
            except psycopg.Error as error:
                raise LabError("The lab's server was lost", one_line(str(error), 300)) from error
            if not found:
                raise LabError(f"The lab has no index {one_line(name[0])}.{one_line(name[1])}")
            self._known[name] = found
        return self._known[name]
