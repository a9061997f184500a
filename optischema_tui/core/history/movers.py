"""Two windows of history beside each other, statement by statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from optischema_tui.core.baseline.movers import PIECES, RULE, Piece, hold_against, joined, mover_of, ranked
from optischema_tui.core.history.samples import EDGE
from optischema_tui.core.history.stretches import Part, known_by, laid_out, target_parts
from optischema_tui.core.history.tiers import CHARTED, chart_tier, listed
from optischema_tui.core.history.windows import MAXIMAL, read_window
from optischema_tui.core.models import WindowStats
from optischema_tui.core.models.analytics import Move, Mover, Movers, Side
from optischema_tui.core.workload.filter import MARKER

Span = tuple[float, float]
LOOKED_BACK = 60
"""Statements that are gone, the heaviest, whose texts are looked for under other queryids."""
WELL_SEEN = 0.95


class _Read(NamedTuple):
    side: Side
    times: dict[int, float]
    """ms by queryid, all users together, top level only, without the statements of this program."""
    numbers: dict[int, list[int]]
    """Row ids of the same."""
    hidden: int
    nested: int
    cut: bool
    """Whether some intervals keep the heaviest statements only."""


def read_movers(connection: sqlite3.Connection, fingerprint: str, before: Span, after: Span, most: int) -> Movers:
    """The `most` statements whose load changed most from the one window to the other.

    A side that was not observed has no load and no statement; the caller tells. All statements are summed by their
    time alone, which is quick; what else is known is read of those that are shown."""
    old, new = _read(connection, fingerprint, *before), _read(connection, fingerprint, *after)
    formerly = _renamed(connection, fingerprint, old.times, new.times)
    for queryid, former in sorted(formerly.items()):
        old.times[queryid] = old.times.pop(former) + old.times.get(queryid, 0.0)
        old.numbers[queryid] = [*old.numbers.pop(former), *old.numbers.get(queryid, ())]
    changes = ranked(_loads(old), _loads(new))
    names = [name for name, _ in changes[:most]]
    olds, news = (_details(connection, fingerprint, one, names) for one in (old, new))
    movers = [
        replace(mover_of(old.side, new.side, olds.get(name), news.get(name)), formerly=formerly.get(name))
        for name in names
    ]
    pieces = [_pieces_of(connection, fingerprint, side) for side in (old.side, new.side)]
    shown = _held(connection, fingerprint, movers, pieces)
    rest = changes[most:]
    return Movers(
        old.side, new.side, tuple(shown), len(rest), sum(change for _, change in rest), max(old.hidden, new.hidden),
        RULE, _notes(old, new),
    )  # fmt: skip


def _read(connection: sqlite3.Connection, fingerprint: str, since: float, until: float) -> _Read:
    observed, cut = observed_in(connection, fingerprint, since, until)
    times: dict[int, float] = {}
    numbers: dict[int, list[int]] = {}
    hidden = nested = calls = 0
    for number, queryid, toplevel, ours, count, time in connection.execute(
        "SELECT s.id, s.queryid, s.toplevel, instr(s.text, :marker) > 0, w.calls, w.time FROM (SELECT d.statement_id,"
        " sum(d.calls) AS calls, sum(d.exec_time) AS time FROM tick t LEFT JOIN tick p ON p.id = t.parent"
        f" CROSS JOIN delta d ON d.tick_id = t.id WHERE t.fingerprint = :fingerprint AND {MAXIMAL}"
        " AND (d.seconds IS NULL OR t.at - d.seconds >= :since) GROUP BY d.statement_id"
        ") w JOIN statement s ON s.id = w.statement_id ORDER BY s.id",
        {"fingerprint": fingerprint, "since": since - EDGE, "until": until + EDGE, "marker": MARKER},
    ):
        if not toplevel:
            nested += 1
        elif ours:
            hidden += 1
        else:
            times[queryid] = times.get(queryid, 0.0) + time
            numbers.setdefault(queryid, []).append(number)
            calls += count
    return _Read(Side(since, until, observed, calls, sum(times.values())), times, numbers, hidden, nested, cut)


def _loads(one: _Read) -> dict[int, float]:
    observed = one.side.observed
    return {name: time / 1000 / observed for name, time in one.times.items()} if observed else {}


def _details(
    connection: sqlite3.Connection, fingerprint: str, one: _Read, names: Iterable[int]
) -> dict[int, WindowStats]:
    """All sums of some statements, by the queryid that they are shown by."""
    owners = {number: name for name in names for number in one.numbers.get(name, ())}
    keys = {
        (userid, dbid, queryid): owners[number]
        for number, userid, dbid, queryid in connection.execute(
            f"SELECT id, userid, dbid, queryid FROM statement WHERE id IN ({listed(sorted(owners))})"
        )
    }
    grouped: dict[int, list[WindowStats]] = {}
    for stats in read_window(connection, fingerprint, one.side.since, one.side.until, sorted(owners)):
        grouped.setdefault(keys[stats.key.userid, stats.key.dbid, stats.key.queryid], []).append(stats)
    return {
        name: joined(parts, replace(min(part.key for part in parts), queryid=name)) for name, parts in grouped.items()
    }


def observed_in(connection: sqlite3.Connection, fingerprint: str, since: float, until: float) -> tuple[float, bool]:
    """(seconds that the sums of `read_window` stand for, whether some intervals keep the heaviest statements only)."""
    observed, left_out = connection.execute(
        "SELECT coalesce(sum(coalesce(t.observed, t.seconds)), 0.0), coalesce(max(t.left_out), 0) FROM tick t"
        f" LEFT JOIN tick p ON p.id = t.parent WHERE t.fingerprint = :fingerprint AND {MAXIMAL}",
        {"fingerprint": fingerprint, "since": since - EDGE, "until": until + EDGE},
    ).fetchone()
    return float(observed), bool(left_out)


def _renamed(
    connection: sqlite3.Connection, fingerprint: str, olds: Mapping[int, float], news: Mapping[int, float]
) -> dict[int, int]:
    """Queryid of a statement -> the one that the same text had before the server gave it this one, where the later
    window has the former no more."""
    gone = sorted((name for name in olds if name not in news), key=lambda name: (-olds[name], name))
    rows = connection.execute(
        "SELECT DISTINCT n.queryid, s.queryid FROM statement s JOIN statement n ON n.text_hash = s.text_hash"
        f" WHERE s.fingerprint = ?1 AND s.queryid IN ({listed(gone[:LOOKED_BACK])})"
        " AND s.text_hash <> '' AND n.fingerprint = ?1 AND n.queryid <> s.queryid ORDER BY n.queryid, s.queryid",
        (fingerprint,),
    ).fetchall()
    found: dict[int, int] = {}
    for queryid, former in rows:
        if queryid in news and queryid not in found and former not in found.values():
            known = known_by(connection, fingerprint, queryid)
            if any(one.target == fingerprint and one.key.queryid == former for one in known):
                found[queryid] = former
    return found


class _Pieces(NamedTuple):
    """A window in equal pieces: as many as have a stored interval each, `PIECES` at most."""

    side: Side
    tier: int
    observed: tuple[float, ...]
    """Seconds of each."""


def _pieces_of(connection: sqlite3.Connection, fingerprint: str, side: Side) -> _Pieces:
    length = side.until - side.since
    tier = chart_tier(length, 2 * PIECES)
    ticks = target_parts(connection, fingerprint, side.since, side.until, tier)
    width = sorted(part.seconds for part in ticks)[len(ticks) // 2] if ticks else 2 * length
    number = PIECES if length >= PIECES * width else int(length // width)
    cut = _cut(ticks, side, number)
    return _Pieces(side, tier, tuple(sum(part.observed for part in seen) for seen in cut))


def _held(
    connection: sqlite3.Connection, fingerprint: str, movers: Sequence[Mover], sides: Sequence[_Pieces]
) -> list[Mover]:
    """The movers, held against the pieces where both windows have as many."""
    if len({len(each.observed) for each in sides}) > 1:
        return list(movers)
    asked = [one for one in movers if one.moves and one.moves[0] not in (Move.NEW, Move.GONE)]
    names = {one.formerly: one.key.queryid for one in asked if one.formerly is not None}
    names |= {one.key.queryid: one.key.queryid for one in asked}
    before, after = (_ran(connection, fingerprint, names, each) for each in sides)
    held = {one.key.queryid: hold_against(one, before[one.key.queryid], after[one.key.queryid]) for one in asked}
    return [held.get(one.key.queryid, one) for one in movers]


def _ran(
    connection: sqlite3.Connection, fingerprint: str, names: Mapping[int, int], pieces: _Pieces
) -> dict[int, list[Piece]]:
    """The pieces of each statement; `names`: queryid -> the one that it is shown by."""
    side = pieces.side
    rows = connection.execute(
        "SELECT id, queryid FROM statement WHERE fingerprint = ?"
        f" AND queryid IN ({listed(sorted(names))}) AND toplevel ORDER BY id",
        (fingerprint,),
    )
    owners = {number: names[queryid] for number, queryid in rows}
    found: dict[int, list[Part]] = {name: [] for name in names.values()}
    for number, *part in connection.execute(
        "SELECT d.statement_id, t.at, coalesce(d.seconds, t.seconds, 0.0), 0.0, d.calls, d.exec_time FROM tick t"
        f" CROSS JOIN delta d ON d.tick_id = t.id AND d.statement_id IN ({listed(sorted(owners))})"
        f" WHERE t.fingerprint = :fingerprint AND t.at > :since AND t.at <= :until AND {CHARTED}",
        {"fingerprint": fingerprint, "since": side.since, "until": side.until, "tier": pieces.tier},
    ):
        found[owners[number]].append(Part(*part))
    return {
        name: [
            Piece(seconds, sum(part.calls for part in own), sum(part.exec_time for part in own))
            for seconds, own in zip(pieces.observed, _cut(parts, side, len(pieces.observed)), strict=True)
        ]
        for name, parts in found.items()
    }


def _cut(parts: Sequence[Part], side: Side, number: int) -> list[list[Part]]:
    width = (side.until - side.since) / max(1, number)
    places: list[list[Part]] = [[] for _ in range(number)]
    for interval in parts:
        for moment, part in laid_out(interval, width):
            if number and side.since <= moment < side.until:
                places[min(number - 1, int((moment - side.since) / width))].append(part)
    return places


def _notes(old: _Read, new: _Read) -> tuple[str, ...]:
    notes = []
    for name, one in (("earlier", old), ("later", new)):
        length = one.side.until - one.side.since
        if one.side.observed < WELL_SEEN * length:
            notes.append(
                f"The {name} window was observed for {one.side.observed / length:.0%} of its time; loads are of that."
            )
    if old.cut or new.cut:
        notes.append("Of older hours only the heaviest statements are kept: a light one may look new or gone.")
    nested = max(old.nested, new.nested)
    if nested:
        notes.append(f"{nested} statements that ran inside functions are in the time of their callers.")
    return tuple(notes)
