"""Where the right answer is "nothing", nothing is recommended; and where it is an index, that index is."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest

from optischema_tui.core.advise.advisor import advise
from optischema_tui.core.advise.result import Advice
from optischema_tui.core.lab.lab import Lab
from optischema_tui.core.lab.reader import read_image
from tests.core.advise.traps.schemas import CONTROLS, TRAPS, Trap


@pytest.fixture(scope="module")
def ask(server, binaries) -> Iterator[Callable[[Trap], Advice]]:
    """Advice on one trap, from a lab that knows all of them."""
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute("DROP DATABASE IF EXISTS advise_traps WITH (FORCE)")
        session.execute("CREATE DATABASE advise_traps")
    unanalyzed = {trap.name for trap in TRAPS if not trap.analyzed}
    with psycopg.connect(server.dsn("advise_traps"), autocommit=True) as session:
        for trap in (*TRAPS, *CONTROLS):
            session.execute(trap.setup)
        for (table,) in session.execute("SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p')"
                                        " AND relnamespace = 'public'::regnamespace").fetchall():  # fmt: skip
            if table not in unanalyzed:
                session.execute(f"VACUUM ANALYZE {table}")
        image = read_image(session)
    facts = image.facts()
    with Lab.build(image, binaries) as lab:
        yield lambda trap: advise(trap.statements, facts, lab, target="t")
    with psycopg.connect(server.dsn(), autocommit=True) as session:
        session.execute("DROP DATABASE advise_traps WITH (FORCE)")


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.name)
def test_nothing_is_recommended(ask, trap):
    advice = ask(trap)
    assert [rec.forward_sql for rec in advice.recommendations] == []
    assert advice.planned + advice.left_out + len(advice.unplanned) == len(trap.statements)


def test_there_are_enough_traps():
    assert len(TRAPS) >= 20
    assert len({trap.name for trap in (*TRAPS, *CONTROLS)}) == len(TRAPS) + len(CONTROLS)


def test_a_missing_index_is_found_among_them(ask):
    advice = ask(CONTROLS[0])
    assert [rec.spec.columns for rec in advice.recommendations] == [("a",)]


def test_the_hope_of_an_early_stop_is_not_believed(ask):
    """To the planner an index on the order alone would do: it hopes to meet five of the owner's rows soon."""
    (rec,) = ask(CONTROLS[1]).recommendations
    assert rec.spec.columns[:2] == ("owner", "at")
