"""Entries that are no changes, and the jobs that write them."""

from __future__ import annotations

import hashlib
from contextlib import closing
from pathlib import Path

import pytest

from optischema_tui.core.audit import events
from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.audit.search import Wanted, parse, users_of
from optischema_tui.core.audit.story import story
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.errors import UsageError
from optischema_tui.core.jobs import audit as jobs
from optischema_tui.core.models import AuditEntry, ChangeState
from optischema_tui.core.paths import Paths


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "config.toml", tmp_path / "state")


def told(paths: Paths) -> list[AuditEntry]:
    return list(jobs.entries(paths))[1:]


def test_each_kind_says_who_and_why(paths: Paths) -> None:
    with closing(Journal.of(paths)) as journal:
        entries = [
            events.denied(journal, "apply", "outside the change window", target="shop", change_id="0192"),
            events.refused(journal, "approve", "another kind", recommendation="aa11"),
            events.cancelled(journal, "apply", "by key", change_id="0192"),
            events.reconciled(journal, "0192", "running", "The build still runs"),
            events.logged_in(journal, "ui", target="shop@db", fingerprint="ab", allow_changes=True),
        ]
        assert journal.verify().ok
    assert [entry.event for entry in entries] == [
        "request.denied", "request.refused", "request.cancelled", "change.reconciled", "program.login",
    ]  # fmt: skip
    assert all(users_of(entry) for entry in entries)
    assert [entry.change_id for entry in entries] == ["0192", "", "0192", "0192", ""]
    assert entries[0].body["target"] == "shop"
    assert entries[4].body["allow_changes"] is True


def test_a_config_file_is_told_by_its_digest_when_it_is_another(paths: Paths) -> None:
    def login() -> list[str]:
        jobs.logged_in(paths, "apply", target="shop")
        return [entry.event for entry in told(paths) if entry.event.startswith("config.")]

    assert login() == [], "there is no file and never was"
    paths.config_file.write_text('[profiles.a]\npassword_command = ["c4n4ry-12"]\n')
    assert login() == ["config.seen"]
    assert login() == ["config.seen"]
    before = hashlib.sha256(paths.config_file.read_bytes()).hexdigest()
    paths.config_file.write_text("")
    assert login() == ["config.seen", "config.changed"]
    paths.config_file.unlink()
    assert login() == ["config.seen", "config.changed", "config.changed"]
    last = [entry for entry in told(paths) if entry.event == "config.changed"]
    assert last[0].body["before"] == before
    assert last[0].body["digest"] == hashlib.sha256(b"").hexdigest()
    assert last[1].body["digest"] == "none"
    assert b"c4n4ry-12" not in b"".join(file.read_bytes() for file in paths.state_dir.iterdir())


def test_a_profile_that_was_added_is_told_without_what_it_holds(paths: Paths, tmp_path: Path) -> None:
    paths.config_file.write_text("[profiles.a]\n")
    assert jobs.profile_changed(paths, "added", "a") == ""
    assert [entry.event for entry in told(paths)] == ["profile.added", "config.seen"]
    assert told(paths)[0].body["profile"] == "a"
    (tmp_path / "other").write_text("")
    wrong = Paths(paths.config_file, tmp_path / "other")
    assert "cannot be" in jobs.profile_changed(wrong, "removed", "a"), "told, since the profile is gone already"


def test_a_verification_and_an_export_are_entries(paths: Paths) -> None:
    assert jobs.verify(paths).ok
    assert told(paths) == [], "unless it is asked for, as for a screen that verifies each time it is shown"
    assert jobs.verify(paths, record=True).ok
    assert told(paths)[-1].event == "audit.verified"
    lines = list(jobs.export(paths, "jsonl", 1))
    assert told(paths)[-1].event == "audit.exported"
    assert told(paths)[-1].body["since"] == 1
    assert len(lines) == 2
    assert '"audit.exported"' in lines[-1]


def test_a_broken_journal_is_not_written_by_its_verification(paths: Paths) -> None:
    jobs.verify(paths, record=True)
    anchor = paths.state_dir / "anchor"
    anchor.write_text(f"9:{'0' * 64}\n")
    assert jobs.verify(paths, anchor, record=True).kind == "shortened"
    assert len(told(paths)) == 1
    with pytest.raises(UsageError, match="cannot be read"):
        jobs.verify(paths, paths.state_dir / "nothing")


