"""Extend, DB2Advis and Anytime (DTA) of hyrise/index_selection_evaluation, by its own classes, on our statements.

Needs a checkout of that public repository (measured with commit 6603646), named by OPTISCHEMA_BENCH_HYRISE. Ours are
only the connection to the server, the columns of a statement, and weights: plan costs are multiplied by them.
"""

from __future__ import annotations

import importlib
import os
import random
import sys
from types import ModuleType
from typing import Any

from benchmarks.index_selection.choice import Choice, spending
from benchmarks.index_selection.columns import all_columns, mentioned
from benchmarks.index_selection.hypo import Hypo
from benchmarks.index_selection.workload import Workload

VARIABLE = "OPTISCHEMA_BENCH_HYRISE"
ALGORITHMS = {
    "extend": ("extend_algorithm", "ExtendAlgorithm"),
    "db2advis": ("db2advis_algorithm", "DB2AdvisAlgorithm"),
    "anytime": ("anytime_algorithm", "AnytimeAlgorithm"),
}
SEED = 17


class Connector:
    """What their classes ask of a database."""

    def __init__(self, hypo: Hypo, weights: dict[str, float]) -> None:
        self.hypo = hypo
        self.weights = weights

    def drop_indexes(self) -> None:
        """Theirs drops every index of the database, keys included: ours stay."""

    def simulate_index(self, index: Any) -> Any:
        statement = f"CREATE INDEX ON {index.table()} ({index.joined_column_names()})"
        return self.hypo.session.execute("SELECT * FROM hypopg_create_index(%s)", (statement,)).fetchone()

    def drop_simulated_index(self, oid: int) -> None:
        self.hypo.session.execute("SELECT hypopg_drop_index(%s::oid)", (oid,))

    def exec_fetch(self, statement: str, one: bool = True) -> Any:
        cursor = self.hypo.session.execute(statement.encode())
        return cursor.fetchone() if one else cursor.fetchall()

    def get_plan(self, query: Any) -> dict[str, Any]:
        plan = self.hypo.plan(query.text)
        return {**plan, "Total Cost": plan["Total Cost"] * self.weights[query.text]}

    def get_cost(self, query: Any) -> float:
        return float(self.get_plan(query)["Total Cost"])


def available() -> bool:
    return bool(os.environ.get(VARIABLE))


def hyrise(algorithm: str, workload: Workload, budget: int, width: int = 2) -> Choice:
    """One of ALGORITHMS for a budget in HypoPG bytes."""
    file, name = ALGORITHMS[algorithm]
    kind = getattr(_module(f"selection.algorithms.{file}"), name)
    with Hypo(workload.database) as hypo, spending(hypo) as spent:
        queries, weights = _queries(hypo, workload)
        random.seed(SEED)
        parameters: dict[str, Any] = {"budget_MB": budget / 1e6, "max_index_width": width}
        try:
            found = kind(Connector(hypo, weights), dict(parameters)).calculate_best_indexes(queries)
            note = ""
        except ValueError:
            hypo.session.execute("SELECT hypopg_reset()")
            parameters["try_variations_max_removals"] = 1
            found = kind(Connector(hypo, weights), dict(parameters)).calculate_best_indexes(queries)
            note = "second run: the first ended with random.sample's error"
        explains = hypo.explains
    definitions = tuple(
        f"CREATE INDEX ON {each.table()} ({', '.join(column.name for column in each.columns)})" for each in found
    )
    return Choice(definitions, explains, spent.cpu_seconds, spent.wall_seconds, note)


def _module(name: str) -> ModuleType:
    directory = os.environ.get(VARIABLE, "")
    if not directory:
        raise SystemExit(f"set {VARIABLE} to a checkout of hyrise/index_selection_evaluation")
    if directory not in sys.path:
        sys.path.insert(0, directory)
    return importlib.import_module(name)


def _queries(hypo: Hypo, workload: Workload) -> tuple[Any, dict[str, float]]:
    """Their Workload of our statements, and the weight of each text."""
    theirs = _module("selection.workload")
    columns = all_columns(hypo.session)
    tables: dict[str, Any] = {}
    made: dict[tuple[str, str], Any] = {}
    for table, column in columns:
        if table not in tables:
            tables[table] = theirs.Table(table)
        made[table, column] = theirs.Column(column)
        tables[table].add_column(made[table, column])
    weights: dict[str, float] = {}
    for sql, weight in workload.pairs():
        weights[sql] = weights.get(sql, 0.0) + weight
    queries = [
        theirs.Query(number, sql, sorted(made[each] for each in mentioned(sql, columns)))
        for number, sql in enumerate(weights, 1)
    ]
    return theirs.Workload(queries), weights
