"""A comparison of two stretches of history as lines."""

from __future__ import annotations

from typing import Any

from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.lines import Line
from optischema_tui.widgets.sections import heading


def comparison_lines(first: str, second: str, comparison: Any, width: int, glyphs: Glyphs) -> list[Line]:
    return [heading(f"{first} against {second}", "", width, glyphs)]
