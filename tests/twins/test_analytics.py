"""`heatmap`, `trends`, `movers` and `spike`: what they print is what history holds, and is as documented."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from optischema_tui.cli import _chosen
from optischema_tui.core.clock import FixedClock
from optischema_tui.core.config import load_config
from optischema_tui.core.errors import UsageError
from optischema_tui.core.history.store import History
from optischema_tui.core.jobs.analytics import earlier_window
from optischema_tui.core.models import ActivitySample, Session, StatementText, WaitPoint
from optischema_tui.core.models.analytics import Trend, TrendPoint
from optischema_tui.core.moment import days_before, weekday
from optischema_tui.core.paths import locate
from optischema_tui.core.target.resolver import resolve
from optischema_tui.twins.context import Context
from optischema_tui.twins.trends import trend_text
from optischema_tui.twins.window import short

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "core" / "history"))
from history_simulation import BEGIN, IDENTITY, TARGET, Simulation

HOUR, DAY = 3600.0, 86_400.0
DSN = "host=/nowhere dbname=shop user=dba"
HOSTILE = "SELECT 1 /* \x1b[31mred\u202e */"
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "json.md"


def made(state: Path) -> Simulation:
    """A history of two and a half days that ends at the simulation's clock."""
    clock = FixedClock(BEGIN + 12 * HOUR)
    history = History.open(locate(str(state), None).history_db, clock)
    history.remember_target(resolve(DSN, load_config(state / "none.toml")).key, IDENTITY, DSN)
    simulation = Simulation(history, clock)
    text = StatementText(simulation.keys[0], HOSTILE)
    history.save_tick(simulation.snapshot(), [text], None, None)
    simulation.run(2.5 * DAY, 600)
    crowd = tuple(
        Session(pid, "client backend", "shop", "app", HOSTILE, "", "active", "Lock", "tuple", 1, "", 1.0, 1.0, by)
        for pid, by in ((1, ()), (2, (1,)))
    )
    history.save_activity(TARGET, [ActivitySample(clock.at - 9 + n, 0.0, clock.at - 9 + n, crowd) for n in range(10)])
    history.close()
    return simulation


class Twin:
    """The commands on that history, at its end."""

    def __init__(self, state: Path, simulation: Simulation, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys, self.simulation, self.clock = capsys, simulation, FixedClock(simulation.clock.at)
        paths, config = locate(str(state), str(state / "none.toml")), load_config(state / "none.toml")
        self.context = {as_json: Context(paths, config, as_json, False, self.clock) for as_json in (False, True)}

    def _run(self, as_json: bool, *words: str) -> str:
        module, arguments = _chosen([words[0], DSN, *words[1:]])
        assert import_module(f"optischema_tui.twins.{module}").run(self.context[as_json], arguments) == 0
        return self.capsys.readouterr().out

    def answer(self, *words: str) -> Any:
        return json.loads(self._run(True, *words))

    def text(self, *words: str) -> str:
        return self._run(False, *words)


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Simulation]:
    state = tmp_path_factory.mktemp("state")
    return state, made(state)


@pytest.fixture
def twin(past: tuple[Path, Simulation], capsys: pytest.CaptureFixture[str]) -> Twin:
    return Twin(*past, capsys)


CALLS = (
    ("heatmap",),
    ("heatmap", "--statement", "2", "--measure", "latency", "--days", "2"),
    ("heatmap", "--since", "-59d", "--measure", "blocks"),
    ("trends",),
    ("trends", "--statement", "1", "--since", "-2d", "--points", "6"),
    ("movers", "--since", "-5h"),
    ("movers", "--since", "-5h", "--before", "-20h", "--until", "-1h"),
    ("spike", "--at", "-5m"),
)


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)
    elif isinstance(value, list):
        for one in value:
            yield from keys(one)


def test_the_document_names_the_keys_that_are_printed(twin: Twin) -> None:
    section = DOCUMENT.read_text().partition("### `heatmap`")[2].partition("\n###")[0]
    words = set(re.findall(r"`([^`]+)`", section)) - {
        "trends", "spike", "new", "gone", "slower", "faster", "more calls", "fewer calls", "heatmap", "movers",
        "--csv", "--md", "--json",
    }  # fmt: skip
    seen = {key for call in CALLS for key in keys(twin.answer(*call))}
    assert sorted(seen - words - {"movers"}) == []
    assert sorted(words - seen) == []


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_the_text_fits_a_terminal_and_is_inert(twin: Twin, call: tuple[str, ...]) -> None:
    told = twin.text(*call)
    assert max(map(len, told.splitlines())) <= 80, told
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert not re.search("[\u2800-\u28ff]", told), "no braille"
    assert json.dumps(twin.answer(*call)).isascii()


