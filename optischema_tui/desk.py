"""What a person asks of core's jobs beside observing: advice, decisions, the journal, baselines, plans, the doctor."""

from __future__ import annotations

import threading
from collections.abc import Callable

from optischema_tui import messages as m
from optischema_tui.core.clock import Clock
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.steps import Steps

AUDIT_SHOWN = 500
"""Entries of the journal that the screen shows; `audit list` has them all."""


class Desk:
    """Each answer is a fact. Every method takes its time and may raise OptischemaError: call it in a thread."""

    def __init__(
        self,
        spec: TargetSpec,
        paths: Paths,
        clock: Clock,
        tell: Callable[[m.Fact], None],
        fingerprint: Callable[[], str],
        lab_bindir: str,
    ) -> None:
        """`fingerprint` of the target that is observed; empty while it is not known."""
        self.spec = spec
        self._paths = paths
        self._clock = clock
        self._tell = tell
        self._fingerprint = fingerprint
        self._lab_bindir = lab_bindir
        self._advising: threading.Event | None = None
        """Ends the search of the advisor that runs now; None when none runs."""
        self._reading = threading.Lock()
        """Of two that read the ledger, the later reader tells last."""

    def claim_advice(self) -> threading.Event | None:
        """What `advise` wants as `stop`, or None while one runs. Call it in the thread that calls `stop_advice`: a stop
        is then heeded although the job has not begun yet."""
        if self._advising is not None:
            return None
        self._advising = threading.Event()
        return self._advising

    def advise(self, budget_bytes: int | None, stop: threading.Event) -> None:
        try:
            from optischema_tui.core.jobs.advise import run_advise

            report = run_advise(
                self.spec, self._paths, clock=self._clock, lab_bindir=self._lab_bindir, budget=budget_bytes,
                progress=Steps(lambda what, fraction: self._tell(m.AdviceStep(what, fraction)), self._clock),
                stop=stop.is_set,
            )  # fmt: skip
        finally:
            self._advising = None
        self.load_ledger()
        self._tell(m.AdviceReady(report.run))

    def stop_advice(self) -> None:
        if (stop := self._advising) is not None:
            stop.set()

    def second_opinion(self, recommendation_id: str) -> None:
        from optischema_tui.core.jobs.second_opinion import ask

        said = ask(self.spec, self._paths, recommendation_id, clock=self._clock)
        self.load_ledger()
        self._tell(m.Told(said))

    def load_ledger(self) -> None:
        from optischema_tui.core.jobs import changes

        with self._reading:
            found = changes.ledger(self._paths, self._fingerprint() or None)
            figures = {}
            for change in found.changes:
                if not change.rolls_back and change.detail.get("applied_at"):
                    figures[change.id] = changes.measure(self._paths, change.id).sentences
            self._tell(m.LedgerReady(found.recommendations, found.changes, figures))

    def propose(self, sql: str) -> None:
        from optischema_tui.core.jobs import changes

        change = changes.propose(self._paths, self.spec, sql, clock=self._clock)
        self.load_ledger()
        self._tell(m.Proposed(change))

    def approve(self, wanted: str, auto_undo: bool) -> None:
        from optischema_tui.core.jobs import changes

        change = changes.approve(
            self._paths, wanted, rules_of=lambda dsn: self.spec.policy, auto_undo=auto_undo, clock=self._clock
        )
        self.load_ledger()
        second = change.detail.get("second", "")
        asked = f"Another user must agree first: optischema-tui countersign {second}"
        self._tell(m.Told(asked if second else "Approved: nothing ran. A applies it after a preflight."))

    def dismiss(self, recommendation_id: str, reason: str) -> None:
        from optischema_tui.core.jobs import changes

        changes.dismiss(self._paths, recommendation_id, reason)
        self.load_ledger()

    def withdraw(self, change_id: str, reason: str) -> None:
        from optischema_tui.core.jobs import changes

        try:
            changes.withdraw(self._paths, change_id, reason, clock=self._clock)
        finally:
            self.load_ledger()

    def keep(self, change_id: str, reason: str) -> None:
        from optischema_tui.core.jobs import changes

        changes.keep(self._paths, change_id, reason, clock=self._clock)
        self.load_ledger()

    def examine(self) -> None:
        from optischema_tui.core.jobs.doctor import examine

        identity, capabilities = examine(self.spec, self._paths, self._lab_bindir)
        self._tell(m.Doctored(capabilities, identity))

    def plan(self, request: m.WantPlan) -> None:
        from optischema_tui.core.jobs.plan import plan_statement

        self._tell(m.PlanReady(request.key, plan_statement(self.spec, request.sql)))

    def load_audit(self, asked: bool = False) -> None:
        from optischema_tui.core.jobs import audit

        verdict = audit.verify(self._paths, record=asked)
        entries = audit.entries(self._paths, limit=AUDIT_SHOWN)
        self._tell(m.AuditReady(tuple(reversed(entries)), verdict, self._clock.wall()))

    def load_story(self, change_id: str) -> None:
        from optischema_tui.core.jobs import audit

        self._tell(m.StoryReady(audit.story(self._paths, change_id)))

    def load_baselines(self) -> None:
        from optischema_tui.core.jobs import baselines

        self._tell(m.BaselinesReady(baselines.list_baselines(self._paths, self._fingerprint() or None)))

    def create_baseline(self, wanted: m.CreateBaseline) -> None:
        from optischema_tui.core.jobs import baselines

        made = baselines.create_baseline(
            self._paths, self._fingerprint(), wanted.name, since=wanted.since, until=wanted.until, spec=self.spec,
            clock=self._clock,
        )  # fmt: skip
        self._tell(m.BaselineMade(made))
        planned = sum(bool(plan.document) for plan in made.plans)
        plans = f"without plans: {made.no_plans}" if made.no_plans else f"with the plans of {planned}."
        self._tell(m.Told(f"Kept {len(made.statements)} statements as {made.name}, {plans}"))
        self.load_baselines()

    def delete_baseline(self, name: str) -> None:
        from optischema_tui.core.jobs import baselines

        baselines.delete_baseline(self._paths, self._fingerprint(), name)
        self._tell(m.Told(f"Deleted the baseline {name}."))
        self.load_baselines()

    def compare(self, wanted: m.CompareBaselines) -> None:
        from optischema_tui.core.jobs import baselines

        comparison = baselines.compare_baselines(
            self._paths, self._fingerprint(), wanted.first, wanted.second, since=wanted.since, until=wanted.until,
            spec=self.spec if wanted.until is None else None, clock=self._clock,
        )  # fmt: skip
        self._tell(m.ComparisonReady(wanted.first, wanted.label, comparison))

    def log_in(self, spec: TargetSpec, fingerprint: str) -> None:
        """Enter in the audit journal who looks at which target."""
        from optischema_tui.core.jobs import audit

        notice = audit.logged_in(
            self._paths, "ui", target=spec.label, fingerprint=fingerprint, allow_changes=spec.allow_changes,
            clock=self._clock,
        )  # fmt: skip
        if notice:
            self._tell(m.Told(notice, "warning"))

    def look_after_journal(self) -> None:
        from optischema_tui.core.jobs import audit

        notice = audit.look_after(self._paths, self._clock)
        if notice:
            self._tell(m.Told(notice, "warning"))
