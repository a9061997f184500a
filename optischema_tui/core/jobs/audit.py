"""Read, verify, export and look after the audit journal, and enter into it what is no change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import TextIO

from optischema_tui.core.audit import events
from optischema_tui.core.audit.journal import Journal, VerifyResult
from optischema_tui.core.audit.search import ALL, Wanted
from optischema_tui.core.audit.story import Story
from optischema_tui.core.audit.story import story as tell_story
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import StorageError, UsageError
from optischema_tui.core.models import AuditEntry
from optischema_tui.core.paths import Paths

CARE_SECONDS = 300.0


def entries(paths: Paths, since: int = 0, limit: int | None = None, wanted: Wanted = ALL) -> tuple[AuditEntry, ...]:
    """Entries after `since` that are `wanted`, oldest first; with `limit` only the newest ones of these."""
    with closing(Journal.of(paths)) as journal:
        found = []
        for entry in journal.newest():
            if entry.seq <= since:
                break
            if wanted.fits(entry):
                found.append(entry)
                if len(found) == limit:
                    break
        return tuple(reversed(found))


def story(paths: Paths, change_id: str) -> Story:
    """Everything that is told of one change. Raises UsageError when there is none of that id or beginning."""
    with closing(Journal.of(paths)) as journal:
        return tell_story(journal, change_id)


def verify(
    paths: Paths, anchored: Path | None = None, server_log: Path | None = None, *, record: bool = False
) -> VerifyResult:
    """Check the whole journal, and that it holds what stands in the file `anchored` (see `anchors`), in the checkpoint
    file of the config, and in a PostgreSQL log.

    With `record` the verification is an entry itself, unless something is wrong or nothing can be written. Raises
    UsageError when a file of anchors cannot be read, StorageError when the journal cannot.
    """
    known = [_text(file) for file in (anchored,) if file is not None]
    if paths.audit_checkpoint is not None and paths.audit_checkpoint.exists():
        known.append(_text(paths.audit_checkpoint))
    with ExitStack() as stack:
        journal = stack.enter_context(closing(Journal.of(paths)))
        log = stack.enter_context(_opened(server_log)) if server_log is not None else ()
        result = journal.verify("\n".join(known), log)
        if record and result.ok:
            with suppress(StorageError):
                events.verified(journal, result)
        return result


def _text(file: Path) -> str:
    with _opened(file) as lines:
        return lines.read()


def _opened(file: Path) -> TextIO:
    try:
        return file.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UsageError(f"The anchor file {file} cannot be read", error.strerror or str(error)) from error


def export(paths: Paths, form: str, since: int | None = None) -> Iterator[str]:
    """The entries after `since` as lines of jsonl or csv; the export is an entry itself, the last line."""
    with closing(Journal.of(paths)) as journal:
        lines = journal.export(form, since)
        with suppress(StorageError):  # what can only be read is exported all the same
            events.exported(journal, form, since)
        yield from lines


def anchor(paths: Paths) -> str:
    """The line `seq:hash:install` of the newest entry, to keep elsewhere."""
    with closing(Journal.of(paths)) as journal:
        return journal.anchor()


def prune(paths: Paths, days: float, clock: Clock = SYSTEM) -> int:
    """Delete evidence older than `days`; gives how many pieces."""
    with closing(Journal.of(paths, clock)) as journal:
        return journal.prune_evidence(days)


def logged_in(
    paths: Paths,
    command: str,
    *,
    target: str = "",
    fingerprint: str = "",
    allow_changes: bool = False,
    clock: Clock = SYSTEM,
) -> str:
    """Enter that the program was started to do something (`ui`: once per connect), and a config file that is another
    than before. Gives a sentence for the person when all is not well, else empty. Raises StorageError.
    """
    with closing(Journal.of(paths, clock)) as journal:
        told = ""
        try:
            journal.close_segment()
        except StorageError as error:  # work goes on in the long one: this must not stop a rollback
            told = error.sentence
        events.config_seen(journal, paths.config_file)
        events.logged_in(journal, command, target=target, fingerprint=fingerprint, allow_changes=allow_changes)
        return " ".join(filter(None, (told, journal.notice)))


def profile_changed(paths: Paths, what: str, name: str, clock: Clock = SYSTEM) -> str:
    """Enter that a profile was `added` or `removed`, which is done already. Gives a sentence for the person when that
    could not be entered, else empty."""
    try:
        with closing(Journal.of(paths, clock)) as journal:
            events.profile_changed(journal, what, name, paths.config_file)
            events.config_seen(journal, paths.config_file)
            return journal.notice
    except StorageError as error:
        return error.sentence


def look_after(paths: Paths, clock: Clock = SYSTEM) -> str:
    """Check the journal and, once a day, back it up; close a part that is large or old, delete evidence that is old.
    Gives a sentence for the person when all is not well, else empty.

    For a worker's thread, at the start and then each day. Creates no journal. Raises StorageError.
    """
    if not paths.audit_db.exists():
        return ""
    with closing(Journal.of(paths, clock)) as journal:
        journal.head()
        journal.maintain(wait=CARE_SECONDS)
        if not journal.notice:
            journal.close_segment()
            journal.prune_evidence()
        return journal.notice
