"""Judging and watching changes of a real journal by a real history, and the person's own command."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optischema_tui.core.audit.journal import Journal
from optischema_tui.core.change.judge import Alert
from optischema_tui.core.change.ledger import Ledger
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.config import load_config
from optischema_tui.core.errors import UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs import baselines, verdicts
from optischema_tui.core.models import Change, ChangeState
from optischema_tui.core.paths import Paths
from tests.core.conftest import IDENTITY, Feed

STATES = (ChangeState.APPROVED, ChangeState.PREFLIGHT, ChangeState.INTENT, ChangeState.EXECUTING, ChangeState.APPLIED)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "config.toml", tmp_path)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def feed(paths: Paths, clock: FixedClock) -> Any:
    with_history = History.open(paths.history_db, clock)
    yield Feed(with_history, clock)
    with_history.close()


def applied(paths: Paths, clock: FixedClock, **detail: Any) -> Change:
    """A change that was built within ten seconds, and is now being verified."""
    told = {"statements": [{"queryid": 1, "text": "SELECT 1"}]} | detail
    change = Change("0192-made", "", IDENTITY, "", "create_index", "Index on items", "CREATE", "DROP", "",
                    ChangeState.PROPOSED,
                    "public", "items", "items_a", detail=told)  # fmt: skip
    journal = Journal.open(paths.audit_db)
    try:
        journal.save(change, "change.proposed", {})
        ledger = Ledger(journal, change, clock)
        for state in STATES:
            if state is ChangeState.INTENT:
                ledger.move(state, "", intent_at=clock.wall())
                clock.advance(10)
            elif state is ChangeState.APPLIED:
                ledger.move(state, "", applied_at=clock.wall())
            else:
                ledger.move(state, "")
        return ledger.move(ChangeState.VERIFYING, "")
    finally:
        journal.close()


def rounds(feed: Feed, count: int, ms: float) -> None:
    wave = (0.97, 1.0, 1.04, 0.99)
    for number in range(count):
        feed.tick({1: [ms * wave[number % 4]] * 10, 2: [5.0] * 10})


def test_a_change_is_judged_kept_and_turns_worse(paths: Paths, feed: Feed, clock: FixedClock) -> None:
    target = IDENTITY.fingerprint
    rounds(feed, 1, 50.0)
    rounds(feed, 60, 50.0)
    change = applied(paths, clock)
    watch = verdicts.Watch(paths, clock)
    assert watch.look(target) == verdicts.Watched()
    rounds(feed, 20, 5.0)
    (kept,) = watch.look(target).judged
    assert (kept.state, kept.detail["verdict"].startswith("Faster: 50")) == (ChangeState.KEPT, True)
    assert watch.look(target) == verdicts.Watched(), "nothing new"
    assert verdicts.measure(paths, change.id).rows[0].ratio > 5
    rounds(feed, 400, 200.0)
    found = watch.look(target)
    assert [each.state for each in found.judged] == [ChangeState.NEEDS_ATTENTION]
    (alert,) = found.alerts
    assert (alert.change_id, alert.severity, alert.proposes_rollback) == (change.id, "alarm", True)
    rounds(feed, 100, 200.0)
    assert watch.look(target) == verdicts.Watched(), "told once"


def test_nothing_is_opened_where_nothing_was_changed(paths: Paths, clock: FixedClock) -> None:
    assert verdicts.judge(paths, IDENTITY.fingerprint, clock=clock) == ()
    assert not paths.audit_db.exists()


def test_a_baseline_is_made_before_a_change(paths: Paths, feed: Feed, clock: FixedClock) -> None:
    change = Change("01923456-7890", "", IDENTITY, "", "create_index", "", "", "", "", ChangeState.INTENT, "", "", "")
    assert (
        baselines.before_change(paths, replace(change, target=replace(IDENTITY, database="other")), clock=clock) is None
    )
    feed.tick({1: [1.0]}, first=True)
    rounds(feed, 10, 50.0)
    assert baselines.before_change(paths, change, clock=clock) is not None
    made = baselines.before_change(paths, change, clock=clock)
    assert made is not None
    assert (made.name, made.until - made.since) == ("before 34567890", 86_400)
    target = IDENTITY.fingerprint
    assert [each.name for each in baselines.list_baselines(paths, target)] == ["before 34567890"]
    early = baselines.create_baseline(paths, target, "early", since=clock.at - 200, until=clock.at - 100, clock=clock)
    assert early.statements[0].calls < made.statements[0].calls
    assert baselines.show_baseline(paths, target, "early") == early
    with pytest.raises(UsageError, match="ends before it begins"):
        baselines.create_baseline(paths, target, "none", since=clock.at, until=clock.at - 100, clock=clock)
    baselines.delete_baseline(paths, target, "early")
    with pytest.raises(UsageError, match="no baseline early"):
        baselines.delete_baseline(paths, target, "early")


def test_long_windows_are_compared_by_their_intervals(paths: Paths, feed: Feed, clock: FixedClock) -> None:
    target = IDENTITY.fingerprint
    feed.tick({1: [1.0]}, first=True)
    rounds(feed, 120, 50.0)
    baselines.create_baseline(paths, target, "hour one", 60.0, clock=clock)
    rounds(feed, 120, 80.0)
    compared = baselines.compare_baselines(paths, target, "hour one", None, 59.0, clock=clock)
    told = {row.key.queryid: str(row.verdict) for row in compared.rows}
    assert told == {1: "worse", 2: "same"}


ALERT = Alert("c1", "Index on items: Slower", "SELECT 1", "alarm", True)


def test_the_persons_command_gets_the_facts_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "canary-1")
    out = tmp_path / "out"
    script = f"import os; open({str(out)!r}, 'w').write(repr(sorted(os.environ.items())))"
    assert verdicts.run_command([sys.executable, "-c", script], ALERT, "shop\x1b[31m") == ""
    told = out.read_text()
    assert "('OPTISCHEMA_CHANGE', 'c1')" in told
    assert "('OPTISCHEMA_SEVERITY', 'alarm')" in told
    assert "canary-1" not in told
    assert "\\x1b" not in told
    assert os.environ["PGPASSWORD"] == "canary-1"


def test_a_command_that_fails_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "ended with status 3" in verdicts.run_command([sys.executable, "-c", "raise SystemExit(3)"], ALERT, "shop")
    assert "could not be run" in verdicts.run_command([str(tmp_path / "none")], ALERT, "shop")
    monkeypatch.setattr(verdicts, "COMMAND_SECONDS", 0.2)
    slow = [sys.executable, "-c", "import time; time.sleep(30)"]
    assert "was ended after" in verdicts.run_command(slow, ALERT, "shop")


def test_the_command_comes_from_the_config_file_unless_others_may_write_it(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[watch]\ncommand = ["notify-send", "worse"]\n')
    file.chmod(0o600)
    assert load_config(file).watch_command == ("notify-send", "worse")
    file.chmod(0o666)
    told = load_config(file)
    assert told.watch_command == ()
    assert "the command of watch is not run" in told.problems[0].what
    file.write_text('[watch]\ncommand = "notify-send"\n')
    file.chmod(0o600)
    assert "watch.command must be a list of strings" in load_config(file).problems[0].what
