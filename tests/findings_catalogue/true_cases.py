"""Schemas and histories with something to find, each with what must be said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from optischema_tui.core.findings.indexes.facts import Facts, Hourly, StatementSeen
from tests.findings_catalogue.case import Case, Server
from tests.findings_catalogue.traps import CHILD, DELETES, FILL, PARENT, T

MANY = "INSERT INTO t (a, b, s) SELECT g, g % 10, 'text ' || g FROM generate_series(1, 30000) g;"
THINNED = "DELETE FROM t WHERE id % 20 <> 0; VACUUM t;"


def asking(text: str) -> Callable[[Facts], Facts]:
    def change(facts: Facts) -> Facts:
        return replace(facts, statements=(StatementSeen(77, text, 1000, 5000.0),))

    return change


def _deleted(facts: Facts) -> Facts:
    return replace(facts, writes={key: Hourly(0.0, 0.0, 60.0) for key in facts.tables})


def _large(facts: Facts) -> Facts:
    """As if the tables had 10 GB: rows in order, as ANALYZE found them."""
    tables = {}
    for key, table in facts.tables.items():
        indexes = tuple(replace(each, size_bytes=1 << 30) for each in table.indexes)
        tables[key] = replace(table, size_bytes=10 << 30, rows=1e8, indexes=indexes)
    return replace(facts, tables=tables)


def _unused(name: str, index: str, own: Server | None = None, **more: object) -> Case:
    case = Case(name, f"{T} CREATE INDEX t_x ON t {index};", "t_x", verdict="safe to drop", own=own or Server())
    return replace(case, **more)  # type: ignore[arg-type]


USE: tuple[Case, ...] = (
    _unused("plain", "(a)"),
    _unused("two_columns", "(b, a)"),
    _unused("falling", "(a DESC)"),
    _unused("covering", "(a) INCLUDE (s)"),
    _unused("partial", "(a) WHERE b = 3"),
    _unused("hash", "USING hash (s)"),
    _unused("brin", "USING brin (a)"),
    _unused("gin", "USING gin (string_to_array(s, ' '))", verdict="expression statistics"),
    _unused("pattern", "(s text_pattern_ops)"),
    _unused("scanned_before_the_watch", "(a)", Server(base={"t_x": 500})),
    _unused("clean_restart", "(a)", Server(breaks=((20, "restart"),), base={"t_x": 500})),
    _unused("crash_with_full_cover", "(a)", Server(breaks=((20, "crash"),))),
    _unused("crash_after_old_use", "(a)", Server(breaks=((20, "crash"),), base={"t_x": 500})),
    _unused("short_gap_in_one_epoch", "(a)", Server(gaps=((30, 20),))),
    _unused("standby_watched_too", "(a)", others=(Server(number=2),), standbys=("replica1",)),
    _unused(
        "two_standbys_watched", "(a)", others=(Server(number=2), Server(number=3)), standbys=("replica1", "replica2")
    ),
    Case(
        "not_the_only_one_of_a_key",
        f"{CHILD} CREATE INDEX t_fk ON t (a); CREATE INDEX t_x ON t (a, s, b);",
        "t_x",
        verdict="safe to drop",
        own=Server(uses={"t_fk": (1,)}),
    ),
    Case(
        "wider_than_the_one_in_use",
        f"{T} CREATE INDEX t_a ON t (a); CREATE INDEX t_x ON t (a, b);",
        "t_x",
        verdict="safe to drop",
        own=Server(uses={"t_a": (1, 2, 3)}),
    ),
    Case(
        "of_a_materialized_view",
        f"{T} CREATE MATERIALIZED VIEW m AS SELECT a, b FROM t; CREATE INDEX m_x ON m (b);",
        "m_x",
        verdict="safe to drop",
    ),
)


def _pair(name: str, gone: str, stays: str, verdict: str, setup: str = T, unique: str = "") -> Case:
    sql = f"{setup} CREATE INDEX two_gone ON t {gone}; CREATE {unique} INDEX one_stays ON t {stays};"
    return Case(
        name, sql, "two_gone", "index.redundant", verdict, own=Server(uses={"two_gone": (1, 2), "one_stays": (1,)})
    )


REDUNDANT: tuple[Case, ...] = (
    _pair("same", "(a)", "(a) INCLUDE (b)", "duplicate"),
    _pair("exact_twin", "(a, b)", "(a, b)", "duplicate"),
    _pair("prefix", "(a)", "(a, b)", "redundant"),
    _pair("prefix_of_three", "(a, b)", "(a, b, id)", "redundant"),
    _pair("backwards", "(a DESC)", "(a, b)", "redundant"),
    _pair("backwards_both", "(a DESC, b)", "(a, b DESC)", "duplicate"),
    _pair("expression_twin", "(lower(s))", "(lower(s), a)", "redundant"),
    _pair("partial_prefix", "(a) WHERE b = 1", "(a, id) WHERE b = 1", "redundant"),
    _pair("opclass_prefix", "(s text_pattern_ops)", "(s text_pattern_ops, a)", "redundant"),
    _pair("collation_prefix", '(s COLLATE "C")', '(s COLLATE "C", a)', "redundant"),
    _pair("include_in_keys", "(a) INCLUDE (b)", "(a, b)", "redundant"),
    _pair("hash_twin", "USING hash (a)", "USING hash (a)", "duplicate"),
    _pair("gin_twin", "USING gin (j)", "USING gin (j)", "duplicate", "CREATE TABLE t (j jsonb);"),
    _pair("brin_twin", "USING brin (a)", "USING brin (a)", "duplicate"),
    _pair("of_a_unique_one", "(a)", "(a)", "duplicate", unique="UNIQUE"),
    _pair("prefix_of_a_unique_one", "(a)", "(a, id)", "redundant", unique="UNIQUE"),
    Case(
        "of_a_primary_key",
        f"{T} ALTER TABLE t ADD PRIMARY KEY (id); CREATE INDEX two_gone ON t (id);",
        "two_gone",
        "index.redundant",
        "duplicate",
    ),
    Case(
        "unique_twin_of_a_primary_key",
        f"{T} ALTER TABLE t ADD PRIMARY KEY (id); CREATE UNIQUE INDEX two_gone ON t (id);",
        "two_gone",
        "index.redundant",
        "duplicate",
    ),
    Case(
        "key_covered_twice",
        f"{CHILD} CREATE INDEX two_gone ON t (a); CREATE INDEX one_stays ON t (a, b);",
        "two_gone",
        "index.redundant",
        "redundant",
        own=Server(uses={"two_gone": (1, 2), "one_stays": (1,)}),
    ),
    Case(
        "much_wider_survivor",
        "CREATE TABLE t (a int, s text); CREATE INDEX two_gone ON t (a); CREATE INDEX one_stays ON t (a, s);"
        "INSERT INTO t SELECT g % 50, repeat(md5(g::text), 8) FROM generate_series(1, 5000) g;",
        "two_gone",
        "index.redundant",
        "covered by a much wider one",
        own=Server(uses={"two_gone": (1, 2), "one_stays": (1,)}),
    ),
)


def _invalid(name: str, index: str, verdict: str, more: str = "") -> Case:
    sql = f"{T} CREATE INDEX {index} ON t (a); {more} UPDATE pg_index SET indisvalid = false"
    return Case(name, f"{sql} WHERE indexrelid = '{index}'::regclass;", index, "index.invalid", verdict)


OTHER: tuple[Case, ...] = (
    _invalid("failed_build", "t_a", "not valid"),
    _invalid("failed_twin", "t_a", "left over", "CREATE INDEX t_ab ON t (a, b);"),
    _invalid("broken_rebuild", "t_a_ccnew", "left over"),
    _invalid("broken_rebuild_old", "t_a_ccold1", "left over"),
    Case(
        "thinned_out", f"{T} CREATE INDEX t_x ON t (a); {MANY} {THINNED} ANALYZE t;", "t_x", "index.bloated", "bloated"
    ),
    Case(
        "thinned_text", f"{T} CREATE INDEX t_x ON t (s); {MANY} {THINNED} ANALYZE t;", "t_x", "index.bloated", "bloated"
    ),
    Case(
        "thinned_unique",
        f"{T} ALTER TABLE t ADD CONSTRAINT t_x PRIMARY KEY (id); {MANY} {THINNED} ANALYZE t;",
        "t_x",
        "index.bloated",
        "bloated",
    ),
    Case("unvacuumed", f"{T} CREATE INDEX t_x ON t (a); {MANY}", "t", "index.unvacuumed", "never vacuumed"),
    Case("key_without_index", f"{CHILD} {DELETES}", "t", "index.foreign_key", "missing", change=_deleted),
    Case(
        "key_with_partial_index",
        f"{CHILD} CREATE INDEX t_fk ON t (a) WHERE b = 1; {DELETES}",
        "t",
        "index.foreign_key",
        "missing",
        change=_deleted,
    ),
    Case(
        "key_with_index_in_second_place",
        f"{CHILD} CREATE INDEX t_fk ON t (b, a); {DELETES}",
        "t",
        "index.foreign_key",
        "missing",
        change=_deleted,
    ),
    Case(
        "key_with_hash_of_another",
        f"{PARENT} CREATE TABLE t (id int, a int REFERENCES p ON DELETE CASCADE, b int, s text); {FILL}"
        f"CREATE INDEX t_b ON t USING hash (b); {DELETES}",
        "t",
        "index.foreign_key",
        "missing",
        change=_deleted,
    ),
    Case(
        "unread_include",
        f"{T} CREATE INDEX t_x ON t (a) INCLUDE (s); VACUUM t;",
        "t_x",
        "index.oversized",
        "included columns unread",
        own=Server(uses={"t_x": (1, 5, 9)}),
    ),
    Case(
        "documents",
        "CREATE TABLE t (j jsonb); CREATE INDEX t_x ON t (j);",
        "t_x",
        "index.wrong_type",
        "wrong type",
        change=asking("SELECT * FROM t WHERE j @> $1"),
    ),
    Case(
        "arrays",
        "CREATE TABLE t (tags text[]); CREATE INDEX t_x ON t (tags);",
        "t_x",
        "index.wrong_type",
        "wrong type",
        change=asking("SELECT count(*) FROM t WHERE t.tags && $1"),
    ),
    Case(
        "ordered_and_large",
        f"{T} CREATE INDEX t_x ON t (a);",
        "t_x",
        "index.wrong_type",
        "a summary would do",
        own=Server(uses={"t_x": (1, 2)}),
        change=_large,
    ),
)
