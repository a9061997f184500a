"""Killed at any moment, the program leaves no server, no files, no lock, and no kept lab that fools the next start."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from optischema_tui.core.lab.reader import read_image

NOBODY = 65534
PROGRAM = """
import os, pickle, signal, sys
from pathlib import Path
from optischema_tui.core.cluster import pack
from optischema_tui.core.cluster.binaries import find_binaries
from optischema_tui.core.jobs.lab import open_lab
from optischema_tui.core.lab import build
from optischema_tui.core.paths import Paths

place, point = sys.argv[1:]

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if point == "half a pack":
    written = []
    def pack_file(path, sink, real=pack._pack_file):
        written.append(path)
        return real(path, sink) if len(written) < 400 else die()
    pack._pack_file = pack_file
elif point == "half a copy":
    made = []
    def unpack_file(*words, real=pack._unpack_file):
        made.append(words)
        return real(*words) if len(made) < 200 else die()
    pack._unpack_file = unpack_file
elif point == "half the sizes":
    build.size_files = die

def progress(what, fraction):
    if what == point:
        die()

image = pickle.loads(Path(place, "image").read_bytes())
paths = Paths(Path(place, "config"), Path(place, "state"), Path(place, "cache"))
with open_lab(image, find_binaries(), paths, target="t", progress=progress) as lab:
    print(lab._parts.origin, lab.plan("SELECT * FROM t WHERE id = 1").total_cost, flush=True)
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory with a short name: `labs` inside is where servers are made."""
    made = Path(tempfile.mkdtemp(prefix="optischema-killed-", dir="/tmp"))
    (made / "labs").mkdir()
    yield made
    shutil.rmtree(made)


@pytest.fixture
def table(fresh_db: str, place: Path) -> str:
    """Conninfo of a database with one table, whose image the program finds."""
    change(fresh_db, place, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 1000)")
    return fresh_db


def change(dsn: str, place: Path, sql: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute(sql.encode())
        session.execute("ANALYZE t")
        (place / "image").write_bytes(pickle.dumps(read_image(session)))


def start(place: Path, point: str = "", python: str = sys.executable, user: int | None = None) -> tuple[int, list[str]]:
    """The program's exit code and the words it printed."""
    done = subprocess.run(
        [python, "-c", PROGRAM, str(place), point],
        env={"PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(place / "labs"), "HOME": str(place)},
        capture_output=True,
        text=True,
        timeout=60,
        user=user,
        group=user,
        extra_groups=None if user is None else (),
    )
    return done.returncode, done.stdout.split() or done.stderr.splitlines()[-1:]


def servers_in(place: Path) -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if f"{place}/labs" in line:
            found.append(line)
    return found


@pytest.mark.parametrize(
    ("point", "origin"),
    [
        pytest.param("starting the lab's server", "built", marks=pytest.mark.deep),
        ("loading the schema", "built"),
        ("half a pack", "built"),
        pytest.param("half the sizes", "reused", marks=pytest.mark.deep),
        ("the lab is ready", "reused"),
    ],
)
@pytest.mark.usefixtures("table")
def test_killed_while_it_builds(place: Path, until: Callable[..., object], point: str, origin: str) -> None:
    assert start(place, point)[0] == -signal.SIGKILL
    until(lambda: not servers_in(place) and not list((place / "labs").iterdir()), 20, "the end of the server")
    assert start(place) == (0, [origin, "8.29"])
    assert not list((place / "cache" / "labs").glob("*.part"))
    assert not list((place / "labs").iterdir())


@pytest.mark.parametrize(
    "point",
    [
        "half a copy",
        pytest.param("bringing the lab up to date", marks=pytest.mark.deep),
        pytest.param("loading the sizes", marks=pytest.mark.deep),
    ],
)
def test_killed_while_it_follows(table: str, place: Path, until: Callable[..., object], point: str) -> None:
    assert start(place) == (0, ["built", "8.29"])
    change(table, place, "CREATE INDEX t_again ON t (id); INSERT INTO t SELECT generate_series(2000, 90000)")
    assert start(place, point)[0] == -signal.SIGKILL
    until(lambda: not servers_in(place) and not list((place / "labs").iterdir()), 20, "the end of the server")
    assert start(place) == (0, ["refreshed", "8.31"])
    assert start(place) == (0, ["reused", "8.31"])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user: run as root")
@pytest.mark.usefixtures("table")
def test_a_normal_user_builds_keeps_and_starts_again(place: Path) -> None:
    python = next((name for name in (sys.executable, "/usr/bin/python3") if runs(name)), None)
    if python is None:
        pytest.skip("the user nobody may run no Python of this version")
    for path in (place, place / "labs", place / "image"):
        os.chown(path, NOBODY, NOBODY)
    assert start(place, python=python, user=NOBODY) == (0, ["built", "8.29"])
    assert start(place, python=python, user=NOBODY) == (0, ["reused", "8.29"])
    assert (place / "cache" / "labs").stat().st_uid == NOBODY
    assert not list((place / "labs").iterdir())


def runs(python: str) -> bool:
    """May the user nobody use this Python with the packages of this one?"""
    try:
        done = subprocess.run(
            [python, "-c", "import psycopg, optischema_tui"],
            env={"PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=subprocess.DEVNULL,
            user=NOBODY,
            group=NOBODY,
            extra_groups=(),
        )
    except OSError:
        return False
    return done.returncode == 0
