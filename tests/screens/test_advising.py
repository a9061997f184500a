"""The advisor at the keyboard: it starts once, ends when told to, and loses nothing that was found before."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
import sample_data as sample
from harness import stage

from optischema_tui import messages as m
from optischema_tui.core.advise.judge import rivals
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.config import Config
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.advise import AdviceEnded, run_advise
from optischema_tui.core.models import AdviceRun, IndexSpec
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.resolver import resolve
from optischema_tui.core.workload.statement import WorkloadStatement, text_id
from optischema_tui.desk import Desk
from optischema_tui.screens.optimizations import OptimizationsScreen
from optischema_tui.steps import PACE, Steps
from optischema_tui.twins.advise import report_text
from optischema_tui.widgets.lines import LineView


class SlowClock:
    """Moves only when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now


def statement(sql: str) -> WorkloadStatement:
    return WorkloadStatement(sql, 100, 20.0, text_id(sql))


def test_quick_steps_are_told_at_the_pace_of_an_eye_and_each_stage_at_once() -> None:
    told: list[str] = []
    clock = SlowClock()
    steps = Steps(lambda what, fraction: told.append(what), clock)  # type: ignore[arg-type]
    for number in range(300):
        clock.now += PACE / 100
        steps(f"planning statement {number} of 300", 0.1)
    steps("modelling indexes: 1 of 9", 0.2)
    steps("modelling indexes: 2 of 9", 0.2)
    assert told[0] == "planning statement 0 of 300"
    assert told[-1] == "modelling indexes: 1 of 9"
    assert 3 <= len(told) <= 5


def test_one_advisor_at_a_time_and_a_stop_before_its_first_step_counts(tmp_path: Path) -> None:
    spec = resolve(f"host={tmp_path} dbname=nowhere", Config())
    told: list[m.Fact] = []
    desk = Desk(spec, Paths(tmp_path / "c.toml", tmp_path / "state"), SYSTEM, told.append, lambda: "", "")
    desk.stop_advice()  # nothing runs: nothing to stop later either
    stop = desk.claim_advice()
    assert stop is not None
    assert not stop.is_set()
    assert desk.claim_advice() is None
    desk.stop_advice()
    with pytest.raises(AdviceEnded):
        desk.advise(None, stop)
    assert desk.claim_advice() is not None, "the next one may run"


def test_an_early_end_leaves_what_was_recommended(fresh_db: str, tmp_path: Path) -> None:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE notes (id int PRIMARY KEY, author int, note text)")
        session.execute("INSERT INTO notes SELECT i, i % 9000, 'n' || i FROM generate_series(1, 60000) i")
        session.execute("ANALYZE notes")
    spec = resolve(fresh_db, Config())
    paths = Paths(tmp_path / "config.toml", tmp_path / "state", keep_labs=False)
    workload = (statement("SELECT * FROM notes WHERE author = 7"),)
    found = run_advise(spec, paths, workload=workload)
    assert [rec.kind for rec in found.recommendations] == ["create_index"]

    def kept() -> list[str]:
        history = History.open(paths.history_db)
        try:
            return [rec.id for rec in history.recommendations(found.target.fingerprint)]
        finally:
            history.close()

    stages: list[str] = []
    stop = threading.Event()

    def stop_at(words: str) -> None:
        def progress(what: str, fraction: float) -> None:
            stages.append(what)
            if what.startswith(words):
                stop.set()

        stop.clear()
        with pytest.raises(AdviceEnded):
            run_advise(spec, paths, workload=workload, progress=progress, stop=stop.is_set)
        assert stop.is_set()
        assert kept() == [rec.id for rec in found.recommendations]

    stop_at("reading schema")
    assert not any(what.startswith("planning") for what in stages), "it ended there"
    stop_at("the lab is ready")
    stop_at("planning statement")
    in_time = run_advise(spec, paths, workload=workload, seconds=0.0)
    assert in_time.advice.stopped
    assert kept(), "nor does a search without time lose anything"
    too_little = run_advise(spec, paths, workload=workload, budget=1024)
    drop = replace(found.recommendations[0], kind="drop_index", spec=None)
    assert "fits into 1.0 kB" in report_text(replace(too_little, recommendations=(drop,))), "a drop is no answer to it"
    assert "fits into" not in report_text(found)


