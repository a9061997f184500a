"""Where the rooms of core meet the screens: facts go up as messages, requests come down.

Three places do the work, none of them the thread of the screens: the collector is a task of the event loop (asyncpg
needs no thread), one thread writes history and draws pictures, and each longer job has a thread of its own.
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

from textual.app import App

from optischema_tui import messages as m
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.config import HISTORY_MB
from optischema_tui.core.errors import OptischemaError, StorageError
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.desk import Desk
from optischema_tui.runs import Runs
from optischema_tui.travel import Look, Travel

if TYPE_CHECKING:
    from optischema_tui.core.change.judge import Alert
    from optischema_tui.core.collect.events import CollectEvent, Observed, Sampled
    from optischema_tui.core.history.store import History
    from optischema_tui.core.jobs.recorder import Recorder
    from optischema_tui.core.jobs.verdicts import Watch as Verdicts
    from optischema_tui.core.jobs.watch import Watch
    from optischema_tui.core.models import TargetIdentity

Failed = Callable[[OptischemaError], m.Fact]

JUDGE_SECONDS = 10.0
CARE_SECONDS = 86400.0
"""Between two looks after the journal: its check and its backup."""


class Bridge:
    """One target's life on screen. Made, started and stopped in the event loop's thread."""

    def __init__(
        self,
        app: App[int],
        spec: TargetSpec,
        paths: Paths,
        *,
        clock: Clock = SYSTEM,
        lab_bindir: str = "",
        history_mb: int = HISTORY_MB,
        watch_command: Sequence[str] = (),
    ) -> None:
        self.app = app
        self.spec = spec
        self.paths = paths
        self.clock = clock
        self.history_mb = history_mb
        self._watch_command = watch_command
        self._verdicts: Verdicts | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._watching: asyncio.Task[None] | None = None
        self._watch: Watch | None = None
        self._recorder: Recorder | None = None
        self._history: History | None = None
        self._fingerprint = ""
        self._identity: TargetIdentity | None = None
        self._refused = False
        """The last tick failed; the next one may succeed on the same connection."""
        self._interval = spec.interval
        self._paused = False
        self._following = ""
        """Who collects for us; empty when we do."""
        self._shown = frozenset(spec.show)
        """Filter reasons that are switched off: their statements are drawn."""
        self._unjudged = ""
        """Why the last tick's changes could not be judged."""
        self._judged_at = -JUDGE_SECONDS
        self._noticed = ""
        """What was told of the store last."""
        self._noticed_first = ""
        """What reading the stored picture found of the store: a damaged file is put aside by whoever opens it first."""
        self._care_due = 0.0
        self._desk = Desk(spec, paths, clock, self._tell, lambda: self._fingerprint, lab_bindir)
        self._runs = Runs(spec, paths, clock, self._tell, self._job, self._desk.load_ledger, self._take_back)
        self._travel = Travel(self._tell, self._known, lambda: self._shown)

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
                self._noticed_first = history.notice
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
            self._watch = module.Watch(
                self.spec, self._history, self.paths.state_dir, interval=self._interval, clock=self.clock,
                on_event=self._on_event, on_role=self._on_role,
            )  # fmt: skip
            self._watch.pause(self._paused)
            await self._watch.run()
        except OptischemaError as error:
            self._tell(m.LinkLost(error, self.clock.monotonic()))
        except Exception as error:
            self._tell(m.LinkLost(_mistake(error), self.clock.monotonic()))

    def _open_store(self) -> Any:
        """In the writer's thread: import what observing needs, and open history."""
        module = importlib.import_module("optischema_tui.core.jobs.watch")
        from optischema_tui.core.history.limits import Limits
        from optischema_tui.core.history.store import History
        from optischema_tui.core.jobs.recorder import Recorder

        problem = ""
        try:
            self._history = History.open(self.paths.history_db, self.clock, Limits(bytes=self.history_mb << 20))
        except OptischemaError as error:
            problem = error.sentence
        self._recorder = Recorder(self.spec, self._history, self.clock)
        if problem:
            self._tell(m.Told(f"Nothing will be kept: {problem}", "warning"))
        if self._noticed_first:
            self._noticed = self._noticed_first
            self._tell(m.Told(self._noticed, "warning"))
        return module

    def _on_role(self, who: str) -> None:
        """We collect ("") or `who` does. What it had begun is stored before the other writes."""
        self._in_writer(lambda recorder: recorder.store(not who))
        if self._following and not who:
            self._tell(m.Told(f"{self._following} has ended: this program collects from now on."))
        self._following = who
        self._tell(m.Following(who))

    def _on_event(self, event: CollectEvent) -> None:
        """Called in the event loop's thread, one event at a time."""
        from optischema_tui.core.collect import events

        match event:
            case events.Connecting(attempt):
                self._tell(m.LinkConnecting(attempt))
            case events.Connected(identity, capabilities):
                self._reached(identity)
                self._tell(m.LinkLive(self.spec.label or identity.label, capabilities))
                self._tell(m.Doctored(capabilities, identity))
                self._in_writer(lambda recorder: recorder.connected(event))
                self._job(lambda: self._desk.log_in(self.spec, identity.fingerprint))
                self._job(self._after_connect)
            case events.Attached(identity, _):
                self._reached(identity)
                self._tell(m.LinkLive(self.spec.label or identity.label, None))
                self._in_writer(lambda recorder: recorder.attached(identity))
                self._job(self._after_connect)
            case events.Observed():
                if self._refused:
                    self._refused = False
                    self._tell(m.LinkLive("", None))
                self._in_writer(lambda recorder: self._draw(recorder, event))
            case events.Sampled():
                self._in_writer(lambda recorder: self._sample(recorder, event))
            case events.Gathered():
                self._in_writer(lambda recorder: self._tell(m.ReadingReady(*recorder.gathered(event))))
            case events.Lost(error, retry_in):
                self._refused = True
                self._runs.lost()
                self._tell(m.LinkLost(error, self.clock.monotonic() + retry_in))
                self._in_writer(lambda recorder: recorder.lost(event))

    def _mention_rhythm(self) -> None:
        if self._following:
            self._tell(
                m.Told(f"{self._following} asks the server, at its own interval: this program only reads along.")
            )

    def _use_password(self, password: str) -> None:
        """Try again with what the person typed; it stays in memory."""
        from optischema_tui.core.target.resolver import with_password

        self.spec = self._runs.spec = self._desk.spec = with_password(self.spec, password)
        if self._watch is not None:
            self._watch.use(self.spec)

    def _reached(self, identity: TargetIdentity) -> None:
        self._identity = identity
        self._fingerprint = identity.fingerprint
        self._refused = False

    def _in_writer(self, work: Callable[[Recorder], None]) -> None:
        def run() -> None:
            if self._recorder is not None:
                work(self._recorder)

        with suppress(RuntimeError):  # the writer is shut: the application is ending
            self._writer.submit(self._guarded, run)

    def _draw(self, recorder: Recorder, event: Observed) -> None:
        picture = recorder.observed(event, self._shown)
        self._tell(m.PictureReady(picture, self._problem(recorder)))
        if recorder.notice != self._noticed:
            self._noticed = recorder.notice
            if self._noticed:
                self._tell(m.Told(self._noticed, "warning"))
        if self.clock.monotonic() - self._judged_at >= JUDGE_SECONDS:
            self._judged_at = self.clock.monotonic()
            self._judge()
            if self._runs.undecided:
                self._job(self._after_connect)
            self._tell_span()
        if self.clock.monotonic() >= self._care_due:
            self._care_due = self.clock.monotonic() + CARE_SECONDS
            self._job(self._desk.look_after_journal)

    def _sample(self, recorder: Recorder, event: Sampled) -> None:
        recorder.sampled(event)
        self._tell(m.ActivityReady(event.sample, tuple(recorder.waits)))

    @staticmethod
    def _problem(recorder: Recorder) -> str:
        return recorder.storage_problem.sentence if recorder.storage_problem is not None else ""

    def _tell_span(self) -> None:
        span = self._history.span(self._fingerprint) if self._history is not None else None
        if span is not None:
            self._tell(m.SpanKnown(*span))

    def _judge(self) -> None:
        """Give changes their verdict where enough was measured, and say or undo what got worse by one; both stores are
        opened for it, so not at every tick."""
        from optischema_tui.core.jobs.verdicts import Watch as Verdicts

        problem, self._unjudged = self._unjudged, ""
        if not self._fingerprint:
            return
        if self._verdicts is None:
            self._verdicts = Verdicts(self.paths, self.clock)
        try:
            watched = self._verdicts.look(self._fingerprint)
            for alert in watched.alerts:
                self._alarm(alert)
            if watched.judged:
                self._desk.load_ledger()
            self._take_back()
        except StorageError as error:
            self._unjudged = error.sentence
            if problem != self._unjudged:  # told once, not with every tick
                raise

    def _take_back(self) -> None:
        """What the journal says is to be rolled back by itself, also from before this program's start."""
        if self._fingerprint and not self._refused:
            self._runs.take_back(self._fingerprint, self._look_again)

    def _alarm(self, alert: Alert) -> None:
        from optischema_tui.core.jobs.verdicts import run_command

        self._tell(m.Told(alert.sentence, "error", bell=True))

        def run() -> None:
            if failure := run_command(self._watch_command, alert, self.spec.label):
                self._tell(m.Told(failure, "warning"))

        if self._watch_command:
            self._job(run)

    def _after_connect(self) -> None:
        self._runs.reconcile()

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
            mistake = _mistake(error)
            self._tell(failed(mistake) if failed is not None else m.Told(mistake.sentence, "error"))

    def ask(self, request: m.Request) -> None:
        match request:
            case m.Poll():
                self._mention_rhythm()
                if self._watch is not None:
                    self._watch.poll_now()
            case m.Pause(paused):
                self._paused = paused
                if self._watch is not None:
                    self._watch.pause(paused)
                self._tell(m.PollChanged(self._interval, paused))
            case m.SetInterval(seconds):
                self._mention_rhythm()
                self._interval = seconds
                if self._watch is not None:
                    self._watch.set_interval(seconds)
                self._tell(m.PollChanged(seconds, self._paused))
            case m.Advise(budget):
                if (stop := self._desk.claim_advice()) is not None:
                    self._tell(m.AdviceStep("starting", 0.0))
                    self._job(lambda: self._desk.advise(budget, stop), m.AdviceFailed)
            case m.StopAdvice():
                self._desk.stop_advice()
            case m.SecondOpinion(recommendation_id):
                self._job(lambda: self._desk.second_opinion(recommendation_id))
            case m.LoadLedger():
                self._job(self._desk.load_ledger, lambda error: m.LoadFailed("optimizations", error))
            case m.Approve(wanted, auto_undo):
                self._job(lambda: self._desk.approve(wanted, auto_undo))
            case m.Propose(sql):
                self._tell(m.Proposing())
                self._job(lambda: self._desk.propose(sql), m.Proposed)
            case m.Dismiss(recommendation_id, reason):
                self._job(lambda: self._desk.dismiss(recommendation_id, reason))
            case m.Withdraw(change_id, reason):
                self._job(lambda: self._desk.withdraw(change_id, reason))
            case m.Keep(change_id, reason):
                self._job(lambda: self._desk.keep(change_id, reason))
            case m.Preflight(change_id, undo, more):
                self._job(lambda: self._runs.preflight((change_id, *more), undo), m.RunFailed)
            case m.Run(change_id, undo, more, typed):
                self._runs.start((change_id, *more), undo, typed, self._look_again)
            case m.CancelRun():
                self._runs.cancel()
            case m.WantPlan(key, _):
                self._job(lambda: self._desk.plan(request), lambda error: m.PlanReady(key, None, error))
            case m.LoadAudit(asked):
                self._job(lambda: self._desk.load_audit(asked), lambda error: m.LoadFailed("audit", error))
            case m.LoadStory(change_id):
                self._job(lambda: self._desk.load_story(change_id))
            case m.LoadBaselines():
                self._job(self._desk.load_baselines, lambda error: m.LoadFailed("baselines", error))
            case m.CreateBaseline():
                self._job(lambda: self._desk.create_baseline(request), m.BaselineMade)
            case m.DeleteBaseline(name):
                self._job(lambda: self._desk.delete_baseline(name))
            case m.CompareBaselines(first, _, label):
                self._job(lambda: self._desk.compare(request), lambda error: m.ComparisonReady(first, label, error))
            case m.Seek(at):
                self._look(self._travel.to(at))
            case m.StepPast(step):
                self._look(self._travel.by(step))
            case m.GoLive():
                self._travel.live()
            case m.ToggleFilter(reason):
                self._toggle(reason)
            case m.UsePassword(password):
                self._use_password(password)
            case m.Doctor():
                self._job(self._desk.examine, lambda error: m.LoadFailed("doctor", error))

    def _look_again(self) -> None:
        if not self._refused:
            self._after_connect()

    # --- history ---

    def _known(self) -> tuple[History, TargetIdentity]:
        """History and whose it is. Raises UsageError while that is not known."""
        from optischema_tui.core.errors import UsageError

        if self._history is None:
            raise UsageError("There is no history", "It could not be opened")
        identity = self._identity or self._history.identity_of(self.spec.key)
        if identity is None:
            raise UsageError("There is no history of this target", "It has never answered yet")
        return self._history, identity

    def _look(self, look: Look) -> None:
        def work() -> None:
            look()
            self._tell_span()

        self._job(work, m.PastFailed)

    def _toggle(self, reason: str) -> None:
        self._shown = self._shown ^ {reason}
        self._tell(m.FiltersChanged(self._shown))
        self._in_writer(self._redraw)
        if self._travel.away:
            self._look(self._travel.again())

    def _redraw(self, recorder: Recorder) -> None:
        picture = recorder.redrawn(self._shown)
        if picture is not None:
            self._tell(m.PictureReady(picture, self._problem(recorder)))


def _mistake(error: Exception) -> OptischemaError:
    """A fault of ours as a sentence, so that a job that broke is not a job that never ends."""
    return OptischemaError("The program made a mistake", f"{type(error).__name__}: {error}", "Please report it")
