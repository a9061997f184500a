"""Turns a collector's events into history and pictures. One thread at a time may use a recorder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.collect.events import Connected, Gathered, Lost, Observed, Sampled
from optischema_tui.core.errors import StorageError
from optischema_tui.core.history.store import History
from optischema_tui.core.models import (
    OBSERVED,
    ActivitySample,
    LoadPoint,
    Picture,
    Reading,
    Snapshot,
    StatementDelta,
    StatementKey,
    StatementText,
    TargetIdentity,
    WaitPoint,
)
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.delta import Deltas, deltas, point_of
from optischema_tui.core.workload.picture import build_picture
from optischema_tui.core.workload.resting import Resting
from optischema_tui.core.workload.waits import wait_points

SERIES_SECONDS = 4 * 3600.0
SERIES_POINTS = 2000
PICTURE_SECONDS = 10.0
"""The least time between two pictures that are stored: a picture is only for the first moment of the next start."""
WAIT_SECONDS = 10.0
"""Length of one interval of the wait profile."""
WAIT_POINTS = 360
SAMPLES_A_SAVE = 10
"""Sessions are stored in batches: each save is a transaction."""


class Recorder:
    """Keeps what the next tick needs: the last snapshot, the texts, the series of the charts.

    With `storing` off it draws pictures from what another program collects, and writes nothing.
    """

    def __init__(
        self, spec: TargetSpec, history: History | None, clock: Clock = SYSTEM, *, storing: bool = True
    ) -> None:
        self.spec = spec
        self.history = history
        self.clock = clock
        self.storing = storing
        self.previous: Snapshot | None = None
        self.texts: dict[StatementKey, StatementText] = {}
        self.series: list[LoadPoint] = []
        self.broke = False
        """An epoch ended since the last point of the series."""
        self.waits: list[WaitPoint] = []
        self.sample: ActivitySample | None = None
        self.readings: dict[str, tuple[Reading, Reading | None]] = {}
        """The newest reading of each family, and the one before it when both are of one epoch."""
        self.storage_problem: StorageError | None = None
        """Why the last tick could not be stored; observing goes on in memory."""
        self._skip = False
        """The interval that comes next is the first of an epoch, which no chart shows: what a server does in its first
        moments (recovery, cold caches, sessions coming back) would read as load."""
        self._resting = Resting()
        self._drawn: tuple[Snapshot | None, Snapshot, Deltas | None] | None = None
        """What the last picture was made of."""
        self._unstored: Picture | None = None
        """The last picture, while it is not stored."""
        self._next_picture = 0.0
        self._bucket: list[ActivitySample] = []
        self._unsaved: list[ActivitySample] = []
        self._identity: TargetIdentity | None = None
        self._fingerprint = ""

    @property
    def notice(self) -> str:
        """What the person must know of the store: it was restored, it lies on a network, ...; else empty."""
        return self.history.notice if self.history is not None else ""

    def store(self, storing: bool) -> None:
        """Write from now on, or only look since another program writes."""
        if storing and not self.storing:
            self.previous = None  # the other may have stored more than was seen here: its end is where ours begins
        if self.storing and not storing:
            self._save_samples()
        self.storing = storing

    def connected(self, event: Connected) -> None:
        """Remember the target, and take up the history of this target where it ended."""
        self.attached(event.identity)
        self._keep(self._remember)

    def lost(self, event: Lost) -> None:
        """Remember for the next choice of a target why this one could not be used."""
        self._keep(lambda history: history.note_state(self.spec.key, event.error.what))

    def attached(self, identity: TargetIdentity) -> None:
        """Take up the history of this target where it ended. A failing store is kept in `storage_problem`."""
        if self._fingerprint and self._fingerprint != identity.fingerprint:
            self._forget()
        self._identity, self._fingerprint = identity, identity.fingerprint
        if self.history is None:
            return
        now = self.clock.wall()
        try:
            if not self.series:
                self.series = list(
                    self.history.series(identity.fingerprint, now - SERIES_SECONDS, points=SERIES_POINTS)
                )
            if not self.waits:
                since = now - WAIT_SECONDS * WAIT_POINTS
                self.waits = list(self.history.waits(identity.fingerprint, since, now, WAIT_POINTS))
            if self.previous is None:
                self.previous = self.history.last_snapshot(identity.fingerprint)
        except StorageError as error:
            self.storage_problem = error

    def observed(self, event: Observed, show_hidden: frozenset[str] = frozenset()) -> Picture:
        """Store the tick and draw the picture. A failing store is kept in `storage_problem`, never raised."""
        snapshot = event.snapshot
        self._learn(event)
        if self.previous is not None and self.previous.taken_at == snapshot.taken_at:
            self.previous = None  # what history ended with, told once more: no interval lies between, and none broke
        interval = deltas(self.previous, snapshot) if self.previous is not None else None
        whole = interval if interval is not None and not interval.broken else None
        point = self._charted(snapshot, interval)
        picture = build_picture(
            self.previous, snapshot, self.texts, self.series, show_hidden, interval=interval, resting=self._resting
        )
        self._drawn = (self.previous, snapshot, interval)
        self.previous = snapshot
        changed = tuple(whole.statements.values()) if whole else None
        self._keep(lambda history: self._store(history, snapshot, event.texts, changed, point, picture))
        return picture

    def redrawn(self, show_hidden: frozenset[str]) -> Picture | None:
        """The last picture with other filters; None before the first. Nothing is stored."""
        if self._drawn is None:
            return None
        before, snapshot, interval = self._drawn
        return build_picture(
            before, snapshot, self.texts, self.series, show_hidden, interval=interval, resting=self._resting
        )

    def sampled(self, event: Sampled) -> bool:
        """Take a sample of the sessions; True when the wait profile has a new point."""
        self.sample = event.sample
        if self.storing:
            self._unsaved.append(event.sample)
        if len(self._unsaved) >= SAMPLES_A_SAVE:
            self._save_samples()
        bucket = event.sample.taken_at // WAIT_SECONDS
        if self._bucket and self._bucket[-1].taken_at // WAIT_SECONDS != bucket:
            self._add_waits()
            self._bucket = [event.sample]
            return True
        self._bucket.append(event.sample)
        return False

    def gathered(self, event: Gathered) -> tuple[Reading, Reading | None]:
        """Take a reading of a family: it, and the one before when the two can be compared."""
        reading = event.reading
        last = self.readings.get(reading.family)
        before = last[0] if last is not None and last[0].epoch == reading.epoch and not last[0].problem else None
        if reading.problem:
            before = None
        self.readings[reading.family] = (reading, before)
        if not reading.problem and self._fingerprint:
            self._keep(lambda history: history.save_reading(self._fingerprint, reading))
        return reading, before

    def finish(self) -> None:
        """Store what is not stored yet. A failing store is kept in `storage_problem`, never raised."""
        self._save_samples()
        self._keep(self._store_picture)

    # --- inside ---

    def _forget(self) -> None:
        """Another server answers now: nothing of the last one is true of it, not even a text with the same key."""
        self._save_samples()
        self.series, self.waits, self.readings, self.texts = [], [], {}, {}
        self.previous = self.sample = self._drawn = None
        self.broke = self._skip = False
        self._bucket = []
        self._resting = Resting()

    def _remember(self, history: History) -> None:
        if self._identity is not None:
            history.remember_target(self.spec.key, self._identity, self.spec.dsn, self.spec.label)
            history.note_state(self.spec.key, OBSERVED)

    def _add_waits(self) -> None:
        last = self.waits[-1].at if self.waits else 0.0
        for point in wait_points(self._bucket, WAIT_SECONDS):
            missing = not 0 < point.at - last < 1.5 * WAIT_SECONDS
            self.waits = [*self.waits[1 - WAIT_POINTS :], replace(point, breaks=missing)]
            last = point.at

    def _learn(self, event: Observed) -> None:
        new_texts = {text.key: text for text in event.texts}
        self.texts.update(new_texts)
        self._resting.forget(new_texts)
        if len(self.texts) > 2 * len(event.snapshot.statements) + 1000:
            here = {sample.key for sample in event.snapshot.statements}
            self.texts = {key: text for key, text in self.texts.items() if key in here}

    def _charted(self, snapshot: Snapshot, interval: Deltas | None) -> LoadPoint | None:
        """The new point of the charts, also appended to the series; None where there is none to show."""
        if interval is None:
            return None
        if interval.broken:
            self.broke = self._skip = True
            return None
        if self._skip:
            self._skip = False
            return None
        point = point_of(snapshot, interval, breaks=self.broke or not self.series)
        if point is not None:
            self.broke = False
            self.series = [*self.series[1 - SERIES_POINTS :], point]
        return point

    def _save_samples(self) -> None:
        samples, self._unsaved = tuple(self._unsaved), []
        if samples and self._fingerprint:
            self._keep(lambda history: history.save_activity(self._fingerprint, samples))

    def _store_picture(self, history: History) -> None:
        if self._unstored is not None:
            history.save_picture(self.spec.key, self._unstored)
            self._unstored = None

    def _store(
        self,
        history: History,
        snapshot: Snapshot,
        texts: Sequence[StatementText],
        changed: Sequence[StatementDelta] | None,
        point: LoadPoint | None,
        picture: Picture,
    ) -> None:
        history.save_tick(snapshot, texts, changed, point)
        self._unstored = picture
        if snapshot.monotonic >= self._next_picture:
            self._store_picture(history)
            self._remember(history)  # again: the file may be another one now, a backup or a fresh one
            self._next_picture = snapshot.monotonic + PICTURE_SECONDS
        history.maintain()

    def _keep(self, work: Callable[[History], None]) -> None:
        """Write, unless this recorder only looks; a failing store is kept in `storage_problem`."""
        if self.history is None or not self.storing:
            return
        try:
            work(self.history)
        except StorageError as error:
            self.storage_problem = error
        else:
            self.storage_problem = None
