"""The journal as its users see it: entries, changes, privacy, two programs, a full disk, export."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
import sqlite3
import stat
import threading
from pathlib import Path

import pytest

from optischema_tui.core.audit.actor import actor
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import StorageError, UsageError
from optischema_tui.core.models import ChangeState, digest


@pytest.fixture
def journal(tmp_path: Path):
    opened = Journal.open(tmp_path / "state" / "audit.db", FixedClock())
    yield opened
    opened.close()


def test_nothing_is_touched_before_the_first_use(tmp_path: Path) -> None:
    Journal.open(tmp_path / "state" / "audit.db")
    assert not (tmp_path / "state").exists()


def test_entries_come_back_in_order_with_their_body(journal: Journal) -> None:
    first = journal.record("recommendation.dismissed", {"who": actor(), "reason": "no", "share": 0.25, "n": 3})
    second = journal.record("audit.exported", {"list": (1, "two", None, True)})
    begun, *told = journal.entries()
    assert begun.event == "audit.begun"
    assert begun.seq == 1
    assert begun.prev == "0" * 64
    assert told == [first, second]
    assert first.body["share"] == "0.25"
    assert second.body == {"list": [1, "two", None, True]}
    assert second.prev == first.hash
    assert first.at == 1_700_000_000.0
    assert journal.entries(since_seq=2) == (second,)
    assert journal.entries(limit=1) == (begun,)
    assert journal.head() == (3, second.hash)
    assert journal.verify().ok
    assert journal.verify().entries == 3


def test_a_change_and_its_entry_are_one(journal: Journal, make_change) -> None:
    change = make_change(1)
    journal.save(change, "change.approved", {"sql": change.forward_sql})
    later = dataclasses.replace(change, state=ChangeState.INTENT, detail={"backend_pid": 42})
    entry = journal.save(later, "change.intent", {})
    assert journal.change(change.id) == later
    assert entry.change_id == change.id
    assert [told.event for told in journal.entries()] == ["audit.begun", "change.approved", "change.intent"]
    assert journal.verify().ok


def test_a_change_is_found_by_prefix_and_by_its_recommendation(journal: Journal, make_change) -> None:
    one, two = make_change(1), make_change(2)
    other = make_change(3, ChangeState.KEPT, recommendation="ffee00112233")
    for change in (one, two, other):
        journal.save(change, "change.approved", {})
    assert journal.change("0192F000-0002") == two
    assert journal.change("aa11bb22cc33") == two
    assert journal.change("ffee") == other
    with pytest.raises(UsageError, match="3 changes have an id that begins with 0192"):
        journal.change("0192")
    with pytest.raises(UsageError, match="no change zz"):
        journal.change("zz")
    with pytest.raises(UsageError, match="No change was named"):
        journal.change(" ")


def test_changes_are_listed_newest_first_by_target_and_state(journal: Journal, make_change) -> None:
    foreign = dataclasses.replace(make_change(2), target=dataclasses.replace(make_change(1).target, database="else"))
    for change in (make_change(1), foreign, make_change(3, ChangeState.UNKNOWN)):
        journal.save(change, "change.approved", {})
    assert [change.index_name for change in journal.changes()] == ["i3", "i2", "i1"]
    assert [change.index_name for change in journal.changes(make_change(1).target.fingerprint)] == ["i3", "i1"]
    assert [change.index_name for change in journal.changes(states=[ChangeState.UNKNOWN])] == ["i3"]
    assert journal.changes(states=[]) == ()


def test_no_secret_reaches_the_file(journal: Journal, make_change) -> None:
    canary = "c4n4ry-7712"
    body = {
        "error": f"connection to postgresql://u:{canary}@h/db failed",
        "sql": [f"ALTER ROLE a PASSWORD '{canary}'", f"password={canary} host=h"],
        "password": canary,
    }
    change = dataclasses.replace(make_change(1), detail={"error": f"password={canary}"}, title=f"password={canary}")
    journal.save(change, "change.failed", body)
    journal.record("x", body)
    assert "********" in json.dumps(journal.entries()[1].body)
    journal.close()
    path = journal._database.path
    for file in path.parent.iterdir():
        assert canary.encode() not in file.read_bytes()


def test_what_runs_is_stored_unchanged(journal: Journal, make_change) -> None:
    sql = 'CREATE INDEX CONCURRENTLY "i" ON "t" ("a") WHERE password = \'x\''
    change = dataclasses.replace(make_change(1), forward_sql=sql, sql_hash=digest(sql))
    journal.save(change, "change.approved", {})
    assert digest(journal.change(change.id).forward_sql) == change.sql_hash


def test_an_entry_refuses_what_json_has_not(journal: Journal) -> None:
    with pytest.raises(TypeError, match="cannot hold a bytes"):
        journal.record("x", {"a": b"1"})
    with pytest.raises(TypeError, match="the key 1"):
        journal.record("x", {"a": {1: 2}})
    assert journal.head()[0] == 1


def test_hostile_text_survives(journal: Journal) -> None:
    body = {"sql": "a\x00b\x1b[31m\ud800 \u202e[/x]" * 3, "long": "x" * 2_000_000}
    journal.record("x", body)
    assert journal.entries()[-1].body == body
    assert journal.verify().ok


def test_files_are_private(journal: Journal) -> None:
    journal.record("x", {})
    directory = journal._database.path.parent
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in directory.iterdir()}
    assert files == {"audit.db": 0o600, "audit.db-wal": 0o600, "audit.db-shm": 0o600}


def test_two_programs_and_many_threads_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "audit.db"
    journals = [Journal.open(path) for _ in range(2)]
    threads = [
        threading.Thread(target=lambda j=journal, n=name: [j.record("x", {"n": n}) for _ in range(25)])
        for name, journal in enumerate(journals * 2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    results = [journal.verify() for journal in journals]
    for journal in journals:
        journal.close()
    assert all(result.ok and result.entries == 101 for result in results)


def test_a_full_disk_is_told_and_passes(journal: Journal, make_change) -> None:
    journal.record("x", {})
    connection = journal._database._open()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}")
    before = journal.head()
    with pytest.raises(StorageError, match=r"disk that holds .* is full"):
        journal.save(make_change(1), "change.approved", {"big": "x" * 100_000})
    assert journal.head() == before
    assert journal.changes() == ()
    connection.execute("PRAGMA max_page_count=1000000")
    journal.save(make_change(1), "change.approved", {"big": "x" * 100_000})
    assert journal.verify().ok


def test_a_damaged_file_is_told_and_never_replaced(journal: Journal) -> None:
    journal.record("x", {})
    journal.close()
    path = journal._database.path
    path.write_bytes(b"this is no database" * 500)
    again = Journal.open(path)
    with pytest.raises(StorageError, match="damaged and cannot be read"):
        again.verify()
    with pytest.raises(StorageError, match="damaged and cannot be read"):
        again.record("x", {})
    assert path.read_bytes().startswith(b"this is no database")
    assert [file.name for file in path.parent.iterdir() if "corrupt" in file.name] == []


def test_a_journal_that_vanished_is_begun_anew_and_told(journal: Journal, make_change) -> None:
    journal.save(make_change(1), "change.intent", {})
    before = journal.install_id
    for file in journal._database.path.parent.iterdir():
        file.unlink()
    journal.save(make_change(1, ChangeState.APPLIED), "change.applied", {})
    assert "was moved or deleted" in journal.notice
    assert journal.install_id != before
    assert journal.change(make_change(1).id).state is ChangeState.APPLIED
    assert journal.verify().ok


def test_a_file_of_a_newer_program_or_of_another_is_refused(tmp_path: Path) -> None:
    newer, foreign = tmp_path / "newer.db", tmp_path / "foreign.db"
    Journal.open(newer).record("x", {})
    raw = sqlite3.connect(newer)
    raw.execute("PRAGMA user_version=99")
    raw.close()
    with pytest.raises(StorageError, match="newer version of this program"):
        Journal.open(newer).head()
    raw = sqlite3.connect(foreign)
    raw.execute("CREATE TABLE t (a)")
    raw.close()
    with pytest.raises(StorageError, match="not the audit journal"):
        Journal.open(foreign).head()


def test_a_place_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be created"):
        Journal.open(tmp_path / "file" / "audit.db").record("x", {})
    (tmp_path / "audit.db").mkdir()
    with pytest.raises(StorageError, match="cannot be opened"):
        Journal.open(tmp_path / "audit.db").record("x", {})


def verify_independently(rows: list[dict[str, str]]) -> bool:
    """What the page on the export says, in a few lines of standard library."""
    prev = "0" * 64
    for number, row in enumerate(rows, 1):
        body = row["body"].encode()
        told = hashlib.sha256(b"optischema-audit-v1" + len(body).to_bytes(8, "big") + bytes.fromhex(prev) + body)
        inner = json.loads(body)
        if (row["prev"], row["hash"]) != (prev, told.hexdigest()) or int(row["seq"]) != number != inner["seq"]:
            return False
        if inner["seq"] != number or (inner["event"], inner["change_id"]) != (row["event"], row["change_id"]):
            return False
        prev = row["hash"]
    return True


@pytest.mark.parametrize("fmt", ["jsonl", "csv"])
def test_the_export_is_verified_without_this_program(journal: Journal, fmt: str, make_change) -> None:
    for number in range(600):
        journal.record("x", {"n": number, "text": 'quote " comma , newline \n end', "f": 0.1})
    journal.save(make_change(1), "change.approved", {"who": actor()})
    text = "\n".join(journal.export(fmt))
    rows = (
        [json.loads(line) for line in text.splitlines()] if fmt == "jsonl" else list(csv.DictReader(io.StringIO(text)))
    )
    assert len(rows) == 602
    assert verify_independently(rows)
    rows[300]["body"] = rows[300]["body"].replace("299", "298")
    assert not verify_independently(rows)


def test_an_unknown_export_format_is_refused(journal: Journal) -> None:
    with pytest.raises(UsageError, match="xml"):
        journal.export("xml")


def test_the_actor_labels_what_anyone_could_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.9 51022 10.0.0.1 22")
    monkeypatch.setenv("SUDO_USER", "eve")
    told = actor()
    assert told["claimed_ssh_client"] == "10.0.0.9 51022"
    assert told["claimed_sudo_user"] == "eve"
    assert told["os_user"]
    assert told["uid"].isdecimal()
    assert all(told.values())
