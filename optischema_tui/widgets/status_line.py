"""The line that always tells: which server, may we change it, are the figures fresh, what do we cost."""

from __future__ import annotations

from dataclasses import dataclass, replace

from optischema_tui.core.safe_text import one_line
from optischema_tui.widgets.lines import Line, LineView, Piece, cells


@dataclass(frozen=True, slots=True)
class Part:
    """One segment. When the line is too long, parts are said in short, then those with the highest `rank` go."""

    text: str
    role: str = ""
    rank: int = 0
    short: str = ""
    """What stands for the text where there is no room for it."""


class StatusLine(LineView):
    """One line of parts. The parts of rank 0 are always there, cut rather than dropped."""

    DEFAULT_CSS = """
    StatusLine { height: 1; padding: 0 1; overflow: hidden; background: $surface; }
    """

    def show_parts(self, parts: tuple[Part, ...]) -> None:
        self.show(lambda width: [fit_parts(parts, width)])


def fit_parts(parts: tuple[Part, ...], width: int) -> Line:
    """The parts on one line of `width` cells."""
    left = [part for part in parts if part.text]
    while cells(line := _joined(left)) > width:
        highest = max((part.rank for part in left), default=0)
        if highest <= 1 and any(part.short for part in left):
            place = next(place for place, part in enumerate(left) if part.short)
            left[place] = replace(left[place], text=left[place].short, short="")
        elif highest > 0:
            left.remove(next(part for part in left if part.rank == highest))
        else:
            break
    return line


def _joined(parts: list[Part]) -> Line:
    pieces: list[Piece] = []
    for part in parts:
        if pieces:
            pieces.append(("  ", ""))
        pieces.append((one_line(part.text, 200), part.role))
    return tuple(pieces)
