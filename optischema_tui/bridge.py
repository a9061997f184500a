"""Where the rooms of core meet the screens: facts go up as messages, requests come down.

Three places do the work, none of them the thread of the screens: the collector is a task of the event loop (asyncpg
needs no thread), one thread writes history and draws pictures, and each longer job has a thread of its own.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from textual.app import App

from optischema_tui import messages as m
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import OptischemaError, StorageError
from optischema_tui.core.paths import Paths
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    from optischema_tui.core.collect.collector import Collector
    from optischema_tui.core.collect.events import CollectEvent
    from optischema_tui.core.history.store import History
    from optischema_tui.core.jobs.recorder import Recorder
    from optischema_tui.core.models import Change

Failed = Callable[[OptischemaError], m.Fact]

JUDGE_SECONDS = 10.0
AUDIT_SHOWN = 500
"""Entries of the journal that the screen shows; `audit list` has them all."""


class Bridge:
    """One target's life on screen. Made, started and stopped in the event loop's thread."""

    def __init__(
        self, app: App[int], spec: TargetSpec, paths: Paths, *, clock: Clock = SYSTEM, lab_bindir: str = ""
    ) -> None:
        self.app = app
        self.spec = spec
        self.paths = paths
        self.clock = clock
        self.lab_bindir = lab_bindir
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._watching: asyncio.Task[None] | None = None
        self._collector: Collector | None = None
        self._recorder: Recorder | None = None
        self._history: History | None = None
        self._fingerprint = ""
        self._reconciled = False
        self._refused = False
        """The last tick failed; the next one may succeed on the same connection."""
        self._interval = spec.interval
        self._paused = False
        self._unjudged = ""
        self._judged_at = -JUDGE_SECONDS
        """Why the last tick's changes could not be judged."""
        self._running: threading.Event | None = None
        """Set to cancel the change that runs now; None when none runs."""

    def _tell(self, fact: m.Fact) -> None:
        """Post from any thread. After the application has ended there is nobody to tell."""
        if self.app.is_running:
            self.app.post_message(fact)

    # --- life ---

    def first(self) -> m.PictureReady | None:
        """The last picture of this target from history; None without one, or when the store cannot be read."""
        if not self.paths.history_db.exists():
            return None
        from optischema_tui.core.history.store import History

        try:
            with closing(History.open(self.paths.history_db)) as history:
                picture = history.last_picture(self.spec.key)
        except OptischemaError:
            return None  # the recorder opens the same store in a moment, and tells what is wrong with it
        if picture is None:
            return None
        self._fingerprint = picture.target.fingerprint
        return m.PictureReady(picture)

    def start(self) -> None:
        self._watching = asyncio.get_running_loop().create_task(self._observe())

    async def stop(self) -> None:
        """End observing, and write what is being written to its end. A running build is not cancelled."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching}, timeout=2)
        self._writer.shutdown(wait=True, cancel_futures=True)
        if self._recorder is not None:
            self._recorder.finish()
        if self._history is not None:
            self._history.close()

    # --- observing ---

    async def _observe(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            # Importing the driver takes longer than many frames: not in this thread.
            module = await loop.run_in_executor(self._writer, self._open_store)
            self._collector = module.Collector(
                self.spec, interval=self._interval, clock=self.clock, on_event=self._on_event
            )  # fmt: skip
            await self._collector.run()
        except OptischemaError as error:
            self._tell(m.LinkLost(error, self.clock.monotonic()))
        except Exception as error:
            self._tell(m.LinkLost(_mistake(error), self.clock.monotonic()))

    def _open_store(self) -> Any:
        """In the writer's thread: import what observing needs, and open history."""
        module = importlib.import_module("optischema_tui.core.collect.collector")
        from optischema_tui.core.history.store import History
        from optischema_tui.core.jobs.recorder import Recorder

        problem = ""
        try:
            self._history = History.open(self.paths.history_db)
        except OptischemaError as error:
            problem = error.sentence
        self._recorder = Recorder(self.spec, self._history, self.clock)
        if problem:
            self._tell(m.Told(f"Nothing will be kept: {problem}", "warning"))
        return module

    def _on_event(self, event: CollectEvent) -> None:
        """Called by the collector in the event loop's thread, one event at a time."""
        from optischema_tui.core.collect.events import Connected, Connecting, Lost, Observed

        match event:
            case Connecting(attempt):
                self._tell(m.LinkConnecting(attempt))
            case Connected(identity, capabilities):
                self._fingerprint = identity.fingerprint
                self._refused = False
                self._tell(m.LinkLive(self.spec.label or identity.label, capabilities))
                self._in_writer(lambda recorder: recorder.connected(event))
                self._after_connect()
            case Observed():
                if self._refused:
                    self._refused = False
                    self._tell(m.LinkLive("", None))
                self._in_writer(lambda recorder: self._draw(recorder, event))
            case Lost(error, retry_in):
                self._refused = True
                self._tell(m.LinkLost(error, self.clock.monotonic() + retry_in))

    def _in_writer(self, work: Callable[[Recorder], None]) -> None:
        def run() -> None:
            if self._recorder is not None:
                work(self._recorder)

        with suppress(RuntimeError):  # the writer is shut: the application is ending
            self._writer.submit(self._guarded, run)

    def _draw(self, recorder: Recorder, event: Any) -> None:
        picture = recorder.observed(event)
        problem = recorder.storage_problem.sentence if recorder.storage_problem is not None else ""
        self._tell(m.PictureReady(picture, problem))
        if self.clock.monotonic() - self._judged_at >= JUDGE_SECONDS:
            self._judged_at = self.clock.monotonic()
            self._judge()

    def _judge(self) -> None:
        """Give changes their verdict where enough was measured; both stores are opened for it, so not at every tick."""
        from optischema_tui.core.jobs import changes

        problem, self._unjudged = self._unjudged, ""
        try:
            if self._fingerprint and changes.judge(self.paths, self._fingerprint, clock=self.clock):
                self._load_ledger()
        except StorageError as error:
            self._unjudged = error.sentence
            if problem != self._unjudged:  # told once, not with every tick
                raise

    def _after_connect(self) -> None:
        def work() -> None:
            from optischema_tui.core.change.reconcile import RUNNING
            from optischema_tui.core.jobs import changes

            if self._reconciled or self._running is not None:
                return
            verdicts = changes.reconcile(self.paths, self.spec, clock=self.clock)
            self._reconciled = True
            if verdicts:
                self._tell(m.Reconciled(tuple(f"{each.change.title}: {each.reason}" for each in verdicts)))
            self._load_ledger()
            running = next((each.change for each in verdicts if each.finding == RUNNING), None)
            if running is not None:
                self._follow(running)

        self._job(work)

    # --- jobs ---

    def _job(self, work: Callable[[], None], failed: Failed | None = None) -> None:
        """Run `work` in a thread of its own; its failure becomes the fact that `failed` makes, else a toast.

        The threads are daemons: quitting never waits for a server, and what they had begun there or on the disk
        is found again at the next start as it would be after a kill.
        """
        threading.Thread(target=self._guarded, args=(work, failed), name="job", daemon=True).start()

    def _guarded(self, work: Callable[[], None], failed: Failed | None = None) -> None:
        try:
            work()
        except OptischemaError as error:
            self._tell(failed(error) if failed is not None else m.Told(error.sentence, "error"))
        except Exception as error:
            mistake = OptischemaError(
                "The program made a mistake", f"{type(error).__name__}: {error}", "Please report it"
            )
            self._tell(failed(mistake) if failed is not None else m.Told(mistake.sentence, "error"))

    def ask(self, request: m.Request) -> None:
        match request:
            case m.Poll():
                if self._collector is not None:
                    self._collector.poll_now()
            case m.Pause(paused):
                self._paused = paused
                if self._collector is not None:
                    self._collector.pause(paused)
                self._tell(m.PollChanged(self._interval, paused))
            case m.SetInterval(seconds):
                self._interval = seconds
                if self._collector is not None:
                    self._collector.set_interval(seconds)
                self._tell(m.PollChanged(seconds, self._paused))
            case m.Advise():
                self._tell(m.AdviceStep("starting", 0.0))
                self._job(self._advise, m.AdviceFailed)
            case m.LoadLedger():
                self._job(self._load_ledger, lambda error: m.LoadFailed("optimizations", error))
            case m.Approve(recommendation_id):
                self._job(lambda: self._approve(recommendation_id))
            case m.Dismiss(recommendation_id, reason):
                self._job(lambda: self._dismiss(recommendation_id, reason))
            case m.Keep(change_id, reason):
                self._job(lambda: self._keep(change_id, reason))
            case m.Preflight(change_id, undo):
                self._job(lambda: self._preflight(change_id, undo), m.RunFailed)
            case m.Run(change_id, undo):
                self._run(change_id, undo)
            case m.CancelRun():
                if not self.spec.allow_changes:
                    self._tell(m.Told("Changes are off for this target: the build is only watched.", "warning"))
                elif self._running is not None:
                    self._running.set()
            case m.WantPlan(key, _):
                self._job(lambda: self._plan(request), lambda error: m.PlanReady(key, None, error))
            case m.LoadAudit():
                self._job(self._load_audit, lambda error: m.LoadFailed("audit", error))
            case m.LoadBaselines():
                self._job(self._load_baselines, lambda error: m.LoadFailed("baselines", error))
            case m.CreateBaseline(name, minutes):
                self._job(lambda: self._create_baseline(name, minutes))
            case m.CompareBaselines(first, second, minutes):
                self._job(lambda: self._compare(first, second, minutes))

    def _advise(self) -> None:
        from optischema_tui.core.jobs.advise import run_advise

        report = run_advise(
            self.spec, self.paths, clock=self.clock, lab_bindir=self.lab_bindir,
            progress=lambda what, fraction: self._tell(m.AdviceStep(what, fraction)),
        )  # fmt: skip
        advice, found = report.advice, len(report.recommendations)
        put_aside = f", {len(report.dismissed)} dismissed earlier" if report.dismissed else ""
        summary = (
            f"{found} recommendation{'' if found == 1 else 's'}{put_aside}: {report.statements} statements, "
            f"{advice.planner_calls} plans in the lab, {report.seconds:.1f} s"
        )
        self._load_ledger()
        unplanned = tuple(f"{one_line(sql, 120)}: {reason}" for sql, reason in advice.unplanned)
        self._tell(m.AdviceReady(advice.why_not, (*unplanned, *report.not_modelled), summary))

    def _load_ledger(self) -> None:
        from optischema_tui.core.jobs import changes

        found = changes.ledger(self.paths, self._fingerprint or None)
        figures = {}
        for change in found.changes:
            if not change.rolls_back and change.detail.get("applied_at"):
                figures[change.id] = changes.measure(self.paths, change.id).sentences
        self._tell(m.LedgerReady(found.recommendations, found.changes, figures))

    def _approve(self, recommendation_id: str) -> None:
        from optischema_tui.core.jobs import changes

        changes.approve(self.paths, recommendation_id, clock=self.clock)
        self._load_ledger()
        self._tell(m.Told("Approved: nothing ran. A applies it after a preflight."))

    def _dismiss(self, recommendation_id: str, reason: str) -> None:
        from optischema_tui.core.jobs import changes

        changes.dismiss(self.paths, recommendation_id, reason)
        self._load_ledger()

    def _keep(self, change_id: str, reason: str) -> None:
        from optischema_tui.core.jobs import changes

        changes.keep(self.paths, change_id, reason, clock=self.clock)
        self._load_ledger()

    def _preflight(self, change_id: str, undo: bool) -> None:
        from optischema_tui.core.jobs import changes
        from optischema_tui.core.models import Level

        change = changes.find(self.paths, change_id)
        self._tell(m.RunBegan(change, undo))
        checks = changes.preflight(
            self.paths, change.id, self.spec, undo=undo, clock=self.clock,
            on_check=lambda check: self._tell(m.RunChecked(check)),
        )  # fmt: skip
        self._tell(m.RunReady(any(check.level is Level.BLOCK for check in checks)))

    def _run(self, change_id: str, undo: bool) -> None:
        def run(cancel: threading.Event) -> Change:
            from optischema_tui.core.jobs import changes

            return changes.carry_out(
                self.paths, change_id, self.spec, undo=undo, clock=self.clock, cancel=cancel,
                on_check=lambda check: self._tell(m.RunChecked(check)),
                on_progress=lambda progress: self._tell(m.RunTick(progress)),
            )  # fmt: skip

        if self._running is not None:
            self._tell(m.Told("Another change is running; one at a time.", "warning"))
            return
        self._to_its_end(run, look_again=True)

    def _follow(self, change: Change) -> None:
        """Adopt a build that an earlier session began: its progress is shown, and it can be cancelled, as our own."""

        def run(cancel: threading.Event) -> Change:
            from optischema_tui.core.jobs import changes

            try:
                return changes.follow(
                    self.paths, change.id, self.spec, clock=self.clock, cancel=cancel,
                    on_progress=lambda progress: self._tell(m.RunTick(progress)),
                )  # fmt: skip
            finally:
                now = changes.find(self.paths, change.id)
                told = now.detail.get("error") or now.detail.get("result") or f"It is {now.state.replace('_', ' ')}"
                self._tell(m.Reconciled((f"{change.title}: {told}",)))

        if self._running is None:
            self._tell(m.RunBegan(change, False))
            self._to_its_end(run)

    def _to_its_end(self, run: Callable[[threading.Event], Change], *, look_again: bool = False) -> None:
        """Do what changes the server in a thread of its own. After a failure the next connection, or with `look_again`
        this one, finds out what is left."""
        cancel = self._running = threading.Event()

        def work() -> None:
            failed = False
            try:
                self._tell(m.RunDone(run(cancel)))
            except OptischemaError as error:
                failed, self._reconciled = True, False
                self._tell(m.RunFailed(error))
            finally:
                self._running = None
                self._load_ledger()
            if failed and look_again and not self._refused:
                self._after_connect()

        self._tell(m.RunStarted())
        self._job(work, m.RunFailed)

    def _plan(self, request: m.WantPlan) -> None:
        from optischema_tui.core.jobs.plan import plan_statement

        self._tell(m.PlanReady(request.key, plan_statement(self.spec, request.sql)))

    def _load_audit(self) -> None:
        from optischema_tui.core.jobs import audit

        entries = audit.entries(self.paths, limit=AUDIT_SHOWN)
        self._tell(m.AuditReady(tuple(reversed(entries)), audit.verify(self.paths), self.clock.wall()))

    def _load_baselines(self) -> None:
        from optischema_tui.core.jobs import baselines

        self._tell(m.BaselinesReady(baselines.list_baselines(self.paths, self._fingerprint or None)))

    def _create_baseline(self, name: str, minutes: float) -> None:
        from optischema_tui.core.jobs import baselines

        made = baselines.create_baseline(self.paths, self._fingerprint, name, minutes, clock=self.clock)
        self._tell(m.Told(f"Kept {len(made.statements)} statements as {made.name}."))
        self._load_baselines()

    def _compare(self, first: str, second: str | None, minutes: float) -> None:
        from optischema_tui.core.jobs import baselines

        comparison = baselines.compare_baselines(
            self.paths, self._fingerprint, first, second, minutes, clock=self.clock
        )  # fmt: skip
        self._tell(m.ComparisonReady(first, second or f"the last {minutes:.0f} minutes", comparison))


def _mistake(error: Exception) -> OptischemaError:
    """A fault of ours as a sentence, so that a job that broke is not a job that never ends."""
    return OptischemaError("The program made a mistake", f"{type(error).__name__}: {error}", "Please report it")
