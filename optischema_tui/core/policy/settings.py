"""Which server settings may be changed, and between which values.

A list allows; what is not on it is refused. Some settings no list can allow: those that lose data, lock people out, run
programs, or stop the server from being restored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from optischema_tui.core.errors import UsageError
from optischema_tui.core.safe_text import one_line

EXPECTED = 'true (any value), a range like "64kB..1GB" or "..10", or a list of values'
_NAME = re.compile(r"[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)?")
_QUANTITY = re.compile(r"([+-]?(?:\d{1,18}(?:\.\d{0,9})?|\.\d{1,9})(?:e[+-]?\d{1,2})?)\s*([A-Za-z]*)")
_UNITS = {
    "B": ("memory", Decimal(1)), "kB": ("memory", Decimal(2**10)), "MB": ("memory", Decimal(2**20)),
    "GB": ("memory", Decimal(2**30)), "TB": ("memory", Decimal(2**40)),
    "us": ("time", Decimal(1)), "ms": ("time", Decimal(1000)), "s": ("time", Decimal(10**6)),
    "min": ("time", Decimal(60 * 10**6)), "h": ("time", Decimal(3600 * 10**6)), "d": ("time", Decimal(86400 * 10**6)),
}  # fmt: skip
"""PostgreSQL's units of settings, in bytes and microseconds."""
_BLOCKS = re.compile(r"(\d{1,6})(kB|MB)")
_TRUTH = {
    "on": "on", "true": "on", "yes": "on", "1": "on", "t": "on", "off": "off", "false": "off", "no": "off", "0": "off",
    "f": "off",
}  # fmt: skip

NEVER = re.compile(
    r"fsync|full_page_writes|listen_addresses|port|unix_socket_.*|ssl|ssl_.*|.*_command|.*_preload_libraries"
    r"|.*_libraries|archive_.*|restore_.*|recovery_.*|primary_.*|promote_.*|.*_library|jit_provider"
    r"|dynamic_library_path|extension_.*_path|log_directory|log_filename|log_file_mode|log_destination|log_rotation_.*"
    r"|log_truncate_on_rotation|logging_collector|syslog_.*|event_source|data_directory|config_file|hba_file|ident_file"
    r"|external_pid_file|password_encryption|scram_iterations|authentication_timeout|krb_.*|gss_.*|db_user_namespace"
    r"|md5_password_warnings|oauth_.*|row_security|session_replication_role|search_path|role|session_authorization"
    r"|default_transaction_read_only|transaction_read_only|zero_damaged_pages|ignore_.*|allow_.*|debug_.*|trace_.*"
    r"|data_checksums|data_sync_retry|wal_level|wal_sync_method|wal_consistency_checking|wal_log_hints|restart_after_crash"
    r"|backtrace_functions|synchronous_standby_names|synchronized_standby_slots|stats_temp_directory|temp_tablespaces"
    r"|createrole_self_grant|restrict_nonsystem_relation_kind|local_preload_libraries|pl\w*\..*|.*\.(on_init|start_proc)"
)
"""Settings that no policy can allow, each wholly matched in lower case."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number of `dimension` 'memory' (bytes), 'time' (microseconds) or '' (as it stands)."""

    amount: Decimal
    dimension: str = ""


@dataclass(frozen=True, slots=True)
class Allowed:
    """One setting that may be changed. Neither values nor bounds: to any value."""

    name: str
    values: tuple[str, ...] = ()
    low: Quantity | None = None
    high: Quantity | None = None
    text: str = "any value"
    """For people."""
    forbidden: bool = False
    """Written `false`: taken off the list."""


