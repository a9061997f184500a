"""The way to a moment of the past and back: one look after the other, and none is shown after the way back."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from optischema_tui import messages as m

if TYPE_CHECKING:
    from optischema_tui.core.history.store import History
    from optischema_tui.core.models import TargetIdentity

Look = Callable[[], None]
"""Reads history; to be called in a thread of its own. Raises OptischemaError when there is nothing to see."""


class Travel:
    """Its methods belong to the event loop's thread; the looks that they give do not."""

    def __init__(
        self,
        tell: Callable[[m.Fact], None],
        known: Callable[[], tuple[History, TargetIdentity]],
        shown: Callable[[], frozenset[str]],
    ) -> None:
        """`known` gives history and whose it is, or raises; `shown` the filter reasons that are switched off."""
        self._tell = tell
        self._known = known
        self._shown = shown
        self._at: float | None = None
        """The moment that the screens stand at; None for the present."""
        self._turn = 0
        """Counts the ways back to the present."""
        self._marking = threading.Lock()
        """Held for an instant, where the two above change."""
        self._looking = threading.Lock()
        """A step begins where the one before it has ended."""

    @property
    def away(self) -> bool:
        return self._at is not None

    def to(self, at: float) -> Look:
        return self._look(lambda: at)

    def by(self, steps: int) -> Look:
        """Stored intervals forward, or back when negative."""

        def target() -> float | None:
            from optischema_tui.core.jobs.past import step

            if self._at is None and steps > 0:
                self._tell(m.Told("This is the present: nothing is stored after it."))
                return None
            return step(*self._known(), self._at, steps)

        return self._look(target)

    def again(self) -> Look:
        """The same moment, with the filters as they are now."""
        return self._look(lambda: self._at)

    def live(self) -> None:
        with self._marking:
            self._turn += 1
            self._at = None
        # Behind what a look has told already, which comes by way of the event loop.
        asyncio.get_running_loop().call_soon(self._tell, m.WentLive())

    def _look(self, target: Callable[[], float | None]) -> Look:
        turn = self._turn

        def look() -> None:
            from optischema_tui.core.jobs.past import look_back
            from optischema_tui.state import Past, Sight

            with self._looking:
                if turn != self._turn or (at := target()) is None:
                    return
                found = look_back(*self._known(), at, self._shown())
                sight = Sight(found.picture, found.sample, found.waits, found.readings)
                with self._marking:
                    if turn == self._turn:
                        self._at = found.at
                        self._tell(m.PastReady(Past(found.at, sight, found.note)))

        return look
