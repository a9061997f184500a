"""Targets that were reached, and their last states."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

from optischema_tui.core.history.access import Access
from optischema_tui.core.history.blobs import pack, thin, unpack
from optischema_tui.core.history.codec import DecodeError, decode, encode
from optischema_tui.core.models import Picture, RecentTarget, TargetIdentity
from optischema_tui.core.safe_text import redact


class Targets(Access):
    def remember_target(self, spec_key: str, identity: TargetIdentity, dsn: str, label: str = "") -> None:
        """What answered behind `spec_key` (`TargetSpec.key`); `dsn` without a secret."""
        now = self._clock.wall()
        values = (spec_key, identity.fingerprint, json.dumps(encode(identity)), redact(dsn), now, redact(label))

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO target (spec_key, fingerprint, identity, dsn, seen_at, label) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (spec_key) DO UPDATE SET fingerprint = excluded.fingerprint,"
                " identity = excluded.identity, dsn = excluded.dsn, seen_at = excluded.seen_at,"
                " label = CASE WHEN excluded.label <> '' THEN excluded.label ELSE label END",
                values,
            )
            connection.execute("INSERT OR IGNORE INTO reached VALUES (?, ?, ?)", (spec_key, identity.fingerprint, now))

        self._database.write(work)

    def note_state(self, spec_key: str, state: str) -> None:
        """What is to be known of a target at the next choice of one: 'observed', or why it was lost. Nothing for a
        target that was never reached."""
        values = (redact(state), self._clock.wall(), spec_key)
        self._execute("UPDATE target SET state = ?, state_at = ? WHERE spec_key = ?", values)

    def identity_of(self, spec_key: str) -> TargetIdentity | None:
        rows = self._fetch("SELECT identity FROM target WHERE spec_key = ?", (spec_key,))
        return _identity(rows[0][0]) if rows else None

    def targets(self) -> tuple[tuple[TargetIdentity, str], ...]:
        """(identity, dsn) of every target ever reached, the latest first."""
        return tuple((target.identity, target.dsn) for target in self.recent_targets())

    def recent_targets(self) -> tuple[RecentTarget, ...]:
        """Every target ever reached, the latest first."""
        rows = self._fetch(
            "SELECT t.label, t.dsn, t.identity, t.seen_at, t.state, t.state_at, p.at FROM target t"
            " LEFT JOIN picture p ON p.spec_key = t.spec_key ORDER BY t.seen_at DESC"
        )
        return tuple(
            RecentTarget(label or identity.label, dsn, identity, seen_at, state, state_at, picture_at)
            for label, dsn, body, seen_at, state, state_at, picture_at in rows
            if (identity := _identity(body))
        )

    def save_picture(self, spec_key: str, picture: Picture) -> None:
        """Keep `picture` (its heaviest rows) for the next start."""
        values = (spec_key, picture.taken_at, pack(thin(picture)))
        self._execute("INSERT OR REPLACE INTO picture VALUES (?, ?, ?)", values)

    def last_picture(self, spec_key: str) -> Picture | None:
        rows = self._fetch("SELECT body FROM picture WHERE spec_key = ?", (spec_key,))
        picture = unpack(Picture, rows[0][0]) if rows else None
        return replace(picture, stored=True) if picture else None


def _identity(body: str) -> TargetIdentity | None:
    try:
        return decode(TargetIdentity, json.loads(body))
    except (DecodeError, ValueError):
        return None
