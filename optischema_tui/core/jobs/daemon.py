"""Collect several targets into one history, without a screen, until told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.collect.events import CollectEvent, Connected, Gathered, Lost, Observed, Sampled
from optischema_tui.core.errors import OptischemaError, StorageError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.recorder import Recorder
from optischema_tui.core.jobs.watch import Watch
from optischema_tui.core.models import Picture
from optischema_tui.core.target.spec import TargetSpec

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Listener(Protocol):
    """Is told what happens, in the thread that writes history or in the event loop's: it must only print."""

    def picture(self, spec: TargetSpec, picture: Picture) -> None:
        """A tick was stored."""

    def lost(self, spec: TargetSpec, lost: Lost) -> None:
        """The server cannot be used now; the collector tries again by itself."""

    def unstored(self, spec: TargetSpec, problem: StorageError) -> None:
        """A tick could not be stored; told once for each reason."""

    def noticed(self, sentence: str) -> None:
        """Something of the store that a person must know: it was restored, it lies on a network, ..."""

    def role(self, spec: TargetSpec, who: str) -> None:
        """Who collects this target: "" when we do, else another program; we take over when that one ends."""

    def mistake(self, spec: TargetSpec, error: OptischemaError) -> None:
        """The watch of one target broke; the others go on."""


class Daemon:
    """Collects until its time is over or a signal comes."""

    def __init__(
        self,
        specs: Sequence[TargetSpec],
        history: History,
        state_dir: Path,
        listener: Listener,
        *,
        interval: float | None = None,
        clock: Clock = SYSTEM,
    ) -> None:
        """`interval`: seconds between two looks at the statements, instead of each target's own."""
        self.specs = tuple(specs)
        self.ticks = 0
        self.stopped_by: int | None = None
        """The signal that ended it."""
        self._history = history
        self._state_dir = state_dir
        self._listener = listener
        self._interval = interval
        self._clock = clock
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._broken: list[OptischemaError] = []
        self._failure: BaseException | None = None
        """Of the listener or of a recorder: it ends everything."""
        self._end: Callable[[], object] = lambda: None

    def run(self, duration: float | None = None) -> None:
        """Collect for `duration` seconds, or until a signal. What was seen is stored when this returns.

        Raises what the listener raised, and what broke when every target's watch broke.
        """
        asyncio.run(self._run(duration))
        if self._failure is not None:
            raise self._failure
        if len(self._broken) == len(self.specs):
            raise self._broken[0]

    async def _run(self, duration: float | None) -> None:
        loop = asyncio.get_running_loop()
        done = asyncio.Event()

        def stop(number: int) -> None:
            self.stopped_by = number
            done.set()

        self._end = partial(loop.call_soon_threadsafe, done.set)
        for number in SIGNALS:
            loop.add_signal_handler(number, stop, number)
        watches = [asyncio.create_task(self._watch(spec)) for spec in self.specs]
        ended = asyncio.create_task(self._all(watches))
        stopping = asyncio.create_task(done.wait())
        try:
            await asyncio.wait({ended, stopping}, timeout=duration, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (*watches, ended, stopping):
                task.cancel()
            await asyncio.gather(*watches, ended, stopping, return_exceptions=True)
            await loop.run_in_executor(None, self._writer.shutdown)

    @staticmethod
    async def _all(watches: Sequence[asyncio.Task[None]]) -> None:
        await asyncio.wait(watches)

    async def _watch(self, spec: TargetSpec) -> None:
        recorder = Recorder(spec, self._history, self._clock)
        told = _Told()

        def on_role(who: str) -> None:
            self._submit(lambda: recorder.store(not who))
            self._listener.role(spec, who)

        def on_event(event: CollectEvent) -> None:
            if isinstance(event, Lost):
                self._listener.lost(spec, event)
            self._submit(lambda: self._record(spec, recorder, told, event))

        watch = Watch(
            spec,
            self._history,
            self._state_dir,
            interval=self._interval or spec.interval,
            on_event=on_event,
            on_role=on_role,
            clock=self._clock,
        )
        try:
            await watch.run()
        except OptischemaError as error:
            self._broken.append(error)
            self._listener.mistake(spec, error)
        except Exception as error:
            self._failure = self._failure or error
            self._end()
        finally:
            self._submit(recorder.finish)

    def _submit(self, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                self._failure = self._failure or error
                self._end()

        with suppress(RuntimeError):  # the writer is shut: we are ending
            self._writer.submit(run)

    def _record(self, spec: TargetSpec, recorder: Recorder, told: _Told, event: CollectEvent) -> None:
        """In the writer's thread."""
        if isinstance(event, Connected):
            recorder.connected(event)
        elif isinstance(event, Lost):
            recorder.lost(event)
        elif isinstance(event, Observed) and recorder.storing:
            picture = recorder.observed(event)
            self.ticks += 1
            self._listener.picture(spec, picture)
        elif isinstance(event, Sampled) and recorder.storing:
            recorder.sampled(event)
        elif isinstance(event, Gathered) and recorder.storing:
            recorder.gathered(event)
        if recorder.notice != told.notice:
            told.notice = recorder.notice
            if told.notice:
                self._listener.noticed(told.notice)
        problem = recorder.storage_problem
        if problem is not None and problem.sentence != told.problem:
            self._listener.unstored(spec, problem)
        told.problem = problem.sentence if problem is not None else ""


class _Told:
    """What the listener knows already of one target."""

    problem = ""
    notice = ""
