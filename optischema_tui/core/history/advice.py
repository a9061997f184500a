"""What was recommended of a target, what was dismissed, and named baselines."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from optischema_tui.core.errors import UsageError
from optischema_tui.core.history.access import Access
from optischema_tui.core.history.blobs import pack, unpack
from optischema_tui.core.history.privacy import storable
from optischema_tui.core.models import Baseline, Recommendation
from optischema_tui.core.safe_text import one_line, redact


class Advice(Access):
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
        self.put_aside(found.id, found.target, reason)

    def put_aside(self, finding_id: str, fingerprint: str, reason: str) -> None:
        """Hide a finding or a recommendation of a target from now on."""
        values = (finding_id, fingerprint, storable(redact(reason)), self._clock.wall())
        self._execute("INSERT OR REPLACE INTO dismissal VALUES (?, ?, ?, ?)", values)

    def restore(self, recommendation_id: str) -> None:
        """Take a dismissal back."""
        self._execute("DELETE FROM dismissal WHERE id = ?", (self.recommendation(recommendation_id).id,))

    def dismissed(self, fingerprint: str) -> dict[str, str]:
        """Reason by id, of recommendations and of findings."""
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

    def delete_baseline(self, name: str, fingerprint: str) -> None:
        """Raises UsageError when there is none of this name."""
        self.baseline(name, fingerprint)
        self._execute("DELETE FROM baseline WHERE fingerprint = ? AND name = ?", (fingerprint, name))


def _private(recommendation: Recommendation) -> Recommendation:
    affected = tuple(replace(item, text=storable(item.text)) for item in recommendation.evidence.affected)
    return replace(recommendation, evidence=replace(recommendation.evidence, affected=affected))
