"""A second verifier of the journal, written from the documents alone: the standard library, nothing of the program."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

TABLES = {
    "audit": ("seq", "at", "event", "change_id", "body", "prev", "hash"),
    "change": ("id", "fingerprint", "recommendation_id", "state", "first_seq", "last_seq", "body"),
    "evidence": ("hash", "seq", "body"),
}
TYPES = {
    "audit": ["integer", "integer", "text", "text", "blob", "text", "text"],
    "change": ["text", "text", "text", "text", "integer", "integer", "text"],
    "evidence": ["text", "integer", "blob"],
}
Rows = dict[str, list[tuple[tuple[str, Any], ...]]]


def files(directory: Path) -> list[Path]:
    return [*sorted(directory.glob("audit-segment-????.db")), directory / "audit.db"]


def dump(directory: Path) -> list[Rows] | None:
    """Everything that is promised: each value of each row with its type. None: SQLite cannot read it."""
    found = []
    for file in files(directory):
        try:
            with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as raw:
                raw.text_factory = bytes
                tables: Rows = {}
                for table, columns in TABLES.items():
                    pairs = ", ".join(f"typeof({name}), {name}" for name in columns)
                    rows = raw.execute(f"SELECT {pairs} FROM {table} ORDER BY 2, {columns[0]}").fetchall()
                    tables[table] = [
                        tuple((row[n].decode(), row[n + 1]) for n in range(0, len(row), 2)) for row in rows
                    ]
                found.append(tables)
        except (sqlite3.Error, UnicodeDecodeError):  # the latter of the text of an error
            return None
    return found


def holds(directory: Path, anchor: str) -> bool:
    """Whether the promised content is whole and agrees with the line `seq:hash:install`."""
    told = dump(directory)
    if told is None:
        return False
    try:
        return _holds(told, anchor)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, OverflowError):
        return False


def _holds(told: list[Rows], anchor: str) -> bool:
    prev, number, heads, install = "0" * 64, 0, {}, ""
    last: dict[str, tuple[int, int, str, str]] = {}
    pruned, missing = 0, {}
    for segment, tables in enumerate(told, 1):
        named: dict[str, int] = {}
        begins = number + 1
        for row in tables["audit"]:
            seq, at, event, change_id, body, before, digest = plain("audit", row)
            number += 1
            raw = hashlib.sha256(b"optischema-audit-v1" + len(body).to_bytes(8, "big") + bytes.fromhex(prev) + body)
            inner = json.loads(body)
            if (seq, before, digest) != (number, prev, raw.hexdigest()):
                return False
            if (inner["seq"], inner["at_us"], inner["event"], inner["change_id"]) != (seq, at, event, change_id):
                return False
            if seq == begins:
                install = install or inner["body"]["install_id"]
                if inner["body"]["install_id"] != install or inner["body"].get("segment", 1) != segment:
                    return False
            if "row" in inner:
                first = last[change_id][0] if change_id in last else seq
                last[change_id] = (first, seq, inner["state"], inner["row"])
            for digest_of_piece in inner["body"].get("evidence", {}).values():
                named[digest_of_piece] = seq
            if event == "audit.pruned":
                pruned = inner["body"]["until_seq"]
            heads[seq] = prev = digest
        if not changes_hold(tables["change"], last, begins):
            return False
        for row in tables["evidence"]:
            digest, seq, piece = plain("evidence", row)
            if hashlib.sha256(piece).hexdigest() != digest or named.pop(digest, -1) != seq:
                return False
        missing |= {(segment, digest): seq for digest, seq in named.items()}
    seq, digest, anchored = anchor.split(":")
    return all(seq <= pruned for seq in missing.values()) and heads.get(int(seq)) == digest and anchored == install


def changes_hold(rows: list[Any], last: dict[str, tuple[int, int, str, str]], begins: int) -> bool:
    left = dict(last)
    for row in rows:
        change_id, fingerprint, recommendation, state, first, newest, body = plain("change", row)
        if left.pop(change_id, None) != (first, newest, state, hashlib.sha256(body.encode()).hexdigest()):
            return False
        inner, target = json.loads(body), json.loads(body)["target"]
        made = f"{target['system_identifier']}/{target['database_oid']}/{target['database']}"
        if (inner["id"], inner["recommendation_id"], inner["state"]) != (change_id, recommendation, state):
            return False
        if hashlib.sha256(made.encode()).hexdigest()[:16] != fingerprint:
            return False
    return all(state == "rolled_back" and newest < begins for _, newest, state, _ in left.values())


def plain(table: str, row: tuple[tuple[str, Any], ...]) -> list[Any]:
    """The values of a row. Raises ValueError where one has another type than the format says."""
    if [kind for kind, _ in row] != TYPES[table]:
        raise ValueError("another type")
    return [value.decode() if kind == "text" else value for kind, value in row]
