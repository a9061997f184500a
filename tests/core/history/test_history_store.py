"""The rest of the store: last picture, advice, baselines; and a file that is damaged, full, foreign or newer."""

from __future__ import annotations

import random
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import StorageError, UsageError
from optischema_tui.core.history.blobs import PICTURE_ROWS, pack, pack_snapshot
from optischema_tui.core.history.schema import SCHEMA
from optischema_tui.core.history.store import History
from optischema_tui.core.models import (
    Affected,
    Baseline,
    Evidence,
    Hidden,
    IndexSpec,
    Kpis,
    LoadPoint,
    Picture,
    QueryRow,
    Recommendation,
    Risk,
    StatementKey,
    StatementSample,
    TargetIdentity,
    WindowStats,
)

IDENTITY = TargetIdentity("7301", 5, "shop", 180000, "demo")


def make_picture(rows: int = 3) -> Picture:
    row = QueryRow(
        StatementKey(10, 5, -77), "SELECT 1 [/x]\x1b", "app", "shop", 5, 10.0, 2.0, 1.0, 3.0, 0.5, 1.0, None, 0.0, 0.0,
        0.25, 90, 2, 3.0, 1.5, True, StatementSample(StatementKey(10, 5, -77), calls=5),
    )  # fmt: skip
    return Picture(
        IDENTITY, 1_700_000_000.0, None, Kpis(active=3, hit_ratio=0.99), (row,) * rows,
        (LoadPoint(1.0, 2.0, 3.0, 4.0, 5, True),), (Hidden("own", 2, 0.1),), notices=("a",),
    )  # fmt: skip


def make_recommendation(name: str = "aa11bb22cc33", fingerprint: str = IDENTITY.fingerprint) -> Recommendation:
    affected = Affected(-77, "SELECT 1", 0.5, 10, 2.5, 100.0, 1.0)
    evidence = Evidence((affected,), 100.0, 1.0, 0.5, 8192, "lab, PostgreSQL 18", "high", ("order: a before b",))
    spec = IndexSpec("public", "orders", ("a", "b"), (False, True))
    return Recommendation(
        name, fingerprint, "create_index", "Index orders", spec.sql("i"), 'DROP INDEX CONCURRENTLY "i"', Risk.MEDIUM,
        ("large table",), evidence, spec, "i", ("(b, a): costs more",),
    )  # fmt: skip


def make_baseline(name: str = "monday", fingerprint: str = IDENTITY.fingerprint, at: float = 5.0) -> Baseline:
    stats = WindowStats(StatementKey(10, 5, -77), "SELECT 1", 5, 10.0, 5, 3, 0, 0.5)
    return Baseline(name, fingerprint, at, 1.0, 4.0, (stats,))


def test_a_picture_comes_back_as_stored(history: History) -> None:
    assert history.last_picture("k") is None
    picture = make_picture()
    history.save_picture("k", replace(picture, taken_at=1.0))
    history.save_picture("k", picture)
    assert history.last_picture("k") == replace(picture, stored=True)


def test_a_picture_is_thinned(history: History) -> None:
    picture = make_picture(PICTURE_ROWS + 9)
    history.save_picture("k", replace(picture, rows=(replace(picture.rows[0], text="x" * 2_000_000), *picture.rows)))
    found = history.last_picture("k")
    assert found is not None
    assert len(found.rows) == PICTURE_ROWS
    assert len(found.rows[0].text) == 4000


def test_what_another_version_wrote_is_read_as_far_as_it_goes(history: History) -> None:
    history.save_picture("k", make_picture())
    history.save_picture("l", make_picture())
    history._execute("UPDATE picture SET body = ? WHERE spec_key = 'k'", (pack(make_baseline()),))
    history._execute("UPDATE picture SET body = x'00' WHERE spec_key = 'l'", ())
    assert history.last_picture("k") is None
    assert history.last_picture("l") is None
    history._execute("INSERT INTO snapshot VALUES ('f', 1, ?)", (b'{"rows": 1, "columns": [["calls", "q"]]}\n123',))
    assert history.last_snapshot("f") is None
    history.save_picture("k", make_picture())
    assert history.last_picture("k") is not None


def test_targets_are_remembered(history: History) -> None:
    assert history.identity_of("k") is None
    history.remember_target("k", IDENTITY, "host=h user=u password=c4n4ry")
    assert history.identity_of("k") == IDENTITY
    assert history.targets() == ((IDENTITY, "host=h user=u password=********"),)


