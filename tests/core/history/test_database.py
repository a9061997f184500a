"""Where a file lies: full disks, places that can only be read, shared file systems; and how it is shrunk."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import StorageError
from optischema_tui.core.history import database as module
from optischema_tui.core.history.database import Database, Schema
from optischema_tui.core.history.filesystem import is_shared, kind_of


def _table(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)")


SCHEMA = Schema("The notebook", 77, (_table,), "NORMAL", True)

MOUNTS = r"""22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:21 / /proc rw,relatime - proc proc rw
30 22 0:30 / /home rw,relatime shared:1 - autofs systemd-1 rw
31 30 0:31 / /home rw,relatime shared:2 master:7 - nfs4 filer:/home rw,vers=4.2
32 31 0:32 / /home/a\040b rw - ext4 /dev/vdb rw
33 22 0:33 / /mnt/box rw - fuse.sshfs dba@box:/ rw
34 22 0:34 / /mnt/safe rw - fuse.gocryptfs /x rw
35 22 0:35 /sub /mnt/windows rw - 9p drvfs rw
broken line
36 22 0:36 / /mnt/share rw - cifs //s/share rw
"""


@pytest.mark.parametrize(
    ("path", "kind", "shared"),
    [
        ("/var/lib/x", "ext4", False),
        ("/home/dba/.local/state", "nfs4", True),
        ("/home/a b/state", "ext4", False),
        ("/homestead", "ext4", False),
        ("/mnt/box", "fuse.sshfs", True),
        ("/mnt/safe/x", "fuse.gocryptfs", False),
        ("/mnt/windows/c", "9p", True),
        ("/mnt/share/x", "cifs", True),
    ],
)
def test_the_file_system_of_a_path_is_found(path: str, kind: str, shared: bool) -> None:
    assert kind_of(Path(path), MOUNTS) == kind
    assert is_shared(kind) is shared


def test_the_file_system_of_this_machine_is_known(tmp_path: Path) -> None:
    assert kind_of(tmp_path / "not there yet") == kind_of(tmp_path) != ""
    assert kind_of(Path("/proc/self")) == "proc"
    assert kind_of(tmp_path, "") == ""
    assert not is_shared("")


def test_there_is_no_shared_memory_on_a_shared_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notes.db"
    with closing(Database(path, SCHEMA)) as database:
        database.open()
        assert database.notice == ""
    monkeypatch.setattr(module, "kind_of", lambda directory: "nfs4")
    with closing(Database(path, SCHEMA)) as database:
        database.write(lambda connection: connection.execute("INSERT INTO note VALUES (1, 'x')").rowcount)
        assert database.read(lambda connection: connection.execute("PRAGMA journal_mode").fetchone()) == ("delete",)
        assert not list(tmp_path.glob("notes.db-*"))
        assert "shared file system (nfs4)" in database.notice
        assert "--state-dir" in database.notice


def test_purging_gives_pages_back(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "notes.db", SCHEMA)) as database:
        database.write(
            lambda connection: (
                connection.executemany(
                    "INSERT INTO note (text) VALUES (?)", [("x" * 3000,) for _ in range(500)]
                ).rowcount
            )
        )
        database.write(lambda connection: connection.execute("DELETE FROM note").rowcount)
        pages = database.read(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0])
        vacuum = "PRAGMA incremental_vacuum(1)"
        database.write(lambda connection: [connection.execute(vacuum).fetchall() for _ in range(500)])
        assert database.read(lambda connection: connection.execute("PRAGMA page_count").fetchone()[0]) < pages / 10


def test_a_write_that_must_be_possible_is_tried(tmp_path: Path) -> None:
    with closing(Database(tmp_path / "notes.db", SCHEMA)) as database:
        database.check_writable()
    other = sqlite3.connect(tmp_path / "notes.db", isolation_level=None)
    with closing(Database(tmp_path / "notes.db", SCHEMA)) as database:
        database.open()
        database._open().execute("PRAGMA busy_timeout=10")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked by another program"):
            database.check_writable()
        other.execute("ROLLBACK")
        database.check_writable()
    other.close()


CHILD = """
import json, os, subprocess, sys, threading
from pathlib import Path
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import StorageError
from optischema_tui.core.history.store import History
from optischema_tui.core.models import TargetIdentity

state = Path(sys.argv[1])
told = {}
clock = FixedClock()
identity = TargetIdentity("7301", 5, "shop", 180000, "demo")
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=700", "none", str(state)], check=True)
history, journal = History.open(state / "history.db", clock), Journal.open(state / "audit.db", clock)

def attempt(name, work):
    try:
        value = work()
        told[name] = value if isinstance(value, str) else "ok"
    except StorageError as error:
        told[name] = error.sentence

def writes(name):
    attempt(name + " history", lambda: [history.remember_target(f"t{n}", identity, "x" * 2000) for n in range(40)])
    attempt(name + " audit", lambda: [journal.record("x", {"text": "x" * 2000}) for n in range(40)])

