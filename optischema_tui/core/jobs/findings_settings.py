"""What the rules about settings are given: the target's counters, less what history says they were a while ago.

Counters count from the last reset on, which may be years. Where history has a reading of the last day since the same
reset, only what came after it counts; else all that there is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.findings.settings.facts import Facts, Holder, Overdue, Own, Setting, Span, Statement
from optischema_tui.core.history.store import History
from optischema_tui.core.models import Reading, WindowStats, quote
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.hygiene.settings import Seen, read_settings
from optischema_tui.core.target.spec import TargetSpec

HOURS = 24.0
LEAST_HOURS = 1.0
"""A shorter window of stored statements says less than all that the server counted."""
_SAME_RESET = 1.0
_SAMPLES = 60
_OUR_OWN = ("client", "database", "user", "database user")
"""Sources of a value that the role, the database or the connection of ours has, and others have not."""
_UPKEEP = ("create index", "create unique index", "reindex", "alter table", "cluster", "refresh", "vacuum")


@dataclass(frozen=True, slots=True)
class Stored:
    """What history has of the last day."""

    databases: tuple[Reading, ...] = ()
    checkpointer: tuple[Reading, ...] = ()
    wal: tuple[Reading, ...] = ()
    window: tuple[WindowStats, ...] = ()
    hours: float = 0.0
    """Of the window."""
    vacuums_delayed: float = 0.0
    now: float = 0.0
    """By the local clock, which the readings' times are of."""


def gather_settings(paths: Paths, spec: TargetSpec, fingerprint: str, *, clock: Clock = SYSTEM) -> Facts:
    """Raises TargetError, AuthError or ServerLost when the target cannot be asked, StorageError for history."""
    with closing(History.open(paths.history_db, clock=clock)) as history:
        stored = _stored(history, fingerprint, clock.wall())
    return facts_of(fingerprint, read_settings(spec), stored)


def _stored(history: History, fingerprint: str, now: float) -> Stored:
    since = now - HOURS * 3600
    span = history.span(fingerprint)
    delayed = [number for key, number in history.session_counts(fingerprint, since, now, _SAMPLES)
               if key.wait_event == "VacuumDelay"]  # fmt: skip
    return Stored(
        databases=history.readings(fingerprint, "databases", since, now),
        checkpointer=history.readings(fingerprint, "checkpointer", since, now),
        wal=history.readings(fingerprint, "wal", since, now),
        window=history.window(fingerprint, since, now),
        hours=(min(span[1], now) - max(span[0], since)) / 3600 if span else 0.0,
        vacuums_delayed=sum(delayed),
        now=now,
    )


def facts_of(fingerprint: str, seen: Seen, stored: Stored) -> Facts:
    moment = seen.moment
    checkpoints, began = _checkpoints(seen.checkpoints, stored, moment["now"])
    vacuums = [row for row in seen.sessions if row["vacuum"]]
    statements, hours = _statements(seen, stored)
    settings = _settings(seen)
    block = int(settings["block_size"].value)
    return Facts(
        target=fingerprint,
        database=moment["database"],
        settings=settings,
        own=tuple(Own(**row) for row in seen.own),
        statements=statements,
        statement_hours=hours,
        blocks=_blocks(seen.databases, stored, moment["now"], began),
        checkpoints=checkpoints,
        database_bytes=sum(row["bytes"] or 0 for row in seen.databases),
        largest_bytes=max((row["largest_pages"] or 0 for row in seen.tables), default=0) * block,
        holders=tuple(
            Holder(row["role"], row["database"], row["seconds"], row["blocked"], row["blocked_seconds"])
            for row in seen.sessions
            if not row["vacuum"]
        ),
        overdue=tuple(_overdue(row) for row in seen.tables if row["overdue"]),
        vacuums_running=len(vacuums),
        vacuums_delayed=max(stored.vacuums_delayed, float(sum(row["delayed"] for row in vacuums))),
        most_connections=_most_sessions(seen.databases, stored),
        in_recovery=moment["in_recovery"],
    )


def _settings(seen: Seen) -> dict[str, Setting]:
    lines: dict[str, str] = {row["name"]: row["value"] for row in seen.files}
    auto: dict[str, str] = {row["name"]: row["value"] for row in seen.files if row["auto"]}
    return {
        row["name"]: Setting(
            name=row["name"],
            value=lines.get(row["name"], str(row["boot_value"])) if row["source"] in _OUR_OWN else row["value"],
            unit=row["unit"],
            context=row["context"],
            source=row["source"],
            choices=tuple(row["choices"]),
            auto=auto.get(row["name"]),
            pending_restart=row["pending_restart"],
        )
        for row in seen.all
    }


def _overdue(row: Mapping[str, Any]) -> Overdue:
    name = f"{quote(row['schema'])}.{quote(row['name'])}"
    return Overdue(name, row["dead"], row["live"], row["threshold"], row["blocks"])


