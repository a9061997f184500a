"""One SQLite file, opened on first use: settings, privacy, migrations, and every failure as a clear sentence.

A `Database` is one connection behind one lock, so that any thread may use it; two programs may share the file.
Every piece of work runs inside a transaction: writes in BEGIN IMMEDIATE, since a transaction that begins as a reader
and then writes fails at once when another program wrote in between, whatever the busy timeout says.

Opening is quick: only the header and the schema are looked at. Damage inside is met when it is read, or by the check
that `maintain` runs in the background. A place that cannot be written is still read.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import StorageError
from optischema_tui.core.history import backup, quarantine
from optischema_tui.core.history.care import Care
from optischema_tui.core.history.failures import (
    BUSY_TIMEOUT_MS,
    Damaged,
    explain,
    is_damage,
    is_misfit,
    is_unwritable,
)
from optischema_tui.core.history.file_format import (
    Schema,
    check,
    known_version,
    lacks_parts,
    make_shrinkable,
    migrate,
    version_of,
)
from optischema_tui.core.history.filesystem import create_private, inode_of, is_shared, kind_of, locked
from optischema_tui.core.paths import make_private

__all__ = ["Database", "Schema", "quick_check"]

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

JOURNAL_LIMIT = 16 * 1024 * 1024
"""Bytes that the write-ahead log keeps on disk after a checkpoint."""
RETRY_SECONDS = 5.0
"""How long a file that could be opened for reading only is read so, before it is tried again."""
_REPLACEMENTS = 1 + backup.KEEP


class Database:
    """See the module. Every method raises StorageError; after one the object stays usable and tries anew."""

    def __init__(self, path: Path, schema: Schema, clock: Clock = SYSTEM) -> None:
        self.path = path
        self.schema = schema
        self.generation = 0
        """Counts the times the file was opened: what was remembered from an earlier one may not hold."""
        self._clock = clock
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._begun_at: float | None = None
        """Monotonic time at which this object began the file; None when it was there before."""
        self._read_only_until: float | None = None
        """None when the connection can write."""
        self._closed = False
        self._notices: dict[str, str] = {}
        self._care = Care(path, schema, clock, self._found_damaged, lambda told: self._say("backup", told))

    @property
    def notice(self) -> str:
        """Sentences that the person must see: a damaged file was replaced, ours vanished, nothing can be written, there
        is no backup. Empty otherwise. What passes by itself is taken back."""
        return " ".join(self._notices.values())

    def open(self) -> None:
        """Open the file now. Otherwise the first read or write does."""
        with self._lock, self._told():
            self._open()

    def close(self) -> None:
        """Close for good; idempotent. A check or a copy that runs is given up."""
        self._care.stop()
        with self._lock:
            self._closed = True
            self._drop_connection()

    def read(self, work: Work[T]) -> T:
        """The result of `work(connection)`, which sees one consistent state. It must not keep a cursor."""
        return self._run("BEGIN", work)

    def write(self, work: Work[T]) -> T:
        """The result of `work(connection)`, committed when it returns, undone when it raises."""
        return self._run("BEGIN IMMEDIATE", work)

    def check_writable(self) -> None:
        """Write a page, as it is. Raises StorageError when that cannot be done now."""
        self.write(lambda connection: connection.execute(f"PRAGMA user_version={self.schema.latest}").rowcount)

    def maintain(self) -> None:
        """Begin in the background what is due: a check of the file once it is in use (quick_check, or each week
        integrity_check), a backup each day. To be called at leisure; takes no time, raises nothing.

        A disposable file that is found damaged is replaced by its newest backup. `notice` tells what happened.
        """
        with self._lock:
            if self._closed or self._connection is None or self._read_only_until is not None:
                return
            inode, begun = self._inode, self._begun_at
        self._care.look(inode, None if begun is None else self._clock.monotonic() - begun)

    def maintained(self, seconds: float) -> bool:
        """Wait until what `maintain` began has ended; False when it has not after `seconds`."""
        return self._care.wait(seconds)

    # --- running ---

    def _run(self, begin: str, work: Work[T]) -> T:
        with self._lock, self._told():
            for _ in range(_REPLACEMENTS):
                try:
                    return self._once(begin, work)
                except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
                    why = self._damage_in(error)
                    if not why or not self._replaceable:
                        raise
                self._replace(why)
            return self._once(begin, work)

    def _once(self, begin: str, work: Work[T]) -> T:
        connection = self._open(writing=begin != "BEGIN")
        connection.execute(begin)
        try:
            if version_of(connection) > self.schema.latest:  # a newer program has upgraded it since
                known_version(connection, self.schema, self.path)
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
            raise
        return result

    # --- opening ---

    def _open(self, writing: bool = False) -> sqlite3.Connection:
        if self._connection is not None:
            if not self._is_in_place():
                self._drop_connection()
                self._say(
                    "moved",
                    f"{self.schema.what} at {self.path} was moved or deleted while this program ran:"
                    " what is written now goes to the file that stands there now.",
                )
            elif self._read_only_until is not None and (writing or self._clock.monotonic() >= self._read_only_until):
                self._drop_connection()
            else:
                return self._connection
        if self._closed:
            raise StorageError(f"{self.schema.what} is closed already")
        try:
            self._connection = self._open_to_write()
            self._say("read-only", "")
        except (sqlite3.Error, OSError) as error:
            if writing or not is_unwritable(error) or not inode_of(self.path):
                raise
            self._connection = self._open_to_read(error)
        self.generation += 1
        return self._connection

    def _open_to_write(self) -> sqlite3.Connection:
        make_private(self.path.parent)
        with locked(self.path.parent):
            for _ in range(_REPLACEMENTS):
                try:
                    return self._connect()
                except (sqlite3.DatabaseError, UnicodeDecodeError, Damaged) as error:
                    if not self.schema.disposable or not is_damage(error):
                        raise
                    self._say("damage", quarantine.replace(self.path, self.schema, self._clock.wall(), str(error)))
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        begun = create_private(self.path)
        connection = sqlite3.connect(
            self.path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )
        try:
            if not connection.execute("PRAGMA page_count").fetchone()[0]:
                # Before journal_mode, which writes the first page.
                connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            for pragma in (
                f"busy_timeout={BUSY_TIMEOUT_MS}",
                "trusted_schema=OFF",
                "cell_size_check=ON",
                "foreign_keys=ON",
                f"journal_mode={self._journal_mode()}",
                f"journal_size_limit={JOURNAL_LIMIT}",
                f"synchronous={self.schema.synchronous}",
            ):
                connection.execute(f"PRAGMA {pragma}").fetchall()
            self._take_note(begun)
            self._upgrade(connection)
        except BaseException as error:
            missing = is_misfit(error) and lacks_parts(connection, self.schema)
            connection.close()
            if missing:
                raise Damaged(str(error)) from error
            raise
        self._read_only_until = None
        return connection

    def _take_note(self, begun: bool) -> None:
        """Which file it is, and whether it is one that this object began."""
        inode = os.stat(self.path).st_ino
        if begun:
            self._begun_at = self._clock.monotonic()
        elif inode != self._inode:
            self._begun_at = None
        self._inode = inode

    def _open_to_read(self, reason: Exception) -> sqlite3.Connection:
        """What is there, when nothing can be written: for what cannot be read so either, `reason` is raised."""
        for mode in ("mode=ro", "mode=ro&immutable=1"):  # the second does not need to write beside the file, nor sees
            connection = sqlite3.connect(  # what only the log holds yet
                f"{self.path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None, check_same_thread=False
            )
            try:
                connection.execute("PRAGMA trusted_schema=OFF")
                connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}").fetchall()
                version = known_version(connection, self.schema, self.path)
            except sqlite3.OperationalError:
                connection.close()
                continue
            except BaseException:
                connection.close()
                raise
            if version != self.schema.latest:
                connection.close()
                break
            self._inode = inode_of(self.path)
            self._read_only_until = self._clock.monotonic() + RETRY_SECONDS
            told = explain(self.schema.what, self.path, reason)
            self._say(
                "read-only", f"{told.sentence} Until then it is only read, perhaps without what was written last."
            )
            return connection
        raise reason

    def _journal_mode(self) -> str:
        kind = kind_of(self.path.parent)
        if not is_shared(kind):
            return "WAL"
        self._say(
            "place",
            f"{self.schema.what} at {self.path} lies on a shared file system ({kind}): it is slower there, and safe"
            " only while its locks work. Name a local directory with --state-dir.",
        )
        return "DELETE"

    def _upgrade(self, connection: sqlite3.Connection) -> None:
        version = known_version(connection, self.schema, self.path)
        if version == self.schema.latest:
            return
        if version:
            try:
                with locked(make_private(backup.directory(self.path))):
                    backup.make(connection, self.path, self.schema, self._clock.wall())
            except (StorageError, OSError, sqlite3.OperationalError) as error:
                told = explain(self.schema.what, self.path, error) if not isinstance(error, StorageError) else error
                self._say("upgrade", f"There is no backup from before the upgrade of its format. {told.sentence}")
        migrate(connection, self.schema)
        if version and self.schema.disposable:
            with contextlib.suppress(sqlite3.OperationalError):  # then purging reuses pages and gives none back
                make_shrinkable(connection, self.path)

    def _is_in_place(self) -> bool:
        """False once the open file was moved or deleted: what is written to it then would be found by nobody."""
        return inode_of(self.path) == self._inode

    def _drop_connection(self) -> None:
        if self._connection is not None:
            with contextlib.suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None
        self._read_only_until = None

    # --- damage ---

    @property
    def _replaceable(self) -> bool:
        return self.schema.disposable and self._read_only_until is None

    def _damage_in(self, error: Exception) -> str:
        """What is damaged, when `error` means damage; else empty."""
        if is_damage(error):
            return str(error)
        if is_misfit(error) and self._connection is not None:
            with contextlib.suppress(sqlite3.Error, UnicodeDecodeError):
                return str(error) if lacks_parts(self._connection, self.schema) else ""
            return str(error)
        return ""

    def _replace(self, why: str = "") -> None:
        """Drop a damaged file that is open: moved aside unless another program has done so already."""
        inode = self._inode
        self._drop_connection()
        with locked(self.path.parent):
            if inode_of(self.path) == inode:
                self._say("damage", quarantine.replace(self.path, self.schema, self._clock.wall(), why))

    def _found_damaged(self, why: str, inode: int) -> None:
        with self._lock:
            if self._closed or inode_of(self.path) != inode:
                return
            if not self.schema.disposable:
                self._say("damage", explain(self.schema.what, self.path, Damaged(why), self._remedy()).sentence)
                return
            try:
                self._drop_connection()
                self._inode = inode
                self._replace(why)
            except OSError as error:
                self._say(
                    "damage", f"{self.schema.what} is damaged ({why}) and cannot be moved aside: {error.strerror}"
                )

    def _remedy(self) -> str:
        with contextlib.suppress(OSError):
            return quarantine.how_to_restore(self.path)
        return "Restore the file from a backup, or move it away to begin a fresh one"

    # --- words ---

    def _say(self, about: str, told: str) -> None:
        # A new dictionary each time: `notice` may be read in another thread.
        others = {key: value for key, value in self._notices.items() if key != about}
        self._notices = others | ({about: told} if told else {})

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, Damaged, OSError, OverflowError, UnicodeDecodeError) as error:
            raise explain(self.schema.what, self.path, error, self._remedy()) from error


def quick_check(connection: sqlite3.Connection) -> str:
    """'' when the pages of the file hold together, else what SQLite found first."""
    try:
        check(connection)
    except Damaged as error:
        return str(error)
    return ""
