"""Closed parts of the journal: `audit-segment-0001.db` and on, beside the journal, read-only and each whole in itself.

Numbers and links run on. A closed segment ends with the entry `audit.closed`; the next one begins with `audit.segment`,
which binds the last number and hash and the installation's id. Both are written in one transaction of the journal,
after the archive is on the disk: a kill leaves either the journal as it was, with an archive too many that the next
closing replaces, or the new segment.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optischema_tui.core.audit import tables
from optischema_tui.core.audit.anchors import Anchor
from optischema_tui.core.errors import StorageError
from optischema_tui.core.history.failures import Damaged, explain
from optischema_tui.core.history.file_format import Schema, check, known_version
from optischema_tui.core.history.filesystem import create_private, sync_directory
from optischema_tui.core.models import AuditEntry, ChangeState

BYTES = 100 << 20
"""Entries and evidence of this size close a segment."""
SECONDS = 365 * 86400.0
"""So does its age."""
BEGUN, CLOSED = "audit.segment", "audit.closed"
OVER = ChangeState.ROLLED_BACK
"""Changes in this state stay in the archive; nothing can be done with them any more. All others are carried over."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which part of the journal a file is, as its first entry says."""

    number: int
    install: str
    first_seq: int
    at_us: int


def archive(path: Path, number: int) -> Path:
    """Where segment `number` of the journal at `path` is kept."""
    return path.with_name(f"{path.stem}-segment-{number:04}{path.suffix}")


def archives(path: Path) -> dict[int, Path]:
    """The closed segments that are there, by number, the oldest first."""
    found = {}
    for file in path.parent.glob(f"{path.stem}-segment-*{path.suffix}"):
        number = file.name.removeprefix(f"{path.stem}-segment-").removesuffix(path.suffix)
        if number.isascii() and number.isdecimal() and archive(path, int(number)) == file:
            found[int(number)] = file
    return dict(sorted(found.items()))


def place_of(connection: sqlite3.Connection) -> Place:
    """Number 1 and no id where the first entry is gone or says nothing of it."""
    row = tables.first_row(connection)
    if row is None:
        return Place(1, "", 1, 0)
    seq, at, event, _, raw, _, _ = row
    body = tables.inner_body(raw) or {}
    number = body.get("segment") if event == BEGUN else 1
    return Place(
        number if isinstance(number, int) and number > 0 else 1,
        str(body.get("install_id", "")),
        int(seq),
        at if isinstance(at, int) else 0,
    )


@contextlib.contextmanager
def reading(file: Path, schema: Schema) -> Iterator[sqlite3.Connection]:
    """A closed segment, for reading. Raises StorageError when it cannot be read or is another kind of file."""
    remedy = "Put the file back from a backup of this directory"
    try:
        with closing(
            sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
        ) as connection:
            connection.execute("PRAGMA trusted_schema=OFF")
            known_version(connection, schema, file)
            yield connection
    except (sqlite3.Error, Damaged, OSError, OverflowError, UnicodeDecodeError) as error:
        raise explain("The closed part of the audit journal", file, error, remedy) from error


def last_anchor(connection: sqlite3.Connection, install: str) -> Anchor | None:
    """The entry before the closing one."""
    row = connection.execute(
        "SELECT seq, hash FROM audit WHERE event <> ? ORDER BY seq DESC LIMIT 1", (CLOSED,)
    ).fetchone()
    return Anchor(int(row[0]), str(row[1]), install) if row else None


def is_due(connection: sqlite3.Connection, now: float) -> bool:
    """Whether the open segment is large or old enough to be closed."""
    place = place_of(connection)
    if place.at_us and now - place.at_us / 1_000_000 >= SECONDS:
        return tables.head(connection)[0] > place.first_seq
    size, pages, free = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_size", "page_count", "freelist_count")
    )
    if (pages - free) * size < BYTES:
        return False
    carried = int(connection.execute("SELECT coalesce(sum(length(body)), 0) FROM change").fetchone()[0])
    return (pages - free) * size - carried >= BYTES  # changes would be in the next segment too


