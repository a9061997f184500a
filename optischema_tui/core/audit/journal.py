"""The audit journal: every decision and its effect, in a hash chain, and the one store of changes.

A change's row and the entry that tells of it are written in one transaction that is on the disk (synchronous=FULL)
before the call returns: no intent, no action. Damage is never repaired or moved aside here; it is told.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from optischema_tui.core.audit import anchors, chain, outside, segments, tables
from optischema_tui.core.audit import evidence as pieces
from optischema_tui.core.audit.actor import actor
from optischema_tui.core.audit.outside import NOWHERE, Outside
from optischema_tui.core.audit.tables import ENTRY, PAGE, Row
from optischema_tui.core.audit.verify import VerifyResult as VerifyResult
from optischema_tui.core.audit.verify import verify
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import ChangeRefused, StorageError, UsageError
from optischema_tui.core.history.codec import DecodeError, decode, encode
from optischema_tui.core.history.database import Database
from optischema_tui.core.models import AuditEntry, Change, ChangeState, digest
from optischema_tui.core.paths import Paths
from optischema_tui.core.safe_text import redact

DAY = 86400.0
_UNTOUCHED = frozenset({"forward_sql", "inverse_sql"})
"""What runs must stay as it was approved: its hash says so."""
Evidence = Mapping[str, Any]
"""Pieces by name, JSON values."""


class Journal:
    """Any thread may use it; several programs may share the file. Methods raise StorageError."""

    def __init__(self, database: Database, clock: Clock, told: Outside = NOWHERE) -> None:
        self._database = database
        self._clock = clock
        self._told = told
        self._install = ""
        self._untold = ""

    @classmethod
    def open(cls, path: Path, clock: Clock = SYSTEM, told: Outside = NOWHERE) -> Journal:
        """The journal at `path`; the file is opened or begun on first use. `told`: where its head goes beside."""
        return cls(Database(path, tables.schema(clock.wall()), clock), clock, told)

    @classmethod
    def of(cls, paths: Paths, clock: Clock = SYSTEM) -> Journal:
        """The journal of this program, with the anchors that its config file names."""
        return cls.open(paths.audit_db, clock, Outside(paths.audit_syslog, paths.audit_checkpoint))

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
        be written; the checkpoint file cannot be. Empty otherwise."""
        return " ".join(filter(None, (self._database.notice, self._untold)))

    # --- writing ---

    def record(
        self, event: str, body: dict[str, Any], change_id: str = "", evidence: Evidence | None = None
    ) -> AuditEntry:
        """Append one entry. Floats in `body` are kept as text; secrets are taken out. TypeError: see `chain.plain`.

        `evidence` is kept beside the chain: the entry names its hashes.
        """
        return self._write(event, body, change_id, evidence)

    def save(
        self,
        change: Change,
        event: str,
        body: dict[str, Any],
        evidence: Evidence | None = None,
        expected: ChangeState | None = None,
    ) -> AuditEntry:
        """Store `change` as it stands now, and the entry that tells why, in one transaction. Else as `record`.

        `expected`: the state that it must still have in the file; raises ChangeRefused when it has another one.
        """
        row = json.dumps(_redacted_row(change), sort_keys=True)
        entry = self._write(event, body, change.id, evidence, change, row, expected)
        if self._told.syslog and change.state in outside.TOLD:
            outside.tell_syslog(entry.seq, entry.hash, self.install_id)
        return entry

    def _write(
        self,
        event: str,
        body: dict[str, Any],
        change_id: str,
        given: Evidence | None,
        change: Change | None = None,
        row: str = "",
        expected: ChangeState | None = None,
    ) -> AuditEntry:
        at = self._clock.wall()
        found = pieces.pieces(given)
        kept = pieces.named(chain.plain(body), found)

        def work(connection: sqlite3.Connection) -> AuditEntry:
            if change is not None and expected is not None:
                _refuse_unless(connection, change.id, expected)
            state = change.state.value if change is not None else ""
            entry = tables.append(connection, at, event, change_id, kept, state, digest(row) if row else "")
            pieces.store(connection, entry.seq, found)
            if change is not None:
                _put_change(connection, change, entry.seq, row)
            return entry

        return self._tell(self._database.write(work))

    def _tell(self, entry: AuditEntry) -> AuditEntry:
        """Append the new head to the checkpoint file, where there is one."""
        if self._told.checkpoint is not None:
            self._untold = outside.tell_checkpoint(self._told.checkpoint, entry.seq, entry.hash, self.install_id)
        return entry

    def close_segment(self, *, force: bool = False) -> Path | None:
        """Close the open segment when it is large or a year old, or by `force`; gives the archive, None when not due.

        See `segments`. Others that write wait meanwhile.
        """
        schema, path, now = self._database.schema, self._database.path, self._clock.wall()
        if not force and not self._database.read(lambda connection: segments.is_due(connection, now)):
            return None

        def work(connection: sqlite3.Connection) -> AuditEntry | None:
            if not force and not segments.is_due(connection, now):
                return None  # another program has just done it
            return segments.close(connection, path, schema, now, actor())

        entry = self._database.write(work)
        if entry is None:
            return None
        self._database.write(segments.give_back)
        self._tell(entry)
        return segments.archive(path, int(entry.body["segment"]) - 1)

    def prune_evidence(self, days: float = pieces.DAYS) -> int:
        """Delete evidence that only entries older than `days` name, also from closed segments; gives how many pieces.

        What is deleted is told by an entry before; nothing is written when there is nothing to delete.
        """
        before = round((self._clock.wall() - days * DAY) * 1_000_000)
        schema, old = self._database.schema, segments.archives(self._database.path)

        def look(connection: sqlite3.Connection) -> tuple[int, int]:
            until = pieces.last_before(connection, before)
            return until, pieces.count_until(connection, until)

        until, count = self._database.read(look)
        closed = []
        for file in old.values():
            with segments.reading(file, schema) as connection:
                until = max(until, pieces.last_before(connection, before))
                found = pieces.count_until(connection, pieces.last_before(connection, before))
            count += found
            closed += [file] if found else []
        if not count:
            return 0

        def work(connection: sqlite3.Connection) -> AuditEntry:
            body = {"who": actor(), "until_seq": until, "pieces": count, "older_than_days": repr(float(days))}
            entry = tables.append(connection, self._clock.wall(), pieces.PRUNED, "", body)
            pieces.delete_until(connection, until)
            return entry

        self._tell(self._database.write(work))
        for file in closed:
            segments.delete_evidence(file, until)
        return count

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
        """Changes, the newest first; of one target and in some states when so asked. Those that were rolled back before
        the open segment began are not among them."""
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
        """Entries after number `since_seq` of all segments, the oldest first, at most `limit`."""
        return tuple(tables.entry(row) for row in islice(self._onward(since_seq), limit))

    def newest(self) -> Iterator[AuditEntry]:
        """Entries of all segments, the newest first, read as they are asked for."""
        return map(tables.entry, self._backward())

    def evidence(self, hashed: str) -> Any | None:
        """The piece of evidence with this hash; None when it was pruned, or is not what its hash says."""
        found = self._database.read(lambda connection: pieces.fetch(connection, hashed))
        if found is not None:
            return found
        for file in reversed(segments.archives(self._database.path).values()):
            with segments.reading(file, self._database.schema) as connection:
                if (found := pieces.fetch(connection, hashed)) is not None:
                    return found
        return None

    def latest(self, *events: str) -> AuditEntry | None:
        """The newest entry of these events in the open segment."""
        sql = f"SELECT {ENTRY} FROM audit WHERE event IN ({', '.join('?' * len(events))}) ORDER BY seq DESC LIMIT 1"
        row = self._database.read(lambda connection: connection.execute(sql, events).fetchone())
        return tables.entry(row) if row is not None else None

    def head(self) -> tuple[int, str]:
        """Number and hash of the last entry; (0, 64 zeros) when all are gone."""
        return self._database.read(tables.head)

    @property
    def install_id(self) -> str:
        """The random id that the first entry binds; empty when that cannot be read."""
        row = self._database.read(tables.first_row)
        body = tables.inner_body(row[4]) if row is not None else None
        return str(body.get("install_id", "")) if body is not None else ""

    def anchor(self) -> str:
        """The line `seq:hash:install` to keep elsewhere, for `verify`."""
        seq, head = self.head()
        return anchors.checkpoint_line(seq, head, self.install_id)

    def comment(self, change_id: str) -> str:
        """The comment to stand before a statement of a change: it anchors the head in the server's own log."""
        return anchors.comment(change_id, self.head()[1], self.install_id)

    def verify(self, anchor: str = "", server_log: Iterable[str] = ()) -> VerifyResult:
        """Whether all segments, the changes and the evidence hold, and agree with the lines of `anchor` (see
        `anchors.parse_anchors`) and those of a PostgreSQL log.

        Raises StorageError when one of the files cannot be read at all.
        """
        known, heads = anchors.parse_anchors(anchor), anchors.parse_server_log(server_log)
        path, schema = self._database.path, self._database.schema
        return self._database.read(lambda connection: verify(connection, path, schema, known, heads))

    def export(self, fmt: str, since_seq: int | None = None) -> Iterator[str]:
        """Lines of all segments as 'jsonl' or 'csv', without line ends: see `export`."""
        from optischema_tui.core.audit.export import lines

        return lines(self._onward(since_seq), fmt)

    def _onward(self, since_seq: int | None) -> Iterator[Row]:
        after = -(1 << 62) if since_seq is None else since_seq
        sql = f"SELECT {ENTRY} FROM audit WHERE seq > ? ORDER BY seq LIMIT {PAGE}"
        while rows := self._page(sql, after, oldest=True):
            yield from rows
            after = rows[-1][0]

    def _backward(self) -> Iterator[Row]:
        before = 1 << 62
        sql = f"SELECT {ENTRY} FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT {PAGE}"
        while rows := self._page(sql, before, oldest=False):
            yield from rows
            before = rows[-1][0]

    def _page(self, sql: str, bound: int, *, oldest: bool) -> list[Row]:
        """The next rows: from a closed segment when those asked for may be there. Looked for anew with each page, since
        the open segment may be closed between two."""

        def page(connection: sqlite3.Connection) -> tuple[list[Row], Row | None]:
            return connection.execute(sql, (bound,)).fetchall(), tables.first_row(connection)

        rows, first = self._database.read(page)
        begins = int(first[0]) if first is not None else bound
        if not (bound + 1 < begins if oldest else bound <= begins):
            return rows
        files = list(segments.archives(self._database.path).values())
        for file in files if oldest else reversed(files):
            with segments.reading(file, self._database.schema) as connection:
                found = connection.execute(sql, (bound,)).fetchall()
            if found := [row for row in found if row[0] < begins]:  # no more than the open segment follows
                return found
        return rows

    def _rows(self, tail: str, parameters: tuple[Any, ...]) -> list[Row]:
        sql = f"SELECT id, recommendation_id, body FROM change {tail}"
        return self._database.read(lambda connection: connection.execute(sql, parameters).fetchall())


def _refuse_unless(connection: sqlite3.Connection, change_id: str, expected: ChangeState) -> None:
    row = connection.execute("SELECT state FROM change WHERE id = ?", (change_id,)).fetchone()
    if row is not None and row[0] != expected.value:
        raise ChangeRefused(
            f"The change is {row[0].replace('_', ' ')} by now, not {expected.value.replace('_', ' ')}",
            "Somebody else has moved it on meanwhile",
            "Look at it again in the list of changes",
        )


def _put_change(connection: sqlite3.Connection, change: Change, seq: int, row: str) -> None:
    connection.execute(
        "INSERT INTO change (id, fingerprint, recommendation_id, state, first_seq, last_seq, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
        " state = excluded.state, last_seq = excluded.last_seq, body = excluded.body",
        (
            change.id,
            change.target.fingerprint,
            change.recommendation_id,
            change.state.value,
            seq,
            seq,
            row,
        ),
    )


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


def _change(row: Row) -> Change:
    try:
        return decode(Change, json.loads(row[2]))
    except (DecodeError, ValueError) as error:
        raise StorageError(
            f"The change {row[0]} cannot be read from the audit journal",
            str(error),
            "Run `optischema-tui audit verify` to see what happened to it",
        ) from error
