"""Writes what the present code stores, as SQL, for later versions to open.

To be run once when a format is released (`python tests/core/history/formats/make_format.py`): the files of released
formats never change.
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.store import History
from optischema_tui.core.models import (
    Activity,
    Affected,
    Baseline,
    Change,
    ChangeState,
    DatabaseCounters,
    Epoch,
    Evidence,
    IndexSpec,
    Kpis,
    LoadPoint,
    Picture,
    Recommendation,
    Risk,
    Snapshot,
    StatementDelta,
    StatementKey,
    StatementSample,
    StatementText,
    TargetIdentity,
    WindowStats,
    digest,
)

HERE = Path(__file__).parent
IDENTITY = TargetIdentity("7301", 5, "shop", 180000, "demo")
START = 1_700_000_000.0
TICKS = 12
SECONDS = 30.0
STATEMENTS = (1, 2, 3)


def key(queryid: int) -> StatementKey:
    return StatementKey(10, 5, queryid)


def snapshot(tick: int) -> Snapshot:
    """Statement n is called n times a tick, 2 ms each."""
    samples = tuple(
        StatementSample(key(n), calls=n * tick, total_exec_time=2.0 * n * tick, mean_exec_time=2.0) for n in STATEMENTS
    )
    at = START + SECONDS * tick
    epoch = Epoch("7301", 1000.0, 2000.0, 180000, "1.12")
    return Snapshot(IDENTITY, epoch, at, 1000.0 + SECONDS * tick, at, samples, DatabaseCounters(), Activity())


def recommendation(name: str) -> Recommendation:
    affected = Affected(-77, "SELECT 1", 0.5, 10, 2.5, 100.0, 1.0)
    evidence = Evidence((affected,), 100.0, 1.0, 0.5, 8192, "lab, PostgreSQL 18", "high", ("order: a before b",))
    spec = IndexSpec("public", "orders", ("a", "b"), (False, True))
    return Recommendation(
        name, IDENTITY.fingerprint, "create_index", "Index orders", spec.sql("i"), 'DROP INDEX CONCURRENTLY "i"',
        Risk.MEDIUM, ("large table",), evidence, spec, "i", ("(b, a): costs more",),
    )  # fmt: skip


def baseline() -> Baseline:
    stats = WindowStats(key(1), "SELECT 1", 5, 10.0, 5, 3, 0, 0.5)
    return Baseline("monday", IDENTITY.fingerprint, START, START, START + 60, (stats,))


def change(state: ChangeState) -> Change:
    sql = 'CREATE INDEX CONCURRENTLY "i" ON "public"."orders" USING btree ("a")'
    return Change(
        id="0192f000-0001-7000-8000-000000000000",
        recommendation_id="aa11bb22cc33",
        target=IDENTITY,
        dsn="host=/tmp user=dba",
        kind="create_index",
        title="Index orders",
        forward_sql=sql,
        inverse_sql='DROP INDEX CONCURRENTLY "public"."i"',
        sql_hash=digest(sql),
        state=state,
        schema="public",
        table="orders",
        index_name="i",
        detail={"before": {"mean_ms": 12.5}},
    )


def fill_history(path: Path) -> None:
    clock = FixedClock(at=START)
    history = History.open(path, clock)
    history.remember_target("one", IDENTITY, "host=/tmp user=dba")
    for tick in range(TICKS + 1):
        deltas = [StatementDelta(key(n), SECONDS, n, n, 2.0 * n, 0.0, 5, 1, 0, 0.0, 7) for n in STATEMENTS]
        texts = [StatementText(key(n), f"SELECT {n}", role="app", database="shop") for n in STATEMENTS]
        point = LoadPoint(clock.at, 0.4, 2.0, 1.0, 6)
        history.save_tick(snapshot(tick), texts, deltas if tick else None, point if tick else None)
        clock.advance(SECONDS)
    history.save_picture("one", Picture(IDENTITY, clock.at, SECONDS, Kpis(active=3), (), ()))
    history.save_recommendations(IDENTITY.fingerprint, [recommendation("aa11bb22cc33"), recommendation("dd44")])
    history.dismiss("dd44", "too large")
    history.save_baseline(baseline())
    history.close()


def fill_audit(path: Path) -> None:
    journal = Journal.open(path, FixedClock(at=START))
    for state in (ChangeState.APPROVED, ChangeState.INTENT, ChangeState.APPLIED):
        journal.save(change(state), f"change.{state}", {"tick": 1}, evidence={"figures": {"state": str(state)}})
    journal.close()


def dump(path: Path) -> Iterable[str]:
    connection = sqlite3.connect(path)
    for name in ("application_id", "user_version"):
        yield f"PRAGMA {name}={connection.execute(f'PRAGMA {name}').fetchone()[0]};"
    yield from connection.iterdump()
    connection.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        for name, fill in (("history", fill_history), ("audit", fill_audit)):
            path = Path(directory, f"{name}.db")
            fill(path)
            lines = list(dump(path))
            number = lines[1].partition("=")[2].rstrip(";")
            target = Path(sys.argv[1] if len(sys.argv) > 1 else HERE, f"{name}-{number}.sql")
            if not target.exists():
                target.write_text("\n".join(lines) + "\n")
                print(target)


if __name__ == "__main__":
    main()
