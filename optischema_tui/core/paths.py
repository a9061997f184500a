"""Where things lie on the local machine (XDG), and how private they are."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from optischema_tui.core.errors import StorageError, UsageError

NAME = "optischema-tui"
SOCKET_PATH_LIMIT = 107
"""Bytes a Unix socket's path may have on Linux."""


@dataclass(frozen=True, slots=True)
class Paths:
    """The program's own places. Built once by `locate`."""

    config_file: Path
    state_dir: Path
    cache_dir: Path | None = None
    """For what can be made again; None: nothing is kept."""
    keep_labs: bool = True
    """Labs are kept there between starts."""
    audit_syslog: bool = False
    """The head of the audit chain goes to the system's log with each change."""
    audit_checkpoint: Path | None = None
    """A file to which each head of the audit chain is appended."""

    @property
    def history_db(self) -> Path:
        return self.state_dir / "history.db"

    @property
    def audit_db(self) -> Path:
        return self.state_dir / "audit.db"


def locate(state_dir: str | None = None, config_file: str | None = None) -> Paths:
    """The places by flag, else by XDG variable, else by XDG default. Creates nothing.

    Raises UsageError when one of them lies in the home directory and none is known.
    """
    config = Path(config_file) if config_file else _xdg("XDG_CONFIG_HOME", ".config") / NAME / "config.toml"
    state = Path(state_dir) if state_dir else _xdg("XDG_STATE_HOME", ".local/state") / NAME
    return Paths(config, state, _cache())


def _cache() -> Path | None:
    try:
        return _xdg("XDG_CACHE_HOME", ".cache") / NAME
    except UsageError:
        return None


def _xdg(variable: str, in_home: str) -> Path:
    value = os.environ.get(variable, "")
    if os.path.isabs(value):
        return Path(value)
    home = os.path.expanduser("~")
    if not os.path.isabs(home):
        raise UsageError(
            "The home directory is not known",
            "HOME is not an absolute path, or not set for a user without one",
            "Set HOME, or name the places with --config and --state-dir",
        )
    return Path(home, in_home)


def make_private(directory: Path) -> Path:
    """Create `directory` for this user alone (0700). Raises StorageError when the system refuses."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"The directory {directory} cannot be created",
            str(error.strerror or error),
            "Make it writable, or name another with --state-dir",
        ) from error
    return directory


def short_base(prefix: str) -> Path:
    """An existing directory in which one named `prefix` + 12 characters can hold a PostgreSQL socket.

    XDG_RUNTIME_DIR is not asked: it lies in memory, and a server may need hundreds of megabytes. Raises StorageError
    when there is none.
    """
    suffix = len("/.s.PGSQL.5432") + len(prefix) + 12
    for base in (tempfile.gettempdir(), "/tmp"):
        if os.access(base, os.W_OK | os.X_OK) and len(os.fsencode(base)) + suffix < SOCKET_PATH_LIMIT:
            return Path(base)
    raise StorageError(
        "No directory was found for the private server's socket",
        "The temporary directory is not writable or its path is too long",
        "Set TMPDIR to a writable directory with a path under 60 characters",
    )
