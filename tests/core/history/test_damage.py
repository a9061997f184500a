"""Damage: found at the start or in the background, moved aside, the newest sound backup in its place, and told."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import StorageError
from optischema_tui.core.history import backup
from optischema_tui.core.history.database import Database, Schema
from optischema_tui.core.history.store import History

DAY = 86400.0
NOTES = 400


def _table(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)")


SCHEMA = Schema("The notebook", 77, (_table,), "NORMAL", True)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notes.db"


def write(database: Database, number: int) -> None:
    row = (number, f"{number} " + "x" * 900)
    database.write(lambda connection: connection.execute("INSERT INTO note VALUES (?, ?)", row).rowcount)


def fill(path: Path, clock: FixedClock, first: int = 0, backed_up: bool = True) -> None:
    with closing(Database(path, SCHEMA, clock)) as database:
        for number in range(first, first + NOTES):
            write(database, number)
        if backed_up:
            clock.advance(DAY + 1)
            database.maintain()
            assert database.maintained(30)


def spoil(path: Path, place: float = 0.5, size: int = 9000) -> None:
    """Overwrite a stretch in the middle; the header stays."""
    with open(path, "r+b") as file:
        file.seek(int(path.stat().st_size * place))
        file.write(random.Random(5).randbytes(size))


def count(database: Database) -> int:
    return int(database.read(lambda connection: connection.execute("SELECT count(text) FROM note").fetchone()[0]))


def count_of_ids(database: Database) -> int:
    """Without reading the texts."""
    return int(database.read(lambda connection: connection.execute("SELECT max(id) FROM note").fetchone()[0])) + 1


def asides(path: Path) -> list[Path]:
    return [found for found in path.parent.glob("*.corrupt-*") if found.name[-1].isdigit()]


def test_the_check_in_the_background_finds_damage_and_restores(path: Path, clock: FixedClock) -> None:
    fill(path, clock)
    fill(path, clock, NOTES, backed_up=False)
    spoil(path)
    clock.advance(5 * 3600)
    with closing(Database(path, SCHEMA, clock)) as database:
        database.open()
        assert database.notice == "", "opening looks at nothing but the header and the schema"
        generation = database.generation
        database.maintain()
        assert database.maintained(30)
        (aside,) = asides(path)
        assert str(aside) in database.notice
        assert "took its place" in database.notice
        assert "what was recorded in the 5 hours since then is lost" in database.notice
        assert count(database) == NOTES
        assert database.generation > generation, "what was remembered of the damaged file is forgotten"
        write(database, 10_000)
        clock.advance(61)
        database.maintain()
        assert database.maintained(30)
        assert len(backup.backups(path)) == 1, "the backup that took the place is followed by a new one"
        assert count(database) == NOTES + 1
        assert "took its place" in database.notice, "it stays to be seen"
    with closing(Database(path, SCHEMA, clock)) as database:
        assert count(database) == NOTES + 1
        assert database.notice == ""


def test_the_ui_is_not_held_up_by_the_check(path: Path, clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path, clock)
    held, going = threading.Event(), threading.Event()

    def slow(connection: sqlite3.Connection, whole: bool) -> None:
        going.set()
        assert held.wait(30)

    monkeypatch.setattr("optischema_tui.core.history.care.check", slow)
    with closing(Database(path, SCHEMA, clock)) as database:
        database.open()
        database.maintain()
        assert going.wait(30)
        database.maintain()
        write(database, 10_000)
        assert count(database) == NOTES + 1
        held.set()
        assert database.maintained(30)


def test_damage_that_is_met_by_reading_restores_at_once(path: Path, clock: FixedClock) -> None:
    fill(path, clock)
    fill(path, clock, NOTES, backed_up=False)
    spoil(path)
    with closing(Database(path, SCHEMA, clock)) as database:
        assert count(database) == NOTES
        assert "The notebook was damaged" in database.notice
        assert "took its place" in database.notice


def test_a_file_without_a_backup_is_begun_anew(path: Path, clock: FixedClock) -> None:
    fill(path, clock, backed_up=False)
    spoil(path)
    with closing(Database(path, SCHEMA, clock)) as database:
        database.open()
        database.maintain()
        assert database.maintained(30)
        assert "fresh one begun" in database.notice
        assert count(database) == 0


def test_what_took_the_place_is_checked_too(path: Path, clock: FixedClock) -> None:
    fill(path, clock)
    fill(path, clock, NOTES)
    newest, _ = backup.backups(path)
    spoil(newest.path)
    path.write_bytes(path.read_bytes()[:70_000])
    with closing(Database(path, SCHEMA, clock)) as database:
        database.open()
        assert count_of_ids(database) == 2 * NOTES, "the newest backup looks well at first"
        database.maintain()
        assert database.maintained(30)
        assert count_of_ids(database) == NOTES
        assert len(asides(path)) == 2


def test_damage_upon_damage_is_met_by_reading(path: Path, clock: FixedClock) -> None:
    fill(path, clock)
    fill(path, clock, NOTES)
    newest, _ = backup.backups(path)
    for one in (path, newest.path):
        spoil(one)
    with closing(Database(path, SCHEMA, clock)) as database:
        assert count(database) == NOTES
        assert len(asides(path)) == 2


def test_a_damaged_backup_gives_way_to_the_one_before(path: Path, clock: FixedClock) -> None:
    fill(path, clock)
    fill(path, clock, NOTES)
    newest, _ = backup.backups(path)
    newest.path.write_bytes(b"rotten" * 5000)
    path.write_bytes(path.read_bytes()[:70_000])
    with closing(Database(path, SCHEMA, clock)) as database:
        assert count(database) == NOTES
        assert len(asides(path)) == 2
        assert backup.backups(path) == []


def test_a_newer_backup_is_never_put_in_place(path: Path, clock: FixedClock) -> None:
    fill(path, clock)
    (only,) = backup.backups(path)
    only.path.rename(only.path.with_name(only.path.name.replace("-f1", "-f9")))
    spoil(path)
    with closing(Database(path, SCHEMA, clock)) as database:
        assert count(database) == 0
        assert "fresh one begun" in database.notice


def test_two_damaged_files_are_kept_at_most(path: Path, clock: FixedClock) -> None:
    for _ in range(4):
        fill(path, clock, backed_up=False)
        path.write_bytes(b"nonsense" * 900)
        with closing(Database(path, SCHEMA, clock)) as database:
            database.open()
        path.unlink()
        clock.advance(10)
    stamps = sorted(int(found.name.rpartition("-")[2]) for found in asides(path))
    assert stamps == [int(clock.at) - 20, int(clock.at) - 10]


def test_two_programs_restore_once(path: Path, clock: FixedClock) -> None:
    fill(path, clock)
    spoil(path)
    one, two = Database(path, SCHEMA, clock), Database(path, SCHEMA, clock)
    for database in (one, two):
        database.open()
    for database in (one, two, one, two):
        database.maintain()
        assert database.maintained(30)
    write(one, 10_000)
    assert count(one) == count(two) == NOTES + 1
    assert len(asides(path)) == 1
    one.close()
    two.close()


def _spoil_until_replaced(path: Path, database: Database) -> None:
    """Again and again in the same file, also once it is moved aside: a checkpoint may write sound pages over it."""
    before, deadline = database.generation, time.monotonic() + 30
    with open(path, "r+b") as file:
        while database.generation == before:
            assert time.monotonic() < deadline, "the damage was not met"
            file.seek(4096 * 3)
            file.write(random.Random(5).randbytes(4096 * 30))
            file.flush()
            threading.Event().wait(0.05)


def test_threads_go_on_while_the_file_is_replaced(path: Path, clock: FixedClock) -> None:
    fill(path, clock)
    problems: list[str] = []
    stop = threading.Event()
    with closing(Database(path, SCHEMA, clock)) as database:

        def work(first: int) -> None:
            number = first
            while not stop.is_set():
                number += 1
                try:
                    write(database, number)
                    count(database)
                except StorageError as error:
                    problems.append(error.sentence)

        threads = [threading.Thread(target=work, args=(place * 1_000_000,)) for place in (1, 2, 3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(2):
                clock.advance(DAY + 61)
                database.maintain()
                assert database.maintained(30)
                _spoil_until_replaced(path, database)
        finally:
            stop.set()
            for thread in threads:
                thread.join(30)
        assert problems == []
        assert "took its place" in database.notice
        assert count(database) >= NOTES
        database.read(lambda connection: connection.execute("SELECT max(id) FROM note").fetchone())
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_our_own_mistake_is_no_damage(path: Path, clock: FixedClock) -> None:
    fill(path, clock, backed_up=False)
    with closing(Database(path, SCHEMA, clock)) as database:
        for sql in ("SELECT * FROM nowhere", "SELECT missing FROM note"):
            with pytest.raises(StorageError, match="SQLite says: no such"):
                database.read(lambda connection, sql=sql: connection.execute(sql).fetchall())
        assert count(database) == NOTES
        assert asides(path) == []
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("DROP TABLE note")
    with closing(Database(path, SCHEMA, clock)) as database:
        assert count(database) == 0
        assert len(asides(path)) == 1, "a table that is gone is"


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_damage import SCHEMA, count
from optischema_tui.core.history.database import Database
left = int(sys.argv[3])
def killing(name):
    plain = getattr(os, name)
    def call(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(*arguments, **options)
    setattr(os, name, call)
for name in ("replace", "link", "unlink", "fsync"):
    killing(name)
count(Database(Path(sys.argv[2]), SCHEMA))
"""