def looks(name, history, journal):
    attempt(name + " history read", lambda: history.identity_of("one").database)
    attempt(name + " audit read", lambda: journal.entries()[1].event)
    told[name + " notice"] = history.notice
"""

FULL = (
    CHILD
    + """
history.remember_target("one", identity, "")
journal.record("one", {})
def fill():
    try:
        with open(state / "filler", "wb", buffering=0) as filler:
            while True:
                filler.write(b"x" * 4096)
    except OSError:
        pass
fill()
writes("full")
looks("full", history, journal)
fresh, other = History.open(state / "history.db", clock), Journal.open(state / "audit.db", clock)
looks("fresh", fresh, other)
os.truncate(state / "filler", 0)
writes("again")
looks("again", history, journal)
attempt("again fresh", lambda: fresh.remember_target("two", identity, ""))
told["verify"] = journal.verify().ok
for store in (history, journal, fresh, other):
    store.close()
fill()
history, journal = History.open(state / "history.db", clock), Journal.open(state / "audit.db", clock)
looks("started", history, journal)
writes("started")
os.truncate(state / "filler", 0)
writes("at last")
looks("at last", history, journal)
print(json.dumps(told))
"""
)

READ_ONLY = (
    CHILD
    + """
history.remember_target("one", identity, "")
journal.record("one", {})
history.close(), journal.close()
history, journal = History.open(state / "history.db", clock), Journal.open(state / "audit.db", clock)
subprocess.run(["mount", "-o", "remount,ro", str(state)], check=True)
looks("read-only", history, journal)
writes("read-only")
looks("after writing", history, journal)
history._database.maintain()
told["maintained"] = history._database.maintained(10)
subprocess.run(["mount", "-o", "remount,rw", str(state)], check=True)
writes("again")
clock.advance(6)
looks("again", history, journal)
print(json.dumps(told))
"""
)


def in_a_small_world(script: str, directory: Path) -> dict[str, Any]:
    """Run `script` with a file system of its own on `directory`, which ends with it."""
    if os.geteuid() or not shutil.which("unshare"):
        pytest.skip("to mount a small file system one must be root: run as root")
    may = subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", str(directory)], check=False)
    if may.returncode:
        pytest.skip("mounting a file system is not allowed here: it needs CAP_SYS_ADMIN")
    ended = subprocess.run(
        ["unshare", "-m", sys.executable, "-c", script, str(directory)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


def test_a_disk_that_fills_up_is_read_on_and_written_again_once_there_is_room(tmp_path: Path) -> None:
    told = in_a_small_world(FULL, tmp_path)
    for name in ("history", "audit"):
        assert "is full. Free some space: writing goes on by itself then." in told[f"full {name}"]
        assert told[f"again {name}"] == "ok", "the first write after there is room"
    for name in ("full", "fresh", "again"):
        assert (told[f"{name} history read"], told[f"{name} audit read"]) == ("shop", "one"), name
    assert told["again fresh"] == "ok"
    assert told["again notice"] == ""
    assert told["verify"] is True
    assert (told["started history read"], told["started audit read"]) == ("shop", "one"), "begun on a full disk"
    assert "is full" in told["started history"]
    assert "is full" in told["started audit"]
    assert (told["at last history"], told["at last audit"], told["at last notice"]) == ("ok", "ok", "")


def test_a_place_that_can_only_be_read_is_read(tmp_path: Path) -> None:
    told = in_a_small_world(READ_ONLY, tmp_path)
    for name in ("read-only", "after writing", "again"):
        assert (told[f"{name} history read"], told[f"{name} audit read"]) == ("shop", "one"), name
    for name in ("history", "audit"):
        assert "for writing" in told[f"read-only {name}"] or "Read-only" in told[f"read-only {name}"]
        assert told[f"again {name}"] == "ok"
    assert "it is only read" in told["read-only notice"]
    assert "it is only read" in told["after writing notice"]
    assert told["again notice"] == "", "what has passed is told no more"
    assert told["maintained"] is True


def test_an_older_format_that_cannot_be_upgraded_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "notes.db"
    Database(path, SCHEMA).open()
    later = Schema("The notebook", 77, (_table, lambda connection: None), "NORMAL", True)

    def refused(path: Path) -> bool:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "create_private", refused)
    with closing(Database(path, later)) as database, pytest.raises(StorageError, match="Permission denied"):
        database.read(lambda connection: None)
    with closing(Database(path, SCHEMA, FixedClock())) as database:
        assert database.read(lambda connection: connection.execute("SELECT count(*) FROM note").fetchone()) == (0,)
        with pytest.raises(StorageError, match="Permission denied"):
            database.write(lambda connection: connection.execute("DELETE FROM note").rowcount)
        assert "it is only read" in database.notice
