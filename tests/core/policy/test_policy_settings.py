"""Which settings may have which values, and those that no list can allow."""

from __future__ import annotations

import psycopg
import pytest

from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.errors import UsageError
from optischema_tui.core.policy.settings import DEFAULT_ALLOWED, allowed, by_name, never, problem

DEFAULTS = by_name(DEFAULT_ALLOWED)
FORBIDDEN = (
    "fsync", "full_page_writes", "listen_addresses", "port", "archive_command", "archive_library", "archive_mode",
    "restore_command", "archive_cleanup_command", "recovery_end_command", "ssl", "ssl_cert_file", "ssl_key_file",
    "ssl_passphrase_command", "shared_preload_libraries", "session_preload_libraries", "local_preload_libraries",
    "log_directory", "log_filename", "log_destination", "logging_collector", "hba_file", "data_directory",
    "config_file", "unix_socket_directories", "dynamic_library_path", "primary_conninfo", "zero_damaged_pages",
    "ignore_checksum_failure", "allow_system_table_mods", "search_path", "session_replication_role", "row_security",
    "synchronous_standby_names", "password_encryption", "wal_level", "plperl.on_init",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "unit", "fits"),
    [
        ("work_mem", "64MB", "kB", True),
        ("work_mem", "65536", "kB", True),
        ("work_mem", "1GB", "kB", True),
        ("work_mem", "1048577", "kB", False),
        ("work_mem", "2GB", "kB", False),
        ("work_mem", "0", "kB", False),
        ("work_mem", "lots", "kB", False),
        ("work_mem", "1e99MB", "kB", False),
        ("work_mem", "65536", "", False),
        ("WORK_MEM", " '64MB' ", "kB", True),
        ("shared_buffers", "900GB", "8kB", False),
        ("shared_buffers", "1048576", "8kB", True),
        ("shared_buffers", "115200000", "8kB", False),
        ("autovacuum_work_mem", "-1", "kB", True),
        ("autovacuum_work_mem", "-2", "kB", False),
        ("autovacuum_vacuum_cost_delay", "2", "ms", True),
        ("autovacuum_vacuum_cost_delay", "1s", "ms", False),
        ("autovacuum", "off", "", False),
        ("autovacuum", "TRUE", "", True),
        ("jit", "0", "", True),
        ("random_page_cost", "1.1", "", True),
        ("random_page_cost", "nan", "", False),
        ("log_min_duration_statement", "-1", "ms", False),
        ("log_min_duration_statement", "0", "ms", False),
        ("effective_cache_size", "12TB", "8kB", True),
        ("statement_timeout", "1s", "ms", False),
        ("max_connections", "500", "", False),
        ("work_mem", "", "kB", True),
        ("fsync", "", "", False),
    ],
)
def test_the_list_that_is_built_in(name: str, value: str, unit: str, fits: bool) -> None:
    assert (problem(DEFAULTS, name, value, unit) == "") is fits


@pytest.mark.parametrize("name", FORBIDDEN)
def test_what_no_policy_can_allow(name: str) -> None:
    assert never(name.upper())
    assert name not in DEFAULTS
    with pytest.raises(UsageError, match="never changed"):
        allowed(f" {name.upper()} ", True)
    forged = {name: allowed("work_mem", True)}
    assert "never changed" in problem(forged, name, "x")


@pytest.mark.parametrize(
    ("name", "value"),
    [("work_mem", 3), ("work_mem", "64MB"), ("work_mem", ".."), ("work_mem", "1GB..64kB"), ("work_mem", "1kB..2s"),
     ("work_mem", "x..2GB"), ("work_mem", "1kB..2kB..3kB"),
     ("work_mem", "1..2GB"), ("work_mem", []), ("work_mem", [1]), ("work_mem", [""]),
     ("work mem", True), ("", True), ("a;b", True), ("x" * 200, True), ("work_mem", None)],
)  # fmt: skip
def test_a_line_that_cannot_be_meant_is_refused(name: str, value: object) -> None:
    with pytest.raises(UsageError):
        allowed(name, value)


def test_an_own_list() -> None:
    rules = by_name(
        (
            allowed("work_mem", "..64MB"),
            allowed("my.setting", ["a", "B"]),
            allowed("jit", False),
            allowed("checkpoint_timeout", "5min.."),
        )
    )
    assert problem(rules, "work_mem", "64MB", "kB") == ""
    assert "..64MB, not 65MB" in problem(rules, "work_mem", "65MB", "kB")
    assert problem(rules, "my.setting", "b") == ""
    assert "one of a, B" in problem(rules, "my.setting", "c")
    assert "not on the list" in problem(rules, "jit", "on")
    assert problem(rules, "checkpoint_timeout", "300", "s") == ""
    assert "5min.., not 299" in problem(rules, "checkpoint_timeout", "299", "s")
    assert "\x1b" not in problem(rules, "jit\x1b[31m", "on")


def test_the_built_in_list_agrees_with_the_server(server: Cluster) -> None:
    """Every setting of it is there (or of an extension or another version), and may have the value that it has by
    default, or one that the list leaves out by intent."""
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        rows = session.execute("SELECT name, boot_val, coalesce(unit, ''), context FROM pg_settings").fetchall()
    known = {name: (boot, unit, context) for name, boot, unit, context in rows}
    elsewhere = {"autovacuum_vacuum_cost_limit"}
    missing = {name for name in DEFAULTS if name not in known} - elsewhere
    assert missing <= {"track_wal_io_timing"}
    outside = {
        name for name, (boot, unit, _) in known.items()
        if name in DEFAULTS and boot is not None and problem(DEFAULTS, name, boot, unit)
    }  # fmt: skip
    assert outside == {"log_min_duration_statement", "idle_in_transaction_session_timeout"}
    internal = {name for name in DEFAULTS if name in known and known[name][2] == "internal"}
    assert not internal


def test_no_setting_that_runs_a_program_or_names_a_file_can_be_allowed(server: Cluster) -> None:
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        rows = session.execute("SELECT name FROM pg_settings").fetchall()
    words = ("_command", "_librar", "_file", "_path", "_dir", "socket", "ssl", "conninfo", "preload")
    harmless = {
        "file_copy_method", "file_extend_method", "max_files_per_process", "temp_file_limit", "log_temp_files",
        "remove_temp_files_after_crash", "vacuum_cost_page_dirty", "data_directory_mode",
        "log_replication_commands",
    }  # fmt: skip
    risky = {name for (name,) in rows if any(word in name for word in words)} - harmless
    assert len(risky) > 25
    assert {name for name in risky if not never(name)} == set()
