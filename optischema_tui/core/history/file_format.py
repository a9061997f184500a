"""What kind of file a database is, whether a given one is of that kind, and how an older format becomes the present."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from optischema_tui.core.errors import StorageError
from optischema_tui.core.history.failures import Damaged
from optischema_tui.core.history.filesystem import room

Migration = Callable[[sqlite3.Connection], None]

REBUILD_LIMIT = 256 * 1024 * 1024
"""A file up to this size is rebuilt once so that purging can give pages back; that takes about two seconds."""
_INCREMENTAL = 2


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
    """True: a damaged file is moved aside, and its newest backup or a fresh one takes its place. False: damage is an
    error, nothing is touched."""

    @property
    def latest(self) -> int:
        return len(self.migrations)

    @property
    def name(self) -> str:
        """Inside a sentence: 'the history'."""
        return self.what[:1].lower() + self.what[1:]


def version_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def is_of_another(connection: sqlite3.Connection, schema: Schema) -> bool:
    """True for a database of another program. An empty file is nobody's."""
    application = int(connection.execute("PRAGMA application_id").fetchone()[0])
    tables = int(connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
    if application == schema.application_id:
        return False
    return bool(application or version_of(connection) or tables)


def known_version(connection: sqlite3.Connection, schema: Schema, path: Path) -> int:
    """The format of the file, 0 for an empty one. Raises StorageError for a file of another program or a newer one."""
    if is_of_another(connection, schema):
        raise StorageError(
            f"The file {path} is not {schema.name} of this program",
            "It is an SQLite database of another program",
            "Move it away, or name another directory with --state-dir",
        )
    version = version_of(connection)
    if version > schema.latest:
        raise StorageError(
            f"{schema.what} at {path} was written by a newer version of this program",
            f"Its format is {version}; this program knows formats up to {schema.latest}",
            "Use the newer program, or name another directory with --state-dir",
        )
    return version


def migrate(connection: sqlite3.Connection, schema: Schema) -> None:
    """Bring the file to the latest format, in one transaction: a kill in the middle leaves it as it was."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        for number in range(version_of(connection), schema.latest):
            schema.migrations[number](connection)
        connection.execute(f"PRAGMA application_id={schema.application_id}")
        connection.execute(f"PRAGMA user_version={schema.latest}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def make_shrinkable(connection: sqlite3.Connection, path: Path) -> None:
    """Rebuild a file that was begun without auto_vacuum, when it is small and there is room; else purging reuses pages.

    Raises sqlite3.Error when the rebuild fails; the file is then as it was.
    """
    if int(connection.execute("PRAGMA auto_vacuum").fetchone()[0]) == _INCREMENTAL:
        return
    size = os.stat(path).st_size
    if size > REBUILD_LIMIT or room(path.parent) < 3 * size + (16 << 20):
        return
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL").fetchall()
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def lacks_parts(connection: sqlite3.Connection, schema: Schema) -> bool:
    """True when a table, a column or an index of the file's own format is missing or is another."""
    model = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for migration in schema.migrations[: version_of(connection)]:
            migration(model)
        return not _parts(connection).issuperset(_parts(model))
    finally:
        model.close()


def _parts(connection: sqlite3.Connection) -> set[tuple[object, ...]]:
    """Not the SQL of the schema: versions of SQLite may word what ALTER TABLE left there differently."""
    found: set[tuple[object, ...]] = set()
    for kind, name in connection.execute("SELECT type, name FROM sqlite_master").fetchall():
        found.add((kind, name))
        if kind in ("table", "index"):
            columns = connection.execute("SELECT * FROM pragma_table_xinfo(?)", (name,)).fetchall()
            found.add((kind, name, "columns", *columns))
            found |= {(name, *row[1:]) for row in connection.execute("SELECT * FROM pragma_index_list(?)", (name,))}
            found |= {(name, *row) for row in connection.execute("SELECT * FROM pragma_index_xinfo(?)", (name,))}
    return found


def check(connection: sqlite3.Connection, whole: bool = False) -> None:
    """Raises Damaged when pages do not hold together (quick_check) or, `whole`, indexes disagree with their tables."""
    found = connection.execute(f"PRAGMA {'integrity_check' if whole else 'quick_check'}(1)").fetchone()
    if not found or found[0] != "ok":
        raise Damaged(str(found[0]).replace("\n", " ") if found else "the check gave no answer")
