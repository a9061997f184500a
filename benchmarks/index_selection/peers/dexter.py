"""dexter, by the program itself: OPTISCHEMA_BENCH_DEXTER is the command that runs it (measured with commit d421932).

It knows neither weights nor a budget; it takes the literal texts, of which it keeps the last of each fingerprint.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess

from benchmarks.index_selection.choice import Choice, spending
from benchmarks.index_selection.place import dsn
from benchmarks.index_selection.workload import Workload

VARIABLE = "OPTISCHEMA_BENCH_DEXTER"
_FOUND = re.compile(r"^Index found: (?:\w+\.)?(\w+) \((.*)\)$", re.MULTILINE)


def available() -> bool:
    return bool(os.environ.get(VARIABLE))


def dexter(workload: Workload, savings: int = 50) -> Choice:
    """What it finds with `--min-cost-savings-pct savings`. CPU is the client's alone."""
    words = [*shlex.split(os.environ[VARIABLE]), "-d", dsn(workload.database), "--log-sql"]
    words += ["--min-cost-savings-pct", str(savings)]
    for sql in dict.fromkeys(sql for sql, _ in workload.pairs()):
        words += ["-s", sql]
    with spending() as spent:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"dexter failed: {done.stderr.strip()[-500:]}")
    definitions = tuple(f"CREATE INDEX ON {table} ({columns})" for table, columns in _FOUND.findall(done.stdout))
    explains = done.stdout.count("[sql] EXPLAIN")
    return Choice(definitions, explains, spent.cpu_seconds, spent.wall_seconds, "CPU of the client alone")
