"""What the server does now: key figures, load and latency over time, the most expensive queries."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal

from optischema_tui import messages as m
from optischema_tui.actions import bindings
from optischema_tui.core.models import Kpis, Picture, QueryRow
from optischema_tui.state import State
from optischema_tui.view import View, interval_words, no_statements
from optischema_tui.widgets import figures
from optischema_tui.widgets.chart import Point, TimeChart
from optischema_tui.widgets.lines import LineView
from optischema_tui.widgets.live_table import LiveTable
from optischema_tui.widgets.query_columns import query_columns
from optischema_tui.widgets.tiles import Tile, Tiles

SHOWN = 50
CHART_SECONDS = 3600.0


class DashboardScreen(View):
    """Screen 1."""

    VIEW = TAB = "dashboard"
    NEEDS_STATEMENTS = True
    BINDINGS = bindings("dashboard")
    CSS_PATH = "dashboard.tcss"
    AUTO_FOCUS = "#queries"

    def body(self) -> ComposeResult:
        yield Tiles(id="tiles", classes="figures pane")
        with Horizontal(id="charts", classes="group"):
            yield TimeChart("Load", "s/s", id="load", classes="figures pane")
            yield TimeChart("Latency", "ms per call", role="line-b", id="latency", classes="figures pane")
        yield LineView(id="heading", classes="pane")
        yield LiveTable(
            query_columns(self.glyphs, brief=True), lambda row: row.key, id="queries", classes="figures pane"
        )

    def draw(self, state: State) -> None:
        picture = state.picture
        kpis = picture.kpis if picture is not None else Kpis()
        self.query_one(Tiles).show_tiles(_tiles(kpis))
        series = _recent(picture) if picture is not None else ()
        few = "waiting for a second sample" if state.past is None else "history has no second point up to here"
        self.query_one("#load", TimeChart).show_points([Point(p.at, p.db_time, p.breaks) for p in series], few)
        latency = [Point(p.at, p.mean_latency, p.breaks) for p in series]
        self.query_one("#latency", TimeChart).show_points(latency, few)
        self.query_one("#heading", LineView).show(lambda width: [_heading(picture)])
        table = self.query_one("#queries", LiveTable)
        table.set_empty(no_statements(state))
        table.set_rows(picture.rows[:SHOWN] if picture is not None else ())

    @on(LiveTable.Opened)
    def _opened(self, event: LiveTable.Opened) -> None:
        self.post_message(m.OpenQuery(event.row.key))

    def action_open(self) -> None:
        self.query_one("#queries", LiveTable).open_current()

    def copied(self) -> tuple[str, str]:
        row: QueryRow | None = self.query_one("#queries", LiveTable).current
        return (row.text, "the query") if row is not None else ("", "")

    def exported(self) -> Any:
        return asdict(self.state.picture) if self.state.picture is not None else {}


def _tiles(kpis: Kpis) -> list[Tile]:
    active = figures.UNKNOWN if kpis.active is None else str(kpis.active)
    most = f"/{kpis.max_connections}" if kpis.max_connections is not None else ""
    of = f"{kpis.connections}{most} connected" if kpis.connections is not None else ""
    hit = kpis.hit_ratio
    role = "strong" if hit is None or hit >= 0.95 else "warn" if hit >= 0.8 else "bad"
    load = figures.UNKNOWN if kpis.db_time is None else f"{kpis.db_time:.2f} s/s"
    latency = f"{figures.milliseconds(kpis.mean_latency)} per call" if kpis.mean_latency is not None else ""
    rate = figures.UNKNOWN if kpis.tps is None else f"{figures.count(kpis.tps)}/s"
    return [
        Tile("ACTIVE", active, of),
        Tile("CACHE HIT", figures.percent(hit), "of shared blocks", role),
        Tile("TRANSACTIONS", rate, "commit, rollback"),
        Tile("DATABASE TIME", load, latency),
    ]  # fmt: skip


def _recent(picture: Picture) -> tuple[Any, ...]:
    """The last hour of the series that has points."""
    if not picture.series:
        return ()
    since = picture.series[-1].at - CHART_SECONDS
    return tuple(point for point in picture.series if point.at >= since)


def _heading(picture: Picture | None) -> tuple[tuple[str, str], ...]:
    if picture is None:
        return (("Most expensive queries", "head"),)
    when = interval_words(picture)
    line = [("Most expensive queries  ", "head"), (f"{len(picture.rows)} statements, {when}", "dim")]
    if picture.unreadable:
        line.append((f"   {picture.unreadable:,} of other roles hidden", "warn"))
    if picture.hidden:
        share = sum(each.share for each in picture.hidden)
        line.append((f"   {sum(each.statements for each in picture.hidden):,} hidden ({share:.1%})", "dim"))
    return tuple(line)
