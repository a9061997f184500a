"""The judge by execution: indexes really built in a copy, every statement run, what got slower told.

python -m benchmarks.index_selection.realrun shop FILE.sql     (CREATE INDEX statements, one a line)
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.index_selection.databases import copy, drop
from benchmarks.index_selection.hypo import backend_cpu
from benchmarks.index_selection.place import dsn
from benchmarks.index_selection.workload import DATABASES, Workload, load

TIMEOUT_MS = 10_000
ROUNDS = 3
QUICK_MS = 2.0
QUICK_ROUNDS = 25
"""A statement of less than QUICK_MS is run so often: its median is of few clock ticks."""
SLOWER = 1.10
SLOWER_MS = 1.0
"""Both must be passed for a statement to be called slower."""
AGAIN = 9
"""Rounds by turns, with and without the indexes, before a statement is called slower."""
SEED = 0.17
INDEXES = """
SELECT coalesce(sum(pg_relation_size(indexrelid)), 0) FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace = 'public'::regnamespace AND NOT indexrelid = ANY (%s)
"""
HERE = "SELECT array_agg(indexrelid) FROM pg_index"


@dataclass(frozen=True, slots=True)
class Timing:
    """Mean over a statement's texts of their rounds' median, milliseconds. `cut`: a text ran into TIMEOUT_MS.

    `best_ms` is CPU by each text's best round: what a busy machine distorts least.
    """

    cpu_ms: float
    wall_ms: float
    best_ms: float
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A workload run with a set of indexes. Seconds are sums of calls x statement time."""

    cpu_seconds: float
    wall_seconds: float
    best_seconds: float
    """CPU by the best rounds."""
    write_cpu_seconds: float
    costs: dict[str, float]
    """By statement: plan cost on the real indexes, mean of its texts."""
    real_bytes: int
    build_seconds: float
    timings: dict[str, Timing]
    slower: tuple[str, ...] = field(default=())


def run(workload: Workload, definitions: Sequence[str], base: Run | None = None) -> Run:
    """Build `definitions` in a fresh copy and run every text of the workload there, writes rolled back.

    With `base`, the run without indexes, statements that look slower are run again in both, by turns, and told in
    `slower` when they still are.
    """
    name = DATABASES[workload.name]
    database = copy(name)
    try:
        with psycopg.connect(dsn(database), autocommit=True, prepare_threshold=None) as session:
            real_bytes, seconds = _build(session, definitions)
            _settle(session)
            timings = {each.name: timing(session, each.literals) for each in workload.statements}
            costs = {each.name: _cost(session, each.literals) for each in workload.statements}
            slower = _slower(workload, session, timings, base) if base is not None else ()
    finally:
        drop(database)
    spent = [(each, timings[each.name]) for each in workload.statements]
    return Run(
        cpu_seconds=sum(each.calls * taken.cpu_ms for each, taken in spent) / 1e3,
        wall_seconds=sum(each.calls * taken.wall_ms for each, taken in spent) / 1e3,
        best_seconds=sum(each.calls * taken.best_ms for each, taken in spent) / 1e3,
        write_cpu_seconds=sum(each.calls * taken.cpu_ms for each, taken in spent if each.write) / 1e3,
        costs=costs,
        real_bytes=real_bytes,
        build_seconds=seconds,
        timings=timings,
        slower=slower,
    )


def true_c(workload: Workload, after: Run, base: Run) -> float:
    """C by the plan costs on the real indexes, which have statistics of their expressions."""
    return sum(each.calls * after.costs[each.name] for each in workload.statements) / sum(
        each.calls * base.costs[each.name] for each in workload.statements
    )


def timing(session: psycopg.Connection, texts: Sequence[str], rounds: int = ROUNDS) -> Timing:
    """Run the texts, each in a transaction that is rolled back; the first round of each only warms."""
    session.execute(f"SET statement_timeout = {TIMEOUT_MS}")
    taken = [_text(session, text, rounds) for text in texts]
    return Timing(
        statistics.mean(each.cpu_ms for each in taken),
        statistics.mean(each.wall_ms for each in taken),
        statistics.mean(each.best_ms for each in taken),
        any(each.cut for each in taken),
    )


def _text(session: psycopg.Connection, text: str, rounds: int) -> Timing:
    cpu, wall = _once(session, text)
    if wall >= TIMEOUT_MS:
        return Timing(cpu, wall, cpu, cut=True)
    pairs = [_once(session, text) for _ in range(rounds)]
    if rounds > 1 and min(each[1] for each in pairs) < QUICK_MS:
        pairs += [_once(session, text) for _ in range(QUICK_ROUNDS - rounds)]
    cpus = [each[0] for each in pairs]
    return Timing(statistics.median(cpus), statistics.median(each[1] for each in pairs), min(cpus))


