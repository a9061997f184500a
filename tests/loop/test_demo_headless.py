"""The demo as a script uses it: its connection on one line, the lab true to it, and nothing left behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict


def start() -> tuple[subprocess.Popen[str], str]:
    program = subprocess.Popen(
        [sys.executable, "-m", "optischema_tui", "demo", "--no-ui"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert program.stdout is not None
    line = program.stdout.readline()
    if not line:
        pytest.fail(program.communicate()[1])
    return program, json.loads(line)["dsn"]


def call(*words: str, code: int = 0) -> Any:
    told = subprocess.run(
        [sys.executable, "-m", "optischema_tui", *words, "--json"], capture_output=True, text=True, check=False
    )
    assert told.returncode == code, told.stdout + told.stderr
    return json.loads(told.stdout)


def test_the_lab_is_true_to_the_demo_and_finds_its_seeded_problems(until: Callable[..., Any]) -> None:
    program, dsn = start()
    place = Path(str(conninfo_to_dict(dsn)["host"]))
    try:
        with psycopg.connect(dsn, autocommit=True) as session:
            until(
                lambda: session.execute(
                    "SELECT count(*) >= 20 AND max(calls) > 200 FROM pg_stat_statements WHERE query LIKE 'SELECT%'"
                ).fetchone()[0],  # type: ignore[index]
                60,
                "traffic",
            )
        report = call("lab", dsn, "--check")
        assert report["compared"] >= 15
        assert [one["query"] for one in report["statements"] if one["error"]] == []
        assert [one["query"] for one in report["statements"] if not one["same_shape"]] == []
        assert report["max_cost_error"] <= 0.001
        advice = call("advise", dsn)
        made = [one["forward_sql"].partition(" ON ")[2] for one in advice["recommendations"]]
        for wanted in (
            '"public"."order_items" USING btree ("order_id")',
            '"public"."orders" USING btree ("customer_id", "status"',
            '"public"."customers" USING btree ((lower(email)))',
            '"public"."shipments" USING btree ("promised_at") WHERE delivered_at IS NULL',
        ):
            assert any(each.startswith(wanted) for each in made), made
        dropped = {one["index_name"]: one for one in advice["recommendations"] if one["kind"] == "drop_index"}
        assert "payments_order_id_status_idx serves" in dropped["payments_order_id_idx"]["evidence"]["confidence"]
        assert dropped["customers_phone_idx"]["evidence"]["unknowns"]
        assert len(advice["rejected"]) < 60
    finally:
        program.send_signal(signal.SIGTERM)
        assert program.wait(20) == 0
    until(lambda: not place.exists(), 10, "the demo's directory to be gone")


@pytest.mark.parametrize(
    "number", [signal.SIGHUP, *(pytest.param(n, marks=pytest.mark.deep) for n in (signal.SIGINT, signal.SIGKILL))]
)
def test_a_signal_ends_server_and_directory(number: signal.Signals, until: Callable[..., Any]) -> None:
    program, dsn = start()
    place = Path(str(conninfo_to_dict(dsn)["host"]))
    server = int((place / "data" / "postmaster.pid").read_text().splitlines()[0])
    program.send_signal(number)
    assert program.wait(20) == (0 if number is not signal.SIGKILL else -signal.SIGKILL)
    until(lambda: not place.exists(), 10, "the demo's directory to be gone")
    until(lambda: not Path(f"/proc/{server}").exists(), 10, "the demo's server to be gone")
