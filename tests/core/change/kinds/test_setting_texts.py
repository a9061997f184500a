"""Values of settings as texts, held against what a real server takes and shows."""

from __future__ import annotations

import psycopg
import pytest

from optischema_tui.core.change.kinds.words import Words
from optischema_tui.core.change.setting_texts import (
    Shape,
    names_in,
    read_wish,
    same_value,
    shown,
    value_problem,
    value_sql,
)
from optischema_tui.core.change.settings_seen import see_setting
from optischema_tui.core.errors import ChangeRefused

TRIED = {
    "work_mem": ("64", "8192", "64kB", "0.5MB", "1.5 MB", "8mb", "8KB", "1TB", "-1", "1e3", "+100", "2147483647", "3GB",
                 "", " 12MB ", "12 M", "0.0001GB", "70000B", "30.1GB", "0.3MB"),
    "jit": ("on", "ON", "tr", "t", "yes", "1", "of", "0", "n", "o", "2", "", "onn"),
    "random_page_cost": ("1.1", ".5", "0", "-0.1", "1e2", "0.0001", "1e400", "1.1MB", "nan", "inf"),
    "statement_timeout": ("0", "10", "1.5s", "2min", "1h", "1d", "1us", "700us", "1.234567min", "-1", "5sec", "25d"),
    "wal_compression": ("on", "OFF", "pglz", "zip", "true"),
    "plan_cache_mode": ("auto", "FORCE_CUSTOM_PLAN", "never"),
    "join_collapse_limit": ("8", "8.4", "8.6", "0", "1kB", "0x10", "010", "99999999999"),
    "vacuum_cost_delay": ("1500us", "0.1", "2ms", "101"),
    "effective_cache_size": ("16", "1MB", "12345kB", "8kB"),
    "temp_buffers": ("100", "800kB", "799kB"),
}  # fmt: skip


def test_whatever_passes_is_taken_by_the_server_and_means_the_same_there(fresh_db: str) -> None:
    """The check may be stricter than the server, never looser; a value and what the server shows of it are the same."""
    passed = refused = 0
    with psycopg.connect(fresh_db, autocommit=True) as session:
        for name, values in TRIED.items():
            before = see_setting(session, name)
            assert before is not None
            for value in values:
                if value_problem(before.shape, (value,)):
                    refused += 1
                    continue
                passed += 1
                session.execute("SELECT set_config(%s, %s, false)", (name, value))
                now = session.execute("SELECT setting FROM pg_settings WHERE name = %s", (name,)).fetchone()
                assert now is not None
                assert same_value(before.shape, value, now[0]), (name, value, now)
                session.execute(f"RESET {name}")
    assert passed > 40
    assert refused > 20


def test_different_values_are_told_apart() -> None:
    memory, ratio = Shape("work_mem", "integer", "kB"), Shape("random_page_cost", "real")
    assert not same_value(memory, "8MB", "8191")
    assert not same_value(ratio, "1.1", "1.2")
    assert not same_value(Shape("jit", "bool"), "on", "off")
    assert not same_value(Shape("wal_compression", "enum"), "on", "lz4")
    assert not same_value(Shape("application_name", "string"), "a", "b")
    assert same_value(Shape("DateStyle", "string"), "ISO, DMY", "iso,dmy")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('a, "B c", "d,e"', ("a", "B c", "d,e")),
        ('""', ("",)),
        ('"q""q"', ('q"q',)),
        ("", ()),
        ('"open', None),
        ("a b", None),
    ],
)
def test_a_stored_list_of_names(text: str, names: tuple[str, ...] | None) -> None:
    assert names_in(text) == names


def test_what_is_sent_is_quoted() -> None:
    assert value_sql("application_name", "it's \\ b") == "E'it''s \\\\ b'"
    assert value_sql("search_path", 'a, "B c"') == "'a', 'B c'"
    assert shown(Shape("shared_buffers", "integer", "8kB"), "16384") == "131072kB"
    assert shown(Shape("work_mem", "integer", "kB"), "-1") == "-1"


@pytest.mark.parametrize(
    "text", ["SET a = 1 2", "SET a.b.c = 1", "SET = 1", "RESET", "RESET a b", "SET a = ,", "a = 1"]
)
def test_what_is_no_setting_of_one_value_is_refused(text: str) -> None:
    with pytest.raises(ChangeRefused):
        read_wish(Words(text), "ALTER SYSTEM")


def test_names_are_folded_and_quoted_ones_are_kept() -> None:
    assert read_wish(Words("SET Work_Mem TO 'x'"), "").name == "work_mem"
    assert read_wish(Words('RESET "DateStyle"'), "").name == "DateStyle"
    assert read_wish(Words("SET pg_stat_statements.track = all"), "").name == "pg_stat_statements.track"
    assert read_wish(Words("SET a = 'b', c, \"D\", -1"), "").values == ("b", "c", "D", "-1")