def test_a_kill_while_restoring_restores_next_time(path: Path, clock: FixedClock) -> None:
    fill(path, clock)
    (kept,) = backup.backups(path)
    damaged, copy = path.read_bytes()[:70_000], kept.path.read_bytes()
    ended = -9
    for after in range(20):
        for file in path.parent.glob("notes.db*"):
            file.unlink()
        path.write_bytes(damaged)
        path.with_name("notes.db-wal").write_bytes(b"an old log")
        kept.path.write_bytes(copy)
        command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(path), str(after)]
        ended = subprocess.run(command, timeout=60, check=False).returncode
        with closing(Database(path, SCHEMA, clock)) as database:
            assert count(database) == NOTES, after
        assert asides(path)
        if ended != -9:
            break
    assert ended == 0
    assert after > 3


def test_a_damaged_journal_is_told_with_the_way_back(tmp_path: Path, clock: FixedClock) -> None:
    path = tmp_path / "audit.db"
    with closing(Journal.open(path, clock)) as journal:
        for number in range(300):
            journal.record("x", {"n": number, "text": "y" * 300})
        clock.advance(DAY)
        journal.maintain()
        assert journal._database.maintained(30)
    (kept,) = backup.backups(path)
    spoil(path)
    damaged = path.read_bytes()
    with closing(Journal.open(path, clock)) as journal:
        journal.head()
        journal.maintain()
        assert journal._database.maintained(30)
        assert "The audit journal" in journal.notice
        assert "is damaged" in journal.notice
        assert f"copy {kept.path}" in journal.notice
        with pytest.raises(StorageError, match=f"copy {kept.path}"):
            journal._database.read(lambda connection: connection.execute("SELECT body FROM audit").fetchall())
    assert path.read_bytes() == damaged, "never replaced, never mended"
    assert asides(path) == []
    path.unlink()
    path.write_bytes(kept.path.read_bytes())
    with closing(Journal.open(path, clock)) as journal:
        assert journal.verify().ok
        assert len(journal.entries()) == 301


