"""What this role may see on this server, and what would enable the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    LIMITED = "limited"
    """It works, but shows less than there is, or figures that mislead."""
    MISSING = "missing"


class Group(StrEnum):
    """What a person wants to do; parts are shown under it, in this order."""

    CONNECTION = "Connection"
    OBSERVE = "Observe"
    FIGURES = "Figures that may mislead"
    ADVISE = "Advise"
    CHANGE = "Change"
    LOCAL = "This machine"


@dataclass(frozen=True, slots=True)
class Capability:
    """One part of the program on one server."""

    name: str
    """statements, texts, plans, statistics, activity, changes, ...: those of `features.TITLES`, `connection_parts` and
    the doctor's own."""
    available: bool
    reason: str = ""
    """Why not or not wholly, one sentence; empty when all is well."""
    remedy: str = ""
    """The exact GRANT or setting lines that would enable it, one a line."""
    title: str = ""
    """For people: 'Sessions of other roles'. Empty: the name stands in."""
    group: Group = Group.OBSERVE
    limited: bool = False
    """It works in part: `reason` says what is lost."""

    @property
    def level(self) -> Level:
        if self.limited:
            return Level.LIMITED
        return Level.OK if self.available else Level.MISSING


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
    environment: tuple[str, ...] = ()
    """What was recognised (a pooler, a standby, a managed service, ...) and what it means here, a sentence each."""
    provider: str = ""
    """The managed service: 'Amazon RDS', 'Cloud SQL', ...; empty when none was recognised."""

    def part(self, name: str) -> Capability:
        """The capability of that name. Raises KeyError for a name that is not probed."""
        return next(part for part in self.parts if part.name == name) if self.has(name) else _missing(name)

    def has(self, name: str) -> bool:
        return any(part.name == name for part in self.parts)


def in_order(parts: Iterable[Capability]) -> tuple[Capability, ...]:
    """By group, and inside a group as they come."""
    groups = list(Group)
    return tuple(sorted(parts, key=lambda part: groups.index(part.group)))


def _missing(name: str) -> Capability:
    raise KeyError(name)
