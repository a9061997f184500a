"""The choice alone, on the peers' own ground: plain candidates, HypoPG's sizes and costs, no upkeep, no least gain.

python -m benchmarks.index_selection.gates                      every gate
python -m benchmarks.index_selection.gates tpch19 --extend      one workload, Extend beside it
python -m benchmarks.index_selection.gates shop --width 3

Candidates are all permutations of up to `--width` of the columns that a statement mentions of a table. Of each
statement the first text counts. C is judged afterwards by HypoPG in another session. Exit code 1 when a gate is missed.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from dataclasses import dataclass, replace
from itertools import permutations

import psycopg

from benchmarks.index_selection.columns import all_columns, mentioned
from benchmarks.index_selection.databases import table_bytes
from benchmarks.index_selection.evaluate import evaluate
from benchmarks.index_selection.hypo import backend_cpu
from benchmarks.index_selection.peers.extend import extend
from benchmarks.index_selection.place import dsn
from benchmarks.index_selection.workload import Workload, load
from optischema_tui.core.advise.choose.engine import choose
from optischema_tui.core.advise.choose.question import Question
from optischema_tui.core.advise.choose.selection import Selection
from optischema_tui.core.advise.propose.candidate import Candidate
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.target.hypopg import HypoPlanner

MS_PER_COST = 1e-3


@dataclass(frozen=True, slots=True)
class Gate:
    """What must be reached; None where there is no fixed figure (Extend's own run is the measure then)."""

    c: float | None = None
    calls: int | None = None
    cpu_seconds: float | None = None


GATES: dict[tuple[str, int], Gate] = {
    ("tpch19", 25): Gate(0.7342, 1329),
    ("tpch19", 50): Gate(0.6137, 2434),
    ("tpch19", 100): Gate(0.540, 3890),
    ("tpcds90", 25): Gate(0.700, 25_000, 90),
    ("tpcds90", 50): Gate(0.627, 25_000, 90),
    ("shop", 10): Gate(cpu_seconds=10),
    ("shop", 25): Gate(cpu_seconds=10),
    ("shop", 50): Gate(cpu_seconds=10),
    ("fleet", 10): Gate(cpu_seconds=10),
    ("fleet", 25): Gate(cpu_seconds=10),
    ("fleet", 50): Gate(cpu_seconds=10),
}
"""(workload, budget in per cent of the table bytes); C and calls of TPC from the peers' published runs."""


def first_texts(workload: Workload) -> Workload:
    return Workload(workload.name, tuple(replace(each, literals=each.literals[:1]) for each in workload.statements))


def questions_of(workload: Workload, planner: HypoPlanner) -> list[Question]:
    return [
        Question(number, number, sql, 1.0, weight * MS_PER_COST, planner.plan(sql))
        for number, (sql, weight) in enumerate(workload.pairs())
    ]


def candidates_of(workload: Workload, session: psycopg.Connection, width: int) -> list[Candidate]:
    """All permutations of up to `width` mentioned columns of a table; each serves the statements that mention them."""
    columns = all_columns(session)
    serves: dict[IndexSpec, set[int]] = {}
    for number, (sql, _) in enumerate(workload.pairs()):
        some = mentioned(sql, columns)
        for table in dict.fromkeys(table for table, _ in columns):
            own = [column for owner, column in columns if owner == table and (owner, column) in some]
            for count in range(1, width + 1):
                for keys in permutations(own, count):
                    serves.setdefault(IndexSpec("public", table, keys), set()).add(number)
    return [Candidate(spec, frozenset(numbers)) for spec, numbers in serves.items()]


def run(name: str, percent: int, width: int, beside_extend: bool) -> bool:
    """Choose, judge, print a line; whether the gate is passed."""
    gate = GATES.get((name, percent), Gate())
    workload = first_texts(load(name, "seen"))
    with psycopg.connect(dsn(workload.database), autocommit=True) as session:
        budget = table_bytes(session) * percent // 100
        planner = HypoPlanner(session)
        questions = questions_of(workload, planner)
        candidates = candidates_of(workload, session, width)
        own, backend = _cpu(), backend_cpu(session.info.backend_pid)
        begun, before = time.perf_counter(), planner.calls
        found = choose(questions, candidates, planner, budget_bytes=budget, min_gain=0.0)
        wall, calls = time.perf_counter() - begun, planner.calls - before
        cpu = _cpu() - own + backend_cpu(session.info.backend_pid) - backend
    c = _judged(workload, found, budget)
    missed = [
        *(["C"] if gate.c is not None and c > gate.c else []),
        *(["calls"] if gate.calls is not None and calls > gate.calls else []),
        *(["seconds"] if gate.cpu_seconds is not None and cpu > gate.cpu_seconds else []),
    ]
    peer = ""
    if beside_extend:
        theirs = extend(workload, budget)
        verdict = evaluate(workload, theirs.definitions)
        peer = f" | Extend C {verdict.c:.4f}, {theirs.planner_calls} calls, CPU {theirs.cpu_seconds:.1f} s"
        missed += ["C of Extend"] if c > verdict.c else []
        missed += ["calls of Extend"] if calls > theirs.planner_calls else []
    print(
        f"{name} {percent} %, width {width}: C {c:.4f} (gate {gate.c or '-'}), {len(found.chosen)} indexes, "
        f"{found.size_bytes / 1e6:.0f} of {budget / 1e6:.0f} MB, {calls} calls (gate {gate.calls or '-'}), "
        f"CPU {cpu:.1f} s, wall {wall:.1f} s, bound {found.bound_ms / found.before_ms:.4f}, "
        f"{len(candidates)} candidates{peer}: {'missed: ' + ', '.join(missed) if missed else 'passed'}",
        flush=True,
    )
    return not missed


def _judged(workload: Workload, found: Selection, budget: int) -> float:
    verdict = evaluate(workload, [each.sql("chosen", concurrently=False) for each in found.chosen])
    assert verdict.hypo_bytes <= budget, "over budget"
    return verdict.c


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    names = list(dict.fromkeys(name for name, _ in GATES))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", default=names, help=", ".join(names))
    parser.add_argument("--budgets", help="per cent, by commas; default: the gates'")
    parser.add_argument("--width", type=int, default=2)
    parser.add_argument("--extend", action="store_true", help="run Extend beside it")
    options = parser.parse_args()
    passed = True
    for name in options.workloads:
        own = [percent for workload, percent in GATES if workload == name]
        for percent in [int(each) for each in options.budgets.split(",")] if options.budgets else own:
            passed &= run(name, percent, options.width, options.extend)
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
