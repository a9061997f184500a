from __future__ import annotations

import pytest

from optischema_tui.core.models import StatementKey
from optischema_tui.core.workload.filter import CATALOG, MAINTENANCE, OTHER_DATABASE, OURS, PROVIDER, REASONS, classify
from optischema_tui.core.workload.picture import hidden_reason


@pytest.mark.parametrize(
    "text",
    [
        "BEGIN",
        "  commit",
        "-- a note\nROLLBACK",
        "/* x */ SET search_path = a",
        "show all",
        "DISCARD ALL",
        "DEALLOCATE $1",
        "VACUUM t",
        "analyze",
        "CREATE INDEX i ON t (a)",
        "EXPLAIN SELECT 1",
        "START TRANSACTION",
    ],
)
def test_maintenance(text):
    assert classify(text) == MAINTENANCE


@pytest.mark.parametrize(
    "text",
    [
        "SELECT * FROM pg_class",
        "SELECT * FROM pg_catalog.pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_index i",
        "select extract(epoch from now() - xact_start) from pg_stat_activity where pid is distinct from $1",
        "WITH x AS (SELECT oid FROM pg_class) SELECT * FROM x, LATERAL unnest($1) u",
        "SELECT count(*) FROM public.pg_stat_statements",
        "SELECT table_name FROM information_schema.tables",
        'SELECT 1 FROM "pg_class"',
        "(SELECT 1 FROM pg_class) UNION SELECT 2 FROM pg_index",
        "SELECT (SELECT substring(relname from $1 for $2) FROM pg_class LIMIT 1) FROM pg_database",
    ],
)
def test_catalog_only(text):
    assert classify(text) == CATALOG


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT $1",
        "SELECT pg_sleep($1)",
        "SELECT * FROM users",
        "SELECT 'pg_class' FROM users",
        "SELECT * FROM pg_class, users",
        "SELECT * FROM (pg_class c JOIN public.users u ON true)",
        "SELECT * FROM pg_class WHERE EXISTS (SELECT FROM users)",
        "WITH d AS (DELETE FROM t RETURNING 1) SELECT * FROM pg_class",
        "INSERT INTO t SELECT oid FROM pg_class",
        "SELECT * FROM myschema.pg_things",
        "COPY t FROM STDIN",
        "CALL work()",
        "FETCH 100 FROM c",
        "SELECT * FROM beginnings",
        "\x00\x1b]0;x\x07",
        "SELECT pg_" + "x, " * 20000 + "y FROM pg_class",
    ],
)
def test_seen(text):
    assert classify(text) == ""


def test_ours_wherever_the_marker_stands():
    assert classify("SELECT /* optischema-tui */ 1 FROM users") == OURS
    assert classify("/* optischema-tui */ SET x = 1") == OURS


def test_an_unterminated_comment_or_string_does_no_harm():
    assert classify("/* never ends SELECT FROM pg_class") == ""
    assert classify("SELECT 'x FROM pg_class") == ""


@pytest.mark.parametrize(
    "text",
    [
        "SELECT pg_stat_statements_reset()",
        "SELECT current_setting($1) AS cur, set_config($2, $3, $4) AS new",
        "select pg_catalog.pg_stat_reset()",
    ],
)
def test_calls_of_statistics_and_settings_are_no_work(text: str) -> None:
    assert classify(text) == CATALOG


@pytest.mark.parametrize("text", ["SELECT pg_sleep($1)", "SELECT f(set_config($1, $2, $3))", "SELECT $1 AS pg_x"])
def test_other_calls_without_a_relation_are_seen(text: str) -> None:
    assert classify(text) == ""


@pytest.mark.parametrize(
    ("role", "database", "dbid", "reason"),
    [
        ("rdsadmin", "shop", 5, PROVIDER),
        ("cloudsqladmin", "", 6, PROVIDER),
        ("app", "azure_maintenance", 6, PROVIDER),
        ("app", "shop", 6, OTHER_DATABASE),
        ("", "", 5, ""),
        ("rds_superuser", "shop", 5, ""),
        ("Rdsadmin", "shop", 5, ""),
    ],
)
def test_accounts_of_the_provider(role, database, dbid, reason):
    assert hidden_reason(StatementKey(1, dbid, 1), "SELECT a FROM t", 5, role=role, database=database) == reason
    assert reason in ("", *REASONS)


def test_nested_comments_before_the_first_word():
    assert classify("/* a /* b */ c */ VACUUM t") == MAINTENANCE
    assert classify("/* a /* b */ VACUUM */ SELECT a FROM t") == ""
