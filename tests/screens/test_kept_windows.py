"""Two windows of a real server's history are kept, compared and deleted by keys, with the plans of then and of now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import psycopg
from test_bridge import app_on, until
from textual.widgets import Input

from optischema_tui.app import OptischemaApp
from optischema_tui.core.baseline.compare import Comparison
from optischema_tui.core.clock import iso
from optischema_tui.core.config import Config
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.resolver import resolve
from optischema_tui.screens.baselines import BaselinesScreen
from optischema_tui.screens.new_baseline import NewBaselineScreen
from optischema_tui.widgets.lines import LineView

QUERY = "SELECT count(*) FROM shelves WHERE place = "
TABLE = "CREATE TABLE shelves AS SELECT i AS id, i % 20000 AS place FROM generate_series(1, 60000) i"


def names(app: OptischemaApp) -> set[str]:
    return {each.name for each in app.state.baselines or ()}


async def test_two_windows_of_a_real_server(fresh_db: str, tmp_path: Path) -> None:
    paths = Paths(tmp_path / "config.toml", tmp_path / "state")
    app = app_on(replace(resolve(fresh_db, Config()), interval=1.0), paths)
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(TABLE)
        session.execute("ANALYZE shelves")

        def calls() -> float:
            rows = app.state.picture.rows if app.state.picture is not None else ()
            return sum(row.calls for row in rows if QUERY in row.text)

        def work(times: int) -> None:
            for place in range(times):
                session.execute(f"{QUERY}{place}")

        async with app.run_test(size=(120, 40)) as pilot:
            await until(lambda: app.state.picture and app.state.picture.seconds, "an interval")
            work(20)
            await until(lambda: calls() >= 20, "the calls of before were seen")
            await pilot.press("5", "n", *"slow", "enter")
            await until(lambda: "slow" in names(app), "the first window is kept")
            assert isinstance(app.screen, BaselinesScreen)

            session.execute("CREATE INDEX shelves_place_idx ON shelves (place)")
            begin = app.clock.wall()
            await until(lambda: app.state.picture.taken_at > begin + 2, "an interval after the index")
            work(20)
            await until(lambda: calls() >= 40, "the calls of after were seen")
            await pilot.press("n", *"slow", "tab")
            app.screen.query_one("#since", Input).value = ""
            await pilot.press(*iso(begin + 1), "enter")
            await until(
                lambda: "Choose another name" in app.screen.query_one("#words", LineView).text, "the name is taken"
            )
            app.screen.query_one("#name", Input).value = ""
            await pilot.press(*"fast", "enter")
            await until(lambda: "fast" in names(app), "the second window is kept")
            await until(lambda: not isinstance(app.screen, NewBaselineScreen), "the question is gone")

            screen = app.screen
            assert isinstance(screen, BaselinesScreen)
            screen.kept.move_to("slow")
            await pilot.press("m")
            screen.kept.move_to("fast")
            await pilot.press("enter")
            await until(lambda: isinstance(screen.comparison, Comparison), "they are compared")
            await until(lambda: app.focused is screen.compared, "the comparison is in front")
            await pilot.press("slash", *"shelves WHERE place", "enter")
            (row,) = screen.compared.rows
            assert (row.before.calls, row.after.calls) == (20, 20)
            assert row.before.shared_blks > 50 * row.after.shared_blks
            await pilot.press("p")
            plans = screen.query_one("#plans", LineView)
            await until(lambda: "- Seq Scan" in plans.text, "how it was planned before")
            assert "using shelves_place_idx" in plans.text

            await pilot.press("escape", "escape", "escape")
            await until(lambda: app.focused is screen.kept, "the list again")
            screen.kept.move_to("slow")
            await pilot.press("m", "m", "enter")
            await until(lambda: screen.asked == ("slow", "the last hour") and screen.comparison, "against now")
            now = next(row for row in screen.compared.rows if "shelves WHERE place" in row.text)
            assert (now.before.calls, now.after.calls) == (20, 40)
            assert "shelves_place_idx" in now.plans[1].document, "as it is planned now"
            await pilot.press("left_square_bracket")
            await until(lambda: app.state.past, "the past")
            await pilot.press("w")
            await until(
                lambda: "until" in screen.asked[1] and screen.comparison, "against the hours before that moment"
            )
            assert isinstance(screen.comparison, Comparison)
            assert screen.comparison.seconds_after == 6 * 3600
            assert screen.compared.rows[0].plans[1].error, "nobody knows how it was planned then"

            await pilot.press("end", "escape", "x", "n", "x", "y")
            await until(lambda: names(app) == {"fast"}, "the first is deleted")
