"""The choice of a target, and the password that is asked for on the screen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from harness import TERMINAL
from test_bridge import app_on, until

from optischema_tui.connect import ConnectApp
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.config import Config
from optischema_tui.core.models import KnownTarget
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.resolver import resolve
from optischema_tui.screens.connect import ConnectScreen
from optischema_tui.screens.dialogs import PromptScreen
from optischema_tui.state import LinkState

NOW = 1_700_000_000.0
TARGETS = (
    KnownTarget(
        "shop", "profile", "shop", where="db1.internal:5432", dbname="shop", user="dba", allow_changes=True,
        state="observed", seen_at=NOW - 90, server_version_num=180006,
    ),
    KnownTarget("service=ledger", "service", "ledger", where="db2.internal:5432", dbname="ledger", user="dba"),
    KnownTarget("odd", "profile", "odd", problem="config.toml: unknown key hots in [profiles.odd]. Did you mean host?"),
    KnownTarget(
        "host=/run/x dbname=\x1b[31m", "recent", "\x1b[31mred\u202e", where="/run/x", dbname="red", user="dba",
        state="The server was lost", seen_at=NOW - 90_000, server_version_num=150018,
    ),
)  # fmt: skip


def connect_app(targets: tuple[KnownTarget, ...] = TARGETS) -> ConnectApp:
    return ConnectApp(
        targets,
        TERMINAL,
        wrong=lambda words: "" if "host=" in words else "There is no such profile",
        clock=FixedClock(NOW),
    )


def text_of(app: ConnectApp) -> str:
    screen = app.screen
    assert isinstance(screen, ConnectScreen)
    return screen.table.as_text(160)


async def test_targets_are_listed_with_what_became_of_them() -> None:
    app = connect_app()
    async with app.run_test(size=(160, 20)) as pilot:
        await pilot.pause()
        text = text_of(app)
        assert "2 min ago" in text or "90 s ago" in text or "1 min ago" in text, text
        assert "observed" in text
        assert "never reached" in text
        assert "The server was lost" in text
        assert "\x1b" not in text
        assert "\u202e" not in text
        await pilot.press("enter")
    assert app.return_value == "shop"


async def test_a_target_with_a_problem_is_not_opened() -> None:
    app = connect_app()
    async with app.run_test(size=(120, 20)) as pilot:
        await pilot.press("j", "j", "enter")
        assert app.is_running
        assert any("unknown key hots" in note.message for note in app._notifications)
        await pilot.press("q")
    assert app.return_value is None


async def test_another_target_is_typed_and_mistakes_stay_on_the_screen() -> None:
    app = connect_app(())
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.press("n", *"nowhere", "enter")
        assert isinstance(app.screen, PromptScreen)
        await pilot.press(*" host=x", "enter")
    assert app.return_value == "nowhere host=x"


@pytest.mark.usefixtures("state_dir")
async def test_the_password_is_asked_for_once_and_used(tcp_server, tmp_path: Path) -> None:
    paths = Paths(tmp_path / "config.toml", tmp_path / "state")
    target = f"host=127.0.0.1 port={tcp_server.port} user=tester dbname=postgres"
    app = app_on(replace(resolve(target, Config()), interval=1.0), paths)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: isinstance(app.screen, PromptScreen), "the password is asked for")
        await pilot.press(*"correct-horse", "enter")
        await until(lambda: app.state.link.state is LinkState.LIVE, "connected with it")
        await until(lambda: app.state.picture, "a picture")
    stored = b"".join(file.read_bytes() for file in (tmp_path / "state").rglob("*") if file.is_file())
    assert b"correct-horse" not in stored


@pytest.mark.usefixtures("state_dir")
async def test_a_wrong_password_is_not_asked_for_again_and_again(tcp_server, tmp_path: Path) -> None:
    paths = Paths(tmp_path / "config.toml", tmp_path / "state")
    target = f"host=127.0.0.1 port={tcp_server.port} user=tester dbname=postgres"
    app = app_on(replace(resolve(target, Config()), interval=1.0), paths)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: isinstance(app.screen, PromptScreen), "the password is asked for")
        await pilot.press(*"wrong", "enter")
        await until(lambda: not isinstance(app.screen, PromptScreen), "the question is gone")
        await until(
            lambda: app.state.link.state is LinkState.LOST and "password" in str(app.state.link.error), "refused"
        )
        assert not isinstance(app.screen, PromptScreen)
        assert "wrong" not in str(app.state.link.error).replace("wrong password", "")
