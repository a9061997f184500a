"""HypoPG in one session of one database: hypothetical indexes by definition, plan costs, sizes, and what they cost."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from benchmarks.index_selection.place import dsn

SCHEDULED = 2
"""Linux: (~pid << 3) | 2 is the clock of a process's CPU time."""


class Hypo:
    """One connection with HypoPG. `explains` counts EXPLAIN statements since the start."""

    def __init__(self, database: str) -> None:
        self.session = psycopg.connect(dsn(database), autocommit=True, prepare_threshold=None)
        self.session.execute("SET hypopg.use_real_oids = on")
        self.session.execute("SELECT hypopg_reset()")
        self.explains = 0
        self.refused: set[str] = set()
        """Definitions of kinds that HypoPG has not (GIN, types without an operator class): they are left out."""
        self._oids: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self._sizes: dict[str, int] = {}

    def __enter__(self) -> Hypo:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def use(self, definitions: Iterable[str]) -> None:
        """Make exactly these CREATE INDEX definitions hypothetical, no other; what HypoPG refuses goes to `refused`."""
        wanted = dict.fromkeys(definitions)
        for definition in [each for each in self._oids if each not in wanted]:
            self.session.execute("SELECT hypopg_drop_index(%s::oid)", (self._oids.pop(definition),))
            del self._names[definition]
        for definition in wanted:
            if definition not in self._oids and definition not in self.refused:
                try:
                    row = self.session.execute("SELECT * FROM hypopg_create_index(%s)", (definition,)).fetchone()
                except psycopg.Error:
                    row = None
                if row is None:
                    self.refused.add(definition)
                    continue
                self._oids[definition], self._names[definition] = int(row[0]), str(row[1])

    def size(self, definition: str) -> int:
        """HypoPG's estimate in bytes of an index; 0 of one that it refuses."""
        if definition not in self._sizes:
            here = definition in self._oids
            if not here:
                self.use([*self._oids, definition])
            if definition in self.refused:
                return 0
            row = self.session.execute("SELECT hypopg_relation_size(%s::oid)", (self._oids[definition],)).fetchone()
            assert row is not None
            self._sizes[definition] = int(row[0])
            if not here:
                self.use([each for each in self._oids if each != definition])
        return self._sizes[definition]

    def plan(self, sql: str) -> dict[str, Any]:
        """The top node of the statement's plan with the indexes in use."""
        self.explains += 1
        row = self.session.execute(f"EXPLAIN (FORMAT JSON) {sql}".encode()).fetchone()
        assert row is not None
        document = json.loads(row[0]) if isinstance(row[0], str) else row[0]
        return dict(document[0]["Plan"])

    def cost(self, sql: str) -> float:
        """The total cost of the statement's plan."""
        return float(self.plan(sql)["Total Cost"])

    def used(self, plan: dict[str, Any]) -> set[str]:
        """Definitions of the hypothetical indexes that a plan reads."""
        named = {name: definition for definition, name in self._names.items()}
        found: set[str] = set()
        waiting = [plan]
        while waiting:
            node = waiting.pop()
            if node.get("Index Name") in named:
                found.add(named[node["Index Name"]])
            waiting.extend(node.get("Plans", ()))
        return found

    def cpu_seconds(self) -> float:
        """CPU time of this session's backend so far, in seconds."""
        return backend_cpu(self.session.info.backend_pid)


def backend_cpu(pid: int) -> float:
    """Seconds of CPU that a process has used, to the nanosecond, by its own clock."""
    return time.clock_gettime_ns((~pid << 3) | SCHEDULED) / 1e9


def workload_cost(hypo: Hypo, pairs: Sequence[tuple[str, float]]) -> float:
    """Sum of weight times plan cost with the indexes in use."""
    return sum(weight * hypo.cost(sql) for sql, weight in pairs)
