"""Activity, objects and server without a screen; `--at` tells the past; profiles."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.twins.families import _cell

HOSTILE = "\x1b[31mred\u202e"


def call(*words: str, code: int = 0) -> Any:
    """One headless command with --json: its decoded answer. Fails with its messages on another exit code."""
    told = subprocess.run(
        [sys.executable, "-m", "optischema_tui", *words, "--json"], capture_output=True, text=True, check=False
    )
    assert told.returncode == code, f"{words}: exit {told.returncode}\n{told.stdout}\n{told.stderr}"
    assert "Traceback" not in told.stderr
    return json.loads(told.stdout)


def plain(*words: str) -> str:
    told = subprocess.run([sys.executable, "-m", "optischema_tui", *words], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "\x1b" not in told.stdout
    return told.stdout


@contextmanager
def blocked(dsn: str, until: Callable[..., Any]) -> Iterator[tuple[int, int]]:
    """A session that holds a lock and one that waits for it: their process ids."""
    with (
        psycopg.connect(dsn, application_name=HOSTILE) as holder,
        psycopg.connect(dsn) as waiter,
        psycopg.connect(dsn, autocommit=True) as look,
    ):
        holder.execute("UPDATE held SET id = 2")
        waiting = threading.Thread(target=lambda: waiter.execute("UPDATE held SET id = 3"))
        waiting.start()
        pid = waiter.info.backend_pid
        until(
            lambda: look.execute(
                "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'", (pid,)
            ).fetchone(),
            20,
            "one session waits for the other",
        )
        try:
            yield holder.info.backend_pid, pid
        finally:
            holder.rollback()
            waiting.join()


@pytest.fixture
def held(fresh_db: str) -> str:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE held AS SELECT 1 AS id")
        session.execute("CREATE INDEX held_id ON held (id)")
        session.execute("ANALYZE held")
    return fresh_db


def test_activity_names_who_blocks_whom(held: str, until: Callable[..., Any]) -> None:
    with blocked(held, until) as (holder, waiter):
        seen = call("activity", held, "--seconds", "1")
        text = plain("activity", held)
    sessions = {one["pid"]: one for one in seen["sessions"]}
    assert sessions[waiter]["blocked_by"] == [holder]
    assert sessions[waiter]["wait_class"] == "Lock"
    assert "\x1b" not in sessions[holder]["application"]
    assert [(one["pid"], one["depth"]) for one in seen["blocking"]] == [(holder, 0), (waiter, 1)]
    assert any(wait["class"] == "Lock" for wait in seen["waits"])
    assert seen["samples"] >= 2
    assert "who blocks whom" in text
    assert str(waiter) in text


def test_objects_and_server_tell_what_the_server_counts(held: str) -> None:
    objects = {one["family"]: one for one in call("objects", held)["families"]}
    assert set(objects) == {"tables", "indexes", "sizes"}
    assert {row["name"] for row in objects["tables"]["rows"]} == {"held"}
    assert {row["name"] for row in objects["indexes"]["rows"]} == {"held_id"}
    assert objects["tables"]["per_second_over"] is None
    rated = call("objects", held, "--family", "tables", "--seconds", "1")["families"]
    assert [one["family"] for one in rated] == ["tables"]
    assert 0.9 < rated[0]["per_second_over"] < 20
    server = {one["family"]: one for one in call("server", held)["families"]}
    assert set(server) >= {"databases", "io", "wal", "checkpointer", "settings", "locks"}
    assert all(not one["problem"] for one in server.values()), server
    assert any(row["name"] == "track_io_timing" for row in server["settings"]["rows"])
    assert server["io"]["rows_total"] > 5
    text = plain("objects", held)
    assert "held" in text
    assert _cell("last_autovacuum", 1_795_366_307.5) == "2026-11-22T16:51:47Z"
    assert _cell("last_autovacuum", None) == "-"


def test_a_role_without_rights_is_told_the_grant(held: str) -> None:
    with psycopg.connect(held, autocommit=True) as session:
        session.execute("DROP ROLE IF EXISTS nobody_here")
        session.execute("CREATE ROLE nobody_here LOGIN")
    seen = call("activity", f"{held} user=nobody_here".replace("user=postgres", ""))
    server = call("server", f"{held} user=nobody_here".replace("user=postgres", ""), "--family", "replication")
    assert seen["total"] >= 0
    assert seen["hidden_sessions"] is not None
    assert server["families"][0]["problem"] == "" or "GRANT" in server["families"][0]["problem"]


def test_what_was_collected_is_told_of_a_moment(held: str) -> None:
    refused = call("top", held, "--at", "-1m", code=2)
    assert "no history" in refused["error"]["what"]
    words = [sys.executable, "-m", "optischema_tui", "collect", held, "--interval", "1", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as collect:
        assert collect.stdout is not None
        with psycopg.connect(held, autocommit=True) as session:
            for _ in range(3):
                session.execute("SELECT count(*) FROM held WHERE id > 5")
                last = json.loads(collect.stdout.readline())
        collect.terminate()
        collect.communicate()
    top = call("top", held, "--at", "now")
    assert top["seconds"] is not None
    assert abs(top["taken_at"] - last["at"]) < 5
    objects = call("objects", held, "--at", "now", "--family", "tables")
    assert {row["name"] for row in objects["families"][0]["rows"]} == {"held"}
    assert call("activity", held, "--at", "now")["samples"] in (0, 1)
    text = plain("top", held, "--at", "now")
    assert " s up to 20" in text.splitlines()[0], "what is of the past says of when"
    assert "None" not in text
    assert "/-" not in text
    unclear = call("top", held, "--at", "sometime", code=2)
    assert "moment" in unclear["error"]["what"]


def test_profiles_are_written_listed_and_removed(tmp_path: Path) -> None:
    file = str(tmp_path / "config.toml")
    assert call("profiles", "add", "shop", "host=db1 dbname=shop", "--config", file)["added"] == "shop"
    listed = call("profiles", "--config", file)["targets"]
    assert [(one["name"], one["from"]) for one in listed] == [("shop", "profile")]
    assert call("profiles", "check", "--config", file)["problems"] == []
    refused = call("profiles", "add", "bad", "host=db1 password=secret-canary", "--config", file, code=2)
    assert "secret-canary" not in json.dumps(refused)
    assert call("profiles", "remove", "shop", "--config", file)["removed"] == "shop"
    assert call("profiles", "--config", file)["targets"] == []


def test_a_damaged_history_is_told_by_whoever_finds_it(held: str, state_dir: Path) -> None:
    state_dir.mkdir(parents=True, mode=0o700)
    (state_dir / "history.db").write_text("garbage")
    (state_dir / "history.db").chmod(0o600)
    words = [sys.executable, "-m", "optischema_tui", "top", held, "--at", "now"]
    told = subprocess.run(words, capture_output=True, text=True, check=False)
    assert told.returncode == 2
    assert "history.db.corrupt-" in told.stderr
