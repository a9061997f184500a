"""A table for data that changes each tick: line API, only visible rows exist, only changed rows are repainted."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from rich.cells import cell_len
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from optischema_tui.core.safe_text import one_line
from optischema_tui.widgets.glyphs import glyphs_of
from optischema_tui.widgets.lines import Line, LineBase, Piece, plain

Row = TypeVar("Row")
Cell = str | tuple[str, str]
"""Text, or (text, role)."""


@dataclass(frozen=True)
class Column(Generic[Row]):
    """One column, shown in tables of `from_width` cells or more. `width` 0 takes what the others leave."""

    id: str
    label: str
    width: int
    cell: Callable[[Row, int], Cell]
    """The row's cell, given the width in cells. Foreign text may be returned as it is."""
    sort: Callable[[Row], Any] | None = None
    """What to sort by; None: this column does not sort."""
    right: bool = False
    from_width: int = 0
    largest_first: bool = True


@dataclass(frozen=True)
class Order:
    """The sort in force."""

    column: str
    reverse: bool


@dataclass
class Shape:
    """The columns that fit, and their widths."""

    columns: list[Any] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)
    gap: int = 1


class LiveTable(LineBase, Generic[Row], can_focus=True, inherit_bindings=False):
    """Rows by key. The cursor stays on its key when rows move; before the first move it stays at the top."""

    DEFAULT_CSS = """
    LiveTable { height: 1fr; }
    """

    class Opened(Message):
        """Enter or a double click on a row."""

        def __init__(self, table: LiveTable[Any], row: Any) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> LiveTable[Any]:
            return self.table

    class Highlighted(Message):
        """The cursor stands on another row, or on none."""

        def __init__(self, table: LiveTable[Any], row: Any) -> None:
            super().__init__()
            self.table = table
            self.row = row

        @property
        def control(self) -> LiveTable[Any]:
            return self.table

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LiveTable.Highlighted) and message.table is self.table

    def __init__(
        self,
        columns: Sequence[Column[Row]],
        key: Callable[[Row], Hashable],
        *,
        order: Order | None = None,
        matches: Callable[[Row, str], bool] | None = None,
        empty: str = "",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.columns = tuple(columns)
        self.order = order
        self.needle = ""
        self.empty = empty
        self.cursor = 0
        self.picked = order.column if order else columns[0].id
        self._key = key
        self._matches = matches
        self._all: Sequence[Row] = ()
        self._rows: list[Row] = []
        self._pinned: Hashable | None = None
        self._told: Hashable | None = None
        self._shape = Shape()
        self._laid: dict[int, Line] = {}
        self._drawn: dict[int, tuple[Line, str]] = {}

    # --- what stands here ---

    @property
    def rows(self) -> tuple[Row, ...]:
        """After filter and sort."""
        return tuple(self._rows)

    @property
    def total(self) -> int:
        """Rows before the filter."""
        return len(self._all)

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return self._rows[self.cursor] if 0 <= self.cursor < len(self._rows) else None

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Replace the data; the cursor follows its key."""
        self._all = rows
        self._arrange()

    def set_filter(self, needle: str) -> None:
        """Keep the rows that match `needle`; empty keeps all."""
        if needle != self.needle:
            self.needle = needle
            self._arrange()

    def set_empty(self, sentence: str) -> None:
        """What to say when no row is left."""
        if sentence != self.empty:
            self.empty = sentence
            self._repaint_changed()

    def sort_by(self, column: str, reverse: bool) -> None:
        self.order = Order(column, reverse)
        self.picked = column
        self._arrange()

    def pick_column(self, step: int) -> None:
        """Move the mark in the header to the next column that sorts, `step` +1 or -1."""
        sortable = [column.id for column in self._shape.columns if column.sort]
        if sortable:
            at = sortable.index(self.picked) if self.picked in sortable else 0
            self.picked = sortable[(at + step) % len(sortable)]
            self._repaint_changed()

    def sort_picked(self) -> None:
        """Sort by the marked column; again: the other way round."""
        column = next((each for each in self.columns if each.id == self.picked and each.sort), None)
        if column is None:
            return
        if self.order and self.order.column == column.id:
            self.sort_by(column.id, not self.order.reverse)
        else:
            self.sort_by(column.id, column.largest_first)

    def move(self, step: str) -> None:
        """Move the cursor: up, down, half_up, half_down, home, end."""
        half = max(1, (self.size.height - 1) // 2)
        by = {
            "up": -1,
            "down": 1,
            "half_up": -half,
            "half_down": half,
            "home": -len(self._rows),
            "end": len(self._rows),
        }
        self._go(self.cursor + by[step])

    def move_to(self, key: Hashable) -> None:
        """Put the cursor on the row with this key; nothing when there is none."""
        index = next((index for index, row in enumerate(self._rows) if self._key(row) == key), None)
        if index is not None:
            self._go(index)

    def open_current(self) -> None:
        if self.current is not None:
            self.post_message(self.Opened(self, self.current))

    def as_text(self, width: int) -> str:
        """Every row after filter and sort, as inert plain text about `width` cells wide."""
        shape, self._shape = self._shape, shape_for(self.columns, width)
        try:
            lines = [self._header(), *(lay_cells(self._shape, row) for row in self._rows)]
        finally:
            self._shape = shape
        return "\n".join(plain(line).rstrip() for line in lines)

    # --- arranging ---

    def _go(self, index: int) -> None:
        if not self._rows:
            return
        self.cursor = min(max(0, index), len(self._rows) - 1)
        self._pinned = self._key(self._rows[self.cursor])
        self._keep_in_view()
        self._repaint_changed()
        self._tell()

    def _arrange(self) -> None:
        was_visible = self._visible(self.cursor)
        rows = list(self._all)
        if self.needle and self._matches:
            rows = [row for row in rows if self._matches(row, self.needle)]
        column = next((each for each in self.columns if self.order and each.id == self.order.column), None)
        if self.order and column and column.sort:
            rows.sort(key=column.sort, reverse=self.order.reverse)
        grew = len(rows) != len(self._rows)
        self._rows = rows
        self._laid.clear()
        self._find_pinned()
        if grew:
            self._fit_height()
        if was_visible:
            self._keep_in_view()
        self._repaint_changed()
        self._tell()

    def _find_pinned(self) -> None:
        if self._pinned is not None:
            if self.current is not None and self._key(self.current) == self._pinned:
                return
            for index, row in enumerate(self._rows):
                if self._key(row) == self._pinned:
                    self.cursor = index
                    return
        self.cursor = max(0, min(self.cursor, len(self._rows) - 1))

    def _fit_height(self) -> None:
        """Tell the scrollbar about the number of rows, without laying out the whole screen when it need not appear."""
        size = Size(max(0, self.size.width), len(self._rows) + 1)
        height = self.container_size.height
        if self.is_mounted and (size.height > height) == (self.virtual_size.height > height):
            self.set_reactive(ScrollView.virtual_size, size)
            self._scroll_update(size)
        else:
            self.virtual_size = size

    def _tell(self) -> None:
        row = self.current
        key = self._key(row) if row is not None else None
        if key != self._told:
            self._told = key
            if self.is_mounted:
                self.post_message(self.Highlighted(self, row))

    # --- the viewport ---

    @property
    def _height(self) -> int:
        return max(0, self.size.height - 1)

    def _visible(self, index: int) -> bool:
        top = self.scroll_offset.y
        return top <= index < top + self._height or self._height == 0

    def _keep_in_view(self) -> None:
        top, height = self.scroll_offset.y, self._height
        if height <= 0:
            return
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, immediate=True)

    def _repaint_changed(self) -> None:
        if self.is_mounted:
            self.repaint(self._changes())

    def _changes(self) -> Iterator[tuple[int, Line, Line]]:
        """The rows of the viewport that are not what was drawn there last."""
        for y in range(self.size.height):
            line, state = self._row(y)
            drawn, drawn_state = self._drawn.get(y, ((), "none"))
            if drawn_state != state:
                yield y, (("", "another state"),), line
            elif drawn != line:
                yield y, drawn, line

    def on_resize(self, event: events.Resize) -> None:
        self._lay_out()
        self._fit_height()
        self._keep_in_view()
        # A frame may have been drawn between the new size and this event, in the old columns.
        self._repaint_changed()

    def on_focus(self) -> None:
        self._repaint_changed()

    def on_blur(self) -> None:
        self._repaint_changed()

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        if offset.y == 0:
            self._click_header(offset.x)
        elif offset.y - 1 + self.scroll_offset.y < len(self._rows):
            self._go(offset.y - 1 + self.scroll_offset.y)
            if event.chain == 2:
                self.open_current()

    def _click_header(self, x: int) -> None:
        edge = 1
        for column, width in zip(self._shape.columns, self._shape.widths, strict=True):
            edge += width + self._shape.gap
            if x < edge:
                if column.sort:
                    self.picked = column.id
                    self.sort_picked()
                return

    # --- drawing ---

    def _lay_out(self) -> None:
        self._shape = shape_for(self.columns, self.size.width)
        self._laid.clear()

    def _row(self, y: int) -> tuple[Line, str]:
        if y == 0:
            return self._header(), ""
        index = y - 1 + self.scroll_offset.y
        if index >= len(self._rows):
            return (((f" {self.empty}", "dim"),) if index == 0 and self.empty else ()), ""
        if index not in self._laid:
            self._laid[index] = lay_cells(self._shape, self._rows[index])
        state = ("cursor" if self.has_focus else "cursor-idle") if index == self.cursor else ""
        return self._laid[index], state

    def _header(self) -> Line:
        glyphs = glyphs_of(self)
        pieces: list[Piece] = [(" ", "")]
        for column, width in zip(self._shape.columns, self._shape.widths, strict=True):
            label = column.label
            if self.order and self.order.column == column.id:
                label += glyphs.down if self.order.reverse else glyphs.up
            label = label[:width].rjust(width) if column.right else label[:width].ljust(width)
            role = "accent" if column.id == self.picked and column.sort and self.order else "head"
            pieces += ((label, role), (" " * self._shape.gap, ""))
        return tuple(pieces)

    def render_line(self, y: int) -> Strip:
        if not self._shape.columns:
            self._lay_out()
        drawn = self._row(y)
        self._drawn[y] = drawn
        return self.strip(drawn[0], self.size.width, drawn[1])


def shape_for(columns: Sequence[Column[Any]], width: int) -> Shape:
    """The columns that a table of `width` cells shows; those without a width share what is left."""
    shown = [column for column in columns if column.from_width <= width]
    gap = 1 if width < 100 else 2
    fixed = sum(column.width for column in shown) + gap * (len(shown) - 1) + 2
    loose = max(1, sum(1 for column in shown if not column.width))
    rest = max(8, (width - fixed) // loose)
    return Shape(shown, [column.width or rest for column in shown], gap)


def lay_cells(shape: Shape, row: Any) -> Line:
    """One row in the columns of `shape`, each cell made inert and exactly as wide as its column."""
    pieces: list[Piece] = [(" ", "")]
    for column, width in zip(shape.columns, shape.widths, strict=True):
        cell = column.cell(row, width)
        text, role = (cell, "") if isinstance(cell, str) else cell
        text = text if role == "bar" else one_line(text, width)
        space = " " * (width - cell_len(text))
        text = space + text if column.right else text + space
        pieces += ((text, role), (" " * shape.gap, ""))
    return tuple(pieces)
