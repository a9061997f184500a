"""An application on synthetic data under Textual's Pilot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sample_data as sample
from textual import _wait
from textual.pilot import Pilot

from optischema_tui import messages as m
from optischema_tui.app import OptischemaApp
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.models import Picture
from optischema_tui.terminal import Terminal

_wait.SLEEP_GRANULARITY = 1 / 200
"""Pilot holds a program for idle that worked for less than 1 ms of this; its own 20 ms are most of a key's time."""
TERMINAL = Terminal(remote=False, tmux=False, unicode=True, few_colours=False)
SIZES = ((200, 50), (120, 40), (80, 24))


class Stage:
    """What a test holds in its hands."""

    def __init__(self, app: OptischemaApp, pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def bridge(self) -> sample.FakeBridge:
        assert isinstance(self.app.bridge, sample.FakeBridge)
        return self.app.bridge

    @property
    def text(self) -> str:
        """The screen in front as a terminal would show it."""
        screen = self.app.screen
        lines = screen._compositor.render_strips(self.app.size)
        return "\n".join("".join(segment.text for segment in strip) for strip in lines)

    async def tell(self, *facts: m.Fact) -> None:
        for fact in facts:
            self.app.post_message(fact)
        await self.settle()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def settle(self) -> None:
        """Let messages be handled and those that they cause, and what they changed be laid out, which is done 60 times
        a second."""
        for _ in range(2):
            await self.pilot.pause(1 / 60)
            await self.pilot.pause()

    async def until(self, true: Callable[[], bool], what: str) -> None:
        """Wait for a condition, ten seconds at most."""
        async with asyncio.timeout(10):
            while not true():
                await self.pilot.pause()
        assert true(), what

    def asked(self, kind: type[m.Request]) -> list[Any]:
        return [request for request in self.bridge.asked if isinstance(request, kind)]


@asynccontextmanager
async def stage(
    shown: Picture | None = None,
    *,
    size: tuple[int, int] = (120, 40),
    live: bool = True,
    terminal: Terminal = TERMINAL,
    export_dir: Path | None = None,
    problems: Sequence[OptischemaError] = (),
    **spec: Any,
) -> AsyncIterator[Stage]:
    app = OptischemaApp(
        sample.spec(**({"allow_changes": True, "interval": 5.0} | spec)),
        lambda app: sample.FakeBridge(app, shown),
        terminal=terminal,
        clock=sample.clock(),
        export_dir=export_dir,
        problems=problems,
    )
    async with app.run_test(size=size, notifications=True) as pilot:
        held = Stage(app, pilot)
        await held.settle()
        if live:
            await held.tell(m.LinkLive("shop@demo", None))
        yield held
