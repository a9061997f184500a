"""`baseline` over a history that was made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from optischema_tui.cli import run
from optischema_tui.core.clock import SYSTEM, FixedClock
from optischema_tui.core.history.store import History
from optischema_tui.core.paths import Paths
from tests.core.conftest import IDENTITY, Feed


@pytest.fixture
def called(tmp_path: Path, capsys: pytest.CaptureFixture[str], state_dir: Path) -> Any:
    """A history of the last two hours, in which the first statement got slower in the second; and the command."""
    clock = FixedClock(at=SYSTEM.wall() - 7400)
    history = History.open(Paths(tmp_path / "none.toml", tmp_path).history_db, clock)
    feed = Feed(history, clock)
    history.remember_target("shop", IDENTITY, "dbname=shop")
    feed.tick({1: [1.0], 2: [1.0]}, first=True)
    for round_ in range(240):
        ms = (10.0 if round_ < 120 else 30.0) * (1.0, 1.02, 0.97)[round_ % 3]
        feed.tick({1: [ms, 0.9 * ms, 1.1 * ms], 2: [5.0] * 20})
    history.close()

    def call(*words: str, code: int = 0) -> Any:
        assert run(["--state-dir", str(tmp_path), "baseline", *words, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return call


def test_the_life_of_a_baseline(called: Any) -> None:
    first = called("create", "hour one", "--since", "-2h", "--until", "-64m")
    assert first["statements"] == 2
    assert called("create", "hour one", code=2)["error"]
    assert called("create", "none", "--since", "-1m", "--until", "-2m", code=2)["error"]
    assert called("create", "none", "--since", "the day", code=2)["error"]
    called("create", "hour two", "--minutes", "59")
    assert {each["name"] for each in called("list")["baselines"]} == {"hour one", "hour two"}
    shown = called("show", "hour one")["figures"]
    assert sum(each["share"] for each in shown) == pytest.approx(1.0)
    assert shown[0]["mean_ms"] == pytest.approx(5.0)
    assert shown[1]["spread_ms"] == pytest.approx(0.84, abs=0.1)
    for words in (("hour one", "hour two"), ("hour one",), ("hour one", "--since", "-59m")):
        told = {each["queryid"]: each for each in called("compare", *words)["statements"]}
        assert (told["1"]["verdict"], told["2"]["verdict"]) == ("worse", "same"), words
        assert told["1"]["change"] == pytest.approx(2.0, abs=0.05)
        assert told["1"]["shared_blks_after"] > 0
    assert called("delete", "hour one") == {"name": "hour one", "deleted": True}
    assert called("show", "hour one", code=2)["error"]
    assert called("delete", code=2)["error"]
    assert called("list", "hour two", code=2)["error"]


def test_plans_that_could_not_be_taken_are_told(
    called: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    away = called("create", "away", "--minutes", "59")
    assert away["planned"] == 0
    assert away["no_plans"], "the server of this history is not there"
    assert "not asked for" in called("create", "unasked", "--minutes", "59", "--no-plans")["no_plans"]
    (first, *_) = called("compare", "away", "unasked")["statements"]
    assert [side["document"] for side in first["plans"]] == [None, None]
    assert [side["error"] for side in first["plans"]] == [away["no_plans"], "They were not asked for"]
    assert run(["--state-dir", str(tmp_path), "baseline", "compare", "away", "unasked", "--plans"]) == 0
    assert "after: no plan: They were not asked for" in capsys.readouterr().out
