"""What looking after a large history costs its users: opening, the check, the backup, the restore.

.venv/bin/python benchmarks/care.py [megabytes]
"""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from optischema_tui.core.history import backup
from optischema_tui.core.history.database import Database, Schema

COLUMNS = "a INTEGER, b INTEGER, c REAL, d REAL, e INTEGER, f INTEGER, g INTEGER, h INTEGER"


def table(connection: sqlite3.Connection) -> None:
    connection.execute(f"CREATE TABLE delta ({COLUMNS}, PRIMARY KEY (a, b)) WITHOUT ROWID")


INSERT = "INSERT INTO delta VALUES (?, ?, 1, 1, 1, 1, 1, 1)"
SCHEMA = Schema("The history", 77, (table,), "NORMAL", True)


def fill(database: Database, megabytes: int) -> None:
    tick = 0
    while database.path.stat().st_size < megabytes << 20:
        rows = [(tick + n, i, random.random(), 1.5, i, i, i, i) for n in range(50) for i in range(1000)]
        database.write(lambda c, rows=rows: c.executemany("INSERT INTO delta VALUES (?,?,?,?,?,?,?,?)", rows).rowcount)
        tick += 50


def took(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def writes_while(database: Database, going: Callable[[], bool]) -> list[float]:
    """Milliseconds of a small write, one each 20 ms."""
    found: list[float] = []
    while going():
        row = (-1, time.perf_counter_ns())
        found.append(took(lambda row=row: database.write(lambda c: c.execute(INSERT, row).rowcount)))
        time.sleep(0.02)
    return found


def main() -> None:
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    directory = Path(tempfile.mkdtemp())
    path = directory / "history.db"
    try:
        database = Database(path, SCHEMA)
        database.open()
        fill(database, megabytes)
        database.close()
        database = Database(path, SCHEMA)
        print(f"{path.stat().st_size >> 20} MB; opened in {took(database.open):.1f} ms")
        until = time.perf_counter() + 2
        report("a small write, nothing else going on", writes_while(database, lambda: time.perf_counter() < until))
        began = time.perf_counter()
        print(f"maintain() returned in {took(database.maintain):.1f} ms")
        report("a small write during check and backup", writes_while(database, lambda: not database.maintained(0)))
        print(f"integrity_check, copy and quick_check of the copy: {time.perf_counter() - began:.1f} s")
        print(f"log left by that: {os.stat(f'{path}-wal').st_size >> 20} MB; copies: {len(backup.backups(path))}")
        database.close()
        with open(path, "r+b") as file:
            file.seek(path.stat().st_size // 2)
            file.write(random.randbytes(50_000))
        database = Database(path, SCHEMA)
        print(f"a damaged file: opened in {took(database.open):.1f} ms")
        began = time.perf_counter()
        database.maintain()
        report("a small write while it is replaced", writes_while(database, lambda: not database.maintained(0)))
        print(f"found and replaced after {time.perf_counter() - began:.1f} s. {database.notice[:60]}...")
        database.close()
    finally:
        shutil.rmtree(directory)


def report(what: str, times: list[float]) -> None:
    print(f"{what}: median {statistics.median(times):.2f} ms, worst {max(times):.1f} ms of {len(times)}")


if __name__ == "__main__":
    main()
