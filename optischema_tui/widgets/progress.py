"""A step's progress as one line of text."""

from __future__ import annotations

from optischema_tui.core.models import BuildProgress
from optischema_tui.widgets.figures import count, seconds
from optischema_tui.widgets.glyphs import Glyphs, bar
from optischema_tui.widgets.lines import Line


def step_line(what: str, fraction: float, width: int, glyphs: Glyphs) -> Line:
    """`████▌      45%  reading schema and statistics`."""
    size = min(30, max(8, width // 3))
    return ((bar(fraction, size, glyphs), "bar"), (f" {fraction:>4.0%}  ", "strong"), (what, ""))


def build_lines(progress: BuildProgress, width: int, glyphs: Glyphs) -> list[Line]:
    """Phase, bar, amounts and the blocker of a running index build."""
    if progress.total > 0:
        fraction = min(1.0, progress.done / progress.total)
        amounts = f"{count(progress.done)} of {count(progress.total)}"
        lines = [step_line(progress.phase, fraction, width, glyphs), ((amounts, "dim"),)]
    else:
        lines = [((progress.phase, "strong"),), (("this phase tells no amounts", "dim"),)]
    lines.append(((f"running for {seconds(progress.seconds)}", "dim"),))
    if progress.blocker_pid:
        lines.append(((f"waiting for the transaction of backend pid {progress.blocker_pid}", "warn"),))
    return lines
