"""DROP INDEX of an index that somebody else has made: what forbids it, and that the way back gives all of it back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from optischema_tui.core.change.approval import approve
from optischema_tui.core.change.protocol import apply_change, preflight
from optischema_tui.core.change.written import propose_written
from optischema_tui.core.errors import ChangeFailed, ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check, Evidence, Level, Recommendation, Risk
from tests.core.change.kinds.of_indexes import indexes
from tests.core.change.kinds.of_tables import applied, approved, line, undone
from tests.core.change.test_killed import settle_all

Bench = Any
"""See conftest of core/change."""

ODD = 'we"ird é'


def look(bench: Bench, change: Change) -> tuple[Check, ...]:
    return preflight(bench.journal, bench.spec, change.id, limits=bench.quick)


@pytest.fixture
def whole(bench: Bench) -> Bench:
    """With an index that has all that an index can have."""
    bench.sql("CREATE EXTENSION pg_trgm; CREATE SCHEMA other; CREATE EXTENSION btree_gist SCHEMA other")
    bench.sql(
        'CREATE INDEX "we""ird é" ON items (lower(note) text_pattern_ops DESC NULLS LAST, (order_id % 7), id)'
        " INCLUDE (order_id) WITH (fillfactor = 61) WHERE note <> E'it''s \\n \"so\" \\\\ %s'"
    )
    bench.sql('ALTER INDEX "we""ird é" ALTER COLUMN 1 SET STATISTICS 123, ALTER COLUMN 2 SET STATISTICS 0')
    bench.sql('COMMENT ON INDEX "we""ird é" IS E\'it\'\'s \\n "so" \\\\ 100 %s; DROP TABLE items\'')
    bench.sql('ALTER INDEX "we""ird é" DEPENDS ON EXTENSION pg_trgm')
    return bench


def test_the_way_back_gives_everything_back(whole: Bench) -> None:
    before = indexes(whole)
    change = applied(whole, 'drop index if exists "we""ird é" restrict;')
    assert change.state is ChangeState.VERIFYING
    assert ODD not in indexes(whole)
    assert len(change.undo_steps) == 5
    assert undone(whole, change).state is ChangeState.ROLLED_BACK
    assert indexes(whole) == before


def test_what_an_index_has_besides_its_definition_is_part_of_what_was_approved(whole: Bench) -> None:
    change = approved(whole, 'DROP INDEX "we""ird é"')
    whole.sql('COMMENT ON INDEX "we""ird é" IS NULL')
    check = line(look(whole, change), "index unchanged")
    assert (check.level, check.reason) == (Level.BLOCK, "It has been changed since this was written: comment")
    with pytest.raises(ChangeRefused, match="changed since"):
        apply_change(whole.journal, whole.spec, change.id, limits=whole.quick)


def test_a_restoration_that_is_broken_off_is_carried_on_with(whole: Bench) -> None:
    before = indexes(whole)
    change = applied(whole, 'DROP INDEX "we""ird é"')
    whole.sql("DROP EXTENSION pg_trgm")
    with pytest.raises(ChangeFailed):
        undone(whole, change)
    undo = next(each for each in whole.journal.changes() if each.rolls_back == change.id)
    assert undo.state is ChangeState.LEFTOVER
    assert whole.index_state(ODD) == "valid"
    whole.sql("CREATE EXTENSION pg_trgm")
    assert undone(whole, change).state is ChangeState.ROLLED_BACK
    assert indexes(whole) == before


def test_names_are_printed_with_their_schema_whatever_the_session_is_set_to(whole: Bench) -> None:
    whole.sql("CREATE INDEX g ON items USING gist (order_id other.gist_int4_ops)")
    whole.sql("CREATE TYPE other.mood AS ENUM ('a', 'b'); ALTER TABLE items ADD mood other.mood DEFAULT 'a'")
    whole.sql("CREATE INDEX m ON items (id) WHERE mood = 'a'")
    before = indexes(whole)
    for name in ("g", "m"):
        change = applied(whole, f"DROP INDEX {name}")
        whole.sql(f"ALTER DATABASE {whole.identity.database} SET search_path = other, public")
        assert undone(whole, change).state is ChangeState.ROLLED_BACK
        whole.sql(f"ALTER DATABASE {whole.identity.database} RESET search_path")
    assert indexes(whole) == before


def test_nothing_is_built_where_a_schema_stands_before_the_servers_own(bench: Bench) -> None:
    bench.sql("CREATE INDEX e ON items (lower(note)); CREATE SCHEMA evil")
    change = applied(bench, "DROP INDEX e")
    bench.sql(f"ALTER DATABASE {bench.identity.database} SET search_path = evil, pg_catalog, public")
    with pytest.raises(ChangeRefused, match="schema evil before pg_catalog"):
        undone(bench, change)
    bench.sql(f"ALTER DATABASE {bench.identity.database} RESET search_path")
    assert undone(bench, change).state is ChangeState.ROLLED_BACK


@pytest.mark.parametrize(
    ("make", "drop", "why"),
    [
        ("", "items_pkey", "items_pkey.*DROP CONSTRAINT"),
        ("CREATE UNIQUE INDEX u ON items (id, order_id)", "u", "enforces uniqueness"),
        ("ALTER TABLE items ADD CONSTRAINT x EXCLUDE (id WITH =)", "x", "constraint x"),
        ("CREATE INDEX c ON items (note); ALTER TABLE items CLUSTER ON c", "c", "clustered"),
        (
            "CREATE UNIQUE INDEX r ON items (order_id, id); ALTER TABLE items ALTER id SET NOT NULL;"
            " ALTER TABLE items REPLICA IDENTITY USING INDEX r", "r", "replica identity",
        ),
        (
            "CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);"
            " CREATE INDEX on_p ON p (a)", "p1_a_idx", r'partition of the index public.on_p.*"public"."on_p"',
        ),
        ("", "pg_class_oid_index", "server's own"),
        ("", "items", "no index items"),
        ("", "nowhere.i", "no index nowhere.i"),
        ("CREATE INDEX s ON items (id) WHERE note = 'password=hunter2'", "s", "secret"),
        ("", "a, b", "Several"),
        ("CREATE INDEX i ON items (note)", "i CASCADE", "not understood from 'CASCADE'"),
    ],
)  # fmt: skip
def test_what_must_stay_is_refused_with_its_reason(bench: Bench, make: str, drop: str, why: str) -> None:
    if make:
        bench.sql(make)
    with pytest.raises(ChangeRefused, match=why):
        propose_written(bench.journal, bench.spec, f"DROP INDEX {drop}")


def test_what_came_to_rest_on_it_since_blocks(bench: Bench) -> None:
    bench.sql("CREATE INDEX i ON items (note)")
    change = approved(bench, "DROP INDEX i")
    bench.sql("ALTER TABLE items CLUSTER ON i")
    assert "clustered" in line(look(bench, change), "index not needed otherwise").reason


def test_the_only_index_for_a_foreign_key_stays(bench: Bench) -> None:
    bench.sql("CREATE TABLE lines (a int, b int, item bigint REFERENCES items, note text)")
    bench.sql("CREATE INDEX one ON lines (item, a)")
    change = approved(bench, "DROP INDEX one")
    check = line(look(bench, change), "foreign keys")
    assert (check.level, "lines_item_fkey" in check.reason) == (Level.BLOCK, True)
    bench.sql("CREATE INDEX partial ON lines (item) WHERE a > 1")
    assert line(look(bench, change), "foreign keys").level is Level.BLOCK
    bench.sql("CREATE INDEX two ON lines (item)")
    assert line(look(bench, change), "foreign keys").level is Level.PASS


def test_scans_and_statistics_of_expressions_are_warned_of(bench: Bench) -> None:
    bench.sql("CREATE INDEX e ON items (lower(note)); ANALYZE items")
    change = approved(bench, "DROP INDEX e")
    checks = look(bench, change)
    assert "lower(note)" in line(checks, "statistics of expressions").reason
    assert line(checks, "use").level is Level.PASS
    assert any("standby" in caution for caution in change.detail["cautions"])
    with psycopg.connect(bench.dsn) as session:
        session.execute("SET enable_seqscan = off")
        session.execute("SET enable_bitmapscan = off")
        session.execute("SELECT * FROM items WHERE lower(note) = 'a'")
        session.execute("SELECT pg_stat_force_next_flush()")
    check = line(look(bench, change), "use")
    assert (check.level, "counts 1 scans" in check.reason, "the last at" in check.reason) == (Level.WARN, True, True)


def test_an_invalid_index_may_go_and_does_not_come_back(bench: Bench) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        bench.sql("CREATE UNIQUE INDEX CONCURRENTLY broken ON items (order_id)")
    change = approved(bench, "DROP INDEX broken")
    assert not change.inverse_sql
    gone = apply_change(bench.journal, bench.spec, change.id, limits=bench.quick, typed="public.broken")
    assert gone.state is ChangeState.VERIFYING
    assert bench.index_state("broken") == "absent"
    with pytest.raises(ChangeRefused, match="no way back"):
        undone(bench, change)


def test_a_drop_that_a_reader_stops_half_way_is_finished_later(bench: Bench) -> None:
    bench.sql("CREATE INDEX slow ON items (note)")
    change = approved(bench, "DROP INDEX slow")
    with psycopg.connect(bench.dsn) as reader:
        reader.execute("SELECT * FROM items LIMIT 1")
        with pytest.raises(ChangeFailed):
            apply_change(bench.journal, bench.spec, change.id, limits=bench.quick, pause=lambda seconds: False)
        assert bench.journal.change(change.id).state is ChangeState.LEFTOVER
        assert bench.index_state("slow") == "invalid"
    again = apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
    assert again.state is ChangeState.VERIFYING
    assert undone(bench, change).state is ChangeState.ROLLED_BACK
    assert bench.index_state("slow") == "valid"


def test_a_drop_that_is_half_done_can_be_taken_back_by_a_rebuild(bench: Bench) -> None:
    """The reader that holds the drop up need not end for that: only the old copy waits for it."""
    bench.sql("CREATE INDEX slow ON items (note); COMMENT ON INDEX slow IS 'kept'")
    before = indexes(bench)
    change = approved(bench, "DROP INDEX slow")
    with psycopg.connect(bench.dsn) as reader:
        reader.execute("SELECT * FROM items LIMIT 1")
        with pytest.raises(ChangeFailed):
            apply_change(bench.journal, bench.spec, change.id, limits=bench.quick, pause=lambda seconds: False)
        assert bench.index_state("slow") == "invalid"
        with pytest.raises(ChangeFailed):
            undone(bench, change)
        assert bench.index_state("slow") == "valid"
    assert sorted(settle_all(bench)) == ["done", "not done"]
    assert indexes(bench) == before
    states = {bench.journal.change(each.id).state for each in bench.journal.changes() if each.rolls_back == change.id}
    assert states == {ChangeState.KEPT}


# --- what the advisor recommends ---


def advice(bench: Bench, name: str) -> Recommendation:
    with psycopg.connect(bench.dsn) as session:
        session.execute("SET search_path = pg_catalog")
        found = session.execute("SELECT pg_get_indexdef(%s::regclass)", (f'public."{name}"',)).fetchone()
    assert found
    return Recommendation(
        id="0123456789ab",
        target=bench.identity.fingerprint,
        kind="drop_index",
        title="Drop it",
        forward_sql=f'DROP INDEX CONCURRENTLY "public"."{name}"',
        inverse_sql=f"CREATE INDEX CONCURRENTLY {found[0].removeprefix('CREATE INDEX ')}",
        risk=Risk.MEDIUM,
        risk_reasons=(),
        evidence=Evidence((), 0.0, 0.0, 0.0, 8192, "lab", "medium", unknowns=("Whether a standby reads it.",)),
        index_name=name,
    )


def test_advice_to_drop_is_carried_out_and_taken_back_whole(bench: Bench) -> None:
    bench.sql("CREATE INDEX old ON items (note) WITH (fillfactor = 50); COMMENT ON INDEX old IS 'for the report'")
    before = indexes(bench)
    change = approve(bench.journal, advice(bench, "old"), bench.identity, bench.dsn)
    assert change.detail["cautions"] == ["Whether a standby reads it."]
    assert (change.schema, change.table, change.kind) == ("public", "items", "drop_index")
    assert apply_change(bench.journal, bench.spec, change.id, limits=bench.quick).state is ChangeState.VERIFYING
    assert undone(bench, change).state is ChangeState.ROLLED_BACK
    assert indexes(bench) == before


def test_advice_to_drop_an_index_that_has_changed_since_is_blocked(bench: Bench) -> None:
    bench.sql("CREATE INDEX old ON items (note)")
    change = approve(bench.journal, advice(bench, "old"), bench.identity, bench.dsn)
    bench.sql("DROP INDEX old; CREATE INDEX old ON items (note, id)")
    with pytest.raises(ChangeRefused, match="its definition is now"):
        apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)


@pytest.mark.parametrize(
    ("forward", "inverse"),
    [
        ('DROP INDEX CONCURRENTLY "public"."other"', None),
        ('DROP INDEX "public"."old"', None),
        (None, 'CREATE INDEX CONCURRENTLY "other" ON public.items USING btree (note)'),
        (None, "DROP TABLE items"),
        (None, "CREATE UNIQUE INDEX CONCURRENTLY old ON public.items USING btree (note)"),
        (None, "CREATE INDEX CONCURRENTLY old ON items USING btree (note)"),
        (None, "CREATE INDEX CONCURRENTLY old ON public.items USING btree (note); DROP TABLE items"),
    ],
)
def test_advice_that_does_not_hold_together_is_refused(bench: Bench, forward: str | None, inverse: str | None) -> None:
    bench.sql("CREATE INDEX old ON items (note)")
    good = advice(bench, "old")
    bad = replace(good, forward_sql=forward or good.forward_sql, inverse_sql=inverse or good.inverse_sql)
    with pytest.raises(ChangeRefused):
        approve(bench.journal, bad, bench.identity, bench.dsn)
