"""How long a statement may wait for a lock, and how often it is tried again."""

from __future__ import annotations

from dataclasses import dataclass

from optischema_tui.core.change.limits import Limits
from optischema_tui.core.workload.lexer import significant

_HARMLESS = frozenset({"VACUUM", "ANALYZE"})


@dataclass(frozen=True, slots=True)
class Patience:
    lock_ms: int
    """lock_timeout"""
    attempts: int
    retry_seconds: float


def patience_for(sql: str, limits: Limits) -> Patience:
    """A concurrent build, a VACUUM or an ANALYZE lets others pass while it waits, and may wait long. Whatever takes a
    stronger lock has everybody else queue up behind its wait, and is tried often and shortly instead."""
    words = [token.text.upper() for token in significant(sql) if token.kind == "word"]
    if "CONCURRENTLY" in words or (words and words[0] in _HARMLESS):
        return Patience(limits.build_lock_ms, limits.attempts, limits.retry_seconds)
    return Patience(limits.probe_lock_ms, limits.short_attempts, limits.short_retry_seconds)
