"""Read the workload and the catalog, build the lab, ask the advisor, keep what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

from optischema_tui.core.advise.advisor import advise
from optischema_tui.core.advise.discreet import discreet
from optischema_tui.core.advise.options import MOST_CALLS, Options
from optischema_tui.core.advise.result import Advice
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.errors import MissingPart, OptischemaError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.lab import open_lab
from optischema_tui.core.jobs.observe import missing, observe
from optischema_tui.core.lab.check import TargetPlan, compare_plans, own_texts, plan_on_target
from optischema_tui.core.lab.fidelity import by_statement
from optischema_tui.core.lab.image import Image
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.lab.sampling import TargetSampler
from optischema_tui.core.models import AdviceRun, Fidelity, Recommendation, TargetIdentity
from optischema_tui.core.paths import Paths
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.session import identify, reading
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.discretion import Discretion
from optischema_tui.core.workload.folding import folded
from optischema_tui.core.workload.statement import WorkloadStatement, by_weight, from_rows, main_role

Progress = Callable[[str, float], None]

CHECKED = 60
"""Statements, the heaviest first, whose plans the target itself is asked for (plain EXPLAIN)."""
OTHER_PLAN = 0.2
"""What counts as the cost's error, at least, where target and lab plan differently."""


class AdviceEnded(OptischemaError):
    """A person ended the run before it had found anything."""


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
            judged=advice.planned,
            why_not=advice.why_not,
            unplanned=unplanned,
            not_modelled=self.not_modelled,
            fidelity=self.fidelity,
        )

    @property
    def summary(self) -> str:
        found, advice = len(self.recommendations), self.advice
        put_aside = f", {len(self.dismissed)} dismissed earlier" if self.dismissed else ""
        words = f"{found} recommendation{'' if found == 1 else 's'}{put_aside}: {self.statements} statements"
        words += f", {len(advice.unplanned)} not judged, " if advice.unplanned else ", "
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
    seconds: float | None = None,
    lab_bindir: str = "",
    stop: Callable[[], bool] = lambda: False,
) -> AdviceReport:
    """Advise on `workload`, or on what pg_stat_statements of the connected database holds.

    Literals of `workload` are planned with and are in nothing that is kept or reported, an index's own SQL apart;
    statements that differ in literals alone are one.

    The search ends when it is through, after `seconds`, or when `stop` turns true: then with the best found so far.
    One that ends early and has found no index leaves the recommendations that are kept as they are.
    Where the profile allows it (`sample_rows`) and the role may read them, expressions get their statistics from a
    bounded sample of the target's rows.
    Raises TargetError, MissingPart (no statistics, no pg_stat_statements), LabError, StorageError, AdviceEnded.
    """
    begun = clock.monotonic()
    heeding = _heeding(progress, stop)
    binaries = find_binaries(configured=lab_bindir)
    with closing(History.open(paths.history_db)) as history, ExitStack() as open_things:
        if workload is None:
            heeding("reading the statements", 0.02)
            workload = read_workload(spec, history, clock)
        else:
            workload = folded(workload)
        discretion = Discretion(workload)
        identity, image, planned = _read_target(spec, workload, clock, heeding)
        history.remember_target(spec.key, identity, spec.dsn)
        sampler = open_things.enter_context(TargetSampler(spec, clock=clock)) if spec.sample_rows else None
        lab = open_things.enter_context(
            open_lab(
                image, binaries, paths,
                target=identity.fingerprint, sampler=sampler, progress=_part(heeding, 0.12, 0.4),
            )
        )  # fmt: skip
        checked = {
            queryid: replace(one, error=discretion.refusal(one.error, one.text))
            for queryid, one in by_statement(compare_plans(lab, planned)).items()
        }
        advice = advise(
            workload,
            image.facts(),
            lab,
            target=identity.fingerprint,
            options=Options(
                budget_bytes=budget,
                seconds=seconds,
                max_calls=MOST_CALLS if seconds is None else None,
                observed_days=_observed_days(history, identity.fingerprint),
            ),
            fidelity={queryid: _error(one) for queryid, one in checked.items()},
            not_modelled=lab.not_modelled,
            now=clock.monotonic,
            stop=stop,
            progress=_part(progress, 0.4, 1.0),
        )
        advice = discreet(advice, discretion)
        not_modelled = lab.not_modelled
        if not advice.stopped or any(rec.kind == "create_index" for rec in advice.recommendations):
            history.save_recommendations(identity.fingerprint, advice.recommendations)
        else:
            _go_on(stop)
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
        fidelity=tuple(checked.values()),
    )


def _read_target(
    spec: TargetSpec, workload: Sequence[WorkloadStatement], clock: Clock, progress: Progress
) -> tuple[TargetIdentity, Image, tuple[TargetPlan, ...]]:
    """Who the target is, what the lab needs to know of it, and its own plans of the heaviest statements."""
    progress("reading schema and statistics", 0.06)
    with reading(spec) as session:
        identity = identify(session, spec.label)
        image = read_image(session, role=main_role(workload), rows=spec.sample_rows)
        # Both sides must see the same sizes, and those of a live server move on while the lab is built.
        progress("asking the target for its own plans", 0.1)
        heaviest = [each for each in by_weight(workload) if not each.problem][:CHECKED]
        return identity, image, plan_on_target(session, own_texts(heaviest), clock=clock)


def _error(checked: Fidelity) -> float | None:
    """0-1; None: nothing to compare. Another plan on the target leaves the cost in doubt whatever it is."""
    if checked.error:
        return None
    return checked.cost_error if checked.same_shape else max(checked.cost_error, OTHER_PLAN)


def _observed_days(history: History, fingerprint: str) -> float | None:
    span = history.span(fingerprint)
    return None if span is None else (span[1] - span[0]) / 86_400.0


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


def _heeding(progress: Progress, stop: Callable[[], bool]) -> Progress:
    """`progress` of the steps before the search: there is nothing yet that an early end could keep."""

    def tell(what: str, fraction: float) -> None:
        _go_on(stop)
        progress(what, fraction)

    return tell


def _go_on(stop: Callable[[], bool]) -> None:
    if stop():
        raise AdviceEnded("You ended it before it had found anything", "", "What was recommended before stands")


def _part(progress: Progress, begin: float, end: float) -> Progress:
    """`progress` of a step that runs from `begin` to `end` of the whole."""
    return lambda what, fraction: progress(what, begin + (end - begin) * min(1.0, max(0.0, fraction)))
