"""Turns a collector's events into history and pictures. One thread at a time may use a recorder."""

from __future__ import annotations

from collections.abc import Sequence

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.collect.events import Connected, Observed
from optischema_tui.core.errors import StorageError
from optischema_tui.core.history.store import History
from optischema_tui.core.models import LoadPoint, Picture, Snapshot, StatementDelta, StatementKey, StatementText
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.delta import deltas, point_of
from optischema_tui.core.workload.picture import build_picture
from optischema_tui.core.workload.resting import Resting

SERIES_SECONDS = 4 * 3600.0
SERIES_POINTS = 2000
PICTURE_SECONDS = 10.0
"""The least time between two pictures that are stored: a picture is only for the first moment of the next start."""


class Recorder:
    """Keeps what the next tick needs: the last snapshot, the texts, the series of the charts."""

    def __init__(self, spec: TargetSpec, history: History | None, clock: Clock = SYSTEM) -> None:
        self.spec = spec
        self.history = history
        self.clock = clock
        self.previous: Snapshot | None = None
        self.texts: dict[StatementKey, StatementText] = {}
        self.series: list[LoadPoint] = []
        self.broke = False
        """An epoch ended since the last point of the series."""
        self._resting = Resting()
        self._unstored: Picture | None = None
        """The last picture, while it is not stored."""
        self._next_picture = 0.0
        self.storage_problem: StorageError | None = None
        """Why the last tick could not be stored; observing goes on in memory."""

    def connected(self, event: Connected) -> None:
        """Remember the target, and take up the history of this target where it ended."""
        if self.history is None:
            return
        fingerprint = event.identity.fingerprint
        try:
            self.history.remember_target(self.spec.key, event.identity, self.spec.dsn)
            if not self.series:
                self.series = list(self.history.series(fingerprint, self.clock.wall() - SERIES_SECONDS))
            if self.previous is None:
                self.previous = self.history.last_snapshot(fingerprint)
        except StorageError as error:
            self.storage_problem = error

    def observed(self, event: Observed, show_hidden: frozenset[str] = frozenset()) -> Picture:
        """Store the tick and draw the picture. A failing store is kept in `storage_problem`, never raised."""
        snapshot = event.snapshot
        new_texts = {text.key: text for text in event.texts}
        self.texts.update(new_texts)
        self._resting.forget(new_texts)
        interval = deltas(self.previous, snapshot) if self.previous is not None else None
        whole = interval if interval is not None and not interval.broken else None
        if interval is not None and interval.broken:
            self.broke = True
        point = point_of(snapshot, whole, breaks=self.broke or not self.series) if whole is not None else None
        if point is not None:
            self.broke = False
            self.series = [*self.series[1 - SERIES_POINTS :], point]
        picture = build_picture(
            self.previous, snapshot, self.texts, self.series, show_hidden, interval=interval, resting=self._resting
        )
        self.previous = snapshot
        self._store(snapshot, event.texts, tuple(whole.statements.values()) if whole else None, point, picture)
        return picture

    def finish(self) -> None:
        """Store what is not stored yet. A failing store is kept in `storage_problem`, never raised."""
        if self.history is None:
            return
        try:
            self._store_picture(self.history)
        except StorageError as error:
            self.storage_problem = error

    def _store_picture(self, history: History) -> None:
        if self._unstored is not None:
            history.save_picture(self.spec.key, self._unstored)
            self._unstored = None

    def _store(
        self,
        snapshot: Snapshot,
        texts: Sequence[StatementText],
        changed: Sequence[StatementDelta] | None,
        point: LoadPoint | None,
        picture: Picture,
    ) -> None:
        if self.history is None:
            return
        try:
            self.history.save_tick(snapshot, texts, changed, point)
            self._unstored = picture
            if snapshot.monotonic >= self._next_picture:
                self._store_picture(self.history)
                self._next_picture = snapshot.monotonic + PICTURE_SECONDS
        except StorageError as error:
            self.storage_problem = error
        else:
            self.storage_problem = None