def test_recommendations_are_found_replaced_and_dismissed(history: History) -> None:
    one, two, other = make_recommendation(), make_recommendation("aa99"), make_recommendation("cc00", "elsewhere")
    history.save_recommendations(IDENTITY.fingerprint, [one, two])
    history.save_recommendations("elsewhere", [other])
    assert history.recommendations(IDENTITY.fingerprint) == (one, two)
    assert set(history.recommendations()) == {one, two, other}
    assert history.recommendation("aa11") == one
    history.dismiss("aa11", "password=c4n4ry too large")
    assert history.recommendations(IDENTITY.fingerprint) == (two,)
    assert history.recommendations(IDENTITY.fingerprint, include_dismissed=True) == (one, two)
    assert history.dismissed(IDENTITY.fingerprint) == {one.id: "password=******** too large"}
    history.save_recommendations(IDENTITY.fingerprint, [one])
    assert history.recommendations(IDENTITY.fingerprint) == ()
    assert history.recommendation("aa99") == two, "one of an earlier run is still found by id"
    history.restore(one.id)
    assert history.recommendations(IDENTITY.fingerprint) == (one,)
    for wrong, message in (("aa", "Several"), ("zz", "no recommendation zz"), ("", "no recommendation")):
        with pytest.raises(UsageError, match=message):
            history.recommendation(wrong)
    with pytest.raises(UsageError, match="no recommendation"):
        history.dismiss("zz", "x")


def test_baselines_are_stored_by_target_and_name(history: History) -> None:
    one, two = make_baseline(), make_baseline("tuesday", at=6.0)
    for baseline in (one, two, make_baseline(fingerprint="elsewhere")):
        history.save_baseline(baseline)
    assert history.baselines(IDENTITY.fingerprint) == (two, one)
    assert len(history.baselines()) == 3
    assert history.baseline("monday", IDENTITY.fingerprint) == one
    with pytest.raises(UsageError, match="no baseline friday"):
        history.baseline("friday", IDENTITY.fingerprint)


def test_files_are_private_and_made_on_first_use(tmp_path: Path, history: History) -> None:
    assert not (tmp_path / "state").exists()
    history.remember_target("k", IDENTITY, "")
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "state").iterdir()} == {0o600}


def test_a_full_disk_is_told_and_passes(history: History, feed) -> None:
    feed.tick({1: [1.0]}, first=True)
    connection = history._database._open()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")
    busy = {number: [1.0] for number in range(3000)}
    with pytest.raises(StorageError, match=r"The history cannot be written.*disk that holds .* is full"):
        feed.tick(busy)
    assert history.window(IDENTITY.fingerprint, 0, 2e9) == ()
    connection.execute("PRAGMA max_page_count=1000000")
    feed.tick(busy)
    assert len(history.window(IDENTITY.fingerprint, 0, 2e9)) == 3000


