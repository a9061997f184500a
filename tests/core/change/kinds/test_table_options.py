"""Options of tables: set, drifted, killed, undone byte for byte."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from optischema_tui.core.change.approval import begin, give_approval
from optischema_tui.core.change.ids import uuid7
from optischema_tui.core.change.protocol import apply_change, preflight
from optischema_tui.core.change.written import propose_written
from optischema_tui.core.clock import SYSTEM
from optischema_tui.core.errors import ChangeFailed, ChangeRefused
from optischema_tui.core.models import ChangeState, Level, quote
from tests.core.change.kinds.of_tables import Bench, applied, approved, line, role, storage, undone
from tests.core.change.test_killed import killed, settle_all, start

SEVERAL = (
    "ALTER TABLE items SET (fillfactor = 80, autovacuum_vacuum_scale_factor = .05), RESET (autovacuum_enabled),"
    " ALTER COLUMN note SET STATISTICS 500"
)


def test_several_options_are_one_statement_and_come_back(bench: Bench) -> None:
    before = storage(bench)
    change = applied(bench, SEVERAL)
    assert len(change.steps) == 1
    assert change.state is ChangeState.VERIFYING
    assert storage(bench)[0][0] == "{fillfactor=80,autovacuum_vacuum_scale_factor=.05}"
    assert ("note", 500) in storage(bench)
    assert any("pages that are written from now on" in told for told in change.detail["cautions"])
    assert any("next ANALYZE" in told for told in change.detail["cautions"])
    assert undone(bench, change).state is ChangeState.ROLLED_BACK
    assert storage(bench) == before


def test_the_order_of_the_list_comes_back_too(bench: Bench) -> None:
    bench.sql("ALTER TABLE items SET (fillfactor = 70, parallel_workers = 2, toast.autovacuum_enabled = off)")
    before = storage(bench)
    change = applied(bench, "alter table only public.ITEMS set (fillfactor=90, toast.vacuum_truncate)")
    assert storage(bench) != before
    undone(bench, change)
    assert storage(bench) == before


REFUSED = (
    ("ALTER TABLE items SET (fillfactor = 80) WHERE true", "not understood"),
    ("ALTER TABLE items SET (fillfactor = 80; x)", "one whole statement"),
    ("ALTER TABLE items SET (oids = true)", "not a storage option"),
    ("ALTER TABLE items SET (toast.fillfactor = 80)", "not a storage option"),
    ("ALTER TABLE items SET (fillfactor = 80, fillfactor = 90)", "twice"),
    ("ALTER TABLE items DROP COLUMN note", "not carried out"),
    ("ALTER TABLE items SET LOGGED", "not carried out"),
    ("ALTER TABLE items ALTER note TYPE int", "statistics target"),
    ("ALTER TABLE items ALTER note SET STATISTICS 10001", "not a statistics target"),
    ("ALTER TABLE items ALTER nothing SET STATISTICS 5", "no column nothing"),
    ("ALTER TABLE items SET (autovacuum_enabled = off)", "already"),
    ("ALTER TABLE items SET (fillfactor = (SELECT 1))", "not understood"),
    ("ALTER TABLE nowhere SET (fillfactor = 80)", "no table"),
    ("ALTER TABLE seen SET (fillfactor = 80)", "is a view"),
    ("ALTER TABLE thin SET (toast.autovacuum_enabled = off)", "no TOAST table"),
    ("ALTER TABLE split SET (fillfactor = 80)", "Set them on its partitions: public.split_one"),
    ("ALTER TABLE split ALTER a SET STATISTICS 9", "Write ALTER TABLE ONLY"),
    ("ALTER TABLE SET (fillfactor = 80)", "."),
    ("ALTER TABLE items SET (log_autovacuum_min_duration = 'password=hunter2')", "looks like a secret"),
)


def test_what_is_refused_says_why(bench: Bench) -> None:
    bench.sql("CREATE VIEW seen AS SELECT 1; CREATE TABLE thin (a int)")
    bench.sql("CREATE TABLE split (a int) PARTITION BY LIST (a); CREATE TABLE split_one PARTITION OF split DEFAULT")
    for sql, why in REFUSED:
        with pytest.raises(ChangeRefused) as refused:
            propose_written(bench.journal, bench.spec, sql)
        assert re.search(why, refused.value.sentence), (sql, refused.value.sentence)
    assert bench.journal.changes() == ()


def test_names_and_values_of_any_kind_are_quoted(bench: Bench) -> None:
    name = 'Wéird "x"\n); DROP TABLE items; --'
    bench.sql(f"CREATE TABLE {quote(name)} ({quote(name)} text)")
    before = storage(bench, quote(name))
    change = applied(
        bench, f"ALTER TABLE {quote(name)} SET (fillfactor = '55'), ALTER {quote(name)} SET STATISTICS 7"
    )  # fmt: skip
    assert storage(bench, quote(name))[-1] == (name, 7)
    undone(bench, change)
    assert storage(bench, quote(name)) == before
    assert bench.sql("SELECT count(*) FROM items") == [(20000,)]


def test_the_server_says_a_bound_as_a_sentence(bench: Bench) -> None:
    before = storage(bench)
    for value in ("5", "it''s; --", "E"):
        change = approved(bench, f"ALTER TABLE items SET (fillfactor = '{value}')")
        with pytest.raises(ChangeFailed, match=r"does not take this value|invalid value"):
            apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
        assert bench.journal.change(change.id).state is ChangeState.FAILED_CLEAN
    assert "between" in bench.journal.changes()[-1].detail["error"]
    assert storage(bench) == before


def test_a_partitioned_table_has_targets_of_its_own(bench: Bench) -> None:
    bench.sql("CREATE TABLE split (a int) PARTITION BY LIST (a); CREATE TABLE split_one PARTITION OF split DEFAULT")
    bench.sql("ALTER TABLE split_one ALTER a SET STATISTICS 3")
    change = applied(bench, "ALTER TABLE ONLY split ALTER a SET STATISTICS 9")
    assert (storage(bench, "split")[-1], storage(bench, "split_one")[-1]) == (("a", 9), ("a", 3))
    undone(bench, change)
    assert storage(bench, "split")[-1] in (("a", None), ("a", -1))


def test_a_materialized_view_has_options_too(bench: Bench) -> None:
    bench.sql("CREATE MATERIALIZED VIEW kept AS SELECT * FROM items")
    change = applied(bench, "ALTER MATERIALIZED VIEW kept SET (fillfactor = 60)")
    assert storage(bench, "kept")[0][0] == "{fillfactor=60}"
    undone(bench, change)
    assert storage(bench, "kept")[0][0] is None


def test_drift_is_refused_before_and_after(bench: Bench) -> None:
    change = approved(bench, "ALTER TABLE items SET (fillfactor = 80)")
    bench.sql("ALTER TABLE items SET (fillfactor = 61)")
    with pytest.raises(ChangeRefused, match="fillfactor is 61 now and was not set"):
        apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
    change = applied(bench, "ALTER TABLE items SET (fillfactor = 80)")
    bench.sql("ALTER TABLE items SET (fillfactor = 62, parallel_workers = 1)")
    with pytest.raises(ChangeRefused, match="fillfactor is 62 now and was 80"):
        undone(bench, change)
    bench.sql("ALTER TABLE items SET (fillfactor = 80)")
    undone(bench, change)
    assert storage(bench)[0][0] == "{autovacuum_enabled=off,parallel_workers=1,fillfactor=61}"
    bench.sql("DROP TABLE items; CREATE TABLE items (id int, note text)")
    with pytest.raises(ChangeRefused, match="it is another table"):
        apply_change(
            bench.journal, bench.spec, approved_before(bench, change.id), limits=bench.quick
        )  # fmt: skip


def approved_before(bench: Bench, original: str) -> str:
    """A change of the same table that was written when it was another one."""
    new = replace(bench.journal.change(original), id=uuid7(), state=ChangeState.PROPOSED)
    return give_approval(bench.journal, begin(bench.journal, new), SYSTEM).id


def test_a_missing_right_is_named(bench: Bench) -> None:
    with role(bench, "options_role") as spec:
        with pytest.raises(ChangeRefused, match=r'GRANT "\w+" TO "options_role"'):
            applied(bench, "ALTER TABLE items SET (fillfactor = 80)", spec)
        bench.sql("GRANT USAGE, CREATE ON SCHEMA public TO options_role; ALTER TABLE items OWNER TO options_role")
        assert applied(bench, "ALTER TABLE items SET (fillfactor = 80)", spec).state is ChangeState.VERIFYING
        bench.sql("ALTER TABLE items OWNER TO CURRENT_USER")


def test_the_lock_is_told_and_its_wait_is_bounded(bench: Bench) -> None:
    mild = approved(bench, "ALTER TABLE items SET (fillfactor = 80)")
    hard = approved(bench, "ALTER TABLE items SET (user_catalog_table = true)")
    told = line(preflight(bench.journal, bench.spec, mild.id), "lock")
    assert (told.level, "SHARE UPDATE EXCLUSIVE: reads and writes go on" in told.reason) == (Level.PASS, True)
    assert "500 ms at a time" in told.reason
    assert "ACCESS EXCLUSIVE: every read" in line(preflight(bench.journal, bench.spec, hard.id), "lock").reason
    with psycopg.connect(bench.dsn) as reader:
        reader.execute("SELECT 1 FROM items LIMIT 1")
        assert line(preflight(bench.journal, bench.spec, mild.id), "lock").level is Level.PASS
        assert line(preflight(bench.journal, bench.spec, hard.id), "lock").level is Level.WARN
        assert apply_change(bench.journal, bench.spec, mild.id).state is ChangeState.VERIFYING
        pauses: list[float] = []
        with pytest.raises(ChangeFailed, match="lock could not be had"):
            apply_change(
                bench.journal, bench.spec, hard.id, limits=bench.quick,
                pause=lambda seconds: bool(pauses.append(seconds)) or len(pauses) == 3,
            )  # fmt: skip
        assert len(pauses) == 3
    assert bench.journal.change(hard.id).state is ChangeState.FAILED_CLEAN


@pytest.mark.parametrize("fault", ["after_intent", "before_execute", "after_execute", "after_applied"])
def test_killed_while_setting_options(bench: Bench, fault: str) -> None:
    before = storage(bench)
    change = approved(bench, SEVERAL)
    killed(start(bench, "apply", change.id, fault))
    settle_all(bench)
    done = fault.startswith("after_e") or fault == "after_applied"
    assert bench.journal.change(change.id).state is (ChangeState.VERIFYING if done else ChangeState.FAILED_CLEAN)
    assert (storage(bench) == before) is not done
    if done:
        killed(start(bench, "rollback", change.id, fault))
        settle_all(bench)
        assert bench.journal.change(change.id).state is ChangeState.ROLLED_BACK
        assert storage(bench) == before


# --- any options on any table ---

VALUES: dict[str, tuple[str, ...]] = {
    "fillfactor": ("10", "70", "100"),
    "parallel_workers": ("0", "4"),
    "toast_tuple_target": ("128", "4000"),
    "autovacuum_enabled": ("off", "true", "FALSE"),
    "autovacuum_vacuum_threshold": ("0", "2147483647"),
    "autovacuum_vacuum_scale_factor": (".05", "0.20", "1e-2", "100"),
    "autovacuum_analyze_scale_factor": ("0", "0.5"),
    "autovacuum_vacuum_cost_delay": ("0", "2", "'1.5'"),
    "autovacuum_freeze_max_age": ("100000",),
    "log_autovacuum_min_duration": ("-1", "0"),
    "vacuum_index_cleanup": ("auto", "on"),
    "vacuum_truncate": ("false",),
    "user_catalog_table": ("true",),
    "toast.autovacuum_enabled": ("off",),
    "toast.autovacuum_vacuum_scale_factor": ("0.1", "0"),
    "toast.vacuum_truncate": ("false", "true"),
}


def random_statement(chance: random.Random, names: list[str], columns: list[str]) -> str:
    picked = chance.sample(names, chance.randint(1, 5))
    cut = chance.randint(0, len(picked))
    sets = ", ".join(f"{name} = {chance.choice(VALUES[name])}" for name in picked[:cut])
    parts = [f"SET ({sets})"] * bool(sets) + [f"RESET ({', '.join(picked[cut:])})"] * bool(picked[cut:])
    targets = chance.sample(columns, chance.randint(0, 2))
    parts += [f"ALTER {quote(name)} SET STATISTICS {chance.choice((-1, 0, 100, 10000))}" for name in targets]
    chance.shuffle(parts)
    return ", ".join(parts)


@pytest.mark.parametrize("rounds", [20, pytest.param(200, marks=pytest.mark.deep)])
@pytest.mark.parametrize("old", [False, True])
def test_any_options_come_back_byte_for_byte(
    rounds: int, old: bool, request: pytest.FixtureRequest, bench_on: Callable[[str], Any]
) -> None:
    bench = bench_on(request.getfixturevalue("fresh_old_db" if old else "fresh_db"))
    chance = random.Random(f"options {old}")
    done = 0
    for number in range(rounds):
        table, columns = quote(f"T {number} é"), ["a", "B b", "c"]
        bench.sql(f"CREATE TABLE {table} ({', '.join(f'{quote(column)} text' for column in columns)})")
        for _ in range(chance.randint(0, 2)):
            bench.sql(f"ALTER TABLE {table} {random_statement(chance, sorted(VALUES), columns)}")
        before = storage(bench, table)
        sql = f"ALTER TABLE {table} {random_statement(chance, sorted(VALUES), columns)}"
        with suppress(ChangeRefused):
            change = applied(bench, sql)
            done += 1
            assert storage(bench, table) != before, sql
            undone(bench, change)
        assert storage(bench, table) == before, sql
    assert done > rounds // 2
