"""Look at the screens with synthetic data: live, past, stored, lost, missing, hostile, empty or busy.

`busy` draws 5,000 statements anew each second, one in twenty of them changed.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import sample_data as sample
import sample_readings as readings

from optischema_tui import messages as m
from optischema_tui.app import OptischemaApp
from optischema_tui.core.clock import FixedClock

HOSTILE = (
    "SELECT '[/x] [red]' \x1b]0;owned\x07 \x1b[31m \x9b31m \u202eltr\x00 \x1b]52;c;b3duZWQ=\x07 FROM t\x1bP+q\x1b\\"
)


class Shown(sample.FakeBridge):
    """Tells the facts of one situation once the screens stand."""

    def __init__(self, app: Any, situation: str) -> None:
        shown = None if situation in ("missing", "empty") else sample.picture(stored=situation == "stored")
        if situation == "hostile":
            first = sample.row(0, text=HOSTILE)
            shown = replace(
                sample.picture(rows=(replace(first, role=HOSTILE, database=HOSTILE), sample.row(1))),
                target=replace(sample.TARGET, label=HOSTILE, database=HOSTILE), notices=(HOSTILE,),
            )  # fmt: skip
        if situation == "busy":
            shown = sample.picture(5000)
        super().__init__(app, shown)
        self.ticks = 0
        self.situation = situation

    def start(self) -> None:
        super().start()
        tell = self.app.post_message
        if self.situation == "lost":
            tell(m.LinkLost(sample.LOST, self.app.clock.monotonic() + 5))
        elif self.situation == "missing":
            tell(m.LinkLost(sample.MISSING, self.app.clock.monotonic() + 5))
        elif self.situation != "stored":
            tell(m.LinkLive(HOSTILE if self.situation == "hostile" else "shop@demo", None))
            for fact in readings.facts():
                tell(fact)
        if self.situation == "past":
            tell(m.PastReady(readings.past()))
        if self.situation == "busy":
            self.app.set_interval(1.0, self.tick)

    def tick(self) -> None:
        self.ticks += 1
        assert self.shown is not None
        rows = tuple(
            replace(row, interval_calls=row.calls + self.ticks) if (place + self.ticks) % 20 == 0 else row
            for place, row in enumerate(self.shown.rows)
        )
        self.shown = replace(self.shown, rows=rows, taken_at=self.shown.taken_at + 1)
        self.app.clock.advance(1)
        self.app.post_message(m.PictureReady(self.shown))

    def ask(self, request: m.Request) -> None:
        super().ask(request)
        if isinstance(request, m.Run):
            self.app.post_message(m.RunStarted())
            for check in sample.checks():
                self.app.post_message(m.RunChecked(check))
            progress = sample_progress()
            self.app.post_message(m.RunTick(progress))


def sample_progress() -> Any:
    from optischema_tui.core.models import BuildProgress

    return BuildProgress("building index: scanning table", 41_200, 96_000, 4711, 12.0)


if __name__ == "__main__":
    situation = sys.argv[1] if len(sys.argv) > 1 else "live"
    os.environ.setdefault("TZ", "UTC")
    app = OptischemaApp(
        sample.spec(allow_changes=situation != "stored", interval=5.0),
        lambda app: Shown(app, situation),
        clock=FixedClock(sample.NOW + (400 if situation in ("stored", "lost") else 1)),
        theme_name=os.environ.get("SHOW_THEME", ""),
    )
    app.run()
