"""What was written down about the chain in other places, and how a chain that holds in itself differs from that.

Three forms are known: a line `seq:hash[:install]` (the checkpoint file), the line that goes to the
system's log (`optischema-tui audit seq=.. hash=.. install=..`), and the comment before a statement that a change runs,
`/* optischema id=.. head=.. [install=..] */`, which stands in the server's own log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from optischema_tui.core.audit.chain import Break, Link

HEAD_DIGITS = 12
_CHECKPOINT = re.compile(r"(\d{1,18}):([0-9a-fA-F]{64})(?::([0-9a-fA-F]*))?")
_LOGGED = re.compile(r"\baudit seq=(\d{1,18}) hash=([0-9a-fA-F]{64})(?: install=([0-9a-fA-F]+))?")
_COMMENT = re.compile(r"/\* optischema id=([0-9a-fA-F-]{8,36}) head=([0-9a-f]{12})(?: install=([0-9a-f]{8,32}))? \*/")


@dataclass(frozen=True, slots=True)
class Anchor:
    seq: int
    hash: str
    install: str = ""
    """Empty: not told."""


@dataclass(frozen=True, slots=True)
class LoggedHead:
    """What the comment before a statement says: the chain's head when a change ran it."""

    change_id: str
    head: str
    """The first 12 hex digits of the hash."""
    install: str = ""
    """The first digits of the installation's id; empty: not told."""


def checkpoint_line(seq: int, digest: str, install: str) -> str:
    return f"{seq}:{digest}:{install}"


def log_line(seq: int, digest: str, install: str) -> str:
    return f"optischema-tui audit seq={seq} hash={digest} install={install}"


def comment(change_id: str, digest: str, install: str) -> str:
    """The comment that stands before a statement of a change."""
    return f"/* optischema id={change_id} head={digest[:HEAD_DIGITS]} install={install[:8]} */"


def parse_anchors(text: str) -> tuple[Anchor, ...]:
    """The anchors of a checkpoint file or of the system's log, in their order; lines of another form are ignored."""
    found = []
    for line in text.splitlines():
        told = _CHECKPOINT.fullmatch(line.strip()) or _LOGGED.search(line)
        if told:
            found.append(Anchor(int(told[1]), told[2].lower(), (told[3] or "").lower()))
    return tuple(found)


def parse_server_log(lines: Iterable[str]) -> tuple[LoggedHead, ...]:
    """What a PostgreSQL log of any form tells of the chain, each head once."""
    found = dict.fromkeys(
        LoggedHead(told[0].lower(), told[1], told[2])
        for line in lines
        if "/* optischema" in line
        for told in _COMMENT.findall(line)
    )
    return tuple(found)


def anchor_break(links: Sequence[Link], install: str, anchors: Iterable[Anchor]) -> Break | None:
    """How a chain that holds in itself differs from what was anchored elsewhere; None when it does not."""
    for anchor in sorted(anchors, key=lambda one: one.seq):
        foreign = anchor.install and anchor.install != install
        if foreign or (anchor.seq == 1 and links[0].hash != anchor.hash):
            return Break("other-install", 1, "This journal belongs to another installation than the anchor")
        if anchor.seq < 1 or anchor.seq > len(links):
            return Break(
                "shortened",
                len(links) + 1,
                f"The journal ends at entry {len(links)}; the anchor knows entry {anchor.seq}",
            )
        if links[anchor.seq - 1].hash != anchor.hash:
            return Break(
                "rewritten",
                anchor.seq,
                f"Entry {anchor.seq} or one before it was rewritten: its hash is not the anchored one",
            )
    return None


def head_break(
    links: Sequence[Link], install: str, first_of: Mapping[str, int], heads: Iterable[LoggedHead]
) -> Break | None:
    """The same for what the server's log says. `first_of`: change id -> number of its first entry.

    Heads that name another installation are passed over: several may work on one server.
    """
    known = {link.hash[:HEAD_DIGITS] for link in links}
    for logged in heads:
        if (logged.install and not install.startswith(logged.install)) or logged.head in known:
            continue
        seq = first_of.get(logged.change_id)
        if seq is not None:
            return Break(
                "rewritten",
                seq,
                f"Entry {seq} or one after it was rewritten: the server ran the change {logged.change_id} under a head"
                f" {logged.head} that no entry has",
            )
        whose = "" if logged.install else ", unless it is another installation's"
        return Break(
            "shortened",
            len(links) + 1,
            f"The server ran the change {logged.change_id} under the head {logged.head}, and the journal knows"
            f" neither{whose}: its entries were cut off",
        )
    return None