def test_the_heatmap_shows_the_hours_of_the_answer(twin: Twin) -> None:
    found = twin.answer("heatmap", "--measure", "calls")
    lines = twin.text("heatmap", "--measure", "calls").splitlines()
    days = list(dict.fromkeys(cell["day"] for cell in found["cells"]))
    assert lines[3].split() == [weekday(day) for day in days]
    assert lines[4].split() == [day[8:] for day in days]
    by_hour = {hour: [cell for cell in found["cells"] if cell["hour"] == hour] for hour in range(24)}
    for hour in (0, 5, 23):
        told = lines[5 + hour].split()
        assert told[0] == f"{hour:02}:00"
        wanted = ["." if not cell["observed"] else short(cell["value"]) for cell in by_hour[hour]]
        assert [word.lstrip("▁▂▃▄▅▆▇█") for word in told[1:]] == wanted
    total = sum(len(ran.times) for ran in twin.simulation.ran)
    assert sum(cell["calls"] for cell in found["cells"]) == total
    assert min(cell["day"] for cell in found["cells"]) == "2023-11-15", "days before the history begins are not drawn"


@pytest.mark.parametrize(
    ("call", "rows"), [(("heatmap",), "cells"), (("trends",), "points"), (("movers", "--since", "-5h"), "movers"),
                       (("spike", "--at", "-5m"), "statements")]
)  # fmt: skip
def test_exports_have_the_rows_of_the_answer(twin: Twin, call: tuple[str, ...], rows: str) -> None:
    answer = twin.answer(*call)[rows]
    told = twin.text(*call, "--csv")
    assert told.endswith("\r\n")
    found = list(csv.DictReader(io.StringIO(told, newline="")))
    assert [list(row) for row in found] == [list(row) for row in answer]
    assert len(found) == len(answer) > 0
    for name in ("calls", "load", "exec_time_ms", "value", "by_calls", "observed"):
        if name in answer[0]:
            assert [float(row[name]) if row[name] else None for row in found] == [row[name] for row in answer]
    written = twin.text(*call, "--md")
    assert "\x1b" not in told + written
    assert sum(line.startswith("|") for line in written.splitlines()) == len(answer) + 2
    with pytest.raises(UsageError, match="exclude each other"):
        twin.text(*call, "--csv", "--md")


