"""The KPI banner: a few big facts side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from optischema_tui.core.safe_text import one_line
from optischema_tui.widgets.glyphs import glyphs_of
from optischema_tui.widgets.lines import Line, LineView


@dataclass(frozen=True, slots=True)
class Tile:
    """`role` colours the value."""

    label: str
    value: str
    detail: str = ""
    role: str = "strong"


class Tiles(LineView):
    """Tiles of equal width on three lines: label, value, detail."""

    DEFAULT_CSS = """
    Tiles { height: 3; padding: 0 1; overflow: hidden; }
    """

    def show_tiles(self, tiles: Sequence[Tile]) -> None:
        edge = glyphs_of(self).edge
        self.show(lambda width: _lines(tuple(tiles), width, edge))


def _lines(tiles: Sequence[Tile], width: int, edge: str) -> list[Line]:
    if not tiles:
        return []
    each = width // len(tiles)
    rows: list[list[tuple[str, str]]] = [[], [], []]
    for tile in tiles:
        for row, (text, role) in zip(
            rows, ((tile.label, "dim"), (tile.value, tile.role), (tile.detail, "dim")), strict=True
        ):
            shown = one_line(text, each - 3)
            row += ((edge + " ", "bar"), (shown, role))
            row.append((" " * (each - 2 - cell_len(shown)), ""))
    return [tuple(row) for row in rows]
