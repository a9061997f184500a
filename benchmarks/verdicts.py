"""Verdicts on real changes under a real load, and on simulated ones: how many are right, and how soon.

python benchmarks/verdicts.py [--before 200] [--after 900] [--cases NAME ..] [--seeds 20] [--only simulated|server]

The server part starts a private PostgreSQL and makes each change of benchmarks/real_changes.py by the program's own
protocol, under a load that the program's own collector reads. Each round of calls counts as a minute: `--before` and
`--after` (at most) are rounds. Everything but the clock is real (tests/core/jobs/squeezed_time.py).
The simulated part is the suite's (tests/core/baseline/simulated_load.py), with other seeds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import psycopg

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.real_changes import CASES, Case
from optischema_tui.core.baseline.verdict import Finding
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.paths import Paths
from tests.core.baseline.simulated_load import cases
from tests.core.jobs.squeezed_time import APP, MAKE_APP, Outcome, judged

SETTINGS = {
    "shared_preload_libraries": "pg_stat_statements", "fsync": "off", "synchronous_commit": "off",
    "autovacuum": "off", "work_mem": "4MB", "max_parallel_workers_per_gather": "0",
}  # fmt: skip
SEPARATED = {Finding.BETTER: (0.0, 0.8), Finding.SAME: (0.9, 1.1), Finding.WORSE: (1.25, float("inf"))}
"""Median after / before, as the sender of the load measured it beside a control, that shows a case to be what it is
made for."""
HEADING = "change           truth    median ms before, after  machine  like for like  minutes seconds  verdict; state"


def on_a_server(before: int, after: int, names: Sequence[str]) -> None:
    counts: Counter[str] = Counter()
    cases_made = [case for case in CASES if not names or case.name in names]
    print(HEADING)
    with start_cluster(find_binaries(), prefix="optischema-bench-", settings=SETTINGS) as cluster:
        with psycopg.connect(cluster.dsn(), autocommit=True) as session:
            session.execute(MAKE_APP.encode())
        for case in cases_made:
            begun = time.monotonic()
            found = _one(cluster, case, before, after)
            told = found.verdict(case.load)
            low, high = SEPARATED[case.truth]
            answer = "right" if told == case.truth else "not known" if told == Finding.UNKNOWN else "WRONG"
            if not low <= found.timed.ratio <= high:
                answer += ", but the sender measured another effect than the case was made for"
            counts[answer] += 1
            medians = f"{median(found.timed.before):.3g}, {median(found.timed.after):.3g}"
            seconds = time.monotonic() - begun
            moved = f"{found.timed.machine:7.2f}x {found.timed.ratio:13.2f}x"
            figures = f"{medians:>24} {moved} {found.minutes:8.0f} {seconds:7.0f}"
            print(f"{case.name:16} {case.truth:7} {figures}  {told}; {found.change.state}: {answer}", flush=True)
    print(f"{len(cases_made)} cases: {', '.join(f'{count} {answer}' for answer, count in counts.items())}")


def _one(cluster: Cluster, case: Case, before: int, after: int) -> Outcome:
    """In a database, with a history and a journal, of its own; what it leaves on the server is taken back."""
    with psycopg.connect(cluster.dsn(), autocommit=True) as session:
        session.execute(f"CREATE DATABASE {case.name}".encode())
    dsn = cluster.dsn(case.name)
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute(b"CREATE EXTENSION pg_stat_statements")
        session.execute(case.schema.format(database=case.name).encode())
        session.execute(b"SELECT pg_stat_statements_reset()")
    try:
        with tempfile.TemporaryDirectory() as folder:
            paths = Paths(Path(folder) / "config.toml", Path(folder))
            return judged(dsn, paths, case.load, case.change.format(database=case.name), before=before, after=after)
    finally:
        with psycopg.connect(cluster.dsn(), autocommit=True) as session:
            session.execute(f"DROP DATABASE {case.name} WITH (FORCE)".encode())
            session.execute(f"ALTER ROLE {APP} RESET ALL".encode())
            session.execute(b"ALTER SYSTEM RESET ALL")
            session.execute(b"SELECT pg_reload_conf()")


def simulated(seeds: int) -> None:
    right = missed = whole = 0
    found: dict[tuple[str, str], Counter[str]] = {}
    hours: dict[tuple[str, str], list[float]] = {}
    for seed in range(101, 101 + seeds):
        for case in cases(seed):
            hour, told = case.first()
            key = case.noise.name, str(case.truth)
            found.setdefault(key, Counter())[str(told.finding)] += 1
            hours.setdefault(key, []).append(hour)
            whole += 1
            right += told.finding is case.truth
            missed += case.truth is Finding.WORSE and case.effect >= 1.5 and told.finding is not Finding.WORSE
    print(f"{right} of {whole} right ({right / whole:.1%}); regressions of half or more that were missed: {missed}")
    for key, counts in found.items():
        print(
            f"{key[0]:10} {key[1]:7} {dict(counts)}, half of them within {sorted(hours[key])[len(hours[key]) // 2]} h"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--before", type=int, default=200, help="rounds")
    parser.add_argument("--after", type=int, default=900, help="rounds at most")
    parser.add_argument("--cases", nargs="*", default=(), help="of benchmarks/real_changes.py; all by default")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--only", choices=("simulated", "server"))
    arguments = parser.parse_args()
    if arguments.only != "server":
        simulated(arguments.seeds)
    if arguments.only != "simulated":
        on_a_server(arguments.before, arguments.after, arguments.cases)


if __name__ == "__main__":
    main()
