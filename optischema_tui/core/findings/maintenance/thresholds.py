"""When autovacuum comes to a table (PostgreSQL's documentation, chapter 24.1.6, the autovacuum daemon)."""

from __future__ import annotations

from optischema_tui.core.findings.maintenance.facts import Facts, Table

FREEZE_MAX_AGE = 200_000_000
MULTIXACT_MAX_AGE = 400_000_000
_FALSE = ("off", "false", "no", "0")


def rows_of(table: Table) -> float:
    return max(table.rows, 0.0)


def vacuum_threshold(facts: Facts, table: Table) -> float:
    """Dead rows above which autovacuum vacuums it: base + factor * rows, at most the maximum that 18 has."""
    base = facts.option(table, "autovacuum_vacuum_threshold", 50)
    factor = facts.option(table, "autovacuum_vacuum_scale_factor", 0.2)
    most = facts.option(table, "autovacuum_vacuum_max_threshold", -1)
    threshold = base + factor * rows_of(table)
    return min(threshold, most) if most >= 0 else threshold


def analyze_threshold(facts: Facts, table: Table) -> float:
    """Changed rows above which autovacuum analyzes it."""
    base = facts.option(table, "autovacuum_analyze_threshold", 50)
    return base + facts.option(table, "autovacuum_analyze_scale_factor", 0.1) * rows_of(table)


def freeze_max_age(facts: Facts, table: Table | None = None) -> float:
    """Age at which autovacuum freezes even where it is off. A table may ask for less, never for more."""
    name = "autovacuum_freeze_max_age"
    server = facts.setting(name, FREEZE_MAX_AGE)
    return min(server, facts.option(table, name, server)) if table else server


def multixact_max_age(facts: Facts, table: Table | None = None) -> float:
    name = "autovacuum_multixact_freeze_max_age"
    server = facts.setting(name, MULTIXACT_MAX_AGE)
    return min(server, facts.option(table, name, server)) if table else server


def is_vacuumed(facts: Facts, table: Table) -> bool:
    """Whether autovacuum looks at it at all."""
    server = facts.settings.get("autovacuum", "on").lower() not in _FALSE
    counts = facts.settings.get("track_counts", "on").lower() not in _FALSE
    return server and counts and table.options.get("autovacuum_enabled", "true").lower() not in _FALSE