def allowed(name: str, value: object) -> Allowed:
    """One line of a table of settings. Raises UsageError for a name or a value that cannot be used."""
    key = name.strip().lower()
    if not _NAME.fullmatch(key) or len(key) > 127:
        raise UsageError(f"{one_line(name, 60)!r} is not the name of a setting")
    if value is False:
        return Allowed(key, text="not allowed", forbidden=True)
    if never(key):
        raise UsageError(f"{key} is never changed by this program, whatever a policy says", "", "Take it out")
    if value is True:
        return Allowed(key)
    if isinstance(value, list) and value and all(isinstance(each, str) and each.strip() for each in value):
        values = tuple(each.strip() for each in value)
        return Allowed(key, values, text=f"one of {', '.join(values)}")
    if isinstance(value, str) and ".." in value:
        ends = value.split("..")
        bounds = [quantity(end) for end in ends]
        if len(ends) == 2 and all(bounds[each] or not ends[each].strip() for each in (0, 1)) and _sound(bounds):
            return Allowed(key, (), bounds[0], bounds[1], value.strip())
    raise UsageError(f"{key} must be {EXPECTED}")


def never(name: str) -> bool:
    """Whether no policy can allow the setting."""
    return NEVER.fullmatch(name.strip().lower()) is not None


def quantity(text: str, unit: str = "") -> Quantity | None:
    """'64MB' or '0.5' as a number; without a unit it is of `unit`, as in pg_settings ('8kB', 'ms'). None: none."""
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or (match[2] and match[2] not in _UNITS):
        return None
    try:
        amount = Decimal(match[1])
    except InvalidOperation:
        return None
    dimension, factor = _UNITS[match[2]] if match[2] else _factor(unit)
    return Quantity(amount * factor, dimension)


def problem(rules: Mapping[str, Allowed], name: str, value: str, unit: str = "") -> str:
    """Why the setting may not be given that value, one sentence; empty when it may.

    `value` empty: RESET, back to the server's default. `unit` is that of pg_settings.
    """
    key = name.strip().lower()
    if never(key):
        return f"{one_line(key, 60)} is never changed by this program"
    rule = rules.get(key)
    if rule is None or rule.forbidden:
        return f"{one_line(key, 60)} is not on the list of settings that may be changed"
    if not value.strip():
        return ""
    if rule.values:
        fits = _plain(value) in {_plain(each) for each in rule.values}
        return "" if fits else f"{key} may be {rule.text}, not {one_line(value, 60)}"
    if rule.low is None and rule.high is None:
        return ""
    found = quantity(value.strip().strip("'"), unit)
    if found is None:
        return f"{key} may be {rule.text}: {one_line(value, 60)} is not a number with a unit that is known"
    for bound, wrong in ((rule.low, -1), (rule.high, 1)):
        if bound is None:
            continue
        order = _order(found, bound, unit)
        if order is None:
            return f"{key} may be {rule.text}: {one_line(value, 60)} cannot be compared with it without its unit"
        if order == wrong:
            return f"{key} may be {rule.text}, not {one_line(value, 60)}"
    return ""


def by_name(rules: tuple[Allowed, ...]) -> dict[str, Allowed]:
    return {each.name: each for each in rules}


def _factor(unit: str) -> tuple[str, Decimal]:
    """Dimension and factor of a unit of pg_settings; '8kB' is a unit there."""
    if unit in _UNITS:
        return _UNITS[unit]
    blocks = _BLOCKS.fullmatch(unit)
    return (_UNITS[blocks[2]][0], int(blocks[1]) * _UNITS[blocks[2]][1]) if blocks else ("", Decimal(1))


def _order(found: Quantity, bound: Quantity, unit: str) -> int | None:
    """-1, 0 or 1 as `found` is below, at or above `bound`; None when they are of different kinds."""
    dimension, factor = _factor(unit)
    if bound.dimension != found.dimension:
        if not bound.dimension and dimension == found.dimension:
            bound = Quantity(bound.amount * factor, dimension)
        elif bound.amount and found.amount > 0:
            return None  # 0 and the negative ones, which mean 'off' or 'as elsewhere', are below any positive bound
    return (found.amount > bound.amount) - (found.amount < bound.amount)


def _sound(bounds: list[Quantity | None]) -> bool:
    low, high = bounds
    if low is None or high is None:
        return low is not high
    special = low.amount <= 0 and not low.dimension  # 0 and -1 mean 'off' or 'as elsewhere' in any unit
    return (special or low.dimension == high.dimension) and low.amount <= high.amount