def _once(session: psycopg.Connection, text: str) -> tuple[float, float]:
    """(backend CPU, wall) in milliseconds; the timeout's own value when it struck."""
    pid = session.info.backend_pid
    statement = text.encode()
    with session.transaction(force_rollback=True):
        cpu, start = backend_cpu(pid), time.perf_counter()
        try:
            with session.transaction():
                session.execute(statement)
        except psycopg.errors.QueryCanceled:
            return float(TIMEOUT_MS), float(TIMEOUT_MS)
        return 1e3 * (backend_cpu(pid) - cpu), 1e3 * (time.perf_counter() - start)


def _build(session: psycopg.Connection, definitions: Sequence[str]) -> tuple[int, float]:
    row = session.execute(HERE).fetchone()
    assert row is not None
    start = time.perf_counter()
    for definition in definitions:
        session.execute(definition.encode())
    seconds = time.perf_counter() - start
    size = session.execute(INDEXES, (row[0],)).fetchone()
    assert size is not None
    return int(size[0]), seconds


def _settle(session: psycopg.Connection) -> None:
    session.execute("VACUUM")
    session.execute(f"SELECT setseed({SEED})")
    session.execute("ANALYZE")
    session.execute("CHECKPOINT")


def _cost(session: psycopg.Connection, texts: Sequence[str]) -> float:
    return statistics.mean(float(_plan(session, text)["Total Cost"]) for text in texts)


def _plan(session: psycopg.Connection, text: str) -> dict[str, Any]:
    row = session.execute(f"EXPLAIN (FORMAT JSON) {text}".encode()).fetchone()
    assert row is not None
    return dict(row[0][0]["Plan"])


def _slower(workload: Workload, session: psycopg.Connection, timings: dict[str, Timing], base: Run) -> tuple[str, ...]:
    """Names of statements that are slower by both measures, in two looks.

    A read whose plans are the same with and without the indexes is not: what it lost, it lost to the machine.
    """
    suspects = [
        each for each in workload.statements if _worse(timings[each.name].cpu_ms, base.timings[each.name].cpu_ms)
    ]
    if not suspects:
        return ()
    bare = copy(DATABASES[workload.name], "bare")
    try:
        with psycopg.connect(dsn(bare), autocommit=True, prepare_threshold=None) as other:
            _settle(other)
            return tuple(
                each.name
                for each in suspects
                if (each.write or _shapes(session, each.literals) != _shapes(other, each.literals))
                and _worse(*_by_turns(session, other, each.literals))
            )
    finally:
        drop(bare)


def _shapes(session: psycopg.Connection, texts: Sequence[str]) -> list[object]:
    return [_shape(_plan(session, text)) for text in texts]


def _shape(node: dict[str, Any]) -> object:
    """What a plan does, without its figures."""
    kept = tuple(str(node.get(key, "")) for key in ("Node Type", "Relation Name", "Index Name", "Join Type"))
    return (kept, tuple(_shape(each) for each in node.get("Plans", ())))


def _by_turns(session: psycopg.Connection, other: psycopg.Connection, texts: Sequence[str]) -> tuple[float, float]:
    """CPU milliseconds with and without the indexes, each by its best of AGAIN rounds."""
    pairs = [(timing(session, texts, 1), timing(other, texts, 1)) for _ in range(AGAIN)]
    return min(ours.best_ms for ours, _ in pairs), min(theirs.best_ms for _, theirs in pairs)


def _worse(after: float, before: float) -> bool:
    return after > SLOWER * before and after > before + SLOWER_MS


def main() -> None:
    workload = load(sys.argv[1], "unseen")
    definitions = [line.strip().rstrip(";") for line in Path(sys.argv[2]).read_text().splitlines() if line.strip()]
    base = run(workload, ())
    after = run(workload, definitions, base)
    print(f"{'statement':24} {'calls':>8} {'before ms':>10} {'after ms':>10} {'ratio':>7}")
    for each in workload.statements:
        old, new = base.timings[each.name], after.timings[each.name]
        print(f"{each.name:24} {each.calls:8} {old.cpu_ms:10.3f} {new.cpu_ms:10.3f} {new.cpu_ms / old.cpu_ms:7.3f}")
    print(f"\nCPU seconds {base.cpu_seconds:.1f} -> {after.cpu_seconds:.1f} by the median round")
    print(f"            {base.best_seconds:.1f} -> {after.best_seconds:.1f} by the best round")
    print(f"wall        {base.wall_seconds:.1f} -> {after.wall_seconds:.1f}")
    print(f"of writes   {base.write_cpu_seconds:.1f} -> {after.write_cpu_seconds:.1f} CPU")
    print(f"{after.real_bytes / 1e6:.1f} MB really; C on the real indexes {true_c(workload, after, base):.4f}")
    print(f"slower by more than 10 % and 1 ms: {', '.join(after.slower) or 'none'}")


if __name__ == "__main__":
    main()
