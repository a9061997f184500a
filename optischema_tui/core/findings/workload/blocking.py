"""Who stands at the head of a queue for locks."""

from __future__ import annotations

from collections.abc import Mapping

from optischema_tui.core.models import Session


def root_of(session: Session, by_pid: Mapping[int, Session]) -> int | None:
    """The process that waits for none and lets this one wait, directly or behind others; None in a circle, which the
    server ends, and for a session that waits for none."""
    if not session.blocked_by:
        return None
    seen = {session.pid}
    pid = min(session.blocked_by)
    while pid in by_pid and by_pid[pid].blocked_by:
        if pid in seen:
            return None
        seen.add(pid)
        pid = min(by_pid[pid].blocked_by)
    return pid
