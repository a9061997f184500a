"""Progress at the pace of an eye: quick stages of a job tell hundreds of steps a second, and each costs a drawing."""

from __future__ import annotations

from collections.abc import Callable

from optischema_tui.core.clock import Clock

PACE = 0.1
"""Seconds between two steps of one stage, at least."""


class Steps:
    """Passes on `tell(what, fraction)`: the first step of each stage at once, of the others as many as `PACE` allows.

    Steps are of one stage when their words are the same up to the first digit.
    """

    def __init__(self, tell: Callable[[str, float], None], clock: Clock) -> None:
        self._tell = tell
        self._clock = clock
        self._stage: str | None = None
        self._told_at = 0.0

    def __call__(self, what: str, fraction: float) -> None:
        now, stage = self._clock.monotonic(), _stage(what)
        if stage != self._stage or now - self._told_at >= PACE:
            self._stage, self._told_at = stage, now
            self._tell(what, fraction)


def _stage(what: str) -> str:
    return what[: next((place for place, character in enumerate(what) if character.isdigit()), len(what))]
