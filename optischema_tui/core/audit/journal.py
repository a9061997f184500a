"""The audit journal: every decision and its effect, in a hash chain, and the one store of changes.

A change's row and the entry that tells of it are written in one transaction that is on the disk (synchronous=FULL)
before the call returns: no intent, no action. Damage is never repaired or moved aside here; it is told.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optischema_tui.core.audit import chain
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import StorageError, UsageError
from optischema_tui.core.history.codec import DecodeError, decode, encode
from optischema_tui.core.history.database import Database, Schema, quick_check
from optischema_tui.core.models import AuditEntry, Change, ChangeState, digest
from optischema_tui.core.safe_text import redact

APPLICATION_ID = 0x4F534155
_ENTRY = "seq, at, event, change_id, body, prev, hash"
_UNTOUCHED = frozenset({"forward_sql", "inverse_sql"})
"""What runs must stay as it was approved: its hash says so."""


@dataclass(frozen=True, slots=True)
class VerifyResult:
    ok: bool
    entries: int
    first_bad: int | None
    """Number of the first entry that is not well."""
    problem: str
    """One sentence; empty when ok."""
    kind: str = ""
    """See `chain.Break.kind`; empty when ok."""
    anchored: bool = False
    """False: a shortened tail and a full rewrite could not be seen, because no anchor was given."""


class Journal:
    """Any thread may use it; several programs may share the file. Methods raise StorageError."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    @classmethod
    def open(cls, path: Path, clock: Clock = SYSTEM) -> Journal:
        """The journal at `path`; the file is opened or begun on first use."""
        schema = Schema(
            what="The audit journal",
            application_id=APPLICATION_ID,
            migrations=(lambda connection: _create(connection, clock.wall()),),
            synchronous="FULL",
            disposable=False,
        )
        return cls(Database(path, schema, clock), clock)

    def close(self) -> None:
        self._database.close()

    def maintain(self, wait: float = 0.0) -> None:
        """Begin in the background what is due, a check or a backup (see `Database.maintain`), and wait at most `wait`
        seconds for it: `close` gives up what still runs."""
        self._database.maintain()
        self._database.maintained(wait)

    @property
    def notice(self) -> str:
        """Sentences for the person: the file vanished under the running program, is damaged, is not backed up, cannot
        be written. Empty otherwise."""
        return self._database.notice

    # --- writing ---

    def record(self, event: str, body: dict[str, Any], change_id: str = "") -> AuditEntry:
        """Append one entry. Floats in `body` are kept as text; secrets are taken out. TypeError: see `chain.plain`."""
        at = self._clock.wall()
        kept = chain.plain(body)
        return self._database.write(lambda connection: _append(connection, at, event, change_id, kept))

    def save(self, change: Change, event: str, body: dict[str, Any]) -> AuditEntry:
        """Store `change` as it stands now, and the entry that tells why, in one transaction."""
        at = self._clock.wall()
        kept = chain.plain(body)
        row = json.dumps(_redacted_row(change), sort_keys=True)

        def work(connection: sqlite3.Connection) -> AuditEntry:
            entry = _append(connection, at, event, change.id, kept, change.state.value, digest(row))
            connection.execute(
                "INSERT INTO change (id, fingerprint, recommendation_id, state, first_seq, last_seq, body)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
                " state = excluded.state, last_seq = excluded.last_seq, body = excluded.body",
                (
                    change.id,
                    change.target.fingerprint,
                    change.recommendation_id,
                    change.state.value,
                    entry.seq,
                    entry.seq,
                    row,
                ),
            )
            return entry

        return self._database.write(work)

    # --- reading ---

    def change(self, id_or_prefix: str) -> Change:
        """The change with this id or the only one whose id begins so; else the newest change of the recommendation
        with this id or beginning. Raises UsageError when there is none, or more than one."""
        wanted = id_or_prefix.strip().lower()
        if not wanted:
            raise UsageError("No change was named", todo="`optischema-tui changes` lists them")
        by_id = self._rows("WHERE substr(id, 1, ?) = ? ORDER BY first_seq DESC", (len(wanted), wanted))
        if len(by_id) > 1 and all(row[0] != wanted for row in by_id):
            raise UsageError(
                f"{len(by_id)} changes have an id that begins with {redact(id_or_prefix)}",
                todo="Give more of its characters",
            )
        exact = [row for row in by_id if row[0] == wanted] or by_id
        found = exact or self._rows(
            "WHERE substr(recommendation_id, 1, ?) = ? ORDER BY first_seq DESC", (len(wanted), wanted)
        )
        if not found:
            raise UsageError(
                f"There is no change {redact(id_or_prefix)}",
                todo="`optischema-tui changes` lists them",
            )
        if len({row[1] for row in found}) > 1:
            raise UsageError(
                f"Changes of several recommendations begin with {redact(id_or_prefix)}",
                todo="Give more of its characters",
            )
        return _change(found[0])

    def changes(
        self, fingerprint: str | None = None, states: Collection[ChangeState] | None = None
    ) -> tuple[Change, ...]:
        """Changes, the newest first; of one target and in some states when so asked."""
        where, parameters = [], []
        if fingerprint is not None:
            where.append("fingerprint = ?")
            parameters.append(fingerprint)
        if states is not None:
            where.append(f"state IN ({', '.join('?' * len(states))})")
            parameters.extend(state.value for state in states)
        condition = f"WHERE {' AND '.join(where)} " if where else ""
        return tuple(map(_change, self._rows(f"{condition}ORDER BY first_seq DESC", tuple(parameters))))

    def entries(self, since_seq: int = 0, limit: int | None = None) -> tuple[AuditEntry, ...]:
        """Entries after number `since_seq`, the oldest first, at most `limit`."""
        sql = f"SELECT {_ENTRY} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?"
        bound = -1 if limit is None else limit
        rows = self._database.read(lambda connection: connection.execute(sql, (since_seq, bound)).fetchall())
        return tuple(_entry(*row) for row in rows)

    def head(self) -> tuple[int, str]:
        """Number and hash of the last entry; (0, 64 zeros) when all are gone."""
        return self._database.read(_head)

    @property
    def install_id(self) -> str:
        """The random id that the first entry binds; empty when that cannot be read."""
        rows = self.entries(0, 1)
        return _install({"body": rows[0].body}) if rows else ""

    def anchor(self) -> str:
        """The line `seq:hash:install` to keep elsewhere, for `verify`."""
        seq, head = self.head()
        return f"{seq}:{head}:{self.install_id}"

    def verify(self, anchor: str = "") -> VerifyResult:
        """Whether the chain and the changes beside it hold, and agree with the lines of `anchor` when given.

        Raises StorageError when the file cannot be read at all.
        """
        return self._database.read(lambda connection: _verify(connection, chain.parse_anchor(anchor)))

    def export(self, fmt: str) -> Iterator[str]:
        """Lines of the whole journal as 'jsonl' or 'csv', without line ends: see `export`."""
        from optischema_tui.core.audit.export import lines

        return lines(self._raw(), fmt)

    def _raw(self) -> Iterator[tuple[Any, ...]]:
        sql = f"SELECT {_ENTRY} FROM audit WHERE seq > ? ORDER BY seq LIMIT 500"
        after = -(1 << 62)

        def page(connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
            return connection.execute(sql, (after,)).fetchall()

        while rows := self._database.read(page):
            yield from rows
            after = rows[-1][0]

    def _rows(self, tail: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        sql = f"SELECT id, recommendation_id, body FROM change {tail}"
        return self._database.read(lambda connection: connection.execute(sql, parameters).fetchall())


def _create(connection: sqlite3.Connection, at: float) -> None:
    """Format 1: the chain, its beginning, the changes."""
    connection.execute(
        "CREATE TABLE audit (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, event TEXT NOT NULL,"
        " change_id TEXT NOT NULL, body BLOB NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL)"
    )
    connection.execute(
        "CREATE TABLE change (id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, recommendation_id TEXT NOT NULL,"
        " state TEXT NOT NULL, first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, body TEXT NOT NULL)"
    )
    connection.execute("CREATE INDEX change_recommendation ON change (recommendation_id)")
    for table, action in (("audit", "UPDATE"), ("audit", "DELETE"), ("change", "DELETE")):
        connection.execute(
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table}"
            " BEGIN SELECT RAISE(ABORT, 'the audit journal only grows'); END"
        )
    _append(connection, at, "audit.begun", "", {"install_id": secrets.token_hex(16)})


def _head(connection: sqlite3.Connection) -> tuple[int, str]:
    row = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return (int(row[0]), str(row[1])) if row else (0, chain.ORIGIN)


def _append(
    connection: sqlite3.Connection,
    at: float,
    event: str,
    change_id: str,
    body: dict[str, Any],
    state: str = "",
    row: str = "",
) -> AuditEntry:
    last, prev = _head(connection)
    seq, at_us = last + 1, round(at * 1_000_000)
    whole: dict[str, Any] = {"seq": seq, "at_us": at_us, "event": event, "change_id": change_id, "body": body}
    if change_id and row:
        whole |= {"state": state, "row": row}
    text = chain.canonical(whole)
    try:
        hashed = chain.link_hash(prev, text)
    except ValueError as error:
        raise StorageError(
            "The audit journal cannot be continued",
            f"The hash of its last entry, {seq - 1}, is not readable",
            "Run `optischema-tui audit verify`, and begin a new journal by moving the file away",
        ) from error
    connection.execute(
        f"INSERT INTO audit ({_ENTRY}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (seq, at_us, event, change_id, text, prev, hashed),
    )
    return AuditEntry(seq, at_us / 1_000_000, event, change_id, body, prev, hashed)


def _entry(seq: int, at: int, event: str, change_id: str, body: bytes, prev: str, hashed: str) -> AuditEntry:
    try:
        told = json.loads(body)["body"]
    except (ValueError, TypeError, KeyError, RecursionError):
        told = None
    if not isinstance(told, dict):
        told = {"unreadable": "the content of this entry was damaged"}
    return AuditEntry(seq, at / 1_000_000 if isinstance(at, int) else 0.0, event, change_id, told, prev, hashed)


def _redacted_row(change: Change) -> dict[str, Any]:
    return {key: value if key in _UNTOUCHED else _redacted(value) for key, value in encode(change).items()}


def _redacted(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {key: _redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(item) for item in value]
    return value


def _change(row: tuple[Any, ...]) -> Change:
    try:
        return decode(Change, json.loads(row[2]))
    except (DecodeError, ValueError) as error:
        raise StorageError(
            f"The change {row[0]} cannot be read from the audit journal",
            str(error),
            "Run `optischema-tui audit verify` to see what happened to it",
        ) from error


def _verify(connection: sqlite3.Connection, anchors: tuple[tuple[int, str, str], ...]) -> VerifyResult:
    damage = quick_check(connection)
    if damage:
        raise StorageError("The audit journal is damaged and cannot be verified", damage, "Restore it from a backup")
    links: list[chain.Link] = []
    last: dict[str, tuple[int, str, str]] = {}
    install = ""
    for row in connection.execute(f"SELECT {_ENTRY} FROM audit ORDER BY seq"):
        link = chain.read_link(*row)
        links.append(link)
        if link.whole:
            inner = json.loads(row[4])
            if link.seq == 1:
                install = _install(inner)
            if inner.get("row"):
                last[str(inner["change_id"])] = (link.seq, str(inner.get("state")), str(inner["row"]))
    broken = chain.first_break(links) or chain.anchor_break(links, install, anchors) or _change_break(connection, last)
    if broken:
        return VerifyResult(False, len(links), broken.seq, broken.sentence, broken.kind, bool(anchors))
    return VerifyResult(True, len(links), None, "", "", bool(anchors))


def _install(inner: dict[str, Any]) -> str:
    body = inner.get("body")
    return str(body.get("install_id", "")) if isinstance(body, dict) else ""


def _change_break(connection: sqlite3.Connection, last: dict[str, tuple[int, str, str]]) -> chain.Break | None:
    """Where the changes differ from what the chain, whole in itself, says of them."""
    missing = dict(last)
    for change_id, state, row, seq in connection.execute("SELECT id, state, body, last_seq FROM change"):
        told = missing.pop(change_id, None)
        if told is None:
            return chain.Break("change-inserted", int(seq), f"The change {change_id} has no entry in the journal")
        if told != (seq, state, digest(str(row))):
            return chain.Break(
                "change-edited", told[0], f"The change {change_id} is not as entry {told[0]} of the journal says"
            )
    for change_id, (seq, _, _) in missing.items():
        return chain.Break("change-removed", seq, f"The change {change_id} of entry {seq} was removed")
    return None
