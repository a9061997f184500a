"""The history of every target in one SQLite file. It may be lost without harm; the audit journal may not."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.history import known_statements, readings, retention, samples, sessions
from optischema_tui.core.history.advice import Advice
from optischema_tui.core.history.analytics import Analytics
from optischema_tui.core.history.database import Database
from optischema_tui.core.history.last_snapshot import Base, read_snapshot, write_snapshot
from optischema_tui.core.history.limits import Limits
from optischema_tui.core.history.past import Past
from optischema_tui.core.history.schema import SCHEMA
from optischema_tui.core.history.targets import Targets
from optischema_tui.core.models import (
    ActivitySample,
    LoadPoint,
    Reading,
    Snapshot,
    StatementDelta,
    StatementSample,
    StatementText,
    changed_samples,
)


class History(Targets, Past, Analytics, Advice):
    """Any thread may use it; several programs may share the file. Every method raises StorageError when the file
    cannot be used, and works again as soon as it can. Times are seconds since 1970 by the local clock."""

    def __init__(self, database: Database, clock: Clock, limits: Limits) -> None:
        super().__init__(database, clock, limits)
        self._writer = secrets.token_hex(8)
        self._ids = known_statements.StatementIds()
        self._bases: dict[str, Base] = {}
        self._generation = 0

    @classmethod
    def open(cls, path: Path, clock: Clock = SYSTEM, limits: Limits | None = None) -> History:
        """The history at `path`; the file is opened or begun on first use."""
        return cls(Database(path, SCHEMA, clock), clock, limits or Limits())

    def close(self) -> None:
        self._database.close()

    @property
    def notice(self) -> str:
        """A sentence for the person when a damaged file was replaced by a fresh one; else empty."""
        return self._database.notice

    def maintain(self) -> None:
        """See `Database.maintain`: call it at leisure, about once a tick."""
        self._database.maintain()

    def save_tick(
        self,
        snapshot: Snapshot,
        texts: Iterable[StatementText],
        deltas: Sequence[StatementDelta] | None,
        point: LoadPoint | None,
    ) -> bool:
        """Store one tick in one transaction; `deltas` and `point` are None for the first snapshot of an epoch.

        False when another program has stored this interval already: then only the texts were kept, since a window
        must not count an interval twice.
        """
        busy = [delta for delta in deltas or () if delta.calls > 0]
        fingerprint, now = snapshot.target.fingerprint, self._clock.wall()
        text_rows = known_statements.text_rows(fingerprint, texts, now)

        def work(connection: sqlite3.Connection) -> Base | None:
            self._forget_what_another_file_said()
            known_statements.insert_texts(connection, text_rows)
            seconds = samples.tick_seconds(connection, snapshot, deltas)
            if deltas and samples.covered_by_another(connection, self._writer, snapshot, seconds):
                return None
            base = self._bases.get(fingerprint)
            before = base.statements if base else _stored_samples(connection, fingerprint)
            old, new = changed_samples(before, snapshot.statements)
            if deltas is not None or point is not None:
                tick = samples.insert_tick(connection, self._writer, snapshot, seconds, point)
                ids = self._ids.of(connection, fingerprint, [delta.key for delta in busy], now)
                samples.insert_deltas(connection, tick, seconds, ids, busy, samples.moments(old), samples.moments(new))
            base = write_snapshot(connection, snapshot, base, old, new)
            retention.tend_ticks(connection, now, self._limits)
            retention.hold_size(connection, now, self._limits)
            return base

        try:
            base = self._database.write(work)
        except BaseException:
            self._ids.clear()
            self._bases.pop(fingerprint, None)
            raise
        if base is None:
            return False
        self._bases[fingerprint] = base
        return True

    def save_activity(self, fingerprint: str, batch: Sequence[ActivitySample]) -> None:
        """Store samples of the sessions of one target, the oldest first: about ten at a time, in one transaction."""
        if not batch:
            return
        now = self._clock.wall()

        def work(connection: sqlite3.Connection) -> None:
            newest = sessions.insert_batch(connection, fingerprint, batch)
            retention.tend_activity(connection, now, self._limits, newest)
            retention.hold_size(connection, now, self._limits)

        self._database.write(work)

    def save_reading(self, fingerprint: str, reading: Reading) -> None:
        """Store what a query family read, or why it could not be read."""
        now = self._clock.wall()

        def work(connection: sqlite3.Connection) -> None:
            readings.insert_reading(connection, fingerprint, reading, self._limits)
            readings.thin_readings(connection, now, self._limits)
            retention.hold_size(connection, now, self._limits)

        self._database.write(work)

    def _forget_what_another_file_said(self) -> None:
        if self._generation != self._database.generation:
            self._generation = self._database.generation
            self._ids.clear()
            self._bases.clear()


def _stored_samples(connection: sqlite3.Connection, fingerprint: str) -> Sequence[StatementSample]:
    snapshot = read_snapshot(connection, fingerprint)
    return snapshot.statements if snapshot else ()
