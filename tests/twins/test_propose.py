"""Changes by headless commands: written by hand, approved by their id, several in order, ended before their time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from optischema_tui.cli import run

SCHEMA = """
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint NOT NULL, total numeric NOT NULL);
INSERT INTO orders SELECT i, 1 + i % 500, i % 97 FROM generate_series(1, 20000) i;
"""
APPLY = ("--yes", "--allow-changes")
WAITING = "SELECT pid FROM pg_stat_progress_create_index WHERE datname = current_database() AND phase LIKE 'waiting%'"


@pytest.fixture
def shop(fresh_db: str) -> str:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute(SCHEMA)
    return fresh_db


Call = Callable[..., Any]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Runs one command and gives what it prints as JSON; `code` is the exit code that it must end with."""

    def ask(*words: str, code: int = 0) -> Any:
        ended = run([*words, "--json"])
        told = capsys.readouterr()
        assert ended == code, f"{words}: exit {ended}\n{told.out}\n{told.err}"
        return json.loads(told.out)

    return ask


def indexes(dsn: str) -> dict[str, bool]:
    with psycopg.connect(dsn) as session:
        return dict(
            session.execute(
                "SELECT c.relname, i.indisvalid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
                " WHERE i.indrelid = 'orders'::regclass AND NOT i.indisprimary"
            ).fetchall()
        )


def proposed(call: Call, dsn: str, *statements: str) -> list[str]:
    return [call("propose", dsn, sql)["id"] for sql in statements]


def approved(call: Call, dsn: str, *statements: str) -> list[str]:
    ids = proposed(call, dsn, *statements)
    for each in ids:
        call("approve", each)
    return ids


def test_a_written_change_from_proposal_to_undo(shop: str, call: Call) -> None:
    told = call("propose", shop, "create index by_customer on orders (customer_id)")
    assert (told["state"], told["kind"], len(told["steps"])) == ("proposed", "create_index", 1)
    assert told["undo"] == ['DROP INDEX CONCURRENTLY "public"."by_customer"']
    call("apply", told["id"], *APPLY, code=5)
    assert indexes(shop) == {}, "what is not approved does not run"
    assert call("approve", told["id"], "--auto-undo")["detail"]["auto_undo"] is True
    assert call("approve", told["id"])["detail"]["auto_undo"] is False, "the last approval says how"
    assert call("apply", told["id"], *APPLY)["state"] in ("verifying", "kept")
    assert indexes(shop) == {"by_customer": True}
    assert call("rollback", told["id"], *APPLY)["state"] == "rolled_back"
    assert indexes(shop) == {}
    assert call("audit", "verify")["ok"]


@pytest.mark.parametrize(
    "sql", ["", "DROP TABLE orders", "CREATE INDEX ON nowhere (id)", "ANALYZE orders; DROP TABLE orders", "ANALYZE 'x"]
)
def test_what_is_not_carried_out_is_refused_with_the_reason(shop: str, call: Call, sql: str) -> None:
    error = call("propose", shop, sql, code=5)["error"]
    assert error["what"]
    assert call("changes")["changes"] == []


def test_what_nothing_undoes_runs_only_after_its_subject_was_typed(shop: str, call: Call) -> None:
    told = call("propose", shop, "ANALYZE orders")
    assert (told["undo"], told["cautions"] != []) == ([], True)
    call("approve", told["id"], "--auto-undo", code=5)
    call("approve", told["id"])
    looked = call("apply", told["id"], "--allow-changes")
    assert (looked["type"], looked["blocked"]) == ("public.orders", False)
    for typed in ((), ("--type", "apply"), ("--type", "")):
        error = call("apply", told["id"], *APPLY, *typed, code=5)["error"]
        assert "way back" in error["why"]
    with psycopg.connect(shop) as session:
        last = "SELECT last_analyze IS NULL FROM pg_stat_user_tables WHERE relname = 'orders'"
        assert session.execute(last).fetchone() == (True,)
    done = call("apply", told["id"], *APPLY, "--type", told["subject"])
    assert done["state"] in ("verifying", "kept")


