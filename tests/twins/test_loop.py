"""The whole loop by headless commands on a real server: observe, advise, approve, apply, measure, undo, audit."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import psycopg
import pytest

ORDERS = """
CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL) WITH (autovacuum_enabled = off);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, total numeric NOT NULL)
  WITH (autovacuum_enabled = off);
INSERT INTO customers SELECT i, 'customer ' || i FROM generate_series(1, 5000) i;
INSERT INTO orders SELECT i, 1 + i % 5000, i % 97 FROM generate_series(1, 200000) i;
"""
SLOW = "SELECT id, total FROM orders WHERE customer_id = %s"


def call(*words: str, code: int = 0) -> Any:
    """One headless command with --json: its decoded answer. Fails with its messages on another exit code."""
    told = subprocess.run(
        [sys.executable, "-m", "optischema_tui", *words, "--json"], capture_output=True, text=True, check=False
    )
    assert told.returncode == code, f"{words}: exit {told.returncode}\n{told.stdout}\n{told.stderr}"
    assert "Traceback" not in told.stderr
    return json.loads(told.stdout)


@pytest.fixture
def shop(fresh_db: str) -> str:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(ORDERS)
        # Here and never again: after each one other indexes may be a little better.
        session.execute("VACUUM ANALYZE")
        session.execute("SELECT pg_stat_statements_reset()")
    traffic(fresh_db)
    return fresh_db


def traffic(dsn: str, calls: int = 40) -> None:
    with psycopg.connect(dsn, autocommit=True) as session:
        for number in range(calls):
            session.execute(SLOW, (number + 1,)).fetchall()


def indexes(dsn: str) -> dict[str, bool]:
    """Name -> valid, of the indexes on orders."""
    with psycopg.connect(dsn) as session:
        found = session.execute(
            "SELECT indexrelid::regclass::text, indisvalid FROM pg_index WHERE indrelid = 'orders'::regclass"
        )
        return dict(found.fetchall())


def test_the_loop(shop: str) -> None:
    before = indexes(shop)
    top = call("top", shop)
    slow = next(one for one in top["statements"] if "customer_id" in one["query"] and one["calls"] == 40)
    assert slow["mean_exec_time_ms"] > 1

    advice = call("advise", shop)
    assert advice["workload"]["cost_after"] < advice["workload"]["cost_before"] / 5
    assert advice["planner_calls"] > 0
    rec = next(one for one in advice["recommendations"] if "customer_id" in one["forward_sql"])
    assert rec["kind"] == "create_index"
    assert "CONCURRENTLY" in rec["forward_sql"]
    assert rec["evidence"]["gain"] > 5
    assert indexes(shop) == before

    proposed = call("changes")["changes"]
    assert [one["state"] for one in proposed if one["id"] == rec["id"]] == ["proposed"]
    approved = call("approve", rec["id"])
    assert (approved["state"], approved["sql"]) == ("approved", rec["forward_sql"])

    call("apply", approved["id"], "--yes", code=5)
    assert indexes(shop) == before, "a read-only target was changed"
    shown = call("apply", approved["id"], "--allow-changes")
    assert not shown["blocked"]
    assert indexes(shop) == before

    applied = call("apply", approved["id"], "--yes", "--allow-changes")
    assert applied["state"] == "verifying"
    assert indexes(shop) == before | {rec["index_name"]: True}
    again = call("advise", shop)
    assert rec["id"] not in {one["id"] for one in again["recommendations"]}

    with psycopg.connect(shop, autocommit=True) as session:
        session.execute("SELECT pg_stat_statements_reset()")
    traffic(shop)
    after = next(one for one in call("top", shop)["statements"] if one["queryid"] == slow["queryid"])
    assert slow["mean_exec_time_ms"] / after["mean_exec_time_ms"] >= 5

    assert call("audit", "verify")["ok"]
    undone = call("rollback", approved["id"], "--yes", "--allow-changes")
    assert undone["state"] == "rolled_back"
    assert indexes(shop) == before
    events = [one["event"] for one in call("audit", "list")["entries"]]
    assert "change.approved" in events
    assert "change.rolled_back" in events
    assert call("audit", "verify")["ok"]


def test_dismissed_advice_stays_aside(shop: str) -> None:
    rec = call("advise", shop)["recommendations"][0]
    call("dismiss", rec["id"], "--reason", "the table is dropped next week")
    again = call("advise", shop)
    assert rec["id"] in again["dismissed"]
    assert rec["id"] not in {one["id"] for one in again["recommendations"]}
    assert rec["id"] not in {one["id"] for one in call("changes")["changes"]}
    assert (rec["id"], "dismissed") in {(one["id"], one["state"]) for one in call("changes", "--all")["changes"]}


def test_a_workload_file_in_place_of_pg_stat_statements(shop: str, tmp_path: Any) -> None:
    file = tmp_path / "workload.sql"
    file.write_text(
        "-- calls: 900 mean_ms: 12.5\nSELECT id FROM orders WHERE customer_id = 7 AND total > 3;\n"
        "-- calls: 90 mean_ms: 50\nSELEKT nonsense;\nSELECT count(*) FROM customers WHERE id = $1"
    )
    advice = call("advise", shop, "--workload", str(file))
    assert advice["workload"]["statements"] == 3
    assert any("customer_id" in one["forward_sql"] for one in advice["recommendations"])
    assert ["SELEKT" in one["query"] for one in advice["unplanned"]] == [True]


def test_the_lab_agrees_with_the_server(shop: str) -> None:
    report = call("lab", shop, "--check")
    assert report["compared"] >= 1
    assert report["same_shape"] == report["compared"]
    assert report["max_cost_error"] <= 0.001


def test_what_is_wrong_is_said_in_a_sentence(fresh_db: str, tmp_path: Any) -> None:
    assert "no_such" in call("top", "no_such_profile", code=2)["error"]["what"]
    assert call("top", "host=127.0.0.1 port=1 dbname=x user=y", code=3)["error"]["todo"]
    assert call("apply", "0123456789ab", "--yes", code=2)["error"]["what"]
    assert call("advise", fresh_db, "--workload", str(tmp_path / "none.sql"), code=2)["error"]["what"]
    assert call("advise", fresh_db, "--budget", "lots", code=2)["error"]["todo"]


def test_a_person_keeps_a_change_and_takes_it_back(shop: str) -> None:
    rec = next(one for one in call("advise", shop)["recommendations"] if "customer_id" in one["forward_sql"])
    call("keep", rec["id"], "--reason", "too early", code=2)
    call("approve", rec["id"])
    call("apply", rec["id"], "--yes", "--allow-changes")
    kept = call("keep", rec["id"], "--reason", "seen faster in the application")
    assert kept["state"] == "kept"
    assert "seen faster" in kept["detail"]["verdict"]
    call("keep", rec["id"], "--reason", "again", code=5)
    undone = call("rollback", rec["id"], "--yes", "--allow-changes")
    assert (undone["state"], undone["id"]) == ("rolled_back", kept["id"])
    assert undone["sql"] == rec["inverse_sql"]


def test_baselines_of_what_was_collected(shop: str) -> None:
    call("baseline", "create", "before", code=2)
    words = [sys.executable, "-m", "optischema_tui", "collect", shop, "--interval", "1", "--duration", "4"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as collect:
        assert collect.stdout is not None
        collect.stdout.readline()
        traffic(shop, 30)
        collect.communicate()
    assert collect.returncode == 0
    made = call("baseline", "create", "before")
    assert made["statements"] >= 1
    assert [one["name"] for one in call("baseline", "list")["baselines"]] == ["before"]
    compared = call("baseline", "compare", "before")
    assert (compared["before"], compared["after"]) == ("before", "now")
    assert {one["verdict"] for one in compared["statements"]} <= {"same", "not enough calls"}
    call("baseline", "compare", "never", code=2)


def test_the_plan_of_one_statement(shop: str) -> None:
    plan = call("plan", shop, "--sql", "SELECT total FROM orders WHERE customer_id = $1")
    assert plan["total_cost"] > 100
    assert "Seq Scan" in json.dumps(plan["plan"])
    call("plan", shop, "--sql", "DROP TABLE orders", code=6)
    call("plan", shop, "--sql", "SELEKT", code=6)
