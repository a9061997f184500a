"""What a person met who used the program roughly: two programs at once, wrong words, small and large terminals."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sample_data as sample
import sample_readings as readings
from harness import TERMINAL, stage
from textual.widgets import Input

from optischema_tui import messages as m
from optischema_tui.connect import ConnectApp
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import AuthError, ConfigError, OptischemaError, few_sentences
from optischema_tui.core.models import Hidden
from optischema_tui.core.target.capabilities import Capabilities, Capability
from optischema_tui.screens.dialogs import PromptScreen
from optischema_tui.state import Sight, State, fold
from optischema_tui.view import is_stale
from optischema_tui.widgets.reading_rows import lacking_words
from optischema_tui.widgets.status_line import Part, fit_parts

WHO = "optischema-tui collect (pid 20848)"


async def test_a_job_that_ends_after_the_screens_is_no_failure() -> None:
    async with stage(sample.picture()) as held:
        app = held.app
    assert not app.screen_stack
    app._fact(m.Told("too late", "information"))


async def test_who_collects_is_told_on_a_narrow_screen_too() -> None:
    label = "a-long-host-name.internal/app"
    for size, told in (((80, 24), "following"), ((130, 40), f"following {WHO}")):
        async with stage(sample.picture(), size=size) as held:
            await held.tell(m.LinkLive(label, None), m.Following(WHO))
            status = held.text.splitlines()[-1]
            assert told in status
            assert "every 5 s" not in status, "the other program's interval is not ours"


def test_the_other_programs_interval_says_when_a_picture_is_old() -> None:
    state = State("shop", False, 5.0)
    for fact in (m.PictureReady(sample.picture(seconds=30.0)), m.LinkLive("shop", None), m.Following(WHO)):
        state = fold(state, fact)
    assert not is_stale(state, sample.NOW + 60)
    assert is_stale(state, sample.NOW + 70)
    alone = fold(state, m.Following(""))
    assert is_stale(alone, sample.NOW + 20)


def test_parts_are_said_in_short_before_the_important_ones_go() -> None:
    parts = (Part("live"), Part("following somebody", "", 1, short="following"), Part("PostgreSQL 18", "", 4))
    widths = {40: "live  following somebody  PostgreSQL 18", 30: "live  following somebody", 20: "live  following"}
    for width, text in (*widths.items(), (10, "live")):
        assert "".join(piece[0] for piece in fit_parts(parts, width)) == text


async def test_a_loss_without_a_time_of_retry_counts_nothing_down() -> None:
    async with stage(sample.picture()) as held:
        await held.tell(m.LinkLost(sample.LOST, held.app.clock.monotonic()))
        assert "lost" in held.text.splitlines()[-1]
        assert "retry in 0 s" not in held.text


async def test_a_refused_password_is_typed_again_with_r() -> None:
    async with stage(sample.picture(), size=(100, 30)) as held:
        refused = AuthError(
            "db:5432 refused the password of role dba", "", "The password came from: typed at the prompt"
        )
        await held.tell(m.LinkLost(refused, held.app.clock.monotonic() + 30))
        await held.press("escape")
        await held.tell(m.LinkLost(refused, held.app.clock.monotonic() + 30))
        assert not isinstance(held.app.screen, PromptScreen), "asked for once, since accounts are locked"
        assert "R on the dashboard asks for the password" in held.text
        await held.press("R")
        assert isinstance(held.app.screen, PromptScreen)
        await held.press(*"other", "enter")
        assert [request.password for request in held.asked(m.UsePassword)] == ["other"]
        assert held.asked(m.Poll) == []
        await held.press("R", "escape")
        assert len(held.asked(m.Poll)) == 1, "what was mended elsewhere is tried"


async def test_a_password_in_a_typed_target_does_not_stay_on_the_screen() -> None:
    app = ConnectApp((), TERMINAL, wrong=lambda words: "A password in the URL is refused.", clock=FixedClock())
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.press("n", *"postgresql://bob:hunter2@db/x", "enter")
        box = app.screen.query_one(Input)
        assert "hunter2" not in box.value
        assert box.value.startswith("postgresql://bob:")
        assert box.value.endswith("@db/x")


@pytest.mark.parametrize(("size", "least"), [((80, 24), 15), ((200, 50), 38)])
async def test_the_help_fills_its_dialog(size: tuple[int, int], least: int) -> None:
    async with stage(sample.picture(), size=size) as held:
        await held.press("9", "question_mark")
        words = held.app.screen.query_one("#words")
        assert words.size.height >= least
        inside = [line for line in held.text.splitlines() if "│" in line]
        assert sum(bool(line.split("│")[1].strip()) for line in inside) >= least - 6


async def test_a_broken_file_of_hundreds_of_profiles_is_a_few_sentences() -> None:
    problems = [ConfigError(f"unknown key x in [profiles.p{place}]") for place in range(200)]
    told = few_sentences(problems)
    assert len(told) == 4
    assert "197 more" in told[-1]
    assert few_sentences(problems[:3]) == tuple(problem.sentence for problem in problems[:3])
    async with stage(sample.picture(), problems=list[OptischemaError](problems)) as held:
        assert len(held.app._notifications) == 4
    app = ConnectApp((), TERMINAL, wrong=lambda words: "", problems=problems, clock=FixedClock())
    async with app.run_test(size=(100, 24)) as pilot:
        await pilot.pause()
        assert len(app._notifications) == 4


async def test_lines_to_run_are_not_joined_into_one_that_a_comment_cuts_off() -> None:
    reason = "pg_stat_statements is neither loaded nor created"
    part = Capability("statements", False, reason, "ALTER SYSTEM SET a = 'b'; -- then restart\nCREATE EXTENSION c;")
    lacks = Capabilities(180001, "18.1", "app", True, False, False, "", "", frozenset(), False, (part,))
    notice = f"{reason}. To enable it: ALTER SYSTEM SET a = 'b'; -- then restart CREATE EXTENSION c;"
    async with stage(sample.picture(0, notices=(notice, "Another notice"))) as held:
        await held.tell(m.LinkLive("shop@demo", lacks))
        await held.press("8")
        assert f"{reason}: the doctor (9) has the lines that change it" in held.text
        assert "-- then restart CREATE EXTENSION" not in held.text
        assert "Another notice" in held.text


async def test_hidden_statements_of_the_past_are_not_said_to_be_absent() -> None:
    async with stage(sample.picture(), size=(120, 40)) as held:
        shown = sample.picture(0, past=True, hidden=(Hidden("ours", 21, 1.0),), series=sample.series()[:1])
        await held.tell(m.PastReady(readings.past(sight=Sight(shown))))
        assert "all 21 statements are hidden" in held.text
        assert "waiting for a second sample" not in held.text
        none = replace(shown, hidden=())
        await held.tell(m.PastReady(readings.past(sight=Sight(none))))
        assert "no statement was called in that time" in held.text


async def test_columns_that_no_panel_draws_are_not_missed() -> None:
    lacking = ("sessions_abandoned", "parallel_workers_launched")
    async with stage(sample.picture(), size=(200, 50)) as held:
        await held.tell(*readings.facts())
        databases = readings.readings()["databases"][0]
        await held.tell(m.ReadingReady(replace(databases, lacking=lacking), None))
        await held.press("8")
        assert "sessions_abandoned" not in held.text
        assert "parallel_workers_launched" not in held.text
    assert lacking_words(("wal_records", "wal_fpi")) == "wal_records, wal_fpi need PostgreSQL 14"


async def test_no_figure_of_the_past_is_the_word_none() -> None:
    nothing = sample.picture(3, past=True, seconds=None, kpis=type(sample.picture().kpis)(active=3, connections=None))
    async with stage(sample.picture(), size=(200, 50)) as held:
        await held.tell(*readings.facts(), m.PastReady(readings.past(sight=Sight(nothing))))
        for key in "123456789":
            await held.press(key)
            assert "None" not in held.text, key
        await held.press("2", "enter")
        assert "None" not in held.text
