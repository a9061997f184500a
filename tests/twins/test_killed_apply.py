"""`apply` is killed while the server builds: `changes` and `apply` then say what is true on the server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

SCHEMA = """
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL, total numeric NOT NULL);
INSERT INTO orders SELECT i, 1 + i % 5000, i % 97 FROM generate_series(1, 100000) i;
ANALYZE orders;
"""
BUILDING = """
SELECT p.pid FROM pg_stat_progress_create_index p
WHERE p.datname = current_database() AND p.phase LIKE 'waiting for old%'
"""
INVALID = "SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{}')"


def call(*words: str, code: int = 0) -> Any:
    told = subprocess.run(
        [sys.executable, "-m", "optischema_tui", *words, "--json"], capture_output=True, text=True, check=False
    )
    assert told.returncode == code, f"{words}: exit {told.returncode}\n{told.stdout}\n{told.stderr}"
    return json.loads(told.stdout)


def state_of(rec: str, *words: str) -> str:
    return next(one["state"] for one in call("changes", *words)["changes"] if one["recommendation_id"] == rec)


@pytest.mark.parametrize(("server_ends_it", "command"), [(False, "changes"), (False, "apply"), (True, "changes")])
def test_the_verdict_is_what_the_server_shows(
    fresh_db: str, server_ends_it: bool, command: str, until: Callable[..., Any]
) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(SCHEMA)
        session.execute("SELECT pg_stat_statements_reset()")
        for number in range(40):
            session.execute("SELECT id, total FROM orders WHERE customer_id = %s", (number + 1,)).fetchall()
        advised = call("advise", fresh_db)["recommendations"][0]
        rec = advised["id"]
        invalid = INVALID.format(advised["index_name"])
        call("approve", rec)
        with psycopg.connect(fresh_db) as old:
            old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            old.execute("SELECT 1")
            words = [sys.executable, "-m", "optischema_tui", "apply", rec, "--yes", "--allow-changes"]
            with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
                builder = until(lambda: session.execute(BUILDING).fetchone(), 30, "the build")[0]
                killed.kill()
            assert state_of(rec) == "executing"
            call("apply", rec, "--yes", "--allow-changes", code=5)
            if server_ends_it:
                assert session.execute("SELECT pg_terminate_backend(%s, 10000)", (builder,)).fetchone() == (True,)
        gone = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND state <> 'idle'"
        until(lambda: session.execute(gone, (builder,)).fetchone() is None, 30, "the end of the build")
        if command == "apply":
            assert call("apply", rec, "--yes", "--allow-changes")["state"] == "verifying"
        if server_ends_it:
            assert state_of(rec) == "leftover", "a read-only target was mended"
            assert session.execute(invalid).fetchone() == (True,)
            assert state_of(rec, "--allow-changes") == "failed_clean"
            assert session.execute(invalid).fetchone() is None
        else:
            assert state_of(rec) == "verifying"
            assert session.execute(invalid).fetchone() == (False,)
    assert call("audit", "verify")["ok"]
