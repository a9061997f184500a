"""What the server's views of statistics are really made of: versions and forks differ, so it is looked up."""

from __future__ import annotations

from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.sql import load

PACKAGE = "optischema_tui.core.collect"
FUNCTIONS = "pg_proc"
"""The key under which `probe_columns` tells the names of the pg_stat_get_* functions that this role may call."""


async def probe_columns(observer: Observer) -> dict[str, frozenset[str]]:
    """The columns of each statistics view in pg_catalog that this role may read, by the view's bare name.

    An absent or forbidden view is not in the map. One query. Raises what `Observer.fetch` raises.
    """
    rows = await observer.fetch(load(PACKAGE, "columns"))
    return {row["relation"]: frozenset(row["columns"] or ()) for row in rows}
