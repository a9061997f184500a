"""Verdicts on real changes under a real load, and on simulated ones: how many are right, and how soon.

python benchmarks/verdicts.py [--before 5] [--after 40] [--seeds 20] [--only simulated|server]

The server part starts a private PostgreSQL, sends three kinds of statements to three tables from three sessions,
records each 5 s as the program does, and makes three changes at one moment: an index that a query needs, indexes that
only make inserts dearer, and an index that does nothing for anybody. `--after` under 30 minutes is too short for
"same".
The simulated part is the suite's (tests/core/baseline/simulated_load.py), with other seeds.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from optischema_tui.core.baseline.effect import Effect, effect
from optischema_tui.core.baseline.scope import Scope
from optischema_tui.core.baseline.verdict import Finding
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.cluster.cluster import start_cluster
from optischema_tui.core.config import Config
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.observe import observe
from optischema_tui.core.target.resolver import resolve
from tests.core.baseline.simulated_load import cases

SETTINGS = {"shared_preload_libraries": "pg_stat_statements", "fsync": "off", "synchronous_commit": "off"}
TICK = 5.0
SCHEMA = """
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
CREATE TABLE helped (id bigint PRIMARY KEY, customer int NOT NULL, note text);
CREATE TABLE hurt (id bigint GENERATED ALWAYS AS IDENTITY, a int, b int, c int, d int, note text);
CREATE TABLE left_alone (id bigint PRIMARY KEY, customer int NOT NULL, seldom int);
INSERT INTO helped SELECT g, g % 5000, repeat('x', 60) FROM generate_series(1, 60000) g;
INSERT INTO hurt (a, b, c, d) SELECT g, g % 977, g % 13, g % 7919 FROM generate_series(1, 200000) g;
INSERT INTO left_alone SELECT g, g % 5000, g % 3 FROM generate_series(1, 60000) g;
ANALYZE;
"""


@dataclass(frozen=True)
class Made:
    table: str
    statement: str
    changes: tuple[str, ...]
    truth: Finding


MADE = (
    Made("helped", "SELECT count(note) FROM helped WHERE customer = %s", ("CREATE INDEX ON helped (customer)",),
         Finding.BETTER),
    Made("hurt", "INSERT INTO hurt (a, b, c, d) SELECT %s + g, random() * 1e9, random() * 1e9, random() * 1e9"
         " FROM generate_series(1, 200) g",
         tuple(f"CREATE INDEX ON hurt ({columns})" for columns in ("b", "c", "d", "b, c", "c, d", "d, b", "note, b")),
         Finding.WORSE),
    Made("left_alone", "SELECT count(seldom) FROM left_alone WHERE customer = %s",
         ("CREATE INDEX ON left_alone (seldom)",), Finding.SAME),
)  # fmt: skip


def load(dsn: str, made: Made, stop: threading.Event) -> None:
    """The statement again and again, with pauses that are never the same."""
    dice = random.Random(made.table)
    with psycopg.connect(dsn, autocommit=True) as session:
        while not stop.is_set():
            cursor = session.execute(made.statement, (dice.randrange(5000),))
            if cursor.description:
                cursor.fetchall()
            stop.wait(dice.expovariate(1 / 0.08))


def on_a_server(before: float, after: float) -> list[tuple[Made, Effect, float]]:
    """(change, its effect at the end, minutes until the first verdict)"""
    with tempfile.TemporaryDirectory() as folder:
        history = History.open(Path(folder) / "history.db")
        with start_cluster(find_binaries(), prefix="optischema-bench-", settings=SETTINGS) as cluster:
            with psycopg.connect(cluster.dsn(), autocommit=True) as session:
                session.execute(SCHEMA)
            spec = resolve(cluster.dsn(), Config())
            stop = threading.Event()
            threads = [threading.Thread(target=load, args=(cluster.dsn(), made, stop)) for made in MADE]
            for thread in threads:
                thread.start()
            try:
                return _watched(cluster.dsn(), spec, history, before, after)
            finally:
                stop.set()
                for thread in threads:
                    thread.join()
                history.close()


def _watched(dsn: str, spec: object, history: History, before: float, after: float) -> list[tuple[Made, Effect, float]]:
    observe(spec, history, ticks=round(before * 60 / TICK), interval=TICK)  # type: ignore[arg-type]
    begun = time.time()
    with psycopg.connect(dsn, autocommit=True) as session:
        for made in MADE:
            for change in made.changes:
                session.execute(change)
    applied = time.time()
    (identity, _), *_ = history.targets()
    first: dict[str, float] = {}
    found: dict[str, Effect] = {}
    while time.time() < applied + after * 60:
        observe(spec, history, ticks=round(30 / TICK), interval=TICK)  # type: ignore[arg-type]
        for made in MADE:
            scope = Scope((), "public", made.table, whole_table=True)
            found[made.table] = effect(history, identity.fingerprint, scope, begun, applied)
            rows = found[made.table].rows
            if rows and rows[0].test.decided:
                first.setdefault(made.table, (time.time() - applied) / 60)
    return [(made, found[made.table], first.get(made.table, float("nan"))) for made in MADE]


def simulated(seeds: int) -> None:
    right = missed = whole = 0
    found: dict[tuple[str, str], Counter[str]] = {}
    hours: dict[tuple[str, str], list[float]] = {}
    for seed in range(101, 101 + seeds):
        for case in cases(seed):
            hour, told = case.first()
            key = case.noise.name, str(case.truth)
            found.setdefault(key, Counter())[str(told.finding)] += 1
            hours.setdefault(key, []).append(hour)
            whole += 1
            right += told.finding is case.truth
            missed += case.truth is Finding.WORSE and case.effect >= 1.5 and told.finding is not Finding.WORSE
    print(f"{right} of {whole} right ({right / whole:.1%}); regressions of half or more that were missed: {missed}")
    for key, counts in found.items():
        print(
            f"{key[0]:10} {key[1]:7} {dict(counts)}, half of them within {sorted(hours[key])[len(hours[key]) // 2]} h"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--before", type=float, default=5.0, help="minutes")
    parser.add_argument("--after", type=float, default=40.0, help="minutes")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--only", choices=("simulated", "server"))
    arguments = parser.parse_args()
    if arguments.only != "server":
        simulated(arguments.seeds)
    if arguments.only != "simulated":
        for made, told, minutes in on_a_server(arguments.before, arguments.after):
            for row in told.rows:
                print(f"{made.table} (truth: {made.truth}): {row.test.finding} after {minutes:.1f} min, {row.test}")


if __name__ == "__main__":
    main()
