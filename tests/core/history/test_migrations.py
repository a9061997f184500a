"""Files of every released format are opened; upgrades are backed up, and a kill in the middle of one loses nothing."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import StorageError
from optischema_tui.core.history import backup
from optischema_tui.core.history.database import Database, Schema
from optischema_tui.core.history.schema import SCHEMA
from optischema_tui.core.history.store import History

FORMATS = Path(__file__).parent / "formats"
sys.path.insert(0, str(FORMATS))
from make_format import (  # noqa: E402
    IDENTITY,
    SECONDS,
    START,
    STATEMENTS,
    TICKS,
    baseline,
    key,
    recommendation,
    snapshot,
)

EARLIER = range(1, SCHEMA.latest)


def load(name: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((FORMATS / f"{name}.sql").read_text())


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in tables}


def assert_intact(history: History) -> None:
    fingerprint = IDENTITY.fingerprint
    assert history.targets() == ((IDENTITY, "host=/tmp user=dba"),)
    found = history.last_snapshot(fingerprint)
    assert found is not None
    assert (found.taken_at, found.epoch) == (snapshot(TICKS).taken_at, snapshot(TICKS).epoch)
    assert [(one.key, one.calls) for one in found.statements] == [
        (one.key, one.calls) for one in snapshot(TICKS).statements
    ]
    window = {stats.key: stats for stats in history.window(fingerprint, START, START + SECONDS * TICKS)}
    assert {one: (stats.calls, stats.exec_time, stats.text) for one, stats in window.items()} == {
        key(n): (n * TICKS, pytest.approx(2.0 * n * TICKS), f"SELECT {n}") for n in STATEMENTS
    }
    assert [point.db_time for point in history.series(fingerprint, START)] == [pytest.approx(0.4)] * TICKS
    assert history.texts(fingerprint, [key(1)])[key(1)].text == "SELECT 1"
    picture = history.last_picture("one")
    assert picture is not None
    assert picture.kpis.active == 3
    assert history.recommendations(fingerprint) == (recommendation("aa11bb22cc33"),)
    assert history.dismissed(fingerprint) == {"dd44": "too large"}
    assert history.baselines(fingerprint) == (baseline(),)


def test_every_earlier_format_has_a_file() -> None:
    missing = [number for number in EARLIER if not (FORMATS / f"history-{number}.sql").exists()]
    assert not missing, f"run tests/core/history/formats/make_format.py in the last release with format {missing}"
    journal = Journal.open(Path("unused.db"))
    assert [n for n in range(1, journal._database.schema.latest + 1) if not (FORMATS / f"audit-{n}.sql").exists()] == []


@pytest.mark.parametrize("number", EARLIER)
def test_a_history_of_each_format_is_upgraded_whole(tmp_path: Path, number: int) -> None:
    path = tmp_path / "history.db"
    load(f"history-{number}", path)
    before = rows(path)
    with closing(History.open(path, FixedClock(at=START + 400))) as history:
        assert_intact(history)
        assert history.notice == ""
        connection = history._database._open()
        assert connection.execute("PRAGMA user_version").fetchone()[0] == SCHEMA.latest
        assert connection.execute("PRAGMA auto_vacuum").fetchone()[0] == 2, "purging gives pages back from now on"
    (kept,) = backup.backups(path)
    assert (kept.format, kept.at) == (number, START + 400)
    assert rows(kept.path) == before, "what stood there before the upgrade"
    with closing(History.open(path, FixedClock(at=START + 900))) as history:
        assert_intact(history)
    assert len(backup.backups(path)) == 1, "an upgrade happens once"


@pytest.mark.parametrize("number", EARLIER)
def test_the_backup_of_an_older_format_takes_the_place_of_a_damaged_file(tmp_path: Path, number: int) -> None:
    path = tmp_path / "history.db"
    load(f"history-{number}", path)
    History.open(path, FixedClock(at=START)).last_picture("one")
    path.write_bytes(b"no database" * 1000)
    for suffix in ("-wal", "-shm"):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)
    with closing(History.open(path, FixedClock(at=START + 7200))) as history:
        assert_intact(history)
        assert "the backup of 2023-11-14T22:13:20Z took its place" in history.notice
        assert "2 hours" in history.notice


def test_a_journal_of_the_first_format_holds(tmp_path: Path) -> None:
    load("audit-1", tmp_path / "audit.db")
    with closing(Journal.open(tmp_path / "audit.db")) as journal:
        assert journal.verify().ok
        assert [entry.event for entry in journal.entries()][1:] == [
            "change.approved",
            "change.intent",
            "change.applied",
        ]
        journal.record("goes.on", {})
        assert journal.verify().ok


def test_an_upgrade_without_room_for_a_backup_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.db"
    load("history-1", path)
    monkeypatch.setattr(backup, "room", lambda directory: 1 << 20)
    with closing(History.open(path)) as history:
        assert_intact(history)
        assert "no backup from before the upgrade" in history.notice
        assert "has 1 MB" in history.notice
    assert backup.backups(path) == []


def test_a_program_whose_file_was_upgraded_under_it_stops_writing(tmp_path: Path) -> None:
    def first(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE note (text TEXT)")

    def second(connection: sqlite3.Connection) -> None:
        connection.execute("DROP TABLE note")

    path = tmp_path / "notes.db"
    older = Database(path, Schema("The notebook", 77, (first,), "NORMAL", True))
    newer = Database(path, Schema("The notebook", 77, (first, second), "NORMAL", True))
    older.write(lambda connection: connection.execute("INSERT INTO note VALUES ('x')").rowcount)
    newer.open()
    with pytest.raises(StorageError, match="written by a newer version"):
        older.read(lambda connection: connection.execute("SELECT * FROM note").fetchall())
    older.close()
    newer.close()
    assert list(tmp_path.glob("*.corrupt-*")) == [], "a table that a newer format has not is no damage"


KILLED = """
import os, signal, sqlite3, sys
from pathlib import Path
from optischema_tui.core.history.store import History
left = int(sys.argv[2])
def tick():
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return 0
connect = sqlite3.connect
def killing(*arguments, **options):
    connection = connect(*arguments, **options)
    connection.set_progress_handler(tick, 3)
    connection.set_trace_callback(lambda sql: tick())
    return connection
sqlite3.connect = killing
History.open(Path(sys.argv[1])).last_picture("one")
"""


def killed_upgrades(path: Path, chance: random.Random, kills: int) -> int:
    done = 0
    for kill in range(kills):
        if kill % 4 == 0:
            for file in path.parent.glob("history.db*"):
                file.unlink()
            load("history-1", path)
        after = str(int(10 ** chance.uniform(0.5, 4)))
        ended = subprocess.run([sys.executable, "-c", KILLED, str(path), after], timeout=60, check=False)
        assert ended.returncode in (0, -9)
        done += ended.returncode == -9
        with closing(sqlite3.connect(path)) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert raw.execute("PRAGMA user_version").fetchone()[0] in (1, SCHEMA.latest), "never half way"
        if kill % 4 == 3:
            with closing(History.open(path)) as history:
                assert_intact(history)
                assert history.notice == ""
    return done


def test_a_killed_upgrade_is_done_again(tmp_path: Path) -> None:
    assert killed_upgrades(tmp_path / "state" / "history.db", random.Random(3), 8) >= 2


@pytest.mark.deep
def test_many_killed_upgrades_are_done_again(tmp_path: Path) -> None:
    assert killed_upgrades(tmp_path / "state" / "history.db", random.Random(4), 120) >= 40
