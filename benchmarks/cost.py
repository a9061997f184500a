"""What observing costs the server: 5,000 statements, 1,000 tables, 2,000 indexes, default intervals.

make bench-cost ARGS=10      # minutes; 10 by default

The headless collector runs as a user would run it. Execution time is the server's own count of our statements in
pg_stat_statements (each carries a marker); CPU is that of our backends in /proc, with planning, protocol and all.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from itertools import combinations, islice
from pathlib import Path

import psutil
import psycopg

ROOT = Path(__file__).resolve().parent.parent
PYTHON = str(ROOT / ".venv/bin/python")
STATEMENTS, TABLES, SLEEPERS, IDLE = 5000, 1000, 10, 30
SERVER = """
import sys
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.cluster.cluster import start_cluster
settings = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.max": "10000", "fsync": "off",
            "max_connections": "100", "track_io_timing": "on"}
with start_cluster(find_binaries(), prefix="optischema-bench-", settings=settings) as cluster:
    print(cluster.dsn(), flush=True)
    sys.stdin.read()
"""
COLUMNS = [f"c{number}" for number in range(14)]


def fill(session: psycopg.Connection) -> None:
    session.execute("CREATE EXTENSION pg_stat_statements")
    session.execute(f"CREATE TABLE wide ({', '.join(f'{name} int' for name in COLUMNS)})")
    for number in range(TABLES - 1):
        session.execute(
            f"CREATE TABLE t{number} (id int PRIMARY KEY, a int, b text); CREATE INDEX ON t{number} (a)".encode()
        )
        if number % 10 == 0:
            session.execute(
                f"INSERT INTO t{number} SELECT i, i, repeat('x', 20) FROM generate_series(1, 50) i".encode()
            )
    session.execute("VACUUM ANALYZE")
    subsets = (subset for size in range(3, 9) for subset in combinations(COLUMNS, size))
    for subset in islice(subsets, STATEMENTS):
        session.execute(f"SELECT {', '.join(subset)} FROM wide".encode())


def ours(session: psycopg.Connection) -> dict[str, tuple[int, float]]:
    rows = session.execute(
        "SELECT query, calls, total_exec_time FROM pg_stat_statements WHERE query LIKE '%/* optischema-tui */%'"
        " AND toplevel"
    ).fetchall()
    found: dict[str, tuple[int, float]] = {}
    for query, calls, spent in rows:
        names = re.findall(r"FROM\s+(?:[\w\"]+\.)?\"?(\w+)", query)
        name = next((each for each in names if each.startswith("pg_")), names[0] if names else query[:40])
        before = found.get(name, (0, 0.0))
        found[name] = (before[0] + calls, before[1] + spent)
    return found


def backends(session: psycopg.Connection) -> dict[int, float]:
    pids = session.execute("SELECT pid FROM pg_stat_activity WHERE application_name = 'optischema-tui'").fetchall()
    return {pid: sum(psutil.Process(pid).cpu_times()[:2]) for (pid,) in pids}


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    server = subprocess.Popen([PYTHON, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    dsn = server.stdout.readline().strip()
    try:
        with psycopg.connect(dsn, autocommit=True) as session, tempfile.TemporaryDirectory() as state:
            fill(session)
            others = [psycopg.connect(dsn, autocommit=True) for _ in range(SLEEPERS + IDLE)]
            for sleeper in others[:SLEEPERS]:
                sleeper.pgconn.send_query(b"SELECT pg_sleep(36000)")
            collect = subprocess.Popen(
                [PYTHON, "-m", "optischema_tui", "collect", dsn, "--state-dir", state], stdout=subprocess.DEVNULL
            )
            try:
                time.sleep(20)  # the first reading of every text is once for each server, not for each minute
                before, cpu, own = ours(session), backends(session), sum(psutil.Process(collect.pid).cpu_times()[:2])
                began = time.monotonic()
                time.sleep(60 * minutes)
                after, cpu_after = ours(session), backends(session)
                own = sum(psutil.Process(collect.pid).cpu_times()[:2]) - own
                seconds = time.monotonic() - began
            finally:
                collect.terminate()
                collect.wait()
            report(before, after, cpu, cpu_after, own, seconds)
            for other in others:
                other.close()
    finally:
        server.stdin.close()  # type: ignore[union-attr]
        server.wait()


def report(
    before: dict[str, tuple[int, float]], after: dict[str, tuple[int, float]], cpu: dict[int, float],
    cpu_after: dict[int, float], own: float, seconds: float,
) -> None:  # fmt: skip
    minutes = seconds / 60
    print(f"{STATEMENTS:,} statements, {TABLES:,} tables, {2 * TABLES - 1:,} indexes; {minutes:.1f} minutes")
    total = 0.0
    for name, (calls, spent) in sorted(after.items(), key=lambda item: -item[1][1]):
        calls_before, spent_before = before.get(name, (0, 0.0))
        if calls > calls_before:
            total += spent - spent_before
            each = (spent - spent_before) / (calls - calls_before)
            print(
                f"  {name:<36} {(calls - calls_before) / minutes:6.1f} calls/min  {each:8.3f} ms each"
                f"  {(spent - spent_before) / minutes:7.2f} ms/min"
            )
    busy = sum(cpu_after.values()) - sum(cpu.get(pid, 0.0) for pid in cpu_after)
    print(f"execution time         {total / minutes:7.2f} ms/min   (goal <= 50)")
    print(f"CPU of our backends    {100 * busy / seconds:7.3f} % of a core   (goal <= 1)")
    print(f"connections            {len(cpu_after)}   (goal <= 2)")
    print(f"CPU of the collector   {100 * own / seconds:7.3f} % of a core, on this side")


if __name__ == "__main__":
    main()
