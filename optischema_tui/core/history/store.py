"""The history of every target in one SQLite file. It may be lost without harm; the audit journal may not."""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import UsageError
from optischema_tui.core.history import samples
from optischema_tui.core.history.blobs import pack, thin, unpack
from optischema_tui.core.history.codec import DecodeError, decode, encode
from optischema_tui.core.history.database import Database
from optischema_tui.core.history.last_snapshot import Base, read_snapshot, write_snapshot
from optischema_tui.core.history.privacy import storable
from optischema_tui.core.history.schema import SCHEMA
from optischema_tui.core.models import (
    Baseline,
    LoadPoint,
    Picture,
    Recommendation,
    Snapshot,
    StatementDelta,
    StatementKey,
    StatementSample,
    StatementText,
    TargetIdentity,
    WindowStats,
    changed_samples,
)
from optischema_tui.core.safe_text import one_line, redact


class History:
    """Any thread may use it; several programs may share the file. Every method raises StorageError when the file
    cannot be used, and works again as soon as it can. Times are seconds since 1970 by the local clock."""

    def __init__(self, database: Database, clock: Clock, limits: samples.Limits) -> None:
        self._database = database
        self._clock = clock
        self._limits = limits
        self._writer = secrets.token_hex(8)
        self._ids = samples.StatementIds()
        self._bases: dict[str, Base] = {}
        self._stored: dict[str, tuple[StatementSample, ...]] = {}
        """The samples of the newest snapshot that we stored."""
        self._generation = 0

    @classmethod
    def open(cls, path: Path, clock: Clock = SYSTEM, limits: samples.Limits | None = None) -> History:
        """The history at `path`; the file is opened or begun on first use."""
        return cls(Database(path, SCHEMA, clock), clock, limits or samples.Limits())

    def close(self) -> None:
        self._database.close()

    @property
    def notice(self) -> str:
        """A sentence for the person when a damaged file was replaced by a fresh one; else empty."""
        return self._database.notice

    # --- targets and last states ---

    def remember_target(self, spec_key: str, identity: TargetIdentity, dsn: str) -> None:
        """What answered behind `spec_key` (`TargetSpec.key`); `dsn` without a secret."""
        values = (spec_key, identity.fingerprint, json.dumps(encode(identity)), redact(dsn), self._clock.wall())
        self._execute("INSERT OR REPLACE INTO target VALUES (?, ?, ?, ?, ?)", values)

    def identity_of(self, spec_key: str) -> TargetIdentity | None:
        rows = self._fetch("SELECT identity FROM target WHERE spec_key = ?", (spec_key,))
        return _identity(rows[0][0]) if rows else None

    def targets(self) -> tuple[tuple[TargetIdentity, str], ...]:
        """(identity, dsn) of every target ever reached, the latest first."""
        rows = self._fetch("SELECT identity, dsn FROM target ORDER BY seen_at DESC")
        return tuple((identity, dsn) for body, dsn in rows if (identity := _identity(body)))

    def save_picture(self, spec_key: str, picture: Picture) -> None:
        """Keep `picture` (its heaviest rows) for the next start."""
        values = (spec_key, picture.taken_at, pack(thin(picture)))
        self._execute("INSERT OR REPLACE INTO picture VALUES (?, ?, ?)", values)

    def last_picture(self, spec_key: str) -> Picture | None:
        rows = self._fetch("SELECT body FROM picture WHERE spec_key = ?", (spec_key,))
        picture = unpack(Picture, rows[0][0]) if rows else None
        return replace(picture, stored=True) if picture else None

    def last_snapshot(self, fingerprint: str) -> Snapshot | None:
        """The snapshot that the newest stored deltas end with: deltas go on from it after a restart of the program."""
        return self._database.read(lambda connection: read_snapshot(connection, fingerprint))

    # --- ticks ---

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
        fingerprint = snapshot.target.fingerprint
        day = samples.day_of(self._clock.wall())

        def work(connection: sqlite3.Connection) -> Base | None:
            self._forget_what_another_file_said()
            samples.insert_texts(connection, fingerprint, texts, day)
            if deltas and samples.covered_by_another(connection, self._writer, snapshot, deltas):
                return None
            if deltas is not None or point is not None:
                tick = samples.insert_tick(connection, self._writer, snapshot, deltas, point)
                ids = self._ids.of(connection, fingerprint, [delta.key for delta in busy], day)
                old, new = changed_samples(self._samples_before(connection, fingerprint), snapshot.statements)
                samples.insert_deltas(connection, tick, ids, busy, samples.moments(old), samples.moments(new))
            base = write_snapshot(connection, snapshot, self._bases.get(fingerprint))
            samples.forget(connection, self._clock.wall(), self._limits)
            return base

        texts = tuple(texts)
        try:
            base = self._database.write(work)
        except BaseException:
            self._ids.clear()
            raise
        if base is None:
            return False
        self._bases[fingerprint] = base
        self._stored[fingerprint] = snapshot.statements
        return True

    def texts(self, fingerprint: str, keys: Iterable[StatementKey]) -> dict[StatementKey, StatementText]:
        """Texts of those keys that history knows."""
        wanted = tuple(keys)
        return self._database.read(lambda connection: samples.read_texts(connection, fingerprint, wanted))

    def series(self, fingerprint: str, since: float) -> tuple[LoadPoint, ...]:
        """Load points after `since`, the oldest first."""
        return tuple(self._database.read(lambda connection: samples.read_series(connection, fingerprint, since)))

    def window(self, fingerprint: str, since: float, until: float) -> tuple[WindowStats, ...]:
        """Sums of the intervals that lie wholly between `since` and `until`, the heaviest statement first."""
        return tuple(self._database.read(lambda connection: samples.read_window(connection, fingerprint, since, until)))

    def statement_points(
        self, fingerprint: str, key: StatementKey, since: float
    ) -> tuple[tuple[float, int, float], ...]:
        """(end of the interval, calls, mean ms) of one statement after `since`, the oldest first."""
        return tuple(self._database.read(lambda connection: samples.read_points(connection, fingerprint, key, since)))

    # --- recommendations ---

    def save_recommendations(self, fingerprint: str, recommendations: Sequence[Recommendation]) -> None:
        """These are the present recommendations of the target; earlier ones stay to be found by id."""
        at = self._clock.wall()
        rows = [(_private(item).id, fingerprint, n, at, pack(_private(item))) for n, item in enumerate(recommendations)]

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE recommendation SET position = NULL WHERE fingerprint = ?", (fingerprint,))
            connection.executemany("INSERT OR REPLACE INTO recommendation VALUES (?, ?, ?, ?, ?)", rows)

        self._database.write(work)

    def recommendations(
        self, fingerprint: str | None = None, include_dismissed: bool = False
    ) -> tuple[Recommendation, ...]:
        """The present ones, in the order they were given."""
        rows = self._fetch(
            "SELECT body FROM recommendation r WHERE position IS NOT NULL AND (?1 IS NULL OR fingerprint = ?1)"
            " AND (?2 OR NOT EXISTS (SELECT 1 FROM dismissal d WHERE d.id = r.id)) ORDER BY fingerprint, position",
            (fingerprint, include_dismissed),
        )
        return tuple(found for (body,) in rows if (found := unpack(Recommendation, body)))

    def recommendation(self, id_or_prefix: str) -> Recommendation:
        """Also one of an earlier run. Raises UsageError when none or several begin so."""
        wanted = id_or_prefix.strip().lower()
        rows = self._fetch(
            "SELECT body FROM recommendation WHERE ?1 <> '' AND substr(id, 1, length(?1)) = ?1 LIMIT 2", (wanted,)
        )
        shown = one_line(id_or_prefix, 60)
        if len(rows) > 1:
            raise UsageError(f"Several recommendations begin with {shown}", todo="Give more of its characters")
        found = unpack(Recommendation, rows[0][0]) if rows else None
        if found is None:
            raise UsageError(f"There is no recommendation {shown}", todo="`optischema-tui advise TARGET` lists them")
        return found

    def dismiss(self, recommendation_id: str, reason: str) -> None:
        """Hide it from now on, also when a later run finds it again. Raises UsageError for an unknown id."""
        found = self.recommendation(recommendation_id)
        values = (found.id, found.target, storable(redact(reason)), self._clock.wall())
        self._execute("INSERT OR REPLACE INTO dismissal VALUES (?, ?, ?, ?)", values)

    def restore(self, recommendation_id: str) -> None:
        """Take a dismissal back."""
        self._execute("DELETE FROM dismissal WHERE id = ?", (self.recommendation(recommendation_id).id,))

    def dismissed(self, fingerprint: str) -> dict[str, str]:
        """Reason by recommendation id."""
        return dict(self._fetch("SELECT id, reason FROM dismissal WHERE fingerprint = ?", (fingerprint,)))

    # --- baselines ---

    def save_baseline(self, baseline: Baseline) -> None:
        """Store it, in place of one of the same name."""
        values = (baseline.target, baseline.name, baseline.created_at, pack(baseline))
        self._execute("INSERT OR REPLACE INTO baseline VALUES (?, ?, ?, ?)", values)

    def baselines(self, fingerprint: str | None = None) -> tuple[Baseline, ...]:
        """The newest first."""
        rows = self._fetch(
            "SELECT body FROM baseline WHERE ?1 IS NULL OR fingerprint = ?1 ORDER BY created_at DESC", (fingerprint,)
        )
        return tuple(found for (body,) in rows if (found := unpack(Baseline, body)))

    def baseline(self, name: str, fingerprint: str) -> Baseline:
        """Raises UsageError when there is none of this name."""
        rows = self._fetch("SELECT body FROM baseline WHERE fingerprint = ? AND name = ?", (fingerprint, name))
        found = unpack(Baseline, rows[0][0]) if rows else None
        if found is None:
            raise UsageError(
                f"There is no baseline {one_line(name, 60)} of this target",
                todo="`optischema-tui baseline list` shows them",
            )
        return found

    # --- inside ---

    def _fetch(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        return self._database.read(lambda connection: connection.execute(sql, values).fetchall())

    def _execute(self, sql: str, values: tuple[Any, ...]) -> None:
        self._database.write(lambda connection: connection.execute(sql, values).rowcount)

    def _forget_what_another_file_said(self) -> None:
        if self._generation != self._database.generation:
            self._generation = self._database.generation
            self._ids.clear()
            self._bases.clear()
            self._stored.clear()

    def _samples_before(self, connection: sqlite3.Connection, fingerprint: str) -> tuple[StatementSample, ...]:
        if fingerprint not in self._stored:
            snapshot = read_snapshot(connection, fingerprint)
            self._stored[fingerprint] = snapshot.statements if snapshot else ()
        return self._stored[fingerprint]


def _identity(body: str) -> TargetIdentity | None:
    try:
        return decode(TargetIdentity, json.loads(body))
    except (DecodeError, ValueError):
        return None


def _private(recommendation: Recommendation) -> Recommendation:
    affected = tuple(replace(item, text=storable(item.text)) for item in recommendation.evidence.affected)
    return replace(recommendation, evidence=replace(recommendation.evidence, affected=affected))
