"""What a collector tells its subscriber. Immutable; one at a time, in order."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.models import ActivitySample, Reading, Snapshot, StatementText, TargetIdentity
from optischema_tui.core.target.capabilities import Capabilities


@dataclass(frozen=True, slots=True)
class Connecting:
    """An attempt begins; `attempt` counts from 1 since the last success."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Connected:
    identity: TargetIdentity
    capabilities: Capabilities


@dataclass(frozen=True, slots=True)
class Attached:
    """Another program collects this target; what it stores is told from now on as if it were read here."""

    identity: TargetIdentity
    who: str


@dataclass(frozen=True, slots=True)
class Observed:
    """A tick is done."""

    snapshot: Snapshot
    texts: tuple[StatementText, ...]
    """Texts of statements seen for the first time by this collector."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """The sessions of one moment, about each second."""

    sample: ActivitySample


@dataclass(frozen=True, slots=True)
class Gathered:
    """A query family was read, or could not be: then the reading says why."""

    reading: Reading


@dataclass(frozen=True, slots=True)
class Lost:
    """The server cannot be used now; the collector tries again by itself after `retry_in` seconds."""

    error: OptischemaError
    retry_in: float


CollectEvent = Connecting | Connected | Attached | Observed | Sampled | Gathered | Lost
