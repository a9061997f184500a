"""The characters that pictures are made of: one set for terminals with Unicode, one in plain ASCII."""

from __future__ import annotations

from dataclasses import dataclass

from textual.widget import Widget


@dataclass(frozen=True, slots=True)
class Glyphs:
    """`bar` holds the partial cells of a bar from empty to full; `tree` is (branch, last branch, line, nothing)."""

    bar: str
    tree: tuple[str, str, str, str]
    rule: str
    up: str
    down: str
    dot: str
    circle: str
    cross: str
    check: str
    warn: str
    arrow: str
    separator: str
    edge: str
    chart: str
    """The marker that the charts draw with."""
    gap: str
    """Marks in a chart where figures are missing or began anew."""
    ascii_only: bool = False
    """Nothing else may reach the terminal: one that does not read UTF-8 takes parts of other characters as controls."""


UNICODE = Glyphs(
    bar=" ▏▎▍▌▋▊▉█",
    tree=("├─ ", "└─ ", "│  ", "   "),
    rule="─",
    up="▲",
    down="▼",
    dot="●",
    circle="○",
    cross="✗",
    check="✓",
    warn="!",
    arrow="→",
    separator="│",
    edge="▌",
    chart="braille",
    gap="┊",
)
ASCII = Glyphs(
    bar=" #",
    tree=("|- ", "`- ", "|  ", "   "),
    rule="-",
    up="^",
    down="v",
    dot="*",
    circle="o",
    cross="x",
    check="+",
    warn="!",
    arrow="->",
    separator="|",
    edge="|",
    chart="*",
    gap=":",
    ascii_only=True,
)

_LIKE = str.maketrans("…—–→←↑↓·•●○┊", "~--><^v.**o:")


def glyphs_of(widget: Widget) -> Glyphs:
    """The set that the application chose for its terminal; Unicode in an application that chose none."""
    chosen = getattr(widget.app, "glyphs", UNICODE)
    return chosen if isinstance(chosen, Glyphs) else UNICODE


def to_ascii(text: str) -> str:
    """`text` in ASCII: known signs by their like, anything else by a question mark."""
    return text if text.isascii() else text.translate(_LIKE).encode("ascii", "replace").decode("ascii")


def bar(fraction: float, width: int, glyphs: Glyphs) -> str:
    """A bar of exactly `width` cells, filled from the left to `fraction` (0-1). Anything above zero shows."""
    steps = len(glyphs.bar) - 1
    filled = round(min(1.0, max(0.0, fraction)) * width * steps)
    if fraction > 0 and filled == 0:
        filled = 1
    full, part = divmod(filled, steps)
    text = glyphs.bar[-1] * full + (glyphs.bar[part] if part else "")
    return text.ljust(width)[:width]
