"""One statement: its text, its figures in this interval and over its lifetime, the server's plan for it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal

from optischema_tui import messages as m
from optischema_tui.actions import bindings
from optischema_tui.core.models import QueryRow, StatementKey
from optischema_tui.state import PlanAnswer, State
from optischema_tui.view import View
from optischema_tui.widgets import figures
from optischema_tui.widgets.banner import error_lines
from optischema_tui.widgets.glyphs import Glyphs
from optischema_tui.widgets.lines import Line, LineView, wrap
from optischema_tui.widgets.plan_tree import plan_lines
from optischema_tui.widgets.sections import heading
from optischema_tui.widgets.sql_view import SHOWN_LIMIT, sql_lines


class QueryDetailScreen(View):
    """Opened from a row; shows the newest figures of that key as long as it is open."""

    VIEW = "query"
    TAB = "top"
    BINDINGS = bindings("query")
    CSS_PATH = "query_detail.tcss"
    AUTO_FOCUS = "#statement"

    def __init__(self, key: StatementKey) -> None:
        super().__init__()
        self.key = key
        self._row: QueryRow | None = None
        self._asked = False

    def body(self) -> ComposeResult:
        with Horizontal(id="halves", classes="group"):
            yield LineView(id="statement", classes="pane", focusable=True)
            yield LineView(id="figures", classes="figures pane", focusable=True)

    def draw(self, state: State) -> None:
        rows = state.picture.rows if state.picture is not None else ()
        found = next((row for row in rows if row.key == self.key), None)
        gone = found is None and self._row is not None
        self._row = found or self._row
        row = self._row
        if row is None:
            return
        if not self._asked and row.text:
            self._asked = True
            self.post_message(m.WantPlan(self.key, row.text))
        answer = state.plans.get(self.key)
        glyphs = self.glyphs
        wide = self.has_class("-wide")

        def statement(width: int) -> list[Line]:
            lines = _statement(row, answer, width, glyphs, gone, past=state.past is not None)
            return lines if wide else [*_short(row, width), (), *lines, (), *_figures(row, past=state.past is not None)]

        self.query_one("#statement", LineView).show(statement)
        self.query_one("#figures", LineView).show(lambda width: _figures(row, past=state.past is not None))

    def on_resize(self) -> None:
        self.call_after_refresh(self.redraw)

    def action_plan(self) -> None:
        if self._row is not None and self._row.text:
            self.post_message(m.WantPlan(self.key, self._row.text))

    def copied(self) -> tuple[str, str]:
        return (self._row.text, "the query") if self._row is not None else ("", "")

    def exported(self) -> Any:
        answer = self.state.plans.get(self.key)
        plan = asdict(answer.plan) if answer is not None and answer.plan is not None else None
        return {"statement": asdict(self._row) if self._row is not None else None, "plan": plan}


def _short(row: QueryRow, width: int) -> list[Line]:
    """The three figures that matter, on one line, for narrow screens."""
    return [(
        ("share ", "dim"), (figures.percent(row.share), "strong"),
        ("   mean ", "dim"), (figures.milliseconds(_interval(row.interval_mean, row.mean_exec_time)), "strong"),
        ("   score ", "dim"), (str(row.score), "strong"),
    )]  # fmt: skip


def _interval(value: float | None, other: float) -> float:
    return other if value is None else value


def _statement(
    row: QueryRow, answer: PlanAnswer | None, width: int, glyphs: Glyphs, gone: bool, *, past: bool
) -> list[Line]:
    lines: list[Line] = [heading("Statement", f"queryid {row.key.queryid}", width, glyphs)]
    if gone and past:
        lines.append((("It did not run in the interval shown; the figures are of another one.", "warn"),))
    elif gone:
        lines.append((("The server has evicted this statement; the figures are the last ones seen.", "warn"),))
    if row.text:
        lines += sql_lines(row.text, width)
    else:
        lines.append((("The text has not been read yet, or this role may not read it (pg_read_all_stats).", "dim"),))
    of_now = ", of the present" if past else ""
    lines += [(), heading("Generic plan", f"costs and rows are estimates{of_now}", width, glyphs)]
    if answer is not None and answer.plan is not None:
        lines += plan_lines(answer.plan, width, glyphs)
    elif answer is not None and answer.error is not None:
        lines += [part for line in error_lines(answer.error, role="warn") for part in wrap(line, width, 2)]
    elif len(row.text) > SHOWN_LIMIT * 8:
        lines.append((("The statement is too long to be planned from here.", "dim"),))
    else:
        lines.append((("asking the server …" if row.text else "no text, no plan", "dim"),))
    return lines


def _figures(row: QueryRow, *, past: bool) -> list[Line]:
    """In the past there is one column: history keeps what was done in an interval, not the counters."""
    sample = row.sample
    ms, count, octets, percent = figures.milliseconds, figures.count, figures.octets, figures.percent
    pairs: list[tuple[str, str, str]] = [
        ("", "interval", "lifetime"),
        ("calls", count(row.interval_calls), count(row.calls)),
        ("execution time", ms(row.interval_time), ms(row.total_exec_time)),
        ("mean", ms(row.interval_mean), ms(row.mean_exec_time)),
        ("min", "", ms(row.min_exec_time)),
        ("max", "", ms(row.max_exec_time)),
        ("standard deviation", "", ms(row.stddev_exec_time)),
        ("share of load", percent(row.share), ""),
        ("variation", "", count(row.variation)),
        ("rows per call", count(row.interval_rows_per_call), count(row.rows_per_call)),
        ("cache hit", percent(row.interval_hit_ratio), percent(row.hit_ratio)),
        ("temp blocks per call", count(row.interval_temp_per_call), count(row.temp_blks_per_call)),
        ("waiting for blocks", "", percent(row.io_share)),
        ("JIT compilation", "", percent(row.jit_share)),
        ("WAL per call", "", octets(row.wal_bytes_per_call)),
    ]
    if sample is not None:
        pairs += [
            ("", "", ""),
            ("rows", "", count(sample.rows)),
            ("planning time", "", ms(sample.total_plan_time) if sample.plans else "not tracked"),
            ("shared blocks hit", "", count(sample.shared_blks_hit)),
            ("shared blocks read", "", count(sample.shared_blks_read)),
            ("shared blocks dirtied", "", count(sample.shared_blks_dirtied)),
            ("shared blocks written", "", count(sample.shared_blks_written)),
            ("local blocks read", "", count(sample.local_blks_read)),
            ("temp blocks written", "", count(sample.temp_blks_written)),
            ("block read time", "", ms(sample.blk_read_time)),
            ("block write time", "", ms(sample.blk_write_time)),
            ("WAL", "", octets(sample.wal_bytes)),
        ]
    pairs += [("", "", ""), ("score (100 is best)", "", str(row.score)), ("role", "", row.role),
              ("database", "", row.database)]  # fmt: skip
    lines: list[Line] = []
    for label, interval, lifetime in pairs:
        if past:
            interval, lifetime = interval or lifetime.replace("lifetime", ""), ""
        role = "dim" if interval == "interval" else ""
        lines.append(((f"{label:<22}", "dim"), (f"{interval:>10}", role or "strong"), (f"  {lifetime:>10}", role)))
    if row.interval_seconds is not None:
        lines.append(((f"Its own interval is {figures.seconds(row.interval_seconds)} long.", "dim"),))
    if row.stale:
        lines.append((("Not read in this tick: the figures are those of its last reading.", "warn"),))
    if row.lower_bound:
        lines.append((("Rows were evicted: figures are lower bounds.", "warn"),))
    return lines
