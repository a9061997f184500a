"""How long the lab takes: a schema of 2,000 tables and 6,000 indexes, cold and from the cache.

make bench-lab [ARGS=tables]    (default 27 2000)

For each: reading the catalog, a lab built with an empty cache, one taken from the cache, one that follows ANALYZE of a
tenth of the tables and a new index; and the sizes of what is kept.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import psycopg

from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.cluster.cluster import start_cluster
from optischema_tui.core.jobs.lab import open_lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.paths import Paths

ROWS = 300
BATCH = 50
SETTINGS = {"fsync": "off", "synchronous_commit": "off", "autovacuum": "off", "max_wal_size": "4GB"}
TABLE = """
CREATE TABLE s{schema}.t{n} (
    id bigint PRIMARY KEY, parent_id bigint, code text NOT NULL, state int, amount numeric(12,2),
    created timestamptz NOT NULL, updated timestamptz, flag boolean DEFAULT false, note varchar(80), qty smallint);
INSERT INTO s{schema}.t{n}
SELECT i, 1 + i % 100, 'code-' || i % 70, i % 5, i * 1.25, timestamptz '2024-01-01Z' + i * interval '1 hour', NULL,
    i % 9 = 0, 'note ' || i, i % 30
FROM generate_series(1, {rows}) i;
CREATE INDEX t{n}_parent ON s{schema}.t{n} (parent_id);
CREATE INDEX t{n}_state ON s{schema}.t{n} (state, created);
"""
FOREIGN = "ALTER TABLE s{schema}.t{n} ADD FOREIGN KEY (parent_id) REFERENCES s{other_schema}.t{other} (id)"
STATISTICS = "CREATE STATISTICS s{schema}.x{n} (dependencies, mcv) ON code, state FROM s{schema}.t{n}"


def make_target(dsn: str, tables: int) -> None:
    """A schema like that of a large business application: every table has three indexes and a foreign key."""
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute("".join(f"CREATE SCHEMA s{n};" for n in range(1 + tables // 100)))
        statements = [TABLE.format(schema=n // 100, n=n, rows=ROWS) for n in range(tables)]
        statements += [
            FOREIGN.format(schema=n // 100, n=n, other_schema=n // 200, other=n // 2) for n in range(1, tables)
        ]
        statements += [STATISTICS.format(schema=n // 100, n=n) for n in range(0, tables, 20)]
        for start in range(0, len(statements), BATCH):
            session.execute(";".join(statements[start : start + BATCH]).encode())
        session.execute("ANALYZE")


class Phases:
    """Times between the lab's words."""

    def __init__(self) -> None:
        self.began = self.last = time.monotonic()
        self.what = "beginning"
        self.lines: list[tuple[str, float]] = []
        self.words = 0

    def __call__(self, what: str, fraction: float) -> None:
        self.words += 1
        if what == self.what:
            return
        now = time.monotonic()
        self.lines.append((self.what, now - self.last))
        self.last, self.what = now, what

    def show(self, title: str) -> float:
        self("", 1.0)
        total = self.last - self.began
        print(f"{title}: {total:.2f} s, {self.words} words of progress")
        for what, seconds in self.lines:
            print(f"    {seconds:6.2f}  {what}")
        return total


def measure(tables: int) -> None:
    binaries = find_binaries()
    with (
        tempfile.TemporaryDirectory() as place,
        start_cluster(binaries, prefix="optischema-bench-", settings=SETTINGS) as cluster,
        psycopg.connect(cluster.dsn(), autocommit=True) as session,
    ):
        make_target(cluster.dsn(), tables)
        paths = Paths(Path(place, "config"), Path(place, "state"), Path(place, "cache"))
        for title in ("empty cache", "template in the cache", "kept", "kept, and the target moved on"):
            if title == "template in the cache":
                for kept in Path(place).rglob("lab-*.pack"):
                    kept.unlink()
            if title.endswith("on"):
                session.execute("UPDATE s0.t1 SET state = 1; CREATE INDEX t1_new ON s0.t1 (qty, created)")
                session.execute("; ".join(f"ANALYZE s{n // 100}.t{n}" for n in range(0, tables, 10)))
            began = time.monotonic()
            image = read_image(session)
            read = time.monotonic() - began
            phases = Phases()
            with open_lab(image, binaries, paths, target="benchmark", progress=phases):
                taken = phases.show(f"{tables} tables, {title}")
            print(f"    {read:6.2f}  reading the catalog before; {read + taken:.2f} s in all")
        for kept in sorted(Path(place).rglob("*.pack")):
            print(f"    {kept.stat().st_size / 1e6:6.1f}  MB  {kept.name.partition('-')[0]}")


if __name__ == "__main__":
    for count in [int(word) for word in sys.argv[1:]] or [27, 2000]:
        measure(count)
