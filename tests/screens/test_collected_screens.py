"""Sessions, objects, server, doctor, filters: what is collected reaches its screen, and what is not says why."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sample_data as sample
import sample_readings as readings
from harness import stage

from optischema_tui import messages as m
from optischema_tui.core.errors import ServerLost
from optischema_tui.core.models import ChangeState, Hidden, Reading
from optischema_tui.launch import SWITCH
from optischema_tui.screens.filters import FilterScreen
from optischema_tui.screens.query_detail import QueryDetailScreen
from optischema_tui.widgets.lines import LineView
from optischema_tui.widgets.live_table import LiveTable


def said(text: str) -> str:
    return " ".join(text.replace("│", "").split())


# --- activity ---


async def test_sessions_waits_and_who_blocks_whom() -> None:
    async with stage(sample.picture(), size=(80, 24)) as held:
        await held.press("6")
        assert "no sample of sessions yet" in held.text
        await held.tell(*readings.facts())
        assert "6 active   3 blocked   1 idle in transaction" in held.text
        tree = held.app.screen.query_one("#tree", LineView)
        assert [line.strip().split()[0].strip("└─") or line.split()[1] for line in tree.text.splitlines()[1:]] == [
            "4712", "4713", "4714", "4715",
        ]  # fmt: skip
        assert "4712 holds up 3" in held.text
        calm = readings.activity(sessions=readings.activity().sessions[:2])
        await held.tell(m.ActivityReady(calm, readings.waits()))
        assert "Who waits for whom" not in held.text


async def test_the_tree_names_the_lock_that_is_waited_for() -> None:
    lock = {"blocked_pid": 4713, "blocking_pid": 4712, "locktype": "relation", "mode": "ShareLock", "schema": "public",
            "name": "orders"}  # fmt: skip
    async with stage(sample.picture(), size=(120, 40)) as held:
        await held.press("6")
        await held.tell(*readings.facts(), m.ReadingReady(readings.reading("locks", [lock]), None))
        await held.tell(m.ActivityReady(readings.activity(), readings.waits()))
        assert "ShareLock on public.orders" in held.text


async def test_sessions_are_sorted_filtered_and_opened() -> None:
    async with stage(sample.picture()) as held:
        await held.tell(*readings.facts())
        await held.press("6")
        table = held.app.screen.query_one("#sessions", LiveTable)
        assert table.rows[0].pid == 4712, "the oldest first"
        await held.press("slash", *"lock tuple", "enter")
        assert {row.pid for row in table.rows} == {4714, 4715}
        await held.press("escape", "slash", *"autovacuum", "enter", "enter")
        assert "compute_query_id" in held.text
        await held.press("escape", "slash", *"4713", "enter", "enter")
        assert isinstance(held.app.screen, QueryDetailScreen)
        assert held.app.screen.key.queryid == 9_001
        await held.press("escape")
        strange = readings.activity(sessions=(readings.session(4713, queryid=77),))
        await held.tell(m.ActivityReady(strange, readings.waits()))
        await held.press("enter")
        assert "not among the top queries" in held.text


async def test_sessions_that_may_not_be_seen_are_counted_with_the_grant() -> None:
    async with stage(sample.picture(), size=(120, 40)) as held:
        await held.press("6")
        await held.tell(m.ActivityReady(readings.activity(sessions=(), hidden=9), ()))
        assert "9 not visible: GRANT pg_monitor" in held.text
        assert "every session that this role may see is idle" in held.text


async def test_only_the_screen_that_shows_sessions_is_drawn_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(sample.picture()) as held:
        drawn: list[Any] = []
        monkeypatch.setattr(type(held.app.screen), "draw", lambda self, state: drawn.append(self))
        await held.tell(m.ActivityReady(readings.activity(), ()), m.ReadingReady(*readings.pair("io", readings.IO)))
        assert drawn == []
        assert held.app.state.activity is not None
        assert "io" in held.app.state.readings
        await held.tell(m.PictureReady(sample.picture()))
        assert drawn


# --- objects ---


async def test_tables_and_indexes_with_rates_and_with_totals() -> None:
    async with stage(sample.picture(), size=(120, 40)) as held:
        await held.press("7")
        assert "tables not read yet" in held.text
        await held.tell(*readings.facts())
        assert "4 of 4   per second over 5.0 min   212 lighter ones left out" in held.text
        row = next(line for line in held.text.splitlines() if line.startswith(" orders "))
        assert row.split()[:4] == ["orders", "1.3", "GB", "4.8M"], "the size is the measured one"
        assert "76.2%" in row, "HOT updates of the interval"
        assert next(line for line in held.text.splitlines() if line.startswith(" customers")).split()[-1] == "never"
        await held.press("v")
        assert "INVALID" in held.text
        await held.press("tab")
        assert "SEQ ROWS" in held.text
        await held.tell(m.ReadingReady(readings.pair("tables", readings.TABLES)[0], None))
        assert "totals since the counters began" in held.text
        assert "8.4M" in held.text


async def test_the_filter_of_objects_follows_the_switch_and_sorts_by_any_column() -> None:
    async with stage(sample.picture(), size=(120, 40)) as held:
        await held.tell(*readings.facts())
        await held.press("7", "slash", *"event", "enter")
        assert [row.get("name") for row in held.app.screen.query_one("#tables", LiveTable).rows] == ["events"]
        await held.press("v")
        names = [row.get("name") for row in held.app.screen.query_one("#indexes", LiveTable).rows]
        assert names == ["events_kind_idx", "events_created_at_idx"]
        await held.press("escape", "right", "s")
        assert "SCANS" in held.text
        assert len(held.app.screen.query_one("#indexes", LiveTable).rows) == 4


async def test_a_family_that_cannot_be_read_says_why_and_old_versions_what_they_need() -> None:
    problem = "pg_stat_all_tables may not be read. To enable it: GRANT pg_read_all_stats TO guest;"
    async with stage(sample.picture(), size=(80, 24)) as held:
        await held.press("7")
        await held.tell(m.ReadingReady(readings.reading("tables", [], problem=problem), None))
        assert problem in said(held.text)
        await held.tell(m.ReadingReady(readings.reading("indexes", [], lacking=("last_idx_scan",)), None))
        await held.press("v")
        assert "last_idx_scan needs PostgreSQL 16" in said(held.text)
        assert "this database has no indexes of its own" in held.text


async def test_a_reading_of_another_epoch_gives_no_rates() -> None:
    reading, before = readings.pair("tables", readings.TABLES)
    async with stage(sample.picture(), size=(120, 40)) as held:
        await held.press("7")
        await held.tell(m.ReadingReady(reading, replace(before, epoch="another")))
        assert "totals since the counters began" in held.text
        assert "8.4M" in held.text


# --- server ---


async def test_each_panel_of_the_server_stands_by_itself() -> None:
    async with stage(sample.picture(), size=(200, 50)) as held:
        await held.press("8")
        assert held.text.count("not read yet") == 8
        await held.tell(*readings.facts())
        words = said(held.text)
        assert "VACUUM public.events scanning heap" in words
        assert "written 14 MB/s" in words
        assert "cannot archive 000000010000001500000042" in words
        assert "wal_removed" in words
        assert "shared_buffers waits for a restart" in words
        assert "2.0 GB" in words, "a setting in units of 8kB is read as bytes"
        assert "random_page_cost" not in words, "settings at their default are not told"
        grant = "pg_stat_io comes with PostgreSQL 16; this server is 15.18"
        await held.tell(m.ReadingReady(readings.reading("io", [], problem=grant), None))
        assert grant in said(held.text)
        assert "wal_removed" in held.text, "the other panels stay"
        lacks: Reading = readings.reading("wal", readings.WAL, lacking=("wal_records", "nobody_knows"))
        await held.tell(m.ReadingReady(lacks, None))
        assert "wal_records needs PostgreSQL 14" in said(held.text)
        assert "nobody_knows" not in held.text, "what this panel does not draw is not missed"


async def test_an_empty_family_is_a_sentence() -> None:
    async with stage(sample.picture(), size=(200, 50)) as held:
        await held.press("8")
        for family in ("progress", "replication", "slots", "settings", "io"):
            await held.tell(m.ReadingReady(readings.reading(family, []), None))
        for words in ("no long command runs", "nobody follows", "no replication slot", "every setting has its default",
                      "nothing was read or written"):  # fmt: skip
            assert words in held.text


async def test_the_server_is_exported_whole(tmp_path: Path) -> None:
    async with stage(sample.picture(), size=(80, 24), export_dir=tmp_path) as held:
        await held.tell(*readings.facts())
        await held.press("8", "E")
        (text,) = tmp_path.glob("*.txt")
        assert "shared_buffers waits for a restart" in text.read_text(), "also what is scrolled out of sight"
        (value,) = tmp_path.glob("*.json")
        assert json.loads(value.read_text())["slots"][0]["rows"][1][0] == "warehouse"


# --- doctor ---


async def test_the_doctor_tells_what_is_missing_and_tests_again() -> None:
    async with stage(sample.picture(), size=(120, 40)) as held:
        await held.press("9")
        assert "R tests what this role may do here" in held.text
        await held.tell(m.Doctored(readings.capabilities(), sample.TARGET))
        assert "3 ready   1 limited   2 missing" in held.text
        assert "Amazon RDS was recognised" in held.text
        features = [line[3:].split("  ")[0] for line in held.text.splitlines() if line[1:2] in ("✗", "!", "✓")]
        assert features[:3] == ["Texts of other roles' statements", "Create indexes", "I/O timing"]
        assert 'GRANT pg_read_all_stats TO "guest";' in held.text
        await held.press("R")
        assert len(held.asked(m.Doctor)) == 1
        assert "testing …" in held.text
        await held.tell(m.Doctored(readings.capabilities(), sample.TARGET))
        assert "testing …" not in held.text
        await held.press("R")
        await held.tell(m.LoadFailed("doctor", ServerLost("The server closed the connection")))
        assert "testing …" not in held.text
        assert "The test could not run: The server closed the connection" in said(held.text)
        await held.tell(m.Doctored(readings.capabilities(), sample.TARGET))
        assert "could not run" not in held.text


async def test_grants_are_copied_one_by_one_or_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(sample.picture()) as held:
        copied: list[str] = []
        monkeypatch.setattr(held.app, "_copy", lambda text, what: copied.append(text))
        await held.tell(m.Doctored(readings.capabilities(), sample.TARGET))
        await held.press("9", "y", "G", "y")
        assert copied[0] == 'GRANT pg_read_all_stats TO "guest";'
        assert copied[1].splitlines() == [
            'GRANT pg_read_all_stats TO "guest";', 'GRANT "shop_owner" TO "guest";',
            "ALTER SYSTEM SET track_io_timing = on;", "SELECT pg_catalog.pg_reload_conf();",
        ]  # fmt: skip


# --- what is hidden ---


async def test_each_reason_is_a_switch_with_its_count_and_share() -> None:
    hidden = (Hidden("catalog only", 14, 0.004), Hidden("nested", 3, 0.31))
    async with stage(sample.picture(hidden=hidden), size=(80, 24)) as held:
        await held.press("f")
        assert isinstance(held.app.screen, FilterScreen)
        assert "[ ] hidden catalog only 14 0.4%" in said(held.text)
        await held.press("j", "space", "enter")
        assert [request.reason for request in held.asked(m.ToggleFilter)] == ["catalog only", "catalog only"]
        await held.tell(m.FiltersChanged(frozenset({"catalog only"})))
        assert "[x] shown  catalog only" in held.text
        await held.tell(m.PictureReady(sample.picture(hidden=(Hidden("nested", 4, 0.5),))))
        assert "50.0%" in held.text, "the next picture is counted anew while the dialog stands"
        await held.press("escape", "2")
        assert "shown: catalog only" in said(held.text)


# --- the frame ---


async def test_every_tab_fits_eighty_columns_and_can_be_clicked() -> None:
    async with stage(sample.picture(), size=(80, 24)) as held:
        first = held.text.splitlines()[0]
        assert all(f"{digit} " in first for digit in range(1, 10))
        await held.pilot.click("#tabs", offset=(first.index("8 Server"), 0))
        await held.settle()
        assert held.app.screen.VIEW == "server"  # type: ignore[attr-defined]


async def test_the_status_line_tells_cost_sampling_and_who_collects() -> None:
    sampled = "2,104 of 100,000 statements were read in this tick"
    shown = sample.picture(cost_share=0.0004, sampled=sampled, rest_share=0.071)
    async with stage(shown, size=(200, 50)) as held:
        await held.tell(m.Following("collect (pid 123)"))
        status = held.text.splitlines()[-1]
        assert "own cost 0.04% · 24 ms/min" in status
        assert "sampled" in status
        assert "following collect (pid 123)" in status
        await held.press("2")
        assert sampled in said(held.text)
        assert "7.1% of the time in statements not shown" in said(held.text)


async def test_another_target_is_an_exit_with_a_code_of_its_own() -> None:
    async with stage(sample.picture()) as held:
        await held.press("grave_accent")
        await held.until(lambda: held.app.return_value is not None, "it ends")
        assert held.app.return_value == SWITCH == 75


async def test_another_target_asks_first_while_a_build_runs() -> None:
    async with stage(sample.picture()) as held:
        await held.tell(m.RunBegan(sample.change(ChangeState.EXECUTING), False), m.RunStarted())
        await held.press("grave_accent")
        assert "A statement is running on the server" in held.text
        await held.press("n")
        assert held.app.is_running