def _plain(value: str) -> str:
    word = value.strip().strip("'").lower()
    return _TRUTH.get(word, word)


def _default() -> tuple[Allowed, ...]:
    table: dict[str, object] = {
        # memory
        "work_mem": "64kB..1GB", "maintenance_work_mem": "1MB..8GB", "autovacuum_work_mem": "-1..8GB",
        "hash_mem_multiplier": "1..8", "temp_buffers": "800kB..1GB", "effective_cache_size": True,
        "shared_buffers": "16MB..64GB", "wal_buffers": "-1..256MB", "logical_decoding_work_mem": "64kB..1GB",
        # the planner
        "random_page_cost": "0.5..10", "seq_page_cost": "0.1..10", "cpu_tuple_cost": "0..1",
        "cpu_index_tuple_cost": "0..1", "cpu_operator_cost": "0..1", "effective_io_concurrency": "0..1000",
        "maintenance_io_concurrency": "0..1000", "default_statistics_target": "10..10000",
        "from_collapse_limit": "1..20", "join_collapse_limit": "1..20", "jit": ["on", "off"], "jit_above_cost": "-1..",
        "jit_inline_above_cost": "-1..", "jit_optimize_above_cost": "-1..", "enable_partitionwise_join": ["on", "off"],
        "enable_partitionwise_aggregate": ["on", "off"], "plan_cache_mode": ["auto", "force_custom_plan"],
        "max_parallel_workers_per_gather": "0..16", "max_parallel_maintenance_workers": "0..16",
        "max_parallel_workers": "0..128", "parallel_setup_cost": "0..", "parallel_tuple_cost": "0..",
        "min_parallel_table_scan_size": True, "min_parallel_index_scan_size": True,
        # autovacuum: never off
        "autovacuum": ["on"], "autovacuum_naptime": "1s..1h", "autovacuum_max_workers": "1..32",
        "autovacuum_vacuum_cost_delay": "-1..100ms", "autovacuum_vacuum_cost_limit": "-1..10000",
        "autovacuum_vacuum_threshold": "0..1000000", "autovacuum_vacuum_scale_factor": "0..1",
        "autovacuum_vacuum_insert_threshold": "0..1000000", "autovacuum_vacuum_insert_scale_factor": "0..1",
        "autovacuum_analyze_threshold": "0..1000000", "autovacuum_analyze_scale_factor": "0..1",
        "vacuum_cost_delay": "0..100ms", "vacuum_cost_limit": "1..10000",
        # WAL and checkpoints
        "checkpoint_timeout": "1min..1h", "checkpoint_completion_target": "0.5..0.99", "max_wal_size": "256MB..256GB",
        "min_wal_size": "32MB..64GB", "wal_compression": ["on", "off", "pglz", "lz4", "zstd"],
        "bgwriter_delay": "10ms..10s", "bgwriter_lru_maxpages": "0..10000", "bgwriter_lru_multiplier": "0..10",
        # what is watched
        "track_io_timing": ["on", "off"], "track_wal_io_timing": ["on", "off"],
        "track_functions": ["none", "pl", "all"],
        "track_activity_query_size": "100B..64kB", "pg_stat_statements.track": ["top", "all"],
        "pg_stat_statements.track_planning": ["on", "off"], "pg_stat_statements.max": "1000..50000",
        "log_lock_waits": ["on", "off"], "log_checkpoints": ["on", "off"], "log_temp_files": "-1..",
        "log_autovacuum_min_duration": "-1..", "log_min_duration_statement": "100ms..1d",
        "idle_in_transaction_session_timeout": "1min..1d",
    }  # fmt: skip
    return tuple(allowed(name, value) for name, value in sorted(table.items()))


DEFAULT_ALLOWED = _default()
"""What may be changed where no policy lists its own. Those that need a restart are bounded here, and applied in two
printed steps by the kinds of change that know the machine's memory."""
