"""One SQLite file, opened on first use: settings, privacy, migrations, and every failure as a clear sentence.

A `Database` is one connection behind one lock, so that any thread may use it; two programs may share the file.
Every piece of work runs inside a transaction: writes in BEGIN IMMEDIATE, since a transaction that begins as a reader
and then writes fails at once when another program wrote in between, whatever the busy timeout says.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import StorageError
from optischema_tui.core.paths import make_private

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
Migration = Callable[[sqlite3.Connection], None]

BUSY_TIMEOUT_MS = 5000
JOURNAL_LIMIT = 16 * 1024 * 1024
"""Bytes that the write-ahead log keeps on disk after a checkpoint."""
CHECK_LIMIT = 32 * 1024 * 1024
"""A file up to this size is checked whole at open; damage in a larger one is met when it is read."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What kind of file this is. Migration number n brings `user_version` from n to n + 1."""

    what: str
    """In sentences: 'The history'."""
    application_id: int
    migrations: tuple[Migration, ...]
    synchronous: str
    """NORMAL (a power cut may lose the last commits) or FULL (a commit that returned is on the disk)."""
    disposable: bool
    """True: a damaged file is moved aside and a fresh one begun. False: damage is an error, nothing is touched."""


_DAMAGE_WORDS = ("no such table", "no such column", "malformed", "Could not decode to UTF-8")


class _Damaged(Exception):
    pass


