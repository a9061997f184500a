"""Load over time: a grid of hours, a line with its bands, what moved between two windows, one moment opened."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optischema_tui.core.models.baselines import WindowStats
    from optischema_tui.core.models.readings import Session, WaitPoint
    from optischema_tui.core.models.statements import StatementKey

MEASURES = {
    "time": "seconds of execution per second",
    "calls": "calls per second",
    "latency": "ms per call",
    "blocks": "shared blocks per second",
}
"""What a heatmap shows -> its unit."""


@dataclass(frozen=True, slots=True)
class HeatCell:
    """One hour of one day, as the clocks on the wall show it."""

    day: str
    """2026-11-20"""
    hour: int
    """0-23"""
    length: float
    """Seconds of it that the window holds: 3600, less at the window's ends, 7200 of an hour that the clocks repeat."""
    observed: float = 0.0
    """Seconds of these that were observed; 0: a gap, of which nothing is known."""
    calls: float = 0.0
    """A fraction where an interval of several hours was spread over them."""
    exec_time: float = 0.0
    """ms"""
    blocks: float = 0.0
    """Shared blocks hit and read; 0 where they were not asked for."""

    def value(self, measure: str) -> float | None:
        """In the unit that `MEASURES` names. None in a gap, and for the latency of no call."""
        if self.observed <= 0:
            return None
        if measure == "latency":
            return self.exec_time / self.calls if self.calls else None
        return {"time": self.exec_time / 1000, "calls": self.calls, "blocks": self.blocks}[measure] / self.observed


@dataclass(frozen=True, slots=True)
class Heatmap:
    measure: str
    """A key of `MEASURES`."""
    since: float
    until: float
    cells: tuple[HeatCell, ...]
    """Every hour of the window, gaps too, the earliest first; an hour that the clocks skipped is not among them."""
    queryid: int | None = None
    """None: all statements of the target."""
    text: str = ""
    """Of the statement; unsafe, see `safe_text`."""
    notes: tuple[str, ...] = ()
    """What is not held of the window, each a sentence."""

    @property
    def days(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(cell.day for cell in self.cells))


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """One stretch of a line."""

    at: float
    """Its end, seconds since 1970."""
    seconds: float
    """Its length."""
    observed: float = 0.0
    """Seconds of these that were observed; 0: a gap."""
    calls: float = 0.0
    exec_time: float = 0.0
    """ms"""
    intervals: int = 0
    """Stored intervals with a call: what the percentiles are of."""
    p50: float | None = None
    """ms per call: half of the calls were in intervals with at most this mean."""
    p95: float | None = None
    deviation: float | None = None
    """Standard deviation of single calls, ms, where the server's own sums of squares are kept; else None."""
    breaks: bool = False
    """True when the counters began anew in it: the line must not be joined to the stretch before it."""

    @property
    def mean(self) -> float | None:
        """ms per call; None without a call."""
        return self.exec_time / self.calls if self.calls else None

    @property
    def load(self) -> float | None:
        """Execution seconds per second; None in a gap."""
        return self.exec_time / 1000 / self.observed if self.observed else None

    @property
    def calls_per_second(self) -> float | None:
        return self.calls / self.observed if self.observed else None


@dataclass(frozen=True, slots=True)
class Trend:
    since: float
    until: float
    points: tuple[TrendPoint, ...]
    """Stretches of equal length without a hole, the earliest first."""
    waits: tuple[WaitPoint, ...] = ()
    """Average active sessions by wait class: of the target, or of the sessions in this statement."""
    queryid: int | None = None
    text: str = ""
    """Unsafe, see `safe_text`."""
    bands: str = ""
    """What the bands are of, a sentence."""
    notes: tuple[str, ...] = ()


