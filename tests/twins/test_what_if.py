"""`what-if`: a statement's plan in the lab, as things are and as they would be."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.cli import run

SQL = "SELECT * FROM t WHERE lower(name) = 'n7' AND id > 5"


@pytest.fixture
def database(fresh_db: str) -> str:
    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE SCHEMA other")
        session.execute("CREATE TABLE other.hidden (id int)")
        session.execute("CREATE TABLE t (id int PRIMARY KEY, name text, kind int)")
        session.execute("INSERT INTO t SELECT i, 'N' || i % 5000, i % 10 FROM generate_series(1, 30000) i")
        session.execute("CREATE INDEX t_kind ON t (kind)")
        session.execute("VACUUM ANALYZE t")
    return fresh_db


def test_what_if(
    database: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    common = ["what-if", database, "--state-dir", str(tmp_path), "--sql"]

    def told(*words: str, code: int = 0) -> Any:
        assert run([*common, *words, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    mail = told(SQL, "--index", "create index on t (lower(name))", "--index", "create index on t using hash (kind)")
    assert mail["cost_after"] < mail["cost_before"] / 5
    assert [(index["used"], index["guess"]) for index in mail["indexes"]] == [(True, ""), (False, "")]
    assert mail["after"]["children"] or mail["after"]["index_name"]
    by_kind = "SELECT count(*) FROM t WHERE kind = 3"
    monkeypatch.setattr(sys, "stdin", io.StringIO(by_kind))
    slower = told("-", "--drop", "t_kind", "--set", "enable_seqscan=on")
    assert slower["cost_after"] > slower["cost_before"]
    assert told(by_kind, "--statistics", "t.name=10", "--set", "random_page_cost=9")["planner"].startswith("lab, ")
    for words, what in (
        (["--drop", "nowhere"], "no index nowhere"),
        (["--index", "create index on hidden (id)"], "no table hidden"),
        (["--index", "create index on t (nothing)"], "cannot model"),
        (["--index", "drop table t"], "not an index"),
        (["--set", "fsync=off"], "no planner setting"),
        (["--statistics", "id=10"], "names no column"),
    ):
        assert what in told(SQL, *words, code=6)["error"]["what"]
    assert run([*common, SQL, "--set", "nothing"]) == 2
    assert run([*common, SQL, "--statistics", "t.name=many"]) == 2
    capsys.readouterr()
    assert run([*common, SQL, "--index", "create index on other.hidden (id)"]) == 0
    text = capsys.readouterr().out
    assert "before: cost" in text
    assert 'not used): "other"."hidden" USING btree ("id")' in text
