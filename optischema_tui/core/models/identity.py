"""Which database this is, and names as PostgreSQL writes them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TargetIdentity:
    """Which database of which cluster this is, as the server itself says it."""

    system_identifier: str
    database_oid: int
    database: str
    server_version_num: int
    label: str = ""
    """What the person calls it: the profile's name, or host/database."""

    @property
    def fingerprint(self) -> str:
        """16 hex digits that stay the same for this database of this cluster, whatever it is called."""
        return digest(f"{self.system_identifier}/{self.database_oid}/{self.database}")[:16]


OBSERVED = "observed"
"""State of a target that answers; any other says why it could not be used."""


@dataclass(frozen=True, slots=True)
class RecentTarget:
    """A target that was reached before, for the choice of one to connect to."""

    label: str
    """The profile's name, or what else the person calls it."""
    dsn: str
    """Without a secret."""
    identity: TargetIdentity
    seen_at: float
    """When it was reached last, seconds since 1970."""
    state: str
    """What became of it then, a few words; empty when nobody said."""
    state_at: float
    picture_at: float | None
    """When its stored picture was taken; None when there is none."""


@dataclass(frozen=True, slots=True)
class KnownTarget:
    """One line of the connect screen. Texts may come from files: make them safe before showing them."""

    name: str
    """What opens it: a profile's name, service=NAME, or a connection string without a secret."""
    origin: str
    """Where it is known from: profile, service or recent."""
    label: str
    dsn: str = ""
    """A connection string without a secret; empty when it cannot be told."""
    where: str = ""
    """db.example:5432, or the socket's directory with the port; empty when it cannot be told."""
    dbname: str = ""
    user: str = ""
    allow_changes: bool = False
    state: str = ""
    """What became of it the last time, a few words; empty when it was never reached or nobody said."""
    seen_at: float | None = None
    """When it was reached last, seconds since 1970."""
    server_version_num: int = 0
    """As the server said then; 0 when it never did."""
    problem: str = ""
    """Why it cannot be opened; empty when nothing is wrong."""


def digest(text: str) -> str:
    """SHA-256 of `text` in UTF-8, as hex."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def quote(identifier: str) -> str:
    """`identifier` as PostgreSQL must read it: always in double quotes, so that no keyword list is needed."""
    return '"' + identifier.replace('"', '""') + '"'
