"""Everything a run needs: the server, its databases, the workloads' two halves. Safe to call again.

python -m benchmarks.index_selection.prepare [workload ...]
"""

from __future__ import annotations

import sys
from dataclasses import replace

from benchmarks.index_selection import databases, server
from benchmarks.index_selection.hypo import Hypo
from benchmarks.index_selection.measured import seen, unseen
from benchmarks.index_selection.place import base, dsn, part
from benchmarks.index_selection.tpc.statements import workload as tpc_workload
from benchmarks.index_selection.workload import (
    DATABASES,
    OLTP,
    Workload,
    as_file,
    as_normalised_file,
    path_of,
    save,
)

COST_PER_MS = 1000.0
"""TPC: "measured time" is plan cost over this, so that an advisor who weighs by time pursues C itself."""


def prepare(name: str) -> None:
    """Make a workload's database and both halves, unless they are there."""
    databases.make(DATABASES[name])
    if path_of(name, "seen").exists() and path_of(name, "unseen").exists():
        return
    if name in OLTP:
        save(unseen(name), "unseen")
        workload = seen(name)
    else:
        workload = _weighed_by_cost(tpc_workload(name))
        save(workload, "unseen")
    save(workload, "seen")
    (part("workloads") / f"{name}.sql").write_text(as_file(workload))
    if name in OLTP:
        (part("workloads") / f"{name}.normalised.sql").write_text(as_normalised_file(workload))


def _weighed_by_cost(workload: Workload) -> Workload:
    with Hypo(workload.database) as hypo:
        return replace(
            workload,
            statements=tuple(
                replace(each, mean_ms=hypo.cost(each.literals[0]) / COST_PER_MS) for each in workload.statements
            ),
        )


def main() -> None:
    server.start()
    for name in sys.argv[1:] or DATABASES:
        prepare(name)
        print(f"{name}: {path_of(name, 'seen')}", flush=True)
    made = dict.fromkeys(DATABASES[name] for name in DATABASES if path_of(name, "seen").exists())
    (base() / "DSN.txt").write_text("".join(f"{database} {dsn(database)}\n" for database in made))


if __name__ == "__main__":
    main()
