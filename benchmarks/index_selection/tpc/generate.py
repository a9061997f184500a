"""Makes the files of TPC-H and TPC-DS and the texts of their queries. See benchmarks/requirements.txt.

.bench/bin/python -m benchmarks.index_selection.tpc.generate tpch1|tpch01|tpcds1
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.index_selection.place import part

SCALES = {"tpch1": "1", "tpch01": "0.1", "tpcds1": "1"}
TPCDS_TYPES = {"VARCHAR": "varchar", "DOUBLE": "double precision"}


def generate(name: str) -> None:
    """Files of one database into `gen/<name>/`: `.tbl` or `.csv` by table, `schema.sql`, `queries.json`."""
    directory = part("gen") / name
    done = directory / "done"
    if done.exists():
        return
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    if name.startswith("tpch"):
        program = Path(sys.executable).with_name("tpchgen-cli")
        subprocess.run([str(program), "-s", SCALES[name], f"--output-dir={directory}"], check=True)
        _texts("tpch", directory)
    else:
        _tpcds(directory, float(SCALES[name]))
        _texts("tpcds", directory)
    done.touch()


def _duckdb(kind: str):
    """A connection with the extension that the wheel carries, so that nothing is fetched."""
    import duckdb

    spec = importlib.util.find_spec(f"duckdb_extension_{kind}")
    assert spec is not None
    assert spec.submodule_search_locations
    (extension,) = Path(spec.submodule_search_locations[0]).rglob(f"{kind}.duckdb_extension")
    session = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    session.execute(f"LOAD '{extension}'")
    return session


def _texts(kind: str, directory: Path) -> None:
    rows = _duckdb(kind).execute(f"SELECT query_nr, query FROM {kind}_queries() ORDER BY query_nr").fetchall()
    (directory / "queries.json").write_text(json.dumps([[number, text] for number, text in rows], indent=1))


def _tpcds(directory: Path, scale: float) -> None:
    session = _duckdb("tpcds")
    session.execute("SET threads=2")
    session.execute(f"CALL dsdgen(sf={scale})")
    tables: dict[str, list[str]] = {}
    for table, column, kind in session.execute(
        "SELECT table_name, column_name, data_type FROM information_schema.columns"
        " ORDER BY table_name, ordinal_position"
    ).fetchall():
        tables.setdefault(table, []).append(f"  {column} {TPCDS_TYPES.get(kind, kind.lower())}")
    for table in tables:
        session.execute(f"COPY {table} TO '{directory / table}.csv' (HEADER false, DELIMITER '|')")
    (directory / "schema.sql").write_text(_ddl(tables))


def _ddl(tables: dict[str, list[str]]) -> str:
    texts = []
    for table, columns in sorted(tables.items()):
        body = ",\n".join(columns)
        texts.append(f"CREATE TABLE {table} (\n{body}\n);\n")
    return "".join(texts)


if __name__ == "__main__":
    for each in sys.argv[1:]:
        generate(each)