def test_the_checkpoint_file_of_the_config_is_always_compared(paths: Paths, tmp_path: Path) -> None:
    paths = Paths(paths.config_file, paths.state_dir, audit_checkpoint=tmp_path / "heads")
    assert not jobs.verify(paths, record=True).anchored
    assert jobs.verify(paths).anchored
    (tmp_path / "heads").write_text(f"2:{'0' * 64}\n")
    assert jobs.verify(paths).kind == "rewritten"


def test_old_evidence_goes_and_a_year_closes_the_journal_by_itself(paths: Paths, monkeypatch) -> None:
    clock = FixedClock()
    assert jobs.look_after(paths, clock) == ""
    assert not paths.audit_db.exists(), "no journal is begun by looking after it"
    with closing(Journal.of(paths, clock)) as journal:
        journal.record("step", {}, evidence={"plan": 1})
    clock.advance(401 * 86400)
    assert jobs.look_after(paths, clock) == ""
    assert [entry.event for entry in jobs.entries(paths)][2:] == ["audit.closed", "audit.segment", "audit.pruned"]
    assert jobs.verify(paths).segments == 2
    assert jobs.verify(paths).ok


def test_a_segment_that_cannot_be_closed_stops_nobody(paths: Paths, tmp_path: Path) -> None:
    clock = FixedClock()
    jobs.logged_in(paths, "apply", clock=clock)
    with closing(Journal.open(tmp_path / "other" / "audit.db")) as other:
        other.record("step", {})
        foreign = other.close_segment(force=True)
    assert foreign is not None
    foreign.rename(paths.state_dir / foreign.name)
    clock.advance(366 * 86400)
    assert "holds other entries" in jobs.logged_in(paths, "rollback", clock=clock)
    assert [entry.body["command"] for entry in told(paths)] == ["apply", "rollback"]


def test_what_is_wanted() -> None:
    entry = AuditEntry(
        7,
        0.0,
        "change.kept",
        "0192f000-0001",
        {
            "who": {"os_user": "dana", "login_user": "root"},
            "database": {"session_user": "dba"},
            "table": "public.orders",
            "index": "public.orders_i",
            "result": "It helped",
        },
        "",
        "",
    )
    for text in (
        "", "user:dana", "user:DB", "object:orders", "state:kept", "change:0192F", "helped", "user:root object:i it",
        "orders kept",
    ):  # fmt: skip
        assert parse(text).fits(entry), text
    for text in ("user:ana", "object:customers", "state:kep", "change:192", "helped not", "user:dana state:applied"):
        assert not parse(text).fits(entry), text
    assert parse("a:b user:x") == Wanted(user="x", words=("a:b",))
    nothing = AuditEntry(1, 0.0, "x", "", {"who": 3, "database": [], "evidence": 5, "table": {}}, "", "")
    assert users_of(nothing) == ()
    assert Wanted().fits(nothing)


def test_the_story_of_a_change_tells_what_undid_it(tmp_path: Path, make_change) -> None:
    with closing(Journal.open(tmp_path / "audit.db")) as journal:
        one, two, three = (make_change(number) for number in (1, 2, 3))
        journal.save(one, "change.proposed", {"rolls_back": ""}, {"advice": {"gain": 0.9}})
        journal.save(make_change(1, ChangeState.APPLIED), "change.applied", {"from": "executing"})
        journal.close_segment(force=True)
        journal.save(three, "change.proposed", {"rolls_back": ""})
        journal.save(two, "change.proposed", {"rolls_back": one.id})
        journal.record("change.refused", {"reason": "busy"}, change_id=one.id)
        journal.save(make_change(1, ChangeState.ROLLED_BACK), "change.rolled_back", {"from": "applied"})
        told = story(journal, one.id[:13].upper())
        assert [entry.event for entry in told.entries] == [
            "change.proposed", "change.applied", "change.refused", "change.rolled_back",
        ]  # fmt: skip
        assert (told.state, told.undone_by, told.undoes) == ("rolled_back", (two.id,), "")
        assert list(told.evidence.values()) == [{"gain": "0.9"}]
        assert story(journal, two.id).undoes == one.id
        with pytest.raises(UsageError, match="3 changes have an id"):
            story(journal, "0192")
        for nothing in ("", "ffff"):
            with pytest.raises(UsageError, match="no change"):
                story(journal, nothing)
