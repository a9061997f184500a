"""The lab: a private local planner that knows a target's schema and statistics, and none of its rows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from optischema_tui.core.advise.planner import IndexName, WhatIf
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.errors import LabError
from optischema_tui.core.lab.build import Parts, build
from optischema_tui.core.lab.explainer import Explainer
from optischema_tui.core.lab.expressions import Expressions
from optischema_tui.core.lab.facts import leaves
from optischema_tui.core.lab.image import Image
from optischema_tui.core.lab.planner_settings import settings_set
from optischema_tui.core.lab.real_indexes import RealIndexes
from optischema_tui.core.lab.sampler import Sampler
from optischema_tui.core.lab.sizing import Sizer
from optischema_tui.core.lab.skip_scan import SkipScans
from optischema_tui.core.lab.statistics_target import statistics_target_set
from optischema_tui.core.lab.switchboard import Switchboard
from optischema_tui.core.lab.whatif import Made, Wanted, WhatIfMaker
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.workload.plan import PlanNode, parse_plan


class Lab:
    """A `Planner`. Safe to use from several threads, one statement at a time. A context manager, or call `close`."""

    def __init__(self, image: Image, parts: Parts, build_seconds: float, sampler: Sampler | None = None) -> None:
        self.not_modelled = parts.not_modelled
        """What plans here cannot take into account, one line each."""
        self.build_seconds = build_seconds
        self._image = image
        self._parts = parts
        self._sampler = sampler
        self._lock = threading.RLock()
        self._explainer = Explainer(parts.planner)
        self._maker = WhatIfMaker(
            parts.cluster.data_dir,
            parts.paths,
            parts.admin,
            parts.builder,
            Sizer(image, self._explainer, sampler),
            Expressions(image, sampler),
            image.server.search_path,
        )
        self._switchboard = Switchboard(parts.admin)
        self._real = RealIndexes(parts.admin)
        self._skips = SkipScans(image)
        self._tables = {(r.schema, r.name): r for r in image.relations.values() if r.kind in "rpm"}
        self._made: dict[str, tuple[WhatIf, frozenset[int]]] = {}
        """By name, with the OIDs of all its relations."""
        self._known: dict[IndexSpec, WhatIf] = {}
        self._names: dict[str, str] = {}
        """Name of a what-if's index on a partition -> the what-if's own name."""

    @classmethod
    def build(
        cls,
        image: Image,
        binaries: Binaries,
        *,
        sampler: Sampler | None = None,
        progress: Callable[[str, float], None] = lambda what, fraction: None,
    ) -> Lab:
        """Build the lab of an image. Takes seconds; `progress(what, fraction 0-1)` is called as it goes.

        `sampler` tells what the image does not: statistics of expressions, and of columns in more detail.
        Raises LabError when no private server can be started or filled.
        """
        begun = SYSTEM.monotonic()
        parts = build(image, binaries, progress)
        return cls(image, parts, SYSTEM.monotonic() - begun, sampler)

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
        """EXPLAINs so far, those that sizes needed included."""
        return self._explainer.calls

    @property
    def name(self) -> str:
        return f"lab, PostgreSQL {self._parts.cluster.binaries.version}"

    def add(self, spec: IndexSpec) -> WhatIf:
        """Make `spec` known to the lab; it is absent from plans until named. Raises LabError when it cannot be made."""
        made = self.add_many([spec])[0]
        if isinstance(made, LabError):
            raise made
        return made

    def add_many(self, specs: Sequence[IndexSpec]) -> list[WhatIf | LabError]:
        """`add` for each, in one go; in place of an index that cannot be modelled, its error.

        Raises LabError when the lab is gone.
        """
        with self._lock:
            self._switchboard.show(frozenset())
            wanted: dict[IndexSpec, Wanted] = {}
            refused: dict[IndexSpec, LabError] = {}
            for spec in specs:
                if spec in self._known or spec in wanted or spec in refused:
                    continue
                try:
                    wanted[spec] = self._wanted(spec)
                except LabError as error:
                    refused[spec] = error
            for spec, made in zip(wanted, self._make(list(wanted.values())), strict=True):
                if isinstance(made, LabError):
                    refused[spec] = made
                else:
                    self._remember(spec, made)
            return [refused.get(spec) or self._known[spec] for spec in specs]

    def plan(self, sql: str, indexes: Collection[WhatIf] = (), *, without: Collection[IndexName] = ()) -> PlanNode:
        """The plan of one statement (literals, or `$n` planned generically) with exactly `indexes` beside the real
        ones, less those named in `without`: indexes of constraints, too, which are then not known to be unique.

        Raises PlanFailed when it cannot be planned, LabError when the lab is gone or does not know an index.
        """

        def once(shown: Collection[WhatIf], hidden: Collection[IndexName]) -> PlanNode:
            plan = parse_plan(self.plan_raw(sql, shown, without=hidden))
            return self._renamed(plan) if shown and self._names else plan

        return self._skips.plan(indexes, without, once)

    def plan_raw(self, sql: str, indexes: Collection[WhatIf] = (), *, without: Collection[IndexName] = ()) -> Any:
        """Like `plan`, as the decoded EXPLAIN (FORMAT JSON, VERBOSE) document."""
        with self._lock:
            on = frozenset().union(*(self._oids_of(index) for index in indexes))
            self._switchboard.show(on, self._real.oids(without))
            return self._explainer.explain(sql)

    @contextmanager
    def with_settings(self, settings: Mapping[str, str]) -> Iterator[None]:
        """Plan under other planner settings (`work_mem`, `random_page_cost`, `enable_*` ...) for the length of the
        block; values as SET takes them. Other threads wait for its end.

        Raises LabError for what is no planner setting, for a value that the server refuses, and for settings that
        change no plan by themselves.
        """
        with self._lock, settings_set(self._parts.planner, settings):
            yield

    @contextmanager
    def with_statistics_target(self, schema: str, table: str, column: str, target: int) -> Iterator[None]:
        """Plan as if ANALYZE had run with `ALTER COLUMN .. SET STATISTICS target`, for the length of the block, and
        over all partitions. Other threads wait for its end. Extended statistics stay as they are.

        A lower target is derived from the statistics there are; a higher one needs the sampler.
        Raises LabError for an unknown column, and when the statistics of a higher target cannot be had.
        """
        found = self._tables.get((schema, table))
        if found is None:
            raise _no_table(schema, table)
        with self._lock, statistics_target_set(
            self._parts.builder, self._image, found, column, target, self._sampler
        ):  # fmt: skip
            yield

    def _wanted(self, spec: IndexSpec) -> Wanted:
        table = self._tables.get((spec.schema, spec.table))
        parts = leaves(self._image, table) if table is not None else []
        if table is None or not all((part.schema, part.name) in self._parts.paths for part in parts):
            raise _no_table(spec.schema, spec.table)
        return Wanted(spec, tuple(parts))

    def _make(self, wanted: Sequence[Wanted]) -> list[Made | LabError]:
        import psycopg

        try:
            return self._maker.make(wanted)
        except (psycopg.Error, OSError) as error:
            reason = error.diag.message_primary if isinstance(error, psycopg.Error) else error.strerror
            raise LabError("The lab cannot model an index", one_line(reason or str(error), 300)) from error

    def _remember(self, spec: IndexSpec, made: Made) -> None:
        whatif = WhatIf(spec, made.name, made.size_bytes, made.guess)
        self._made[made.name] = (whatif, frozenset(part.oid for part in made.parts))
        self._names |= {part.name: made.name for part in made.parts if part.name != made.name}
        self._known[spec] = whatif

    def _oids_of(self, index: WhatIf) -> frozenset[int]:
        known, oids = self._made.get(index.name, (None, frozenset()))
        if known is not index and known != index:
            raise LabError(f"The lab does not know the index {one_line(index.name)}", "It was made by another one")
        return oids

    def _renamed(self, node: PlanNode) -> PlanNode:
        """The plan with a what-if's own name in place of the names of its partitions' indexes."""
        return replace(
            node,
            index_name=self._names.get(node.index_name, node.index_name),
            children=tuple(map(self._renamed, node.children)),
        )


def _no_table(schema: str, table: str) -> LabError:
    return LabError(f"The lab has no table {one_line(schema)}.{one_line(table)}")
