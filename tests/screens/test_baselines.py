"""Screen 5: baselines are kept, deleted and compared by keys, and the plans stand beside each other."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sample_baselines
import sample_data as sample
import sample_readings as readings
from harness import TERMINAL, Stage, stage
from textual.widgets import Input

from optischema_tui import messages as m
from optischema_tui.app import OptischemaApp
from optischema_tui.core.errors import UsageError
from optischema_tui.screens.baselines import BaselinesScreen
from optischema_tui.screens.dialogs import ConfirmScreen
from optischema_tui.screens.new_baseline import NewBaselineScreen
from optischema_tui.widgets.lines import LineView
from optischema_tui.widgets.live_table import LiveTable

SIZES = pytest.mark.parametrize("size", [(200, 50), (80, 24)], ids=lambda size: f"{size[0]}x{size[1]}")
TAKEN = UsageError("There is a baseline monday of this target already", todo="Choose another name")
COMPARED = ("5", "j", "m", "k", "enter")


class Told(sample_baselines.Baselines):
    """A server that answered at once."""

    def start(self) -> None:
        super().start()
        self.app.post_message(m.LinkLive("shop@demo", None))


@pytest.fixture(autouse=True)
def baselines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "FakeBridge", sample_baselines.Baselines)


@SIZES
@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("list", ("5",)), ("comparison", COMPARED), ("plans", (*COMPARED, "enter")),
        # another dialog before it: the styles of both are then known to the application
        ("new", ("5", "x", "n", "n", "tab", "x", "enter")),
    ],
)  # fmt: skip
def test_picture(snap_compare: Any, name: str, keys: tuple[str, ...], size: tuple[int, int]) -> None:
    app = OptischemaApp(
        sample.spec(allow_changes=True, interval=5.0), lambda app: Told(app, sample.picture()), terminal=TERMINAL,
        clock=sample.clock(),
    )  # fmt: skip

    async def shown(pilot: Any) -> None:
        for key in ("", *keys):
            for _ in range(8):
                await pilot.pause()
            if key:
                await pilot.press(key)
        for _ in range(8):
            await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=shown)


def on(held: Stage) -> BaselinesScreen:
    screen = held.app.screen
    assert isinstance(screen, BaselinesScreen)
    return screen


def words(held: Stage) -> str:
    """What the dialog in front says."""
    view = held.app.screen.query_one("#words", LineView)
    return " ".join(view.text.split())


async def retyped(held: Stage, field: str, text: str) -> None:
    held.app.screen.query_one(f"#{field}", Input).value = ""
    await held.press(*text)


async def test_a_window_is_named_and_what_is_wrong_is_said_in_place() -> None:
    async with stage(sample.picture(), size=(80, 24)) as held:
        await held.press("5", "n", "enter")
        assert "The baseline has no name yet" in words(held)
        await held.press(*"Monday 14", "tab")
        await retyped(held, "since", "14:0")
        await held.press("enter")
        assert "'14:0' is no moment that can be read" in words(held)
        assert "Monday 14" in held.text
        await retyped(held, "since", "-30m")
        await held.press("down")
        await retyped(held, "until", "-45m")
        await held.press("enter")
        assert "The window ends before it begins" in words(held)
        assert held.asked(m.CreateBaseline) == []
        await retyped(held, "until", "-15m")
        assert "15.0 min" in words(held), "the window as it was understood"
        await held.press("enter", "enter")
        now = held.app.clock.wall()
        (asked,) = held.asked(m.CreateBaseline)
        assert (asked.name, asked.since, asked.until) == ("Monday 14", now - 1800, now - 900)
        await held.tell(m.BaselineMade(TAKEN))
        assert "There is a baseline monday of this target already" in words(held)
        assert isinstance(held.app.screen, NewBaselineScreen)
        await held.press("5", "enter")
        assert [request.name for request in held.asked(m.CreateBaseline)] == ["Monday 14", "Monday 145"]
        await held.tell(m.BaselineMade(sample_baselines.pair()[0]))
        assert isinstance(held.app.screen, BaselinesScreen)
        await held.press("n")
        assert isinstance(held.app.screen, NewBaselineScreen), "an old answer does not close a new question"


async def test_in_the_past_the_window_that_is_offered_ends_at_the_moment_shown() -> None:
    async with stage(sample.picture(), size=(80, 24)) as held:
        await held.tell(m.PastReady(readings.past(sample.NOW - 7_200.4)))
        await held.press("5", "n", *"then")
        assert "2023-11-14 20:13:20" in held.text
        await held.press("enter")
        (asked,) = held.asked(m.CreateBaseline)
        assert (asked.since, asked.until) == (sample.NOW - 10_800, sample.NOW - 7_200), "the interval shown lies in it"


async def test_the_hour_that_the_clocks_show_twice_is_offered_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    try:
        async with stage(sample.picture(), size=(80, 24)) as held:
            later_half_past_two = 1_698_543_000.0
            await held.tell(m.PastReady(readings.past(later_half_past_two)))
            await held.press("5", "n", *"autumn", "enter")
            (asked,) = held.asked(m.CreateBaseline)
            assert (asked.since, asked.until) == (later_half_past_two - 3600, later_half_past_two)
    finally:
        monkeypatch.undo()
        time.tzset()


async def test_a_comparison_with_now_in_the_past_ends_there() -> None:
    async with stage(sample.picture()) as held:
        await held.tell(m.PastReady(readings.past(sample.NOW - 500)))
        await held.press("5", "w", "enter")
        (asked,) = held.asked(m.CompareBaselines)
        assert (asked.since, asked.until) == (sample.NOW - 500 - 6 * 3600, sample.NOW - 500)
        assert asked.label == "the last 6 hours until 2023-11-14 22:05:00"


async def test_a_baseline_is_deleted_after_a_question() -> None:
    async with stage(sample.picture(), size=(80, 24)) as held:
        await held.press("5", "j", "m", "k", "enter", "escape", "j", "x")
        assert isinstance(held.app.screen, ConfirmScreen)
        assert "Delete the baseline before 0c7d52a1?" in words(held)
        assert "before change 0c7d52a1, whose verdict does not need it" in words(held)
        await held.press("n")
        assert held.asked(m.DeleteBaseline) == []
        await held.press("x", "y")
        assert [request.name for request in held.asked(m.DeleteBaseline)] == ["before 0c7d52a1"]
        assert "0c7d52a1" not in held.text
        assert "Marked" not in held.text
        await held.press("x")
        assert "history itself stays" in words(held)
        await held.press("y", "x", "m", "enter", "p")
        assert "press n to keep a window of history" in held.text


async def test_w_sets_what_now_means_and_the_comparison_in_front_follows() -> None:
    async with stage(sample.picture(), size=(120, 40)) as held:
        await held.press("5", "enter")
        now = held.app.clock.wall()
        assert (held.asked(m.CompareBaselines)[-1].second, held.asked(m.CompareBaselines)[-1].since) == (
            None,
            now - 3600,
        )
        for label, hours in (("6 hours", 6), ("24 hours", 24), ("15 minutes", 0.25), ("hour", 1)):
            await held.press("w")
            asked = held.asked(m.CompareBaselines)[-1]
            assert (asked.label, asked.since) == (f"the last {label}", now - hours * 3600)
            assert f"after the deployment → the last {label}" in held.text
            assert f"Now is the last {label}" in held.text
        await held.press("W", *"noon", "enter")
        assert "is no moment that can be read" in words(held)
        await held.press(*["backspace"] * 4, *"-90m", "enter")
        assert held.asked(m.CompareBaselines)[-1].since == now - 5400
        assert "Now is since -90m" in held.text
        asked = len(held.asked(m.CompareBaselines))
        await held.press("escape", "w")
        assert "Now is the last 15 minutes" in held.text
        assert len(held.asked(m.CompareBaselines)) == asked, "nothing is compared now"


async def test_a_comparison_is_walked_sorted_and_filtered() -> None:
    async with stage(sample.picture(), size=(120, 40)) as held:
        await held.press(*COMPARED)
        (asked,) = held.asked(m.CompareBaselines)
        assert (asked.first, asked.second) == ("before 0c7d52a1", "after the deployment")
        table = on(held).query_one("#compared", LiveTable)
        assert held.app.focused is table
        assert [row.verdict.value for row in table.rows][:3] == ["better", "worse", "same"]
        await held.press("j")
        assert "UPDATE inventory" in on(held).query_one("#about", LineView).text
        await held.press("s")
        assert table.rows[0].verdict.value == "worse"
        await held.press("right", "s")
        changes = [row.change for row in table.rows]
        assert changes == sorted(changes, reverse=True)
        total = on(held).query_one("#total", LineView).text
        await held.press("slash", *"better", "enter")
        assert {row.verdict.value for row in table.rows} == {"better"}
        assert on(held).query_one("#total", LineView).text == total
        await held.press("escape")
        assert len(table.rows) == 6
        await held.press("escape")
        assert held.app.focused is on(held).query_one("#baselines")
        assert "Plans: of 2 statements, as of 2023-11-14 22:03" in held.text
        await held.press("slash", *"deploy", "enter")
        assert "0c7d52a1" not in held.text.replace("Marked: before 0c7d52a1", "")


async def test_enter_opens_the_plans_and_esc_leads_back_step_by_step() -> None:
    async with stage(sample.picture(), size=(120, 40)) as held:
        await held.press("5", "p")
        assert "Enter compares first" in " ".join(note.message for note in held.app._notifications)
        await held.press(*COMPARED[1:], "enter")
        assert "- Seq Scan" in held.text
        assert "+ Index Scan" in held.text
        assert any("Before" in line and "After" in line for line in held.text.splitlines())
        assert "plan as of 2023-11-13 21:13" in held.text
        await held.press("escape", "j", "p")
        assert "no plan kept: The table is gone" in held.text
        await held.press("z", "escape", "escape")
        assert held.app.focused is on(held).query_one("#compared")
        await held.press("tab", "enter")
        assert len(held.asked(m.CompareBaselines)) == 2, "Enter on the list compares again"
        await held.press("escape", "escape")
        assert held.app.focused is on(held).query_one("#baselines")
        await held.press("enter", "tab", "j")
        assert "Plans: of 3 statements" in held.text, "another baseline is shown as it is"


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
async def test_each_pane_can_have_the_screen_to_itself(size: tuple[int, int]) -> None:
    async with stage(sample.picture(), size=size) as held:
        await held.press(*COMPARED, "z")
        assert "MADE BY" not in held.text
        assert all(part in held.text for part in ("In all:", "VERDICT", "INSERT INTO order_items"))
        await held.press("z", "tab", "z")
        assert held.app.focused is on(held).query_one("#baselines")
        assert "MADE BY" in held.text
        assert "VERDICT" not in held.text
        assert on(held).query_one("#baselines").size.height > size[1] - 8
        await held.press("enter", "enter", "z")
        assert "- Seq Scan" in held.text


async def test_what_cannot_be_compared_says_why() -> None:
    async with stage(sample.picture(), size=(80, 24)) as held:
        await held.press("5", "enter")
        await held.tell(
            m.ComparisonReady("after the deployment", "the last hour", UsageError("History holds none of it"))
        )
        assert "History holds none of it" in held.text
        assert "VERDICT" in held.text
        await held.press("p", "y", "s")
        await held.tell(m.ComparisonReady("monday", "tuesday", sample_baselines.compared()))
        assert "monday" not in held.text, "the answer to another question"


async def test_export_and_copy_hold_what_is_in_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(sample.picture(), size=(80, 24), export_dir=tmp_path) as held:
        copied: list[str] = []
        monkeypatch.setattr(held.app, "_copy", lambda text, what: copied.append(text))
        await held.press("5", "y", *COMPARED[1:], "E", "y", "enter", "y")
        assert "Plans: of 2 statements" in copied[0]
        assert "In all: better" in copied[1]
        assert "better or worse: the mean moved by more than" in copied[1], "the rule, though there is no room for it"
        assert "- Seq Scan" in copied[2]
        (text,) = tmp_path.glob("*.txt")
        written = text.read_text()
        assert all(part in written for part in ("MADE BY", "In all: better", "→SPREAD", "TEMP/C", "+ Index Scan"))
        (value,) = tmp_path.glob("*.json")
        told = json.loads(value.read_text())
        assert [each["name"] for each in told["baselines"]] == ["after the deployment", "before 0c7d52a1"]
        before, after = told["comparison"]["rows"][0]["plans"]
        assert (before["document"]["Node Type"], after["document"]["Plans"][0]["Node Type"]) == (
            "Aggregate",
            "Index Scan",
        )
        assert told["comparison"]["rows"][1]["plans"][1] == {
            "queryid": sample.row(2).key.queryid, "taken_at": sample.NOW - 600, "document": None,
            "error": "The table is gone",
        }  # fmt: skip


async def test_strange_names_are_inert_and_a_terminal_without_unicode_gets_none() -> None:
    plain = replace(TERMINAL, unicode=False)
    async with stage(sample.picture(), size=(120, 40), terminal=plain) as held:
        name = "\x1b]0;owned\x07[red]表 "
        made = replace(sample_baselines.pair()[0], name=name)
        await held.press("5")
        await held.tell(m.BaselinesReady((made,)))
        await held.press("m", "x")
        assert "\x1b" not in held.text
        assert "\x07" not in held.text
        await held.press("n", "enter", "enter")
        assert held.text.isascii()
