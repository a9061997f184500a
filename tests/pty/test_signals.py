"""A TERM or a closed terminal ends the screens as `q` does: the terminal gets its modes back, the exit code tells."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from pseudo_terminal import PseudoTerminal

LEFT_THE_SCREEN = b"\x1b[?1049l"


@pytest.mark.parametrize(
    ("words", "marker", "number"),
    [([], "shop", signal.SIGTERM), (["shop"], "Dash", signal.SIGTERM), (["shop"], "Dash", signal.SIGHUP)],
    ids=["the list of targets", "the screens", "the screens, closed"],
)
def test_a_signal_leaves_the_terminal_as_it_was(
    words: list[str], marker: str, number: signal.Signals, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[profiles.shop]\nhost = "{tmp_path}"\ndbname = "shop"\nuser = "nobody"\n')
    places = ["--config", str(config), "--state-dir", str(tmp_path / "state")]
    with PseudoTerminal([sys.executable, "-m", "optischema_tui", *words, *places]) as held:
        held.until(marker)
        held.rest()
        os.kill(held._pid, number)
        held.read(lambda: LEFT_THE_SCREEN in held.raw, 20)
        assert LEFT_THE_SCREEN in held.raw
        held.read(lambda: False, 20)
        held._wait()
    assert held.status == 128 + number
