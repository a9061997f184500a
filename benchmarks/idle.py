"""Idle CPU, bytes per second and key latency with 5,000 statements, against pg_activity at 1 s, in one run.

make bench-idle
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from itertools import combinations, islice
from pathlib import Path

import psycopg
from terminal import Terminal

ROOT = Path(__file__).resolve().parent.parent
PYTHON = str(ROOT / ".venv/bin/python")
COLUMNS = [f"c{number}" for number in range(14)]
SERVER = """
import sys
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.cluster.cluster import start_cluster
settings = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.max": "10000", "fsync": "off"}
with start_cluster(find_binaries(), prefix="optischema-bench-", settings=settings) as cluster:
    print(cluster.dsn(), flush=True)
    sys.stdin.read()
"""


def statements(session: psycopg.Connection) -> None:
    """5,000 statements with different ids: subsets of the columns of one table."""
    session.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    session.execute(f"CREATE TABLE IF NOT EXISTS wide ({', '.join(f'{name} int' for name in COLUMNS)})")
    subsets = (subset for size in range(3, 9) for subset in combinations(COLUMNS, size))
    for subset in islice(subsets, 5000):
        session.execute(f"SELECT {', '.join(subset)} FROM wide")


def measure(name: str, command: list[str], ready: str, keys: list[bytes], before: list[bytes], seconds: float) -> None:
    terminal = Terminal(command)
    try:
        at = terminal.wait(lambda text: ready in text)
        for key in before:
            terminal.send(key)
            time.sleep(0.2)
        terminal.idle(6)
        cpu, per_second, memory = terminal.idle(seconds)
        median, p95, longest = terminal.key_latency(keys, 24, 12, 40)
        print(
            f"{name:<34} live data {1000 * at:5.0f} ms   idle CPU {cpu:5.1f} %   {per_second:7.0f} bytes/s   "
            f"RSS {memory:5.1f} MB   key {median:5.1f} / {p95:5.1f} / {longest:5.1f} ms (median / p95 / max)",
            flush=True,
        )
    finally:
        terminal.close()


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    server = subprocess.Popen([PYTHON, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        dsn = server.stdout.readline().strip()
        with psycopg.connect(dsn, autocommit=True) as session, tempfile.TemporaryDirectory() as state:
            statements(session)
            sleepers = [psycopg.connect(dsn, autocommit=True) for _ in range(20)]
            for sleeper in sleepers:
                sleeper.pgconn.send_query(b"SELECT pg_sleep(3600)")
            parts = dict(word.split("=", 1) for word in dsn.split())
            server_at = ["-h", parts["host"], "-p", parts["port"], "-U", parts["user"], "-d", parts["dbname"]]
            pg_activity = str(Path(sys.executable).with_name("pg_activity"))
            peer = [pg_activity, *server_at, "--refresh", "1", "--no-db-size"]
            ours = [PYTHON, "-m", "optischema_tui", dsn, "--state-dir", state, "--interval"]
            keys = [b"j", b"k"]
            for interval in ("1", "30"):
                name = f"optischema-tui, top, every {interval} s"
                measure(name, [*ours, interval], "wide", keys, [b"2", *[b"j"] * 15], seconds)
            measure("pg_activity 3.6.2, every 1 s", peer, "pg_sleep", keys, [b"j"] * 8, seconds)
            for sleeper in sleepers:
                sleeper.close()
    finally:
        server.communicate("")


main()
