"""Read the workload and the catalog, build the lab, ask the advisor, keep what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass

from optischema_tui.core.advise.advisor import advise
from optischema_tui.core.advise.result import Advice
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.errors import MissingPart
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.observe import missing, observe
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import AdviceRun, Fidelity, Recommendation, TargetIdentity
from optischema_tui.core.paths import Paths
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.session import identify, reading
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.statement import WorkloadStatement, from_rows

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class AdviceReport:
    """What one run of the advisor brought. `seconds` is wall clock, reading and lab included."""

    target: TargetIdentity
    advice: Advice
    recommendations: tuple[Recommendation, ...]
    """Those of the advice that are not dismissed."""
    dismissed: tuple[str, ...]
    """Ids that the advisor found again and that a person had put aside."""
    not_modelled: tuple[str, ...]
    statements: int
    seconds: float
    budget: int | None = None
    fidelity: tuple[Fidelity, ...] = ()

    @property
    def run(self) -> AdviceRun:
        """The run as a whole, in words and figures."""
        advice = self.advice
        unplanned = tuple(f"{one_line(sql, 120)}: {reason}" for sql, reason in advice.unplanned)
        return AdviceRun(
            summary=self.summary,
            gain=advice.gain,
            bound=advice.bound,
            budget_bytes=self.budget,
            curve=advice.curve,
            stopped=advice.stopped,
            why_not=advice.why_not,
            unplanned=unplanned,
            not_modelled=self.not_modelled,
            fidelity=self.fidelity,
        )

    @property
    def summary(self) -> str:
        found, advice = len(self.recommendations), self.advice
        put_aside = f", {len(self.dismissed)} dismissed earlier" if self.dismissed else ""
        words = f"{found} recommendation{'' if found == 1 else 's'}{put_aside}: {self.statements} statements, "
        words += f"{advice.planner_calls} plans in the lab, {self.seconds:.1f} s"
        return words + (", stopped early" if advice.stopped else "")


def run_advise(
    spec: TargetSpec,
    paths: Paths,
    *,
    clock: Clock = SYSTEM,
    progress: Progress = lambda what, fraction: None,
    workload: Sequence[WorkloadStatement] | None = None,
    budget: int | None = None,
    lab_bindir: str = "",
    stop: Callable[[], bool] = lambda: False,
) -> AdviceReport:
    """Advise on `workload`, or on what pg_stat_statements of the connected database holds.

    Raises TargetError, MissingPart (no statistics, no pg_stat_statements), LabError, StorageError.
    """
    begun = clock.monotonic()
    binaries = find_binaries(configured=lab_bindir)
    with closing(History.open(paths.history_db)) as history:
        if workload is None:
            progress("reading the statements", 0.02)
            workload = read_workload(spec, history, clock)
        progress("reading schema and statistics", 0.08)
        with reading(spec) as session:
            identity = identify(session, spec.label)
            image = read_image(session)
        history.remember_target(spec.key, identity, spec.dsn)
        with Lab.build(image, binaries, progress=_part(progress, 0.1, 0.5)) as lab:
            advice = advise(
                workload,
                image.facts(),
                lab,
                target=identity.fingerprint,
                budget_bytes=budget,
                progress=_part(progress, 0.5, 1.0),
            )
            not_modelled = lab.not_modelled
        history.save_recommendations(identity.fingerprint, advice.recommendations)
        dismissed = history.dismissed(identity.fingerprint)
    progress("done", 1.0)
    return AdviceReport(
        target=identity,
        advice=advice,
        recommendations=tuple(rec for rec in advice.recommendations if rec.id not in dismissed),
        dismissed=tuple(rec.id for rec in advice.recommendations if rec.id in dismissed),
        not_modelled=not_modelled,
        statements=len(workload),
        seconds=clock.monotonic() - begun,
        budget=budget,
    )


def read_workload(spec: TargetSpec, history: History | None, clock: Clock = SYSTEM) -> tuple[WorkloadStatement, ...]:
    """The statements of the connected database as pg_stat_statements has them since its last reset, heaviest first.

    Raises MissingPart when the server has none to show.
    """
    seen = observe(spec, history, ticks=1, interval=spec.interval, clock=clock)
    if seen.capabilities is not None and not seen.capabilities.part("statements").available:
        raise missing(seen.capabilities.part("statements"))
    picture = seen.picture
    rows = [row for row in picture.rows if row.key.dbid == picture.target.database_oid] if picture is not None else []
    statements = from_rows(rows)
    if not statements and picture is not None and picture.unreadable and seen.capabilities is not None:
        raise MissingPart(
            "There is no statement to advise on",
            f"pg_stat_statements holds {picture.unreadable} statements of other roles, which this role may not read",
            seen.capabilities.part("texts").remedy,
        )
    if not statements:
        raise MissingPart(
            "There is no statement to advise on",
            "pg_stat_statements holds no statement of this database that this role may read",
            "Let the application run for a while, or give the statements with --workload FILE",
        )
    return statements


def _part(progress: Progress, begin: float, end: float) -> Progress:
    """`progress` of a step that runs from `begin` to `end` of the whole."""
    return lambda what, fraction: progress(what, begin + (end - begin) * min(1.0, max(0.0, fraction)))
