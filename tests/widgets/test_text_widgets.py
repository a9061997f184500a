"""Lines, bars, SQL layout, plans, numbers: what they say, and that nothing unclean passes."""

from __future__ import annotations

import re

from rich.cells import cell_len

from optischema_tui.core.workload.plan import PlanNode
from optischema_tui.widgets import figures
from optischema_tui.widgets.chart import Point, _plot, _thin
from optischema_tui.widgets.glyphs import ASCII, UNICODE, bar, to_ascii
from optischema_tui.widgets.lines import cells, cut, plain, wrap
from optischema_tui.widgets.plan_tree import own_cost, plan_lines
from optischema_tui.widgets.plotted import ceiling
from optischema_tui.widgets.sql_view import SHOWN_LIMIT, sql_lines
from optischema_tui.widgets.status_line import Part, fit_parts


def words(text: str) -> str:
    return "".join(text.split())


SQL = (
    "select a.x, 'from where' as lit, $1::int from t a left join u on u.id = a.id and u.k between $2 and $3 "
    "where a.y in (select y from z where q = $$ and or $$) -- note\n and exists (select 1) group by 1 order by 2"
)


def test_sql_layout_changes_white_space_only() -> None:
    shown = "\n".join(plain(line) for line in sql_lines(SQL, 80))
    assert words(shown) == words(SQL)
    starts = [line.strip().split()[0] for line in shown.splitlines() if line.strip()]
    assert starts[:5] == ["select", "from", "left", "on", "and"]
    assert "'from where'" in shown
    assert "between $2 and $3" in shown
    assert "$$ and or $$" in shown


def test_sql_layout_of_what_no_parser_reads() -> None:
    for text in ("SELECT 'unclosed", '"', "$tag$ never ends", "((((", "", "\x00\x1b]0;x\x07", "/* open", "]]>[/x]"):
        for line in sql_lines(text, 40):
            assert "\x1b" not in plain(line)
            assert "\x00" not in plain(line)


def test_sql_layout_of_megabytes_is_cut_and_says_so() -> None:
    lines = sql_lines("SELECT " + "x," * 1_000_000, 80)
    assert len(lines) < SHOWN_LIMIT
    assert "2,000,007 characters in all" in plain(lines[-1])


def test_wrap_keeps_every_word_and_the_width() -> None:
    line = (("alpha beta ", "dim"), ("gamma日本語日本語 delta" * 4, "warn"))
    wrapped = wrap(line, 20, 4)
    assert all(cells(part) <= 20 for part in wrapped)
    assert words("".join(plain(part) for part in wrapped)) == words(plain(line))
    assert {role for part in wrapped for _, role in part} >= {"dim", "warn"}


def test_cut_ends_with_an_ellipsis() -> None:
    line = (("abcdef", ""), ("ghijkl", "dim"))
    assert plain(cut(line, 9)) == "abcdefgh…"
    assert cut(line, 12) == line
    assert cells(cut((("日本語", ""), ("x", "")), 5)) <= 5


def test_bars_are_exact_and_never_hide_a_little() -> None:
    for glyphs in (UNICODE, ASCII):
        for fraction in (-1.0, 0.0, 0.001, 0.5, 1.0, 7.0):
            assert cell_len(bar(fraction, 8, glyphs)) == 8
        assert bar(0.0, 8, glyphs).strip() == ""
        assert bar(0.001, 8, glyphs).strip() != ""
        assert bar(1.0, 8, glyphs) == glyphs.bar[-1] * 8


def test_ascii_leaves_nothing_else() -> None:
    assert to_ascii("a … → é 日") == "a ~ > ? ?"
    assert all(value.isascii() for value in (*ASCII.tree, ASCII.bar, ASCII.dot, ASCII.edge, ASCII.rule))


def test_status_parts_drop_by_rank_never_the_first_ones() -> None:
    parts = (Part("live"), Part("shop"), Part("READ ONLY"), Part("cost", rank=5), Part("version", rank=4))
    assert plain(fit_parts(parts, 80)) == "live  shop  READ ONLY  cost  version"
    assert plain(fit_parts(parts, 30)) == "live  shop  READ ONLY  version"
    assert plain(fit_parts(parts, 5)).startswith("live  shop  READ ONLY")


def test_figures() -> None:
    assert [figures.milliseconds(each) for each in (None, 0.0421, 4.21, 421.0, 4210.0, 421_000.0)] == [
        "—", "0.042 ms", "4.2 ms", "421 ms", "4.21 s", "7.0 min",
    ]  # fmt: skip
    assert [figures.count(each) for each in (None, 0, 3.25, 9999, 12_345, 4_500_000)] == [
        "—", "0", "3.2", "9999", "12.3k", "4.5M",
    ]  # fmt: skip
    assert [figures.octets(each) for each in (0, 1023, 16_384, 23_900_000)] == ["0 B", "1023 B", "16 kB", "23 MB"]
    assert figures.percent(None) == "—"
    assert [figures.age(each) for each in (5, 200, 8000, 200_000)] == ["5 s", "3 min", "2 h", "2 d"]


def test_plan_tree_shares_add_up_and_name_the_heaviest() -> None:
    scan = PlanNode("Seq Scan", 0, 90, 10, 8, "t", "public", "t", conditions=(("Filter", "(a = $1)"),))
    plan = PlanNode("Sort", 95, 100, 10, 8, keys=(("Sort Key", ("a", "b DESC")),), children=(scan,))
    assert own_cost(plan) == 10
    lines = plan_lines(plan, 100, UNICODE)
    text = "\n".join(plain(line) for line in lines)
    assert "10% Sort" in text
    assert "90% └─ Seq Scan  on public.t" in text
    assert "Sort Key: a, b DESC" in text
    assert "Filter: (a = $1)" in text
    assert any(("Seq Scan", "warn") in line for line in lines)


def test_a_limit_cheaper_than_its_child_has_no_negative_cost() -> None:
    plan = PlanNode("Limit", 0, 5, 1, 8, children=(PlanNode("Seq Scan", 0, 100, 10, 8),))
    assert own_cost(plan) == 0
    assert plan_lines(plan, 80, ASCII)


def test_chart_lines_hold_no_escape_and_fit() -> None:
    points = [Point(1000.0 + n, n % 17, breaks=n == 40) for n in range(900)]
    for glyphs in (UNICODE, ASCII):
        for width, height in ((38, 6), (98, 11), (20, 4)):
            lines = _plot(points, width, height, glyphs, "line-a")
            assert len(lines) <= height
            for line in lines:
                assert not re.search(r"[\x00-\x1f\x7f]", "".join(text for text, _ in line))
                assert cells(line) <= width
            assert glyphs is UNICODE or all(plain(line).isascii() for line in lines)


def test_chart_thinning_keeps_peaks_and_breaks() -> None:
    points = [Point(float(n), 99.0 if n == 501 else 1.0, breaks=n == 700) for n in range(1000)]
    kept = _thin(points, 100)
    assert len(kept) <= 100
    assert max(point.value for point in kept) == 99.0
    assert sum(point.breaks for point in kept) == 1


def test_chart_ceiling_is_round_and_above() -> None:
    assert [ceiling(value) for value in (0, 0.003, 0.9, 1.2, 17, 100)] == [1.0, 0.003, 1.0, 2.0, 20, 100]
