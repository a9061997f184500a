"""What this role may see on this server, and what would enable the rest."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capability:
    """One part of the program on one server."""

    name: str
    """statements, texts, plans, statistics, extended_statistics, activity, changes"""
    available: bool
    reason: str = ""
    """Why not, one sentence; empty when available."""
    remedy: str = ""
    """The exact GRANT or setting lines that would enable it, one a line."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Probed once at connect. The SQL behind it is in queries/."""

    server_version_num: int
    server_version: str
    role: str
    superuser: bool
    in_recovery: bool
    pooled: bool
    """True when a connection pooler stands between."""
    extension_schema: str
    """Schema of pg_stat_statements in the connected database; empty when absent."""
    extension_version: str
    statement_columns: frozenset[str]
    """Columns that pg_stat_statements really has here."""
    track_io_timing: bool
    parts: tuple[Capability, ...]

    def part(self, name: str) -> Capability:
        """The capability of that name. Raises KeyError for a name that is not probed."""
        return next(part for part in self.parts if part.name == name) if self.has(name) else _missing(name)

    def has(self, name: str) -> bool:
        return any(part.name == name for part in self.parts)


def _missing(name: str) -> Capability:
    raise KeyError(name)