def close(connection: sqlite3.Connection, path: Path, schema: Schema, at: float, who: dict[str, str]) -> AuditEntry:
    """Close the open segment, inside a transaction of the journal; gives the first entry of the next one.

    Raises StorageError when another file has the archive's name, OSError and sqlite3.Error when it cannot be written.
    """
    place = place_of(connection)
    if not place.install:
        raise _not_closed("Its first entry cannot be read")
    final = archive(path, place.number)
    _make_room(connection, final, schema)
    entries = int(connection.execute("SELECT count(*) FROM audit").fetchone()[0]) + 1
    last = tables.append(
        connection,
        at,
        CLOSED,
        "",
        {"who": who, "segment": place.number, "first_seq": place.first_seq, "entries": entries},
    )
    _write_archive(connection, final, schema)
    tables.unguard(connection)
    connection.execute("DELETE FROM audit")
    connection.execute("DELETE FROM evidence")
    connection.execute("DELETE FROM change WHERE state = ?", (OVER.value,))
    tables.guard(connection)
    carried = int(connection.execute("SELECT count(*) FROM change").fetchone()[0])
    body = {
        "install_id": place.install,
        "segment": place.number + 1,
        "previous": {"file": final.name, "seq": last.seq, "hash": last.hash},
        "carried_changes": carried,
        "who": who,
    }
    return tables.append(connection, at, BEGUN, "", body, after=(last.seq, last.hash))


def give_back(connection: sqlite3.Connection) -> None:
    """Return the pages that a closed segment leaves behind to the file system."""
    free = int(connection.execute("PRAGMA freelist_count").fetchone()[0])
    for _ in range(free):  # one step of this pragma, which is all that `execute` takes, gives one page back
        connection.execute("PRAGMA incremental_vacuum(1)")


def _make_room(connection: sqlite3.Connection, final: Path, schema: Schema) -> None:
    """What a killed closing left may be replaced; any other file of that name may not."""
    if not final.exists():
        return
    with reading(final, schema) as other:
        known = last_anchor(other, "")
    row = connection.execute("SELECT hash FROM audit WHERE seq = ?", (known.seq if known else -1,)).fetchone()
    if known is None or row is None or row[0] != known.hash:
        raise _not_closed(f"{final} is there already and holds other entries")


def _not_closed(why: str) -> StorageError:
    return StorageError(
        "This part of the audit journal cannot be closed", why, "Run `optischema-tui audit verify` to see what happened"
    )


def _write_archive(connection: sqlite3.Connection, final: Path, schema: Schema) -> None:
    part = final.with_name(f"{final.name}.part")
    for suffix in ("", "-journal"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{part}{suffix}")
    create_private(part)
    with closing(sqlite3.connect(part, isolation_level=None)) as target:
        target.execute("PRAGMA synchronous=FULL")
        target.execute("BEGIN")
        tables.create_all(target)
        for table, columns in (("audit", 7), ("change", 7), ("evidence", 3)):
            rows: Any = connection.execute(f"SELECT * FROM {table}")
            target.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})", rows)
        target.execute(f"PRAGMA application_id={schema.application_id}")
        target.execute(f"PRAGMA user_version={schema.latest}")
        target.execute("COMMIT")
        check(target)
    os.chmod(part, 0o400)
    os.replace(part, final)
    sync_directory(final.parent)


def delete_evidence(file: Path, until: int) -> int:
    """Delete from a closed segment the evidence that no entry after `until` names; gives how many pieces.

    The entries stay as they are. Raises StorageError.
    """
    try:
        os.chmod(file, 0o600)
        try:
            with closing(
                sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
            ) as open_:
                gone = open_.execute("DELETE FROM evidence WHERE seq <= ?", (until,)).rowcount
                if gone:
                    open_.execute("VACUUM")
        finally:
            os.chmod(file, 0o400)
    except (sqlite3.Error, OSError) as error:
        raise explain("The closed part of the audit journal", file, error) from error
    return int(gone)
