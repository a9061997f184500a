"""What a query family is: one kind of question to the server, with its own rhythm, deadline and budget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from optischema_tui.core.clock import Clock
from optischema_tui.core.models import Reading, TargetIdentity
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.target.observer import Observer


class Lane(StrEnum):
    """Each lane is a connection of its own: a long answer in one never delays the other."""

    FAST = "fast"
    """Looks at what is going on now: cheap, each second or few."""
    SLOW = "slow"
    """Reads counters: dearer, each half minute to each hour."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a family reads from."""

    observer: Observer
    identity: TargetIdentity
    capabilities: Capabilities
    columns: Mapping[str, frozenset[str]]
    """Columns that each view of the catalog really has here, and that this role may read; a view that is absent or
    forbidden is not in it."""
    clock: Clock
    epoch: str
    """Of the server: equal as long as its counters can be compared. A family adds its view's own stats_reset."""


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    """As in `Reading.family`."""
    title: str
    """For notices: 'Tables'."""
    interval: float
    """Seconds between two readings by default; a profile may say otherwise."""
    timeout: float
    """Seconds after which a reading is given up and its connection cut."""
    lane: Lane
    read: Callable[[Source], Awaitable[Reading]]
    """Raises ServerLost, or the OptischemaError of the server's refusal: the caller tells it."""
