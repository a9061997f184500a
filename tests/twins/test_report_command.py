"""`report` and `export`: files for people without the program, out of history and of a server."""

from __future__ import annotations

import csv
import io
import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.cli import _chosen
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.config import load_config
from optischema_tui.core.errors import UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.models import ActivitySample, Reading, Session, StatementText
from optischema_tui.core.paths import locate
from optischema_tui.core.target.resolver import resolve
from optischema_tui.twins.context import Context

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "core" / "history"))
from history_simulation import BEGIN, IDENTITY, TARGET, Simulation

HOUR = 3600.0
DSN = "host=/nowhere dbname=shop user=dba"
HOSTILE = "SELECT a FROM t WHERE b = $1 /* </td><script>alert(1)</script> \x1b[31m\u202e */"
SECRET = "4111-1111"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "json.md"


def made(state: Path) -> Simulation:
    """Four hours, then two that were not observed, then two; with sessions and two readings of tables at its end."""
    clock = FixedClock(BEGIN)
    history = History.open(locate(str(state), None).history_db, clock)
    history.remember_target(resolve(DSN, load_config(state / "none.toml")).key, IDENTITY, DSN)
    simulation = Simulation(history, clock)
    history.save_tick(simulation.snapshot(), [StatementText(simulation.keys[0], HOSTILE)], None, None)
    simulation.run(4 * HOUR, 60)
    clock.advance(2 * HOUR)
    simulation.tick(60, 1.0, breaks=True)
    simulation.run(2 * HOUR - 60, 60)
    session = Session(
        7, "client backend", "shop", "app", "=cmd", "", "active", "Lock", "tuple", 1,
        f"SELECT * FROM cards WHERE number = '{SECRET}'", 1.0, 2.0, (9,),
    )  # fmt: skip
    history.save_activity(TARGET, [ActivitySample(clock.at - 1, 0.0, clock.at - 1, (session,), 3, 0, 4)])
    columns = ("relid", "schema", "name", "seq_scan", "idx_scan")
    for before, scans in ((HOUR, 0), (0.0, 7200)):
        at = clock.at - before
        history.save_reading(TARGET, Reading("tables", at, at, at, columns, ((1, "public", "=orders", scans, 0),), "e"))
    history.close()
    return simulation


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Simulation]:
    state = tmp_path_factory.mktemp("state")
    return state, made(state)


class Twin:
    """The commands on that history, at its end."""

    def __init__(self, state: Path, simulation: Simulation, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys, self.simulation, self.clock = capsys, simulation, FixedClock(simulation.clock.at)
        paths, config = locate(str(state), str(state / "none.toml")), load_config(state / "none.toml")
        self.context = {as_json: Context(paths, config, as_json, False, self.clock) for as_json in (False, True)}

    def text(self, *words: str) -> str:
        module, arguments = _chosen([words[0], DSN, *words[1:]])
        run = import_module(f"optischema_tui.twins.{module}").run
        assert run(self.context["--json" in words], arguments) == 0
        return self.capsys.readouterr().out

    def answer(self, *words: str) -> Any:
        return json.loads(self.text(*words, "--json"))


@pytest.fixture
def twin(past: tuple[Path, Simulation], capsys: pytest.CaptureFixture[str]) -> Twin:
    return Twin(*past, capsys)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


def test_a_report_holds_what_history_holds(twin: Twin) -> None:
    told = twin.text("report", "--since", "-8h", "--md", "-o", "-")
    truth = twin.simulation.truth(BEGIN, twin.clock.at)
    whole = sum(sum(times) for times in truth.values())
    key = twin.simulation.keys[3]
    [line] = [line.split(" | ") for line in told.splitlines() if line.endswith("`SELECT a4 FROM t` |")]
    assert line[0] == "| 4"
    assert line[2] == f"{sum(truth[key]) / whole:.1%}"
    assert line[3] == f"{len(truth[key]):,}"
    assert "**Observed**: 75." in told
    assert "### Times of which nothing is known" in told
    assert "Lock" in told
    assert "| public | \\=orders | 2 |" in told, "7200 scans in an hour"


def test_a_report_is_one_private_file_without_hostile_marks(twin: Twin, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    found = twin.answer("report", "--since", "-8h", "-o", str(path))
    told = path.read_text()
    assert found["bytes"] == len(told.encode())
    assert found["observed"] == pytest.approx(0.75, abs=0.02)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "<script" not in told
    assert "&lt;script&gt;" in told
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert SECRET not in told
    assert "/nowhere" not in told, "not how the server is reached"
    with pytest.raises(UsageError, match="exists already"):
        twin.text("report", "--since", "-8h", "-o", str(path))
    twin.text("report", "--since", "-8h", "-o", str(path), "--force")
    assert path.read_text() == told, "the same history at the same moment gives the same file"


def test_the_file_has_a_name_of_its_own(twin: Twin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert twin.text("report", "--since", "-8h").startswith("optischema-report-demo-20231115T0000.html: ")
    assert (tmp_path / "optischema-report-demo-20231115T0000.html").exists()


def test_the_view_top_is_what_top_says(twin: Twin) -> None:
    said = json.loads(twin.text("top", "--at", "-5m", "--json"))["statements"]
    told = rows(twin.text("export", "--view", "top", "--at", "-5m"))
    assert len(told) == len(said) > 0
    for one, other in zip(told, said, strict=True):
        assert set(one) == set(other) - {"userid", "dbid", "toplevel"}
        for name in ("queryid", "calls", "total_exec_time_ms", "share", "score"):
            assert one[name] == str(other[name])


def test_sessions_leave_without_literals_and_formulas(twin: Twin) -> None:
    [one] = rows(twin.text("export", "--view", "activity", "--at", "-0s"))
    assert one["application"] == "'=cmd"
    assert one["blocked_by"] == "9"
    assert SECRET not in json.dumps(one)
    assert SECRET not in twin.text("export", "--view", "activity", "--at", "-0s", "--format", "md")


def test_a_family_is_rates_between_readings(twin: Twin) -> None:
    [one] = rows(twin.text("export", "--view", "objects", "--family", "tables", "--at", "-0s"))
    assert float(one["seq_scan"]) == 2.0
    assert one["name"] == "'=orders"
    [table] = json.loads(twin.text("export", "--view", "objects", "--at", "-0s", "--format", "json"))["tables"]
    assert table["rows"][0]["name"] == "=orders", "JSON needs no guard"
    assert "per second over 3600 s" in table["notes"][0]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("export", "--view", "objects", "--at", "-0s"), "--family"),
        (("export", "--view", "top", "--family", "tables"), "not of the view top"),
        (("export", "--view", "changes", "--at", "-1h"), "not for the view changes"),
        (("export", "--view", "changes", "--json"), "-o FILE"),
        (("export", "--view", "server", "--family", "wal", "--at", "-0s"), "Nothing of wal is stored"),
        (("report", "--since", "-1h", "-o", "-", "--json"), "Leave out one"),
        (("report", "--since", "-1h", "--html", "--md"), "either HTML or Markdown"),
        (("report", "--since", "now"), "ends before it begins"),
        (("report", "--since", "-110m", "--until", "-115m"), "ends before it begins"),
        (("report", "--since", "-230m", "--until", "-130m"), "holds nothing"),
    ],
    ids=lambda one: " ".join(one) if isinstance(one, tuple) else None,
)
def test_what_cannot_be_is_said(twin: Twin, words: tuple[str, ...], told: str) -> None:
    with pytest.raises(UsageError) as raised:
        twin.text(*words)
    assert told in raised.value.sentence


