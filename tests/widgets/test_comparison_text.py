"""Two sides in words and columns: figures of a side that is missing are never zero."""

from __future__ import annotations

from statistics import mean, pstdev

import pytest
from rich.cells import cell_len

from optischema_tui.core.baseline.compare import Comparison, Verdict, compare, whole_spread
from optischema_tui.core.models import Baseline, StatementKey, WindowStats
from optischema_tui.widgets.comparison_columns import comparison_columns
from optischema_tui.widgets.comparison_text import change_words, row_lines, total_lines
from optischema_tui.widgets.glyphs import UNICODE
from optischema_tui.widgets.lines import cells, plain
from optischema_tui.widgets.live_table import lay_cells, shape_for


def stats(queryid: int, *calls: float, text: str = "SELECT 1") -> WindowStats:
    """A statement whose calls took so many ms each."""
    return WindowStats(
        StatementKey(10, 5, queryid, True), text, len(calls), sum(calls), 2 * len(calls), 30, 0,
        pstdev(calls) if len(calls) > 1 else 0.0,
    )  # fmt: skip


def compared(before: list[WindowStats], after: list[WindowStats]) -> Comparison:
    return compare(Baseline("a", "t", 9, 0, 9, tuple(before)), Baseline("b", "t", 99, 90, 99, tuple(after)))


def test_the_spread_of_a_side_is_that_of_all_its_calls() -> None:
    first, second, one = [1.0, 3.0, 8.0], [20.0, 21.0], [400.0]
    side = [stats(1, *first), stats(2, *second), stats(3, *one)]
    assert whole_spread(side) == pytest.approx(pstdev([*first, *second, *one]))
    assert whole_spread([]) is None
    unknown = stats(4, 5.0, 5.0)
    assert (unknown.stddev_exec_time, mean([5.0, 5.0])) == (0.0, unknown.mean_exec_time)
    assert whole_spread([*side, unknown]) is None, "0 is one that history does not know"


def test_a_side_that_is_missing_is_a_dash_in_every_column() -> None:
    rows = compared([stats(1, 1.0, 2.0)], [stats(2, 3.0, 4.0)]).rows
    assert {row.verdict for row in rows} == {Verdict.NEW, Verdict.GONE}
    columns = comparison_columns()
    for row in rows:
        gone = row.verdict is Verdict.GONE
        drawn = {column.id: column.cell(row, column.width) for column in columns}
        assert drawn["mean.after" if gone else "mean"] == "—"
        assert drawn["calls.after" if gone else "calls"] == "—"
        assert drawn["plan"] == ("—", "dim")
        assert all(column.sort(row) is not None for column in columns if column.sort)
        assert "—" in plain(row_lines(row, 200, UNICODE)[0])


@pytest.mark.parametrize("width", [60, 78, 118, 198, 300])
def test_every_column_that_is_shown_fits(width: int) -> None:
    slow = stats(1, *[4_000_000.0] * 20, text="SELECT '表' " * 50)
    (row,) = compared([slow], [stats(1, *[0.0004] * 20)]).rows
    shape = shape_for(comparison_columns(), width)
    assert cells(lay_cells(shape, row)[:-1]) <= width, "without the gap behind the last"
    assert all(len(column.label) <= size for column, size in zip(shape.columns, shape.widths, strict=True))
    for line in (
        *row_lines(row, width, UNICODE),
        *total_lines("x" * 80, "y", compared([slow], [slow]), width, UNICODE),
    ):
        assert cell_len(plain(line).rstrip()) <= width


def test_changes_in_words() -> None:
    assert [change_words(each) for each in (None, -0.8, 0.0, 2.5, 11.0, 12_344.0)] == [
        "—", "-80%", "+0%", "+250%", "12x", "1.23e+04x",
    ]  # fmt: skip
