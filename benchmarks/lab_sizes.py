"""Sizes that the lab pretends against those of the real indexes.

`make bench-sizes`, or `.venv/bin/python benchmarks/lab_sizes.py [ROWS]`: makes two tables of ROWS (200,000) and twice
as many rows on a server of its own, adds every index of tests/core/lab/size_cases.py to the lab and to the server, and
prints both sizes and their ratio, and what adding and trying cost. Expressions have no statistics here, as without a
sample.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.cluster.cluster import start_cluster
from optischema_tui.core.errors import LabError
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import IndexSpec

sys.path.insert(0, str(Path(__file__).parent.parent / "tests/core/lab"))
from size_cases import BTREES, OTHERS, UNKNOWABLE, fill, real_bytes

SETTINGS = {"fsync": "off", "max_wal_size": "4GB", "maintenance_work_mem": "256MB", "shared_buffers": "256MB"}


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    binaries = find_binaries()
    with start_cluster(binaries, prefix="optischema-sizes-", settings=SETTINGS, initdb_args=["--no-sync"]) as cluster:
        fill(cluster.dsn(), rows)
        with (
            psycopg.connect(cluster.dsn(), autocommit=True) as session,
            Lab.build(read_image(session), binaries) as lab,
        ):
            for title, specs in (("B-trees", BTREES), ("Not told by statistics", UNKNOWABLE), ("Others", OTHERS)):
                compare(title, lab, session, specs)
            trials(lab)


def trials(lab: Lab) -> None:
    """Time of one plan with other indexes than the one before, all others being there and switched off."""
    sql = "SELECT * FROM entry WHERE account_id = 77 AND status = 'new' ORDER BY day LIMIT 10"
    known = [lab.add(spec) for spec in BTREES if spec.table == "entry" and spec.plain and not spec.include]
    times = []
    for number in range(500):
        chosen = [known[number % len(known)], known[number * 7 % len(known)]]
        begun = time.perf_counter()
        lab.plan(sql, chosen)
        times.append(1000 * (time.perf_counter() - begun))
    print(f"\nA trial: median {statistics.median(times):.2f} ms, 90 % below {sorted(times)[450]:.2f} ms")


def compare(title: str, lab: Lab, session: psycopg.Connection[object], specs: Sequence[IndexSpec]) -> None:
    calls, begun = lab.calls, time.perf_counter()
    made = lab.add_many(specs)
    seconds = time.perf_counter() - begun
    ratios = []
    print(f"\n{title}: {1000 * seconds / len(specs):.1f} ms and {(lab.calls - calls) / len(specs):.2f} EXPLAINs each")
    for spec, whatif in zip(specs, made, strict=True):
        if isinstance(whatif, LabError):
            print(f"    not modelled  {whatif}")
            continue
        real = real_bytes(session, spec)
        ratios.append(whatif.size_bytes / real)
        name = spec.sql("x", concurrently=False).split(" ON ", 1)[1]
        print(f"  {ratios[-1]:6.2f}  {whatif.size_bytes // 8192:8,} {real // 8192:8,} pages  {name}")
    ordered = sorted(ratios)
    within = sum(0.8 <= ratio <= 1.3 for ratio in ratios)
    print(
        f"  {len(ratios)} indexes: median {statistics.median(ratios):.3f},"
        f" {ordered[0]:.2f} to {ordered[-1]:.2f}, {within} within 0.8-1.3"
    )


if __name__ == "__main__":
    main()
