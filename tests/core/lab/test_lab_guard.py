"""Text from a target is untrusted: the lab plans it and does nothing else with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.errors import LabError, PlanFailed
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image

HOSTILE = [
    """CREATE FUNCTION reads_file() RETURNS text LANGUAGE plpgsql IMMUTABLE AS
       $$BEGIN RETURN pg_read_file('/etc/passwd'); END$$""",
    """CREATE FUNCTION climbs() RETURNS text LANGUAGE plpgsql IMMUTABLE AS
       $$BEGIN PERFORM set_config('role', 'postgres', false); RETURN current_user; END$$""",
    """CREATE FUNCTION never_ends() RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN LOOP END LOOP; END$$""",
    """CREATE FUNCTION "it's $$ [/b]; DROP"(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a'""",
    "CREATE TABLE t (id int PRIMARY KEY, x text)",
    "CREATE AGGREGATE own_sum(int) (sfunc = int4pl, stype = int)",
    "CREATE RULE quiet AS ON DELETE TO t WHERE id < 0 DO INSTEAD NOTHING",
    "INSERT INTO t SELECT i, i FROM generate_series(1, 1000) i",
    "ANALYZE t",
]


@pytest.fixture
def hostile_lab(fresh_db: str, binaries: Binaries) -> Iterator[Lab]:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        for statement in HOSTILE:
            session.execute(statement.encode())
        image = read_image(session)
    with Lab.build(image, binaries) as lab:
        yield lab


def test_hostile_functions_reach_nothing(hostile_lab: Lab) -> None:
    for sql in ("SELECT * FROM t WHERE x = reads_file()", "SELECT * FROM t WHERE x = climbs()"):
        with pytest.raises(PlanFailed, match="permission denied"):
            hostile_lab.plan(sql)
    hostile_lab._parts.planner.execute("SET statement_timeout = '300ms'")
    with pytest.raises(PlanFailed, match="timeout"):
        hostile_lab.plan("SELECT * FROM t WHERE id = never_ends()")
    assert hostile_lab.plan("SELECT * FROM t WHERE id = 1").indexes() == {"t_pkey"}
    assert any("own_sum" in note for note in hostile_lab.not_modelled)
    assert any("rule quiet of public.t" in note for note in hostile_lab.not_modelled)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; DROP TABLE orders",
        "SELECT 1; SELECT $1::int",
        "DROP TABLE orders",
        "EXPLAIN ANALYZE SELECT 1",
        "ANALYZE SELECT 1",
        "COPY orders TO '/tmp/x'",
        "CREATE TABLE x AS SELECT 1",
        "EXECUTE x",
        "",
        "-- nothing",
        "SELECT FROM WHERE",
        "SELECT '\x00'",
        "SELECT 'open",
        "SELECT \ud800",
        "SELECT * FROM no_such_table",
        "SELECT " + "(" * 20000 + "1" + ")" * 20000,
    ],
)
def test_what_is_not_one_plannable_statement_is_refused(shop_lab: Lab, sql: str) -> None:
    with pytest.raises(PlanFailed) as caught:
        shop_lab.plan(sql)
    assert caught.value.what
    assert shop_lab.plan("SELECT * FROM orders WHERE id = 1").indexes() == {"orders_pkey"}


def test_nothing_is_executed(shop_lab: Lab) -> None:
    shop_lab.plan("DELETE FROM orders")
    shop_lab.plan("SELECT pg_sleep(60)")
    with psycopg.connect(shop_lab._parts.cluster.dsn("lab", "lab_owner")) as session:
        row = session.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    assert row == (False,)


def test_close_leaves_nothing_and_later_calls_say_so(fresh_db: str, binaries: Binaries) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        lab = Lab.build(read_image(session), binaries)
    place = lab._parts.cluster.socket_dir
    assert place.stat().st_mode & 0o777 == 0o700
    lab.close()
    lab.close()
    assert not place.exists()
    with pytest.raises(LabError):
        lab.plan("SELECT 1")


def test_a_killed_program_leaves_no_lab(fresh_db: str, until: Callable[..., object]) -> None:
    program = (
        "import sys, psycopg\n"
        "from optischema_tui.core.cluster.binaries import find_binaries\n"
        "from optischema_tui.core.lab.lab import Lab\n"
        "from optischema_tui.core.lab.reader import read_image\n"
        "session = psycopg.connect(sys.argv[1], autocommit=True)\n"
        "lab = Lab.build(read_image(session), find_binaries())\n"
        "print(lab._parts.cluster.socket_dir, lab._parts.cluster.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, fresh_db], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        place, pid = process.stdout.readline().split()
        assert Path(place).is_dir()
        os.kill(process.pid, signal.SIGKILL)
    until(lambda: not Path(place).exists(), 20, "the removal of the lab's directory")
    until(lambda: not Path(f"/proc/{pid}").exists(), 20, "the end of the lab's server")