def flips(tmp_path: Path, feed, clock: FixedClock, rounds: int, seed: int) -> set[str]:
    """Byte flips over a history with a backup, in its file and its log. Every start works, reads or quarantines, and
    takes at most 3 seconds."""
    path = tmp_path / "flips" / "history.db"
    feed.history = History.open(path, clock)
    for tick in range(30):
        feed.tick({number: [1.0 + number] for number in range(1, 40)}, first=not tick)
    fingerprint = feed.snapshot().target.fingerprint
    feed.history.close()
    feed.history = History.open(path, clock)
    feed.history.targets()
    feed.history._database.maintain()
    assert feed.history._database.maintained(30)
    feed.tick({1: [1.0]})
    (kept,) = backup.backups(path)
    log = path.with_name("history.db-wal")
    sound = {file: file.read_bytes() for file in (path, log, kept.path)}
    assert sound[log]
    feed.history.close()
    chance, outcomes, refused = random.Random(seed), set(), []
    for _ in range(rounds):
        for file in tmp_path.glob("flips/history.db*"):
            file.unlink()
        for file, content in sound.items():
            file.write_bytes(content)
        victim = chance.choice((path, path, path, log))
        changed = bytearray(sound[victim])
        for _ in range(chance.choice((1, 1, 3, 30))):
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        victim.write_bytes(changed)
        began = time.monotonic()
        with closing(History.open(path, clock)) as history:
            try:
                history.last_snapshot(fingerprint)
                history.series(fingerprint, 0.0)
                history.window(fingerprint, 0.0, 2e9)
                assert time.monotonic() - began < 3
                history._database.maintain()
                assert history._database.maintained(30)
                history.remember_target("k", feed.snapshot().target, "")
                assert history.identity_of("k") is not None
                assert not history.notice or "took its place" in history.notice
                outcomes.add(f"{victim.suffix} {'replaced' if history.notice else 'read'}")
            except StorageError as error:
                refused.append(error.sentence)
    # A flip in the number of the format, or of the program, cannot be told from another program's file.
    assert all("newer version" in sentence or "not the history" in sentence for sentence in refused), refused
    return outcomes


def test_flipped_bytes_never_stop_a_start(tmp_path: Path, feed, clock: FixedClock) -> None:
    assert {".db read", ".db replaced", ".db-wal read"} <= flips(tmp_path, feed, clock, 30, 1)


@pytest.mark.deep
def test_a_thousand_flips_never_stop_a_start(tmp_path: Path, feed, clock: FixedClock) -> None:
    assert {".db read", ".db replaced", ".db-wal read"} <= flips(tmp_path, feed, clock, 1000, 2)
