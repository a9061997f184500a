"""The lab: a private local planner that knows a target's schema and statistics, and none of its rows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

from optischema_tui.core.advise.planner import IndexName, WhatIf
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.errors import LabError, OptischemaError
from optischema_tui.core.lab.build import Parts, build
from optischema_tui.core.lab.explainer import Explainer
from optischema_tui.core.lab.facts import leaves
from optischema_tui.core.lab.image import Image, Relation
from optischema_tui.core.lab.whatif import Made, WhatIfMaker, switch
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.workload.plan import PlanNode, parse_plan


class Lab:
    """A `Planner`. Safe to use from several threads, one statement at a time. A context manager, or call `close`."""

    def __init__(self, image: Image, parts: Parts, build_seconds: float) -> None:
        self.not_modelled = parts.not_modelled
        """What plans here cannot take into account, one line each."""
        self.build_seconds = build_seconds
        self._parts = parts
        self._calls = 0
        self._lock = threading.RLock()
        self._explainer = Explainer(parts.planner)
        self._maker = WhatIfMaker(
            image, parts.cluster.data_dir, parts.paths, parts.admin, parts.builder, self._explainer
        )
        self._image = image
        self._tables = {(r.schema, r.name): r for r in image.relations.values() if r.kind in "rpm"}
        self._made: dict[str, Made] = {}
        self._known: dict[IndexSpec, WhatIf] = {}
        self._names: dict[str, str] = {}
        """Name of a what-if's index on a partition -> the what-if's own name."""
        self._shown: frozenset[str] = frozenset()

    @classmethod
    def build(
        cls, image: Image, binaries: Binaries, *, progress: Callable[[str, float], None] = lambda what, fraction: None
    ) -> Lab:
        """Build the lab of an image. Takes seconds; `progress(what, fraction 0-1)` is called as it goes.

        Raises LabError when no private server can be started or filled.
        """
        begun = SYSTEM.monotonic()
        parts = build(image, binaries, progress)
        return cls(image, parts, SYSTEM.monotonic() - begun)

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the server and remove its files. May be called twice."""
        with self._lock:
            for session in (self._parts.planner, self._parts.builder, self._parts.admin):
                session.close()
            self._parts.cluster.stop()

    @property
    def calls(self) -> int:
        """Statements planned so far."""
        return self._calls

    @property
    def name(self) -> str:
        return f"lab, PostgreSQL {self._parts.cluster.binaries.version}"

    def add(self, spec: IndexSpec) -> WhatIf:
        """Make `spec` known to the lab; it is absent from plans until named. Raises LabError when it cannot be made."""
        with self._lock:
            if spec not in self._known:
                self._known[spec] = self._add(spec)
            return self._known[spec]

    def add_many(self, specs: Sequence[IndexSpec]) -> list[WhatIf | LabError]:
        """`add` for each; in place of an index that cannot be modelled, its error."""
        made: list[WhatIf | LabError] = []
        for spec in specs:
            try:
                made.append(self.add(spec))
            except LabError as error:
                made.append(error)
        return made

    def plan(self, sql: str, indexes: Collection[WhatIf] = (), *, without: Collection[IndexName] = ()) -> PlanNode:
        """The plan of one statement (literals, or `$n` planned generically) with exactly `indexes` and the real ones.

        Raises PlanFailed when it cannot be planned, LabError when the lab is gone.
        """
        if without:
            raise LabError("The lab cannot hide an index that exists yet")
        plan = parse_plan(self.plan_raw(sql, indexes))
        return self._renamed(plan) if indexes and self._names else plan

    def plan_raw(self, sql: str, indexes: Collection[WhatIf] = ()) -> Any:
        """Like `plan`, as the decoded EXPLAIN (FORMAT JSON, VERBOSE) document."""
        with self._lock:
            self._show(frozenset(index.name for index in indexes))
            self._calls += 1
            return self._explainer.explain(sql)

    def _add(self, spec: IndexSpec) -> WhatIf:
        import psycopg

        table = self._tables.get((spec.schema, spec.table))
        parts = leaves(self._image, table) if table is not None else []
        if table is None or not all((part.schema, part.name) in self._parts.paths for part in parts):
            raise LabError(f"The lab has no table {one_line(spec.schema)}.{one_line(spec.table)}")
        try:
            made = self._maker.make(spec, parts, partitioned=_is_partitioned(table))
        except OptischemaError:
            raise
        except (psycopg.Error, OSError) as error:
            reason = error.diag.message_primary if isinstance(error, psycopg.Error) else error.strerror
            raise LabError("The lab cannot model this index", one_line(reason or str(error), 300)) from error
        self._made[made.name] = made
        self._names |= {part.name: made.name for part in made.parts if part.name != made.name}
        return WhatIf(spec, made.name, made.size_bytes)

    def _show(self, names: frozenset[str]) -> None:
        """Let the planner see exactly these what-if indexes."""
        import psycopg

        if names == self._shown:
            return
        try:
            switch(self._parts.admin, on=self._oids(names - self._shown), off=self._oids(self._shown - names))
        except psycopg.Error as error:
            raise LabError("The lab's server was lost", one_line(str(error), 300)) from error
        except KeyError as error:
            raise LabError(f"The lab does not know the index {error}") from None
        self._shown = names

    def _oids(self, names: Collection[str]) -> list[int]:
        return [part.oid for name in names for part in self._made[name].parts]

    def _renamed(self, node: PlanNode) -> PlanNode:
        """The plan with a what-if's own name in place of the names of its partitions' indexes."""
        return replace(
            node,
            index_name=self._names.get(node.index_name, node.index_name),
            children=tuple(map(self._renamed, node.children)),
        )


def _is_partitioned(table: Relation) -> bool:
    return table.kind == "p"
