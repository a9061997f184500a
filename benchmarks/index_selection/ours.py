"""The program's own advisor as the benchmark runs it: the one place that knows its interface."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg

from benchmarks.index_selection.choice import Choice, spending
from benchmarks.index_selection.hypo import backend_cpu
from benchmarks.index_selection.place import dsn
from benchmarks.index_selection.workload import Workload, literally, normalised
from optischema_tui.core.advise.advisor import advise
from optischema_tui.core.advise.options import Options
from optischema_tui.core.advise.planner import Planner
from optischema_tui.core.advise.result import Advice
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.config import Config
from optischema_tui.core.lab.image import Image
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.lab.sampling import TargetSampler
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.target.hypopg import HypoPlanner
from optischema_tui.core.target.resolver import resolve


def ours(
    workload: Workload,
    budget: int | None,
    planner: str = "lab",
    feed: str = "literals",
    *,
    predict: bool = False,
    **options: Any,
) -> Choice:
    """Advise within `budget` bytes by the sizes of `planner`: the lab's are those of real indexes, HypoPG's its own.

    `feed`: the literal texts that the peers get too, or one `$n` text per statement as pg_stat_statements has it.
    `options` are fields of the advisor's Options. CPU counts this process, the lab's server and HypoPG's backend.
    `predict` asks the planner again afterwards, for each statement with the whole set; that is not counted.
    """
    statements = literally(workload) if feed == "literals" else normalised(workload)
    bounds = Options(budget_bytes=budget, max_statements=len(statements), **options)
    with spending() as spent, psycopg.connect(dsn(workload.database), autocommit=True) as connection:
        image = read_image(connection, rows=True)
        with _planner(planner, image, connection, dsn(workload.database)) as asked:
            advice = advise(statements, image.facts(), asked, target="benchmark", options=bounds, now=time.monotonic)
        backend = backend_cpu(connection.info.backend_pid)
    made = [(each.index_name, each.spec) for each in advice.recommendations if each.kind == "create_index"]
    chosen = {name or f"ours_{number}": spec for number, (name, spec) in enumerate(made) if spec is not None}
    return Choice(
        tuple(spec.sql(name, concurrently=False) for name, spec in chosen.items()),
        advice.planner_calls,
        spent.cpu_seconds + backend,
        spent.wall_seconds,
        _note(advice),
        _predicted(workload, planner, list(chosen.values())) if predict else {},
    )


@contextmanager
def _planner(name: str, image: Image, connection: psycopg.Connection[Any], address: str) -> Iterator[Planner]:
    if name == "lab":
        spec = resolve(address, Config())
        with TargetSampler(spec) as sampler, Lab.build(image, find_binaries(), sampler=sampler) as lab:
            yield lab
    else:
        yield HypoPlanner(connection)


def _predicted(workload: Workload, name: str, specs: Sequence[IndexSpec]) -> dict[str, float]:
    """By statement, over its seen texts: the planner's cost with the whole set / without it."""
    found = {}
    with psycopg.connect(dsn(workload.database), autocommit=True) as connection:
        image = read_image(connection, rows=True)
        with _planner(name, image, connection, dsn(workload.database)) as planner:
            indexes = [planner.add(each) for each in specs]
            for each in workload.statements:
                before = sum(planner.plan(text).total_cost for text in each.literals)
                found[each.name] = sum(planner.plan(text, indexes).total_cost for text in each.literals) / before
    return found


def _note(advice: Advice) -> str:
    drops = sum(each.kind == "drop_index" for each in advice.recommendations)
    parts = (
        f"{drops} drops advised" if drops else "",
        "stopped early" if advice.stopped else "",
        f"{len(advice.unplanned)} statements not planned" if advice.unplanned else "",
    )
    return ", ".join(filter(None, parts))
