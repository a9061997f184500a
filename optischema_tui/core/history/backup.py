"""Verified copies of a database file, in `backups/` beside it: made in small steps, few enough for the disk.

A copy is named `history-<seconds since 1970>-f<format>.db` and is whole in itself: it needs no write-ahead log.
"""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from optischema_tui.core.errors import StorageError
from optischema_tui.core.history.failures import Damaged
from optischema_tui.core.history.file_format import Schema, check, is_of_another, version_of
from optischema_tui.core.history.filesystem import create_private, room, sync_directory
from optischema_tui.core.paths import make_private

KEEP = 7
BUDGET = 2 << 30
"""Bytes that all copies of one file may take, and never more than a quarter of the disk space that is left."""
RESERVE = 64 << 20
"""Bytes that must stay free on the disk when a copy is made."""
STEP_PAGES = 256


@dataclass(frozen=True, slots=True)
class Backup:
    path: Path
    at: float
    """Seconds since 1970."""
    format: int
    bytes: int


def directory(path: Path) -> Path:
    return path.parent / "backups"


def backups(path: Path) -> list[Backup]:
    """The copies of the file at `path`, the newest first. Only verified ones have such a name."""
    pattern = re.compile(rf"{re.escape(path.stem)}-(\d+)-f(\d+)\.db")
    found = []
    try:
        with os.scandir(directory(path)) as entries:
            for entry in entries:
                if named := pattern.fullmatch(entry.name):
                    with contextlib.suppress(FileNotFoundError):  # another program has just deleted it
                        size = entry.stat().st_size
                        found.append(Backup(Path(entry.path), float(named[1]), int(named[2]), size))
    except FileNotFoundError:
        return []
    return sorted(found, key=lambda one: (one.at, one.format), reverse=True)


def make(
    connection: sqlite3.Connection, path: Path, schema: Schema, at: float, between: Callable[[], None] = lambda: None
) -> Backup:
    """Copy the file of `connection` as it stands now; writers go on meanwhile. `between` runs after each megabyte, and
    may raise to end it.

    Raises StorageError when there is no room, Damaged when the copy does not hold together, sqlite3.Error, OSError.
    """
    folder = make_private(directory(path))
    size = _size(connection)
    prune(path, size)
    if room(folder) < size + RESERVE:
        raise StorageError(
            f"{schema.what} was not backed up",
            f"A copy takes {(size >> 20) + 1} MB and leaves {RESERVE >> 20} MB free, and {folder} has"
            f" {room(folder) >> 20} MB",
            "Free some space: the next backup is then made by itself",
        )
    part = folder / f"{path.stem}-{os.getpid()}.part"
    part.unlink(missing_ok=True)
    create_private(part)
    try:
        version = _copy(connection, part, between)
        _verify(part, schema)
        _sync(part)
        final = folder / f"{path.stem}-{int(at)}-f{version}.db"
        os.replace(part, final)
        sync_directory(folder)
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{part}{suffix}")
    prune(path)
    return Backup(final, float(int(at)), version, os.stat(final).st_size)


def prune(path: Path, coming: int = 0) -> None:
    """Delete the oldest copies beyond what is kept, with `coming` bytes to be added; the newest one always stays."""
    present = backups(path)
    if not present:
        return
    total = sum(one.bytes for one in present)
    budget = min(BUDGET, (room(directory(path)) + total) // 4) - coming
    kept = 0
    for number, one in enumerate(present):
        kept += one.bytes
        if number and (number >= KEEP or kept > budget):
            one.path.unlink(missing_ok=True)


def sweep(path: Path) -> None:
    """Delete what a program that was killed while copying left behind."""
    for part in directory(path).glob(f"{path.stem}-*.part*"):
        part.unlink(missing_ok=True)


def _size(connection: sqlite3.Connection) -> int:
    pages, size = (int(connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in ("page_count", "page_size"))
    return pages * size


def _copy(connection: sqlite3.Connection, part: Path, between: Callable[[], None]) -> int:
    """Gives the format of what was copied."""
    target = sqlite3.connect(part, isolation_level=None)
    try:
        target.execute("PRAGMA synchronous=OFF")  # it is synced as a whole once it is whole
        # Inside a transaction of its own the source stands still: a write of another connection would otherwise
        # make the copy begin again.
        connection.execute("BEGIN")
        try:
            version = version_of(connection)
            connection.backup(target, pages=STEP_PAGES, progress=lambda status, left, total: between())
        finally:
            connection.execute("ROLLBACK")
        target.execute("PRAGMA journal_mode=DELETE").fetchall()
    finally:
        target.close()
    return version


def _verify(part: Path, schema: Schema) -> None:
    copy = sqlite3.connect(f"{part.absolute().as_uri()}?mode=ro", uri=True)
    try:
        check(copy)
        if is_of_another(copy, schema):
            raise Damaged("the copy has no header of ours")
    finally:
        copy.close()


def _sync(part: Path) -> None:
    descriptor = os.open(part, os.O_RDWR | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
