"""What keeping one more index costs: microseconds of the server's CPU for each row written, by kind of index.

.venv/bin/python benchmarks/index_upkeep.py [bindir] [rows in the table] [rows written]

Each kind is added alone to a fresh copy of one table that has a primary key; the figure is the backend's own CPU time
(the scheduler's counter, so that other jobs on the machine count little) for inserting the rows, less that with the key
only. The same for updates of a column that no index holds (with room in the pages: HOT) and of one that the new index
holds.
"""

from __future__ import annotations

import sys
from pathlib import Path

import psycopg

from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.cluster.cluster import start_cluster

COLUMNS = """
  n AS id, n AS serial, (hashint8(n)::bigint & 2147483647) AS number, md5(n::text) AS word,
  md5(n::text)::uuid AS token, timestamptz '2024-01-01' + n * interval '1 s' AS at, (n % 4) AS few, n % 10 = 0 AS flag,
  jsonb_build_object('k', n % 1000, 'w', md5((n % 5000)::text)) AS document, ARRAY[n % 100, n % 1000, n % 50] AS tags
"""
KINDS = {
    "key only": "",
    "ascending int": "(serial)",
    "random int": "(number)",
    "few values": "(few)",
    "timestamp, ascending": "(at)",
    "uuid": "(token)",
    "32 random characters": "(word)",
    "two ints": "(few, number)",
    "text, timestamp": "(word, at)",
    "int including text": "(number) INCLUDE (word)",
    "partial, matches": "(number) WHERE few < 4",
    "partial, one row in ten": "(number) WHERE flag",
    "expression": "(upper(word))",
    "hash of text": "USING hash (word)",
    "BRIN": "USING brin (at)",
    "GIN jsonb": "USING gin (document)",
    "GIN jsonb_path_ops": "USING gin (document jsonb_path_ops)",
    "GIN array": "USING gin (tags)",
}
"""Kind: what comes after CREATE INDEX ON t."""
SETTINGS = {"fsync": "off", "shared_buffers": "512MB", "autovacuum": "off", "max_wal_size": "8GB"}


class Bench:
    def __init__(self, session: psycopg.Connection, rows: int, written: int) -> None:
        self.session, self.rows, self.written = session, rows, written
        session.execute(f"CREATE TABLE source AS SELECT {COLUMNS} FROM generate_series(1, {rows + written}) n")

    def cpu(self, sql: str) -> float:
        """Microseconds of the backend's CPU that the statement takes."""
        counter = Path(f"/proc/{self.session.info.backend_pid}/schedstat")
        before = int(counter.read_text().split()[0])
        self.session.execute(sql)
        return (int(counter.read_text().split()[0]) - before) / 1000

    def fresh(self, index: str, fill: int = 100) -> None:
        self.session.execute("DROP TABLE IF EXISTS t")
        self.session.execute(f"CREATE TABLE t (LIKE source) WITH (fillfactor = {fill})")
        self.session.execute(f"INSERT INTO t SELECT * FROM source WHERE id <= {self.rows}")
        self.session.execute("ALTER TABLE t ADD PRIMARY KEY (id)")
        if index:
            self.session.execute(f"CREATE INDEX ON t {index}")
        self.session.execute("VACUUM ANALYZE t")
        self.session.execute("CHECKPOINT")

    def insert(self, index: str) -> float:
        """Microseconds for each row, the lowest of three batches into one table."""
        self.fresh(index)
        step = self.written // 3
        batches = []
        for number in range(3):
            low = self.rows + number * step
            batches.append(
                self.cpu(f"INSERT INTO t SELECT * FROM source WHERE id > {low} AND id <= {low + step}") / step
            )
        if "gin" in index:
            batches = [sum(batches) / 3 + self.cpu("VACUUM t") / self.written]
        return min(batches)

    def update(self, index: str, column: str) -> float:
        """Microseconds for each row of an update that sets `column` in every tenth row."""
        self.fresh(index, fill=80)
        count = self.rows // 10
        return self.cpu(f"UPDATE t SET {column} = {column} + 1 WHERE id % 10 = 3") / count

    def vacuum(self, index: str) -> float:
        """Microseconds for each deleted row that VACUUM takes."""
        self.fresh(index)
        self.session.execute("DELETE FROM t WHERE id % 10 = 3")
        return self.cpu("VACUUM (INDEX_CLEANUP ON) t") / (self.rows // 10)


def main(bindir: str, rows: int, written: int) -> None:
    binaries = find_binaries(130000, bindir) if bindir else find_binaries()
    with (
        start_cluster(binaries, prefix="optischema-upkeep-", settings=SETTINGS) as cluster,
        psycopg.connect(cluster.dsn(), autocommit=True) as session,
    ):
        bench = Bench(session, rows, written)
        print(f"PostgreSQL {binaries.version}, {rows:,} rows in the table, {written:,} written")
        base = bench.insert("")
        bare = bench.vacuum("")
        print(f"{'key only':26} insert {base:6.2f} us a row   vacuum {bare:5.2f} us a deleted row")
        for kind, index in KINDS.items():
            if index:
                line = f"{kind:26} insert {bench.insert(index) - base:+6.2f}"
                print(f"{line}                vacuum {bench.vacuum(index) - bare:+5.2f}", flush=True)
        hot, none = bench.update("(number)", "few"), bench.update("", "few")
        lost, both = bench.update("(few)", "few"), bench.update("(few); CREATE INDEX ON t (number)", "few")
        print(f"update of a column that no index holds: {none:.2f} with the key only, {hot:+.2f} with (number) too")
        print(f"update of a column that the index holds: {lost:.2f}, with (number) too {both:.2f}")


if __name__ == "__main__":
    words = sys.argv[1:]
    main(
        words[0] if words else "",
        int(words[1]) if len(words) > 1 else 1_000_000,
        int(words[2]) if len(words) > 2 else 90_000,
    )
