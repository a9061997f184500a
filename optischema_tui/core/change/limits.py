"""How long a change may wait, and how often it may try."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Milliseconds for the server's timeouts, seconds for our own waits."""

    budget_ms: int = 6 * 3600 * 1000
    """statement_timeout of the build."""
    build_lock_ms: int = 600_000
    """lock_timeout of a concurrent build or drop, for each of its waits alone. Never 0: an orphan must end one day."""
    cleanup_lock_ms: int = 30_000
    """lock_timeout when an invalid leftover is dropped."""
    probe_lock_ms: int = 500
    """lock_timeout of the preflight's probe, and of everything else the session does."""
    short_attempts: int = 10
    """Of a statement that others queue up behind; its lock_timeout is `probe_lock_ms`."""
    short_retry_seconds: float = 1.0
    attempts: int = 3
    retry_seconds: float = 60.0
    """Shortest wait before another attempt; jitter adds up to half of it."""
    reconnects: int = 6
    """Attempts to look at the server again after the session was lost, after 1, 2, 4, ... seconds."""
    approval_seconds: float = 24 * 3600.0
    goodbye_seconds: float = 3.0
    """How long the idle session of a program that was killed may take to go away."""
