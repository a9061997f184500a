"""CREATE INDEX on a partitioned table: partition by partition, carried on with after a break, and taken back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from optischema_tui.core.change.approval import approve
from optischema_tui.core.change.protocol import apply_change, preflight, roll_back
from optischema_tui.core.change.written import propose_written
from optischema_tui.core.errors import ChangeFailed, ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check, IndexSpec, Level
from tests.core.change.kinds.of_indexes import indexes
from tests.core.change.kinds.of_tables import applied, approved, line, role, undone
from tests.core.change.test_killed import killed, settle_all, start

Bench = Any
"""See conftest of core/change."""

TABLES = """
CREATE TABLE sale (id int, at int, note text) PARTITION BY RANGE (at);
CREATE TABLE sale_1 PARTITION OF sale FOR VALUES FROM (0) TO (100);
CREATE TABLE sale_2 PARTITION OF sale FOR VALUES FROM (100) TO (200) PARTITION BY LIST (id);
CREATE SCHEMA "o ld";
CREATE TABLE "o ld"."sale ""2" PARTITION OF sale_2 FOR VALUES IN (1);
CREATE TABLE sale_2_rest PARTITION OF sale_2 DEFAULT;
INSERT INTO sale SELECT g % 5, g % 200, 'x' FROM generate_series(1, 1000) g
"""
TEXT = "CREATE INDEX by_id ON sale (id, lower(note)) WITH (fillfactor = 80) WHERE at > 3"


@pytest.fixture
def sale(bench: Bench) -> Bench:
    bench.sql(TABLES)
    return bench


def look(bench: Bench, change: Change) -> tuple[Check, ...]:
    return preflight(bench.journal, bench.spec, change.id, limits=bench.quick)


def go(bench: Bench, change: Change) -> Change:
    return apply_change(bench.journal, bench.spec, change.id, limits=bench.quick, pause=lambda seconds: False)


def test_it_is_built_partition_by_partition_and_taken_back(sale: Bench) -> None:
    before = indexes(sale)
    change = approved(sale, TEXT)
    assert change.kind == "partitioned_index"
    assert len(change.steps) == 9
    assert change.steps[0].startswith('CREATE INDEX "by_id" ON ONLY "public"."sale"')
    assert sum("CONCURRENTLY" in sql for sql in change.steps) == 3
    assert go(sale, change).state is ChangeState.VERIFYING
    made = {name: row for name, row in indexes(sale).items() if name not in before}
    assert len(made) == 5
    assert all(row[4] and row[5] for row in made.values())
    assert undone(sale, change).state is ChangeState.ROLLED_BACK
    assert indexes(sale) == before
    undo = next(each for each in sale.journal.changes() if each.rolls_back == change.id)
    assert undo.forward_sql == 'DROP INDEX "public"."by_id"'
    assert roll_back(sale.journal, sale.spec, undo.id, limits=sale.quick).state is ChangeState.ROLLED_BACK
    assert {name: row for name, row in indexes(sale).items() if name not in before} == made


def test_an_equal_index_of_a_partition_is_attached_and_comes_back_after_the_undo(sale: Bench) -> None:
    sale.sql("CREATE INDEX mine ON sale_1 (id) WITH (fillfactor = 55); COMMENT ON INDEX mine IS 'kept'")
    sale.sql("CREATE INDEX not_mine ON sale_2_rest (id DESC)")
    before = indexes(sale)
    change = applied(sale, "CREATE INDEX by_id ON sale (id)")
    assert indexes(sale)["mine"][15] == "by_id"
    assert "builds them again: mine" in change.detail["cautions"][1]
    assert undone(sale, change).state is ChangeState.ROLLED_BACK
    assert indexes(sale) == before


def test_a_broken_build_is_carried_on_with(sale: Bench) -> None:
    """A duplicate in the last partition: what is done stays, the invalid leaf goes, and the rest follows later."""
    change = approved(sale, "CREATE UNIQUE INDEX one ON sale (id, at, note)")
    with pytest.raises(ChangeFailed, match="not unique"):
        go(sale, change)
    begun = sale.journal.change(change.id)
    assert begun.state is ChangeState.LEFTOVER
    assert sale.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid AND indrelid::regclass::text NOT IN"
                    " ('sale', 'sale_2')") == [(0,)]  # fmt: skip
    sale.sql("DELETE FROM sale a USING sale b WHERE (a.id, a.at) = (b.id, b.at)"
             " AND (a.tableoid, a.ctid) < (b.tableoid, b.ctid)")  # fmt: skip
    assert go(sale, change).state is ChangeState.VERIFYING
    assert sale.sql("SELECT 1 FROM pg_index WHERE NOT indisvalid") == []


@pytest.mark.parametrize("at", ["sale_1", "sale_2_rest"])
def test_a_part_of_it_can_be_rolled_back(sale: Bench, at: str) -> None:
    sale.sql("CREATE INDEX mine ON sale_2_rest (id, at, note) WHERE at > 0")
    before = indexes(sale)
    sale.sql(f"INSERT INTO {at} SELECT id, at, 'twice' FROM {at} LIMIT 1")
    sale.sql(f"INSERT INTO {at} SELECT id, at, 'twice' FROM {at} WHERE note = 'twice' LIMIT 1")
    sale.sql("DELETE FROM sale WHERE note <> 'twice'")
    change = approved(sale, "CREATE UNIQUE INDEX one ON sale (id, at, note)")
    with pytest.raises(ChangeFailed, match="not unique"):
        go(sale, change)
    assert undone(sale, change).state is ChangeState.ROLLED_BACK
    assert indexes(sale) == before


def test_partitions_that_come_or_go_are_refused(sale: Bench) -> None:
    change = approved(sale, TEXT)
    sale.sql("CREATE TABLE sale_3 PARTITION OF sale FOR VALUES FROM (200) TO (300)")
    assert "Added since the approval: public.sale_3" in line(look(sale, change), "partitions").reason
    sale.sql("DROP TABLE sale_3; ALTER TABLE sale DETACH PARTITION sale_1")
    check = line(look(sale, change), "partitions")
    assert (check.level, "Detached or dropped since" in check.reason) == (Level.BLOCK, True)
    with pytest.raises(ChangeRefused, match="sale_1"):
        go(sale, change)


def test_a_partition_that_goes_in_the_middle_is_a_conflict_that_can_be_undone(sale: Bench) -> None:
    before = indexes(sale)
    change = approved(sale, TEXT)
    with psycopg.connect(sale.dsn) as writer:
        writer.execute("INSERT INTO sale_2_rest VALUES (2, 150, 'y')")
        with pytest.raises(ChangeFailed):
            go(sale, change)
    assert sale.journal.change(change.id).state is ChangeState.LEFTOVER
    sale.sql("ALTER TABLE sale DETACH PARTITION sale_2")
    with pytest.raises(ChangeRefused, match="Detached"):
        go(sale, change)
    assert settle_all(sale) == ["conflict"]
    assert sale.journal.change(change.id).state is ChangeState.NEEDS_ATTENTION
    assert undone(sale, change).state is ChangeState.ROLLED_BACK
    assert indexes(sale) == before


@pytest.mark.parametrize(
    ("make", "text", "why"),
    [
        ("CREATE TABLE sale (a int) PARTITION BY LIST (a)", "CREATE INDEX ON ONLY sale (a)", "ONLY"),
        ("CREATE TABLE sale (a int) PARTITION BY LIST (a)", "CREATE INDEX ON sale (nowhere(a))", "nowhere"),
    ],
)
def test_what_is_refused(bench: Bench, make: str, text: str, why: str) -> None:
    bench.sql(make)
    with pytest.raises(ChangeRefused, match=why):
        propose_written(bench.journal, bench.spec, text)


def test_a_partition_that_can_hold_no_index_blocks(sale: Bench) -> None:
    sale.sql("CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw")
    sale.sql("CREATE FOREIGN TABLE away PARTITION OF sale FOR VALUES FROM (500) TO (600) SERVER far")
    check = line(look(sale, approved(sale, TEXT)), "partitions")
    assert (check.level, "away" in check.reason) == (Level.BLOCK, True)


def test_every_partitions_owner_and_waits_are_looked_at(sale: Bench, until: Any) -> None:
    change = approved(sale, TEXT)
    with psycopg.connect(sale.dsn, application_name="nightly") as session:
        session.execute("LOCK TABLE sale_2_rest IN SHARE MODE")
        check = line(look(sale, change), "lock can be had")
        assert (check.level, check.reason.startswith("public.sale_2_rest: ")) == (Level.BLOCK, True)
    with role(sale, "owner_of_one_part"):
        sale.sql("ALTER TABLE sale_1 OWNER TO owner_of_one_part")
        with role(sale, "owner_of_none") as other:
            checks = preflight(sale.journal, other, change.id, limits=sale.quick)
            reason = line(checks, "privilege to do and undo").reason
            assert 'GRANT "owner_of_one_part" TO "owner_of_none"' in reason
            assert 'GRANT CREATE ON SCHEMA "o ld" TO "owner_of_none"' in reason
        sale.sql("ALTER TABLE sale_1 OWNER TO postgres")


def test_an_index_in_the_way_blocks(sale: Bench) -> None:
    change = approved(sale, TEXT)
    child = change.detail["nodes"][1]["index"]
    sale.sql(f'CREATE INDEX "{child}" ON sale_1 (note)')
    assert "exists" in line(look(sale, change), "index names").reason
    sale.sql(f'DROP INDEX "{child}"; CREATE INDEX whole ON sale (id, lower(note)) WHERE at > 3')
    assert line(look(sale, change), "equal or covering index").level is Level.BLOCK


def test_a_partition_that_came_later_loses_its_part_with_the_undo(sale: Bench) -> None:
    before = indexes(sale)
    change = applied(sale, TEXT)
    sale.sql("CREATE TABLE sale_3 PARTITION OF sale FOR VALUES FROM (200) TO (300)")
    told: list[Check] = []
    roll_back(sale.journal, sale.spec, change.id, on_check=told.append, limits=sale.quick)
    assert "Partitions were added since" in line(told, "index unchanged").reason
    assert indexes(sale) == before


def test_it_runs_on_an_older_server(bench_on: Any, fresh_old_db: str) -> None:
    bench = bench_on(fresh_old_db)
    bench.sql(TABLES)
    before = indexes(bench)
    change = applied(bench, TEXT)
    assert change.state is ChangeState.VERIFYING
    assert undone(bench, change).state is ChangeState.ROLLED_BACK
    assert indexes(bench) == before


# --- kill -9 ---


@pytest.mark.parametrize("fault", ["after_intent", "before_execute", "after_execute", "during_build", "after_applied"])
def test_killed_while_building(sale: Bench, fault: str) -> None:
    before = indexes(sale)
    change = approved(sale, TEXT)
    with psycopg.connect(sale.dsn) as blocker:
        if fault == "during_build":
            blocker.execute("INSERT INTO sale_1 VALUES (1, 1, 'z')")
        killed(start(sale, "apply", change.id, fault))
    settle_all(sale)
    state = sale.journal.change(change.id).state
    assert state in (ChangeState.FAILED_CLEAN, ChangeState.LEFTOVER, ChangeState.VERIFYING)
    assert (state is ChangeState.FAILED_CLEAN) == (indexes(sale) == before)
    if state is not ChangeState.VERIFYING:
        assert go(sale, change).state is ChangeState.VERIFYING
    assert sale.sql("SELECT 1 FROM pg_index WHERE NOT indisvalid") == []
    assert len(indexes(sale)) == len(before) + 5
    assert undone(sale, change).state is ChangeState.ROLLED_BACK
    assert indexes(sale) == before


@pytest.mark.parametrize("fault", ["after_intent", "before_execute", "after_execute", "before_undone"])
def test_killed_while_rolling_back(sale: Bench, fault: str) -> None:
    sale.sql("CREATE INDEX mine ON sale_1 (id)")
    before = indexes(sale)
    change = applied(sale, "CREATE INDEX by_id ON sale (id)")
    killed(start(sale, "rollback", change.id, fault))
    settle_all(sale)
    if sale.journal.change(change.id).state is not ChangeState.ROLLED_BACK:
        assert fault != "before_undone"
        assert undone(sale, change).state is ChangeState.ROLLED_BACK
    assert indexes(sale) == before
    assert settle_all(sale) == []


# --- DROP INDEX of one that is there ---


def test_a_partitioned_index_of_others_is_dropped_and_made_again(sale: Bench) -> None:
    sale.sql("CREATE INDEX theirs ON sale (id, (at + 1)); COMMENT ON INDEX theirs IS 'all'")
    sale.sql("ALTER INDEX sale_1_id_expr_idx ALTER COLUMN 2 SET STATISTICS 7")
    sale.sql("COMMENT ON INDEX sale_1_id_expr_idx IS 'one'")
    before = indexes(sale)
    change = applied(sale, "DROP INDEX theirs")
    assert change.forward_sql == 'DROP INDEX "public"."theirs"'
    assert len(indexes(sale)) == len(before) - 5
    assert undone(sale, change).state is ChangeState.ROLLED_BACK
    assert indexes(sale) == before


def test_a_part_that_carries_something_stops_the_drop(sale: Bench) -> None:
    sale.sql("CREATE INDEX theirs ON sale (id)")
    change = approved(sale, "DROP INDEX theirs")
    sale.sql("ALTER TABLE sale_1 CLUSTER ON sale_1_id_idx")
    check = line(look(sale, change), "index unchanged")
    assert (check.level, "clustered" in check.reason) == (Level.BLOCK, True)
    sale.sql("ALTER TABLE sale_1 SET WITHOUT CLUSTER; CREATE TABLE sale_3 PARTITION OF sale"
             " FOR VALUES FROM (200) TO (300)")  # fmt: skip
    assert "parts that it had not" in line(look(sale, change), "index unchanged").reason


# --- the advisor's recipe ---


def recipe(bench: Bench) -> Any:
    """The statements as the advisor prints them for this table."""
    spec = IndexSpec("public", "sale", ("note",))
    kept = propose_written(bench.journal, bench.spec, "CREATE INDEX sale_note ON sale (note)")
    bench.index, bench.name = spec, "sale_note"
    return replace(bench.recommendation(), forward_sql=kept.forward_sql, inverse_sql='DROP INDEX "public"."sale_note"')


def test_the_advisors_recipe_is_carried_out(sale: Bench) -> None:
    before = indexes(sale)
    change = approve(sale.journal, recipe(sale), sale.identity, sale.dsn)
    assert change.kind == "partitioned_index"
    assert go(sale, change).state in (ChangeState.VERIFYING, ChangeState.NEEDS_ATTENTION)
    assert len(indexes(sale)) == len(before) + 5
    assert undone(sale, change).state is ChangeState.ROLLED_BACK
    assert indexes(sale) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("ATTACH PARTITION", "DETACH PARTITION"),
        ('("note")', '("note", "id")'),
        ("CREATE INDEX CONCURRENTLY", "CREATE UNIQUE INDEX CONCURRENTLY"),
        (";\nALTER", ";\nDROP TABLE sale;\nALTER"),
        ("ON ONLY", "ON"),
        ('"sale_note" ON ONLY', '"other" ON ONLY'),
    ],
)
def test_a_recipe_that_says_more_is_refused(sale: Bench, old: str, new: str) -> None:
    good = recipe(sale)
    with pytest.raises(ChangeRefused):
        approve(sale.journal, replace(good, forward_sql=good.forward_sql.replace(old, new, 1)), sale.identity, sale.dsn)


def test_the_recipe_of_the_advisor_itself_is_read(tmp_path: Path) -> None:
    from optischema_tui.core.advise.judge.recipe import forward_and_inverse
    from optischema_tui.core.change.recommended import draft_of
    from optischema_tui.core.models import CatalogFacts, Evidence, Recommendation, Risk, TableFacts

    def table(name: str, of: str = "", partitioned: bool = False) -> TableFacts:
        return TableFacts("s", name, 1, 1.0, 1, (), (), partitioned=partitioned, partition_of=of)

    tables = (table("p", partitioned=True), table("p1", "p"), table("p2", "p", True), table("p2a", "p2"))
    facts = CatalogFacts({("s", each.name): each for each in tables})
    spec = IndexSpec("s", "p", ("a", "(lower(b))"), computed=(False, True), predicate="(c = ';\n'::text)")
    forward, inverse = forward_and_inverse(spec, "i", facts)
    told = Recommendation(
        "0123456789ab", "t", "create_index", "T", forward, inverse, Risk.LOW, (),
        Evidence((), 1.0, 1.0, 1.0, 1, "lab", "high"), spec, "i",
    )  # fmt: skip
    draft = draft_of(told)
    assert (draft.kind, len(draft.steps)) == ("partitioned_index", 7)
