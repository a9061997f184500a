"""Evidence beside the chain: by hash, without secrets, pruned when it is old, and no silent loss."""

from __future__ import annotations

import hashlib
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui.core.audit.chain import canonical
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.models import ChangeState

DAY = 86400.0


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def journal(tmp_path: Path, clock: FixedClock):
    opened = Journal.open(tmp_path / "audit.db", clock)
    yield opened
    opened.close()


def test_an_entry_names_its_evidence_by_hash(journal: Journal, make_change) -> None:
    checks = [{"name": "disk", "level": "pass"}, {"share": 0.5}]
    entry = journal.save(make_change(1), "change.preflight", {"result": "ok"}, {"checks": checks, "plan": "Seq Scan"})
    named = entry.body["evidence"]
    assert set(named) == {"checks", "plan"}
    kept = [{"name": "disk", "level": "pass"}, {"share": "0.5"}]
    assert named["checks"] == hashlib.sha256(canonical(kept)).hexdigest()
    assert journal.evidence(named["checks"]) == kept
    assert journal.evidence(named["plan"]) == "Seq Scan"
    assert journal.evidence("0" * 64) is None
    assert journal.verify().ok
    assert journal.entries()[-1].body == entry.body


def test_a_body_with_such_a_key_is_refused(journal: Journal) -> None:
    with pytest.raises(TypeError, match="under the key 'evidence'"):
        journal.record("x", {"evidence": 1}, evidence={"a": 1})
    with pytest.raises(TypeError, match="cannot hold a bytes"):
        journal.record("x", {}, evidence={"a": b"1"})


def test_no_secret_reaches_the_evidence(journal: Journal, tmp_path: Path) -> None:
    canary = "c4n4ry-8813"
    journal.record("x", {}, evidence={"error": f"password={canary}", "more": {"password": canary}})
    journal.close()
    assert all(canary.encode() not in file.read_bytes() for file in tmp_path.glob("audit.db*"))


def test_old_evidence_is_pruned_and_the_chain_holds(journal: Journal, clock: FixedClock, make_change) -> None:
    old = journal.record("step", {}, evidence={"old": 1, "both": "shared"}).body["evidence"]
    journal.save(make_change(1, ChangeState.KEPT), "change.kept", {}, {"verdict": "better"})
    clock.advance(401 * DAY)
    new = journal.record("step", {}, evidence={"new": 2, "both": "shared"}).body["evidence"]
    assert journal.prune_evidence() == 2
    told = journal.entries()[-1]
    assert (told.event, told.body["pieces"], told.body["until_seq"]) == ("audit.pruned", 2, 3)
    assert journal.evidence(old["old"]) is None
    assert journal.evidence(old["both"]) == "shared", "a younger entry names it too"
    assert journal.evidence(new["new"]) == 2
    assert journal.verify().ok
    assert journal.prune_evidence() == 0
    assert journal.entries()[-1] == told, "nothing to delete is no entry"


def test_closed_segments_are_pruned_too(journal: Journal, clock: FixedClock, tmp_path: Path) -> None:
    old = journal.record("step", {}, evidence={"plan": "x" * 10_000}).body["evidence"]["plan"]
    journal.record("step", {})
    file = journal.close_segment(force=True)
    assert file is not None
    assert journal.evidence(old) == "x" * 10_000
    clock.advance(401 * DAY)
    assert journal.prune_evidence() == 1
    assert journal.evidence(old) is None
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    assert b"x" * 1000 not in file.read_bytes()
    assert journal.verify().ok
    assert not list(tmp_path.glob("*-journal"))


@pytest.mark.parametrize(
    ("statement", "kind", "seq"),
    [
        ("DELETE FROM evidence WHERE CAST(body AS TEXT) LIKE '%young%'", "evidence-removed", 3),
        (
            "UPDATE evidence SET body = CAST('\"better\"' AS BLOB) WHERE CAST(body AS TEXT) LIKE '%young%'",
            "evidence-edited",
            3,
        ),
        ("UPDATE evidence SET body = CAST(body AS TEXT) WHERE CAST(body AS TEXT) LIKE '%young%'", "evidence-edited", 3),
        ("UPDATE evidence SET seq = 2", "evidence-edited", 3),
        ("INSERT INTO evidence VALUES ('ab', 2, x'00')", "evidence-inserted", 2),
    ],
)
def test_evidence_that_was_touched_is_named(
    journal: Journal, clock: FixedClock, tmp_path: Path, statement: str, kind: str, seq: int
) -> None:
    journal.record("step", {}, evidence={"plan": "old"})
    clock.advance(401 * DAY)
    journal.record("step", {}, evidence={"plan": "young"})
    assert journal.prune_evidence() == 1
    with closing(sqlite3.connect(tmp_path / "audit.db", isolation_level=None)) as raw:
        raw.execute(statement)
    result = journal.verify()
    assert (result.kind, result.first_bad) == (kind, seq), result.problem
    assert journal.evidence("ab") is None
