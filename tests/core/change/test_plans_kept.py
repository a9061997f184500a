"""Plans kept before and after, of a real server: with baselines, and as evidence of a change."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from optischema_tui.core.audit.story import story
from optischema_tui.core.baseline.compare import compare
from optischema_tui.core.baseline.plans import SAME, plan_words, tree
from optischema_tui.core.change import verify
from optischema_tui.core.change.ids import short
from optischema_tui.core.change.protocol import apply_change
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.collect.texts import TEXT_CHARACTERS
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs import baselines, kept_plans
from optischema_tui.core.jobs.kept_plans import MOST, take_plans
from optischema_tui.core.models import Baseline, ChangeState, KeptPlan, StatementKey, WindowStats
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.explain_each import explain_each
from optischema_tui.core.target.session import reading
from optischema_tui.widgets.glyphs import ASCII
from optischema_tui.widgets.story_lines import story_lines
from tests.core import conftest as fed
from tests.core.change.conftest import STATEMENT, spec_for
from tests.core.conftest import Feed

Bench = Any


def window(bench: Bench, *texts: str) -> tuple[WindowStats, ...]:
    """Statements of the bench's database with the queryids 1, 2, ... as they stand, the heaviest first."""
    return tuple(
        WindowStats(StatementKey(10, bench.identity.database_oid, at), text, 100, 1000.0 / at, 100, 100, 0)
        for at, text in enumerate(texts, 1)
    )


def baseline(name: str, statements: tuple[WindowStats, ...], plans: tuple[KeptPlan, ...]) -> Baseline:
    return Baseline(name, "here", 0.0, 0.0, 60.0, statements, plans)


def test_a_plan_that_changed_is_told_by_its_nodes(bench: Bench) -> None:
    statements = window(
        bench, STATEMENT, "SELECT count(*) FROM items", "SELECT * FROM nowhere WHERE id = $1", "VACUUM items"
    )
    before, why = take_plans(bench.spec, statements)
    assert (why, [bool(plan.document) for plan in before]) == ("", [True, True, False, False])
    assert [plan.error for plan in before][2:] == [
        'The server cannot plan the statement. relation "nowhere" does not exist.',
        "VACUUM has no plan. Only SELECT, INSERT, UPDATE, DELETE, MERGE and VALUES are planned.",
    ]
    bench.sql("CREATE INDEX by_order ON items (order_id)")
    after, _ = take_plans(bench.spec, statements)
    rows = {row.key.queryid: row for row in compare(*_sides(statements, before, after)).rows}
    assert "became Bitmap" in rows[1].plan or "became Index Scan using by_order on items" in rows[1].plan, rows[1].plan
    assert rows[1].plan.startswith("another plan: ")
    assert "by_order" in rows[1].plan
    assert (rows[2].plan, rows[3].plan) == (SAME, "")
    assert rows[1].plans == (before[0], after[0])


def _sides(statements: Any, before: Any, after: Any) -> tuple[Baseline, Baseline]:
    return baseline("a", statements, before), baseline("b", statements, after)


def test_wanted_plans_come_first_and_no_more_than_some_are_asked_for(bench: Bench) -> None:
    statements = window(bench, *(f"SELECT {number}" for number in range(MOST + 5)))
    found, _ = take_plans(bench.spec, statements, first=(MOST + 3, 99_999))
    assert [plan.queryid for plan in found] == [MOST + 3, *range(1, MOST)]


