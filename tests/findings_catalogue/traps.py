"""Schemas and histories that look as if an index could go, and where it must not be said."""

from __future__ import annotations

from dataclasses import replace

from optischema_tui.core.findings.indexes.facts import Facts
from tests.findings_catalogue.case import Case, Server

FILL = "INSERT INTO t (a, b, s) SELECT g, g % 10, 'text ' || g FROM generate_series(1, 3000) g;"
T = f"CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY, a int, b int, s text); {FILL}"
PARTITIONED = (
    "CREATE TABLE t (id bigint, a int NOT NULL, b int) PARTITION BY RANGE (a);"
    "CREATE TABLE t_low PARTITION OF t FOR VALUES FROM (0) TO (2000);"
    "CREATE TABLE t_high PARTITION OF t FOR VALUES FROM (2000) TO (4000);"
    "INSERT INTO t SELECT g, g, g % 10 FROM generate_series(1, 3000) g; CREATE INDEX t_b ON t (b);"
)
PARENT = "CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT generate_series(0, 3000);"
CHILD = f"{PARENT} CREATE TABLE t (id int, a int REFERENCES p, b int, s text);" + FILL
DELETES = "DELETE FROM p WHERE id = 0;"


def _standby(facts: Facts) -> Facts:
    return replace(facts, in_recovery=True)


def _at_work(facts: Facts) -> Facts:
    return replace(facts, details={key: replace(each, worked_at=True) for key, each in facts.details.items()})


def _scanned_since(facts: Facts) -> Facts:
    return replace(facts, details={key: replace(each, scans=3) for key, each in facts.details.items()})


def _not_counted(facts: Facts) -> Facts:
    servers = tuple(replace(each, uses={}, counted={}) for each in facts.servers)
    return replace(facts, servers=servers)


