"""REINDEX of one index or one table: rebuilt beside the old ones; what a broken rebuild leaves is taken away."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from optischema_tui.core.change.limits import Limits
from optischema_tui.core.change.protocol import apply_change, preflight, roll_back
from optischema_tui.core.change.written import propose_written
from optischema_tui.core.errors import ChangeFailed, ChangeRefused
from optischema_tui.core.models import Change, ChangeState, Check, Level
from tests.core.change.killable import Killable, run_change
from tests.core.change.kinds.of_indexes import indexes
from tests.core.change.kinds.of_tables import approved, line, role
from tests.core.change.test_killed import killed, settle_all

Bench = Any
"""See conftest of core/change."""

QUICK = Limits(build_lock_ms=20_000, cleanup_lock_ms=5_000)


@pytest.fixture
def bloated(bench: Bench) -> Bench:
    bench.sql("CREATE INDEX fat ON items (order_id, note)")
    bench.sql("DELETE FROM items WHERE id % 4 <> 0")
    return bench


def look(bench: Bench, change: Change) -> tuple[Check, ...]:
    return preflight(bench.journal, bench.spec, change.id, limits=bench.quick)


def go(bench: Bench, change: Change) -> Change:
    return apply_change(
        bench.journal, bench.spec, change.id, limits=bench.quick, pause=lambda seconds: False, typed=change.subject
    )


def oids(bench: Bench) -> dict[str, int]:
    return dict(bench.sql("SELECT indexrelid::regclass::text, indexrelid::int FROM pg_index"
                          " WHERE indrelid = 'items'::regclass"))  # fmt: skip


def test_one_index_is_rebuilt_and_is_smaller(bloated: Bench) -> None:
    before, numbers = indexes(bloated), oids(bloated)
    change = approved(bloated, "reindex index concurrently public.fat;")
    assert change.forward_sql == 'REINDEX INDEX CONCURRENTLY "public"."fat"'
    assert not change.inverse_sql
    assert "nothing to undo" in change.detail["cautions"][0]
    done = go(bloated, change)
    assert done.state is ChangeState.KEPT
    assert done.detail["bytes_after"] < done.detail["bytes_before"]
    assert "less" in done.detail["result"]
    assert indexes(bloated) == before
    now = oids(bloated)
    assert (now["fat"] != numbers["fat"], now["items_pkey"] == numbers["items_pkey"]) == (True, True)
    with pytest.raises(ChangeRefused, match="no way back"):
        roll_back(bloated.journal, bloated.spec, change.id)


def test_all_indexes_of_a_table_are_rebuilt_but_those_that_cannot(bloated: Bench) -> None:
    bloated.sql("ALTER TABLE items ADD CONSTRAINT alone EXCLUDE (id WITH =)")
    before, numbers = indexes(bloated), oids(bloated)
    change = approved(bloated, "REINDEX TABLE items")
    assert "alone" in change.detail["cautions"][1]
    assert go(bloated, change).state is ChangeState.KEPT
    assert indexes(bloated) == before
    assert {name for name, oid in oids(bloated).items() if oid == numbers[name]} == {"alone"}


def test_an_invalid_index_is_made_whole(bloated: Bench) -> None:
    with psycopg.connect(bloated.dsn) as writer:
        writer.execute("INSERT INTO items VALUES (-1, -1, 'z')")
        with psycopg.connect(bloated.dsn, autocommit=True) as builder:
            builder.execute("SET lock_timeout = 100")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                builder.execute("CREATE INDEX CONCURRENTLY broken ON items (id)")
    assert bloated.index_state("broken") == "invalid"
    assert go(bloated, approved(bloated, "REINDEX INDEX broken")).state is ChangeState.KEPT
    assert bloated.index_state("broken") == "valid"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("REINDEX DATABASE x", "One index or one table"),
        ("REINDEX SCHEMA public", "One index or one table"),
        ("REINDEX (VERBOSE) TABLE items", "options"),
        ("REINDEX items", "not understood"),
        ("REINDEX INDEX nowhere", "no index nowhere"),
        ("REINDEX INDEX items", "no index items"),
        ("REINDEX TABLE pg_class", "server's own"),
        ("REINDEX INDEX alone", "exclusion"),
        ("REINDEX TABLE split", "partitioned"),
        ("REINDEX INDEX fat CASCADE", "not understood from 'CASCADE'"),
    ],
)
def test_what_is_refused(bloated: Bench, text: str, why: str) -> None:
    bloated.sql("ALTER TABLE items ADD CONSTRAINT alone EXCLUDE (id WITH =)")
    bloated.sql("CREATE TABLE split (id int) PARTITION BY LIST (id)")
    with pytest.raises(ChangeRefused, match=why):
        propose_written(bloated.journal, bloated.spec, text)


def test_what_a_broken_rebuild_leaves_goes_and_nothing_else(bloated: Bench) -> None:
    """A snapshot holds the build up (_ccnew stays); an older remain of somebody else is not ours to take."""
    bloated.sql("CREATE INDEX fat_ccnew9 ON items (note)")
    bloated.sql("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'fat_ccnew9'::regclass")
    before = indexes(bloated)
    change = approved(bloated, "REINDEX INDEX fat")
    with psycopg.connect(bloated.dsn) as report:
        report.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        report.execute("SELECT 1")
        with pytest.raises(ChangeFailed, match="not made"):
            go(bloated, change)
    assert bloated.journal.change(change.id).state is ChangeState.FAILED_CLEAN
    assert indexes(bloated) == before
    assert go(bloated, change).state is ChangeState.KEPT
    assert indexes(bloated) == before


def test_a_reader_stops_it_after_the_swap_and_the_old_one_goes_later(bloated: Bench) -> None:
    before, numbers = indexes(bloated), oids(bloated)
    change = approved(bloated, "REINDEX TABLE items")
    with psycopg.connect(bloated.dsn) as reader:
        reader.execute("SELECT * FROM items LIMIT 1")
        with pytest.raises(ChangeFailed):
            go(bloated, change)
        assert bloated.journal.change(change.id).state is ChangeState.LEFTOVER
    assert settle_all(bloated) == ["done"]
    assert bloated.journal.change(change.id).state is ChangeState.KEPT
    assert indexes(bloated) == before
    assert oids(bloated)["fat"] != numbers["fat"]


@pytest.mark.parametrize("fault", ["after_intent", "during_build", "after_execute", "after_applied"])
def test_killed_while_rebuilding(bloated: Bench, fault: str) -> None:
    before, numbers = indexes(bloated), oids(bloated)
    change = approved(bloated, "REINDEX INDEX fat")
    with psycopg.connect(bloated.dsn) as blocker:
        if fault == "during_build":
            blocker.execute("INSERT INTO items VALUES (-1, -1, 'z')")
        words = ("apply", bloated.dsn, str(bloated.journal_path), change.id)
        more = {"limits": QUICK, "longest_pause": 0.0, "typed": change.subject}
        killed(Killable(run_change, *words, **more, fault=fault))
    settle_all(bloated)
    state = bloated.journal.change(change.id).state
    assert (oids(bloated)["fat"] != numbers["fat"]) == (state is ChangeState.KEPT)
    assert (state is ChangeState.FAILED_CLEAN) == (fault == "after_intent")
    assert indexes(bloated) == before
    assert settle_all(bloated) == []


def test_the_right_that_lacks_is_named(bloated: Bench) -> None:
    change = approved(bloated, "REINDEX INDEX fat")
    with role(bloated, "no_maintainer") as other:
        check = line(preflight(bloated.journal, other, change.id, limits=bloated.quick), "privilege")
        assert (check.level, "GRANT MAINTAIN ON public.items" in check.reason) == (Level.BLOCK, True)
        bloated.sql("GRANT MAINTAIN ON items TO no_maintainer")
        done = apply_change(bloated.journal, other, change.id, limits=bloated.quick, typed=change.subject)
        assert done.state is ChangeState.KEPT


def test_an_index_that_went_meanwhile_blocks(bloated: Bench) -> None:
    change = approved(bloated, "REINDEX INDEX fat")
    bloated.sql("DROP INDEX fat")
    assert line(look(bloated, change), "what is rebuilt").level is Level.BLOCK


def test_it_runs_on_an_older_server(bench_on: Any, fresh_old_db: str) -> None:
    bench = bench_on(fresh_old_db)
    before = indexes(bench)
    assert go(bench, approved(bench, "REINDEX TABLE items")).state is ChangeState.KEPT
    assert indexes(bench) == before
