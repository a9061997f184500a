"""Changes that run while the screens live: begun here, or found running from an earlier session."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from optischema_tui import messages as m
from optischema_tui.core.clock import Clock
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.spec import TargetSpec

if TYPE_CHECKING:
    from optischema_tui.core.models import Change

Tell = Callable[[m.Fact], None]
Job = Callable[[Callable[[], None], Callable[[OptischemaError], m.Fact] | None], None]


HELD_SECONDS = 60.0


class Runs:
    """At most one change of this program at a time; each in a thread of its own."""

    def __init__(
        self,
        spec: TargetSpec,
        paths: Paths,
        clock: Clock,
        tell: Tell,
        job: Job,
        reload: Callable[[], None],
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        """`reload` reads the ledger again, in the thread that calls it. `ended` is called in a thread of its own when a
        change has come to a good end: what waited for it may begin."""
        self.spec = spec
        self._paths = paths
        self._clock = clock
        self._tell = tell
        self._job = job
        self._reload = reload
        self._ended = ended
        self._reconciled = False
        self._held_until = math.inf
        """When a change that nothing could be decided of is looked at again, by the monotonic clock."""
        self._running: threading.Event | None = None
        """Set to cancel the change that runs now; None when none runs."""
        self._waiting: set[str] = set()
        """Changes whose rollback waits for its turn; told once."""
        self._patience = 0.0
        """No rollback begins by itself before this time of the monotonic clock: the last one did not succeed."""
        self._claiming = threading.Lock()
        self._reconciling = threading.Lock()
        """A link that comes and goes asks again while the first answer is on its way."""

    def lost(self) -> None:
        """The server is away: what it does with a change meanwhile, a restart included, is to be found out anew."""
        self._reconciled = False

    def reconcile(self) -> None:
        """Find out what became of changes that were begun and not ended, once for each time we cannot know; where
        nothing could be decided then, again after a minute."""
        with self._reconciling:
            due = not self._reconciled or self._clock.monotonic() >= self._held_until
            if due and self._running is None:
                self._reconcile()

    @property
    def undecided(self) -> bool:
        """Whether `reconcile` is to be asked again although the server was there all the time."""
        return self._clock.monotonic() >= self._held_until

    def _reconcile(self) -> None:
        from optischema_tui.core.change.reconcile import HELD, RUNNING
        from optischema_tui.core.jobs import changes

        verdicts = changes.reconcile(self._paths, self.spec, clock=self._clock)
        self._reconciled = True
        self._held_until = math.inf
        if any(each.finding == HELD for each in verdicts):
            self._held_until = self._clock.monotonic() + HELD_SECONDS
        if verdicts:
            self._tell(m.Reconciled(tuple(f"{each.change.title}: {each.reason}" for each in verdicts)))
        self._reload()
        running = next((each.change for each in verdicts if each.finding == RUNNING), None)
        if running is not None:
            self._follow(running)

    def preflight(self, change_ids: Sequence[str], undo: bool) -> None:
        """Of each change as the server is now: what an earlier one of them will do to it is not foreseen."""
        from optischema_tui.core.jobs import changes
        from optischema_tui.core.models import Level

        first, *more = [changes.find(self._paths, change_id) for change_id in change_ids]
        self._tell(m.RunBegan(first, undo, tuple(more)))
        for place, change in enumerate((first, *more)):
            self._tell(m.RunAt(place))
            checks = changes.preflight(
                self._paths, change.id, self.spec, undo=undo, clock=self._clock,
                on_check=lambda check: self._tell(m.RunChecked(check)),
            )  # fmt: skip
            self._tell(m.RunReady(any(check.level is Level.BLOCK for check in checks)))

    def start(
        self, change_ids: Sequence[str], undo: bool, typed: Sequence[str], look_again: Callable[[], None]
    ) -> None:
        """Carry a change out, or several in order. `look_again` is called after a failure: it finds out what is left.

        `typed`: the subjects of changes that nothing undoes, as the person has typed them.
        """

        def run(cancel: threading.Event) -> Change:
            if len(change_ids) > 1:
                return self._run_all(change_ids, typed, cancel)
            from optischema_tui.core.jobs import changes

            return changes.carry_out(
                self._paths, change_ids[0], self.spec, undo=undo, clock=self._clock, cancel=cancel,
                on_check=lambda check: self._tell(m.RunChecked(check)),
                on_progress=lambda progress: self._tell(m.RunTick(progress)), typed=next(iter(typed), ""),
            )  # fmt: skip

        if (cancel := self._claim()) is None:
            self._tell(m.Told("Another change is running; one at a time.", "warning"))
            return
        self._to_its_end(run, cancel, look_again)

    def take_back(self, fingerprint: str, look_again: Callable[[], None]) -> None:
        """Begin the oldest rollback that is due by itself (see `alarms.due`). While another change runs it waits: it
        stands in the journal. Raises StorageError."""
        from optischema_tui.core.jobs import alarms

        if self._clock.monotonic() < self._patience:
            return
        found = alarms.due(self._paths, self.spec, fingerprint, clock=self._clock)
        if not found:
            return
        if (cancel := self._claim()) is None:
            self._wait_for_turn(found)
            return
        held, change = ExitStack(), None
        try:
            if held.enter_context(alarms.alone(self._paths)):
                # It may have been rolled back, or kept, before the turn was ours.
                change = next(iter(alarms.due(self._paths, self.spec, fingerprint, clock=self._clock)), None)
        finally:
            if change is None:
                held.close()
                self._running = None
        if change is not None:
            self._tell(m.Told(f"Rolled back by itself now, as its approver wanted: {change.title}", "warning"))
            self._tell(m.RunBegan(change, True))
            self._to_its_end(self._undo_of(change, held), cancel, look_again)

    def _undo_of(self, change: Change, held: ExitStack) -> Callable[[threading.Event], Change]:
        """What rolls `change` back by itself, and lets go of `held` then."""
        from optischema_tui.core.jobs import alarms, changes

        def run(cancel: threading.Event) -> Change:
            failed = True
            try:
                alarms.note_begin(self._paths, change, clock=self._clock)
                undone = changes.carry_out(
                    self._paths, change.id, self.spec, undo=True, clock=self._clock, cancel=cancel,
                    on_check=lambda check: self._tell(m.RunChecked(check)),
                    on_progress=lambda progress: self._tell(m.RunTick(progress)),
                )  # fmt: skip
                failed = False
                return undone
            finally:
                if failed:
                    self._patience = self._clock.monotonic() + alarms.AGAIN_SECONDS
                held.close()

        return run

    def _wait_for_turn(self, found: Sequence[Change]) -> None:
        from optischema_tui.core.jobs import alarms

        for change in found:
            if change.id not in self._waiting:
                self._waiting.add(change.id)
                alarms.note_waiting(self._paths, change, clock=self._clock)
                self._tell(m.Told(f"To be rolled back when the running change has ended: {change.title}", "warning"))

    def _run_all(self, change_ids: Sequence[str], typed: Sequence[str], cancel: threading.Event) -> Change:
        """The last one of them. Raises the error that ended the batch before it."""
        from optischema_tui.core.jobs import batch, changes

        def done(place: int, change: Change) -> None:
            if place < len(change_ids) - 1:
                self._tell(m.RunDone(change))

        end = batch.carry_out_all(
            self._paths, [changes.find(self._paths, each) for each in change_ids], self.spec, clock=self._clock,
            typed=typed, cancel=cancel, on_begin=lambda place, change: self._tell(m.RunAt(place)), on_done=done,
            on_check=lambda check: self._tell(m.RunChecked(check)),
            on_progress=lambda progress: self._tell(m.RunTick(progress)),
        )  # fmt: skip
        if end.error is not None:
            raise end.error
        return end.done[-1]

    def cancel(self) -> None:
        if not self.spec.allow_changes:
            self._tell(m.Told("Changes are off for this target: the build is only watched.", "warning"))
        elif (running := self._running) is not None:
            running.set()

    def _claim(self) -> threading.Event | None:
        """The event that cancels the one change that may run, or None while another runs. From any thread."""
        with self._claiming:
            if self._running is not None:
                return None
            self._running = threading.Event()
            return self._running

    def _follow(self, change: Change) -> None:
        """Adopt a build that an earlier session began: its progress is shown, and it can be cancelled, as our own."""

        def run(cancel: threading.Event) -> Change:
            from optischema_tui.core.jobs import changes

            try:
                return changes.follow(
                    self._paths, change.id, self.spec, clock=self._clock, cancel=cancel,
                    on_progress=lambda progress: self._tell(m.RunTick(progress)),
                )  # fmt: skip
            finally:
                now = changes.find(self._paths, change.id)
                told = now.detail.get("error") or now.detail.get("result") or f"It is {now.state.replace('_', ' ')}"
                self._tell(m.Reconciled((f"{change.title}: {told}",)))

        if (cancel := self._claim()) is not None:
            self._tell(m.RunBegan(change, False))
            self._to_its_end(run, cancel, None)

    def _to_its_end(
        self,
        run: Callable[[threading.Event], Change],
        cancel: threading.Event,
        look_again: Callable[[], None] | None,
    ) -> None:
        def work() -> None:
            failed = False
            try:
                self._tell(m.RunDone(run(cancel)))
            except OptischemaError as error:
                failed, self._reconciled = True, False
                self._tell(m.RunFailed(error))
            finally:
                self._running = None
                self._job(self._reload, None)  # a ledger that cannot be read is no failure of the change
            if not failed:
                self._job(self._ended, None)
            elif look_again is not None:
                look_again()

        self._tell(m.RunStarted())
        self._job(work, m.RunFailed)
