"""What is told outside the journal, and how a journal that holds in itself is held against it."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import syslog
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from optischema_tui.core.audit.anchors import Anchor, LoggedHead, parse_anchors, parse_server_log
from optischema_tui.core.audit.chain import canonical, link_hash
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.audit.outside import Outside
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.cluster.binaries import Binaries
from optischema_tui.core.cluster.cluster import start_cluster
from optischema_tui.core.models import ChangeState

HASH = "0123456789abcdef" * 4


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """What goes to the system's log."""
    found: list[tuple[int, str]] = []
    monkeypatch.setattr(syslog, "syslog", lambda priority, text: found.append((priority, text)))
    return found


def test_anchors_of_each_form_are_read() -> None:
    text = (
        f"7:{HASH}\n  8:{HASH.upper()}:ab12  \nnothing\n9:{HASH[:-1]}\n"
        f"Nov 22 14:03:05 bastion optischema-tui: optischema-tui audit seq=12 hash={HASH} install=ab12\n"
        f"<86>1 2026-11-22T14:03:05Z bastion sudo - - - audit seq=x hash={HASH}\n"
    )
    assert parse_anchors(text) == (Anchor(7, HASH), Anchor(8, HASH, "ab12"), Anchor(12, HASH, "ab12"))


def test_heads_are_read_out_of_any_form_of_a_server_log() -> None:
    change = "0192f000-0001-7000-8000-000000000000"
    log = [
        f"2026-11-22 14:03:05 UTC [41] LOG:  statement: /* optischema id={change} head=0123456789ab */ CREATE INDEX\n",
        f'2026-11-22,"dba","shop",41,,,,,,,,"/* optischema id={change} head=0123456789ab */ DROP",,,"o/0192"\n',
        f'{{"message":"AUDIT: SESSION,1,1,DDL,,/* optischema id={change} head=ffffffffffff install=ab12cd34 */ X"}}\n',
        f"/* optischema id={change} head=XYZ */ /* optischema */ LOCK TABLE\n",
    ]
    assert parse_server_log(log) == (
        LoggedHead(change, "0123456789ab"),
        LoggedHead(change, "ffffffffffff", "ab12cd34"),
    )


def test_intent_and_results_go_to_the_systems_log(tmp_path: Path, make_change, lines) -> None:
    with closing(Journal.open(tmp_path / "audit.db", told=Outside(syslog=True))) as journal:
        for state in (ChangeState.APPROVED, ChangeState.INTENT, ChangeState.EXECUTING, ChangeState.APPLIED):
            journal.save(make_change(1, state), f"change.{state}", {})
        journal.record("step", {})
        intent, applied = journal.entries()[2], journal.entries()[4]
        told = [
            f"optischema-tui audit seq={e.seq} hash={e.hash} install={journal.install_id}" for e in (intent, applied)
        ]
        assert [text for _, text in lines] == told
        assert all(priority & ~7 == syslog.LOG_AUTHPRIV for priority, _ in lines)
        assert journal.verify("\n".join(text for _, text in lines)).anchored


def test_nothing_is_told_unless_it_is_asked_for(tmp_path: Path, make_change, lines) -> None:
    with closing(Journal.open(tmp_path / "audit.db")) as journal:
        journal.save(make_change(1, ChangeState.INTENT), "change.intent", {})
    assert lines == []


def test_a_system_without_a_log_is_no_obstacle(tmp_path: Path, make_change, monkeypatch) -> None:
    def fails(priority: int, text: str) -> None:
        raise OSError("no such socket")

    monkeypatch.setattr(syslog, "syslog", fails)
    with closing(Journal.open(tmp_path / "audit.db", told=Outside(syslog=True))) as journal:
        journal.save(make_change(1, ChangeState.INTENT), "change.intent", {})
        assert journal.notice == ""