@pytest.mark.parametrize("view", ["changes", "baselines", "audit"])
def test_what_is_kept_here_is_exported_too(twin: Twin, view: str) -> None:
    [table] = json.loads(twin.text("export", "--view", view, "--format", "json"))["tables"]
    assert table["name"] == view
    assert twin.text("export", "--view", view).endswith("\r\n")


def test_the_document_names_the_keys_that_are_printed(twin: Twin, tmp_path: Path) -> None:
    def keys(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for key, inner in value.items():
                yield key
                if key != "rows":
                    yield from keys(inner)
        elif isinstance(value, list):
            for one in value:
                yield from keys(one)

    section = DOCUMENT.read_text().partition("### `report`")[2].partition("\n###")[0]
    words = set(re.findall(r"`([^`]+)`", section)) - {"report", "export", "-o -", "--json", "--format json"}
    answers = (
        twin.answer("report", "--since", "-8h", "-o", str(tmp_path / "a")),
        twin.answer("export", "--view", "top", "--at", "-5m", "-o", str(tmp_path / "b")),
        json.loads(twin.text("export", "--view", "top", "--at", "-5m", "--format", "json")),
    )
    assert words == {key for answer in answers for key in keys(answer)}


def test_a_server_is_exported_as_it_is_and_reported_from_history(fresh_db: str, tmp_path: Path) -> None:
    def call(*words: str, check: bool = True) -> str:
        command = [sys.executable, "-m", "optischema_tui", *words]
        told = subprocess.run(command, capture_output=True, text=True, check=False)
        assert told.returncode == 0 or not check, told.stderr
        return told.stdout if told.returncode == 0 else ""

    with psycopg.connect(fresh_db, autocommit=True) as session:
        session.execute("CREATE TABLE orders (id int, note text)")
        session.execute(f"COMMENT ON TABLE orders IS '{SECRET}'")
        for number in range(20):
            session.execute("SELECT count(*) FROM orders WHERE id = %s", (number,), prepare=False)
        for _ in range(10):  # until an interval is stored: a busy machine may have only one look in three seconds
            call("collect", fresh_db, "--interval", "1", "--duration", "3")
            if call("trends", fresh_db, check=False):
                break
        told = call("export", fresh_db, "--view", "top")
        assert any("count(*) FROM orders WHERE id = $1" in one["query"] for one in rows(told))
        assert SECRET not in told
        tables = rows(call("export", fresh_db, "--view", "objects", "--family", "tables"))
        assert "orders" in [one["name"] for one in tables]
        server = json.loads(call("export", fresh_db, "--view", "server", "--format", "json"))["tables"]
        assert {"databases", "settings", "wal"} <= {one["name"] for one in server}
        assert call("export", fresh_db, "--view", "activity", "--format", "md").startswith("## Sessions of ")
    path = tmp_path / "r.html"
    call("report", fresh_db, "--since", "-5m", "-o", str(path))
    told = path.read_text()
    assert "<h2>Top statements</h2>" in told
    assert "<h3>Tables</h3>" in told
    assert SECRET not in told