def test_a_server_that_is_slow_to_plan_is_not_held_up(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.sql("CREATE FUNCTION slow() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1 FROM pg_sleep(60)'")
    monkeypatch.setattr(kept_plans, "SECONDS", 0.3)
    found, _ = take_plans(bench.spec, window(bench, "SELECT 1", "SELECT slow()", "SELECT 3"))
    assert [bool(plan.document) for plan in found] == [True, False, False]
    assert "statement timeout" in found[1].error
    assert "took too long" in found[2].error


def test_an_apply_waits_for_no_plan(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.sql("CREATE FUNCTION slow() RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1 FROM pg_sleep(60)'")
    monkeypatch.setattr(verify, "_SECONDS", 0.3)
    change = bench.approved()
    statements = [{**change.detail["statements"][0], "text": "SELECT slow()"}, *change.detail["statements"]]
    bench.journal.save(replace(change, detail={**change.detail, "statements": statements}), "change.noted", {})
    done = apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
    assert done.state is ChangeState.VERIFYING
    assert next(pair.before.error for pair in story(bench.journal, change.id).plans if pair.before is not None)


def test_what_is_not_of_this_database_or_not_whole_is_not_planned(bench: Bench) -> None:
    own, cut, other = window(bench, "SELECT 1", "SELECT 2" + " " * TEXT_CHARACTERS, "SELECT 3")
    other = replace(other, key=replace(other.key, dbid=1))
    assert [plan.queryid for plan in take_plans(bench.spec, (own, cut, other))[0]] == [1]
    assert take_plans(bench.spec, (cut, other)) == ((), "No statement of this database is known with its whole text")


def test_after_a_lost_connection_what_was_planned_stays(bench: Bench) -> None:
    with reading(bench.spec) as session:
        end = "SELECT pg_terminate_backend(pg_backend_pid())"
        bench.sql(f"CREATE FUNCTION leave() RETURNS bool IMMUTABLE LANGUAGE sql AS '{end}'")
        found = explain_each(session, ["SELECT 1", "SELECT leave()", "SELECT 3"], 5.0)
    assert [document is not None for document, _ in found] == [True, False, False]
    assert found[1][1] == found[2][1] != ""


def test_without_a_server_a_baseline_says_why_it_has_no_plans(bench: Bench) -> None:
    away = spec_for("host=/nowhere dbname=x user=y")
    found, why = take_plans(away, window(bench, "SELECT 1"))
    assert found == ()
    assert why
    assert take_plans(None, window(bench, "SELECT 1"))[1]
    assert take_plans(bench.spec, window(bench, ""))[0] == ()


def test_what_is_no_plan_is_no_tree() -> None:
    for document in (
        "",
        "{",
        "[]",
        "{}",
        "3",
        '{"Node Type": "Seq Scan", "Plans": 4}',
        '{"Node Type": 1, "Plans": [1]}',
    ):
        assert tree(KeptPlan(1, 0.0, document)) is None, document
    assert plan_words(KeptPlan(1, 0.0, "{"), None) == ""


def test_nodes_in_another_order_are_another_plan() -> None:
    def kept(*kinds: str) -> KeptPlan:
        plan: dict[str, Any] = {"Node Type": kinds[-1]}
        for kind in reversed(kinds[:-1]):
            plan = {"Node Type": kind, "Plans": [plan]}
        return KeptPlan(1, 0.0, json.dumps(plan))

    assert plan_words(kept("Sort", "Limit", "Result"), kept("Limit", "Sort", "Result")).endswith("in another order")
    many = plan_words(kept("Result"), kept("Limit", "Sort", "Unique", "Group", "Result"))
    assert many == "another plan: nothing became Limit, Sort, Unique and 1 more"


def test_the_baseline_before_a_change_and_now_have_plans(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, paths = FixedClock(), Paths(tmp_path / "config.toml", tmp_path)
    oid = bench.identity.database_oid
    monkeypatch.setattr(fed, "key", lambda queryid: StatementKey(10, oid, queryid))
    history = History.open(paths.history_db, clock)
    feed = Feed(history, clock)
    feed.tick({1: [1.0], 2: [1.0]}, first=True)
    for _ in range(10):
        feed.tick({1: [5.0] * 9, 2: [1.0] * 9})
    history.close()
    change = bench.approved()
    change = replace(change, target=feed.snapshot().target)
    change.detail["statements"][0]["queryid"] = 2
    made = baselines.before_change(paths, change, bench.spec, clock=clock)
    assert made is not None
    assert [plan.queryid for plan in made.plans] == [2, 1], "those of the change before heavier ones"
    found = baselines.show_baseline(paths, made.target, f"before {short(change.id)}")
    assert found == made, "kept as it was taken"
    with_plans = baselines.compare_baselines(paths, made.target, found.name, None, 60, spec=bench.spec, clock=clock)
    assert [row.plan for row in with_plans.rows] == [SAME, SAME]
    without = baselines.compare_baselines(paths, made.target, found.name, None, 60, clock=clock)
    assert [row.plans[1].error for row in without.rows if row.plans[1] is not None] == ["They were not asked for"] * 2
    away = spec_for("host=/nowhere dbname=x user=y")
    assert baselines.create_baseline(paths, made.target, "far", spec=away, clock=clock).no_plans


def test_the_story_of_a_change_has_the_plans_before_it_and_after(bench: Bench) -> None:
    change = apply_change(bench.journal, bench.spec, bench.approved().id, limits=bench.quick)
    told = story(bench.journal, change.id)
    (pair,) = told.plans
    assert pair.text == STATEMENT
    old, new = tree(pair.before), tree(pair.after)
    assert old is not None
    assert new is not None
    assert (bench.name in old.indexes(), bench.name in new.indexes()) == (False, True)
    assert "plan" not in change.detail["plans"][0], "the trees are beside the chain, not in it"
    lines = "\n".join("".join(text for text, _ in line) for line in _shown(told))
    assert "Seq Scan" in lines
    assert bench.name in lines.split("Plans")[-1]


def _shown(told: Any) -> Any:
    return story_lines(told, 100, ASCII)
