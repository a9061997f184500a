"""One statement's plan in the lab, as things are and as they would be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass, field

from optischema_tui.core.advise.planner import IndexName, WhatIf
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.errors import LabError
from optischema_tui.core.jobs.lab import open_lab
from optischema_tui.core.lab.image import Image
from optischema_tui.core.lab.index_text import read_index
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.lab.sampling import TargetSampler
from optischema_tui.core.paths import Paths
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.session import identify, reading
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.plan import PlanNode


@dataclass(frozen=True, slots=True)
class Question:
    """What would be different."""

    indexes: Sequence[str] = ()
    """CREATE INDEX statements."""
    drop: Sequence[str] = ()
    """Names of existing indexes, with or without schema."""
    settings: Mapping[str, str] = field(default_factory=dict)
    targets: Mapping[str, int] = field(default_factory=dict)
    """`[schema.]table.column` and a statistics target."""


@dataclass(frozen=True, slots=True)
class Answer:
    planner: str
    before: PlanNode
    after: PlanNode
    indexes: tuple[WhatIf, ...]
    not_modelled: tuple[str, ...]


def run_what_if(
    spec: TargetSpec,
    paths: Paths,
    sql: str,
    question: Question,
    *,
    clock: Clock = SYSTEM,
    progress: Callable[[str, float], None] = lambda what, fraction: None,
    lab_bindir: str = "",
) -> Answer:
    """Plan `sql` (literals or `$n`) twice in the lab of a target, the second time with all of `question`.

    Rows are sampled for expressions, dependent columns and higher statistics targets only, where the role has SELECT
    and the profile allows it.
    Raises LabError, PlanFailed, TargetError or MissingPart.
    """
    binaries = find_binaries(configured=lab_bindir)
    with reading(spec) as session:
        fingerprint = identify(session, spec.label).fingerprint
        image = read_image(session, rows=spec.sample_rows)
    with ExitStack() as stack:
        sampler = stack.enter_context(TargetSampler(spec, clock=clock)) if spec.sample_rows else None
        lab = stack.enter_context(
            open_lab(image, binaries, paths, target=fingerprint, sampler=sampler, progress=progress)
        )
        return answer(lab, image, sql, question)


def answer(lab: Lab, image: Image, sql: str, question: Question) -> Answer:
    """The plans of `sql` without and with what `question` names. Raises LabError or PlanFailed."""
    names = _Names(image)
    before = lab.plan(sql)
    made = tuple(lab.add(read_index(text, names.schema_of_table)) for text in question.indexes)
    without = [names.index(name) for name in question.drop]
    with ExitStack() as stack:
        stack.enter_context(lab.with_settings(question.settings))
        for path, target in question.targets.items():
            stack.enter_context(lab.with_statistics_target(*names.column(path), target))
        after = lab.plan(sql, made, without=without)
    return Answer(lab.name, before, after, made, lab.not_modelled)


class _Names:
    """Finds what a person named without a schema, along the search path of the target's session."""

    def __init__(self, image: Image) -> None:
        self.path = image.server.search_path
        self.tables = {(r.schema, r.name) for r in image.relations.values() if r.kind in "rpm"}
        self.indexes = {(image.relations[oid].schema, image.relations[oid].name) for oid in image.indexes}

    def schema_of_table(self, table: str) -> str:
        return self._found("table", table, self.tables)[0]

    def index(self, name: str) -> IndexName:
        return self._found("index", name, self.indexes)

    def column(self, path: str) -> tuple[str, str, str]:
        table, dot, column = path.rpartition(".")
        if not dot:
            raise LabError(f"{one_line(path, 80)} names no column", "", "Write table.column=target")
        return (*self._found("table", table, self.tables), column)

    def _found(self, what: str, name: str, known: Set[IndexName]) -> IndexName:
        schema, _, bare = name.rpartition(".")
        for candidate in ((schema, bare), *((each, name) for each in self.path)):
            if candidate in known:
                return candidate
        raise LabError(f"The target has no {what} {one_line(name, 120)}", "", "Names are case-sensitive here")
