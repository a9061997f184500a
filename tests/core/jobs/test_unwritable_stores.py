"""A change is begun only while history and journal can both be written."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change.protocol import approve
from optischema_tui.core.errors import ChangeRefused, StorageError, TargetError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.changes import carry_out
from optischema_tui.core.models import Affected, Change, ChangeState, Evidence, IndexSpec, Recommendation, Risk
from optischema_tui.core.models import TargetIdentity as Identity
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.spec import TargetSpec

IDENTITY = Identity("7301", 5, "shop", 180000, "demo")


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "config.toml", tmp_path / "state")


@pytest.fixture
def spec(tmp_path: Path) -> TargetSpec:
    """Nobody answers there: who gets as far as that was not refused."""
    return TargetSpec("nobody", (("dbname", "shop"), ("host", str(tmp_path)), ("user", "dba")), allow_changes=True)


def approved(paths: Paths) -> Change:
    affected = Affected(-77, "SELECT 1", 0.5, 10, 2.5, 100.0, 1.0)
    evidence = Evidence((affected,), 100.0, 1.0, 0.5, 8192, "lab", "high")
    index = IndexSpec("public", "orders", ("a",))
    recommendation = Recommendation(
        "aa11bb22cc33", IDENTITY.fingerprint, "create_index", "Index orders", index.sql("i"),
        'DROP INDEX CONCURRENTLY "public"."i"', Risk.LOW, ("small",), evidence, index, "i",
    )  # fmt: skip
    with closing(Journal.open(paths.audit_db)) as journal:
        return approve(journal, recommendation, IDENTITY, "host=/tmp")


def state_of(paths: Paths, change: Change) -> ChangeState:
    with closing(Journal.open(paths.audit_db)) as journal:
        return journal.change(change.id).state


def held(path: Path) -> sqlite3.Connection:
    """Another program that writes and never ends."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    return connection


def test_a_history_that_cannot_be_opened_refuses_a_change(paths: Paths, spec: TargetSpec) -> None:
    change = approved(paths)
    paths.history_db.mkdir()
    with pytest.raises(ChangeRefused, match=r"The change was not begun: The history at .* cannot be opened"):
        carry_out(paths, change.id, spec)
    assert state_of(paths, change) is ChangeState.APPROVED
    paths.history_db.rmdir()
    with pytest.raises(TargetError):
        carry_out(paths, change.id, spec)


def test_a_history_that_cannot_be_written_refuses_a_change_but_no_undo(
    paths: Paths, spec: TargetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optischema_tui.core.history.database.BUSY_TIMEOUT_MS", 50)
    change = approved(paths)
    with closing(History.open(paths.history_db)) as history:
        history.targets()
    with closing(held(paths.history_db)):
        with pytest.raises(ChangeRefused, match="locked by another program"):
            carry_out(paths, change.id, spec)
        assert state_of(paths, change) is ChangeState.APPROVED
        with pytest.raises((ChangeRefused, TargetError)) as told:
            carry_out(paths, change.id, spec, undo=True)
        assert "history" not in str(told.value)


def test_a_journal_that_cannot_be_written_refuses_a_change(
    paths: Paths, spec: TargetSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optischema_tui.core.history.database.BUSY_TIMEOUT_MS", 50)
    change = approved(paths)
    with closing(held(paths.audit_db)), pytest.raises((StorageError, TargetError)):
        carry_out(paths, change.id, spec)
    assert state_of(paths, change) is ChangeState.APPROVED
    paths.audit_db.rename(paths.audit_db.with_suffix(".away"))
    paths.audit_db.mkdir()
    with pytest.raises(StorageError, match="The audit journal at"):
        carry_out(paths, change.id, spec)
