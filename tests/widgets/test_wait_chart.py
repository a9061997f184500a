"""Charts that stack, and the marks of breaks in both kinds of chart."""

from __future__ import annotations

import pytest

from optischema_tui.core.models import WaitPoint
from optischema_tui.widgets.chart import Point, _plot
from optischema_tui.widgets.figures import rate
from optischema_tui.widgets.glyphs import ASCII, UNICODE, Glyphs
from optischema_tui.widgets.lines import Line, cells, plain
from optischema_tui.widgets.reading_rows import lacking_words
from optischema_tui.widgets.server_panels import setting_words
from optischema_tui.widgets.wait_chart import heights, wait_lines


def points(*values: tuple[tuple[str, float], ...], breaks_at: int = -1) -> list[WaitPoint]:
    return [WaitPoint(60.0 * place, 60.0, 60, each, place == breaks_at) for place, each in enumerate(values)]


def column(lines: list[Line], place: int) -> str:
    """The cells of one column, from the bottom up."""
    return "".join(plain(line).ljust(100)[place] for line in reversed(lines[1:-1]))


def test_classes_stand_on_each_other_in_a_fixed_order() -> None:
    assert heights((("Lock", 2.0), ("CPU", 1.0), ("Timeout", 0.5), ("Extension", 0.25))) == (1, 0, 2, 0, 0, 0.75)
    lines = wait_lines(points(*[(("Lock", 2.0), ("CPU", 2.0), ("IO", 4.0))] * 30), 60, 10, ASCII, letters=True)
    assert column(lines, 7) == "##iiiiLL"
    assert plain(lines[0]).split() == [
        "Active",
        "sessions",
        "8.0",
        "#",
        "CPU",
        "2.0",
        "i",
        "IO",
        "4.0",
        "L",
        "Lock",
        "2.0",
    ]


def test_the_top_of_a_stack_is_a_part_of_a_cell() -> None:
    lines = wait_lines(points(*[(("CPU", 4.0),), (("CPU", 1.5),)] * 20), 60, 6, UNICODE, letters=False)
    assert {column(lines, 7), column(lines, 8)} == {"████", "█▄  "}


def test_many_intervals_share_a_column_and_few_take_the_room() -> None:
    many = wait_lines(points(*[(("CPU", 1.0),)] * 5000), 60, 8, UNICODE, letters=False)
    assert max(map(cells, many)) <= 60
    assert len(plain(many[-2]).strip()) >= 50
    few = wait_lines(points(*[(("CPU", 1.0),)] * 3), 60, 8, UNICODE, letters=False)
    assert plain(few[-2]).count("█") == 9


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_missing_samples_are_marked(glyphs: Glyphs) -> None:
    whole = wait_lines(points(*[(("CPU", 1.0),)] * 40), 60, 8, glyphs, letters=glyphs.ascii_only)
    gap = wait_lines(points(*[(("CPU", 1.0),)] * 40, breaks_at=20), 60, 8, glyphs, letters=glyphs.ascii_only)
    assert glyphs.gap not in "".join(plain(line) for line in whole[1:-1])
    assert all(plain(line).count(glyphs.gap) == 1 for line in gap[1:-1])


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
def test_a_break_of_a_line_is_marked(glyphs: Glyphs) -> None:
    flat = [Point(10.0 * place, 1.0, place == 60) for place in range(120)]
    lines = [plain(line) for line in _plot(flat, 60, 8, glyphs, "line-a")[:-2]]
    marked = [line.index(glyphs.gap) for line in lines if glyphs.gap in line]
    assert len(marked) >= 4
    assert len(set(marked)) == 1
    assert 30 <= marked[0] <= 36, "in the middle, where it fell"
    calm = [Point(10.0 * place, 1.0) for place in range(120)]
    assert not any(glyphs.gap in plain(line) for line in _plot(calm, 60, 8, glyphs, "line-a")[:-2])


def test_no_sample_is_a_sentence_and_small_charts_keep_the_legend() -> None:
    assert "no sample" in plain(wait_lines([], 60, 8, UNICODE, letters=False)[0])
    assert len(wait_lines(points((("CPU", 1.0),)), 12, 3, UNICODE, letters=False)) == 1


def test_small_words() -> None:
    assert [rate(value) for value in (None, 0.0, 0.001, 0.06, 12.0)] == ["—", "0", "<0.1", "0.1", "12"]
    assert setting_words("262144", "8kB") == "2.0 GB"
    assert setting_words("-1", "kB") == "-1 kB"
    assert setting_words("200", "ms") == "200 ms"
    assert setting_words(None, None) == ""
    assert lacking_words(("x", "wal_fpi", "failover")) == (
        "failover needs PostgreSQL 17; wal_fpi needs PostgreSQL 14; x not in this version"
    )
