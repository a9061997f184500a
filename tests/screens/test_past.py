"""The screens stood at a moment of history: marked on every one, live underneath, and nothing can be changed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import sample_data as sample
import sample_readings as readings
from harness import TERMINAL, Stage, stage

from optischema_tui import messages as m
from optischema_tui.core.errors import StorageError
from optischema_tui.screens.query_detail import QueryDetailScreen
from optischema_tui.screens.run_change import RunChangeScreen
from optischema_tui.state import State, fold
from optischema_tui.view import is_stale
from optischema_tui.widgets.live_table import LiveTable

MARK = "PAST 2023-11-13 22:13:20 UTC"
DAY = 86_400.0


def said(held: Stage) -> str:
    """The sentences of the toasts that stand."""
    return " ".join(shown.message for shown in held.app._notifications)


async def test_every_screen_says_that_it_is_of_the_past() -> None:
    async with stage(sample.picture(), size=(80, 24)) as held:
        await held.tell(*readings.facts(), m.PastReady(readings.past()))
        for key in "123456789":
            await held.press(key)
            assert MARK in held.text, key
            assert "End live" in held.text
            assert held.app.screen.has_class("-past") is (key not in "39")
        assert "What was tested here is of the present." in held.text
        await held.press("2", "enter")
        assert isinstance(held.app.screen, QueryDetailScreen)
        assert MARK in held.text
        assert "of the present" in held.text, "the plan is made now"


async def test_live_facts_are_kept_underneath_and_end_leads_back() -> None:
    async with stage(sample.picture(), size=(120, 40)) as held:
        await held.tell(m.PastReady(readings.past()))
        assert "10 statements" in held.text
        assert "Figures are those of 10 minutes." in held.text
        await held.tell(m.PictureReady(sample.picture(33)), *readings.facts())
        assert "10 statements" in held.text, "the screen does not move"
        assert held.app.state.picture is not held.app.state.live.picture
        await held.press("end")
        assert len(held.asked(m.GoLive)) == 1
        await held.tell(m.WentLive())
        assert "33 statements" in held.text
        assert "PAST" not in held.text
        await held.press("end")
        assert len(held.asked(m.GoLive)) == 1, "the present is not asked for again"


async def test_keys_step_and_a_moment_that_is_not_kept_is_a_sentence() -> None:
    async with stage(sample.picture()) as held:
        await held.press("left_square_bracket", "right_square_bracket", "7", "left_square_bracket")
        assert [request.step for request in held.asked(m.StepPast)] == [-1, 1, -1]
        await held.tell(m.PastFailed(StorageError("History begins at 2023-11-01 00:00", todo="Seek a later moment")))
        assert "Seek a later moment" in held.text
        assert "PAST" not in held.text


async def test_seek_asks_until_it_can_read_the_moment() -> None:
    async with stage(sample.picture(), size=(80, 24)) as held:
        await held.tell(m.SpanKnown(sample.NOW - 30 * DAY, sample.NOW))
        await held.press("S")
        assert "History holds 2023-10-15 22:13 UTC to 2023-11-14 22:13 UTC" in " ".join(
            held.text.replace("│", "").split()
        )
        await held.press(*"soon", "enter")
        assert "is no moment that can be read" in held.text
        await held.press(*["backspace"] * 4, *"-40d", "enter")
        assert "History of this target begins at" in held.text
        assert held.asked(m.Seek) == []
        await held.press(*["backspace"] * 4, *"-2h", "enter")
        assert [request.at for request in held.asked(m.Seek)] == [held.app.clock.wall() - 7200]
        assert "Stand at a moment" not in held.text


CHANGING = (m.Advise, m.Approve, m.Dismiss, m.Keep, m.Preflight, m.Run, m.CancelRun)


@pytest.mark.parametrize(("screen", "keys"), [("3", "RaAuxK")])
async def test_what_acts_on_the_present_is_refused(screen: str, keys: str) -> None:
    async with stage(sample.picture()) as held:
        await held.press(screen)
        await held.until(lambda: "orders" in held.text or "monday" in held.text, "the screen has its rows")
        await held.tell(m.PastReady(readings.past()))
        asked = len(held.bridge.asked)
        for place in range(2):
            for key in keys:
                await held.press(key)
                assert not isinstance(held.app.screen, RunChangeScreen)
            await held.press("j")
            if not place:
                assert "acts on the present" in said(held)
        assert not [request for request in held.bridge.asked[asked:] if isinstance(request, CHANGING)]
        assert len(held.app.screen_stack) == 1, "no dialog was opened"


async def test_a_run_on_screen_keeps_to_the_present() -> None:
    async with stage(sample.picture()) as held:
        held.app.post_message(m.OpenRun("x", False))
        await held.settle()
        assert isinstance(held.app.screen, RunChangeScreen)
        held.app.screen.query_one("#steps").focus()
        await held.press("left_square_bracket", "S")
        assert held.asked(m.StepPast) == []
        assert "A change is made in the present" in said(held)


async def test_exports_say_that_they_are_of_the_past(tmp_path: Path) -> None:
    async with stage(sample.picture(), export_dir=tmp_path) as held:
        await held.tell(m.PastReady(readings.past()))
        await held.press("2", "E")
        (text,) = tmp_path.glob("*.txt")
        (value,) = tmp_path.glob("*.json")
        assert MARK in text.read_text().splitlines()[0]
        told = json.loads(value.read_text())
        assert told["past"] == {"at": "2023-11-13T22:13:20Z", "note": "Figures are those of 10 minutes."}
        assert len(told["screen"]) == 10


async def test_the_journal_and_the_baselines_are_those_of_then() -> None:
    async with stage(sample.picture()) as held:
        await held.press("4")
        table = held.app.screen.query_one("#entries", LiveTable)
        await held.until(lambda: len(table.rows) == 5, "the journal is read")
        await held.tell(m.PastReady(readings.past(sample.NOW - 600 + 2.5)))
        assert [entry.seq for entry in table.rows] == [2, 1]
        await held.tell(m.PastReady(readings.past(sample.NOW - DAY)))
        assert "nothing had been decided by then" in held.text
        await held.press("5")
        await held.until(lambda: "monday" in held.text, "the older baseline")
        assert "before-index" not in held.text


def test_the_past_is_never_stale_and_says_nothing_of_the_present() -> None:
    state = State("shop", False, 5.0)
    for fact in (m.PictureReady(sample.picture()), m.LinkLost(sample.LOST, 0.0)):
        state = fold(state, fact)
    assert is_stale(state, sample.NOW + 1)
    state = fold(state, m.PastReady(readings.past()))
    assert not is_stale(state, sample.NOW + 1)
    assert state.picture == readings.past().sight.picture
    assert state.activity == readings.past().sight.activity
    assert state.waits == readings.waits()
    assert set(state.readings) == set(readings.readings())


async def test_what_history_does_not_hold_is_said_not_shown_as_nothing() -> None:
    empty = replace(readings.past().sight, activity=None, waits=(), readings={})
    async with stage(sample.picture(), size=(80, 24)) as held:
        await held.tell(*readings.facts(), m.PastReady(readings.past(sight=empty)))
        await held.press("6")
        assert "history holds no sessions of this moment" in held.text
        await held.press("7")
        assert "history holds no tables of this moment" in held.text
        await held.press("8")
        assert "history holds none of this moment" in held.text


async def test_sixteen_colours_keep_their_ground_in_the_past() -> None:
    async with stage(sample.picture(), size=(80, 24), terminal=replace(TERMINAL, few_colours=True)) as held:
        table = held.app.screen.query_one("#queries", LiveTable)
        ground = table.rich_style.bgcolor
        await held.tell(m.PastReady(readings.past()))
        assert held.app.screen.has_class("-past")
        assert table.rich_style.bgcolor == ground, "no tint: a full colour would lie under the figures"
        assert table.rich_style.italic
