"""How to reach a target: parameters for both drivers, never a secret in a place that is stored or shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock

from optischema_tui.core.models import digest
from optischema_tui.core.policy.rules import OwnRules


class Renewal:
    """A password that its source can give anew: kept until a server refuses it. Safe for threads."""

    def __init__(self, password: str, fetch: Callable[[], str]) -> None:
        self._password = password
        self._fetch = fetch
        self._lock = Lock()

    @property
    def newest(self) -> str:
        return self._password

    def after(self, refused: str) -> str:
        """The password that stands for the `refused` one; the same when the source knows no other. Raises AuthError."""
        with self._lock:
            if self._password == refused:
                self._password = self._fetch()
            return self._password


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
    sample_rows: bool = True
    """The lab may read a bounded sample of the target's rows, for statistics that the server does not keep."""
    interval: float = 30.0
    """Seconds between two polls of the statements."""
    intervals: tuple[tuple[str, float], ...] = ()
    """Seconds between two readings of other query families, by name, where the profile says so; 0 turns one off."""
    profile: str = ""
    show: tuple[str, ...] = ()
    """Filter reasons whose statements are shown from the start."""
    theme: str = ""
    """The profile's own; empty: the program's."""
    policy: OwnRules = field(default_factory=OwnRules)
    """What the user's config says may be changed there."""
    renewal: Renewal | None = field(default=None, repr=False, compare=False)
    """Where the password can be had anew."""

    @property
    def newest(self) -> TargetSpec:
        """This target with the newest password that is known."""
        if self.renewal is None or self.renewal.newest == self.password:
            return self
        return replace(self, password=self.renewal.newest)

    def renewed(self) -> TargetSpec | None:
        """This target with another password, now that the server has refused this one; None when there is no other.

        May take as long as a password_command may. Raises AuthError when that fails.
        """
        password = self.renewal.after(self.password) if self.renewal else self.password
        return replace(self, password=password) if password != self.password else None

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