class Database:
    """See the module. Every method raises StorageError; after one the object stays usable and tries anew."""

    def __init__(self, path: Path, schema: Schema, clock: Clock = SYSTEM) -> None:
        self.path = path
        self.schema = schema
        self.notice = ""
        """A sentence that the person must see: a damaged file was moved aside, or ours vanished. Empty otherwise."""
        self.generation = 0
        """Counts the times the file was opened: what was remembered from an earlier one may not hold."""
        self._clock = clock
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._closed = False

    def open(self) -> None:
        """Open the file now. Otherwise the first read or write does."""
        with self._lock, self._told():
            self._open()

    def close(self) -> None:
        """Close for good; idempotent."""
        with self._lock:
            self._closed = True
            self._drop_connection()

    def read(self, work: Work[T]) -> T:
        """The result of `work(connection)`, which sees one consistent state. It must not keep a cursor."""
        return self._run("BEGIN", work)

    def write(self, work: Work[T]) -> T:
        """The result of `work(connection)`, committed when it returns, undone when it raises."""
        return self._run("BEGIN IMMEDIATE", work)

    def _run(self, begin: str, work: Work[T]) -> T:
        with self._lock, self._told():
            try:
                return self._once(begin, work)
            except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                if not (self.schema.disposable and _is_damage(error)):
                    raise
            self._replace()
            return self._once(begin, work)

    def _once(self, begin: str, work: Work[T]) -> T:
        connection = self._open()
        connection.execute(begin)
        try:
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        return result

    # --- opening ---

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            if self._is_in_place():
                return self._connection
            self._drop_connection()
            self.notice = (
                f"{self.schema.what} at {self.path} was moved or deleted while this program ran:"
                " what is written now goes to the file that stands there now."
            )
        if self._closed:
            raise StorageError(f"{self.schema.what} is closed already")
        make_private(self.path.parent)
        with _directory_lock(self.path.parent):
            try:
                self._connection = self._connect()
            except (sqlite3.DatabaseError, UnicodeDecodeError, _Damaged) as error:
                if not (self.schema.disposable and _is_damage(error)):
                    raise
                self._move_aside()
                self._connection = self._connect()
        self.generation += 1
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        _create_private(self.path)
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )
        try:
            for pragma in (
                f"busy_timeout={BUSY_TIMEOUT_MS}",
                "trusted_schema=OFF",
                "cell_size_check=ON",
                "foreign_keys=ON",
                "journal_mode=WAL",
                f"journal_size_limit={JOURNAL_LIMIT}",
                f"synchronous={self.schema.synchronous}",
            ):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            self._inode = os.stat(self.path).st_ino
            if self.schema.disposable and os.stat(self.path).st_size <= CHECK_LIMIT:
                _quick_check(connection)
            self._migrate(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _is_in_place(self) -> bool:
        """False once the open file was moved or deleted: what is written to it then would be found by nobody."""
        try:
            return os.stat(self.path).st_ino == self._inode
        except OSError:
            return False

    def _migrate(self, connection: sqlite3.Connection) -> None:
        latest = len(self.schema.migrations)
        if self._version(connection) == latest:
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            for number in range(self._version(connection), latest):
                self.schema.migrations[number](connection)
            connection.execute(f"PRAGMA application_id={self.schema.application_id}")
            connection.execute(f"PRAGMA user_version={latest}")
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _version(self, connection: sqlite3.Connection) -> int:
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        application = int(connection.execute("PRAGMA application_id").fetchone()[0])
        tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
        if application != self.schema.application_id and (application or version or tables):
            raise StorageError(
                f"The file {self.path} is not {_lower(self.schema.what)} of this program",
                "It is an SQLite database of another program",
                "Move it away, or name another directory with --state-dir",
            )
        if version > len(self.schema.migrations):
            raise StorageError(
                f"{self.schema.what} at {self.path} was written by a newer version of this program",
                f"Its format is {version}; this program knows formats up to {len(self.schema.migrations)}",
                "Use the newer program, or name another directory with --state-dir",
            )
        return version

    # --- damage ---

    def _replace(self) -> None:
        """Drop a damaged file that is open: moved aside unless another program has done so already."""
        self._drop_connection()
        with _directory_lock(self.path.parent):
            if self._is_in_place():
                self._move_aside()

    def _move_aside(self) -> None:
        stamp = int(self._clock.wall())
        aside = self.path.with_name(f"{self.path.name}.corrupt-{stamp}")
        while aside.exists():
            stamp += 1
            aside = self.path.with_name(f"{self.path.name}.corrupt-{stamp}")
        os.replace(self.path, aside)
        for suffix in ("-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{self.path}{suffix}", f"{aside}{suffix}")
        self.notice = f"{self.schema.what} was damaged: it was moved to {aside} and a fresh one begun."

    def _drop_connection(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    # --- errors ---

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, _Damaged, OSError, OverflowError, UnicodeDecodeError) as error:
            raise _explain(self.schema.what, self.path, error) from error


def _explain(what: str, path: Path, error: Exception) -> StorageError:
    name = getattr(error, "sqlite_errorname", "") or ""
    if isinstance(error, OSError):
        return StorageError(
            f"{what} at {path} cannot be used",
            error.strerror or str(error),
            "Make the file and its directory readable and writable, or name another with --state-dir",
        )
    if name == "SQLITE_FULL":
        return StorageError(
            f"{what} cannot be written",
            f"The disk that holds {path} is full",
            "Free some space: writing goes on by itself then",
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
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
    if _is_damage(error):
        return StorageError(
            f"{what} at {path} is damaged and cannot be read",
            str(error),
            "Restore the file from a backup, or move it away to begin a fresh one",
        )
    return StorageError(f"{what} at {path} failed", f"SQLite says: {error} {f'({name})' if name else ''}".strip())


def _is_damage(error: Exception) -> bool:
    """Also when a damaged schema lacks a table that this format has, or a text is not the UTF-8 that was stored."""
    if isinstance(error, _Damaged | UnicodeDecodeError):
        return True
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return True
    return isinstance(error, sqlite3.OperationalError) and str(error).startswith(_DAMAGE_WORDS)


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _quick_check(connection: sqlite3.Connection) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()
    if not found or found[0] != "ok":
        raise _Damaged(str(found[0]) if found else "the check gave no answer")


def quick_check(connection: sqlite3.Connection) -> str:
    """'' when the pages of the file hold together, else what SQLite found first."""
    try:
        _quick_check(connection)
    except _Damaged as error:
        return str(error)
    return ""


def _create_private(path: Path) -> None:
    """The file exists and only its owner can read it.

    An existing file is never opened and closed here: closing any descriptor of it would drop the locks that another
    connection of this process holds on it.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        if os.stat(path).st_mode & 0o077:
            os.chmod(path, 0o600)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


@contextlib.contextmanager
def _directory_lock(directory: Path) -> Iterator[None]:
    """One program at a time creates, migrates or moves files here. Goes on without the lock after five seconds."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for _ in range(100):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                threading.Event().wait(0.05)
            except OSError:
                break
        yield
    finally:
        os.close(descriptor)