async def test_progress_alone_does_not_draw_the_evidence_again() -> None:
    async with stage(sample.picture()) as held:
        await held.press("3")
        await held.until(lambda: "Index events" in held.text, "the list is loaded")
        screen = held.app.screen
        assert isinstance(screen, OptimizationsScreen)
        evidence = screen.query_one("#evidence", LineView)
        before = evidence._lines
        await held.tell(m.AdviceStep("reading schema and statistics", 0.25))
        assert "25%" in held.text
        assert evidence._lines is before
        await held.tell(m.LedgerReady((), (), {}))
        assert evidence._lines is not before


async def test_nothing_found_nothing_judged_and_an_early_end_are_three_things() -> None:
    async with stage(sample.picture()) as held:
        await held.press("3")
        await held.tell(m.LedgerReady((), (), {}))
        await held.tell(m.AdviceReady(AdviceRun("0 recommendations", judged=4)))
        assert "found no index worth its cost" in held.text
        await held.tell(m.AdviceReady(AdviceRun("0 recommendations", judged=4, stopped=True)))
        assert "ended before it found" in held.text
        await held.tell(m.AdviceReady(AdviceRun("0 recommendations", unplanned=("SELECT f(): no",))))
        assert "no statement could be judged" in held.text


async def test_a_drop_shows_what_it_frees_and_what_runs() -> None:
    made = sample.recommendation(0)
    drop = replace(
        made, kind="drop_index", spec=None, title="Drop index orders_old of orders",
        evidence=replace(made.evidence, affected=(), facts=("It enforces nothing.",), unknowns=("Standbys.",)),
    )  # fmt: skip
    async with stage(sample.picture(), size=(120, 60)) as held:
        await held.press("3")
        await held.tell(m.LedgerReady((drop,), (), {}))
        text = held.text
        assert "runs exactly as it stands here" in text
        assert "frees" in text
        assert "Why it can go" in text
        assert "x less in the planner's units" not in text
        assert "change their plan" not in text
        await held.press("o")
        assert [request.recommendation_id for request in held.asked(m.SecondOpinion)] == [drop.id]


async def test_a_small_terminal_is_told_all_and_how_to_end_a_run() -> None:
    async with stage(sample.picture(), size=(80, 24)) as held:
        await held.press("3")
        await held.tell(m.LedgerReady((sample.recommendation(0),), (), {}))
        lines = " ".join(held.text.split())
        assert "1 recommendation from history" in lines
        assert "schema and statistics, no rows" in lines
        await held.tell(m.AdviceStep("reading schema and statistics", 0.25))
        assert "Esc ends it" in held.text
        await held.tell(m.AdviceStep("drawing the curve of gain against bytes; at most 12% more can be saved", 0.93))
        assert "Esc ends it" in held.text
        await held.tell(m.AdviceReady(AdviceRun("1 recommendation: 4 statements", judged=4, budget_bytes=5 << 20)))
        assert "4 statements, within 5.0 MB" in held.text


async def test_a_low_terminal_shows_list_and_evidence() -> None:
    async with stage(sample.picture(), size=(80, 15)) as held:
        await held.press("3")
        await held.tell(m.LedgerReady((sample.recommendation(0),), (), {}))
        assert held.app.screen.query_one("#evidence", LineView).size.height >= 4


def test_an_alternative_that_saves_the_same_is_not_said_to_save_less() -> None:
    case = SimpleNamespace(costs=SimpleNamespace(size=lambda spec: 8192))
    one, other = IndexSpec("public", "t", ("a",)), IndexSpec("public", "t", ("a", "b"))
    same = rivals._compare(case, one, other, 0.64204, 0.64196)  # type: ignore[arg-type]
    assert "64.2% of its time, as it does now (8.0 kB against 8.0 kB)" in same
    less = rivals._compare(case, one, other, 0.642, 0.5)  # type: ignore[arg-type]
    assert "50.0% of its time, not 64.2%" in less


@pytest.mark.parametrize(
    ("option", "told"), [("--budget", "is not a size"), ("--workload", "No workload file is named")]
)
def test_an_option_without_its_word_is_a_mistake_and_not_a_wish(option: str, told: str, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "optischema_tui", "advise", f"host={tmp_path} dbname=x", option, "", "--json"]
    ended = subprocess.run(words, capture_output=True, check=False)
    assert ended.returncode == 2
    assert told in json.loads(ended.stdout)["error"]["what"]
