"""Where the chain's head is told outside the journal: the system's log and a file. Nothing here ever raises.

Who may write the journal may rewrite all of it; what left this account before cannot be rewritten so easily.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from optischema_tui.core.audit.anchors import checkpoint_line, log_line
from optischema_tui.core.models import ChangeState

TOLD = frozenset(
    {
        ChangeState.INTENT,
        ChangeState.APPLIED,
        ChangeState.FAILED_CLEAN,
        ChangeState.LEFTOVER,
        ChangeState.UNKNOWN,
        ChangeState.NEEDS_ATTENTION,
        ChangeState.KEPT,
        ChangeState.ROLLED_BACK,
    }
)
"""A change that enters one of these, its intent and its results, is told to the system's log."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What is told where."""

    syslog: bool = False
    """Each change's intent and results as a line of facility LOG_AUTHPRIV."""
    checkpoint: Path | None = None
    """A file to which every head is appended."""


NOWHERE = Outside()


def tell_syslog(seq: int, digest: str, install: str) -> None:
    """One line to the system's log; without such a log it goes nowhere."""
    try:
        import syslog

        syslog.openlog("optischema-tui", 0, syslog.LOG_AUTHPRIV)
        syslog.syslog(syslog.LOG_AUTHPRIV | syslog.LOG_NOTICE, log_line(seq, digest, install))
    except (OSError, ValueError, ImportError):
        return


def tell_checkpoint(path: Path, seq: int, digest: str, install: str) -> str:
    """Append one line to the file; a sentence when that failed, else empty."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o600)
        try:
            os.write(descriptor, f"{checkpoint_line(seq, digest, install)}\n".encode("ascii", "replace"))
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return f"The checkpoint file {path} cannot be written ({why}): the head of the audit journal stands only here."
    return ""
