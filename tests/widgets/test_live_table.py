"""The table repaints what changed and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from optischema_tui.widgets.lines import Line, _difference
from optischema_tui.widgets.live_table import Column, LiveTable, Order


@dataclass(frozen=True)
class Row:
    key: int
    value: int
    text: str = "text"


COLUMNS: list[Column[Row]] = [
    Column("key", "KEY", 6, lambda row, width: str(row.key), lambda row: row.key, right=True),
    Column("value", "VALUE", 8, lambda row, width: str(row.value), lambda row: row.value, right=True),
    Column("wide", "WIDE", 10, lambda row, width: "wide", None, from_width=90),
    Column("text", "TEXT", 0, lambda row, width: row.text),
]


class TableApp(App[None]):
    def compose(self) -> ComposeResult:
        yield LiveTable(
            COLUMNS, lambda row: row.key, order=Order("value", True), empty="nothing",
            matches=lambda row, needle: needle in row.text,
        )  # fmt: skip


class Watched:
    """A table, and which of its lines were asked to be repainted."""

    def __init__(self, pilot: Pilot[None], table: LiveTable[Row]) -> None:
        self.pilot = pilot
        self.table = table
        self.dirty: list[int] = []
        whole = table.repaint

        def note(changes: Iterable[tuple[int, Line, Line]]) -> None:
            asked = list(changes)
            self.dirty += [row for row, _, _ in asked]
            whole(asked)

        table.repaint = note  # type: ignore[method-assign]

    async def settle(self) -> None:
        await self.pilot.pause()
        await self.pilot.pause()
        self.dirty.clear()

    @property
    def lines(self) -> list[str]:
        size = self.table.size
        return ["".join(part.text for part in self.table.render_line(y)) for y in range(size.height)]


@asynccontextmanager
async def table(rows: list[Row], size: tuple[int, int] = (60, 12)) -> AsyncIterator[Watched]:
    app = TableApp()
    async with app.run_test(size=size) as pilot:
        found: LiveTable[Any] = app.query_one(LiveTable)
        watched = Watched(pilot, found)
        found.set_rows(rows)
        await watched.settle()
        yield watched


def rows_of(count: int) -> list[Row]:
    return [Row(key, 10 * (count - key)) for key in range(count)]


async def test_the_same_data_repaints_nothing() -> None:
    async with table(rows_of(50)) as watched:
        watched.table.set_rows(rows_of(50))
        assert watched.dirty == []


async def test_one_changed_row_repaints_one_line() -> None:
    async with table(rows_of(50)) as watched:
        rows = rows_of(50)
        rows[4] = Row(4, rows[4].value, "other")
        watched.table.set_rows(rows)
        assert watched.dirty == [5]


def test_only_the_cells_that_changed_are_repainted() -> None:
    old: Line = (("abc", ""), (" ", ""), ("123", "dim"), (" ", ""), ("tail", ""))
    first, end = _difference(old, old, 40)
    assert first >= end
    assert _difference(old, (*old[:2], ("456", "dim"), *old[3:]), 40) == (4, 7)
    assert _difference(old, (*old[:2], ("123", "warn"), *old[3:]), 40) == (4, 7), "another colour"
    assert _difference(old, (*old[:2], ("1234", "dim"), *old[3:]), 40) == (4, 40), "what follows moved"
    assert _difference(old, old[:3], 40) == (7, 40)
    assert _difference(old, (("xyz", ""), *old[1:2], ("456", "dim"), *old[3:]), 40) == (0, 7), "one stretch for both"
    assert _difference((), old, 40) == (0, 40)


async def test_a_change_out_of_sight_repaints_nothing() -> None:
    async with table(rows_of(50)) as watched:
        rows = rows_of(50)
        rows[40] = Row(40, rows[40].value, "other")
        watched.table.set_rows(rows)
        assert watched.dirty == []


async def test_two_rows_that_change_places_repaint_two_lines() -> None:
    async with table(rows_of(50)) as watched:
        rows = rows_of(50)
        rows[2], rows[3] = Row(2, rows[3].value), Row(3, rows[2].value)
        watched.table.set_rows(rows)
        assert watched.dirty == [3, 4]


async def test_a_cursor_move_repaints_two_lines() -> None:
    async with table(rows_of(50)) as watched:
        watched.table.focus()
        await watched.settle()
        watched.table.move("down")
        assert watched.dirty == [1, 2]


async def test_more_rows_below_the_fold_repaint_nothing() -> None:
    async with table(rows_of(50)) as watched:
        watched.table.set_rows([*rows_of(50), Row(99, -5)])
        assert watched.dirty == []
        watched.table.move("end")
        assert watched.table.current == Row(99, -5)


async def test_the_cursor_stays_at_the_top_until_moved_then_on_its_key() -> None:
    async with table(rows_of(50)) as watched:
        changed = [Row(row.key, -row.value) for row in rows_of(50)]
        watched.table.set_rows(changed)
        assert watched.table.cursor == 0
        watched.table.move("down")
        key = watched.table.current.key  # type: ignore[union-attr]
        watched.table.set_rows(rows_of(50))
        assert watched.table.current == next(row for row in rows_of(50) if row.key == key)
        assert watched.table.scroll_offset.y > 0, "and it is brought into view"


async def test_a_key_that_is_gone_leaves_the_cursor_where_it_was() -> None:
    async with table(rows_of(5)) as watched:
        watched.table.move("end")
        watched.table.set_rows(rows_of(5)[:3])
        assert watched.table.current == rows_of(5)[2]
        watched.table.set_rows([])
        assert watched.table.current is None
        assert "nothing" in watched.lines[1]


async def test_filter_and_sort() -> None:
    rows = [Row(key, key % 7, "even" if key % 2 == 0 else "odd") for key in range(20)]
    async with table(rows) as watched:
        watched.table.set_filter("even")
        assert len(watched.table.rows) == 10
        assert watched.table.total == 20
        watched.table.sort_by("key", False)
        assert [row.key for row in watched.table.rows] == list(range(0, 20, 2))
        watched.table.set_filter("")
        assert len(watched.table.rows) == 20


async def test_columns_by_width_stay_aligned() -> None:
    rows = [Row(1, 2, "日本語のテキスト" * 9), Row(2, 1, "e\u0301" * 80), Row(3, 0, "x\x1b[31m\x00\u202ey")]
    for size, wide in (((60, 12), False), ((100, 12), True)):
        async with table(rows, size) as watched:
            assert ("WIDE" in watched.lines[0]) is wide
            at = watched.lines[0].index("TEXT")
            assert watched.lines[3][at:].startswith("x␛[31m␀\ufffdy")
            assert all(strip.cell_length == size[0] for strip in map(watched.table.render_line, range(12)))


async def test_header_click_sorts_and_row_click_moves() -> None:
    async with table(rows_of(8)) as watched:
        await watched.pilot.click(LiveTable, offset=(4, 0))
        assert watched.table.order == Order("key", True)
        await watched.pilot.click(LiveTable, offset=(4, 3))
        assert watched.table.cursor == 2
