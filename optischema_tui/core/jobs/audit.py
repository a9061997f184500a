"""Read, verify, export and look after the audit journal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from optischema_tui.core.audit.journal import Journal, VerifyResult
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import UsageError
from optischema_tui.core.models import AuditEntry
from optischema_tui.core.paths import Paths

CARE_SECONDS = 300.0


def entries(paths: Paths, since: int = 0, limit: int | None = None) -> tuple[AuditEntry, ...]:
    """Entries after `since`, oldest first; with `limit` only the newest ones of these."""
    with closing(Journal.open(paths.audit_db)) as journal:
        found = tuple(journal.entries(since_seq=since))
        return found[-limit:] if limit else found


def verify(paths: Paths, anchor: Path | None = None) -> VerifyResult:
    """Check the whole chain, and that it holds every `SEQ:HASH` line of the file `anchor`.

    Raises UsageError when that file cannot be read, StorageError when the journal cannot.
    """
    lines = ""
    if anchor is not None:
        try:
            lines = anchor.read_text()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"The anchor file {anchor} cannot be read", str(error)) from error
    with closing(Journal.open(paths.audit_db)) as journal:
        return journal.verify(lines)


def export(paths: Paths, form: str) -> Iterator[str]:
    """The journal as lines of jsonl or csv; the export itself is an entry."""
    with closing(Journal.open(paths.audit_db)) as journal:
        yield from journal.export(form)


def look_after(paths: Paths, clock: Clock = SYSTEM) -> str:
    """Check the journal and, once a day, back it up; gives a sentence for the person when all is not well, else empty.

    For a worker's thread, at the start and then each day. Creates no journal. Raises StorageError.
    """
    if not paths.audit_db.exists():
        return ""
    with closing(Journal.open(paths.audit_db, clock)) as journal:
        journal.head()
        journal.maintain(wait=CARE_SECONDS)
        return journal.notice