def _most_sessions(databases: Sequence[Mapping[str, Any]], stored: Stored) -> int:
    sums = [sum(row["numbackends"] or 0 for row in one.dicts()) for one in stored.databases if not one.problem]
    return max([sum(row["sessions"] or 0 for row in databases), *sums])


# --- counters since a while ago ---


def _blocks(rows: Sequence[Mapping[str, Any]], stored: Stored, now: float, oldest: float) -> Span:
    """Of all databases together. The hours are the longest of theirs."""
    names = {"blks_read": "blks_read", "blks_hit": "blks_hit", "blk_read_ms": "blk_read_time"}
    total, hours = dict.fromkeys(names, 0.0), 0.0
    for row in rows:
        began = row["reset"] or oldest
        base, at = _base(stored.databases, row, names, "stats_reset", row["reset"], ("datid", row["datid"]))
        for name in names:
            total[name] += float(row[name] or 0) - base[name]
        hours = max(hours, (stored.now - at if at else now - began) / 3600)
    return Span(hours, total)


def _checkpoints(row: Mapping[str, Any], stored: Stored, now: float) -> tuple[Span, float]:
    """With when the server's counters began. Without WAL figures when these do not count from the same moment."""
    began = float(row["reset"] or now)
    names = {"timed": "num_timed", "requested": "num_requested", "write_ms": "write_time", "sync_ms": "sync_time"}
    base, at = _base(stored.checkpointer, row, names, "checkpointer_reset", row["reset"])
    counts = {name: float(row[name] or 0) - base[name] for name in names}
    wal_names = {"wal_bytes": "wal_bytes", "wal_fpi": "wal_fpi"}
    wal_base, wal_at = _base(stored.wal, row, wal_names, "stats_reset", row["wal_reset"])
    hours = (stored.now - at if at else now - began) / 3600
    wal_hours = (stored.now - wal_at if wal_at else now - float(row["wal_reset"] or 0.0)) / 3600
    if abs(wal_hours - hours) <= 0.1 + 0.1 * hours:
        counts |= {name: float(row[name] or 0) - wal_base[name] for name in wal_names}
    return Span(hours, counts), began


def _base(
    readings: Sequence[Reading],
    live: Mapping[str, Any],
    names: Mapping[str, str],
    reset_name: str,
    reset: float | None,
    key: tuple[str, int] | None = None,
) -> tuple[dict[str, float], float]:
    """Counters in the oldest reading since the same reset, by the names of `live`, and its time; zeros and 0.0 without
    one. A crash throws counters away and leaves the time of the reset: a reading with more than now is of before it."""
    for one in readings:
        for row in one.dicts() if not one.problem else ():
            if key is not None and row[key[0]] != key[1]:
                continue
            same = abs((row[reset_name] or 0.0) - (reset or 0.0)) <= _SAME_RESET
            found = {name: float(row[theirs] or 0) for name, theirs in names.items()}
            if same and all(found[name] <= float(live[name] or 0) for name in names):
                return found, one.taken_at
    return dict.fromkeys(names, 0.0), 0.0


# --- statements ---


def _statements(seen: Seen, stored: Stored) -> tuple[tuple[Statement, ...], float]:
    """With the hours that they were counted in."""
    rows = seen.statements
    if stored.hours >= LEAST_HOURS and stored.window:
        done = {(one.key.userid, one.key.dbid, one.key.queryid): one for one in stored.window if one.key.toplevel}
        found = [_statement(row, done.get((row["userid"], row["dbid"], row["queryid"]))) for row in rows
                 if (row["userid"], row["dbid"], row["queryid"]) in done]  # fmt: skip
        return tuple(found), stored.hours
    began = seen.statements_reset or seen.moment["started"]
    return tuple(_statement(row, None) for row in rows), (seen.moment["now"] - began) / 3600


def _statement(row: Mapping[str, Any], window: WindowStats | None) -> Statement:
    """What history does not keep by statement is taken in proportion to the calls that it saw."""
    share = min(1.0, window.calls / row["calls"]) if window else 1.0
    text = str(row["text"])
    return Statement(
        queryid=row["queryid"],
        role=row["role"],
        database=row["database"],
        calls=window.calls if window else row["calls"],
        exec_ms=window.exec_time if window else row["exec_ms"],
        max_ms=row["max_ms"],
        rows=window.rows if window else row["rows"],
        shared_blks=window.shared_blks if window else row["shared_blks"],
        blks_read=int(row["blks_read"] * share),
        # History's are read and written: a bound for one that did not spill of late.
        temp_blks=min(int(row["temp_blks"] * share), window.temp_blks if window else row["temp_blks"]),
        temp_ms=row["temp_ms"] * share,
        jit_ms=row["jit_ms"] * share,
        workers_planned=int(row["workers_planned"] * share),
        workers_launched=int(row["workers_launched"] * share),
        text=text,
        upkeep=text.lstrip().lower().startswith(_UPKEEP),
    )
