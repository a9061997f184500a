"""Extended statistics: made and filled, dropped and brought back as they were, byte for byte."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from optischema_tui.core.change.protocol import apply_change, preflight
from optischema_tui.core.change.written import propose_written
from optischema_tui.core.errors import ChangeFailed, ChangeRefused
from optischema_tui.core.models import ChangeState, Level, quote
from tests.core.change.kinds.of_tables import Bench, applied, approved, line, objects, role, undone
from tests.core.change.test_killed import killed, settle_all, start

MAKE = "CREATE STATISTICS pair (ndistinct, mcv) ON order_id, note FROM items"
WEIRD = 'Wéird "x"\n); DROP TABLE items; --'


def filled(bench: Bench, name: str = "pair") -> bool:
    return bool(
        bench.sql(
            "SELECT 1 FROM pg_statistic_ext_data d JOIN pg_statistic_ext s ON s.oid = d.stxoid WHERE stxname = %s", name
        )
    )


@pytest.mark.parametrize(
    ("sql", "step"),
    [
        (MAKE, 'CREATE STATISTICS "public"."pair" (ndistinct, mcv) ON "order_id", "note" FROM "public"."items"'),
        (
            "create statistics public.S on ID, (lower( note /* x */ )), length(note) from public.items;",
            'CREATE STATISTICS "public"."s" ON "id", (lower( note )), (length(note)) FROM "public"."items"',
        ),
        ("CREATE STATISTICS s ON (lower(note)) FROM items",
         'CREATE STATISTICS "public"."s" ON (lower(note)) FROM "public"."items"'),
        ("CREATE STATISTICS s ON (id), note FROM items",
         'CREATE STATISTICS "public"."s" ON "id", "note" FROM "public"."items"'),
    ],
)  # fmt: skip
def test_what_is_written_is_made_filled_and_undone(bench: Bench, sql: str, step: str) -> None:
    before = objects(bench)
    change = applied(bench, sql)
    assert change.steps == (step, 'ANALYZE "public"."items"')
    assert change.state is ChangeState.VERIFYING
    assert filled(bench, change.detail["object"]["name"])
    assert undone(bench, change).state is ChangeState.ROLLED_BACK
    assert objects(bench) == before


REFUSED = (
    ("CREATE STATISTICS ON id, note FROM items", "no name"),
    ("CREATE STATISTICS IF NOT EXISTS s ON id, note FROM items", "IF NOT EXISTS"),
    ("CREATE STATISTICS s (histogram) ON id, note FROM items", "not a kind of statistics"),
    ("CREATE STATISTICS s ON note FROM items", "two columns or more"),
    ("CREATE STATISTICS s (mcv) ON (lower(note)) FROM items", "two columns or more"),
    ("CREATE STATISTICS s ON id, id FROM items", "twice"),
    ("CREATE STATISTICS s ON id, (pg_sleep(1)) FROM items", "calls pg_sleep"),
    ("CREATE STATISTICS s ON id, (SELECT 1) FROM items", "not accepted"),
    ("CREATE STATISTICS s ON id, public.f(note) FROM items", "not understood"),
    ("CREATE STATISTICS s ON id, evil(note) FROM items", "calls evil"),
    ("CREATE STATISTICS s ON id, note FROM items, items", "not understood"),
    ("CREATE STATISTICS s ON id, note FROM items; DROP TABLE items", "one whole statement"),
    ("CREATE STATISTICS s ON id, (lower(note) FROM items", "."),
    ("CREATE STATISTICS s ON id, note FROM nowhere", "no table"),
    ("CREATE STATISTICS " + "s" * 64 + " ON id, note FROM items", "63 bytes"),
    ("CREATE STATISTICS s ON " + ", ".join(f"c{n}" for n in range(9)) + " FROM items", "at most 8"),
    ("DROP STATISTICS nowhere", "no statistics nowhere"),
    ("DROP STATISTICS a, b", "one object is one change"),
    ("DROP STATISTICS a CASCADE", "not understood"),
)


def test_what_is_refused_says_why(bench: Bench) -> None:
    for sql, why in REFUSED:
        with pytest.raises(ChangeRefused) as refused:
            propose_written(bench.journal, bench.spec, sql)
        assert re.search(why, refused.value.sentence), (sql, refused.value.sentence)
    assert bench.journal.changes() == ()


def test_a_drop_comes_back_with_target_comment_and_owner(bench: Bench) -> None:
    bench.sql("CREATE ROLE keeper; CREATE SCHEMA apart; GRANT CREATE, USAGE ON SCHEMA apart TO keeper")
    try:
        bench.sql("CREATE STATISTICS apart.s ON id, (lower(note)), note FROM items")
        bench.sql("ALTER STATISTICS apart.s SET STATISTICS 321; ALTER STATISTICS apart.s OWNER TO keeper")
        bench.sql("COMMENT ON STATISTICS apart.s IS E'it''s a \\\\ \"note\"\\n; DROP TABLE items'")
        before = objects(bench)
        change = applied(bench, "DROP STATISTICS IF EXISTS apart.s RESTRICT")
        assert objects(bench) == []
        assert len(change.undo_steps) == 5
        undone(bench, change)
        assert objects(bench) == before
        assert filled(bench, "s")
    finally:
        bench.sql("DROP OWNED BY keeper CASCADE; DROP ROLE keeper")


def test_names_of_any_kind_are_quoted(bench: Bench) -> None:
    bench.sql(f"CREATE SCHEMA {quote(WEIRD)}; CREATE TABLE {quote(WEIRD)}.{quote(WEIRD)} ({quote(WEIRD)} int, b text)")
    table = f"{quote(WEIRD)}.{quote(WEIRD)}"
    change = applied(bench, f"CREATE STATISTICS {table} ON {quote(WEIRD)}, (lower(b)) FROM {table}")
    made = objects(bench)
    dropped = applied(bench, f"DROP STATISTICS {table}")
    undone(bench, dropped)
    assert objects(bench) == made
    undone(bench, change)
    assert objects(bench) == []


def test_drift_is_refused(bench: Bench) -> None:
    change = approved(bench, MAKE)
    bench.sql("CREATE STATISTICS pair ON id, note FROM items")
    with pytest.raises(ChangeRefused, match="Other statistics have the name"):
        apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
    bench.sql("DROP STATISTICS pair; CREATE STATISTICS pair (ndistinct, mcv) ON order_id, note FROM items")
    with pytest.raises(ChangeRefused, match=r'The statistics "public"\."pair" exist'):
        apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
    drop = approved(bench, "DROP STATISTICS pair")
    for drifted, why in (
        ("ALTER STATISTICS pair SET STATISTICS 9", "target is 9, not -1"),
        ("COMMENT ON STATISTICS pair IS 'mine'", "target is 9|comment is another"),
        ("DROP STATISTICS pair", "There are no statistics"),
    ):
        bench.sql(drifted)
        with pytest.raises(ChangeRefused, match=why):
            apply_change(bench.journal, bench.spec, drop.id, limits=bench.quick)


def test_the_undo_of_what_somebody_else_changed_is_refused(bench: Bench) -> None:
    change = applied(bench, MAKE)
    bench.sql("ALTER STATISTICS pair SET STATISTICS 9")
    with pytest.raises(ChangeRefused, match="target is 9, not -1"):
        undone(bench, change)
    bench.sql("DROP STATISTICS pair")
    assert undone(bench, change).state is ChangeState.ROLLED_BACK


def test_missing_rights_are_named_for_both_ways(bench: Bench) -> None:
    with role(bench, "statistician") as spec:
        bench.sql("GRANT USAGE ON SCHEMA public TO statistician")
        with pytest.raises(ChangeRefused, match=r'GRANT "\w+" TO "statistician"; GRANT CREATE ON SCHEMA "public"'):
            applied(bench, "CREATE STATISTICS public.pair ON id, note FROM items", spec)
        bench.sql("GRANT CREATE ON SCHEMA public TO statistician; ALTER TABLE items OWNER TO statistician")
        change = applied(bench, MAKE, spec)
        assert change.state is ChangeState.VERIFYING
        bench.sql("REVOKE CREATE ON SCHEMA public FROM statistician")
        with pytest.raises(ChangeRefused, match='GRANT CREATE ON SCHEMA "public" TO "statistician"'):
            applied(bench, "DROP STATISTICS pair", spec)
        bench.sql("ALTER TABLE items OWNER TO CURRENT_USER")


def test_a_strangers_function_of_the_same_name_blocks(bench: Bench) -> None:
    with role(bench, "stranger_of_statistics"):
        bench.sql("GRANT CREATE ON SCHEMA public TO stranger_of_statistics")
        bench.sql("SET ROLE stranger_of_statistics; CREATE FUNCTION public.lower(varchar) RETURNS text IMMUTABLE"
                  " LANGUAGE sql AS $$SELECT 'x'::text$$")  # fmt: skip
        with pytest.raises(ChangeRefused, match=r"the function public\.lower of role stranger_of_statistics"):
            applied(bench, "CREATE STATISTICS s ON id, lower(note) FROM items")


def test_what_is_partly_made_is_carried_on_with_or_rolled_back(bench: Bench) -> None:
    """The ANALYZE after it cannot have its lock: the statistics are there, and empty."""
    for again in (True, False):
        change = approved(bench, MAKE)
        half_way = HalfWay(bench)
        with pytest.raises(ChangeFailed, match="what is left: analyze"):
            apply_change(half_way.journal, bench.spec, change.id, limits=bench.quick, pause=lambda seconds: False)
        half_way.other.close()
        assert bench.journal.change(change.id).state is ChangeState.LEFTOVER
        assert (len(objects(bench)), filled(bench)) == (1, False)
        if again:
            carried = apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
            assert carried.state is ChangeState.VERIFYING
            assert filled(bench)
            change = carried
        undone(bench, change)
        assert objects(bench) == []


class HalfWay:
    """A journal that lets somebody lock the table when the second statement of a change is announced."""

    def __init__(self, bench: Bench) -> None:
        self.other = psycopg.connect(bench.dsn)
        self.steps = 0
        outer = self

        class Watched:
            def __getattr__(self, name: str) -> Any:
                return getattr(bench.journal, name)

            def save(self, change: Any, event: str, body: Any, **more: Any) -> Any:
                outer.steps += event == "change.executing"
                if event == "change.executing" and outer.steps == 2:
                    outer.other.execute("LOCK TABLE items IN SHARE MODE")
                return bench.journal.save(change, event, body, **more)

        self.journal: Any = Watched()


FAULTS = ("after_intent", "before_execute", "after_execute", "after_applied", "after_verify")


@pytest.mark.parametrize("fault", FAULTS)
def test_killed_while_making(bench: Bench, fault: str) -> None:
    change = approved(bench, MAKE)
    killed(start(bench, "apply", change.id, fault))
    settle_all(bench)
    state = bench.journal.change(change.id).state
    expected = {
        "after_intent": (ChangeState.FAILED_CLEAN, 0, False),
        "before_execute": (ChangeState.FAILED_CLEAN, 0, False),
        "after_execute": (ChangeState.LEFTOVER, 1, False),
    }.get(fault, (ChangeState.VERIFYING, 1, True))
    assert (state, len(objects(bench)), filled(bench)) == expected
    if state is not ChangeState.VERIFYING:
        again = apply_change(bench.journal, bench.spec, change.id, limits=bench.quick)
        assert again.state is ChangeState.VERIFYING
        assert filled(bench)
    assert len(objects(bench)) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_killed_while_bringing_back(bench: Bench, fault: str) -> None:
    bench.sql("CREATE STATISTICS pair ON id, note FROM items; ALTER STATISTICS pair SET STATISTICS 7")
    bench.sql("COMMENT ON STATISTICS pair IS 'a pair'")
    before = objects(bench)
    change = applied(bench, "DROP STATISTICS pair")
    killed(start(bench, "rollback", change.id, fault))
    settle_all(bench)
    if bench.journal.change(change.id).state is not ChangeState.ROLLED_BACK:
        undone(bench, change)
    assert bench.journal.change(change.id).state is ChangeState.ROLLED_BACK
    assert objects(bench) == before
    assert filled(bench)


def test_the_lock_is_told(bench: Bench) -> None:
    change = approved(bench, MAKE)
    told = line(preflight(bench.journal, bench.spec, change.id), "lock")
    assert (told.level, "SHARE UPDATE EXCLUSIVE" in told.reason) == (Level.PASS, True)


# --- any statistics of any table ---

EXPRESSIONS = (
    "(lower(b))",
    "(a + 1)",
    "(a * 2 - c)",
    "(coalesce(b, 'x'))",
    "(length(b) % 7)",
    "(c::text)",
    "(d IS NULL)",
)
KINDS = ("", "(ndistinct)", "(mcv, dependencies)", "(dependencies, mcv, ndistinct)")


@pytest.mark.parametrize("rounds", [10, pytest.param(200, marks=pytest.mark.deep)])
@pytest.mark.parametrize("old", [False, True])
def test_any_statistics_come_back_byte_for_byte(
    rounds: int, old: bool, request: pytest.FixtureRequest, bench_on: Callable[[str], Any]
) -> None:
    """Made by the program and undone; dropped by it and undone: the catalog is as it was each time."""
    bench = bench_on(request.getfixturevalue("fresh_old_db" if old else "fresh_db"))
    chance = random.Random(f"statistics {old}")
    for number in range(rounds):
        table = f"{quote(f'S {number} é')}.{quote('T t')}"
        bench.sql(f"CREATE SCHEMA {quote(f'S {number} é')}; CREATE TABLE {table} (a int, b text, c int, d int)")
        items = chance.sample(["a", "b", "c", "d", *EXPRESSIONS], chance.randint(2, 6))
        name = f"{quote(f'S {number} é')}.{quote(chance.choice(('s', 'S s', 'ß')))}"
        before = objects(bench)
        change = applied(bench, f"CREATE STATISTICS {name} {chance.choice(KINDS)} ON {', '.join(items)} FROM {table}")
        if chance.random() < 0.5:
            undone(bench, change)
            assert objects(bench) == before, items
            continue
        if chance.random() < 0.5:
            bench.sql(f"ALTER STATISTICS {name} SET STATISTICS {chance.choice((0, 1, 10000))}")
        if chance.random() < 0.5:
            bench.sql(f"COMMENT ON STATISTICS {name} IS 'é ''x'' \\ %'".replace("%", "%%"))
        made = objects(bench)
        undone(bench, applied(bench, f"DROP STATISTICS {name}"))
        assert objects(bench) == made, items
