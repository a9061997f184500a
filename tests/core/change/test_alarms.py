"""A change that makes something worse is taken back by itself, where its approver said so and changes are on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optischema_tui.core.change.approval import give_approval, propose
from optischema_tui.core.change.protocol import apply_change
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs import alarms, verdicts
from optischema_tui.core.models import ChangeState
from optischema_tui.core.paths import Paths
from tests.core import conftest as pretended

Bench = Any
"""See conftest."""


@pytest.mark.parametrize("auto_undo", [True, False])
def test_what_got_worse_is_taken_back(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, auto_undo: bool
) -> None:
    monkeypatch.setattr(pretended, "IDENTITY", bench.identity)
    paths, clock = Paths(tmp_path / "config.toml", bench.journal_path.parent), FixedClock()
    history = History.open(paths.history_db, clock)
    feed = pretended.Feed(history, clock)

    def traffic(count: int, ms: float) -> None:
        for number in range(count):
            feed.tick({42: [ms * (0.97, 1.0, 1.04, 0.99)[number % 4]] * 10}, first=not feed.calls)

    traffic(60, 5.0)
    change = propose(bench.journal, bench.recommendation(), bench.identity, bench.dsn, clock=clock)
    give_approval(bench.journal, change, clock, auto_undo=auto_undo)
    apply_change(bench.journal, bench.spec, change.id, clock=clock, limits=bench.quick)
    assert bench.index_state() == "valid"
    traffic(200, 50.0)
    history.close()

    watched = verdicts.Watch(paths, clock).look(bench.identity.fingerprint)
    assert [one.state for one in watched.judged] == [ChangeState.NEEDS_ATTENTION]
    assert [one.change_id for one in watched.alerts] == [change.id]
    closed = replace(bench.spec, allow_changes=False)
    assert alarms.due(watched.judged, closed) == ()
    found = list(alarms.take_back(paths, bench.spec, watched.judged, clock=clock))
    assert [one.state for one, _ in found] == [ChangeState.ROLLED_BACK] * auto_undo
    assert bench.index_state() == ("absent" if auto_undo else "valid")
    assert bench.journal.verify().ok
