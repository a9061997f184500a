"""A dropped SSH session or a TERM during a build: the server goes on, and the next start follows it to its end."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from pseudo_terminal import PseudoTerminal

from optischema_tui.cli import run

SCHEMA = "CREATE TABLE items AS SELECT g AS id, g / 3 AS order_id FROM generate_series(1, 20000) g"
WAITING = "SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database() AND phase LIKE 'waiting%'"
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('by_order')"
PROGRAM = (sys.executable, "-m", "optischema_tui")


@pytest.fixture
def approved(fresh_db: str, capsys: pytest.CaptureFixture[str]) -> str:
    """The id of an approved index."""
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(SCHEMA)
    assert run(["propose", fresh_db, "CREATE INDEX by_order ON items (order_id)", "--json"]) == 0
    change_id = json.loads(capsys.readouterr().out)["id"]
    assert run(["approve", change_id]) == 0
    capsys.readouterr()
    return str(change_id)


@contextmanager
def old_snapshot(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """What a build waits for until it is rolled back."""
    with psycopg.connect(dsn) as old:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT 1 FROM pg_class LIMIT 1")
        yield old


def one(dsn: str, sql: str) -> Any:
    with psycopg.connect(dsn, autocommit=True) as session:
        row = session.execute(sql).fetchone()
        return row[0] if row is not None else None


def ended(held: PseudoTerminal, how: str) -> int:
    """The exit code after the terminal was closed, or the signal sent. Fails when the program does not end."""
    if how == "closed":
        held.hang_up()
    else:
        os.kill(held._pid, signal.SIGTERM)
        held.read(lambda: False, 20)
    held.wait(20)
    assert held.status is not None
    assert "Traceback" not in held.text()
    return held.status


@pytest.mark.parametrize("how", ["closed", "term"])
def test_the_screens_leave_a_build_to_the_server_and_the_next_start_adopts_it(
    fresh_db: str, approved: str, how: str, until: Callable[..., Any]
) -> None:
    words = [*PROGRAM, fresh_db, "--allow-changes"]
    with old_snapshot(fresh_db) as old:
        with PseudoTerminal(words) as held:
            held.until("live")
            before = held.press(b"3")
            held.until("approved", before)
            before = held.press(b"A")
            held.until("Ready", before)
            held.press(b"apply\r")
            builder = until(lambda: one(fresh_db, WAITING), 30, "the build waits")
            assert ended(held, how) == 128 + (signal.SIGHUP if how == "closed" else signal.SIGTERM)
        assert one(fresh_db, WAITING) == builder, "the server goes on with it"
        with PseudoTerminal(words) as held:
            held.until("BUILDING", seconds=60)
            before = held.press(b"3")
            held.until("by_order", before)
            before = held.press(b"A")
            held.until(rf"waiting for the transaction of backend pid {old.info.backend_pid}", before)
            before = len(held.raw)
            old.rollback()
            held.until("Done", before, 20)
            assert held.quit() == 0
    assert one(fresh_db, VALID) is True


@pytest.mark.parametrize("how", ["closed", "term"])
def test_a_command_leaves_it_too_and_the_next_call_tells_its_end(
    fresh_db: str, approved: str, how: str, until: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    def state() -> str:
        assert run(["changes", "--json"]) == 0
        return str(json.loads(capsys.readouterr().out)["changes"][0]["state"])

    with old_snapshot(fresh_db):
        with PseudoTerminal([*PROGRAM, "apply", approved, "--yes", "--allow-changes"]) as held:
            builder = until(lambda: one(fresh_db, WAITING), 30, "the build waits")
            held.rest()
            assert ended(held, how) == -(signal.SIGHUP if how == "closed" else signal.SIGTERM)
        assert one(fresh_db, WAITING) == builder
        assert state() == "executing"
    busy = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {builder} AND state <> 'idle'"
    until(lambda: one(fresh_db, busy) == 0, 30, "the end of the build")
    assert state() in ("verifying", "kept")
    assert one(fresh_db, VALID) is True


def test_ctrl_c_in_a_terminal_cancels_and_leaves_nothing(
    fresh_db: str, approved: str, until: Callable[..., Any]
) -> None:
    with old_snapshot(fresh_db), PseudoTerminal([*PROGRAM, "apply", approved, "--yes", "--allow-changes"]) as held:
        until(lambda: one(fresh_db, WAITING), 30, "the build waits")
        held.press(b"\x03")
        held.until("You cancelled it")
        held.wait(20)
        assert held.status == 5
        assert not re.search("Traceback", held.text())
    assert one(fresh_db, VALID) is None
