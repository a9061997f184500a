"""Makes the benchmark's databases: filled, vacuumed and analysed once with a fixed seed, then left as they are.

python -m benchmarks.index_selection.databases tpch01 tpch1 tpcds1 shop fleet
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg

from benchmarks.index_selection import server
from benchmarks.index_selection.place import dsn, part

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
TPC = ("tpch01", "tpch1", "tpcds1")
OLTP = ("shop", "fleet")
ALL = (*TPC, *OLTP)
SEED = 0.17
READY = "optischema index selection"
"""The comment of a database that is complete."""
CHUNK = 1 << 22


def make(name: str) -> None:
    """The database `name`, complete; nothing happens when it is there already. The server must be up."""
    with psycopg.connect(dsn("postgres"), autocommit=True) as session:
        row = session.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", (name,)
        ).fetchone()
        if row is not None and row[0] == READY:
            return
        session.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        session.execute(f"CREATE DATABASE {name}")
        with psycopg.connect(dsn(name), autocommit=True) as filled:
            filled.execute("CREATE EXTENSION hypopg")
            filled.execute("CREATE EXTENSION pg_stat_statements")
            if name in TPC:
                _load_tpc(name, filled)
            else:
                _load_oltp(name, filled)
            filled.execute("VACUUM")
            filled.execute(f"SELECT setseed({SEED})")
            filled.execute("ANALYZE")
        session.execute("CHECKPOINT")
        session.execute(f"DROP DATABASE IF EXISTS {still(name)} WITH (FORCE)")
        session.execute(f"CREATE DATABASE {still(name)} TEMPLATE {name}")
        session.execute(f"COMMENT ON DATABASE {name} IS '{READY}'")


def still(name: str) -> str:
    """The copy of a database that nobody connects to: what real runs are copied from."""
    return f"{name}_still"


def copy(name: str, purpose: str = "run") -> str:
    """A fresh copy of a database as it was made, to build and write in. Returns its name; `drop` it afterwards."""
    made = f"{name}_{purpose}_{os.getpid()}"
    with psycopg.connect(dsn("postgres"), autocommit=True) as session:
        session.execute(f"DROP DATABASE IF EXISTS {made} WITH (FORCE)")
        session.execute(f"CREATE DATABASE {made} TEMPLATE {still(name)}")
    return made


def drop(copied: str) -> None:
    with psycopg.connect(dsn("postgres"), autocommit=True) as session:
        session.execute(f"DROP DATABASE IF EXISTS {copied} WITH (FORCE)")


def table_bytes(session: psycopg.Connection) -> int:
    """Bytes of all tables in `public`, heap and TOAST, no index: what budgets in per cent are of."""
    row = session.execute(
        "SELECT sum(pg_table_size(oid)) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _load_tpc(name: str, session: psycopg.Connection) -> None:
    files = part("gen") / name
    if not (files / "done").exists():
        python = REPOSITORY / ".bench" / "bin" / "python"
        subprocess.run([str(python), "-m", "benchmarks.index_selection.tpc.generate", name], cwd=REPOSITORY, check=True)
    tpch = name.startswith("tpch")
    schema = HERE / "tpc" / "tpch_schema.sql" if tpch else files / "schema.sql"
    session.execute(schema.read_text())
    options = "DELIMITER '|'" if tpch else "FORMAT csv, DELIMITER '|'"
    for file in sorted(files.glob("*.tbl" if tpch else "*.csv")):
        with session.cursor() as cursor, cursor.copy(f"COPY {file.stem} FROM STDIN ({options})") as copy:
            for chunk in _chunks(file, strip=tpch):
                copy.write(chunk)


def _chunks(file: Path, *, strip: bool) -> Iterator[bytes]:
    """The file in pieces that end with a line; `strip` takes the delimiter at the end of each line away."""
    with file.open("rb") as source:
        while lines := source.readlines(CHUNK):
            chunk = b"".join(lines)
            yield chunk.replace(b"|\n", b"\n") if strip else chunk


def _load_oltp(name: str, session: psycopg.Connection) -> None:
    session.execute(f"SELECT setseed({SEED})")
    session.execute((HERE / name / "schema.sql").read_text())
    for statement in (HERE / name / "data.sql").read_text().split(";\n"):
        if statement.strip():
            session.execute(statement)


def main() -> None:
    server.start()
    for name in sys.argv[1:] or ALL:
        make(name)
        print(f"{name} {dsn(name)}", flush=True)


if __name__ == "__main__":
    main()