def test_each_head_goes_to_the_checkpoint_file(tmp_path: Path, make_change) -> None:
    file = tmp_path / "elsewhere" / "heads"
    with closing(Journal.open(tmp_path / "audit.db", told=Outside(checkpoint=file))) as journal:
        journal.record("step", {})
        assert "checkpoint file" in journal.notice
        assert "No such file or directory" in journal.notice
        file.parent.mkdir()
        journal.record("step", {})
        assert journal.notice == "", "what passes is taken back"
        journal.save(make_change(1), "change.approved", {})
        journal.close_segment(force=True)
        journal.record("step", {})
        found = file.read_text()
        assert [int(line.partition(":")[0]) for line in found.splitlines()] == [3, 4, 6, 7]
        assert found.splitlines()[-1] == journal.anchor()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert journal.verify(found).ok
        assert journal.verify(found).anchored


def test_a_checkpoint_that_cannot_be_opened_delays_nobody(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)  # nobody reads it: opening it would wait
    with closing(Journal.open(tmp_path / "audit.db", told=Outside(checkpoint=pipe))) as journal:
        journal.record("step", {})
        assert "checkpoint file" in journal.notice


def rewritten(path: Path, seq: int) -> None:
    """Entry `seq` is another, and the chain behind it fits again."""
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("DROP TRIGGER audit_no_update")
        rows = raw.execute("SELECT seq, body, prev FROM audit WHERE seq >= ? ORDER BY seq", (seq,)).fetchall()
        prev = rows[0][2]
        for number, body, _ in rows:
            if number == seq:
                body = canonical({**json.loads(body), "body": {"forged": True}})
            after = link_hash(prev, body)
            raw.execute("UPDATE audit SET body = ?, prev = ?, hash = ? WHERE seq = ?", (body, prev, after, number))
            prev = after


def test_the_first_rewritten_entry_is_named_where_every_head_is_known(tmp_path: Path) -> None:
    file = tmp_path / "heads"
    with closing(Journal.open(tmp_path / "audit.db", told=Outside(checkpoint=file))) as journal:
        for number in range(9):
            journal.record("step", {"n": number})
        anchor = journal.anchor()
        rewritten(tmp_path / "audit.db", 5)
        assert journal.verify().ok, "without an anchor this cannot be seen; the document says so"
        assert "written anew" in journal.verify().unseen
        assert journal.verify(anchor).kind == "rewritten"
        result = journal.verify(file.read_text())
        assert (result.kind, result.first_bad, result.unseen) == ("rewritten", 5, "")


def test_the_servers_own_log_is_an_anchor(tmp_path: Path, make_change, binaries: Binaries) -> None:
    """On a real server that logs statements."""
    change = make_change(1)
    log = tmp_path / "server.log"
    settings = {"log_statement": "all", "logging_collector": "off", "fsync": "off"}
    with start_cluster(binaries, prefix="optischema-log-", settings=settings, initdb_args=["--no-sync"]) as cluster:
        with closing(Journal.open(tmp_path / "audit.db")) as journal:
            journal.save(make_change(1, ChangeState.INTENT), "change.intent", {})
            with psycopg.connect(cluster.dsn(), autocommit=True) as session:
                session.execute(f"{journal.comment(change.id)} CREATE TABLE t (a int)")
                old = f"/* optischema id={change.id} head={journal.head()[1][:12]} */"
                session.execute(f"{old} DROP TABLE t")
        log.write_text(cluster.log_file.read_text(errors="replace"))
        assert "install=" in log.read_text(), "the server logs what it is sent"
    with closing(Journal.open(tmp_path / "audit.db", SYSTEM)) as journal:
        journal.save(make_change(1, ChangeState.APPLIED), "change.applied", {})
        lines = log.read_text().splitlines()
        result = journal.verify(server_log=lines)
        assert (result.ok, result.anchored) == (True, True)
        rewritten(tmp_path / "audit.db", 2)
        assert journal.verify(server_log=lines).kind in ("rewritten", "change-edited")
        assert journal.verify(server_log=lines).kind == "rewritten"
    for file in tmp_path.glob("audit.db*"):
        file.unlink()
    with closing(Journal.open(tmp_path / "audit.db")) as fresh:
        fresh.record("step", {})
        bare = [line for line in lines if "install=" not in line]
        assert fresh.verify(server_log=bare).kind == "shortened", "an unknown change under an unknown head"
        named = [line for line in lines if "install=" in line]
        assert fresh.verify(server_log=named).ok, "another installation's, as the comment says"
