"""Stored intervals laid over a window: which part of it each one tells of."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from optischema_tui.core.history.known_statements import Known, same_statements
from optischema_tui.core.history.tiers import CHARTED, listed
from optischema_tui.core.models import StatementKey

QUARTER = 900.0
"""Seconds: every zone's hours begin at a multiple of it."""
LONG = 1.5
"""An interval so many times as long as a stretch is spread over those that it covers; a shorter one belongs to the
stretch that its middle is in."""


class Part(NamedTuple):
    """One stored interval, of the whole target or of one statement."""

    at: float
    """Its end."""
    seconds: float
    """Its length."""
    observed: float
    """Seconds of these that were seen; 0 of a statement's interval, since its target's has them."""
    calls: float = 0
    exec_time: float = 0.0
    """ms"""
    blocks: float = 0
    squares: float | None = None
    """Sum of squared deviations (ms²) of the calls from their mean; None: not known."""
    breaks: int = 0
    """Not 0: the counters began anew in it."""
    left_out: int = 0
    """Statements that the roll-up did not keep."""

    def share(self, part: float) -> Part:
        """A part (0-1) of it, as if all had been spread evenly over it."""
        if part == 1:
            return self
        return self._replace(
            observed=self.observed * part, calls=self.calls * part, exec_time=self.exec_time * part,
            blocks=self.blocks * part, squares=None if self.squares is None else self.squares * part,
        )  # fmt: skip


def known_by(connection: sqlite3.Connection, fingerprint: str, queryid: int) -> list[Known]:
    """Under which keys a statement is known, of all users, also under queryids that it had before."""
    rows = connection.execute(
        "SELECT userid, dbid, queryid, toplevel FROM statement WHERE fingerprint = ? AND queryid = ? ORDER BY id",
        (fingerprint, queryid),
    ).fetchall()
    found: dict[int, Known] = {}
    for userid, dbid, number, toplevel in rows:
        for known in same_statements(connection, fingerprint, StatementKey(userid, dbid, number, bool(toplevel))):
            other = found.get(known.number)
            if other is None or other.until < known.until:
                found[known.number] = known
    return list(found.values())


def text_of(connection: sqlite3.Connection, known: Iterable[Known]) -> str:
    """The first text that is known."""
    rows = connection.execute(
        f"SELECT text FROM statement WHERE id IN ({listed([one.number for one in known])}) AND text <> ''"
        " ORDER BY id DESC LIMIT 1"
    ).fetchall()
    return str(rows[0][0]) if rows else ""


def target_parts(
    connection: sqlite3.Connection, fingerprint: str, since: float, until: float, tier: int, blocks: bool = False
) -> list[Part]:
    """The whole target's intervals that end after `since` up to `until`, the oldest first, of one tier where it has
    them. Blocks are summed over its top-level statements, which takes a while: only where they are asked for."""
    nested = "SELECT id FROM statement WHERE fingerprint = :fingerprint AND NOT toplevel"
    # Most targets have no nested statement: looking each row up would take a third of the time.
    if blocks and connection.execute(f"{nested} LIMIT 1", {"fingerprint": fingerprint}).fetchone():
        nested = f" AND d.statement_id NOT IN ({nested})"
    else:
        nested = ""
    summed = (
        f"(SELECT coalesce(sum(d.shared_blks_hit + d.shared_blks_read), 0) FROM delta d WHERE d.tick_id = t.id{nested})"
    )
    rows = connection.execute(
        "SELECT t.at, t.seconds, coalesce(t.observed, t.seconds), coalesce(t.calls, 0),"
        f" coalesce(t.calls * t.mean_latency, 0.0), {summed if blocks else 0}, NULL, coalesce(t.breaks, 0), t.left_out"
        f" FROM tick t WHERE t.fingerprint = :fingerprint AND t.at > :since AND t.at <= :until AND {CHARTED}"
        " AND t.db_time IS NOT NULL AND t.seconds IS NOT NULL ORDER BY t.at",
        {"fingerprint": fingerprint, "since": since, "until": until, "tier": tier},
    )
    return [Part(*row) for row in rows]


def statement_parts(
    connection: sqlite3.Connection, known: Iterable[Known], since: float, until: float, tier: int
) -> list[Part]:
    """The intervals in which a statement was called, of all its keys, the oldest first."""
    found: list[Part] = []
    for each in known:
        rows = connection.execute(
            "SELECT t.at, coalesce(d.seconds, t.seconds, 0.0), 0.0, d.calls, d.exec_time,"
            " d.shared_blks_hit + d.shared_blks_read, d.squares FROM tick t CROSS JOIN delta d"
            " ON d.tick_id = t.id AND d.statement_id = :number"
            f" WHERE t.fingerprint = :fingerprint AND t.at > :since AND t.at <= :until AND {CHARTED} AND d.calls > 0",
            {
                "number": each.number,
                "fingerprint": each.target,
                "since": since,
                "until": min(until, each.until),
                "tier": tier,
            },
        )
        found += [Part(*row) for row in rows]
    return sorted(found, key=lambda part: part[:5])


def observed_parts(
    connection: sqlite3.Connection, fingerprint: str, known: Iterable[Known], since: float, until: float, tier: int
) -> list[Part]:
    """The intervals in which a statement could have been seen: those of the target, and before an upgrade those of the
    cluster that it was."""
    found = target_parts(connection, fingerprint, since, until, tier)
    others: dict[str, float] = {}
    for each in known:
        if each.target != fingerprint:
            others[each.target] = max(others.get(each.target, 0.0), each.until)
    for target, end in sorted(others.items()):
        found += target_parts(connection, target, since, min(until, end), tier)
    return sorted(found, key=lambda part: part.at)


def laid_out(part: Part, width: float) -> Iterator[tuple[float, Part]]:
    """(a moment inside a stretch of `width` seconds, what of the interval falls there).

    An interval of about one stretch is not cut: it reaches over an edge only by the time between two looks."""
    if part.seconds <= LONG * width:
        yield part.at - part.seconds / 2, part
        return
    step, begin = min(QUARTER, width), part.at - part.seconds
    while begin < part.at - 1e-6:
        end = min((begin // step + 1) * step, part.at)
        yield (begin + end) / 2, part.share((end - begin) / part.seconds)
        begin = end


def coverage_notes(ticks: Sequence[Part], length: float, statement: bool) -> tuple[str, ...]:
    """What is not held of `length` seconds, each a sentence."""
    notes = []
    seen = sum(part.observed for part in ticks)
    if length > 0 and seen < 0.95 * length:
        notes.append(f"{seen / length:.0%} of the time was observed; the rest is a gap, not an idle server.")
    cut = sum(1 for part in ticks if part.left_out)
    if statement and cut:
        notes.append(
            f"{cut} of {len(ticks)} intervals keep the heaviest statements only: where this one is missing in them"
            " it may have been called a little."
        )
    return tuple(notes)
