"""Looks after one database file while it is used: checks it, and copies it each day, in a thread of its own."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from optischema_tui.core.clock import Clock
from optischema_tui.core.errors import StorageError
from optischema_tui.core.history import backup
from optischema_tui.core.history.failures import BUSY_TIMEOUT_MS, Damaged, explain, is_damage
from optischema_tui.core.history.file_format import Schema, check
from optischema_tui.core.history.filesystem import create_private, inode_of, is_shared, kind_of, locked
from optischema_tui.core.paths import make_private

DAY = 86400.0
WEEK = 7 * DAY
LOOK_SECONDS = 60.0
"""How often it is looked what is due."""
FRESH_SECONDS = 3600.0
"""A file that this program began gets its first backup after this time: there is little in it before."""
PAUSE = 0.004
"""Seconds between two megabytes of a copy, for others who want the disk."""
STOP_SECONDS = 1.0
_GENTLE = 10


class _Stopped(Exception):
    pass


class Care:
    """`damaged(why, inode)` is called in the care thread, with the inode of the file that was found so; `tell` sets the
    sentence on backups that the person must see, or takes it away with an empty one."""

    def __init__(
        self,
        path: Path,
        schema: Schema,
        clock: Clock,
        damaged: Callable[[str, int], None],
        tell: Callable[[str], None],
    ) -> None:
        self._path = path
        self._schema = schema
        self._clock = clock
        self._damaged = damaged
        self._tell = tell
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._next_look = 0.0
        self._connection: sqlite3.Connection | None = None
        self._seen = 0
        """The inode of the file at the last look."""
        self._checked = 0
        """The inode of the file that was checked since this program began to use it."""
        self._checked_at = 0.0

    def look(self, inode: int, fresh_for: float | None) -> None:
        """Begin what is due for the file that is open; returns at once.

        `fresh_for`: seconds since this program began the file; None when it was there before.
        """
        if self._thread is not None and self._thread.is_alive():
            return
        now = self._clock.monotonic()
        if inode == self._seen and now < self._next_look:
            return
        self._seen, self._next_look = inode, now + LOOK_SECONDS
        if fresh_for is not None and not self._checked:
            self._checked, self._checked_at = inode, now
        unchecked = inode != self._checked or now - self._checked_at >= WEEK
        with contextlib.suppress(OSError, RuntimeError):  # a directory that cannot be read; a program that is ending
            if unchecked or self._backup_due(fresh_for):
                thread = threading.Thread(
                    target=self._run, args=(unchecked, fresh_for), name=f"care of {self._path.name}", daemon=True
                )
                thread.start()
                self._thread = thread

    def stop(self) -> None:
        """End what runs; it is begun anew next time."""
        self._stopping.set()
        connection = self._connection  # its thread may set it to None meanwhile
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.interrupt()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(STOP_SECONDS)

    def wait(self, seconds: float) -> bool:
        """Until nothing runs; False when something still does."""
        if self._thread is not None:
            self._thread.join(seconds)
            return not self._thread.is_alive()
        return True

    # --- in the thread ---

    def _run(self, unchecked: bool, fresh_for: float | None) -> None:
        with contextlib.suppress(AttributeError, OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _GENTLE)
        try:
            with locked(make_private(backup.directory(self._path)), patience=0) as mine:
                if mine:  # else another program is at it
                    backup.sweep(self._path)
                    self._look_after(unchecked, fresh_for)
        except _Stopped:
            pass
        except StorageError as error:
            self._tell(error.sentence)
        except (sqlite3.Error, OSError, Damaged) as error:
            if not self._stopping.is_set():
                told = explain(self._schema.what, self._path, error).sentence
                self._tell(f"{self._schema.what} was not backed up. {told}")

    def _look_after(self, unchecked: bool, fresh_for: float | None) -> None:
        inode = inode_of(self._path)
        if not inode:
            return
        self._connection = self._connect()
        try:
            if unchecked:
                self._check(self._connection)
                self._checked, self._checked_at = inode, self._clock.monotonic()
            if self._backup_due(fresh_for):
                self._back_up(self._connection)
                self._tell("")
        except (Damaged, sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if self._stopping.is_set() or not is_damage(error):
                raise
            # Closed first: the file is about to be moved.
            self._connection.close()
            self._damaged(str(error), inode)
            self._checked = inode
        finally:
            connection, self._connection = self._connection, None
            connection.close()

    def _back_up(self, connection: sqlite3.Connection) -> None:
        try:
            backup.make(connection, self._path, self._schema, self._clock.wall(), self._between())
        except Damaged as error:
            check(connection, whole=True)  # raises Damaged when it is not the copy that went wrong
            raise StorageError(f"{self._schema.what} was not backed up", f"The copy is damaged: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        uri = f"{self._path.absolute().as_uri()}?mode=rw"  # never a new file
        connection = sqlite3.connect(
            uri, uri=True, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only=ON")
        connection.execute("PRAGMA cell_size_check=ON")
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        now = self._clock.wall()
        whole = not 0 <= now - self._last_whole_check() < WEEK
        check(connection, whole)
        if self._stopping.is_set():
            raise _Stopped
        if whole:
            record = self._record()
            temporary = record.with_suffix(".part")
            create_private(temporary)
            temporary.write_text(json.dumps({"integrity_checked_at": now}))
            os.replace(temporary, record)

    def _last_whole_check(self) -> float:
        try:
            return float(json.loads(self._record().read_text())["integrity_checked_at"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0.0

    def _record(self) -> Path:
        return backup.directory(self._path) / f"{self._path.stem}.json"

    def _backup_due(self, fresh_for: float | None) -> bool:
        newest = next(iter(backup.backups(self._path)), None)
        if newest is None:
            return fresh_for is None or fresh_for >= FRESH_SECONDS
        return not 0 <= self._clock.wall() - newest.at < DAY

    def _between(self) -> Callable[[], None]:
        # Where there is no write-ahead log, writers wait for the copy to end.
        pause = 0.0 if is_shared(kind_of(self._path)) else PAUSE

        def between() -> None:
            if self._stopping.wait(pause):
                raise _Stopped

        return between
