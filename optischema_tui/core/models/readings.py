"""What the query families other than the statements saw: tables of figures, and sessions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Scalar = int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one query family saw at one moment, as a table. Never mutated.

    Counters are cumulative, as the server keeps them: a delta is the difference of two readings of one `epoch`.
    """

    family: str
    """tables, indexes, sizes, database, io, wal, checkpointer, replication, slots, progress, settings, locks"""
    taken_at: float
    """Local wall clock, seconds since 1970: display and storage."""
    monotonic: float
    """Local monotonic seconds: intervals inside one run of the program."""
    server_clock: float
    """clock_timestamp() of the server, seconds since 1970: intervals across runs."""
    columns: tuple[str, ...] = ()
    """Our names of the columns; units are documented with the family."""
    rows: tuple[tuple[Any, ...], ...] = ()
    """Values of `columns`: int, float, str, bool, None (unknown), or a tuple of ints (process ids)."""
    epoch: str = ""
    """Counters of two readings are comparable only when this is equal."""
    left_out: int = 0
    """Rows that are there but were not read, since a family reads a bounded number, the heaviest first."""
    lacking: tuple[str, ...] = ()
    """Columns that this server does not have: None in every row."""
    problem: str = ""
    """Why nothing could be read, a sentence that names the GRANT or setting; then there are no rows."""

    def dicts(self) -> list[dict[str, Any]]:
        """Each row by column name."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True, slots=True)
class Session:
    """One backend that is not idle, as pg_stat_activity tells it. Texts are unsafe, see `safe_text`."""

    pid: int
    backend_type: str
    database: str
    role: str
    application: str
    client: str
    """Address, empty for a local socket."""
    state: str
    """active, idle in transaction, ...; empty when this role may not see it."""
    wait_type: str
    """wait_event_type; empty: not waiting, so on a CPU (or wanting one) when active."""
    wait_event: str
    queryid: int | None
    """14+ with compute_query_id; None when unknown."""
    query: str
    """Head of its text, not normalised: it may hold literals."""
    xact_seconds: float | None
    """Age of its transaction."""
    query_seconds: float | None
    """Age of its statement, or of its state when it is idle in transaction."""
    blocked_by: tuple[int, ...] = ()
    """Process ids that hold or await before it what it waits for; 0 is a prepared transaction."""


@dataclass(frozen=True, slots=True)
class ActivitySample:
    """All sessions at one moment; the idle ones only counted."""

    taken_at: float
    monotonic: float
    server_clock: float
    sessions: tuple[Session, ...] = ()
    idle: int = 0
    """Client backends in state idle."""
    hidden: int = 0
    """Client backends whose state this role may not see."""
    total: int = 0
    """Client backends, ours not counted."""
    left_out: int = 0
    """Sessions that are not idle but beyond the bound of one sample."""


@dataclass(frozen=True, slots=True)
class WaitPoint:
    """Average active sessions by wait class over one interval of the charts.

    AAS of a class = number of (sample, session) pairs in it / number of samples: the average number of sessions that
    were at it at once. A session is active when its state is `active`; waiting on nothing counts as class CPU.
    """

    at: float
    """End of the interval, local wall clock, seconds since 1970."""
    seconds: float
    samples: int
    by_class: tuple[tuple[str, float], ...] = ()
    """(wait_event_type or CPU, average active sessions), the largest first."""
    breaks: bool = False
    """True when samples are missing before this point: the line must not be joined to the point before it."""
