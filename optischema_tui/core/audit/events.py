"""Entries that move no change: who came, what was refused, what was read out, what of the program was set otherwise."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from optischema_tui.core.audit.actor import actor
from optischema_tui.core.models import AuditEntry

if TYPE_CHECKING:
    from optischema_tui.core.audit.journal import Journal
    from optischema_tui.core.audit.verify import VerifyResult

LOGIN = "program.login"
CONFIG_SEEN, CONFIG_CHANGED = "config.seen", "config.changed"


def logged_in(
    journal: Journal, command: str, *, target: str = "", fingerprint: str = "", allow_changes: bool = False
) -> AuditEntry:
    """The program was started against a target: `command` is `ui` or a headless command that changes something."""
    body = {"command": command, "target": target, "fingerprint": fingerprint, "allow_changes": allow_changes}
    return journal.record(LOGIN, {"who": actor(), **body})


def denied(journal: Journal, what: str, reason: str, *, change_id: str = "", **facts: Any) -> AuditEntry:
    """A policy or a switch did not allow `what` (approve, apply, ...)."""
    return _told(journal, "request.denied", what, reason, change_id, facts)


def refused(journal: Journal, what: str, reason: str, *, change_id: str = "", **facts: Any) -> AuditEntry:
    """`what` was asked for and not begun: a state, a check or a person was against it."""
    return _told(journal, "request.refused", what, reason, change_id, facts)


def cancelled(journal: Journal, what: str, reason: str, *, change_id: str = "", **facts: Any) -> AuditEntry:
    """A person ended `what` before its time."""
    return _told(journal, "request.cancelled", what, reason, change_id, facts)


def reconciled(journal: Journal, change_id: str, finding: str, reason: str, **facts: Any) -> AuditEntry:
    """What the server shows of an unfinished change, where that moves no state."""
    return _told(journal, "change.reconciled", finding, reason, change_id, facts)


def _told(journal: Journal, event: str, what: str, reason: str, change_id: str, facts: dict[str, Any]) -> AuditEntry:
    return journal.record(event, {"who": actor(), "what": what, "reason": reason, **facts}, change_id)


def exported(journal: Journal, fmt: str, since: int | None) -> AuditEntry:
    return journal.record("audit.exported", {"who": actor(), "format": fmt, "since": since})


def verified(journal: Journal, result: VerifyResult) -> AuditEntry:
    """A verification that found all well."""
    body = {"entries": result.entries, "segments": result.segments, "anchored": result.anchored}
    return journal.record("audit.verified", {"who": actor(), **body, "result": "intact"})


def profile_changed(journal: Journal, what: str, name: str, file: Path) -> AuditEntry:
    """`what`: added or removed. The profile's content is not told; the file's digest follows in an entry of its own."""
    return journal.record(f"profile.{what}", {"who": actor(), "profile": name, "file": str(file)})


def config_seen(journal: Journal, file: Path) -> AuditEntry | None:
    """An entry when the config file is not as the last such entry says; its SHA-256 only, 'none' when there is no
    file. None when nothing has changed, and for the first time without a file."""
    try:
        told = hashlib.sha256(file.read_bytes()).hexdigest()
    except FileNotFoundError:
        told = "none"
    except OSError as error:
        told = f"unreadable: {error.strerror or error}"
    last = journal.latest(CONFIG_SEEN, CONFIG_CHANGED)
    before = str(last.body.get("digest", "")) if last is not None else ""
    if told == before or (last is None and told == "none"):
        return None
    body = {"who": actor(), "file": str(file), "digest": told}
    if last is None:
        return journal.record(CONFIG_SEEN, body)
    return journal.record(CONFIG_CHANGED, body | {"before": before})
