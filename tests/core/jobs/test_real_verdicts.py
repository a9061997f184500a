"""Real changes on a real server, judged through the whole path: collector, history, watch, journal."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from benchmarks.real_changes import CASES, Case
from optischema_tui.core.baseline.verdict import Finding
from optischema_tui.core.models import ChangeState
from optischema_tui.core.paths import Paths
from tests.core.jobs.squeezed_time import MAKE_APP, Outcome, judged


def outcome(dsn: str, folder: Path, name: str, *, before: int, after: int) -> tuple[Case, Outcome]:
    case = next(each for each in CASES if each.name == name)
    with psycopg.connect(dsn, autocommit=True) as session:
        session.execute(MAKE_APP.encode())
        database = session.info.dbname
        session.execute(case.schema.format(database=database).encode())
    paths = Paths(folder / "config.toml", folder)
    change = case.change.format(database=database)
    return case, judged(dsn, paths, case.load, change, before=before, after=after)


@pytest.mark.parametrize("name", ["database_memory", "analyze_stale"])
def test_a_change_that_helps_by_factors_is_kept(quiet_db: str, tmp_path: Path, name: str) -> None:
    case, found = outcome(quiet_db, tmp_path, name, before=30, after=40)
    assert found.timed.ratio < 0.5, "the sender of the load sees it too"
    assert (found.change.state, found.verdict(case.load)) == (ChangeState.KEPT, case.truth), found.change.detail


@pytest.mark.deep
def test_a_change_that_does_nothing_is_the_same(quiet_db: str, tmp_path: Path) -> None:
    case, found = outcome(quiet_db, tmp_path, "analyze_fresh", before=150, after=800)
    if not 0.9 < found.timed.machine < 1.1:
        pytest.skip(f"the machine took {found.timed.machine:.2f} times as long afterwards: nothing can be the same")
    assert 0.8 < found.timed.ratio < 1.25
    assert found.verdict(case.load) in (case.truth, Finding.UNKNOWN), found.change.detail
    assert (found.change.state is ChangeState.KEPT) == (found.verdict(case.load) is case.truth)
    assert found.minutes >= 30, "no sooner, by rule"
