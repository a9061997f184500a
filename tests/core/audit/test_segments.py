"""Closed segments: what they hold, what is carried over, and that every reader sees them all."""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui.core.audit import segments
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import StorageError, UsageError
from optischema_tui.core.models import ChangeState

FORMATS = Path(__file__).parents[1] / "history" / "formats"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def journal(tmp_path: Path, clock: FixedClock):
    opened = Journal.open(tmp_path / "audit.db", clock)
    yield opened
    opened.close()


def fill(journal: Journal, count: int = 5) -> None:
    for number in range(count):
        journal.record("step", {"n": number})


def test_a_closed_segment_is_read_only_and_the_chain_runs_on(journal: Journal, tmp_path: Path) -> None:
    fill(journal)
    install, before = journal.install_id, journal.head()
    file = journal.close_segment(force=True)
    assert file == tmp_path / "audit-segment-0001.db"
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    *_, closed, begun = journal.entries()
    assert (closed.event, closed.prev, closed.seq) == ("audit.closed", before[1], before[0] + 1)
    assert (begun.event, begun.prev, begun.seq) == ("audit.segment", closed.hash, closed.seq + 1)
    assert begun.body["previous"] == {"file": file.name, "seq": closed.seq, "hash": closed.hash}
    assert begun.body["install_id"] == journal.install_id == install
    with closing(sqlite3.connect(journal._database.path)) as raw:
        assert raw.execute("SELECT count(*) FROM audit").fetchone() == (1,)
    fill(journal)
    result = journal.verify(journal.anchor())
    assert (result.ok, result.segments, result.entries) == (True, 2, 13)
    assert [entry.seq for entry in journal.entries()] == list(range(1, 14))
    assert [entry.seq for entry in journal.newest()] == list(range(13, 0, -1))
    assert [entry.seq for entry in journal.entries(since_seq=4, limit=5)] == [5, 6, 7, 8, 9]
    assert [json.loads(line)["seq"] for line in journal.export("jsonl", 6)] == list(range(7, 14))


def test_changes_are_carried_over_unless_they_are_over(journal: Journal, make_change) -> None:
    for number, state in enumerate((ChangeState.KEPT, ChangeState.EXECUTING, ChangeState.ROLLED_BACK), 1):
        journal.save(make_change(number, state), f"change.{state}", {})
    journal.close_segment(force=True)
    assert {change.state for change in journal.changes()} == {ChangeState.KEPT, ChangeState.EXECUTING}
    with pytest.raises(UsageError, match="no change"):
        journal.change(make_change(3).id)
    journal.save(make_change(2, ChangeState.APPLIED), "change.applied", {})
    assert journal.verify().ok
    journal.close_segment(force=True)
    journal.save(make_change(2, ChangeState.ROLLED_BACK), "change.rolled_back", {})
    journal.close_segment(force=True)
    assert [change.state for change in journal.changes()] == [ChangeState.KEPT]
    assert journal.verify().ok
    assert journal.verify().segments == 4


def test_a_segment_is_closed_when_it_is_a_year_old(journal: Journal, clock: FixedClock) -> None:
    fill(journal)
    assert journal.close_segment() is None
    clock.advance(segments.SECONDS + 1)
    assert journal.close_segment() is not None
    assert journal.close_segment() is None
    clock.advance(segments.SECONDS + 1)
    assert journal.close_segment() is None, "nothing was entered since"


def test_a_segment_is_closed_when_it_is_large(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(segments, "BYTES", 300_000)
    for _ in range(4):
        journal.record("step", {"text": "x" * 50_000})
    assert journal.close_segment() is None
    journal.record("step", {}, evidence={"plan": "y" * 150_000})
    file = journal.close_segment()
    assert file is not None
    assert journal.verify().ok
    journal.close()
    assert (tmp_path / "audit.db").stat().st_size < file.stat().st_size / 2, "the space was given back"


def test_others_that_write_meanwhile_go_on_in_the_next_segment(tmp_path: Path) -> None:
    journals = [Journal.open(tmp_path / "audit.db") for _ in range(3)]
    problems: list[BaseException] = []

    def work(journal: Journal, closes: bool) -> None:
        try:
            for number in range(30):
                journal.record("step", {"n": number})
                if closes and number % 10 == 5:
                    journal.close_segment(force=True)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(one, place == 0)) for place, one in enumerate(journals)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    result = journals[1].verify(journals[2].anchor())
    assert (result.ok, result.segments) == (True, 4), result.problem
    assert result.entries == 1 + 90 + 6
    assert [one.notice for one in journals] == ["", "", ""]
    for one in journals:
        one.close()


