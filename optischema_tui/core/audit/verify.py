"""Whether the journal holds: every segment in order, the changes and the evidence beside them, and what was anchored.

What is promised is the content: each column of each entry, of each change, and of each piece of evidence that is not
pruned. Free pages, counters and the order of pages in the SQLite file are not; a file whose pages or indexes do not
hold together is told as damage.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optischema_tui.core.audit import chain, evidence, segments, tables
from optischema_tui.core.audit.anchors import Anchor, LoggedHead, anchor_break, head_break
from optischema_tui.core.audit.search import hashes_of
from optischema_tui.core.errors import StorageError
from optischema_tui.core.history.codec import DecodeError, decode
from optischema_tui.core.history.failures import Damaged
from optischema_tui.core.history.file_format import Schema, check
from optischema_tui.core.models import Change, digest

BLIND = (
    "Without an anchor that was kept elsewhere it cannot be seen whether the newest entries were cut off, whether all"
    " was written anew from some entry on, or whether this is another installation's journal"
)


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
    segments: int = 1

    @property
    def unseen(self) -> str:
        """What this verification could not have noticed, a sentence without a stop; empty when it was anchored."""
        return "" if self.anchored else BLIND


@dataclass(slots=True)
class _Told:
    """What the chain says of one change."""

    first: int
    last: int
    state: str
    row: str


@dataclass(slots=True)
class _Segment:
    """What one file holds beside its links."""

    place: segments.Place
    start: int
    """Where its links begin among all."""
    named: dict[str, int] = field(default_factory=dict)
    """Hash -> number of the last entry that names it."""
    stored: list[tuple[str, int, bool]] = field(default_factory=list)
    """(hash, the number beside it, whether the piece fits) of each piece."""


class _Survey:
    """All segments read so far, the oldest first."""

    def __init__(self) -> None:
        self.links: list[chain.Link] = []
        self.changes: dict[str, _Told] = {}
        self.first_of: dict[str, int] = {}
        self.parts: list[_Segment] = []
        self.pruned = 0
        self.beside: chain.Break | None = None
        """The first change that is not as the chain says."""

    def read(self, connection: sqlite3.Connection) -> None:
        part = _Segment(segments.place_of(connection), len(self.links))
        self.parts.append(part)
        for row, typed in tables.judged_rows(connection):
            link, inner = chain.read_link(row, typed)
            self.links.append(link)
            if inner:
                self._take(part, link.seq, inner)
        part.stored = list(_pieces(connection))
        if self.beside is None:
            self.beside = self._change_break(connection, part)

    def _take(self, part: _Segment, seq: int, inner: chain.Inner) -> None:
        change_id, body = str(inner.get("change_id", "")), inner.get("body")
        if change_id:
            self.first_of.setdefault(change_id, seq)
        if inner.get("row"):
            told = self.changes.get(change_id)
            first = told.first if told is not None else seq
            self.changes[change_id] = _Told(first, seq, str(inner.get("state")), str(inner["row"]))
        for hashed in hashes_of(body).values():
            part.named[hashed] = seq
        if inner.get("event") == evidence.PRUNED and isinstance(body, dict):
            until = body.get("until_seq")
            self.pruned = max(self.pruned, until if isinstance(until, int) and until < seq else 0)

    def _change_break(self, connection: sqlite3.Connection, part: _Segment) -> chain.Break | None:
        missing = dict(self.changes)
        for row, typed in _changes(connection):
            change_id, last = row[0], row[5]
            told = missing.pop(change_id, None)
            if told is None:
                number = last if isinstance(last, int) else part.place.first_seq
                return chain.Break("change-inserted", number, f"The change {change_id} has no entry in the journal")
            if not typed or not _fits(row, told):
                return chain.Break(
                    "change-edited",
                    told.last,
                    f"The change {change_id} is not as entry {told.last} of the journal says",
                )
        for change_id, told in missing.items():
            if told.state == segments.OVER and told.last < part.place.first_seq:
                continue  # it stays in the segment that it ended in
            return chain.Break("change-removed", told.last, f"The change {change_id} of entry {told.last} was removed")
        return None

    def evidence_break(self) -> chain.Break | None:
        """The first piece of evidence that is not what an entry names."""
        for part in self.parts:
            missing = dict(part.named)
            for hashed, seq, fits in part.stored:
                named = missing.pop(hashed, None)
                if named is None:
                    return chain.Break("evidence-inserted", seq, f"No entry names the evidence {hashed[:12]}")
                if not fits or named != seq:
                    return chain.Break("evidence-edited", named, f"Evidence of entry {named} was edited")
            for seq in sorted(missing.values()):
                if seq > self.pruned:
                    return chain.Break("evidence-removed", seq, f"Evidence of entry {seq} was removed")
        return None


def _pieces(connection: sqlite3.Connection) -> list[tuple[str, int, bool]]:
    found = []
    for kinds, hashed, seq, body in connection.execute(
        "SELECT typeof(hash) || typeof(seq) || typeof(body), CAST(hash AS BLOB), seq, CAST(body AS BLOB) FROM evidence"
        " ORDER BY seq, hash"
    ):
        name = tables.text(hashed)
        fits = kinds == "textintegerblob" and hashlib.sha256(body or b"").hexdigest() == name
        found.append((name, seq if isinstance(seq, int) else 0, fits))
    return found


_CHANGE = ("id", "fingerprint", "recommendation_id", "state", "first_seq", "last_seq", "body")
_CHANGE_TYPES = "texttexttexttextintegerintegertext"


def _changes(connection: sqlite3.Connection) -> list[tuple[tuple[Any, ...], bool]]:
    """The columns of each change in the order of `_CHANGE`, and whether they have their types."""
    kinds = " || ".join(f"typeof({name})" for name in _CHANGE)
    columns = ", ".join(name if name.endswith("_seq") else f"CAST({name} AS BLOB)" for name in _CHANGE)
    return [
        (tuple(tables.text(value) if isinstance(value, bytes) else value for value in row), told == _CHANGE_TYPES)
        for told, *row in connection.execute(f"SELECT {kinds}, {columns} FROM change ORDER BY rowid")
    ]


def _fits(row: tuple[Any, ...], told: _Told) -> bool:
    change_id, fingerprint, recommendation, state, first, last, body = row
    if (first, last, state, digest(body)) != (told.first, told.last, told.state, told.row):
        return False
    try:
        change = decode(Change, json.loads(body))
    except (DecodeError, ValueError, TypeError):
        return True  # as it was stored, by a version of this program that knew other fields
    beside = (change_id, fingerprint, recommendation, state)
    return beside == (change.id, change.target.fingerprint, change.recommendation_id, change.state.value)


def verify(
    connection: sqlite3.Connection,
    path: Path,
    schema: Schema,
    anchors: Sequence[Anchor] = (),
    heads: Sequence[LoggedHead] = (),
) -> VerifyResult:
    """Judge the journal at `path`, open in `connection`, and its closed segments.

    Raises StorageError when one of the files is damaged or cannot be read.
    """
    _check(connection)
    present = segments.archives(path)
    here = segments.place_of(connection)
    survey, later = _Survey(), list(anchors)
    count = here.number if here.install else max(present, default=0) + 1
    known = bool(anchors or heads)

    def result(found: chain.Break | None) -> VerifyResult:
        entries = len(survey.links)
        if found is None:
            return VerifyResult(True, entries, None, "", "", known, count)
        return VerifyResult(False, entries, found.seq, found.sentence, found.kind, known, count)

    for number in range(1, count):
        if number not in present:
            return result(_missing(number, survey, segments.archive(path, number)))
        with segments.reading(present[number], schema) as old:
            _check(old)
            survey.read(old)
    survey.read(connection)
    for number, file in present.items():
        if number >= count:  # what a killed closing left, or an older journal was put back
            with segments.reading(file, schema) as old:
                other = segments.place_of(old)
                found = segments.last_anchor(old, other.install)
                later += [found] if found is not None else []
    return result(
        _swapped(survey)
        or chain.first_break(survey.links)
        or anchor_break(survey.links, here.install, later)
        or head_break(survey.links, here.install, survey.first_of, heads)
        or survey.beside
        or survey.evidence_break()
    )


def _check(connection: sqlite3.Connection) -> None:
    try:
        check(connection, whole=True)
    except Damaged as error:
        raise StorageError(
            "The audit journal is damaged and cannot be verified", str(error), "Restore it from a backup"
        ) from error


def _missing(number: int, survey: _Survey, file: Path) -> chain.Break:
    return chain.Break(
        "segment-missing", len(survey.links) + 1, f"The closed segment {number} of the journal, {file.name}, is missing"
    )


def _swapped(survey: _Survey) -> chain.Break | None:
    """A closed segment that holds in itself and is not the one that the next one follows. The newest is believed."""
    ends = [part.start for part in survey.parts[1:]] + [len(survey.links)]
    for position in range(len(survey.parts) - 2, -1, -1):
        part, after = survey.parts[position], survey.parts[position + 1]
        links = survey.links[part.start : ends[position]]
        following = survey.links[after.start : after.start + 1]
        if not links or not following or not following[0].whole:
            continue
        if chain.first_break(links, part.place.first_seq, links[0].prev) is not None:
            continue  # not whole in itself: the chain tells what was done to it
        wanted, last = following[0], links[-1]
        if last.hash == wanted.prev and part.place.number == position + 1:
            continue
        ours = (part.place.install, part.place.number) == (after.place.install, position + 1)
        if ours and last.seq < wanted.inner_seq - 1:
            return chain.Break(
                "shortened",
                last.seq + 1,
                f"The closed segment {position + 1} ends at entry {last.seq}; the next one begins with {wanted.seq}",
            )
        return chain.Break(
            "segment-swapped",
            part.place.first_seq,
            f"The closed segment {position + 1} is another one than the next one follows: it was swapped or rewritten",
        )
    return None
