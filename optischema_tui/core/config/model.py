"""What a config file says, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from optischema_tui.core.errors import ConfigError
from optischema_tui.core.policy.rules import Rules

DEFAULT_INTERVAL = 30.0
LEAST_INTERVAL = 1.0
HISTORY_MB, LEAST_HISTORY_MB = 1024, 64
"""The size that the history stays below: by default, and the least that can be asked for."""


@dataclass(frozen=True, slots=True)
class ModelEndpoint:
    """Where a profile's language model answers."""

    provider: str
    """ollama or openai: the protocol that the endpoint speaks."""
    url: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """A named target."""

    name: str
    params: tuple[tuple[str, str], ...] = ()
    """libpq keywords, sorted."""
    password_command: tuple[str, ...] = ()
    """A program and its arguments, run without a shell; its first line of output is the password."""
    allow_changes: bool = False
    interval: float | None = None
    """Seconds between two polls of the statements."""
    label: str = ""
    intervals: tuple[tuple[str, float], ...] = ()
    """Seconds between two readings, by query family (core/family_names.py), sorted; 0 turns one off."""
    show: tuple[str, ...] = ()
    """Reasons of core.workload.filter whose statements are shown from the start."""
    theme: str = ""
    sample_rows: bool = True
    """The lab may read a bounded sample of the target's rows."""
    keyring: bool = False
    """Ask the desktop's keyring for the password."""
    credential: str = ""
    """The file in systemd's $CREDENTIALS_DIRECTORY; empty: optischema-tui-NAME, else pgpass."""
    model: ModelEndpoint | None = None
    policy: Rules | None = None
    """What may be changed there, over [policy]."""


@dataclass(frozen=True, slots=True)
class Config:
    """What the file says, with defaults for the rest."""

    path: Path = Path()
    profiles: dict[str, Profile] = field(default_factory=dict)
    broken: dict[str, ConfigError] = field(default_factory=dict)
    """Profiles that the file names but that cannot be used, and the first reason why."""
    problems: tuple[ConfigError, ...] = ()
    theme: str = ""
    ascii: bool = False
    mouse: bool = True
    refresh: float = DEFAULT_INTERVAL
    lab_bindir: str = ""
    history_mb: int = HISTORY_MB
    lab_cache: bool = True
    """Labs are kept between starts; they hold sample values of the target's columns."""
    policy: Rules | None = None
    """What may be changed on any target; a profile's own policy stands over it, key by key."""
    audit_syslog: bool = True
    """The head of the audit chain goes to the system's log with each change."""
    audit_checkpoint: Path | None = None
    """A file to which each head of the audit chain is appended."""
    watch_command: tuple[str, ...] = ()
    """A program and its arguments, run without a shell when a change made something worse."""
