"""CREATE INDEX as a person writes it: understood, written anew, built, and taken back."""

from __future__ import annotations

from typing import Any

import pytest

from optischema_tui.core.change.kinds.kind import Outcome
from optischema_tui.core.change.kinds.registry import kind_of
from optischema_tui.core.change.protocol import apply_change, preflight
from optischema_tui.core.change.written import propose_written
from optischema_tui.core.errors import ChangeFailed, ChangeRefused
from optischema_tui.core.models import ChangeState, Level
from optischema_tui.core.target.session import open_session
from tests.core.change.kinds.of_indexes import indexes
from tests.core.change.kinds.of_tables import applied, approved, line, role, undone

Bench = Any
"""See conftest of core/change."""

TEXTS = (
    ("create index on items (order_id)", "USING btree (order_id)"),
    ("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON public.items (order_id DESC NULLS LAST, id);", "order_id DESC"),
    ('CREATE INDEX "Odd ""x"" é\n" ON items USING hash (note)', "USING hash (note)"),
    (
        "CREATE UNIQUE INDEX u ON items (id) INCLUDE (note)",
        "CREATE UNIQUE INDEX u ON public.items USING btree (id) INC",
    ),
    ("CREATE UNIQUE INDEX u ON items (id, order_id) NULLS NOT DISTINCT", "NULLS NOT DISTINCT"),
    ("CREATE INDEX p ON items (id) WHERE note LIKE 'a%' AND order_id IS NOT NULL", "WHERE ((note ~~ 'a%'"),
    ("CREATE INDEX e ON items (lower(note) text_pattern_ops, (order_id + 1))", "lower(note) text_pattern_ops"),
    ('CREATE INDEX c ON items (note COLLATE "C")', 'note COLLATE "C"'),
    ('CREATE INDEX c ON items (note COLLATE "C" text_pattern_ops DESC)', 'COLLATE "C" text_pattern_ops DESC'),
    ("CREATE INDEX w ON items (order_id) WITH (fillfactor = 70, deduplicate_items = off)", "fillfactor='70'"),
    ("CREATE INDEX t ON items (order_id) TABLESPACE pg_default", "USING btree (order_id)"),
)


@pytest.mark.parametrize(("text", "shown"), TEXTS)
def test_it_is_understood_built_recognised_and_undone(bench: Bench, text: str, shown: str) -> None:
    before = indexes(bench)
    change = applied(bench, text)
    assert change.state is ChangeState.VERIFYING
    (made,) = [row for name, row in indexes(bench).items() if name not in before]
    assert shown in made[2]
    assert made[1] == change.index_name
    with open_session(bench.spec) as session:
        # As a start after a kill sees it: nothing recorded of the built index, only what was approved.
        asked = change.detail.copy()
        del asked["definition"]
        found, why = kind_of(change.kind).outcome(session, type(change)(**{**_fields(change), "detail": asked}))
    assert found is Outcome.DONE, why
    assert undone(bench, change).state is ChangeState.ROLLED_BACK
    assert indexes(bench) == before


def _fields(change: Any) -> dict[str, Any]:
    return {name: getattr(change, name) for name in change.__slots__}


def test_a_name_is_made_that_is_free(bench: Bench) -> None:
    first = propose_written(bench.journal, bench.spec, "CREATE INDEX ON items (order_id)")
    bench.sql(f'CREATE VIEW "{first.index_name}" AS SELECT 1 AS one')
    second = propose_written(bench.journal, bench.spec, "CREATE INDEX ON items (order_id)")
    assert first.index_name != second.index_name
    assert second.index_name.startswith("items_order_id_os")