class Move(StrEnum):
    NEW = "new"
    GONE = "gone"
    SLOWER = "slower"
    FASTER = "faster"
    MORE_CALLS = "more calls"
    FEWER_CALLS = "fewer calls"


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two windows."""

    since: float
    until: float
    observed: float
    """Seconds that its figures stand for."""
    calls: int
    exec_time: float
    """ms, of top-level statements: a nested one's time is in its caller's."""

    @property
    def load(self) -> float:
        """Execution seconds per second."""
        return self.exec_time / 1000 / self.observed if self.observed else 0.0


@dataclass(frozen=True, slots=True)
class Mover:
    """One statement on both sides. Loads are execution seconds per observed second."""

    key: StatementKey
    text: str
    """Unsafe, see `safe_text`."""
    before: WindowStats | None
    after: WindowStats | None
    load_before: float
    load_after: float
    share_before: float
    """0-1 of the execution time of top-level statements of that side."""
    share_after: float
    by_calls: float
    """What of `change` comes from more or fewer calls a second, at the average of both means."""
    by_mean: float
    """What comes from slower or faster calls, at the average of both rates; the two add up to `change`. Of a statement
    that is new or gone all of it is `by_calls`."""
    moves: tuple[Move, ...] = ()
    """What is more than noise, the larger effect first; empty: nothing is."""
    noise: float = 0.0
    """A change of the mean up to this (0.05 = 5 %) is noise."""
    tested: bool = False
    """Whether the variation between the intervals of both windows was looked at too, not only that between calls."""
    formerly: int | None = None
    """The queryid that the same text had before, where the server gave it another one in between."""

    @property
    def change(self) -> float:
        return self.load_after - self.load_before

    @property
    def mean_change(self) -> float | None:
        """Of the mean time: -0.8 is 80 % less; None when a side has no time."""
        if not (self.before and self.after and self.before.mean_exec_time > 0):
            return None
        return self.after.mean_exec_time / self.before.mean_exec_time - 1


@dataclass(frozen=True, slots=True)
class Movers:
    before: Side
    after: Side
    movers: tuple[Mover, ...]
    """The largest change of load first."""
    left_out: int = 0
    """Statements with a smaller change than all of these."""
    left_out_change: float = 0.0
    """What these changed together, execution seconds per second."""
    hidden: int = 0
    """Statements of this program, which are in neither side."""
    rule: str = ""
    """In words, when a statement has moved."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpikeStatement:
    key: StatementKey
    text: str
    role: str
    database: str
    calls: int
    exec_time: float
    """ms"""
    load: float
    """Execution seconds per second in the moment's interval."""
    usual: float | None
    """The same in the time before it; None when nothing is known of that."""


@dataclass(frozen=True, slots=True)
class SpikeWait:
    wait_type: str
    """wait_event_type, or CPU."""
    wait_event: str
    average: float
    """Average active sessions."""
    usual: float | None
    """The same in the time before; None when nothing is known of that."""


@dataclass(frozen=True, slots=True)
class BlockedLine:
    """A line of a blocking tree, with what is known of its session."""

    pid: int
    depth: int
    blocked_by: tuple[int, ...]
    behind: int
    session: Session | None
    """None: not in the sample, e.g. a prepared transaction (pid 0)."""


@dataclass(frozen=True, slots=True)
class BlockingMoment:
    at: float
    waiting: int
    """Sessions that waited for another."""
    roots: tuple[int, ...]
    """Process ids of those that waited for nobody."""


@dataclass(frozen=True, slots=True)
class Spike:
    """One moment opened: what ran, what it waited for, who held up whom."""

    since: float
    until: float
    """Of the interval that the statements are of."""
    load: float | None
    """Execution seconds per second."""
    usual: float | None
    statements: tuple[SpikeStatement, ...]
    """The largest rise of load first."""
    waits: tuple[SpikeWait, ...]
    """The most sessions first."""
    blocking: tuple[BlockedLine, ...]
    """Roots first, of the moment in which most sessions waited; empty when nobody did."""
    blocking_at: float | None
    """When that was."""
    blocked: tuple[BlockingMoment, ...]
    """Every sample in which a session waited for another, the earliest first."""
    notes: tuple[str, ...] = ()