def test_a_place_that_cannot_be_used_is_told_and_passes(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    history = History.open(tmp_path / "state" / "history.db")
    with pytest.raises(StorageError, match="cannot be created"):
        history.last_picture("k")
    (tmp_path / "state").unlink()
    assert history.last_picture("k") is None
    history.close()
    with pytest.raises(StorageError, match="closed already"):
        history.last_picture("k")


@pytest.mark.parametrize("damage", ["garbage", "torn"])
def test_a_damaged_file_is_moved_aside_at_start(tmp_path: Path, clock: FixedClock, damage: str) -> None:
    path = tmp_path / "history.db"
    first = History.open(path)
    for number in range(50):
        first.save_picture(str(number), make_picture(20))
    first.close()
    data = path.read_bytes()
    path.write_bytes(b"\x7fnonsense" * 300 if damage == "garbage" else data[: len(data) // 2 + 77])
    history = History.open(path, clock)
    assert history.last_picture("1") is None
    assert f"{path}.corrupt-1700000000" in history.notice
    assert "fresh one begun" in history.notice
    assert (tmp_path / "history.db.corrupt-1700000000").exists()
    history.save_picture("k", make_picture())
    assert history.last_picture("k") is not None
    history.close()


def test_damage_under_a_running_program_is_survived(tmp_path: Path, clock: FixedClock) -> None:
    path = tmp_path / "history.db"
    writer, other = History.open(path, clock), History.open(path, clock)
    assert other.last_picture("x") is None
    for number in range(200):
        writer.save_picture(str(number), make_picture(20))
    writer._database._open().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    with open(path, "r+b") as file:
        file.seek(4096)
        file.write(random.Random(1).randbytes(path.stat().st_size - 4096))
    writer._database._open().execute("PRAGMA cache_size=0").fetchall()
    writer.save_picture("k", make_picture())
    assert writer.last_picture("k") is not None
    other.save_picture("m", make_picture())
    assert writer.last_picture("m") is not None, "both programs go on with the one fresh file"
    assert writer.notice
    assert len(list(tmp_path.glob("*.corrupt-*[0-9]"))) == 1
    writer.close()
    other.close()


def test_two_that_meet_the_damage_keep_one_fresh_file(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    one, two = History.open(path), History.open(path)
    for history in (one, two):
        history.save_picture("before", make_picture())
    one._database._replace()
    one.save_picture("k", make_picture())
    two._database._replace()
    assert two.last_picture("k") is not None
    assert (bool(one.notice), bool(two.notice)) == (True, False)
    one.close()
    two.close()


def test_a_file_that_was_deleted_under_a_running_program_is_begun_anew(history: History) -> None:
    history.save_picture("k", make_picture())
    for file in history._database.path.parent.iterdir():
        file.unlink()
    history.save_picture("m", make_picture())
    history.close()
    assert History.open(history._database.path).last_picture("m") is not None


def test_random_damage_never_crashes(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    sound = History.open(path)
    for number in range(30):
        sound.save_picture(str(number), make_picture(10))
    sound.remember_target("k", IDENTITY, "")
    sound.close()
    data, chance, told = path.read_bytes(), random.Random(5), []
    for _ in range(150):
        changed = bytearray(data)
        for _ in range(chance.randint(1, 40)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        path.write_bytes(changed)
        history = History.open(path)
        try:
            for number in range(30):
                history.last_picture(str(number))
            history.identity_of("k")
            history.save_picture("new", make_picture())
        except StorageError as error:
            told.append(error.sentence)
        finally:
            history.close()
    assert all("newer version" in sentence or "not the history" in sentence for sentence in told), told


def test_a_newer_or_foreign_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    newer, foreign = tmp_path / "newer.db", tmp_path / "foreign.db"
    history = History.open(newer)
    history.save_picture("k", make_picture())
    history.close()
    raw = sqlite3.connect(newer)
    raw.execute(f"PRAGMA user_version={len(SCHEMA.migrations) + 1}")
    raw.close()
    with pytest.raises(StorageError, match="newer version of this program"):
        History.open(newer).last_picture("k")
    raw = sqlite3.connect(foreign)
    raw.execute("CREATE TABLE t (a)")
    raw.close()
    with pytest.raises(StorageError, match="not the history of this program"):
        History.open(foreign).last_picture("k")
    assert list(tmp_path.glob("*.corrupt-*")) == []


def test_a_file_of_the_first_format_goes_on_where_it_ended(tmp_path: Path, clock: FixedClock, feed) -> None:
    feed.tick({1: [1.0, 2.0]})
    snapshot = feed.snapshot()
    old = sqlite3.connect(tmp_path / "old.db")
    SCHEMA.migrations[0](old)
    values = (snapshot.target.fingerprint, snapshot.taken_at, pack_snapshot(snapshot))
    old.execute("INSERT INTO snapshot VALUES (?, ?, ?)", values)
    old.execute(f"PRAGMA application_id={SCHEMA.application_id}")
    old.execute("PRAGMA user_version=1")
    old.commit()
    old.close()
    feed.history = History.open(tmp_path / "old.db", clock)
    assert feed.history.last_snapshot(snapshot.target.fingerprint) == snapshot
    assert feed.tick({1: [3.0]})
    assert feed.history.last_snapshot(snapshot.target.fingerprint) == feed.snapshot()
    assert feed.history.notice == ""
    feed.history.close()


WRITER = """
import sys
from pathlib import Path
from optischema_tui.core.history.store import History
from optischema_tui.core.models import TargetIdentity
history = History.open(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    history.remember_target(f"{sys.argv[2]}-{number}", TargetIdentity("1", 2, "d", 180000), "")
    print(f"{sys.argv[2]}-{number}", flush=True)
"""


def test_two_programs_write_and_are_killed_without_loss(tmp_path: Path) -> None:
    path, acknowledged = tmp_path / "history.db", []
    command = [sys.executable, "-c", WRITER, str(path)]
    for kill in range(4):
        pair = [subprocess.Popen([*command, f"{kill}{one}"], stdout=subprocess.PIPE, text=True) for one in "ab"]
        for process in pair:
            assert process.stdout is not None
            acknowledged += [process.stdout.readline().strip() for _ in range(20)]
        for process in pair:
            process.kill()
            process.wait(10)
            assert process.stdout is not None
            process.stdout.close()
    history = History.open(path)
    known = {row[0] for row in history._fetch("SELECT spec_key FROM target")}
    history.close()
    assert history.notice == ""
    assert set(acknowledged) <= known
    assert len(acknowledged) == 160
