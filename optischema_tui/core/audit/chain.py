"""The hash chain by itself: canonical bodies, links, and what kind of break a broken chain has. No I/O.

An entry's hash is SHA-256(PREFIX + length of body as 8 bytes, big endian + previous hash as 32 bytes + body). The body
is canonical JSON and holds the entry's number, time, event and change id: the columns beside it are only copies.
Numbers and links run on from one segment of the journal to the next. Without an anchor kept elsewhere, a shortened tail
and a chain rewritten from some entry to its end cannot be seen: see `anchors`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from optischema_tui.core.safe_text import redact

PREFIX = b"optischema-audit-v1"
ORIGIN = "0" * 64
"""The previous hash of the first entry."""

_SECRET_KEYS = frozenset({"password", "passwd", "sslpassword", "passphrase", "secret", "token"})


def plain(value: Any) -> Any:
    """`value` as the chain keeps it: strings without secrets, floats as their shortest text, tuples as lists.

    Raises TypeError for anything but None, bool, int, float, str, list, tuple and dict with string keys.
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return redact(str(value))
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Mapping):
        return {_key(key): _item(key, item) for key, item in value.items()}
    raise TypeError(f"an audit entry cannot hold a {type(value).__name__}")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"an audit entry cannot hold the key {key!r}")
    return redact(str(key))


def _item(key: str, item: Any) -> Any:
    return "********" if isinstance(item, str) and item and key.lower() in _SECRET_KEYS else plain(item)


def canonical(value: Any) -> bytes:
    """JSON with sorted keys, no spaces, ASCII only: one value, one text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode("ascii")


def link_hash(prev: str, body: bytes) -> str:
    """The hash, as 64 hex digits, of an entry with this body behind the entry with hash `prev`."""
    return hashlib.sha256(PREFIX + len(body).to_bytes(8, "big") + bytes.fromhex(prev) + body).hexdigest()


@dataclass(frozen=True, slots=True)
class Link:
    """What judging the chain needs of one stored row."""

    seq: int
    inner_seq: int
    """The number inside the body; -1 when the body cannot be read."""
    prev: str
    hash: str
    whole: bool
    """The hash fits the body and `prev`."""
    copies_fit: bool
    """Time, event and change id beside the body equal those inside."""


@dataclass(frozen=True, slots=True)
class Break:
    """The first place where the chain does not hold."""

    kind: str
    """edited, removed, inserted, reordered, shortened, rewritten, other-install, segment-missing, segment-swapped,
    change-edited, change-removed, change-inserted, evidence-edited, evidence-removed or evidence-inserted"""
    seq: int
    sentence: str


Inner = Mapping[str, Any]


def read_link(row: tuple[Any, ...], typed: bool = True) -> tuple[Link, Inner]:
    """The link of a stored row (seq, at, event, change_id, body, prev, hash), whatever nonsense it holds, and what its
    body holds (nothing unless the link is whole).

    `typed`: every column has the type that the format gives it.
    """
    seq, at, event, change_id, body, prev, digest = row
    try:
        whole = typed and link_hash(prev, body) == digest
        inner = json.loads(body)
        copies = (inner["at_us"], inner["event"], inner["change_id"]) == (at, event, change_id)
        inner_seq = int(inner["seq"])
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return Link(seq, -1, str(prev), str(digest), False, False), {}
    return Link(seq, inner_seq, prev, digest, whole, copies), inner if whole else {}


def first_break(links: Sequence[Link], first: int = 1, origin: str = ORIGIN) -> Break | None:
    """The first break of the chain, or None when every link holds. `links` in the order of their numbers, which begin
    with `first`, whose previous hash is `origin`."""
    if not links:
        return Break("removed", first, "Every entry is gone, also the first one that each journal begins with")
    prev = origin
    for place, link in enumerate(links):
        expected = place + first
        if not (link.whole and link.copies_fit and link.prev == prev and link.seq == link.inner_seq == expected):
            return _classify(links, place, expected, prev)
        prev = link.hash
    return None


def _classify(links: Sequence[Link], place: int, expected: int, prev: str) -> Break:
    link = links[place]
    later = links[place + 1 :]
    if any(other.whole and other.prev == prev and other.inner_seq == expected for other in later) and (
        link.prev == prev or link.inner_seq == expected
    ):
        return Break("inserted", link.seq, f"Entry {link.seq} was put in: the true one stands after it")
    if not link.whole:
        moved = link.inner_seq not in (-1, link.seq) and any(other.inner_seq == link.seq for other in later)
        if moved:
            return Break("reordered", link.seq, f"Entry {link.seq} holds the content of entry {link.inner_seq}")
        return Break("edited", link.seq, f"Entry {link.seq} was edited: its content does not fit its hash")
    if not link.copies_fit:
        return Break("edited", link.seq, f"Entry {link.seq} was edited: its columns do not fit its hashed content")
    if link.inner_seq > expected:
        if any(other.inner_seq == expected for other in later):
            return Break("reordered", link.seq, f"Entry {link.inner_seq} stands where entry {expected} belongs")
        return Break("removed", expected, f"Entry {expected} was removed")
    if link.inner_seq < expected:
        return _classify_early(links, place, expected)
    if link.prev == prev:
        return Break("edited", link.seq, f"Entry {expected} was given the number {link.seq}")
    if place == 0:
        return Break("removed", expected, f"What stood before entry {expected} was removed")
    before = links[place - 1]
    return Break("edited", before.seq, f"Entry {before.seq} was rewritten: entry {link.seq} followed another one")


def _classify_early(links: Sequence[Link], place: int, expected: int) -> Break:
    link, before = links[place], links[place - 1]
    if place >= 1 and link.prev == before.prev and link.hash != before.hash:
        return Break("inserted", before.seq, f"Entry {before.seq} was put in: the true one stands after it")
    if any(other.hash == link.hash for other in links[:place]):
        return Break("inserted", link.seq, f"Entry {link.seq} was put in: it is a copy of entry {link.inner_seq}")
    return Break("reordered", link.seq, f"Entry {link.inner_seq} stands where entry {expected} belongs")