def test_an_encoding_without_blocks_gets_figures(twin: Twin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("optischema_tui.twins.window.BARS", "\udcff" * 8)
    assert twin.text("heatmap").isascii()
    assert twin.text("heatmap", "--since", "-59d").isascii()
    assert twin.text("trends").isascii()


def test_the_widest_trend_fits_too() -> None:
    points = tuple(
        TrendPoint(BEGIN + n * DAY, DAY, DAY, 4.5e9 * n, 3.3e9 * n, 9, 123.4, 1e5, 0.05, breaks=True)
        for n in range(1, 9)
    )
    waits = tuple(WaitPoint(one.at, DAY, 10, (("BufferPin", 123.0), ("Lock", 22.2))) for one in points)
    told = trend_text(IDENTITY, Trend(BEGIN, BEGIN + 8 * DAY, points, waits, -(1 << 63), "SELECT 1", "of means"), "█")
    assert max(map(len, told.splitlines())) <= 80, told
    assert "Buffer 123" in told
    assert "reset" in told


def test_movers_choose_the_same_hours_of_the_day_before(twin: Twin) -> None:
    found = twin.answer("movers", "--since", "-5h")
    now = twin.clock.at
    assert (found["later"]["since"], found["later"]["until"]) == (now - 5 * HOUR, now)
    assert (found["earlier"]["since"], found["earlier"]["until"]) == (now - DAY - 5 * HOUR, now - DAY)
    far = twin.answer("movers", "--since", "-30h")
    assert far["earlier"]["until"] == now - 2 * DAY + 0.0
    close = twin.answer("movers", "--since", "-30h", "--until", "-26h", "--limit", "2")
    assert close["left_out"] == 2
    early = twin.answer("movers", "--since", "-50h", "--until", "-46h")
    assert early["earlier"]["until"] == early["later"]["since"]
    assert "the time just before" in early["notes"][0]


def test_wrong_windows_are_sentences(twin: Twin) -> None:
    for words, told in (
        (("heatmap", "--since", "-1h", "--until", "-2h"), "ends before it begins"),
        (("heatmap", "--days", "61"), "60 or less"),
        (("heatmap", "--since", "-90d"), "60 days at most"),
        (("heatmap", "--until", "-30d"), "holds nothing of"),
        (("heatmap", "--statement", "77"), "no statement with the queryid 77"),
        (("trends", "--statement", "x"), "is no queryid"),
        (("trends", "--statement", str(1 << 63)), "is no queryid"),
        (("trends", "--since", "-9d", "--until", "-8d"), "holds nothing of"),
        (("movers", "--since", "-5h", "--before", "-6h"), "reaches into the later one"),
        (("movers", "--since", "-5h", "--before", "-9d"), "holds nothing of"),
        (("movers",), "--since"),
        (("spike", "--at", "-9d"), "holds nothing of"),
        (("spike", "--at", "soon"), "no moment"),
    ):
        with pytest.raises(UsageError) as caught:
            twin.text(*words)
        assert told in str(caught.value), words


def test_a_negative_queryid_is_no_option(twin: Twin) -> None:
    with pytest.raises(UsageError, match="no statement with the queryid -9223372036854775808"):
        twin.text("trends", "--statement", str(-(1 << 63)))


def test_a_moment_after_the_last_interval_is_told(twin: Twin) -> None:
    twin.clock.advance(3 * HOUR)
    assert "180 minutes earlier" in twin.answer("spike", "--at", "now")["notes"][0]


def test_the_same_hours_earlier() -> None:
    now = datetime(2026, 11, 20, 10, tzinfo=UTC).timestamp()
    assert earlier_window(now - 20 * HOUR, now) == (now - 44 * HOUR, now - 24 * HOUR)
    assert earlier_window(now - 25 * HOUR, now) == (now - 73 * HOUR, now - 48 * HOUR)
    assert earlier_window(now - 4 * DAY, now) == (now - 11 * DAY, now - 7 * DAY)
    assert earlier_window(now - 8 * DAY, now) == (now - 22 * DAY, now - 14 * DAY)


def test_days_before_are_of_the_wall() -> None:
    from zoneinfo import ZoneInfo

    berlin = ZoneInfo("Europe/Berlin")
    after = datetime(2026, 3, 29, 14, tzinfo=berlin).timestamp()
    assert days_before(after, 1, berlin) == datetime(2026, 3, 28, 14, tzinfo=berlin).timestamp() == after - 23 * HOUR
    assert weekday("2026-11-20") == "Fri"


def test_a_real_server_from_collecting_to_its_pictures(fresh_db: str) -> None:
    def call(*words: str, code: int = 0) -> Any:
        told = subprocess.run(
            [sys.executable, "-m", "optischema_tui", *words, "--json"], capture_output=True, text=True, check=False
        )
        assert told.returncode == code, told.stderr
        return told.stdout if words[0] == "collect" else json.loads(told.stdout)

    assert call("heatmap", fresh_db, code=2)["error"]["todo"].startswith("Run: optischema-tui collect")
    call("collect", fresh_db, "--interval", "1", "--duration", "4")
    cells = call("heatmap", fresh_db, "--days", "1")["cells"]
    assert 1 < sum(cell["observed"] for cell in cells) < 60
    points = call("trends", fresh_db, "--since", "-2m")["points"]
    assert sum(point["observed"] for point in points) == pytest.approx(sum(cell["observed"] for cell in cells))
    assert sum(point["calls"] for point in points) == pytest.approx(sum(cell["calls"] for cell in cells))
    assert call("spike", fresh_db, "--at", "now")["until"] <= points[-1]["at"] + 60
    assert "holds nothing of" in call("movers", fresh_db, "--since", "-1m", code=2)["error"]["what"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, "-"), (0, "0"), (3, "3"), (0.0001, "~0"), (0.0042, ".004"), (0.5, ".50"), (0.999, "1.0"), (9.97, "10"),
        (123.4, "123"), (999.9, "1.0k"), (45_600, "46k"), (-0.25, "-.25"), (3.2e9, "3.2G"), (1e30, "1000000000000E"),
    ],
)  # fmt: skip
def test_figures_are_short(value: float | None, told: str) -> None:
    assert short(value) == told
