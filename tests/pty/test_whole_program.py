"""The whole program on a terminal and a real server: into the past and back, behind another program, hostile names."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from pseudo_terminal import PseudoTerminal, assert_nothing_raw

from optischema_tui.core.config import Config
from optischema_tui.core.history.store import History
from optischema_tui.core.target.resolver import resolve

PROGRAM = [sys.executable, "-m", "optischema_tui"]
EVIL = "t\x1b]0;owned\x07\x1b[31m[red]\x9b31m\u202eltr"
END = b"\x1b[F"


def ticks(state: Path, dsn: str) -> bool:
    """History holds two ticks of the target, and a reading of its tables."""
    if not (state / "history.db").exists():
        return False
    with closing(History.open(state / "history.db")) as history:
        identity = history.identity_of(resolve(dsn, Config()).key)
        span = history.span(identity.fingerprint) if identity is not None else None
        if identity is None or span is None or span[0] == span[1]:
            return False
        return history.reading_at(identity.fingerprint, "tables", span[1] + 3600) is not None


def test_the_past_is_marked_on_every_screen_and_nothing_raw_comes_along(
    fresh_db: str, state_dir: Path, until: Callable[..., Any]
) -> None:
    with psycopg.connect(fresh_db, autocommit=True, application_name=EVIL.replace("\x9b", "")) as session:
        session.execute(f'CREATE TABLE "{EVIL}" (id int PRIMARY KEY)')
        session.execute(f'SELECT count(*), 1 AS "{EVIL}" FROM "{EVIL}"')
        with PseudoTerminal([*PROGRAM, fresh_db, "--interval", "1"]) as terminal:
            terminal.until("Most expensive")
            terminal.until(r"at \d\d:\d\d:\d\d")
            session.execute("BEGIN")
            session.execute(f'SELECT 1 AS "{EVIL}"')
            until(lambda: terminal.rest(0.1, 0.3) or ticks(state_dir, fresh_db), 60, "two ticks are stored")
            before = 0
            for key in b"26789":
                before = terminal.press(bytes([key]))
                terminal.rest()
            assert "PAST" not in terminal.text(), "nothing was of the past yet"
            before = terminal.press(b"[")
            terminal.until(r"PAST \d{4}-\d\d-\d\d \d\d:\d\d:\d\d", before)
            for key in b"123456789":
                before = terminal.press(bytes([key]))
                terminal.until(r"PAST \d{4}-\d\d-\d\d", before)
            before = terminal.press(b"1")
            terminal.until("PAST", before)
            terminal.rest()
            before = terminal.press(END)
            terminal.until(r"every 1 s\s+at \d\d:\d\d:\d\d", before)
            before = terminal.press(b"2")
            terminal.until("statements", before)
            assert "PAST" not in terminal.text(before)
            session.execute("ROLLBACK")
            assert terminal.quit() == 0
            assert "␛".encode() in terminal.raw, "the names were shown"
            assert_nothing_raw(bytes(terminal.raw))


@pytest.mark.usefixtures("state_dir")
def test_it_follows_the_collector_and_says_when_it_takes_over(quiet_db: str) -> None:
    words = [*PROGRAM, "collect", quiet_db, "--interval", "1"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as collector:
        try:
            assert collector.stdout is not None
            assert "statements" in collector.stdout.readline()
            with PseudoTerminal([*PROGRAM, quiet_db, "--interval", "1"]) as terminal:
                terminal.until("following")
                # Only what changed of a line is written, so that no word of it need stand beside another.
                terminal.until(r"\d\d:\d\d:\d\d")
                before = len(terminal.raw)
                collector.send_signal(signal.SIGKILL)
                terminal.until("ended:", before, 20)
                terminal.until(r"every 1 s", before, 20)
                assert terminal.quit() == 0
        finally:
            collector.kill()
