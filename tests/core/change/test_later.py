"""A rollback tells of the changes that came later on the same object, by whatever name, and of no others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from optischema_tui.core.change.later import LINE
from optischema_tui.core.change.protocol import preflight_undo
from optischema_tui.core.change.withdraw import withdraw
from optischema_tui.core.models import Change, Check
from tests.core.change.kinds.of_settings import QUICK, Bench, bench_on, level, reason


@pytest.fixture
def bench(fresh_db: str, tmp_path: Path) -> Iterator[Bench]:
    with bench_on(fresh_db, tmp_path) as bench:
        bench.sql("CREATE TABLE items (id int, note text)")
        yield bench


def lines_of_undo(bench: Bench, change: Change) -> list[Check]:
    return list(preflight_undo(bench.journal, bench.spec, change.id, limits=QUICK))


def test_settings_of_one_place_and_no_other(bench: Bench) -> None:
    name = conninfo_to_dict(bench.dsn)["dbname"]
    first = bench.apply(f"ALTER DATABASE {name} SET work_mem = '12MB'")
    bench.apply(f"ALTER ROLE postgres IN DATABASE {name} SET work_mem = '14MB'")
    bench.apply(f"ALTER DATABASE {name} SET jit = off")
    assert level(lines_of_undo(bench, first), LINE) == "pass"
    second = bench.apply(f"ALTER DATABASE {name} SET work_mem = '13MB'")
    checks = lines_of_undo(bench, first)
    assert (level(checks, LINE), "database_setting" in reason(checks, LINE)) == ("warn", True)
    bench.undo(second)
    assert level(lines_of_undo(bench, first), LINE) == "pass", "what was undone is none, nor is its undo"


def test_an_undo_of_something_earlier_counts(bench: Bench) -> None:
    earlier = bench.apply("ALTER TABLE items SET (fillfactor = 80)")
    later = bench.apply("CREATE INDEX CONCURRENTLY items_id ON items (id)")
    assert level(lines_of_undo(bench, later), LINE) == "pass"
    assert level(lines_of_undo(bench, earlier), LINE) == "warn"
    bench.undo(earlier)
    assert level(lines_of_undo(bench, later), LINE) == "warn"


def test_one_table_under_two_names(bench: Bench) -> None:
    first = bench.apply("ALTER TABLE items SET (fillfactor = 80)")
    bench.sql("ALTER TABLE items RENAME TO things")
    bench.apply("CREATE INDEX CONCURRENTLY things_id ON things (id)")
    bench.sql("CREATE TABLE items (id int)")
    bench.apply("CREATE INDEX CONCURRENTLY items_id ON public.items (id)")
    bench.sql("DROP TABLE items")
    bench.sql("ALTER TABLE things RENAME TO items")
    said = reason(lines_of_undo(bench, first), LINE)
    assert "things_id" in said
    assert "items_id" not in said, "that was another table of this name"


def test_a_parent_and_its_partitions(bench: Bench) -> None:
    bench.sql("CREATE TABLE sale (id int, at int) PARTITION BY RANGE (at)")
    for number in (1, 2):
        bench.sql(f"CREATE TABLE sale_{number} PARTITION OF sale FOR VALUES FROM ({number}) TO ({number + 1})")
    leaf = bench.apply("CREATE INDEX CONCURRENTLY sale_1_id ON sale_1 (id)")
    parent = bench.apply("CREATE INDEX sale_at ON sale (at)")
    assert "sale_at" in reason(lines_of_undo(bench, leaf), LINE)
    assert level(lines_of_undo(bench, parent), LINE) == "pass"
    bench.apply("CREATE INDEX CONCURRENTLY sale_2_id ON sale_2 (id)")
    assert "sale_2_id" in reason(lines_of_undo(bench, parent), LINE)
    assert "sale_2_id" not in reason(lines_of_undo(bench, leaf), LINE)


def test_statistics_of_the_table_and_what_was_withdrawn(bench: Bench) -> None:
    made = bench.apply("CREATE STATISTICS items_both ON id, note FROM items")
    waiting = bench.approved("ALTER TABLE items SET (fillfactor = 70)")
    assert level(lines_of_undo(bench, made), LINE) == "pass", "it waits, and has done nothing"
    withdraw(bench.journal, waiting, "not needed")
    assert level(lines_of_undo(bench, made), LINE) == "pass"
    early = bench.approved("ALTER TABLE items SET (fillfactor = 60)")
    dropped = bench.apply("DROP STATISTICS items_both")
    bench.apply(early)
    assert "table_options" in reason(lines_of_undo(bench, dropped), LINE), "approved before it, carried out after it"
