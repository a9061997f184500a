"""`findings` on a real server with faults put in, and after a finding was put aside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.cli import run
from optischema_tui.core.models import FindingKind

FAULTS = """
CREATE TABLE parents (id int PRIMARY KEY, name text);
CREATE TABLE children (id int PRIMARY KEY, parent_id int REFERENCES parents, a int, b int);
INSERT INTO parents SELECT i, 'n' FROM generate_series(1, 1000) i;
INSERT INTO children SELECT i, 1 + i % 1000, i, i FROM generate_series(1, 50000) i;
CREATE INDEX children_a ON children (a);
CREATE INDEX children_a_b ON children (a, b);
ANALYZE;
"""


@pytest.fixture
def called(quiet_db: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], state_dir: Path) -> Any:
    with psycopg.connect(quiet_db, autocommit=True) as session:
        session.execute(FAULTS.encode())

    def call(*words: str, code: int = 0) -> Any:
        assert run(["--state-dir", str(tmp_path), "findings", quiet_db, *words]) == code
        return capsys.readouterr().out

    return call


def test_faults_are_named_with_their_sql_and_one_is_put_aside(called: Any) -> None:
    told = json.loads(called("--json"))
    by_rule = {each["rule"]: each for each in told["findings"]}
    assert "children_a" in by_rule["index.redundant"]["object"]
    assert by_rule["index.redundant"]["forward_sql"].startswith("DROP INDEX CONCURRENTLY")
    assert [each["kind"] for each in told["problems"]] == ["workload"], "there is no history of its load"
    assert 0 < told["score"] == sum(part["points"] for part in told["parts"]) < 100
    only = json.loads(called("--kind", "maintenance", "--json"))
    assert [part["kind"] for part in only["parts"]] == ["maintenance"]
    text = called("--kind", FindingKind.INDEXES.value)
    assert text.startswith("health ")
    assert by_rule["index.redundant"]["id"] in text

    redundant = by_rule["index.redundant"]["id"]
    assert "go together" in called("--dismiss", redundant, "--json", code=2)
    assert "no finding" in called("--dismiss", "0" * 12, "--reason", "x", "--json", code=2)
    assert "put aside" in called("--dismiss", redundant, "--reason", "both are wanted")
    without = json.loads(called("--json"))
    assert redundant not in [each["id"] for each in without["findings"]]
    assert without["hidden"] == 1
    everything = json.loads(called("--all", "--json"))
    aside = next(each for each in everything["findings"] if each["id"] == redundant)
    assert aside["dismissed"] == "both are wanted"