USE: tuple[Case, ...] = (
    Case("primary_key", f"{T} ALTER TABLE t ADD CONSTRAINT t_pk PRIMARY KEY (id);", "t_pk"),
    Case("unique_constraint", f"{T} ALTER TABLE t ADD CONSTRAINT t_u UNIQUE (a);", "t_u"),
    Case("unique_index", f"{T} CREATE UNIQUE INDEX t_u ON t (a);", "t_u", verdict="enforces uniqueness"),
    Case("unique_partial", f"{T} CREATE UNIQUE INDEX t_u ON t (a) WHERE b = 1;", "t_u", verdict="enforces uniqueness"),
    Case("unique_expression", f"{T} CREATE UNIQUE INDEX t_u ON t (lower(s));", "t_u", verdict="enforces uniqueness"),
    Case("exclusion", f"{T} ALTER TABLE t ADD CONSTRAINT t_x EXCLUDE USING gist (int4range(a, a + 1) WITH &&);", "t_x"),
    Case(
        "referenced_unique_index",
        f"{T} CREATE UNIQUE INDEX t_u ON t (a); CREATE TABLE child (a int REFERENCES t (a));",
        "t_u",
        verdict="supports a constraint",
    ),
    Case("foreign_key", f"{CHILD} CREATE INDEX t_fk ON t (a);", "t_fk", verdict="serves a foreign key"),
    Case(
        "foreign_key_two_columns",
        "CREATE TABLE p (x int, y int, PRIMARY KEY (x, y)); "
        "INSERT INTO p SELECT g, g % 10 FROM generate_series(1, 3000) g;"
        f"CREATE TABLE t (id int, a int, b int, s text, FOREIGN KEY (a, b) REFERENCES p); {FILL}"
        "CREATE INDEX t_fk ON t (b, a);",
        "t_fk",
        verdict="serves a foreign key",
    ),
    Case(
        "foreign_key_two_unused",
        f"{CHILD} CREATE INDEX t_fk ON t (a, b); CREATE INDEX t_fk_long ON t (a, s, b);",
        "t_fk",
        verdict="serves a foreign key",
    ),
    Case(
        "foreign_key_self",
        "CREATE TABLE t (id int PRIMARY KEY, a int REFERENCES t, b int, s text);"
        "INSERT INTO t SELECT g, NULL, 1, 'x' FROM generate_series(1, 3000) g; CREATE INDEX t_fk ON t (a);",
        "t_fk",
        verdict="serves a foreign key",
    ),
    Case(
        "replica_identity",
        "CREATE TABLE t (id int NOT NULL, a int, b int, s text); "
        "INSERT INTO t SELECT g, g FROM generate_series(1, 99) g;"
        "CREATE UNIQUE INDEX t_ri ON t (id); ALTER TABLE t REPLICA IDENTITY USING INDEX t_ri;",
        "t_ri",
        verdict="replica identity",
    ),
    Case("clustered", f"{T} CREATE INDEX t_a ON t (a); CLUSTER t USING t_a;", "t_a", verdict="clustered on it"),
    Case("partition", PARTITIONED, "t_low_b_idx", verdict="part of a partitioned index"),
    Case("partitioned", PARTITIONED, "t_b"),
    Case(
        "extension",
        f"{T} CREATE INDEX t_a ON t (a); ALTER EXTENSION pg_stat_statements ADD TABLE t;",
        "t_a",
        verdict="belongs to an extension",
    ),
    Case(
        "expression_statistics",
        f"{T} CREATE INDEX t_e ON t (lower(s));",
        "t_e",
        verdict="expression statistics",
    ),
    Case(
        "statistics_target",
        f"{T} CREATE INDEX t_e ON t (lower(s)); ALTER INDEX t_e ALTER COLUMN 1 SET STATISTICS 1000;",
        "t_e",
        verdict="expression statistics",
    ),
    Case(
        "materialized_view",
        f"{T} CREATE MATERIALIZED VIEW m AS SELECT a FROM t; CREATE UNIQUE INDEX m_u ON m (a);",
        "m_u",
        verdict="enforces uniqueness",
    ),
    Case("used", f"{T} CREATE INDEX t_a ON t (a);", "t_a", own=Server(uses={"t_a": (3,)})),
    Case("month_end", f"{T} CREATE INDEX t_a ON t (a);", "t_a", own=Server(uses={"t_a": (31,)})),
    Case("quarter_end", f"{T} CREATE INDEX t_a ON t (a);", "t_a", own=Server(first=150, uses={"t_a": (90,)})),
    Case(
        "crash_reset",
        f"{T} CREATE INDEX t_a ON t (a);",
        "t_a",
        own=Server(breaks=((5, "crash"),), uses={"t_a": (20, 25)}),
    ),
    Case(
        "reset_by_hand",
        f"{T} CREATE INDEX t_a ON t (a);",
        "t_a",
        own=Server(breaks=((2, "reset"),), uses={"t_a": (30,)}),
    ),
    Case(
        "used_just_after_a_crash",
        f"{T} CREATE INDEX t_a ON t (a);",
        "t_a",
        own=Server(breaks=((10, "crash"),), uses={"t_a": (9,)}),
    ),
    Case(
        "same_count_after_a_crash",
        f"{T} CREATE INDEX t_a ON t (a);",
        "t_a",
        own=Server(breaks=((10, "crash"),), base={"t_a": 2}, uses={"t_a": (9, 9)}),
    ),
    Case(
        "watch_begins_with_a_crash",
        f"{T} CREATE INDEX t_a ON t (a);",
        "t_a",
        own=Server(first=20, breaks=()),
        verdict="needs longer",
    ),
    Case("too_short", f"{T} CREATE INDEX t_a ON t (a);", "t_a", own=Server(first=30), verdict="needs longer"),
    Case("never_watched", f"{T} CREATE INDEX t_a ON t (a);", "t_a", own=None, verdict="needs longer"),
    Case(
        "gap_with_a_crash",
        f"{T} CREATE INDEX t_a ON t (a);",
        "t_a",
        own=Server(breaks=((15, "crash"),), gaps=((14, 10),)),
        verdict="needs longer",
    ),
    Case("watch_ended", f"{T} CREATE INDEX t_a ON t (a);", "t_a", own=Server(last=7), verdict="needs longer"),
    Case("new_index", f"{T} CREATE INDEX t_a ON t (a);", "t_a", own=Server(born={"t_a": 12}), verdict="new"),
    Case("rebuilt_by_name", f"{T} CREATE INDEX t_a ON t (a);", "t_a", own=Server(born={"t_a": 1}), verdict="new"),
    Case(
        "standby_not_watched",
        f"{T} CREATE INDEX t_a ON t (a);",
        "t_a",
        standbys=("replica1",),
        verdict="standby not watched",
    ),
    Case(
        "second_standby_not_watched",
        f"{T} CREATE INDEX t_a ON t (a);",
        "t_a",
        others=(Server(number=2),),
        standbys=("replica1", "replica2"),
        verdict="standby not watched",
    ),
    Case(
        "standby_watched_briefly",
        f"{T} CREATE INDEX t_a ON t (a);",
        "t_a",
        others=(Server(first=10, number=2),),
        standbys=("replica1",),
        verdict="standby not watched",
    ),
    Case(
        "used_on_a_standby",
        f"{T} CREATE INDEX t_a ON t (a);",
        "t_a",
        others=(Server(number=2, uses={"t_a": (4, 8)}),),
        standbys=("replica1",),
        verdict="used elsewhere",
    ),
    Case(
        "connected_to_a_standby",
        f"{T} CREATE INDEX t_a ON t (a);",
        "t_a",
        change=_standby,
        verdict="standby not watched",
    ),
    Case(
        "another_server_watched",
        f"{T} CREATE INDEX t_a ON t (a);",
        "t_a",
        own=None,
        others=(Server(number=2),),
        verdict="needs longer",
    ),
    Case("scanned_since_the_last_reading", f"{T} CREATE INDEX t_a ON t (a);", "t_a", change=_scanned_since),
    Case("not_among_the_stored", f"{T} CREATE INDEX t_a ON t (a);", "t_a", change=_not_counted, verdict="not known"),
    Case(
        "unusable_now",
        f"{T} CREATE INDEX t_a ON t (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_a'::regclass;",
        "t_a",
        change=_at_work,
    ),
)
"""None of these is `safe to drop`."""


