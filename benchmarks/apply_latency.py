"""What writers feel of our concurrent builds and drops: their p99 beside that of the moments before.

.venv/bin/python benchmarks/apply_latency.py [rounds] [pgbench scale] [transactions a second]

A private PostgreSQL 18 under pgbench (updates of one random row and an insert, at a fixed rate, four clients). In each
round an index is built and dropped through the whole protocol, and again by hand with the bare statements, with a span
without either before each. A sampler reads pg_locks 50 times a second: the longest wait of any statement behind a
session of ours. A span with one busy core and no build shows what the processor alone does to the writers.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change.approval import give_approval
from optischema_tui.core.change.protocol import apply_change, roll_back
from optischema_tui.core.change.written import propose_written
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.cluster.cluster import start_cluster
from optischema_tui.core.target.spec import TargetSpec

SCRIPT = """\\set aid random(1, 100000 * :scale)
\\set delta random(-5000, 5000)
UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 1, :aid, :delta, CURRENT_TIMESTAMP);
"""
INDEX = "CREATE INDEX accounts_kept ON pgbench_accounts (bid, aid)"
WAITS = """
SELECT coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart)), 0)
FROM pg_locks l
WHERE NOT l.granted AND l.waitstart IS NOT NULL AND EXISTS (
  SELECT 1 FROM unnest(pg_blocking_pids(l.pid)) b JOIN pg_stat_activity a ON a.pid = b
  WHERE a.application_name LIKE 'optischema/%')
AND NOT EXISTS (SELECT 1 FROM pg_stat_activity o WHERE o.pid = l.pid AND o.application_name LIKE 'optischema%')
"""
SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "4GB", "shared_preload_libraries": "pg_stat_statements"}


@dataclass
class Spans:
    """Names of phases -> (from, to), seconds since 1970."""

    found: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, name: str, begun: float) -> None:
        self.found.setdefault(name, []).append((begun, time.time()))


def watch(dsn: str, over: threading.Event, longest: list[float]) -> None:
    with psycopg.connect(dsn, autocommit=True, application_name="sampler") as session:
        while not over.wait(0.02):
            row = session.execute(WAITS).fetchone()
            longest[0] = max(longest[0], float(row[0]) if row else 0.0)


def rounds(dsn: str, place: Path, count: int, spans: Spans) -> None:
    params = tuple(sorted((key, str(value)) for key, value in conninfo_to_dict(dsn).items()))
    spec, journal = TargetSpec("bench", params, allow_changes=True), Journal.open(place / "audit.db")
    for _ in range(count):
        begun = time.time()
        change = give_approval(journal, propose_written(journal, spec, INDEX), SYSTEM)
        apply_change(journal, spec, change.id)
        spans.add("build", begun)
        built = time.time() - begun
        begun = time.time()
        roll_back(journal, spec, change.id)
        spans.add("drop", begun)
        rest(spans, built)
        by_hand(dsn, spans)
        rest(spans, built)
        burn(spans, built)
        rest(spans, built)


def rest(spans: Spans, seconds: float) -> None:
    begun = time.time()
    threading.Event().wait(max(4.0, seconds))
    spans.add("before", begun)


def burn(spans: Spans, seconds: float) -> None:
    """One core kept busy by a program that has nothing to do with the server: the least that any build takes."""
    begun = time.time()
    subprocess.run([sys.executable, "-c", f"import time\nend = time.time() + {seconds}\nwhile time.time() < end: pass"])
    spans.add("a busy core", begun)


def by_hand(dsn: str, spans: Spans) -> None:
    with psycopg.connect(dsn, autocommit=True, application_name="by hand") as session:
        begun = time.time()
        session.execute(INDEX.replace("INDEX", "INDEX CONCURRENTLY").encode())
        spans.add("build by hand", begun)
        begun = time.time()
        session.execute("DROP INDEX CONCURRENTLY accounts_kept")
        spans.add("drop by hand", begun)


def latencies(place: Path, spans: Spans) -> dict[str, list[float]]:
    """Milliseconds, by phase; a transaction belongs to the phase that it ended in."""
    found: dict[str, list[float]] = {name: [] for name in spans.found}
    for file in place.glob("pgbench_log*"):
        for line in file.read_text().splitlines():
            parts = line.split()
            if len(parts) < 6:  # the last one, cut by the end of pgbench
                continue
            at = int(parts[4]) + int(parts[5]) / 1e6
            for name, phases in spans.found.items():
                if any(begun <= at <= ended for begun, ended in phases):
                    found[name].append(int(parts[2]) / 1000)
    return found


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


def main() -> None:
    count, scale, rate = (int(word) for word in (*sys.argv[1:], *("6", "15", "300")[len(sys.argv) - 1 :]))
    binaries = find_binaries()
    pgbench = str(binaries.bindir / "pgbench")
    with (
        tempfile.TemporaryDirectory() as directory,
        start_cluster(binaries, prefix="optischema-latency-", settings=SETTINGS) as cluster,
    ):
        place, dsn = Path(directory), cluster.dsn()
        (place / "writes.sql").write_text(SCRIPT)
        subprocess.run([pgbench, "-i", "-q", "-s", str(scale), dsn], check=True, capture_output=True)
        spans, longest, over = Spans(), [0.0], threading.Event()
        load = subprocess.Popen(
            [pgbench, "-n", "-c", "4", "-R", str(rate), "-T", "3600", "-l", "-s", str(scale), "-f", "writes.sql", dsn],
            cwd=place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        sampler = threading.Thread(target=watch, args=(dsn, over, longest))
        sampler.start()
        try:
            begun = time.time()
            threading.Event().wait(6.0)
            spans.add("before", begun)
            rounds(dsn, place, count, spans)
        finally:
            over.set()
            sampler.join()
            load.terminate()
            load.wait()
        found = latencies(place, spans)
    print(f"{count} builds and drops on {scale * 100_000:,} rows, {rate} transactions a second")
    base = percentile(found["before"], 0.99)
    for name in ("before", "build", "build by hand", "a busy core", "drop", "drop by hand"):
        whole = sum(ended - begun for begun, ended in spans.found[name])
        told = "  ".join(f"p{share:g} {percentile(found[name], share / 100):7.2f} ms" for share in (50, 95, 99))
        ratio = percentile(found[name], 0.99) / base if base else 0.0
        print(f"{name:<15}{told}  {len(found[name]):6} transactions in {whole:5.1f} s  p99 / before {ratio:.2f}")
    print(
        f"longest wait of a statement behind a session of ours: {longest[0] * 1000:.0f} ms   goals <= 1.5 and <= 600 ms"
    )


if __name__ == "__main__":
    main()