def test_a_closing_that_was_killed_is_done_again(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fill(journal)
    write = segments._write_archive

    def killed(*arguments) -> None:
        write(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(segments, "_write_archive", killed)
    with pytest.raises(KeyboardInterrupt):
        journal.close_segment(force=True)
    monkeypatch.setattr(segments, "_write_archive", write)
    assert (tmp_path / "audit-segment-0001.db").exists()
    assert journal.verify().ok
    assert [entry.seq for entry in journal.entries()] == [1, 2, 3, 4, 5, 6]
    assert len(list(journal.export("jsonl"))) == 6
    fill(journal)
    assert journal.verify().ok
    assert journal.close_segment(force=True) is not None
    assert journal.verify().segments == 2
    assert journal.verify().ok


def test_an_archive_of_other_entries_is_not_overwritten(journal: Journal, tmp_path: Path) -> None:
    fill(journal)
    (tmp_path / "other").mkdir()
    with closing(Journal.open(tmp_path / "other" / "audit.db")) as other:
        fill(other)
        file = other.close_segment(force=True)
    shutil.copy(file, tmp_path / file.name)
    with pytest.raises(StorageError, match="holds other entries"):
        journal.close_segment(force=True)
    assert len(journal.entries()) == 6
    assert journal.verify().kind == "other-install"


def closed_twice(directory: Path, rows: int = 4) -> Journal:
    directory.mkdir(exist_ok=True)
    journal = Journal.open(directory / "audit.db")
    for _ in range(2):
        fill(journal, rows)
        journal.close_segment(force=True)
    fill(journal, rows)
    return journal


def replace(file: Path, content: bytes) -> None:
    file.unlink(missing_ok=True)
    file.write_bytes(content)


def test_attacks_on_closed_segments_are_named(tmp_path: Path) -> None:
    journal = closed_twice(tmp_path / "ours")
    first, second = (segments.archive(journal._database.path, number) for number in (1, 2))
    assert journal.verify().ok
    kept = {file: file.read_bytes() for file in (first, second)}

    def named(anchor: str = "") -> tuple[str, int | None]:
        result = journal.verify(anchor)
        for file, content in kept.items():
            replace(file, content)
        return result.kind, result.first_bad

    first.unlink()
    assert named() == ("segment-missing", 1)
    second.unlink()
    assert named() == ("segment-missing", 7)
    replace(first, kept[second])
    replace(second, kept[first])
    assert named()[0] == "segment-swapped"
    foreign = closed_twice(tmp_path / "theirs")
    foreign.close()
    replace(first, (tmp_path / "theirs" / first.name).read_bytes())
    assert named() == ("segment-swapped", 1)
    for statement, wanted in (
        ("UPDATE audit SET at = at + 1 WHERE seq = 3", ("edited", 3)),
        ("DELETE FROM audit WHERE seq = 3", ("removed", 3)),
        ("DELETE FROM audit WHERE seq >= 5", ("shortened", 5)),
    ):
        os.chmod(first, 0o600)
        with closing(sqlite3.connect(first, isolation_level=None)) as raw:
            for (name,) in raw.execute("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
                raw.execute(f"DROP TRIGGER {name}")
            raw.execute(statement)
        assert named() == wanted
    replace(second, b"no database" * 1000)
    with pytest.raises(StorageError, match="closed part of the audit journal"):
        journal.verify()
    replace(second, kept[second])
    assert journal.verify(journal.anchor()).ok
    journal.close()


def test_an_older_journal_put_back_beside_its_closed_segment_is_named(journal: Journal, tmp_path: Path) -> None:
    fill(journal, 2)
    journal.close()
    older = (tmp_path / "audit.db").read_bytes()
    with closing(Journal.open(tmp_path / "audit.db")) as again:
        fill(again, 4)
        again.close_segment(force=True)
    for suffix in ("", "-wal", "-shm"):
        (tmp_path / f"audit.db{suffix}").unlink(missing_ok=True)
    (tmp_path / "audit.db").write_bytes(older)
    with closing(Journal.open(tmp_path / "audit.db")) as attacked:
        assert attacked.verify().kind == "shortened"


def test_a_file_of_format_1_goes_on_and_is_closed(tmp_path: Path, make_change) -> None:
    with closing(sqlite3.connect(tmp_path / "audit.db")) as raw:
        raw.executescript((FORMATS / "audit-1.sql").read_text())
    with closing(Journal.open(tmp_path / "audit.db")) as journal:
        anchor = journal.anchor()
        assert journal.verify(anchor).ok
        journal.save(make_change(2), "change.approved", {}, evidence={"preflight": ["ok"]})
        journal.close_segment(force=True)
        fill(journal)
        assert journal.verify(f"{anchor}\n{journal.anchor()}").ok
        assert journal.entries(limit=1)[0].event == "audit.begun"


CLOSER = """
import sys
from pathlib import Path
from optischema_tui.core.audit.journal import Journal
journal = Journal.open(Path(sys.argv[1]))
while True:
    entry = journal.record("step", {"text": "x" * 2000}, evidence={"plan": "y" * 5000})
    print(entry.seq, entry.hash, flush=True)
    if entry.seq % 4 == 0:
        journal.close_segment(force=True)
"""


def test_kills_while_segments_are_closed_lose_nothing(tmp_path: Path) -> None:
    chance, acknowledged = random.Random(5), dict[int, str]()
    for _ in range(12):
        process = subprocess.Popen(
            [sys.executable, "-c", CLOSER, str(tmp_path / "audit.db")], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(chance.randint(3, 9))]
        threading.Event().wait(chance.random() / 50)  # somewhere in the next few entries and closings
        process.kill()
        lines += process.stdout.read().splitlines()
        process.wait(10)
        process.stdout.close()
        acknowledged |= {
            int(seq): digest for seq, _, digest in (line.strip().partition(" ") for line in lines) if len(digest) == 64
        }
    with closing(Journal.open(tmp_path / "audit.db")) as journal:
        result = journal.verify(journal.anchor())
        assert result.ok, result.problem
        assert result.segments > 10
        stored = {entry.seq: entry.hash for entry in journal.entries()}
        assert {seq: stored.get(seq) for seq in acknowledged} == acknowledged
        assert sorted(stored) == list(range(1, result.entries + 1))
