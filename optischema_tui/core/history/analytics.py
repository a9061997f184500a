"""What history says of load over time. Times are seconds since 1970 by the local clock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from optischema_tui.core.clock import local_hour
from optischema_tui.core.history.access import Access

if TYPE_CHECKING:
    from optischema_tui.core.models.analytics import Heatmap, Movers, Spike, Trend


class Analytics(Access):
    """What each method stands on is loaded when it is first called: a start needs none of it."""

    def knows(self, fingerprint: str, queryid: int) -> bool:
        """Whether a statement of this queryid was ever seen on the target."""
        return bool(
            self._fetch("SELECT 1 FROM statement WHERE fingerprint = ? AND queryid = ? LIMIT 1", (fingerprint, queryid))
        )

    def heatmap(
        self,
        fingerprint: str,
        since: float,
        until: float | None = None,
        queryid: int | None = None,
        measure: str = "time",
        hour_of: Callable[[float], tuple[str, int]] = local_hour,
    ) -> Heatmap:
        """Load by hour and day of one statement (all its users together, also under a queryid that it had before) or of
        the whole target; the window is widened to whole hours. Days and hours are as `hour_of` tells them, by default
        of the machine's zone. Raises ValueError for a measure that is none of `MEASURES`."""
        from optischema_tui.core.history.heatmap import read_heatmap, whole_hours

        now = self._clock.wall()
        begin, end = whole_hours(since, now if until is None else until, now, hour_of)
        return self._database.read(
            lambda connection: read_heatmap(connection, fingerprint, begin, end, queryid, measure, hour_of)
        )

    def trend(
        self,
        fingerprint: str,
        since: float,
        until: float | None = None,
        queryid: int | None = None,
        points: int = 60,
    ) -> Trend:
        """Load and latency with percent bands, and waits, in at most `points` stretches: of one statement (as
        `heatmap`) or of the whole target."""
        from optischema_tui.core.history.trends import read_trend

        end = self._clock.wall() if until is None else until
        return self._database.read(lambda connection: read_trend(connection, fingerprint, since, end, queryid, points))

    def movers(
        self, fingerprint: str, before: tuple[float, float], after: tuple[float, float], most: int = 40
    ) -> Movers:
        """What changed from the window `before` (since, until) to the window `after`, the `most` statements whose load
        changed most. A window that was not observed gives a side with `observed` 0."""
        from optischema_tui.core.history.movers import read_movers

        return self._database.read(lambda connection: read_movers(connection, fingerprint, before, after, most))

    def spike(self, fingerprint: str, at: float, most: int = 20) -> Spike | None:
        """The moment `at` opened to its statements, waits and locks; None before the first stored interval."""
        from optischema_tui.core.history.spike import read_spike

        return self._database.read(lambda connection: read_spike(connection, fingerprint, at, most))
