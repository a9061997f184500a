"""The bridge between the screens and a real server: facts arrive, failures are sentences, nothing is held up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psycopg
from harness import TERMINAL

from optischema_tui.app import OptischemaApp
from optischema_tui.bridge import Bridge
from optischema_tui.core.config import Config
from optischema_tui.core.history.leader import Leader
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.resolver import resolve
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.state import LinkState

SECONDS = 60.0


def app_on(spec: TargetSpec, paths: Paths) -> OptischemaApp:
    return OptischemaApp(spec, lambda app: Bridge(app, spec, paths), terminal=TERMINAL)


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait on a condition of the running application, with a deadline."""
    try:
        async with asyncio.timeout(SECONDS):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError as error:
        raise AssertionError(what) from error


async def test_live_picture_then_the_stored_one_before_the_next_answer(fresh_db: str, tmp_path: Path) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE plain_facts (id int primary key, note text)")
        for _ in range(3):
            session.execute("SELECT count(*) FROM plain_facts WHERE note = 'seen by the bridge'")
    paths = Paths(tmp_path / "config.toml", tmp_path / "state")
    spec = replace(resolve(fresh_db, Config()), interval=1.0)
    app = app_on(spec, paths)
    async with app.run_test(size=(120, 40)) as pilot:
        assert app.state.picture is None
        await until(lambda: app.state.link.state is LinkState.LIVE, "connected")
        await until(lambda: app.state.picture and app.state.picture.seconds, "a second tick gives an interval")
        await until(lambda: any("plain_facts" in row.text for row in app.state.picture.rows), "the text is fetched")
        await pilot.press("2", "slash", *"plain_facts", "enter", "enter")
        await until(lambda: app.state.plans, "the plan came")
        answer = next(iter(app.state.plans.values()))
        assert answer.plan is not None, answer.error
        assert {node.relation for node in answer.plan.walk()} >= {"plain_facts"}
        await pilot.press("escape", "4")
        await until(lambda: app.state.verdict is not None, "the journal was read")
        assert app.state.verdict.ok
        fingerprint = app.state.fingerprint
    again = OptischemaApp(spec, lambda app: Unanswered(app, spec, paths))
    async with again.run_test(size=(120, 40)):
        await until(lambda: again.state.picture is not None, "the stored picture")
        assert again.state.picture is not None
        assert again.state.picture.stored
        assert again.state.fingerprint == fingerprint
        assert any("plain_facts" in row.text for row in again.state.picture.rows)


class Unanswered(Bridge):
    """A bridge whose server never answers: it does not even begin to ask."""

    def start(self) -> None:
        return


async def test_a_wrong_host_is_a_sentence_and_is_tried_again(tmp_path: Path) -> None:
    spec = resolve(f"host={tmp_path} dbname=nowhere user=nobody", Config())
    app = app_on(spec, Paths(tmp_path / "config.toml", tmp_path / "state"))
    async with app.run_test(size=(80, 24)):
        await until(lambda: app.state.link.error is not None, "the failure is told")
        assert app.state.link.error.what
        await until(lambda: app.state.link.attempt >= 2, "it tries again by itself")


async def test_a_missing_extension_is_told_with_its_lines(fresh_db: str, tmp_path: Path) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("DROP EXTENSION pg_stat_statements")
    spec = replace(resolve(fresh_db, Config()), interval=1.0)
    app = app_on(spec, Paths(tmp_path / "config.toml", tmp_path / "state"))
    async with app.run_test(size=(80, 24)):
        await until(lambda: app.state.missing is not None, "the missing extension is told")
        assert "CREATE EXTENSION" in app.state.missing.todo
        await until(lambda: app.screen.has_class("-missing"), "the panel stands in the table's place")
        with psycopg.connect(fresh_db, autocommit=True) as session:
            session.execute("CREATE EXTENSION pg_stat_statements")
        await until(lambda: app.state.missing is None, "it goes on by itself once the extension is there")
        await until(lambda: not app.screen.has_class("-missing"), "the panel goes")


async def test_a_state_directory_that_cannot_be_written_does_not_stop_observing(fresh_db: str, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    spec = replace(resolve(fresh_db, Config()), interval=1.0)
    app = app_on(spec, Paths(tmp_path / "config.toml", blocked / "state"))
    async with app.run_test(size=(120, 40)):
        await until(lambda: app.state.picture is not None, "the picture stands")
        await until(lambda: app.state.storage_problem, "and what cannot be kept is told")


async def test_a_job_of_ours_that_breaks_is_told_and_ends(tmp_path: Path) -> None:
    spec = resolve(f"host={tmp_path} dbname=nowhere user=nobody", Config())
    app = app_on(spec, Paths(tmp_path / "config.toml", tmp_path / "state"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("3", "R")
        await until(lambda: app.state.advice_error is not None, "the advisor's failure is told")
        assert app.state.advising is None


async def test_keys_that_ask_the_server_say_who_asks_and_who_collects_now(fresh_db: str, tmp_path: Path) -> None:
    paths = Paths(tmp_path / "config.toml", tmp_path / "state")
    spec = replace(resolve(fresh_db, Config()), interval=1.0)
    other = Leader.acquire(paths.state_dir, spec.key)
    assert other is not None
    app = app_on(spec, paths)

    def said() -> str:
        return " ".join(note.message for note in app._notifications)

    async with app.run_test(size=(120, 40)) as pilot:
        await until(lambda: app.state.following, "another program collects")
        await pilot.press("R")
        await until(lambda: "this program only reads along" in said(), "who asks the server")
        other.release()
        await until(lambda: "has ended: this program collects from now on" in said(), "the turn is told")
        await until(lambda: app.state.live.picture, "a picture of our own")
        assert app.state.following == ""


async def test_a_damaged_history_that_the_first_picture_finds_is_told(fresh_db: str, tmp_path: Path) -> None:
    paths = Paths(tmp_path / "config.toml", tmp_path / "state")
    paths.state_dir.mkdir(mode=0o700)
    paths.history_db.write_text("garbage")
    paths.history_db.chmod(0o600)
    app = app_on(replace(resolve(fresh_db, Config()), interval=1.0), paths)
    async with app.run_test(size=(120, 40)):
        await until(lambda: any("history.db.corrupt-" in note.message for note in app._notifications), "the loss")
        await until(lambda: app.state.live.picture, "observing goes on")
        assert sum("history.db.corrupt-" in note.message for note in app._notifications) == 1
