"""One registry: no key without it, no entry without a method, help and palette complete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sample_data as sample
from harness import stage
from textual.app import App
from textual.binding import Binding
from textual.message import Message
from textual.screen import Screen

from optischema_tui import messages as m
from optischema_tui.actions import ACTIONS, SCREENS, actions_of, bindings, key_name
from optischema_tui.app import OptischemaApp
from optischema_tui.requests import Request
from optischema_tui.screens.activity import ActivityScreen
from optischema_tui.screens.audit import AuditScreen
from optischema_tui.screens.baselines import BaselinesScreen
from optischema_tui.screens.dashboard import DashboardScreen
from optischema_tui.screens.dialogs import ConfirmScreen, HelpScreen, PromptScreen, help_lines
from optischema_tui.screens.doctor import DoctorScreen
from optischema_tui.screens.filters import FilterScreen
from optischema_tui.screens.objects import ObjectsScreen
from optischema_tui.screens.optimizations import OptimizationsScreen
from optischema_tui.screens.query_detail import QueryDetailScreen
from optischema_tui.screens.run_change import RunChangeScreen
from optischema_tui.screens.server import ServerScreen
from optischema_tui.screens.top_queries import TopQueriesScreen
from optischema_tui.terminal import clipboard_sequence
from optischema_tui.view import View
from optischema_tui.widgets.lines import LineView, plain
from optischema_tui.widgets.live_table import LiveTable

VIEWS = (
    DashboardScreen, TopQueriesScreen, OptimizationsScreen, AuditScreen, BaselinesScreen, QueryDetailScreen,
    RunChangeScreen, ActivityScreen, ObjectsScreen, ServerScreen, DoctorScreen,
)  # fmt: skip
DIALOGS = (PromptScreen, ConfirmScreen, HelpScreen, FilterScreen)
KNOWN = {(key, action.run) for action in ACTIONS for key in action.keys}


@pytest.mark.parametrize("owner", [OptischemaApp, View, *VIEWS, *DIALOGS], ids=lambda owner: owner.__name__)
def test_every_binding_comes_from_the_registry(owner: type) -> None:
    for binding in owner.__dict__.get("BINDINGS", ()):
        assert isinstance(binding, Binding)
        for key in binding.key.split(","):
            assert (key, binding.action) in KNOWN


@pytest.mark.parametrize("widget", [LiveTable, LineView])
def test_widgets_bring_no_keys_of_their_own(widget: type) -> None:
    assert not widget._merged_bindings or not widget._merged_bindings.key_to_bindings


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.__name__)
def test_every_action_of_a_screen_has_its_method_and_its_own_key(view: type[View]) -> None:
    own = {action.run.split("(")[0] for action in actions_of(view.VIEW)}
    assert {name for name in own if not hasattr(view, f"action_{name}")} == set()
    keys = [key for action in actions_of(view.VIEW) if action.screens for key in action.keys]
    assert len(keys) == len(set(keys))


def test_every_action_has_words_and_a_unique_id() -> None:
    assert len({action.id for action in ACTIONS}) == len(ACTIONS)
    assert all(action.label and action.help and action.keys for action in ACTIONS)
    assert [action.keys for action in ACTIONS if action.id.startswith("go.")] == [(digit,) for digit in "123456789"]


def test_no_message_of_ours_lands_in_a_handler_of_textual() -> None:
    ours = [value for value in vars(m).values() if isinstance(value, type) and issubclass(value, Message)]
    names = {value.handler_name for value in ours if value.__module__ in (m.__name__, Request.__module__)}
    assert len(names) > 30
    taken = {name for owner in (App, Screen, View, OptischemaApp) for name in dir(owner)}
    assert not {name for name in names if name in taken or f"_{name}" in taken}


def test_help_lists_every_action() -> None:
    text = " ".join(plain(line) for line in help_lines("top", 300))
    for action in ACTIONS:
        if action.screens != ("confirm",):
            assert action.help in text, action.id


def test_no_single_key_resets_statistics() -> None:
    assert not [action for action in ACTIONS if "reset" in action.help.lower()]


def test_key_names() -> None:
    keys = ("ctrl+p", "slash", "question_mark", "A", "a", "f1", "left_square_bracket", "grave_accent")
    assert [key_name(key) for key in keys] == ["^p", "/", "?", "A", "a", "F1", "[", "`"]
    assert all(isinstance(binding, Binding) for binding in bindings("top"))


async def test_the_palette_offers_what_the_screen_can_do() -> None:
    async with stage(sample.picture()) as held:
        await held.press("2", "ctrl+p")
        await held.until(lambda: "Filter" in held.text, "the palette lists the filter")
        await held.press(*"audit")
        await held.until(lambda: "Audit  (4)" in held.text, "it is found")
        await held.press("enter")
        await held.until(lambda: isinstance(held.app.screen, AuditScreen), "it runs")


async def test_export_writes_text_and_json_and_tells_where(tmp_path: Path) -> None:
    async with stage(sample.picture(), export_dir=tmp_path) as held:
        await held.press("2", "E", "E")
        files = sorted(path.name for path in tmp_path.glob("optischema-*"))
        assert files == [
            "optischema-top-20231114T221321Z-1.json", "optischema-top-20231114T221321Z-1.txt",
            "optischema-top-20231114T221321Z.json", "optischema-top-20231114T221321Z.txt",
        ]  # fmt: skip
        assert len(json.loads((tmp_path / files[2]).read_text())) == 40
        assert "18.1%" in (tmp_path / files[3]).read_text()
        assert (tmp_path / files[2]).stat().st_mode & 0o777 == 0o600
        assert "Wrote" in held.text


async def test_export_to_a_missing_directory_is_a_sentence(tmp_path: Path) -> None:
    async with stage(sample.picture(), export_dir=tmp_path / "gone") as held:
        await held.press("E")
        assert "cannot be written" in " ".join(held.text.split())


async def test_copy_sends_osc52_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(sample.picture()) as held:
        sent: list[str] = []
        monkeypatch.setattr(held.app._driver, "write", sent.append)
        held.app._copy("SELECT 1", "the query")
        assert sent == [clipboard_sequence("SELECT 1", tmux=False)]
        held.app._copy("x" * 70_000, "the query")
        await held.settle()
        assert len(sent) == 1
        assert "too long" in held.text


async def test_the_digits_reach_every_screen_from_every_screen() -> None:
    async with stage(sample.picture()) as held:
        for first in "159":
            for second in "987654321":
                await held.press(first, second)
                screen: Screen[object] = held.app.screen
                assert isinstance(screen, View)
                assert SCREENS[int(second) - 1][0] == screen.VIEW


async def test_requests_need_no_server() -> None:
    async with stage(None, live=False) as held:
        for key in "123456789":
            await held.press(key, "j", "k", "G", "g", "y", "s", "tab", "enter", "escape", "z", "z", "v", "end")
        assert held.app.is_running
        assert held.asked(m.Run) == []
