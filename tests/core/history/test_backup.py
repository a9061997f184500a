"""Backups: when they are made, that they are whole, how many are kept, and that they are in nobody's way."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history import backup, care
from optischema_tui.core.history.database import Database, Schema
from optischema_tui.core.history.failures import Damaged
from optischema_tui.core.jobs.audit import look_after
from optischema_tui.core.paths import Paths

DAY = 86400.0


def _table(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)")


SCHEMA = Schema("The notebook", 77, (_table,), "NORMAL", True)


def write(database: Database, text: str) -> None:
    database.write(lambda connection: connection.execute("INSERT INTO note (text) VALUES (?)", (text,)).rowcount)


def notes(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [text for (text,) in connection.execute("SELECT text FROM note ORDER BY id")]


def maintain(database: Database) -> None:
    database.maintain()
    assert database.maintained(30)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def begin(tmp_path: Path, clock: FixedClock):
    """A program that opens a file which was there before."""
    opened: list[Database] = []

    def begin() -> Database:
        database = Database(tmp_path / "state" / "notes.db", SCHEMA, clock)
        if not opened:
            database.open()
            database.close()
            database = Database(database.path, SCHEMA, clock)
        database.open()
        opened.append(database)
        return database

    yield begin
    for database in opened:
        database.close()


def test_a_backup_is_made_once_a_day(begin: Callable[[], Database], clock: FixedClock) -> None:
    database = begin()
    write(database, "first")
    maintain(database)
    (first,) = backup.backups(database.path)
    assert notes(first.path) == ["first"]
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(first.path.parent.stat().st_mode) == 0o700
    write(database, "second")
    clock.advance(DAY - 1)
    maintain(database)
    assert backup.backups(database.path) == [first]
    clock.advance(61)
    maintain(database)
    newest, _ = backup.backups(database.path)
    assert notes(newest.path) == ["first", "second"]
    assert newest.at == clock.at
    assert database.notice == ""
    clock.at -= 30 * DAY
    clock.ticks += 61
    maintain(database)
    assert len(backup.backups(database.path)) == 3, "a clock that was set back does not stop backups"


def test_a_fresh_file_waits_an_hour_for_its_first_backup(tmp_path: Path, clock: FixedClock) -> None:
    database = Database(tmp_path / "notes.db", SCHEMA, clock)
    maintain(database)
    assert not database.path.exists(), "nothing is opened for maintenance"
    write(database, "first")
    maintain(database)
    assert backup.backups(database.path) == []
    clock.advance(3601)
    maintain(database)
    assert [notes(one.path) for one in backup.backups(database.path)] == [["first"]]
    database.close()


def test_a_backup_needs_nothing_beside_it(begin: Callable[[], Database]) -> None:
    database = begin()
    write(database, "x")
    maintain(database)
    (made,) = backup.backups(database.path)
    assert sorted(os.listdir(made.path.parent)) == [made.path.name, "notes.json"]
    with closing(sqlite3.connect(f"{made.path.as_uri()}?immutable=1", uri=True)) as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert raw.execute("PRAGMA auto_vacuum").fetchone() == (2,)


def test_seven_are_kept_and_fewer_when_they_are_large(
    begin: Callable[[], Database], clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = begin()
    write(database, "x" * 100_000)
    for _ in range(9):
        maintain(database)
        clock.advance(DAY + 1)
    kept = backup.backups(database.path)
    assert [clock.at - one.at for one in kept] == [(DAY + 1) * n for n in range(1, 8)]
    monkeypatch.setattr(backup, "BUDGET", int(kept[0].bytes * 2.5))
    maintain(database)
    assert len(backup.backups(database.path)) == 2
    monkeypatch.setattr(backup, "BUDGET", 10)
    clock.advance(DAY + 1)
    maintain(database)
    (only,) = backup.backups(database.path)
    assert only.at == clock.at, "the newest one is always kept"


def test_no_room_is_told_and_the_last_backup_stays(
    begin: Callable[[], Database], clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = begin()
    write(database, "x")
    maintain(database)
    before = backup.backups(database.path)
    clock.advance(DAY + 1)
    with monkeypatch.context() as patched:
        patched.setattr(backup, "room", lambda directory: 20 << 20)
        maintain(database)
    assert backup.backups(database.path) == before
    assert "The notebook was not backed up. A copy takes 1 MB" in database.notice
    assert "has 20 MB" in database.notice
    clock.advance(61)
    maintain(database)
    assert len(backup.backups(database.path)) == 2
    assert database.notice == "", "what has passed is not told any more"


def test_writers_go_on_while_a_copy_is_made(begin: Callable[[], Database], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "STEP_PAGES", 1)
    database = begin()
    for number in range(20):
        write(database, f"{number}" + "x" * 9000)
    written: list[int] = []
    plain = care.Care._between

    def between(self: care.Care) -> Callable[[], None]:
        original = plain(self)

        def step() -> None:
            written.append(1)
            write(database, "during the copy")
            original()

        return step

    monkeypatch.setattr(care.Care, "_between", between)
    maintain(database)
    (made,) = backup.backups(database.path)
    assert len(written) > 20
    assert [text.rstrip("x") for text in notes(made.path)] == [str(n) for n in range(20)], "as it stood at the start"
    assert len(notes(database.path)) == 20 + len(written)


def test_closing_ends_a_copy_and_leaves_nothing(begin: Callable[[], Database], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "STEP_PAGES", 1)
    database = begin()
    write(database, "x" * 100_000)
    reached, plain = threading.Event(), care.Care._between

    def between(self: care.Care) -> Callable[[], None]:
        original = plain(self)

        def step() -> None:
            reached.set()
            assert self._stopping.wait(30)
            original()

        return step

    monkeypatch.setattr(care.Care, "_between", between)
    database.maintain()
    assert reached.wait(30)
    database.close()
    assert database.maintained(10)
    assert os.listdir(backup.directory(database.path)) == ["notes.json"]
    assert database.notice == ""


def test_what_a_killed_copy_left_is_removed(begin: Callable[[], Database]) -> None:
    database = begin()
    left = backup.directory(database.path) / "notes-999999.part"
    left.parent.mkdir()
    left.write_bytes(b"half")
    other = left.with_name("other-1.part")
    other.write_bytes(b"of another file")
    maintain(database)
    assert not left.exists()
    assert other.exists()


def test_only_one_program_maintains_at_a_time(begin: Callable[[], Database], clock: FixedClock) -> None:
    database = begin()
    folder = backup.directory(database.path)
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    maintain(database)
    assert backup.backups(database.path) == []
    os.close(descriptor)
    clock.advance(61)
    maintain(database)
    assert len(backup.backups(database.path)) == 1


def test_a_copy_that_does_not_hold_together_is_thrown_away(
    begin: Callable[[], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(part: Path, schema: Schema) -> None:
        raise Damaged("page 3 is never used")

    database = begin()
    write(database, "x")
    monkeypatch.setattr(backup, "_verify", torn)
    maintain(database)
    assert backup.backups(database.path) == []
    assert "The notebook was not backed up. The copy is damaged: page 3 is never used" in database.notice
    assert list(database.path.parent.glob("*.corrupt-*")) == [], "the file itself is well"


def test_the_whole_check_is_made_each_week(
    begin: Callable[[], Database], clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks: list[bool] = []
    monkeypatch.setattr(care, "check", lambda connection, whole: checks.append(whole))
    for days in (0, 1, 5, 2):
        clock.advance(days * DAY)
        database = begin()
        maintain(database)
        maintain(database)
    assert checks == [True, False, False, True], "once at each start"
    (backup.directory(database.path) / "notes.json").write_text("[nonsense")
    database = begin()
    maintain(database)
    assert checks[4:] == [True]
    clock.advance(6 * DAY)
    maintain(database)
    assert checks[5:] == []
    clock.advance(2 * DAY)
    maintain(database)
    maintain(database)
    assert checks[5:] == [True], "also of a program that runs for long"


def test_the_journal_is_backed_up_too(tmp_path: Path, clock: FixedClock) -> None:
    path = tmp_path / "audit.db"
    with closing(Journal.open(path, clock)) as journal:
        journal.record("x", {"n": 1})
        clock.advance(3601)
        journal.maintain()
        assert journal._database.maintained(30)
        (made,) = backup.backups(path)
        assert made.path.name.startswith("audit-")
        journal.record("y", {})
    with closing(Journal.open(made.path, clock)) as copy:
        assert copy.verify().ok
        assert [entry.event for entry in copy.entries()] == ["audit.begun", "x"]


def test_a_journal_that_nobody_has_open_is_looked_after(tmp_path: Path, clock: FixedClock) -> None:
    paths = Paths(tmp_path / "config.toml", tmp_path)
    assert look_after(paths, clock) == ""
    assert not paths.audit_db.exists()
    with closing(Journal.open(paths.audit_db, clock)) as journal:
        journal.record("x", {"text": "y" * 50_000})
    assert look_after(paths, clock) == ""
    assert look_after(paths, clock) == ""
    assert len(backup.backups(paths.audit_db)) == 1
    with open(paths.audit_db, "r+b") as file:
        file.seek(paths.audit_db.stat().st_size - 4096)
        file.write(b"nonsense" * 512)
    assert "is damaged" in look_after(paths, clock)
    assert "copy " in look_after(paths, clock)