def _pair(name: str, first: str, second: str, setup: str = T, about: str = "") -> Case:
    return Case(
        name, f"{setup} CREATE INDEX one ON t {first}; CREATE INDEX two ON t {second};", about, "index.redundant"
    )


_LOOKALIKES: tuple[Case, ...] = (
    _pair("not_a_prefix", "(b)", "(a, b)"),
    _pair("other_order", "(a, b)", "(b, a)"),
    _pair("other_direction", "(a, b)", "(a, b DESC)"),
    _pair("other_nulls", "(a)", "(a NULLS FIRST)"),
    _pair("other_nulls_falling", "(a DESC NULLS LAST)", "(a)"),
    _pair("other_opclass", "(s)", "(s text_pattern_ops)"),
    _pair("other_collation", "(s)", '(s COLLATE "C")'),
    _pair("other_collation_prefix", '(s COLLATE "C")', "(s, a)"),
    _pair("other_method", "(a)", "USING hash (a)"),
    _pair("other_method_brin", "(a)", "USING brin (a)"),
    _pair("partial_and_whole", "(a) WHERE b = 1", "(a)"),
    _pair("other_condition", "(a) WHERE b = 1", "(a) WHERE b = 2"),
    _pair("partial_survivor", "(a)", "(a, b) WHERE b = 1"),
    _pair("other_expression", "(lower(s))", "(upper(s))"),
    _pair("expression_and_column", "(lower(s))", "(s)"),
    _pair("include_not_covered", "(a) INCLUDE (s)", "(a, b)"),
    _pair("include_is_no_key", "(a, b)", "(a) INCLUDE (b)", about="one"),
    _pair("gin_opclasses", "USING gin (j)", "USING gin (j jsonb_path_ops)", "CREATE TABLE t (j jsonb);"),
    _pair("brin_ranges", "USING brin (a) WITH (pages_per_range = 8)", "USING brin (a)"),
    _pair("gist_prefix", "USING gist (r)", "USING gist (r, q)", "CREATE TABLE t (r int4range, q int4range);"),
    Case(
        "survivor_that_goes_itself",
        f"{T} CREATE INDEX t_a ON t (a); CREATE INDEX t_ab ON t (a, b);",
        "t_a",
        "index.redundant",
        own=Server(uses={"t_a": (1, 2, 3)}),
    ),
    Case(
        "invalid_survivor",
        f"{T} CREATE INDEX one ON t (a); CREATE INDEX two ON t (a, b);"
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'two'::regclass;",
        "one",
        "index.redundant",
    ),
    Case(
        "unique_is_no_prefix",
        f"{T} CREATE UNIQUE INDEX one ON t (a); CREATE INDEX two ON t (a, b);",
        "one",
        "index.redundant",
    ),
    Case(
        "unique_of_fewer",
        f"{T} CREATE UNIQUE INDEX one ON t (a); CREATE UNIQUE INDEX two ON t (a, b);",
        "one",
        "index.redundant",
    ),
    Case(
        "nulls_not_distinct",
        f"{T} CREATE UNIQUE INDEX one ON t (a); CREATE UNIQUE INDEX two ON t (a) NULLS NOT DISTINCT;",
        "",
        "index.redundant",
    ),
    Case(
        "deferrable_survivor",
        f"{T} CREATE UNIQUE INDEX one ON t (a); ALTER TABLE t ADD CONSTRAINT two UNIQUE (a) DEFERRABLE;",
        "one",
        "index.redundant",
    ),
    Case(
        "two_constraints",
        f"{T} ALTER TABLE t ADD PRIMARY KEY (id); ALTER TABLE t ADD CONSTRAINT two UNIQUE (id);",
        "two",
        "index.redundant",
    ),
    Case(
        "identity_of_replicas",
        "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE UNIQUE INDEX two ON t (id);"
        "ALTER TABLE t REPLICA IDENTITY USING INDEX two;",
        "two",
        "index.redundant",
    ),
    Case(
        "referenced_twin",
        "CREATE TABLE t (id int NOT NULL, a int); CREATE UNIQUE INDEX two ON t (id);"
        "CREATE TABLE c (id int REFERENCES t (id)); ALTER TABLE t ADD PRIMARY KEY (id);",
        "two",
        "index.redundant",
    ),
    Case("partition_prefix", f"{PARTITIONED} CREATE INDEX t_ba ON t (b, a);", "", "index.redundant"),
    Case(
        "other_table",
        f"{T} CREATE TABLE u (a int, b int); CREATE INDEX one ON t (a); CREATE INDEX two ON u (a, b);",
        "",
        "index.redundant",
    ),
)
_BOTH_USED = Server(uses={"one": (1, 2), "two": (1, 2)})
REDUNDANT = tuple(replace(each, own=_BOTH_USED) if each.own == Server() else each for each in _LOOKALIKES)
"""None of these is a duplicate or redundant: both are in use, so that each could stand in for the other."""

