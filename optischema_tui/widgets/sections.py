"""Titles and labelled values for panels of text."""

from __future__ import annotations

from rich.cells import cell_len

from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.lines import Line, wrap


def heading(title: str, detail: str, width: int, glyphs: Glyphs) -> Line:
    """A title with a rule to the right edge."""
    lead = f"  {detail}" if detail else ""
    used = cell_len(title) + cell_len(lead) + 2
    return ((title, "head"), (lead, "dim"), ("  " + glyphs.rule * max(0, width - used), "rule"))


def labelled(label: str, value: str, width: int, *, role: str = "", size: int = 14) -> list[Line]:
    """`label` in a column of `size` cells, then the value, wrapped under itself."""
    first, *more = wrap(((value, role),), width - size)
    return [((f"{label:<{size - 1}} ", "dim"), *first), *(((" " * size, ""), *line) for line in more)]


def bullets(sentences: tuple[str, ...], width: int, mark: str, role: str = "") -> list[Line]:
    """Each sentence behind `mark`, wrapped under itself."""
    return [line for text in sentences for line in wrap(((f"{mark} ", "dim"), (text, role)), width, len(mark) + 1)]
