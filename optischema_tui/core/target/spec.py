"""How to reach a target: parameters for both drivers, never a secret in a place that is stored or shown."""

from __future__ import annotations

from dataclasses import dataclass, field

from optischema_tui.core.models import digest


@dataclass(frozen=True, slots=True)
class TargetSpec:
    """A resolved target. `params` are libpq keywords (host, port, dbname, user, sslmode, ...) without a password."""

    label: str
    """What the person calls it: the profile's name, or host/database."""
    params: tuple[tuple[str, str], ...]
    """Sorted by keyword."""
    password: str = field(default="", repr=False, compare=False)
    """In memory only."""
    password_source: str = "none"
    """Where the password came from, in words; never the value."""
    allow_changes: bool = False
    interval: float = 30.0
    """Seconds between two polls of the statements."""
    intervals: tuple[tuple[str, float], ...] = ()
    """Seconds between two readings of other query families, by name, where the profile says so; 0 turns one off."""
    profile: str = ""

    def get(self, keyword: str, default: str = "") -> str:
        return dict(self.params).get(keyword, default)

    @property
    def dsn(self) -> str:
        """A conninfo string without a secret: fit to be stored, and enough to reach the target again."""
        return " ".join(f"{key}={_escape(value)}" for key, value in self.params)

    @property
    def key(self) -> str:
        """16 hex digits that name this way to the target in history before the server has answered."""
        return digest(self.dsn)[:16]


def _escape(value: str) -> str:
    if value and not any(character in value for character in " '\\"):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
