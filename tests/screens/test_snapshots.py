"""Pictures of the screens; renew them with --snapshot-update."""

from __future__ import annotations

from typing import Any

import pytest
import sample_data as sample
import sample_readings as readings
from harness import TERMINAL

from optischema_tui import messages as m
from optischema_tui.app import OptischemaApp


class Told(sample.FakeBridge):
    """A server that answered at once."""

    def start(self) -> None:
        super().start()
        for fact in (m.LinkLive("shop@demo", None), *readings.facts()):
            self.app.post_message(fact)


def app() -> OptischemaApp:
    return OptischemaApp(
        sample.spec(allow_changes=True, interval=5.0),
        lambda app: Told(app, sample.picture()),
        terminal=TERMINAL,
        clock=sample.clock(),
    )


@pytest.mark.parametrize("size", [(200, 50), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(("name", "key"), [("dashboard", "1"), ("top", "2"), ("optimizations", "3")])
def test_snapshot(snap_compare: Any, name: str, key: str, size: tuple[int, int]) -> None:
    async def settled(pilot: Any) -> None:
        for _ in range(8):
            await pilot.pause()

    assert snap_compare(app(), press=[key], terminal_size=size, run_before=settled)


@pytest.mark.parametrize("size", [(120, 40), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(("name", "key"), [("activity", "6"), ("objects", "7"), ("server", "8"), ("doctor", "9")])
def test_what_is_collected(snap_compare: Any, name: str, key: str, size: tuple[int, int]) -> None:
    async def settled(pilot: Any) -> None:
        for _ in range(8):
            await pilot.pause()

    assert snap_compare(app(), press=[key], terminal_size=size, run_before=settled)


@pytest.mark.parametrize(("name", "key"), [("dashboard", "1"), ("activity", "6")])
def test_the_past(snap_compare: Any, name: str, key: str) -> None:
    async def back(pilot: Any) -> None:
        pilot.app.post_message(m.PastReady(readings.past()))
        for _ in range(8):
            await pilot.pause()

    assert snap_compare(app(), press=[key], terminal_size=(80, 24), run_before=back)