OTHER: tuple[Case, ...] = (
    Case(
        "build_at_work",
        f"{T} CREATE INDEX t_a ON t (a); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 't_a'::regclass;",
        "t_a",
        "index.invalid",
        verdict="may be at work",
        change=_at_work,
    ),
    Case("parent_never_deleted", CHILD, "t", "index.foreign_key"),
    Case("key_covered_in_any_order", f"{CHILD} CREATE INDEX t_fk ON t (a, b); {DELETES}", "t", "index.foreign_key"),
    Case(
        "key_covered_without_nulls",
        f"{CHILD} CREATE INDEX t_fk ON t (a) WHERE a IS NOT NULL; {DELETES}",
        "t",
        "index.foreign_key",
    ),
    Case(
        "small_child",
        f"{PARENT} CREATE TABLE t (a int REFERENCES p); INSERT INTO t VALUES (1), (2); {DELETES}",
        "t",
        "index.foreign_key",
    ),
    Case("fresh_is_no_bloat", f"{T} CREATE INDEX t_a ON t (a); CREATE INDEX t_s ON t (s);", "", "index.bloated"),
    Case(
        "random_order_is_no_bloat",
        "CREATE TABLE t (u uuid); CREATE INDEX t_u ON t (u);"
        "INSERT INTO t SELECT md5(g::text)::uuid FROM generate_series(1, 20000) g;",
        "",
        "index.bloated",
    ),
    Case(
        "low_fillfactor_is_no_bloat",
        f"{T} INSERT INTO t (a) SELECT generate_series(1, 20000); CREATE INDEX t_a ON t (a) WITH (fillfactor = 35);",
        "",
        "index.bloated",
    ),
    Case(
        "index_only_scans",
        f"{T} CREATE INDEX t_i ON t (a) INCLUDE (s); VACUUM t;",
        "t_i",
        "index.oversized",
        own=Server(uses={"t_i": (1, 5, 9)}, fetches=0.2),
    ),
    Case(
        "included_but_not_vacuumed",
        f"{T} CREATE INDEX t_i ON t (a) INCLUDE (s);",
        "t_i",
        "index.oversized",
        own=Server(uses={"t_i": (1, 5, 9)}),
    ),
    Case("no_containment_asked", "CREATE TABLE t (j jsonb); CREATE INDEX t_j ON t (j);", "t_j", "index.wrong_type"),
    Case(
        "small_and_ordered",
        f"{T} CREATE INDEX t_a ON t (a);",
        "t_a",
        "index.wrong_type",
        own=Server(uses={"t_a": (1,)}),
    ),
    Case("vacuumed_table", f"{T} CREATE INDEX t_a ON t (a); VACUUM t;", "t", "index.unvacuumed"),
)
"""None of these is told, or not as something to act on."""
