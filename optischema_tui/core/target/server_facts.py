"""What the server said when it was probed, and how a part of the program is told from that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from optischema_tui.core.models import quote
from optischema_tui.core.target.capabilities import Capability, Group
from optischema_tui.core.target.environment import Provider

RELOAD = "SELECT pg_catalog.pg_reload_conf();"
TUNABLE = (
    "work_mem",
    "maintenance_work_mem",
    "random_page_cost",
    "effective_cache_size",
    "effective_io_concurrency",
    "default_statistics_target",
    "track_io_timing",
)
"""Settings that a role may be allowed to change with ALTER SYSTEM: none of them can keep a server from starting."""
_SCHEMAS_NAMED = 5


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What the queries said; rows are the drivers' records, with the columns of the SQL file of that name."""

    database: str
    session: Any
    """Of capabilities.sql."""
    settings: Mapping[str, str]
    extension: Any
    """Of extension.sql; None where pg_stat_statements is not created."""
    tables: Any
    """Of table_privileges.sql."""
    tunable: Mapping[str, bool]
    """Setting -> whether this role may ALTER SYSTEM it."""
    evictions: int = 0
    evictions_since: str = ""
    text_file_bytes: int = 0
    pooled: bool = False
    provider: Provider | None = None

    @property
    def role(self) -> str:
        return quote(self.session["role"])

    @property
    def version(self) -> int:
        return int(self.session["version_num"])

    def on(self, setting: str) -> bool:
        return self.settings.get(setting) == "on"

    def setting_lines(self, assignment: str, *, restart: bool = False) -> str:
        """How `name = value` is set on this server."""
        if self.provider is not None:
            return f"-- in {self.provider.settings_place}: {assignment}{'; then restart' if restart else ''}"
        return f"ALTER SYSTEM SET {assignment};{' -- then restart' if restart else chr(10) + RELOAD}"


def part(name: str, available: bool, reason: str, remedy: str, group: Group) -> Capability:
    if available:
        return Capability(name, True, group=group)
    return Capability(name, False, reason, remedy, group=group)


def in_part(name: str, whole: bool, reason: str, remedy: str, group: Group) -> Capability:
    """Works in any case, wholly or with the loss that `reason` tells."""
    if whole:
        return Capability(name, True, group=group)
    return Capability(name, True, reason, remedy, group=group, limited=True)


def names(joined: str | None) -> list[str]:
    """The first few of the names that string_agg joined by line breaks."""
    return [name for name in (joined or "").split("\n") if name][:_SCHEMAS_NAMED]
