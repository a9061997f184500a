"""The TPC workloads: the queries with default parameters, weight 1, and the subsets of the VLDB 2020 study."""

from __future__ import annotations

import json

from benchmarks.index_selection.place import part
from benchmarks.index_selection.workload import DATABASES, Statement, Workload

LEFT_OUT = {"tpch": (), "tpch19": (2, 17, 20), "tpch19_01": (2, 17, 20), "tpcds90": (4, 6, 9, 10, 11, 32, 35, 41, 95)}


def workload(name: str) -> Workload:
    """`tpch`, `tpch19`, `tpch19_01` (scale factor 0.1) or `tpcds90`; the database's files must have been made."""
    queries = json.loads((part("gen") / DATABASES[name] / "queries.json").read_text())
    statements = []
    for number, text in queries:
        if number not in LEFT_OUT[name]:
            sql = text.strip().rstrip(";")
            statements.append(Statement(f"q{number}", sql, 1, (sql,)))
    return Workload(name, tuple(statements))
