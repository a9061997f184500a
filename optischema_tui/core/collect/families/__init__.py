"""All query families beside the statements and the sessions, which have readers of their own."""

from __future__ import annotations

from optischema_tui.core.collect.families import databases, moment, relations, replication, server, settings
from optischema_tui.core.collect.family import Family

ALL: tuple[Family, ...] = (
    databases.FAMILY,
    *server.FAMILIES,
    *relations.FAMILIES,
    *replication.FAMILIES,
    settings.FAMILY,
    *moment.FAMILIES,
)
