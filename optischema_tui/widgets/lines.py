"""Text as plain data, drawn by the line API: the base of nearly every widget here.

A `Line` is a tuple of (text, role) pieces. Roles are names that a theme gives its colours (`roles`); no
markup exists anywhere. Each piece passes `safe_text.clean` on its way to the terminal: what a server sent cannot
leave this module as a control sequence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from optischema_tui.core.safe_text import clean, fit
from optischema_tui.widgets.glyphs import glyphs_of, to_ascii
from optischema_tui.widgets.roles import style_of

Piece = tuple[str, str]
Line = tuple[Piece, ...]
Builder = Callable[[int], Sequence[Line]]
"""Given the width in cells, the lines."""

BLANK: Line = ()


def plain(line: Line) -> str:
    """The text of a line, made inert."""
    return clean("".join(text for text, _ in line))


def cells(line: Line) -> int:
    return sum(cell_len(text) for text, _ in line)


def cut(line: Line, width: int) -> Line:
    """`line` within `width` cells, the last an ellipsis when something was cut."""
    if cells(line) <= width:
        return line
    kept: list[Piece] = []
    room = width
    for text, role in line:
        size = cell_len(text)
        if size >= room:
            kept.append((fit(text + " ", room) if size == room else fit(text, room), role))
            break
        kept.append((text, role))
        room -= size
    return tuple(kept)


def wrap(line: Line, width: int, indent: int = 0) -> list[Line]:
    """`line` broken at spaces into lines of at most `width` cells, the later ones indented by `indent`."""
    width = max(8, width)
    done: list[Line] = []
    current: list[Piece] = []
    room = width
    for text, role in line:
        for word in _words(text, width - indent):
            size = cell_len(word.rstrip(" ")) if word.strip() else cell_len(word)
            if size > room and current:
                done.append(tuple(current))
                current = [(" " * indent, "")] if indent else []
                room = width - indent
                word = word.lstrip(" ") if word.strip() else ""
            if word:
                current.append((word, role))
                room -= cell_len(word)
    if current or not done:
        done.append(tuple(current))
    return [_joined(each) for each in done]


def _joined(line: Line) -> Line:
    """Neighbouring pieces of one role made one."""
    pieces: list[Piece] = []
    for text, role in line:
        if pieces and pieces[-1][1] == role:
            pieces[-1] = (pieces[-1][0] + text, role)
        else:
            pieces.append((text, role))
    return tuple(pieces)


def _words(text: str, limit: int) -> Iterable[str]:
    """`text` in pieces that end with their spaces; a word longer than `limit` cells is broken."""
    start = 0
    while start < len(text):
        end = text.find(" ", start)
        end = len(text) if end < 0 else end
        while end < len(text) and text[end] == " ":
            end += 1
        word = text[start:end]
        while cell_len(word) > limit and len(word) > 1 and word.strip():
            head = word[:limit] if cell_len(word[:limit]) <= limit else word[: max(1, limit // 2)]
            yield head
            word = word[len(head) :]
        yield word
        start = end


class LineBase(ScrollView, can_focus=False, inherit_bindings=False):
    """Draws lines by role and repaints only the rows of the screen whose content changed."""

    DEFAULT_CSS = """
    LineBase {
        height: 1fr;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        scrollbar-color: $primary 60%;
        scrollbar-background: $surface;
        background: $background;
        color: $foreground;
    }
    """

    def strip(self, line: Line, width: int, state: str = "") -> Strip:
        """`line` as a strip of exactly `width` cells; `state` is a role that lies under every piece."""
        base = self.rich_style
        under = style_of(self.app, state) if state else None
        ground = base + under if under else base
        ascii_only = glyphs_of(self).ascii_only
        segments = []
        for text, role in line:
            style = ground
            if role and state != "cursor":
                style = base + style_of(self.app, role)
                style = style + under if under else style
            shown = clean(text).expandtabs(4).replace("\n", " ")
            segments.append(Segment(to_ascii(shown) if ascii_only else shown, style))
        return Strip(segments).crop(0, width).extend_cell_length(width, ground)

    def repaint(self, changes: Iterable[tuple[int, Line, Line]]) -> None:
        """Mark what differs between two drawings of rows of the viewport: (row, as drawn, as it should be)."""
        width = self.size.width
        regions = []
        for row, old, new in changes:
            start, end = _difference(old, new, width)
            if start < end:
                regions.append(Region(start, row, end - start, 1))
        if regions:
            self.refresh(*regions)


def _difference(old: Line, new: Line, width: int) -> tuple[int, int]:
    """The cells (first, behind the last) of what changed; empty when nothing did.

    One stretch for a row, however many of its pieces changed: the driver writes each stretch from the row's beginning.
    """
    x, first, last = 0, width, 0
    for before, after in zip(old, new, strict=False):
        size = cell_len(before[0])
        if size != cell_len(after[0]):
            return min(first, x), width
        if before != after:
            first, last = min(first, x), x + size
        x += size
    return (first, last) if len(old) == len(new) else (min(first, x), width)


class LineView(LineBase):
    """Lines that scroll. Set them with `show`; only rows that differ are repainted."""

    DEFAULT_CSS = """
    LineView { padding: 0 1; }
    """

    class Picked(Message):
        """A row was clicked. `x` and `row` count from the content's top left."""

        def __init__(self, view: LineView, x: int, row: int) -> None:
            super().__init__()
            self.view = view
            self.x = x
            self.row = row

        @property
        def control(self) -> LineView:
            return self.view

    def __init__(self, *, id: str | None = None, classes: str | None = None, focusable: bool = False) -> None:
        super().__init__(id=id, classes=classes)
        self.can_focus = focusable
        self._builder: Builder = lambda width: ()
        self._lines: list[Line] = []
        self._built_for = -1

    @property
    def lines(self) -> tuple[Line, ...]:
        """What stands here now, scrolled out of sight or not."""
        return tuple(self._lines)

    @property
    def text(self) -> str:
        """The lines as inert plain text, for copying and export."""
        return "\n".join(plain(line).rstrip() for line in self._lines)

    def show(self, builder: Builder, *, top: bool = False) -> None:
        """Draw what `builder` gives for this width, now and after each resize; `top` scrolls to the beginning."""
        self._builder = builder
        self._rebuild()
        if top:
            self.scroll_to(y=0, animate=False, immediate=True)

    def _rebuild(self) -> None:
        width = self.scrollable_content_region.width
        self._built_for = width
        if width <= 0:
            return
        old, self._lines = self._lines, list(self._builder(width))
        if len(old) != len(self._lines) or self.virtual_size.width != width:
            self.virtual_size = Size(width, len(self._lines))
        offset = self.scroll_offset.y
        rows = range(self.size.height)
        self.repaint((row, _at(old, row + offset), _at(self._lines, row + offset)) for row in rows)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The height of `height: auto`, counted for a width that the view does not have yet: a view without rows gets
        no size, and would never be asked for any."""
        return len(self._lines) if width == self._built_for else len(self._builder(width))

    def on_resize(self, event: events.Resize) -> None:
        self._rebuild()

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is not None:
            self.post_message(self.Picked(self, offset.x, offset.y + self.scroll_offset.y))

    def render_line(self, y: int) -> Strip:
        return self.strip(_at(self._lines, y + self.scroll_offset.y), self.size.width)

    def move(self, step: str) -> None:
        """Scroll: up, down, half_up, half_down, home, end."""
        half = max(1, self.size.height // 2)
        by = {"up": -1, "down": 1, "half_up": -half, "half_down": half}
        if step in by:
            self.scroll_relative(y=by[step], animate=False)
        elif step == "home":
            self.scroll_home(animate=False)
        else:
            self.scroll_end(animate=False)


def _at(lines: Sequence[Line], index: int) -> Line:
    return lines[index] if 0 <= index < len(lines) else BLANK
