"""What goes on at this moment: long commands and how far they are, and who waits for whom."""

from __future__ import annotations

from optischema_tui.core.collect.families.question import Kind, Question, column, columns
from optischema_tui.core.collect.family import Family, Lane, Source
from optischema_tui.core.models import Reading

_TIMEOUT = 3.0

PROGRESS = Question(
    "progress",
    (
        *columns("p", Kind.INT, "pid"),
        *columns("p", Kind.TEXT, "command database"),
        *columns("p", Kind.INT, "relid"),
        column("schema", Kind.TEXT, "n.nspname"),
        column("name", Kind.TEXT, "c.relname"),
        *columns("p", Kind.TEXT, "phase"),
        *columns("p", Kind.INT, "done"),
        column("total", Kind.INT, "p.of_all"),
        *columns("p", Kind.TEXT, "unit"),
    ),
)
"""`done` of `total` in `unit` (blocks, tuples, lockers, indexes, bytes) of this phase; `total` None: not known. The
phase and figures of other roles' commands are None without pg_read_all_stats; names are known in our database only."""

LOCKS = Question(
    "locks",
    (
        column("blocked_pid", Kind.INT, "l.pid"),
        column("blocking_pid", Kind.INT, "blocker"),
        column("locktype", Kind.TEXT, "l.locktype"),
        column("mode", Kind.TEXT, "l.mode"),
        column("blocking_mode", Kind.TEXT, "h.mode"),
        column("blocking_granted", Kind.BOOL, "h.granted"),
        column("database", Kind.TEXT, "d.datname"),
        column("relid", Kind.INT, "l.relation"),
        column("schema", Kind.TEXT, "n.nspname"),
        column("name", Kind.TEXT, "c.relname"),
        column("waiting", Kind.TIME, "(pg_catalog.clock_timestamp() - l.waitstart)"),
    ),
    views={"l": "pg_locks"},
    needs="pg_locks",
)
"""`blocked_pid` waits for `mode` on the lock that `blocking_pid` holds (`blocking_granted`) or awaits before it, in
`blocking_mode`; a `blocking_pid` of 0 is a prepared transaction. `waiting` in seconds."""


async def _progress(source: Source) -> Reading:
    return await PROGRESS.read(source, _TIMEOUT)


async def _locks(source: Source) -> Reading:
    return await LOCKS.read(source, _TIMEOUT)


FAMILIES = (
    Family("progress", "Progress of long commands", 10.0, _TIMEOUT, Lane.FAST, _progress),
    Family("locks", "Blocking locks", 5.0, _TIMEOUT, Lane.FAST, _locks),
)
