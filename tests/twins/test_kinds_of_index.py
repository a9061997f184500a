"""Indexes of every kind through the headless loop, from statements with `$n`; and what bounds a run of the advisor."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.cli import run
from optischema_tui.core.config import Config
from optischema_tui.core.jobs.advise import AdviceEnded, run_advise
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.resolver import resolve

SCHEMA = """
CREATE TABLE people (id bigint PRIMARY KEY, email text, code text COLLATE "C.utf8", note text);
CREATE TABLE jobs (id bigint PRIMARY KEY, run_at timestamptz NOT NULL, finished_at timestamptz, note text);
CREATE TABLE bills (id bigint PRIMARY KEY, account int NOT NULL, amount numeric NOT NULL, note text);
INSERT INTO people SELECT n, 'User' || n || '@Example.org', md5(n::text), repeat('x', 60)
  FROM generate_series(1, 30000) n;
INSERT INTO jobs SELECT n, now() - n * interval '1 min', CASE WHEN n % 200 <> 0 THEN now() END, repeat('x', 60)
  FROM generate_series(1, 40000) n;
INSERT INTO bills SELECT n, n % 150, n % 97, repeat('x', 120) FROM generate_series(1, 60000) n;
CREATE INDEX people_note ON people (note, email);
"""
STATEMENTS = (
    ("SELECT id FROM people WHERE lower(email) = %s", lambda n: f"user{n}@example.org"),
    ("SELECT id, note FROM people WHERE code LIKE %s", lambda n: f"{n:04x}%"),
    ("SELECT id, note FROM jobs WHERE finished_at IS NULL ORDER BY run_at LIMIT %s", lambda n: 20),
    ("SELECT sum(amount) FROM bills WHERE account = %s", lambda n: n),
)
"""(text, its value in the nth call)"""

KINDS = {
    '"people" USING btree ((lower(email)))',
    '"people" USING btree ("code" text_pattern_ops)',
    '"jobs" USING btree ("run_at") WHERE finished_at IS NULL',
    '"bills" USING btree ("account") INCLUDE ("amount")',
}

Call = Callable[..., Any]


@pytest.fixture
def shop(fresh_db: str) -> str:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("SET synchronous_commit = on")  # else VACUUM may come too soon to mark pages as all-visible
        session.execute(SCHEMA)
        session.execute("VACUUM ANALYZE")
        session.execute("SELECT pg_stat_statements_reset()")
    traffic(fresh_db)
    return fresh_db


def traffic(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as session:
        for number in range(12):
            for sql, value in STATEMENTS:
                session.execute(sql, (value(number),)).fetchall()


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """One headless command with --json: its decoded answer."""

    def told(*words: str, code: int = 0) -> Any:
        assert run([*words, "--json"]) == code, capsys.readouterr()
        return json.loads(capsys.readouterr().out)

    return told


def definitions(dsn: str) -> dict[str, str]:
    with psycopg.connect(dsn) as session:
        found = session.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY indexname"
        )
        return dict(found.fetchall())


def kind_of(one: dict[str, Any]) -> str:
    """Table, method, keys and all that follows, of an index to be created."""
    return str(one["forward_sql"].partition(' ON "public".')[2])


def test_every_kind_travels_there_and_back(shop: str, call: Call) -> None:
    before = definitions(shop)
    advice = call("advise", shop)
    created = [one for one in advice["recommendations"] if one["kind"] == "create_index"]
    assert {kind_of(one) for one in created} == KINDS
    assert advice["gain"] > 0.8
    assert all(statement["values"] or "LIMIT" in statement["query"]
               for one in created for statement in one["evidence"]["statements"])  # fmt: skip

    for one in created:
        assert call("approve", one["id"])["state"] == "approved"
        applied = call("apply", one["id"], "--yes", "--allow-changes")
        assert applied["state"] == "verifying"
        plans = applied["detail"]["plans"]
        assert [plan["error"] for plan in plans] == [""] * len(plans)
        assert all(plan["uses"] for plan in plans if plan["due"])
        # A pattern that is not known as the plan is made has no beginning to look up.
        assert any(plan["due"] for plan in plans) is ("pattern_ops" not in one["forward_sql"])
    assert definitions(shop).keys() - before.keys() == {one["index_name"] for one in created}
    with psycopg.connect(shop, autocommit=True) as session:
        session.execute("ANALYZE")
        for sql, value in STATEMENTS:
            plan = session.execute(f"EXPLAIN {sql}", (value(7),)).fetchall()
            assert any(one["index_name"] in line for one in created for (line,) in plan)
    traffic(shop)
    again = call("advise", shop)
    assert [one["title"] for one in again["recommendations"] if one["kind"] == "create_index"] == []

    for one in created:
        assert call("rollback", one["id"], "--yes", "--allow-changes")["state"] == "rolled_back"
    assert definitions(shop) == before
    assert call("audit", "verify")["ok"]


def test_advice_to_drop_travels_there_and_back(shop: str, call: Call) -> None:
    before = definitions(shop)
    (drop,) = [one for one in call("advise", shop)["recommendations"] if one["kind"] == "drop_index"]
    assert drop["forward_sql"] == 'DROP INDEX CONCURRENTLY "public"."people_note"'
    assert drop["evidence"]["facts"]
    approved = call("approve", drop["id"])
    assert approved["detail"]["cautions"] == drop["evidence"]["unknowns"]
    call("apply", drop["id"], "--yes", "--allow-changes")
    assert "people_note" not in definitions(shop)
    assert call("rollback", drop["id"], "--yes", "--allow-changes")["state"] == "rolled_back"
    assert definitions(shop) == before


def test_the_same_file_gives_the_same_answer_and_a_budget_is_kept_to_the_byte(
    shop: str, call: Call, tmp_path: Path
) -> None:
    file = tmp_path / "work.sql"
    file.write_text("".join(
        f"-- calls: {100 + 10 * number} mean_ms: 8\n{sql.replace('%s', '$1')};\n"
        for number, (sql, _) in enumerate(STATEMENTS)
    ))  # fmt: skip

    def advise(*words: str) -> Any:
        answer = call("advise", shop, "--workload", str(file), *words)
        del answer["seconds"]
        return answer

    def sizes(answer: Any) -> list[int]:
        return [one["evidence"]["size_bytes"] for one in answer["recommendations"] if one["kind"] == "create_index"]

    free = advise()
    assert free == advise()
    whole = sum(sizes(free))
    assert len(sizes(free)) == len(KINDS)

    enough, short = advise("--budget", str(whole)), advise("--budget", str(whole - 1))
    assert (enough["budget_bytes"], sizes(enough)) == (whole, sizes(free))
    assert 0 < sum(sizes(short)) < whole
    assert 0 < short["gain"] < free["gain"]
    assert short["gain"] - 1e-9 <= short["bound"] <= free["bound"] + 1e-9
    assert any("exceeds the budget" in line for line in short["rejected"])
    assert sizes(advise("--budget", "0")) == []


def test_time_and_stop_end_the_search_with_what_it_has(shop: str, call: Call, state_dir: Path) -> None:
    late = call("advise", shop, "--seconds", "0.001")
    assert late["stopped"]

    seen: list[str] = []
    report = run_advise(
        resolve(shop, Config()),
        Paths(state_dir / "config.toml", state_dir),
        progress=lambda what, fraction: seen.append(what),
        stop=lambda: any(what.startswith("taking plans apart") for what in seen),
    )
    assert report.advice.stopped
    assert "stopped early" in report.summary
    made = {rec.forward_sql.partition(' ON "public".')[2] for rec in report.recommendations if rec.spec is not None}
    assert made
    assert made <= KINDS | {'"bills" USING btree ("account")'}
    assert report.advice.gain > 0.5

    with pytest.raises(AdviceEnded):
        run_advise(resolve(shop, Config()), Paths(state_dir / "config.toml", state_dir), stop=lambda: True)
