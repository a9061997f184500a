"""What history says of the past: windows, charts, single moments. Times are seconds since 1970 by the local clock."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from optischema_tui.core.history import (
    charts,
    intervals,
    known_statements,
    readings,
    sessions,
    stored_ticks,
    windows,
)
from optischema_tui.core.history.access import Access
from optischema_tui.core.history.last_snapshot import read_snapshot
from optischema_tui.core.history.tick_rollup import Load
from optischema_tui.core.history.tiers import chart_tier
from optischema_tui.core.models import (
    ActivitySample,
    Interval,
    LoadPoint,
    Reading,
    Snapshot,
    StatementKey,
    StatementText,
    StoredTick,
    WaitPoint,
    WindowStats,
)


class Past(Access):
    def last_snapshot(self, fingerprint: str) -> Snapshot | None:
        """The snapshot that the newest stored deltas end with: deltas go on from it after a restart of the program."""
        return self._database.read(lambda connection: read_snapshot(connection, fingerprint))

    # --- statements ---

    def texts(self, fingerprint: str, keys: Iterable[StatementKey]) -> dict[StatementKey, StatementText]:
        """Texts of those keys that history knows."""
        wanted = tuple(keys)
        return self._database.read(lambda connection: known_statements.read_texts(connection, fingerprint, wanted))

    def statements_like(self, fingerprint: str, key: StatementKey) -> tuple[StatementKey, ...]:
        """The key, and those of this target that it took the place of: same text, role and database. The server gives a
        statement another queryid when a table is made anew. Empty when the key is not known."""

        def work(connection: sqlite3.Connection) -> tuple[StatementKey, ...]:
            found = known_statements.same_statements(connection, fingerprint, key)
            return tuple(like.key for like in found if like.target == fingerprint)

        return self._database.read(work)

    def window(self, fingerprint: str, since: float, until: float) -> tuple[WindowStats, ...]:
        """Sums of the intervals that lie wholly between `since` and `until`, the heaviest statement first.

        Its edges are as exact as what is stored of then: to the tick for hours, then to the minute, ten minutes, hour.
        """
        return tuple(self._database.read(lambda connection: windows.read_window(connection, fingerprint, since, until)))

    def intervals(
        self, fingerprint: str, queryids: Iterable[int], since: float, until: float, tier: int
    ) -> dict[int, list[Interval]]:
        """The intervals wholly between `since` and `until` in which each statement was called, the oldest first, all
        users together: buckets of `tier` (0, 60, 600 or 3600 s), coarser where history keeps no finer ones."""
        wanted = tuple(queryids)
        return self._database.read(
            lambda connection: intervals.read_intervals(connection, fingerprint, wanted, since, until, tier)
        )

    def breaks(self, fingerprint: str, since: float, until: float) -> tuple[float, ...]:
        """When the counters began anew between `since` and `until`: a restart, a crash, a reset; the oldest first."""
        return tuple(
            self._database.read(lambda connection: intervals.read_breaks(connection, fingerprint, since, until))
        )

    def texts_of(self, fingerprint: str, queryids: Iterable[int]) -> dict[int, str]:
        """Texts by queryid, of those that history knows."""
        wanted = tuple(queryids)
        return self._database.read(lambda connection: intervals.read_texts(connection, fingerprint, wanted))

    # --- charts ---

    def series(
        self, fingerprint: str, since: float, until: float | None = None, points: int = 2000
    ) -> tuple[LoadPoint, ...]:
        """At most about `points` load points after `since` up to `until`, the oldest first."""
        end = self._clock.wall() if until is None else until

        def work(connection: sqlite3.Connection) -> list[Load]:
            return charts.read_loads(connection, fingerprint, since, end, points)

        return tuple(charts.point(load) for load in self._database.read(work))

    def statement_points(
        self, fingerprint: str, key: StatementKey, since: float, until: float | None = None, points: int = 2000
    ) -> tuple[tuple[float, int, float], ...]:
        """(end of the interval, calls, mean ms) of one statement after `since` up to `until`, the oldest first, in at
        most about `points` intervals. It is followed through other queryids, see `statements_like`."""
        end = self._clock.wall() if until is None else until
        tier = chart_tier(end - since, points)
        return tuple(charts.statement_points(self._rows_of(fingerprint, key, since, end, tier), points, tier))

    def _rows_of(
        self, fingerprint: str, key: StatementKey, since: float, until: float, tier: int
    ) -> list[tuple[float, float, int, float]]:
        def work(connection: sqlite3.Connection) -> list[tuple[float, float, int, float]]:
            same = known_statements.same_statements(connection, fingerprint, key)
            return charts.read_statement(connection, same, since, until, tier)

        return self._database.read(work)

    # --- one moment ---

    def tick_at(self, fingerprint: str, at: float) -> StoredTick | None:
        """The finest stored interval that ended at or before `at`; None before the first one."""
        return self._database.read(lambda connection: stored_ticks.read_tick(connection, fingerprint, at))

    def neighbour(self, fingerprint: str, at: float, step: int) -> float | None:
        """The end of the stored interval `step` after the one that `tick_at` shows (before it for a negative step);
        None beyond the first and the last."""

        def work(connection: sqlite3.Connection) -> float | None:
            later, skip = step > 0, abs(step) - (1 if step > 0 else 0)
            found = charts.find_tick(connection, fingerprint, at, later=later, skip=skip)
            return found[2].at if found else None

        return self._database.read(work)

    def span(self, fingerprint: str) -> tuple[float, float] | None:
        """The ends of the first and the last stored interval; None without one."""
        return self._database.read(lambda connection: charts.read_span(connection, fingerprint))

    # --- sessions ---

    def waits(
        self, fingerprint: str, since: float, until: float | None = None, points: int = 600
    ) -> tuple[WaitPoint, ...]:
        """Average active sessions by wait class after `since` up to `until`, in at most about `points` intervals."""
        end = self._clock.wall() if until is None else until

        def work(connection: sqlite3.Connection) -> list[WaitPoint]:
            return sessions.read_waits(connection, fingerprint, since, end, points)

        return tuple(self._database.read(work))

    def session_counts(
        self, fingerprint: str, since: float, until: float | None = None, points: int = 60
    ) -> tuple[tuple[sessions.CountKey, float], ...]:
        """What sessions were at, with the average number of sessions that were at it at once, the most first."""
        end = self._clock.wall() if until is None else until
        samples, counts = self._database.read(
            lambda connection: sessions.read_counts(connection, fingerprint, since, end, points)
        )
        return tuple((key, number / samples) for key, number in counts.most_common())

    def activity_between(self, fingerprint: str, since: float, until: float) -> tuple[ActivitySample, ...]:
        """The samples of each second after `since` up to `until`, as far back as they are kept. Texts are those that
        the server normalised, where the statement is known, else without literals."""
        return tuple(
            self._database.read(lambda connection: sessions.read_samples(connection, fingerprint, since, until))
        )

    def sample_at(self, fingerprint: str, at: float) -> ActivitySample | None:
        """The sample that shows the moment `at`; None when there is none of the half minute before it."""
        return self._database.read(lambda connection: sessions.read_sample_at(connection, fingerprint, at))

    # --- readings ---

    def reading_at(self, fingerprint: str, family: str, at: float) -> Reading | None:
        """The newest reading taken at or before `at`. One that stayed the same has the time it was last found so."""
        return self._database.read(lambda connection: readings.read_at(connection, fingerprint, family, at))

    def reading_before(self, fingerprint: str, family: str, at: float) -> Reading | None:
        """The newest that was taken before `at`: for the time of a reading, the earlier side of its rates."""
        return self._database.read(lambda connection: readings.read_before(connection, fingerprint, family, at))

    def readings(self, fingerprint: str, family: str, since: float, until: float) -> tuple[Reading, ...]:
        """Those taken after `since` up to `until`, the oldest first."""
        return tuple(
            self._database.read(lambda connection: readings.read_between(connection, fingerprint, family, since, until))
        )
