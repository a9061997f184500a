"""Every feature of the program x what it needs of the server: facts in, ticks and exact GRANTs or settings out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from optischema_tui.core.models import quote
from optischema_tui.core.target.capabilities import Capability, Group
from optischema_tui.core.target.change_features import changing
from optischema_tui.core.target.server_facts import ServerFacts, in_part, names, part

PRELOAD = (
    "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'; -- with what it holds already; then restart"
)
CREATE = "CREATE EXTENSION pg_stat_statements;"
ROOM_FOR_STATEMENTS = 5000
CONNECTIONS = 2
"""What observing opens at most."""
LARGEST_TEXT_FILE = 256 * 2**20
"""Bytes."""
TITLES = {
    "statements": "Statements and their load",
    "texts": "Texts of other roles' statements",
    "activity": "Sessions of other roles",
    "query_ids": "Statement of a session and of its waits",
    "locks": "Who blocks whom",
    "tables": "Tables, indexes and their sizes",
    "io": "Reads and writes by kind of process",
    "wal": "Write-ahead log",
    "checkpoints": "Checkpoints",
    "replication": "Replication and slots",
    "progress": "Progress of maintenance",
    "settings": "Settings and where they come from",
    "config_files": "Errors in the configuration files",
    "connections": "Connections this role may open",
    "counting": "What the server counts",
    "io_timing": "Time of reads and writes",
    "wal_timing": "Time of writing the log",
    "planning_time": "Planning time of statements",
    "statement_room": "Room for statements",
    "statement_memory": "Statements after a restart",
    "text_file": "File of statement texts",
    "activity_texts": "Length of the texts of sessions",
    "plans": "Plans of statements (EXPLAIN)",
    "statistics": "Statistics for the lab",
    "extended_statistics": "Multi-column statistics for the lab",
    "changes": "Changes in all",
    "create_index": "Creating indexes",
    "drop_index": "Dropping indexes, and undoing it",
    "maintain": "ANALYZE and VACUUM",
    "signal": "Cancelling who blocks",
    "parameters": "Changing settings",
}


def features(facts: ServerFacts) -> tuple[Capability, ...]:
    """Every part that the server decides on, in the order in which a person would read them."""
    parts = (*_observing(facts), *_figures(facts), *_advising(facts), *changing(facts))
    return tuple(replace(one, title=TITLES[one.name]) for one in parts)


# --- observing ---


def _observing(facts: ServerFacts) -> Iterator[Capability]:
    group, session = Group.OBSERVE, facts.session
    monitor = f"GRANT pg_monitor TO {facts.role};"
    stats = bool(session["read_all_stats"])
    yield _statements(facts)
    yield part(
        "texts", stats, "Statements of other roles are hidden", f"GRANT pg_read_all_stats TO {facts.role};", group
    )
    yield part("activity", stats, "The states of other roles' sessions are hidden", monitor, group)
    yield _query_ids(facts)
    yield in_part("locks", stats, "Of other roles' sessions only the process ids are seen", monitor, group)
    yield Capability("tables", True, group=group)
    for name, since, view in (("io", 16, "pg_stat_io"), ("wal", 14, "pg_stat_wal")):
        old = facts.version < since * 10000
        yield Capability(name, not old, f"{view} came with PostgreSQL {since}" if old else "", group=group)
    yield Capability("checkpoints", True, group=group)
    yield in_part("replication", stats, "State and lag of the standbys are hidden", monitor, group)
    yield in_part("progress", stats, "Progress of other roles' work is hidden", monitor, group)
    yield in_part(
        "settings",
        bool(session["read_all_settings"]),
        "Some settings, and the files that others come from, are hidden",
        f"GRANT pg_read_all_settings TO {facts.role};",
        group,
    )
    yield part(
        "config_files",
        bool(session["read_config_files"]),
        "pg_file_settings may not be read: a broken line in a configuration file is not seen before the restart",
        f"GRANT SELECT ON pg_catalog.pg_file_settings TO {facts.role};\n"
        f"GRANT EXECUTE ON FUNCTION pg_catalog.pg_show_all_file_settings() TO {facts.role};",
        group,
    )
    limit = int(session["connection_limit"])
    yield in_part(
        "connections",
        not 0 <= limit < CONNECTIONS,
        f"The role may have {limit} connection; two are used, so that a long answer delays no other",
        f"ALTER ROLE {facts.role} CONNECTION LIMIT 4;",
        Group.CONNECTION,
    )


def _statements(facts: ServerFacts) -> Capability:
    extension, preloaded, database = facts.extension, bool(facts.session["preloaded"]), f"database {facts.database}"
    preload = PRELOAD
    if facts.provider is not None:
        preload = facts.setting_lines("shared_preload_libraries = 'pg_stat_statements'", restart=True)
    reason = remedy = ""
    if extension is None and not preloaded:
        reason, remedy = "pg_stat_statements is neither loaded nor created", f"{preload}\n{CREATE}"
    elif extension is None:
        reason, remedy = f"The extension pg_stat_statements is not created in {database}", CREATE
    elif not preloaded:
        reason, remedy = "pg_stat_statements is created but not loaded at server start", preload
    elif not extension["may_call"]:
        schema = quote(extension["schema"])
        reason = "This role may not call pg_stat_statements"
        remedy = (
            f"GRANT USAGE ON SCHEMA {schema} TO {facts.role};\n"
            f"GRANT EXECUTE ON FUNCTION {schema}.pg_stat_statements(boolean) TO {facts.role};"
        )
    elif facts.settings.get("pg_stat_statements.track") == "none":
        return Capability(
            "statements",
            True,
            "pg_stat_statements.track is none: no statement is counted",
            facts.setting_lines("pg_stat_statements.track = 'top'"),
            limited=True,
        )
    return part("statements", not reason, reason, remedy, Group.OBSERVE)


def _query_ids(facts: ServerFacts) -> Capability:
    if facts.version < 140000:
        return Capability("query_ids", False, "Sessions tell their query id since PostgreSQL 14", group=Group.OBSERVE)
    how = facts.settings.get("compute_query_id", "off")
    known = how == "on" or (how in ("auto", "regress") and bool(facts.session["preloaded"]))
    return part(
        "query_ids",
        known,
        f"compute_query_id is {how}: what a session waits for cannot be laid to a statement",
        facts.setting_lines("compute_query_id = on"),
        Group.OBSERVE,
    )


# --- figures that may mislead ---


def _figures(facts: ServerFacts) -> Iterator[Capability]:
    group = Group.FIGURES
    off = [name for name in ("track_activities", "track_counts") if not facts.on(name)]
    yield in_part(
        "counting",
        not off,
        f"{' and '.join(off)} is off: sessions or table counters stand still, and autovacuum is blind",
        "\n".join(facts.setting_lines(f"{name} = on") for name in off),
        group,
    )
    yield in_part(
        "io_timing",
        facts.on("track_io_timing"),
        "track_io_timing is off: times of reads and writes are zeros, which does not mean fast",
        facts.setting_lines("track_io_timing = on"),
        group,
    )
    if facts.version >= 140000:
        yield in_part(
            "wal_timing",
            facts.on("track_wal_io_timing"),
            "track_wal_io_timing is off: times of writing the log are zeros, which does not mean fast",
            facts.setting_lines("track_wal_io_timing = on"),
            group,
        )
    if facts.session["preloaded"]:
        yield from _statement_figures(facts)
    size = int(facts.settings.get("track_activity_query_size", "1024"))
    yield in_part(
        "activity_texts",
        size >= 1024,
        f"track_activity_query_size is {size}: texts of sessions are cut there",
        facts.setting_lines("track_activity_query_size = 4096", restart=True),
        group,
    )


def _statement_figures(facts: ServerFacts) -> Iterator[Capability]:
    group = Group.FIGURES
    yield in_part(
        "planning_time",
        facts.on("pg_stat_statements.track_planning"),
        "pg_stat_statements.track_planning is off: planning times are zeros",
        facts.setting_lines("pg_stat_statements.track_planning = on"),
        group,
    )
    room = int(facts.settings.get("pg_stat_statements.max", ROOM_FOR_STATEMENTS))
    yield in_part(
        "statement_room",
        not facts.evictions,
        f"pg_stat_statements.max = {room} is too small: the least used statements were forgotten {facts.evictions}"
        f" times since {facts.evictions_since or 'the last reset'}, so their figures are lower bounds",
        facts.setting_lines(f"pg_stat_statements.max = {max(2 * room, ROOM_FOR_STATEMENTS)}", restart=True),
        group,
    )
    yield in_part(
        "statement_memory",
        facts.on("pg_stat_statements.save"),
        "pg_stat_statements.save is off: a restart forgets all statements",
        facts.setting_lines("pg_stat_statements.save = on"),
        group,
    )
    if facts.text_file_bytes:
        yield in_part(
            "text_file",
            facts.text_file_bytes <= LARGEST_TEXT_FILE,
            f"The file of statement texts has {facts.text_file_bytes // 2**20} MB, and each reading of texts loads it"
            " whole",
            "SELECT pg_stat_statements_reset(); -- forgets all counters; other tools see the break too",
            group,
        )


# --- advice ---


def _advising(facts: ServerFacts) -> Iterator[Capability]:
    group, role, session, tables = Group.ADVISE, facts.role, facts.session, facts.tables
    yield _plans(facts)
    yield part(
        "statistics",
        bool(session["read_pg_statistic"]) or tables["readable"] >= tables["tables"],
        "The planner's statistics may be read for a part of the tables only",
        f"GRANT SELECT ON pg_catalog.pg_statistic TO {role};",
        group,
    )
    yield part(
        "extended_statistics",
        bool(session["read_pg_statistic_ext"]),
        "pg_statistic_ext_data may not be read: multi-column statistics are missing in the lab",
        f"GRANT SELECT ON pg_catalog.pg_statistic_ext_data TO {role};",
        group,
    )


def _plans(facts: ServerFacts) -> Capability:
    tables, role = facts.tables, facts.role
    hidden = tables["tables"] - tables["readable"]
    if facts.version >= 140000:
        remedy = f"GRANT pg_read_all_data TO {role}; -- all rows and password hashes; narrower: doctor --sql --tier lab"
    else:
        schemas = [quote(schema) for schema in names(tables["unreadable_schemas"])]
        remedy = "\n".join(
            f"GRANT USAGE ON SCHEMA {schema} TO {role};\nGRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {role};"
            for schema in schemas
        )
    reason = f"EXPLAIN needs SELECT on every table of a statement; {hidden} of {tables['tables']} may not be read"
    return part("plans", hidden <= 0, reason, remedy, Group.ADVISE)