def test_a_batch_stops_at_the_first_surprise(shop: str, call: Call) -> None:
    first, second, third = approved(
        call,
        shop,
        "CREATE INDEX one ON orders (customer_id)",
        "CREATE INDEX two ON orders (customer_id)",
        "CREATE INDEX three ON orders (total)",
    )
    looked = call("apply", first, second, third, "--allow-changes")
    assert [one["id"] for one in looked["changes"]] == [first, second, third]
    assert indexes(shop) == {}
    told = call("apply", first, second, third, *APPLY, code=5)
    assert [one["id"] for one in told["changes"]] == [first, second]
    assert told["stopped_by"]["id"] == second
    assert told["not_begun"] == [third]
    assert indexes(shop) == {"one": True}, "the second would do the same as the first"
    state = {one["id"]: one["state"] for one in call("changes")["changes"]}
    assert (state[second], state[third]) == ("approved", "approved")
    told = call("apply", third, third, *APPLY)
    assert told["id"] == third, "one that is named twice is one"


def test_a_batch_is_begun_only_when_all_of_it_is_approved(shop: str, call: Call) -> None:
    ready, *_ = approved(call, shop, "CREATE INDEX one ON orders (customer_id)")
    waits, *_ = proposed(call, shop, "CREATE INDEX two ON orders (total)")
    for words in ((), APPLY):
        error = call("apply", ready, waits, *words, code=5)["error"]
        assert "proposed" in error["why"]
    assert indexes(shop) == {}


def test_a_batch_asks_for_the_subject_of_each_that_nothing_undoes(shop: str, call: Call) -> None:
    index, analyze = approved(call, shop, "CREATE INDEX one ON orders (customer_id)", "ANALYZE orders")
    told = call("apply", index, analyze, *APPLY, code=5)
    assert told["stopped_by"]["id"] == analyze
    call("apply", analyze, *APPLY, "--type", "public.orders")


# --- cancel ---


@contextmanager
def waiting_build(dsn: str, change_id: str, until: Callable[..., Any]) -> Iterator[subprocess.Popen[str]]:
    """`apply` at work behind an old snapshot."""
    words = [sys.executable, "-m", "optischema_tui", "apply", change_id, *APPLY, "--json"]
    with psycopg.connect(dsn) as old, psycopg.connect(dsn, autocommit=True) as eyes:
        old.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        old.execute("SELECT 1 FROM pg_class LIMIT 1")
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
            try:
                until(lambda: eyes.execute(WAITING).fetchone(), 30, "the build waits")
                yield program
            finally:
                program.kill()


def test_a_build_of_another_program_is_cancelled(shop: str, call: Call, until: Callable[..., Any]) -> None:
    (change_id,) = approved(call, shop, "CREATE INDEX one ON orders (customer_id)")
    with waiting_build(shop, change_id, until) as program:
        call("cancel", change_id, code=5)
        told = call("cancel", change_id, "--allow-changes")
        assert told["state"] == "failed_clean"
        assert indexes(shop) == {}
        out, _ = program.communicate(timeout=30)
        assert program.returncode == 5
        assert "cancelled" in json.loads(out)["error"]["why"]
    call("cancel", change_id, "--allow-changes", code=5)
    assert "request.cancelled" in {one["event"] for one in call("audit", "list")["entries"]}


def test_a_build_of_a_killed_program_is_cancelled(shop: str, call: Call, until: Callable[..., Any]) -> None:
    (change_id,) = approved(call, shop, "CREATE INDEX one ON orders (customer_id)")
    with waiting_build(shop, change_id, until) as program:
        program.kill()
        program.wait()
        assert call("cancel", change_id, "--allow-changes")["state"] == "failed_clean"
        assert indexes(shop) == {}


def test_what_waits_can_be_withdrawn_and_nothing_else(
    shop: str, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = proposed(call, shop, "CREATE INDEX ON orders (total)", "ANALYZE orders")
    call("approve", first)
    assert run(["withdraw", first]) == 2, "it wants a reason"
    gone = call("withdraw", first, "--reason", "the column goes")
    assert (gone["id"], gone["state"], gone["detail"]["withdrawn_because"]) == (first, "withdrawn", "the column goes")
    for words in (("apply", first, *APPLY), ("approve", first), ("withdraw", first, "--reason", "again")):
        capsys.readouterr()
        assert run([*words]) == 5
        assert "withdrawn" in capsys.readouterr().err
    assert {one["id"]: one["state"] for one in call("changes")["changes"]} == {first: "withdrawn", second: "proposed"}
    told = call("audit", "list", "--change", first)
    assert told["state"] == "withdrawn"
    assert [one["body"]["reason"] for one in told["entries"] if one["event"] == "change.withdrawn"] == [
        "the column goes"
    ]
    assert indexes(shop) == {}
    assert call("audit", "verify")["ok"]
