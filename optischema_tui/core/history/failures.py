"""What SQLite and the system say, as a sentence; and which of it means that a file is damaged."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path

from optischema_tui.core.errors import StorageError

BUSY_TIMEOUT_MS = 5000
_DAMAGE_WORDS = ("malformed", "Could not decode to UTF-8")
_DENIED = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")


class Damaged(Exception):
    """The file does not hold what its format says."""


def is_damage(error: BaseException) -> bool:
    """Also when a text is not the UTF-8 that was stored."""
    if isinstance(error, Damaged | UnicodeDecodeError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return True
    return isinstance(error, sqlite3.OperationalError) and str(error).startswith(_DAMAGE_WORDS)


def is_misfit(error: BaseException) -> bool:
    """The SQL does not fit the tables: they are damaged, or it is a mistake of ours; the schema of the file tells."""
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, sqlite3.OperationalError) and code == sqlite3.SQLITE_ERROR


def is_unwritable(error: BaseException) -> bool:
    """The place cannot be written now, but what is there may be readable."""
    if isinstance(error, OSError):
        return error.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT)
    name = getattr(error, "sqlite_errorname", "") or ""
    return name.startswith((*_DENIED, "SQLITE_FULL", "SQLITE_IOERR"))


def explain(what: str, path: Path, error: BaseException, restore: str = "") -> StorageError:
    """`what`: 'The history'. `restore`: what to do about damage."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and _is_full(path)) or _is_no_space(error):
        return StorageError(
            f"{what} cannot be written",
            f"The disk that holds {path} is full",
            "Free some space: writing goes on by itself then",
        )
    if isinstance(error, OSError):
        return StorageError(
            f"{what} at {path} cannot be used",
            error.strerror or str(error),
            "Make the file and its directory readable and writable, or name another with --state-dir",
        )
    if name.startswith(_DENIED):
        return StorageError(
            f"{what} at {path} cannot be opened for writing",
            str(error),
            "Make the file and its directory writable, or name another with --state-dir",
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StorageError(
            f"{what} at {path} is locked by another program",
            f"It stayed so for {BUSY_TIMEOUT_MS // 1000} seconds",
            "End the program that holds it, or name another directory with --state-dir",
        )
    if is_damage(error):
        return StorageError(f"{what} at {path} is damaged and cannot be read", str(error), restore)
    return StorageError(f"{what} at {path} failed", f"SQLite says: {error} {f'({name})' if name else ''}".strip())


def _is_no_space(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _is_full(path: Path) -> bool:
    try:
        told = os.statvfs(path.parent)
    except OSError:
        return False
    return told.f_bavail == 0
