"""Start to first frame, against an empty Textual app, alternating in one run; and `--help`.

make bench-start
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from terminal import Terminal

PYTHON = str(Path(__file__).resolve().parent.parent / ".venv/bin/python")
EMPTY = """
from textual.app import App
from textual.widgets import Footer, Header, Input, Static
class Empty(App):
    def compose(self):
        yield Header()
        yield Input()
        yield Static("x" * 250)
        yield Footer()
Empty().run()
"""


def first_frame(command: list[str]) -> float:
    terminal = Terminal(command)
    try:
        terminal.wait(lambda text: terminal.first_frame is not None, 30)
        assert terminal.first_frame is not None
        return 1000 * terminal.first_frame
    finally:
        terminal.close()


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as state:
        # A server that does not answer: what is timed is the program, with nothing stored.
        ours = [PYTHON, "-m", "optischema_tui", "host=127.0.0.1 port=1 user=x dbname=x", "--state-dir", state]
        empty = [PYTHON, "-c", EMPTY]
        first_frame(ours), first_frame(empty)
        pairs = [(first_frame(ours), first_frame(empty)) for _ in range(runs)]
    a, b = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratios = sorted(x / y for x, y in pairs)
    print(f"first frame, median of {runs}: optischema-tui {a:.0f} ms, empty Textual app {b:.0f} ms")
    print(
        f"ratio pair by pair: median {statistics.median(ratios):.2f} [{ratios[0]:.2f}-{ratios[-1]:.2f}]   goal <= 1.4"
    )
    times = []
    for _ in range(runs):
        began = time.monotonic()
        subprocess.run([PYTHON, "-m", "optischema_tui", "--help"], stdout=subprocess.DEVNULL, check=True)
        times.append(1000 * (time.monotonic() - began))
    print(f"--help: median {statistics.median(times):.0f} ms [{min(times):.0f}-{max(times):.0f}]   goal <= 120")


main()
