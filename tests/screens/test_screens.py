"""Every screen, at every size, on every kind of news."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sample_data as sample
import sample_readings as readings
from harness import SIZES, TERMINAL, stage

from optischema_tui import messages as m
from optischema_tui.core.errors import ConfigError, StorageError, TargetError
from optischema_tui.core.models import Hidden, Kpis
from optischema_tui.core.target.capabilities import Capabilities, Capability
from optischema_tui.screens.query_detail import QueryDetailScreen
from optischema_tui.widgets.chart import TimeChart
from optischema_tui.widgets.live_table import LiveTable


async def test_stored_picture_stands_in_the_first_frame_before_the_server_is_asked() -> None:
    async with stage(sample.picture(stored=True), live=False) as held:
        assert "18.1%" in held.text
        assert "STORED PICTURE of 2023-11-14 22:13 UTC" in held.text
        assert "connecting" in held.text
        assert held.bridge.started == 1


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("1", "Most expensive queries"),
        ("2", "40 of 40 statements"),
        ("3", "Index orders (customer_id, created_at)"),
        ("4", "CHAIN INTACT"),
        ("5", "before-index"),
    ],
)
async def test_every_screen_says_its_thing_at_every_size(size: tuple[int, int], key: str, expected: str) -> None:
    async with stage(sample.picture(), size=size) as held:
        await held.press(key)
        await held.until(lambda: expected in held.text, expected)
        last = held.text.splitlines()[-1]
        assert "live" in last
        assert "shop@demo" in last
        assert "CHANGES ALLOWED" in last
        assert "Quit" in held.text.splitlines()[-2]


async def test_read_only_is_said_always() -> None:
    async with stage(sample.picture(), allow_changes=False, size=(80, 24)) as held:
        for key in "12345":
            await held.press(key)
            assert "READ ONLY" in held.text.splitlines()[-1]


async def test_unknown_figures_are_dashes_not_zeros() -> None:
    async with stage(sample.picture(kpis=Kpis(), series=(), seconds=None)) as held:
        assert "—" in held.text
        assert "0.0%" not in held.text.splitlines()[3]
        assert "waiting for a second sample" in held.text


async def test_charts_do_not_join_what_an_epoch_broke() -> None:
    async with stage(sample.picture()) as held:
        chart = held.app.screen.query_one("#load", TimeChart)
        await held.until(lambda: len(chart.lines) > 3, "the chart is drawn after the first frame")
        assert "\x1b" not in chart.text
        calm = tuple(replace(point, db_time=1.0, breaks=False) for point in sample.series(20))
        gap = tuple(replace(point, breaks=place == 10) for place, point in enumerate(calm))
        await held.tell(m.PictureReady(sample.picture(series=calm)))
        joined = chart.text
        await held.tell(m.PictureReady(sample.picture(series=gap)))
        assert chart.text != joined


async def test_a_lost_server_is_told_with_its_remedy_and_the_picture_stays() -> None:
    async with stage(sample.picture(), size=(80, 24)) as held:
        await held.tell(m.LinkLost(sample.LOST, held.app.clock.monotonic() + 7))
        assert "The server closed the connection" in held.text
        assert "The program tries again by itself" in held.text
        assert "lost, retry in 7 s" in held.text
        assert "18.1%" in held.text
        assert held.app.screen.has_class("-stale")
        await held.tell(m.LinkLive("shop@demo", None))
        assert "The server closed the connection" not in held.text
        assert not held.app.screen.has_class("-stale")


async def test_the_retry_counts_down_without_a_fact() -> None:
    async with stage(sample.picture()) as held:
        await held.tell(m.LinkLost(sample.LOST, held.app.clock.monotonic() + 7))
        held.app.clock.advance(3)
        await held.until(lambda: "retry in 4 s" in held.text, "the countdown moves")


async def test_missing_extension_has_a_panel_with_both_lines() -> None:
    async with stage(None, size=(80, 24), live=False) as held:
        await held.tell(m.LinkLost(sample.MISSING, held.app.clock.monotonic() + 5))
        for key in ("1", "2"):
            await held.press(key)
            assert "shared_preload_libraries = 'pg_stat_statements'" in held.text
            assert "CREATE EXTENSION pg_stat_statements;" in held.text
            assert "no statement has run" not in held.text
        await held.press("4")
        await held.until(lambda: "CHAIN INTACT" in held.text, "a screen that needs no server works")


async def test_empty_is_not_an_error() -> None:
    async with stage(sample.picture(0, hidden=())) as held:
        assert "no statement has run in this database yet" in held.text
        await held.press("2")
        assert "no statement has run in this database yet" in held.text
        await held.tell(m.PictureReady(sample.picture(0, hidden=(Hidden("maintenance", 38, 1.0),))))
        assert "all 38 statements are hidden: f shows why" in held.text


async def test_filter_narrows_shows_a_chip_and_escape_clears_it() -> None:
    async with stage(sample.picture()) as held:
        await held.press("2", "slash", *"inventory")
        assert "filter: inventory" in held.text
        table = held.app.screen.query_one(LiveTable)
        assert {row.text for row in table.rows} == {sample.TEXTS[2]}
        await held.press("enter", "j")
        assert table.has_focus
        await held.press("escape")
        assert "filter:" not in held.text
        assert len(table.rows) == 40
        await held.press("slash", *"zzz")
        assert "no statement matches the filter" in held.text


async def test_sort_by_a_picked_column_and_back() -> None:
    async with stage(sample.picture()) as held:
        await held.press("2")
        table = held.app.screen.query_one(LiveTable)
        await held.press("right", "s")
        assert [row.score for row in table.rows] == sorted(row.score for row in table.rows)
        assert "SCORE▲" in held.text
        await held.press("s")
        assert "SCORE▼" in held.text


async def test_the_cursor_stays_on_its_statement_when_rows_move() -> None:
    async with stage(sample.picture()) as held:
        await held.press("2", "j", "j", "j")
        table = held.app.screen.query_one(LiveTable)
        key = table.current.key
        rows = sample.picture().rows
        moved = tuple(replace(row, share=1.0 / (place + 1)) for place, row in enumerate(reversed(rows)))
        await held.tell(m.PictureReady(sample.picture(rows=moved)))
        assert table.current.key == key
        assert table.cursor == 36


async def test_detail_shows_statement_figures_and_plan() -> None:
    async with stage(sample.picture()) as held:
        await held.press("2", "enter")
        await held.until(lambda: isinstance(held.app.screen, QueryDetailScreen), "detail opens")
        await held.until(lambda: "Seq Scan" in held.text, "the plan arrives")
        assert [request.sql for request in held.asked(m.WantPlan)] == [sample.TEXTS[0]]
        assert "JOIN order_items i" in held.text
        assert "lifetime" in held.text
        await held.press("escape")
        assert not isinstance(held.app.screen, QueryDetailScreen)


async def test_detail_tells_why_there_is_no_plan() -> None:
    async with stage(sample.picture()) as held:
        await held.press("enter")
        await held.tell(m.PlanReady(sample.row(0).key, None, sample.MISSING))
        assert "pg_stat_statements is not installed" in held.text


async def test_detail_of_two_megabytes_is_quick_and_says_what_is_cut() -> None:
    long = "SELECT " + ", ".join(f"'{n}' AS c{n}" for n in range(120_000))
    async with stage(sample.picture(rows=(sample.row(0, text=long),))) as held:
        await held.press("2", "enter")
        screen = held.app.screen
        text = screen.query_one("#statement").text  # type: ignore[attr-defined]
        assert f"{len(long):,} characters in all" in text


async def test_pause_interval_and_refresh_ask_the_bridge() -> None:
    async with stage(sample.picture()) as held:
        await held.press("space")
        assert "PAUSED" in held.text
        await held.press("space", "plus", "minus", "R")
        assert [request.paused for request in held.asked(m.Pause)] == [True, False]
        assert [request.seconds for request in held.asked(m.SetInterval)] == [10.0, 5.0]
        assert len(held.asked(m.Poll)) == 1


async def test_maximise_leaves_one_pane_and_gives_the_others_back() -> None:
    async with stage(sample.picture(), size=(80, 24)) as held:
        await held.press("z")
        assert "Most expensive" not in held.text
        assert "18.1%" in held.text
        await held.press("z")
        assert "Most expensive" in held.text


async def test_help_and_every_key_at_80x24() -> None:
    async with stage(sample.picture(), size=(80, 24)) as held:
        await held.press("question_mark")
        assert "Open the row under the cursor" in held.text
        await held.press("G")
        assert "Esc closes this" in held.text
        await held.press("escape")
        assert "Most expensive" in held.text


async def test_ascii_terminal_gets_ascii_only() -> None:
    plain = replace(TERMINAL, unicode=False)
    async with stage(sample.picture(), terminal=plain) as held:
        await held.until(lambda: "+" in held.text, "charts are drawn")
        await held.tell(*readings.facts())
        for key in "123456789":
            await held.press(key)
            assert held.text.isascii(), f"screen {key}: {set(held.text) - set(map(chr, range(128)))}"


async def test_a_part_that_the_server_lacks_leaves_the_other_figures() -> None:
    part = Capability("statements", False, "pg_stat_statements is not installed here", "CREATE EXTENSION x;\nGRANT y;")
    lacks = Capabilities(180006, "18.6", "dba", False, False, False, "", "", frozenset(), False, (part,))
    async with stage(sample.picture(0, hidden=()), size=(80, 24)) as held:
        await held.tell(m.LinkLive("shop@demo", lacks))
        assert "CREATE EXTENSION x;" in held.text
        assert "GRANT y;" in held.text
        assert "97.3%" in held.text, "the tiles need no extension"
        assert "no statement has run" not in held.text
        await held.tell(m.LinkLive("", None))
        assert "CREATE EXTENSION x;" in held.text, "an answer without news changes nothing"
        ready = replace(lacks, parts=(replace(part, available=True),))
        await held.tell(m.LinkLive("shop@demo", ready))
        assert "no statement has run" in held.text


async def test_a_failure_stands_on_screens_that_are_opened_after_it() -> None:
    async with stage(None, live=False, size=(80, 24)) as held:
        await held.tell(m.LinkLost(TargetError("Nothing listens at db:5432", "Refused", "Check host and port"), 5.0))
        for key in "123456789":
            await held.press(key)
            await held.until(lambda: "Nothing listens at db:5432" in held.text, f"the failure on screen {key}")
            assert "Check host and port" in held.text


async def test_statements_that_may_not_be_read_are_not_said_to_be_absent() -> None:
    grant = Capability("texts", False, "hidden", 'GRANT pg_read_all_stats TO "guest";')
    seen = Capabilities(180001, "18.1", "guest", False, False, False, "public", "1.12", frozenset(), True, (grant,))
    async with stage(sample.picture(rows=(), unreadable=7), size=(80, 24)) as held:
        await held.tell(m.LinkLive("shop@demo", seen))
        for key in "12":
            await held.press(key)
            await held.until(lambda: 'GRANT pg_read_all_stats TO "guest";' in held.text, "the line that would help")
            assert "no statement has run" not in held.text


@pytest.mark.parametrize(("key", "view"), [("3", "optimizations"), ("4", "audit"), ("5", "baselines")])
async def test_what_cannot_be_read_is_not_said_to_be_on_its_way(
    key: str, view: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(None, size=(120, 40)) as held:
        monkeypatch.setattr(held.bridge, "ask", lambda request: None)
        await held.press(key)
        await held.tell(m.LoadFailed(view, StorageError("The store cannot be read", "Permission denied")))
        await held.until(lambda: "The store cannot be read" in held.text, "the reason stands there")
        assert "reading" not in held.text


async def test_a_toast_that_stands_is_not_shown_twice_and_problems_of_the_start_are_told() -> None:
    async with stage(sample.picture(), problems=(ConfigError("The config file is not valid"),)) as held:
        await held.until(lambda: "The config file is not valid" in held.text, "the problem is on the screen")
        for _ in range(3):
            await held.tell(m.Told("Disk full", "error"))
        assert [shown.message for shown in held.app._notifications].count("Disk full") == 1
