"""What reading pg_stat_statements costs the server: ours beside `SELECT * FROM pg_stat_statements`, in one run.

make bench-sampling
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from dataclasses import dataclass
from itertools import combinations, islice
from pathlib import Path

import asyncpg
import psycopg

from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.cluster.cluster import start_cluster
from optischema_tui.core.collect.statements import part_query, statements_query
from optischema_tui.core.collect.tick import Notices, Ticks, find_server_query
from optischema_tui.core.config import Config
from optischema_tui.core.models import Activity
from optischema_tui.core.target.capabilities import Capabilities
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.probe import probe
from optischema_tui.core.target.resolver import resolve

COLUMNS = [f"c{number}" for number in range(20)]
SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements",
    "pg_stat_statements.max": "120000",
    "fsync": "off",
    "synchronous_commit": "off",
}
NAIVE = "SELECT * FROM pg_stat_statements"
FLOOR = "SELECT count(*) FROM pg_stat_statements(false)"


def statements(dsn: str, count: int, padding: int) -> int:
    """`count` statements of different structure with a comment of that many bytes. Returns the mean bytes of a text."""
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        session.execute(f"CREATE TABLE IF NOT EXISTS wide ({', '.join(f'{name} int' for name in COLUMNS)})")
        session.execute("SELECT pg_stat_statements_reset()")
        subsets = islice((each for size in range(4, 12) for each in combinations(COLUMNS, size)), count)
        while some := list(islice(subsets, 2000)):
            session.execute(
                ";".join(f"SELECT {', '.join(each)} FROM wide WHERE c1 = 1 /* {'x' * padding} */" for each in some)
            )
        row = session.execute("SELECT avg(octet_length(query))::int FROM pg_stat_statements").fetchone()
        assert row is not None
        return int(row[0])


def cpu_ms(pid: int) -> float:
    """User and system time of a backend so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 10.0 * (int(fields[11]) + int(fields[12]))


@dataclass
class Series:
    name: str
    seconds: list[float]
    cpu: list[float]
    bytes: int = 0

    def line(self, naive: Series) -> str:
        wall, cpu = 1000 * statistics.median(self.seconds), statistics.mean(self.cpu)
        return (
            f"  {self.name:<58} {wall:7.1f} ms   server CPU {cpu:6.1f} ms   {self.bytes / 1e6:7.2f} MB   "
            f"CPU {cpu / statistics.mean(naive.cpu):5.2f}   bytes {self.bytes / naive.bytes:6.3f} of naive"
        )


async def measure(dsn: str, count: int, padding: int, rounds: int) -> None:
    size = statements(dsn, count, padding)
    spec = resolve(dsn, Config())
    observer = await Observer.connect(spec)
    identity, capabilities = await probe(observer)
    ticks, query = Ticks(SYSTEM), await find_server_query(observer, capabilities.server_version_num)

    async def look() -> tuple[int, bool]:
        """Statements read, and whether that was a part."""
        found = await ticks.look(
            observer, identity, capabilities, Notices(), server_query=query, activity=Activity()
        )  # fmt: skip
        return len(found.statements) - len(found.read_before), bool(found.read_before)

    naive = await asyncpg.connect(
        host=spec.get("host"), port=int(spec.get("port")), user="postgres", database="postgres"
    )
    naive_pid = await naive.fetchval("SELECT pg_backend_pid()")
    both = [Series(NAIVE, [], []), Series("a tick: everything but texts", [], []), Series(FLOOR, [], [])]
    await look()
    read, sampled = await look()
    for _ in range(rounds):
        for series in both:
            pid = observer.pid if series is both[1] else naive_pid
            before, began = cpu_ms(pid), SYSTEM.monotonic()
            if series is both[1]:
                await look()
            else:
                await naive.fetch(series.name)
            series.seconds.append(SYSTEM.monotonic() - began)
            series.cpu.append(cpu_ms(pid) - before)
    both[0].bytes = wire(spec.dsn, NAIVE)
    rows = await naive.fetchval("SELECT count(*) FROM pg_stat_statements(false)")
    both[1].bytes = wire(spec.dsn, counters_sql(capabilities, sampled, identity.database_oid))
    both[2].bytes = wire(spec.dsn, FLOOR)
    print(f"{rows:,} statements, texts of {size:,} bytes; a tick reads {read:,}; median wall and mean CPU of {rounds}")
    for series in both:
        print(series.line(both[0]), flush=True)
    await naive.close()
    await observer.close()


def counters_sql(capabilities: Capabilities, sampled: bool, dbid: int) -> str:
    """What a tick asks, with values in place of its parameters."""
    sql = part_query(capabilities) if sampled else statements_query(capabilities)
    for number, value in enumerate((15, 3, 1e9, "'{}'", dbid), 1):
        sql = sql.replace(f"${number}::", f"{value}::")
    return sql


def wire(dsn: str, sql: str) -> int:
    """Bytes of the rows as the server sends them in binary."""
    with psycopg.connect(dsn, autocommit=True) as session, session.cursor(binary=True) as cursor:
        cursor.execute(sql.encode())
        result = cursor.pgresult
        assert result is not None
        return sum(
            7 + sum(4 + len(result.get_value(row, column) or b"") for column in range(result.nfields))
            for row in range(result.ntuples)
        )


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with start_cluster(find_binaries(), prefix="optischema-bench-", settings=SETTINGS) as cluster:
        for count, padding in ((5_000, 500), (100_000, 100), (100_000, 900), (100_000, 2_500)):
            asyncio.run(measure(cluster.dsn(), count, padding, rounds))


main()