def test_nothing_of_the_text_is_passed_through(bench: Bench) -> None:
    change = propose_written(bench.journal, bench.spec, "create /* a */ index -- b\n i on items (order_id) ;")
    assert change.forward_sql == ('CREATE INDEX CONCURRENTLY "i" ON "public"."items" USING btree ("order_id")')
    assert change.inverse_sql == 'DROP INDEX CONCURRENTLY "public"."i"'
    assert change.detail["size_bytes"] > 100_000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("CREATE INDEX ON nowhere (a)", "no table nowhere"),
        ("CREATE INDEX ON items", r"\( is missing"),
        ("CREATE INDEX ON shown (id)", "is a view"),
        ("CREATE INDEX ON ONLY items (id)", "ONLY"),
        ("CREATE INDEX ON pg_class (relname)", "server's own"),
        ("CREATE INDEX ON items (my_own(note))", "my_own"),
        ("CREATE INDEX ON items (id) WHERE EXISTS (SELECT 1)", "condition"),
        ("CREATE INDEX ON items USING bloom (id)", "bloom"),
        ("CREATE UNIQUE INDEX ON items USING hash (id)", "hash index cannot be unique"),
        ("CREATE INDEX ON items (id) NULLS NOT DISTINCT", "unique index"),
        ("CREATE INDEX ON items (id) WITH (fillfactor = (70))", "storage parameter"),
        ("CREATE INDEX ON items (id) WITH (fillfactor = 70, fillfactor = 80)", "twice"),
        (f"CREATE INDEX {'n' * 64} ON items (id)", "63 bytes"),
        ('CREATE INDEX U&"x" ON items (id)', "Unicode escapes"),
        ('CREATE INDEX "" ON items (id)', "name is empty"),
        ("CREATE INDEX i ON items (id); DROP TABLE items", "not one whole statement"),
        ("CREATE INDEX i ON items (id) WHERE note = 'password=hunter2'", "secret"),
    ],
)
def test_what_is_refused_says_why(bench: Bench, text: str, why: str) -> None:
    bench.sql("CREATE VIEW shown AS SELECT * FROM items")
    with pytest.raises(ChangeRefused, match=why):
        propose_written(bench.journal, bench.spec, text)
    assert bench.journal.changes() == ()


def test_an_older_server_is_understood_too(bench_on: Any, fresh_old_db: str) -> None:
    bench = bench_on(fresh_old_db)
    assert applied(bench, "CREATE UNIQUE INDEX u ON items (id) NULLS NOT DISTINCT").state is ChangeState.VERIFYING


def test_rows_that_are_not_unique_leave_nothing(bench: Bench) -> None:
    before = indexes(bench)
    change = approved(bench, "CREATE UNIQUE INDEX u ON items (order_id)")
    assert "uniqueness" in change.detail["cautions"][0]
    with pytest.raises(ChangeFailed, match="not unique") as failed:
        apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
    assert "duplicated" not in failed.value.sentence
    assert indexes(bench) == before
    assert bench.journal.change(change.id).state is ChangeState.FAILED_CLEAN


def test_a_parameter_that_the_server_knows_not_leaves_nothing(bench: Bench) -> None:
    before = indexes(bench)
    change = approved(bench, "CREATE INDEX w ON items (order_id) WITH (fillfactor = 7)")
    with pytest.raises(ChangeFailed, match="fillfactor"):
        apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
    assert indexes(bench) == before


def test_an_equal_index_blocks_and_a_unique_one_is_not_equal_to_a_plain_one(bench: Bench) -> None:
    bench.sql("CREATE INDEX plain ON items (id, order_id)")
    for text, level in (
        ("CREATE INDEX a ON items (id, order_id)", Level.BLOCK),
        ("CREATE UNIQUE INDEX a ON items (id, order_id)", Level.PASS),
        ("CREATE UNIQUE INDEX a ON items (id)", Level.BLOCK),
        ("CREATE UNIQUE INDEX a ON items (id) NULLS NOT DISTINCT", Level.PASS),
    ):
        checks = preflight(bench.journal, bench.spec, approved(bench, text).id, limits=bench.quick)
        assert line(checks, "equal or covering index").level is level, text


def test_a_missing_privilege_is_named(bench: Bench) -> None:
    with role(bench, "no_owner_of_index") as other:
        change = approved(bench, "CREATE INDEX i ON items (order_id)")
        checks = preflight(bench.journal, other, change.id, limits=bench.quick)
        assert 'GRANT "postgres" TO "no_owner_of_index"' in line(checks, "privilege to do and undo").reason
