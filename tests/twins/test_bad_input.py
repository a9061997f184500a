"""What is missing, wrong or hostile ends in a sentence and an exit code, and loses nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from optischema_tui.core.cluster.cluster import Cluster

HOSTILE = 'SELECT 1 AS "[/x] \x1b]0;owned\x07 \u202e \x9b31m"'


def call(*words: str, code: int, env: dict[str, str] | None = None) -> tuple[Any, str]:
    """(decoded answer, standard error) of a command with --json that must end with `code`."""
    told = subprocess.run(
        [sys.executable, "-m", "optischema_tui", *words, "--json"],
        capture_output=True, check=False, env={**os.environ, **(env or {})},
    )  # fmt: skip
    out, err = told.stdout.decode(), told.stderr.decode()
    assert told.returncode == code, f"{words}: exit {told.returncode}\n{out}\n{err}"
    assert "Traceback" not in err
    return (json.loads(out) if out.strip() else None), err


def test_a_wrong_password(tcp_server: Cluster) -> None:
    dsn = make_conninfo(host="127.0.0.1", port=tcp_server.port, user="tester", dbname="postgres")
    for secret in ("wrong-password", ""):
        answer, err = call("top", dsn, code=3, env={"PGPASSWORD": secret})
        assert answer["error"]["what"]
        assert "wrong-password" not in json.dumps(answer) + err


def test_a_host_that_is_not(tcp_server: Cluster) -> None:
    answer, _ = call("doctor", "host=no-such-host.invalid user=x dbname=x", code=3)
    assert "no-such-host.invalid" in answer["error"]["what"]
    answer, _ = call("doctor", f"host=127.0.0.1 port={tcp_server.port} user=tester dbname=nowhere", code=3,
                     env={"PGPASSWORD": "correct-horse"})  # fmt: skip
    assert "nowhere" in json.dumps(answer)


def test_no_pg_stat_statements_names_the_two_lines(server: Cluster) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute("DROP EXTENSION IF EXISTS pg_stat_statements")
    for command in ("top", "advise", "doctor"):
        answer, err = call(command, server.dsn(), code=4)
        assert "CREATE EXTENSION pg_stat_statements" in json.dumps(answer) + err


def test_a_role_without_privileges_is_told_the_grant(fresh_db: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE secrets (id int)")
        session.execute("SELECT * FROM secrets")
        session.execute("DROP ROLE IF EXISTS nobody_special")
        session.execute("CREATE ROLE nobody_special LOGIN")
    poor = make_conninfo(fresh_db, user="nobody_special")
    try:
        answer, _ = call("doctor", poor, code=4)
        assert "GRANT" in json.dumps(answer["parts"])
        answer, _ = call("top", poor, code=0)
        assert answer["unreadable"] > 0
        assert "secrets" not in json.dumps(answer["statements"])
    finally:
        with psycopg.connect(fresh_db, autocommit=True) as session:
            session.execute("DROP ROLE nobody_special")


@pytest.mark.parametrize("command", ["top", "advise", "lab"])
def test_hostile_and_huge_texts_are_inert(fresh_db: str, command: str) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE plain (id int)")
        session.execute(HOSTILE + " FROM plain")
        session.execute(f"SELECT '{'x' * 2_000_000}', id FROM plain WHERE id IN ({', '.join(map(str, range(3000)))})")
        session.execute(f"SELECT {'id + ' * 3000} id, '{'y' * 1000}' FROM plain")
    options = ["--check"] if command == "lab" else []
    for plain in (True, False):
        told = subprocess.run(
            [sys.executable, "-m", "optischema_tui", command, fresh_db, *options, *([] if plain else ["--json"])],
            capture_output=True, check=False,
        )  # fmt: skip
        assert told.returncode == 0, told.stderr.decode()
        for raw in (b"\x1b]", b"\x07", "\u202e".encode(), b"\xc2\x9b"):
            assert raw not in told.stdout + told.stderr


def test_a_broken_config_is_told_and_does_not_stop(fresh_db: str, tmp_path: Path) -> None:
    broken = tmp_path / "config.toml"
    broken.write_text("[profiles.shop\nhost = 1")
    _, err = call("top", fresh_db, "--config", str(broken), code=0)
    assert str(broken) in err
    broken.write_text('[profiles.shop]\nhots = "db1"\n[profiles.good]\nhost = "127.0.0.1"\nport = 1\nuser = "u"\n')
    _, err = call("top", "good", "--config", str(broken), code=3)
    assert "host" in err
    answer, _ = call("top", "shop", "--config", str(broken), code=2)
    assert "hots" in answer["error"]["what"] + answer["error"]["why"]
    broken.write_text('[profiles.shop]\npassword = "hunter2"\n')
    answer, err = call("top", "shop", "--config", str(broken), code=2)
    assert "hunter2" not in json.dumps(answer) + err
    assert broken.read_text() == '[profiles.shop]\npassword = "hunter2"\n'


def test_a_place_that_cannot_be_written(fresh_db: str) -> None:
    answer, _ = call("advise", fresh_db, "--state-dir", "/proc/nowhere", code=7)
    assert "/proc/nowhere" in answer["error"]["what"]
    call("top", fresh_db, "--state-dir", "/proc/nowhere", code=0)


def test_a_full_disk_stops_changes_and_not_observing(fresh_db: str, tmp_path: Path) -> None:
    """A file size limit stands for the full disk: the write fails in the middle, as it would there."""
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE plain (id int)")
        for width in range(200):
            session.execute(f"SELECT {', '.join(['id'] * (width + 1))} FROM plain")
    state = tmp_path / "state"
    script = 'ulimit -f 48; exec "$@"'
    collect = [sys.executable, "-m", "optischema_tui", "collect", fresh_db, "--interval", "1", "--duration", "3"]
    told = subprocess.run(
        ["bash", "-c", script, "bash", *collect, "--state-dir", str(state)], capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    assert "statements" in told.stdout
    assert "Traceback" not in told.stderr
    assert "history" in told.stderr.lower()
    told = subprocess.run([*collect, "--state-dir", str(state)], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert not told.stderr


def test_a_lost_server_in_mid_poll(own_server: Cluster, until: Any) -> None:
    """The collector says so, goes on trying, and takes up again when the server is back."""
    with psycopg.connect(own_server.dsn(), autocommit=True) as session:
        session.execute("CREATE EXTENSION pg_stat_statements")
    words = [sys.executable, "-u", "-m", "optischema_tui", "collect", own_server.dsn(), "--interval", "1"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as collect:
        assert collect.stdout is not None
        assert collect.stderr is not None
        try:
            assert "statements" in collect.stdout.readline()
            own_server.crash()
            assert "again in" in collect.stderr.readline()
            own_server.resume()
            assert "statements" in collect.stdout.readline()
        finally:
            collect.terminate()
            _, err = collect.communicate(timeout=20)
    assert "Traceback" not in err
    assert collect.returncode == 0
